-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- metrics_hour - the same by the hour that begins at that time, kept for 30 days:
-- the average of the hour's rows in metrics_minute; of a counter, the last of them.

CREATE TABLE IF NOT EXISTS metrics_hour (
	at DATETIME(6) NOT NULL,
	component VARCHAR(16) NOT NULL,
	metric VARCHAR(64) NOT NULL,
	value DECIMAL(20,3) NOT NULL,
	PRIMARY KEY (at, component, metric),
	KEY metrics_hour_metric (component, metric, at)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin;
