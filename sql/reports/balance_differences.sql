-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_balance_differences - balances that are not the sum of their legs.  Must
-- be empty.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_balance_differences AS
SELECT both_sides.account, both_sides.user_id, both_sides.asset_id,
	SUM(both_sides.recorded) AS recorded,
	SUM(both_sides.recomputed) AS recomputed
FROM (
	SELECT 0 AS account, user_id, asset_id, available + held AS recorded,
		0 AS recomputed
	FROM balances
	UNION ALL
	SELECT account, 0, asset_id, balance, 0 FROM house_balances
	UNION ALL
	SELECT account, user_id, asset_id, 0, SUM(amount) FROM ledger
	GROUP BY account, user_id, asset_id
) both_sides
GROUP BY both_sides.account, both_sides.user_id, both_sides.asset_id
HAVING SUM(both_sides.recorded) <> SUM(both_sides.recomputed);
