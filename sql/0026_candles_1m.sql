-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- candles_1m - the house's own trades by the minute of their execution; a minute
-- without a trade has no row.  Only the settler writes it.

CREATE TABLE IF NOT EXISTS candles_1m (
	instrument_id SMALLINT UNSIGNED NOT NULL,
	minute DATETIME(6) NOT NULL,
	open DECIMAL(20,8) NOT NULL,
	high DECIMAL(20,8) NOT NULL,
	low DECIMAL(20,8) NOT NULL,
	close DECIMAL(20,8) NOT NULL,
	volume DECIMAL(38,8) NOT NULL,
	quote_volume DECIMAL(38,8) NOT NULL,
	trades INT UNSIGNED NOT NULL,
	PRIMARY KEY (instrument_id, minute)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
