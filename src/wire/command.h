/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * command.h - what changes the exchange: everything the journal holds.
 *
 * Commands are facts asked for; the engine applies or refuses each whole
 * (wire/refusal.h).  Only an applied command is journaled.
 *
 * INTENT, where there is one, makes a command safe to send again: the engine
 * remembers it for 24 hours of command time and answers a second sending with
 * the first one's sequence.  It is a version 7 UUID; one that is older than
 * the engine's memory is refused.  IDENT_NONE: no such promise.
 */
#pragma once

#include <stdint.h>

#include "base/ident.h"
#include "wire/message.h"
#include "wire/order.h"

/* X(symbol, number, struct) */
#define COMMAND_LIST(X)                                                        \
	X(TICK, 1, cmd_tick)                                                   \
	X(ASSET_SET, 2, cmd_asset_set)                                         \
	X(INSTRUMENT_SET, 3, cmd_instrument_set)                               \
	X(REFERENCE_PRICE, 4, cmd_reference_price)                             \
	X(USER_CREATE, 5, cmd_user_create)                                     \
	X(USER_SET, 6, cmd_user_set)                                           \
	X(SESSION_REVOKE, 7, cmd_session_revoke)                               \
	X(LIMIT_SET, 8, cmd_limit_set)                                         \
	X(DEPOSIT, 9, cmd_deposit)                                             \
	X(WITHDRAW_HOLD, 10, cmd_withdraw_hold)                                \
	X(WITHDRAW_PAY, 11, cmd_withdraw_end)                                  \
	X(WITHDRAW_RELEASE, 12, cmd_withdraw_end)                              \
	X(CORRECTION, 13, cmd_correction)                                      \
	X(ORDER_PLACE, 14, cmd_order_place)                                    \
	X(ORDER_CANCEL, 15, cmd_order_cancel)                                  \
	X(ORDER_CANCEL_ALL, 16, cmd_order_cancel_all)                          \
	X(ORDER_AMEND, 17, cmd_order_amend)                                    \
	X(ORDER_OCO, 18, cmd_order_oco)                                        \
	X(CANCEL_AFTER, 19, cmd_cancel_after)                                  \
	X(RISK_CHECK, 20, cmd_risk_check)                                      \
	X(ASSET_RATE, 21, cmd_asset_rate)

enum command_type {
#define X(sym, number, type) CMD_##sym = (number),
	COMMAND_LIST(X)
#undef X
	CMD_END = 22
};

/* Appended by the matcher itself when a deadline is due. */
struct cmd_tick {
	struct message head;
};

/* Make ASSET known, or give it a new code.  Numbers are dense from 0. */
struct cmd_asset_set {
	struct message head;
	struct ident intent;
	uint16_t asset;
	char code[ASSET_CODE_MAX];
	uint8_t spare[2];
};

/*
 * Make an instrument, or change its terms.  Base and quote never change; a
 * tick only gets finer while orders rest; a lot only changes while none do.
 * Rates are parts of 10^6 of the quote amount (1000 is 0.10 %).  The band is
 * in parts of 10^6 of the last trade (or reference) price: a limit price
 * below band_low or above band_high times it is refused; 0, 0: no band.
 */
struct instrument_terms {
	uint16_t instrument; /* dense from 0 */
	uint16_t base;       /* asset numbers */
	uint16_t quote;
	uint16_t fee_asset; /* equals quote */
	char symbol[SYMBOL_MAX];
	int64_t tick;
	int64_t lot;          /* tick × lot is exact in the quote asset */
	int64_t min_notional; /* in the quote asset; 0: none */
	uint32_t maker_rate;
	uint32_t taker_rate;
	uint32_t band_low;
	uint32_t band_high;
	uint32_t collar; /* reach of a market order, parts of 10^6 */
	uint8_t status;  /* enum instrument_status */
	uint8_t spare[3];
};

struct cmd_instrument_set {
	struct message head;
	struct ident intent;
	struct instrument_terms terms;
};

/* What the band is around until the first trade; before one is set, an
 * instrument with a band refuses orders. */
struct cmd_reference_price {
	struct message head;
	struct ident intent;
	uint16_t instrument;
	uint8_t spare[6];
	int64_t price;
};

/* head.user is the new user's number, PUBLIC_ID what the world calls him. */
struct cmd_user_create {
	struct message head;
	struct ident intent;
	struct ident public_id;
	uint8_t role; /* enum user_role */
	uint8_t spare[7];
};

enum user_change {
	USER_CHANGE_LOCK = 1,   /* sets LOCKED; a lock cancels open orders */
	USER_CHANGE_ROLE = 2,   /* sets ROLE, and ends all sessions */
	USER_CHANGE_EPOCH = 4,  /* ends all sessions (but KEEP_SESSION) */
	USER_CHANGE_REDUCE = 8  /* sets REDUCE_ONLY */
};

struct cmd_user_set {
	struct message head;
	struct ident intent;
	uint8_t change; /* bits of enum user_change */
	uint8_t locked;
	uint8_t role;
	uint8_t reduce_only;
	uint8_t spare[4];
};

/* End one session; remembered until EXPIRES_US, when its tokens have died. */
struct cmd_session_revoke {
	struct message head;
	struct ident intent;
	struct ident session;
	int64_t expires_us;
};

