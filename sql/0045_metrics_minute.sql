-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- metrics_minute - the figures of each component, one row a figure and period (a
-- minute, unless set otherwise), kept for a day.  A name that ends with _total is
-- a counter since its program's start; any other is as of that time.

CREATE TABLE IF NOT EXISTS metrics_minute (
	at DATETIME(6) NOT NULL,
	component VARCHAR(16) NOT NULL,
	metric VARCHAR(64) NOT NULL,
	value DECIMAL(20,3) NOT NULL,
	PRIMARY KEY (at, component, metric),
	KEY metrics_minute_metric (component, metric, at)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
