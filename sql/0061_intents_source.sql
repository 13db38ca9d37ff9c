-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- intents_source - what did this user promise, or was promised for him, of one
-- kind?
--
-- The watch over limits asks that of each user whose limits are not yet the
-- core's; without it all that he ever promised is read.
--
-- MySQL has no ADD KEY IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE intents ADD KEY intents_source (user_id, source, state)')
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'intents'
		AND INDEX_NAME = 'intents_source');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
