-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- risk_limits - what users set themselves; the core enforces the strictest of
-- those that bound the same (core_limits).
--
-- type           0 the value of an instrument's position, 1 of one order, both in
--                its quote asset; 2 the loss of a UTC day and 5 the value of a
--                position, in money of account; 3 a drawdown, as a part of the
--                peak (0.2 is 20 %); 4 a count of open orders
-- instrument_id  65535: any
-- warning_threshold, critical_threshold
--                in percent of value: from there on an alert is raised

CREATE TABLE IF NOT EXISTS risk_limits (
	id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
	public_id BINARY(16) NOT NULL,
	user_id BIGINT UNSIGNED NOT NULL,
	type TINYINT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	value DECIMAL(20,8) NOT NULL,
	warning_threshold DECIMAL(20,8) NOT NULL,
	critical_threshold DECIMAL(20,8) NOT NULL,
	enabled TINYINT(1) NOT NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY risk_limits_public_id (public_id),
	KEY risk_limits_user (user_id, id),
	KEY risk_limits_enabled (enabled, user_id),
	CONSTRAINT risk_limits_user_fk FOREIGN KEY (user_id)
		REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
