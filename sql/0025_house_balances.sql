-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- house_balances - the accounts that are no customer's: 1 fees, 2 the outside
-- world (minus what customers brought in), 3 corrections.  Only the settler writes
-- it.

CREATE TABLE IF NOT EXISTS house_balances (
	account TINYINT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	balance DECIMAL(20,8) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (account, asset_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
