-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_withdrawals - the core's word on a withdrawal.  Only the settler writes it.
--
-- state: 0 held, 1 paid, 2 released.

CREATE TABLE IF NOT EXISTS core_withdrawals (
	public_id BINARY(16) NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	amount DECIMAL(20,8) NOT NULL,
	state TINYINT UNSIGNED NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (public_id),
	KEY core_withdrawals_user (user_id, seq),
	KEY core_withdrawals_state (state, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
