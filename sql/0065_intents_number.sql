-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- intents.number - in what order were they promised?
--
-- The time of a promise is that of the request that made it, which may have
-- waited for another's lock; and ids rise by the millisecond only.  Of two that a
-- user's lock keeps apart, the number of the later is the higher.
--
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE intents
		ADD COLUMN number BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
		ADD UNIQUE KEY intents_number (number)')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'intents' AND COLUMN_NAME = 'number');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
