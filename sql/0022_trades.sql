-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- trades - one row a trade, with both its sides.  Insert-only.  Only the settler
-- writes it.
--
-- Ids sort by time.  A user's trades are those of his as maker and those as taker:
-- two ranges of two indexes.  An order's trades are looked up among its user's,
-- from the order's time on.

CREATE TABLE IF NOT EXISTS trades (
	id BINARY(16) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	taker_side TINYINT UNSIGNED NOT NULL,
	price DECIMAL(20,8) NOT NULL,
	quantity DECIMAL(20,8) NOT NULL,
	quote DECIMAL(20,8) NOT NULL,
	maker_user INT UNSIGNED NOT NULL,
	maker_order BINARY(16) NOT NULL,
	maker_fee DECIMAL(20,8) NOT NULL,
	taker_user INT UNSIGNED NOT NULL,
	taker_order BINARY(16) NOT NULL,
	taker_fee DECIMAL(20,8) NOT NULL,
	executed_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	KEY trades_instrument (instrument_id, id),
	KEY trades_maker (maker_user, id),
	KEY trades_taker (taker_user, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
