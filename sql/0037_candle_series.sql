-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- candle_series - what outside candles were imported: of which venue and symbol, at
-- which interval.
--
-- symbol_key is the symbol without its slash, in capitals, by which it is found.

CREATE TABLE IF NOT EXISTS candle_series (
	id INT UNSIGNED NOT NULL AUTO_INCREMENT,
	exchange VARCHAR(32) NOT NULL,
	symbol VARCHAR(24) NOT NULL,
	symbol_key VARCHAR(24) NOT NULL,
	interval_s INT UNSIGNED NOT NULL,
	created_at DATETIME(6) NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY candle_series_name (exchange, symbol_key, interval_s)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
