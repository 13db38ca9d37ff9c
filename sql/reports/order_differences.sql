-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_order_differences - orders whose fills are not the sum of their trades.
-- Must be empty.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_order_differences AS
SELECT both_sides.order_id,
	SUM(both_sides.filled) AS filled, SUM(both_sides.traded) AS traded,
	SUM(both_sides.quote) AS quote,
	SUM(both_sides.traded_quote) AS traded_quote,
	SUM(both_sides.fee) AS fee, SUM(both_sides.traded_fee) AS traded_fee
FROM (
	SELECT id AS order_id, filled, quote, fee, 0 AS traded,
		0 AS traded_quote, 0 AS traded_fee
	FROM orders
	UNION ALL
	SELECT maker_order, 0, 0, 0, quantity, quote, maker_fee FROM trades
	UNION ALL
	SELECT taker_order, 0, 0, 0, quantity, quote, taker_fee FROM trades
) both_sides
GROUP BY both_sides.order_id
HAVING SUM(both_sides.filled) <> SUM(both_sides.traded)
	OR SUM(both_sides.quote) <> SUM(both_sides.traded_quote)
	OR SUM(both_sides.fee) <> SUM(both_sides.traded_fee);
