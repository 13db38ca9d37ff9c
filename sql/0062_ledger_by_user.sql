-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- ledger - the legs lie user by user, each in order of sequence and leg.
--
-- An account statement reads neighbours then, and a leg is written into one tree
-- instead of two, the second of which was most of what it cost.  The house's are
-- those of user 0.  A leg of a sequence has one user for ever, so writing it twice
-- still fails; that no leg is there twice, or missing, "ledger verify" says too.
--
-- MySQL has no DROP KEY IF EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) = 0, 'DO 0',
	'ALTER TABLE ledger DROP KEY ledger_user, DROP PRIMARY KEY,
		ADD PRIMARY KEY (user_id, seq, leg)')
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'ledger'
		AND INDEX_NAME = 'ledger_user');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