enum limit_type {
	LIMIT_ORDER_SIZE = 0,    /* notional of one order, quote units */
	LIMIT_OPEN_ORDERS = 1,   /* a count */
	LIMIT_POSITION_SIZE = 2, /* value of an instrument's position, quote */
	LIMIT_DAILY_LOSS = 3,    /* equity lost on a UTC day, money of account */
	LIMIT_DRAWDOWN = 4,      /* of peak equity; DECIMAL_ONE is all of it */
	LIMIT_POSITION_VALUE = 5, /* as POSITION_SIZE, in money of account */
	LIMIT_TYPES
};

/* VALUE 0 lifts the limit.  Only ORDER_SIZE and POSITION_SIZE can be of one
 * instrument. */
struct cmd_limit_set {
	struct message head;
	struct ident intent;
	uint16_t instrument; /* or INSTRUMENT_ANY */
	uint8_t type;        /* enum limit_type */
	uint8_t spare[5];
	int64_t value;
};

/* From the outside world to head.user.  AMOUNT > 0. */
struct cmd_deposit {
	struct message head;
	struct ident intent;
	uint16_t asset;
	uint8_t spare[6];
	int64_t amount;
};

/* Set AMOUNT of head.user aside under WITHDRAWAL, which is also its intent. */
struct cmd_withdraw_hold {
	struct message head;
	struct ident withdrawal;
	uint16_t asset;
	uint8_t spare[6];
	int64_t amount;
};

/* PAY it out to the world, or RELEASE it.  The first wins, once. */
struct cmd_withdraw_end {
	struct message head;
	struct ident intent;
	struct ident withdrawal;
};

/* Between head.user and the corrections account; AMOUNT may be negative. */
struct cmd_correction {
	struct message head;
	struct ident intent;
	uint16_t asset;
	uint8_t spare[6];
	int64_t amount;
};

/*
 * A new order of head.user.  A market order has price 0 and either a
 * quantity or, for a buy, a quote budget that includes the fee (a sell: the
 * quote amount wanted before the fee).  The client id is the tail: a message
 * of ORDER_PLACE_SHORT bytes has none.
 */
struct cmd_order_place {
	struct message head;
	uint16_t instrument;
	uint8_t side; /* enum side */
	uint8_t type; /* enum order_type */
	uint8_t tif;  /* enum time_in_force */
	uint8_t stp;  /* enum stp */
	uint8_t flags; /* enum order_flag */
	uint8_t spare;
	int64_t price;
	int64_t quantity;
	int64_t quote_budget;
	int64_t stop_price;
	uint8_t client_id_length; /* 0: none */
	char client_id[CLIENT_ID_MAX];
	/* A trailing stop's distance from the best price since it came: one of
	 * a price, or parts of 10^6 of that best price. */
	int64_t trail;
	uint32_t trail_rate;
	uint32_t spare2;
};

#define ORDER_PLACE_SHORT offsetof(struct cmd_order_place, client_id_length)

/* By ORDER, or by client id when ORDER is IDENT_NONE. */
struct cmd_order_cancel {
	struct message head;
	struct ident order;
	uint8_t client_id_length;
	char client_id[CLIENT_ID_MAX];
};

#define ORDER_CANCEL_SHORT offsetof(struct cmd_order_cancel, client_id_length)

struct cmd_order_cancel_all {
	struct message head;
	uint16_t instrument; /* or INSTRUMENT_ANY */
	uint8_t side;        /* or SIDE_BOTH */
	uint8_t by_operator; /* the reason that is recorded */
	uint8_t spare[4];
};

/*
 * PRICE 0 keeps it.  QUANTITY is the new total, filled part included; 0 keeps
 * it.  At or below what is filled the order ends.
 */
struct cmd_order_amend {
	struct message head;
	struct ident order;
	int64_t price;
	int64_t quantity;
};

/*
 * A pair of which one cancels the other: a limit order at PRICE, and a
 * stop-loss at STOP_PRICE on the other side of the last price, which becomes a
 * limit order at STOP_LIMIT_PRICE, or with 0 a market order.  The client id is
 * the limit order's; cancelling either cancels both.
 */
struct cmd_order_oco {
	struct message head;
	uint16_t instrument;
	uint8_t side; /* of both */
	uint8_t stp;
	uint8_t spare[4];
	int64_t price;
	int64_t quantity; /* of each */
	int64_t stop_price;
	int64_t stop_limit_price;
	uint8_t client_id_length; /* 0: none */
	char client_id[CLIENT_ID_MAX];
};

#define ORDER_OCO_SHORT offsetof(struct cmd_order_oco, client_id_length)

#define CANCEL_AFTER_MAX_US (INT64_C(24) * 3600 * 1000000)

/*
 * The dead-man switch: AFTER_US from now all of head.user's open orders are
 * cancelled, unless this is sent again before.  0 turns it off.
 */
struct cmd_cancel_after {
	struct message head;
	int64_t after_us;
};

/* Look at head.user's equity now, against his daily loss and drawdown. */
struct cmd_risk_check {
	struct message head;
};

/* What ASSET is worth in money of account where no book says so; 0: nothing. */
struct cmd_asset_rate {
	struct message head;
	struct ident intent;
	uint16_t asset;
	uint8_t spare[6];
	int64_t rate;
};

/* The least size a command of TYPE may have, 0 for an unknown type. */
size_t command_size_min(uint16_t type);

/* "ORDER_PLACE", or "?". */
const char *command_name(uint16_t type);

/*
 * Whether the LENGTH bytes at MESSAGE are one well-formed command: a known
 * type, a size that is LENGTH and a multiple of 8, at least the type's least.
 * Says nothing of its values.
 */
int command_well_formed(const struct message *message, size_t length);
