-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- order_names - which orders did this user call so?  Only the settler writes it.
--
-- Of the orders that have a client id, which in an index of orders all others pay
-- for too.  The same may be had again, a day later.

CREATE TABLE IF NOT EXISTS order_names (
	user_id INT UNSIGNED NOT NULL,
	client_id VARCHAR(47) NOT NULL,
	order_id BINARY(16) NOT NULL,
	PRIMARY KEY (user_id, client_id, order_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What was settled before there was such a table.
INSERT IGNORE INTO order_names (user_id, client_id, order_id)
SELECT user_id, client_id, id FROM orders WHERE client_id IS NOT NULL;
