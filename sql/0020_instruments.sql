-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- instruments - what can be traded, on which terms; id is the core's number.  Only
-- the settler writes it.
--
-- Rates, band and collar are parts of 10^6.  status: 0 trading, 1 halted, 2
-- cancel-only, 3 delisted.

CREATE TABLE IF NOT EXISTS instruments (
	id SMALLINT UNSIGNED NOT NULL,
	symbol VARCHAR(24) NOT NULL,
	base_id SMALLINT UNSIGNED NOT NULL,
	quote_id SMALLINT UNSIGNED NOT NULL,
	fee_asset_id SMALLINT UNSIGNED NOT NULL,
	tick DECIMAL(20,8) NOT NULL,
	lot DECIMAL(20,8) NOT NULL,
	min_notional DECIMAL(20,8) NOT NULL,
	maker_rate INT UNSIGNED NOT NULL,
	taker_rate INT UNSIGNED NOT NULL,
	band_low INT UNSIGNED NOT NULL,
	band_high INT UNSIGNED NOT NULL,
	collar INT UNSIGNED NOT NULL,
	status TINYINT UNSIGNED NOT NULL,
	reference_price DECIMAL(20,8) NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	KEY instruments_symbol (symbol)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
