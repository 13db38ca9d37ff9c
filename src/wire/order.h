/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order.h - the vocabulary of orders, as numbers that never change.
 */
#pragma once

#include <stdint.h>

enum side { SIDE_BUY = 0, SIDE_SELL = 1 };
#define SIDE_BOTH 2

/*
 * A stop-loss or take-profit with a price becomes a limit order when the last
 * trade price triggers it, and without one a market order.  A trailing stop is
 * a stop-loss whose stop price follows the best last price at a distance, and
 * becomes a market order.
 */
enum order_type {
	TYPE_LIMIT = 0,
	TYPE_MARKET = 1,
	TYPE_STOP_LOSS = 2,
	TYPE_TAKE_PROFIT = 3,
	TYPE_TRAILING_STOP = 4
};

enum time_in_force { TIF_GTC = 0, TIF_IOC = 1, TIF_FOK = 2 };

/*
 * Self-trade prevention: whose rest is cancelled when a taker meets an order
 * of its own user.
 */
enum stp { STP_TAKER = 0, STP_MAKER = 1, STP_BOTH = 2, STP_NONE = 3 };

enum order_flag {
	ORDER_POST_ONLY = 1 /* refused if any of it would trade at once */
};

enum order_status {
	ORDER_OPEN = 0, /* in the book, filled in part or not at all */
	ORDER_WAITING = 1, /* a stop that has not triggered */
	ORDER_FILLED = 2,
	ORDER_CANCELLED = 3
};

/* Why an order ended, or did not rest. */
enum close_reason {
	CLOSE_NONE = 0,
	CLOSE_FILLED = 1,
	CLOSE_USER = 2,      /* its owner's cancel, or cancel all */
	CLOSE_REMAINDER = 3, /* IOC or market: what did not fill */
	CLOSE_UNFILLABLE = 4, /* FOK */
	CLOSE_SELF_TRADE = 5,
	CLOSE_LOCK = 6,      /* its user was locked */
	CLOSE_AMENDED = 7,   /* amended to at or below what is filled */
	CLOSE_FILL_LIMIT = 8, /* the bound of fills a command was reached */
	CLOSE_OPERATOR = 9,  /* an operator's word, or a delisting */
	CLOSE_NO_FUNDS = 10, /* a triggered stop that could not be paid */
	CLOSE_OCO = 11,      /* the other leg traded or triggered */
	CLOSE_DEADLINE = 12, /* the dead-man switch */
	CLOSE_RISK = 13      /* a triggered stop that would break a limit */
};

enum instrument_status {
	MARKET_TRADING = 0,
	MARKET_HALTED = 1,      /* no new orders, no trades; cancels work */
	MARKET_CANCEL_ONLY = 2, /* the same, and announced as such */
	MARKET_DELISTED = 3     /* for good: what rested is cancelled */
};

/* Whether a user may only lessen what he has: no buys. */
enum reduce_only {
	REDUCE_NO = 0,
	REDUCE_OPERATOR = 1, /* until an operator says otherwise */
	REDUCE_RISK = 2 /* daily loss or drawdown: until the next UTC day, too */
};

enum user_role { ROLE_USER = 0, ROLE_OPERATOR = 1, ROLE_ADMIN = 2 };
