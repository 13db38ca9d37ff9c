-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- orders_client - which order did this user call so?
--
-- Without it the answer "none" is the reading of all that he ever ordered.
--
-- MySQL has no ADD KEY IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE orders ADD KEY orders_client (user_id, client_id)')
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'orders'
		AND INDEX_NAME = 'orders_client');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
