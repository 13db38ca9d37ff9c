-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- report_unbalanced_postings - sequences whose legs do not sum to zero in an
-- asset.  Must be empty.

CREATE OR REPLACE SQL SECURITY INVOKER VIEW report_unbalanced_postings AS
SELECT seq, asset_id, COUNT(*) AS legs, SUM(amount) AS difference
FROM ledger
GROUP BY seq, asset_id
HAVING SUM(amount) <> 0;
