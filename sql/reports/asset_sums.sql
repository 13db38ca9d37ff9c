-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_asset_sums - per asset the sum of all legs: difference must be 0.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_asset_sums AS
SELECT a.code AS asset, l.asset_id, COUNT(*) AS legs,
	SUM(CASE WHEN l.account = 0 THEN l.amount ELSE 0 END) AS customers,
	SUM(CASE WHEN l.account = 1 THEN l.amount ELSE 0 END) AS fees,
	SUM(CASE WHEN l.account = 2 THEN l.amount ELSE 0 END) AS world,
	SUM(CASE WHEN l.account = 3 THEN l.amount ELSE 0 END) AS corrections,
	SUM(l.amount) AS difference
FROM ledger l LEFT JOIN assets a ON a.id = l.asset_id
GROUP BY l.asset_id, a.code;
