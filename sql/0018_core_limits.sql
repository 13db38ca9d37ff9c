-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_limits - risk limits that the core enforces.  Only the settler writes it.
--
-- type: 0 order size, 1 open orders, 2 position size, 3 daily loss.  instrument_id
-- 65535: any.  value: money, or a count for open orders; a lifted limit is 0.

CREATE TABLE IF NOT EXISTS core_limits (
	user_id INT UNSIGNED NOT NULL,
	type TINYINT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	value DECIMAL(20,8) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id, type, instrument_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
