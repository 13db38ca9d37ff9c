-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- candles_1h - the same trades as in candles_1m, by the hour, so that a long range
-- need not be added up from minutes.  Written in the same transaction.  Only the
-- settler writes it.

CREATE TABLE IF NOT EXISTS candles_1h (
	instrument_id SMALLINT UNSIGNED NOT NULL,
	hour DATETIME(6) NOT NULL,
	open DECIMAL(20,8) NOT NULL,
	high DECIMAL(20,8) NOT NULL,
	low DECIMAL(20,8) NOT NULL,
	close DECIMAL(20,8) NOT NULL,
	volume DECIMAL(38,8) NOT NULL,
	quote_volume DECIMAL(38,8) NOT NULL,
	trades INT UNSIGNED NOT NULL,
	PRIMARY KEY (instrument_id, hour)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was settled before there was such a table.
INSERT IGNORE INTO candles_1h (instrument_id, hour, open, high, low, close, volume,
	quote_volume, trades)
SELECT g.instrument_id, g.hour, f.open, g.high, g.low, l.close, g.volume,
	g.quote_volume, g.trades
FROM (SELECT instrument_id,
		CAST(DATE_FORMAT(minute, '%Y-%m-%d %H:00:00') AS DATETIME) AS hour,
		MIN(minute) AS first, MAX(minute) AS last, MAX(high) AS high,
		MIN(low) AS low, SUM(volume) AS volume,
		SUM(quote_volume) AS quote_volume, SUM(trades) AS trades
	FROM candles_1m GROUP BY 1, 2) g
JOIN candles_1m f ON f.instrument_id = g.instrument_id AND f.minute = g.first
JOIN candles_1m l ON l.instrument_id = g.instrument_id AND l.minute = g.last;
