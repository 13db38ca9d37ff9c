-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- orders - they lie user by user, each in order of time.
--
-- An id names its user (wire/ids.h), so none is looked up without one, and no two
-- users can have the same.  A list of a user's orders reads neighbours then, and an
-- order is written into two trees less: that of the client ids is a table of its
-- own now, order_names, which has but the orders that have one.
--
-- MySQL has no DROP KEY IF EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) = 0, 'DO 0',
	'ALTER TABLE orders DROP KEY orders_user_time, DROP KEY orders_client,
		DROP PRIMARY KEY, ADD PRIMARY KEY (user_id, id)')
	FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'orders'
		AND INDEX_NAME = 'orders_user_time');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
