-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_statement - the ledger in words, for an account statement.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_statement AS
SELECT l.seq, l.leg, l.posted_at,
	CASE l.account WHEN 0 THEN 'customer' WHEN 1 THEN 'fees'
		WHEN 2 THEN 'world' ELSE 'corrections' END AS account,
	l.user_id, a.code AS asset, l.amount, l.balance_after,
	CASE l.cause WHEN 0 THEN 'trade' WHEN 9 THEN 'deposit'
		WHEN 11 THEN 'withdrawal' WHEN 13 THEN 'correction'
		ELSE 'other' END AS cause,
	LOWER(HEX(l.reference)) AS reference
FROM ledger l LEFT JOIN assets a ON a.id = l.asset_id;
