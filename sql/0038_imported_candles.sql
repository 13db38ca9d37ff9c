-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- imported_candles - candles of outside venues, and what follows from them.
--
-- step_s is 0 for a candle as it was imported.  A series that is finer than an hour
-- also has its candles by the hour (3600), one finer than a day those by the day
-- (86400), added up in the transaction of the import, so that a long range need not
-- be added up when it is read.  An interval without a candle has no row.

CREATE TABLE IF NOT EXISTS imported_candles (
	series_id INT UNSIGNED NOT NULL,
	step_s INT UNSIGNED NOT NULL,
	opened_at DATETIME(6) NOT NULL,
	open DECIMAL(20,8) NOT NULL,
	high DECIMAL(20,8) NOT NULL,
	low DECIMAL(20,8) NOT NULL,
	close DECIMAL(20,8) NOT NULL,
	volume DECIMAL(38,8) NOT NULL,
	PRIMARY KEY (series_id, step_s, opened_at),
	CONSTRAINT imported_candles_series FOREIGN KEY (series_id)
		REFERENCES candle_series (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
