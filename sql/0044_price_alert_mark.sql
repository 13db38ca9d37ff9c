-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- price_alert_mark - one row: every trade up to this one has been held against
-- the price alerts.

CREATE TABLE IF NOT EXISTS price_alert_mark (
	id TINYINT UNSIGNED NOT NULL,
	trade_id BINARY(16) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
