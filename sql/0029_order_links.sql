-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- order_links - which strategy or bot an order is of.
--
-- The core knows neither.  A row is written before the order is sent, with the
-- client id that the order has, and is given the order's id once that is known;
-- a refused order's row is deleted.  Whoever dies in between leaves a row
-- without order_id, which workerd brings to its order by user, client id and
-- time, or deletes when there is none.

CREATE TABLE IF NOT EXISTS order_links (
	id BINARY(16) NOT NULL,
	user_id INT UNSIGNED NOT NULL,
	client_id VARCHAR(47) NOT NULL,
	order_id BINARY(16) NULL,
	strategy_id BINARY(16) NULL,
	bot_id BINARY(16) NULL,
	created_at DATETIME(6) NOT NULL,
	PRIMARY KEY (id),
	UNIQUE KEY order_links_order (order_id),
	KEY order_links_strategy (user_id, strategy_id, order_id),
	KEY order_links_bot (user_id, bot_id, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
