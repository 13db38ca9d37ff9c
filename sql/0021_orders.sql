-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- orders - every order that was ever accepted, as it is now.  Only the settler
-- writes it.
--
-- Ids are the core's: version 7 UUIDs, which sort by time of acceptance, so that
-- (user_id, id) is a user's orders in order of time.  Numbers are those of
-- wire/order.h:
--   side    0 buy, 1 sell
--   type    0 limit, 1 market, 2 stop-loss, 3 take-profit
--   tif     0 GTC, 1 IOC, 2 FOK
--   status  0 open, 1 waiting for its trigger, 2 filled, 3 cancelled
--   reason  why it ended (enum close_reason)
-- price 0: none.  quote is the quote amount of what was filled, so that the
-- average price is quote / filled.

CREATE TABLE IF NOT EXISTS orders (
	id BINARY(16) NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	instrument_id SMALLINT UNSIGNED NOT NULL,
	side TINYINT UNSIGNED NOT NULL,
	type TINYINT UNSIGNED NOT NULL,
	tif TINYINT UNSIGNED NOT NULL,
	stp TINYINT UNSIGNED NOT NULL,
	flags TINYINT UNSIGNED NOT NULL,
	status TINYINT UNSIGNED NOT NULL,
	reason TINYINT UNSIGNED NOT NULL,
	price DECIMAL(20,8) NOT NULL,
	quantity DECIMAL(20,8) NOT NULL,
	quote_budget DECIMAL(20,8) NOT NULL,
	stop_price DECIMAL(20,8) NOT NULL,
	filled DECIMAL(20,8) NOT NULL,
	quote DECIMAL(20,8) NOT NULL,
	fee DECIMAL(20,8) NOT NULL,
	client_id VARCHAR(47) NULL,
	opened_at DATETIME(6) NOT NULL,
	triggered_at DATETIME(6) NULL,
	closed_at DATETIME(6) NULL,
	updated_at DATETIME(6) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	PRIMARY KEY (id),
	KEY orders_user_time (user_id, id),
	KEY orders_user_status (user_id, status, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
