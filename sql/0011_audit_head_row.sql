-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- The one row of audit_head: an empty chain.

INSERT IGNORE INTO audit_head (id, last_id, hash, seal)
VALUES (1, 0, REPEAT(x'00', 32), REPEAT(x'00', 32));
