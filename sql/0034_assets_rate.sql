-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- assets.usd_rate - what one of the asset is worth in money of account where no
-- book says so, as an operator set it: 0 is nothing, NULL was never said.
--
-- MySQL has no ADD COLUMN IF NOT EXISTS, and a file must be safe to run twice.

SET @quantora_sql = (SELECT IF(COUNT(*) > 0, 'DO 0',
	'ALTER TABLE assets ADD COLUMN usd_rate DECIMAL(20,8) NULL')
	FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
		AND TABLE_NAME = 'assets' AND COLUMN_NAME = 'usd_rate');
PREPARE quantora_step FROM @quantora_sql;
EXECUTE quantora_step;
DEALLOCATE PREPARE quantora_step;
