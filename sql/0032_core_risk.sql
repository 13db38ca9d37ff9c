-- SPDX-License-Identifier: AGPL-3.0-or-later
--
-- core_risk - how users stand against their daily loss and drawdown, in money of
-- account, when the core last looked.  Only the settler writes it.
--
-- peak is the highest equity seen, day_equity the first of the UTC day "day"
-- (counted from 1970); deposits and withdrawals are left out of both.  watched 0:
-- he has neither limit any more, and the rest is 0.  No row: he never had one.
--
-- Whether he may only sell is core_users.reduce_only: 0 no, 1 by an operator's
-- word, 2 by a breach, until the next UTC day or an operator's word.
--
-- core_limits.type: 0 ORDER_SIZE, the value of one order, and 2 POSITION_SIZE, of
-- an instrument's position, in its quote asset; 1 OPEN_ORDERS, a count; 3
-- DAILY_LOSS and 5 POSITION_VALUE, as POSITION_SIZE, in money of account; 4
-- DRAWDOWN, a part of the peak (0.2 is 20 %).  Only 0 and 2 can be of one
-- instrument.  A lifted limit is 0.

CREATE TABLE IF NOT EXISTS core_risk (
	user_id INT UNSIGNED NOT NULL,
	equity DECIMAL(20,8) NOT NULL,
	peak DECIMAL(20,8) NOT NULL,
	day_equity DECIMAL(20,8) NOT NULL,
	day INT UNSIGNED NOT NULL,
	watched TINYINT(1) NOT NULL,
	seq BIGINT UNSIGNED NOT NULL,
	updated_at DATETIME(6) NOT NULL,
	PRIMARY KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
