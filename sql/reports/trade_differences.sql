-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_trade_differences - trades whose five legs are not there or do not agree
-- with the trade: the buyer's base +quantity and quote -(quote + fee), the
-- seller's base -quantity and quote +(quote - fee), the house +both fees.  Legs of
-- a trade that does not exist are listed too.  Must be empty.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_trade_differences AS
SELECT x.trade_id, SUM(x.legs) AS legs, SUM(x.trades) AS trades,
	SUM(x.base_in) AS base_in, SUM(x.base_out) AS base_out,
	SUM(x.quote_in) AS quote_in, SUM(x.quote_out) AS quote_out,
	SUM(x.fees) AS fees
FROM (
	SELECT t.id AS trade_id, 0 AS legs, 1 AS trades,
		-t.quantity AS base_in, t.quantity AS base_out,
		-(t.quote - CASE WHEN t.taker_side = 0 THEN t.maker_fee
			ELSE t.taker_fee END) AS quote_in,
		t.quote + CASE WHEN t.taker_side = 0 THEN t.taker_fee
			ELSE t.maker_fee END AS quote_out,
		-(t.maker_fee + t.taker_fee) AS fees
	FROM trades t
	UNION ALL
	SELECT l.reference, 1, 0,
		CASE WHEN l.leg % 5 = 0 THEN l.amount ELSE 0 END,
		CASE WHEN l.leg % 5 = 2 THEN l.amount ELSE 0 END,
		CASE WHEN l.leg % 5 = 3 THEN l.amount ELSE 0 END,
		CASE WHEN l.leg % 5 = 1 THEN l.amount ELSE 0 END,
		CASE WHEN l.leg % 5 = 4 THEN l.amount ELSE 0 END
	FROM ledger l WHERE l.cause = 0
) x
GROUP BY x.trade_id
HAVING SUM(x.trades) <> 1 OR SUM(x.legs) <> 5
	OR SUM(x.base_in) <> 0 OR SUM(x.base_out) <> 0
	OR SUM(x.quote_in) <> 0 OR SUM(x.quote_out) <> 0 OR SUM(x.fees) <> 0;
