-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- sessions_address - has this user logged in from that address, of late?
--
-- MySQL has no ADD KEY IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE sessions ADD KEY sessions_address (user_id, ip, created_at)')
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'sessions'
		AND INDEX_NAME = 'sessions_address');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
