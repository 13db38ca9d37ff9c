-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- withdrawals - what was asked for and what people decided.
--
-- Whether the amount is held, paid or released is the core's word, in
-- core_withdrawals under the same public id.
--
-- new: not held yet; pending: held, waits for a decision; approved, rejected,
-- cancelled: decided; refused: the core would not hold it.

CREATE TABLE IF NOT EXISTS withdrawals (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	asset_id SMALLINT UNSIGNED NOT NULL,
	amount DECIMAL(20,8) NOT NULL,
	address VARCHAR(128) NOT NULL,
	usd_value DECIMAL(20,8) NULL,
	deciders_needed TINYINT UNSIGNED NOT NULL DEFAULT 1,
	state ENUM('new', 'pending', 'approved', 'rejected', 'cancelled',
		'refused') NOT NULL DEFAULT 'new',
	reason VARCHAR(255) NOT NULL DEFAULT '',
	requested_at DATETIME(6) NOT NULL,
	decided_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY withdrawals_public_id (public_id),
	KEY withdrawals_state (state, requested_at),
	KEY withdrawals_user (user_id, requested_at),
	CONSTRAINT withdrawals_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id),
	CONSTRAINT withdrawals_amount CHECK (amount > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
