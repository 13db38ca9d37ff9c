-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- orders - what a trailing stop and a pair of orders have besides.
--
-- trail, trail_rate  a trailing stop's distance from the best last price: of a
--                    price, or in parts of 10^6; 0 is the one that is not meant.
--                    stop_price is where it began
-- pair_id            the other order of its pair, of which one cancels the other
--
-- NULL in all orders that are no such.  type 4 is a trailing stop; reason 11 is
-- the pair's other order, 12 the dead-man switch, 13 a risk limit.
--
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE orders
		ADD COLUMN trail DECIMAL(20,8) NULL,
		ADD COLUMN trail_rate INT UNSIGNED NULL,
		ADD COLUMN pair_id BINARY(16) NULL')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'orders' AND COLUMN_NAME = 'pair_id');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
