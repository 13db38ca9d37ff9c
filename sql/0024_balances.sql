-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- balances - a customer's money as it is now.  Only the settler writes it.

CREATE TABLE IF NOT EXISTS balances (
	user_id INT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	available DECIMAL(20,8) NOT NULL,
	held DECIMAL(20,8) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id, asset_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
