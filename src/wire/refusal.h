/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * refusal.h - why the engine did not apply a command: a closed list.
 *
 * The engine returns a number; what people read is made from the table, far
 * from the hot path.  Numbers travel in replies and are never reused.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"

/* X(symbol, outcome, field or NULL, sentence) */
#define REFUSAL_LIST(X)                                                        \
	X(NONE, OK, NULL, "")                                                  \
	X(BAD_COMMAND, MALFORMED, NULL, "the command cannot be read")          \
	X(LATE, UNAVAILABLE, NULL, "the command came too late and was not done") \
	X(SESSION_ENDED, UNAUTHENTICATED, NULL, "the session has ended")       \
	X(USER_LOCKED, LOCKED, NULL, "the account is locked")                  \
	X(UNKNOWN_USER, NOT_FOUND, "user_id", "there is no such user")         \
	X(UNKNOWN_ASSET, INVALID, "asset", "there is no such asset")           \
	X(UNKNOWN_INSTRUMENT, INVALID, "symbol", "there is no such symbol")    \
	X(UNKNOWN_ORDER, NOT_FOUND, NULL, "there is no such order")            \
	X(UNKNOWN_WITHDRAWAL, NOT_FOUND, NULL, "there is no such withdrawal")  \
	X(ORDER_ENDED, CONFLICT, NULL, "the order has already ended")          \
	X(WITHDRAWAL_DECIDED, CONFLICT, NULL,                                  \
		"the withdrawal has already been decided")                     \
	X(USER_EXISTS, CONFLICT, NULL, "the user already exists")              \
	X(OTHER_TERMS, CONFLICT, "client_order_id",                            \
		"this client order id was used for an order with other terms") \
	X(INTENT_OTHER, CONFLICT, NULL,                                        \
		"this request id was used for another request")                \
	X(INTENT_OLD, CONFLICT, NULL,                                          \
		"the request is too old to be sent again safely")              \
	X(BAD_SIDE, INVALID, "side", "the side must be buy or sell")           \
	X(BAD_TYPE, INVALID, "type", "there is no such order type")            \
	X(BAD_TIF, INVALID, "time_in_force", "there is no such time in force") \
	X(BAD_STP, INVALID, "self_trade_prevention",                           \
		"there is no such self-trade prevention")                      \
	X(BAD_FLAGS, INVALID, "post_only", "post-only needs a limit GTC order") \
	X(BAD_CLIENT_ID, INVALID, "client_order_id",                           \
		"a client order id has 1 to 47 visible ASCII characters")      \
	X(BAD_QUANTITY, INVALID, "quantity", "the quantity must be above zero") \
	X(OFF_LOT, INVALID, "quantity",                                        \
		"the quantity is not a multiple of the lot")                   \
	X(BAD_PRICE, INVALID, "price", "the price must be above zero")         \
	X(OFF_TICK, INVALID, "price", "the price is not a multiple of the tick") \
	X(BAD_STOP_PRICE, INVALID, "stop_price",                               \
		"the stop price must be a multiple of the tick, above zero")   \
	X(BAD_AMOUNT, INVALID, "amount", "the amount is not valid")            \
	X(TOO_BIG, INVALID, "quantity", "the order's value is out of range")   \
	X(MIN_NOTIONAL, INVALID, "quantity",                                   \
		"the order's value is below the minimum")                      \
	X(OUT_OF_BAND, PRICE_BAND, "price", "the price is outside the price band") \
	X(NO_REFERENCE, MARKET_CLOSED, NULL, "trading has not opened yet")     \
	X(NOT_TRADING, MARKET_CLOSED, "symbol", "the market is not open")      \
	X(WOULD_TAKE, INVALID, "post_only",                                    \
		"a post-only order would have traded at once")                 \
	X(NO_FUNDS, NO_FUNDS, NULL, "insufficient funds")                      \
	X(OPEN_ORDERS, RISK_LIMIT, NULL, "too many open orders")               \
	X(ORDER_SIZE, RISK_LIMIT, "quantity",                                  \
		"the order is larger than the limit of one order")             \
	X(POSITION_SIZE, RISK_LIMIT, "quantity",                               \
		"the position would be larger than its limit")                 \
	X(DAILY_LOSS, RISK_LIMIT, NULL, "the day's loss has reached its limit") \
	X(REDUCE_ONLY, RISK_LIMIT, "side",                                     \
		"the account may only reduce its positions")                   \
	X(TOTAL_OVERFLOW, INVALID, "amount",                                   \
		"the asset's total would be out of range")                     \
	X(CANNOT_AMEND, CONFLICT, NULL, "the order cannot be amended")         \
	X(NO_CHANGE, INVALID, NULL, "the amendment changes nothing")           \
	X(BAD_TERMS, INVALID, NULL, "the instrument's terms are not valid")    \
	X(FULL, UNAVAILABLE, NULL, "the exchange is full; try again later")    \
	X(DISK_LOW, UNAVAILABLE, NULL,                                         \
		"the exchange is short of disk space; only cancels are accepted") \
	X(NOT_ALLOWED, FORBIDDEN, NULL, "this is not allowed")                 \
	X(FORGOTTEN, CONFLICT, NULL,                                           \
		"the request was done before; its answer is no longer kept")   \
	X(BAD_TRAIL, INVALID, "trail",                                         \
		"a trailing stop needs either a distance in price, a multiple " \
		"of the tick, or one in percent, up to 50")                    \
	X(BAD_OCO, INVALID, "stop_price",                                      \
		"the last price must lie between the limit and the stop price") \
	X(DRAWDOWN, RISK_LIMIT, NULL,                                          \
		"the drawdown has reached its limit")

enum refusal {
#define X(sym, outcome, field, text) REFUSED_##sym,
	REFUSAL_LIST(X)
#undef X
	REFUSED_N
};

struct refusal_row {
	enum status status;
	const char *name; /* "OFF_TICK" */
	const char *field;
	const char *text;
};

/* The row of a refusal; of an unknown number the row of BAD_COMMAND. */
const struct refusal_row *refusal_row(unsigned refusal);
