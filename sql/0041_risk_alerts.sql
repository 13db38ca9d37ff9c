-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- risk_alerts - that a user came near a limit of his, or reached it.
--
-- A row a limit, instrument and level, from when the level was reached until it
-- was left again: resolved_at NULL means that it is still so.
--
-- limit_id       risk_limits.public_id; sixteen zero bytes: the account may only
--                reduce its positions
-- level          1 the warning threshold, 2 the critical one, 3 the limit itself
-- instrument_id  whose position it is; 65535: none
-- current_value, limit_value
--                in the limit's own measure; current_value follows while it lasts

CREATE TABLE IF NOT EXISTS risk_alerts (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	limit_id BINARY(16) NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	level TINYINT UNSIGNED NOT NULL,
	alert_type VARCHAR(40) NOT NULL,
	message VARCHAR(255) NOT NULL,
	current_value DECIMAL(20,8) NOT NULL,
	limit_value DECIMAL(20,8) NOT NULL,
	triggered_at DATETIME(6) NOT NULL,
	resolved_at DATETIME(6) NULL,
	PRIMARY KEY (id),
	UNIQUE KEY risk_alerts_public_id (public_id),
	KEY risk_alerts_user (user_id, resolved_at),
	KEY risk_alerts_active (resolved_at, user_id),
	KEY risk_alerts_limit (limit_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
