-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- access_keys.last_address - whence a program key was used last; with
-- last_used_at it is written about once a minute, not with each request.
--
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE access_keys ADD COLUMN last_address VARCHAR(45) NULL')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'access_keys'
		AND COLUMN_NAME = 'last_address');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
