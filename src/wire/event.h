/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * event.h - what a command changed.
 *
 * Events carry the values AFTER the change, so that a follower computes
 * nothing: the last event about a row is the row.  They stand in the journal
 * behind their command, in the order in which they happened.
 */
#pragma once

#include <stdint.h>

#include "base/ident.h"
#include "wire/command.h"
#include "wire/message.h"
#include "wire/order.h"

/* X(symbol, number, struct) */
#define EVENT_LIST(X)                                                          \
	X(ASSET, 1, ev_asset)                                                  \
	X(INSTRUMENT, 2, ev_instrument)                                        \
	X(REFERENCE_PRICE, 3, ev_reference_price)                              \
	X(USER, 4, ev_user)                                                    \
	X(SESSION_REVOKED, 5, ev_session_revoked)                              \
	X(LIMIT, 6, ev_limit)                                                  \
	X(POSTING, 7, ev_posting)                                              \
	X(WITHDRAWAL, 8, ev_withdrawal)                                        \
	X(ORDER_OPENED, 9, ev_order_opened)                                    \
	X(ORDER_AMENDED, 10, ev_order_amended)                                 \
	X(ORDER_TRIGGERED, 11, ev_order_triggered)                             \
	X(ORDER_CLOSED, 12, ev_order_closed)                                   \
	X(TRADE, 13, ev_trade)                                                 \
	X(LEVEL, 14, ev_level)                                                 \
	X(CANCEL_AFTER, 15, ev_cancel_after)                                   \
	X(RISK, 16, ev_risk)                                                   \
	X(ASSET_RATE, 17, ev_asset_rate)

enum event_type {
#define X(sym, number, type) EV_##sym = (number),
	EVENT_LIST(X)
#undef X
	EV_END = 18
};

/* The balance of (user, asset): what can be used, and what is set aside. */
struct balance {
	int64_t available;
	int64_t held;
};

struct ev_asset {
	struct message head;
	uint16_t asset;
	char code[ASSET_CODE_MAX];
	uint8_t spare[2];
};

struct ev_instrument {
	struct message head;
	struct instrument_terms terms;
};

struct ev_reference_price {
	struct message head;
	uint16_t instrument;
	uint8_t spare[6];
	int64_t price;
};

/* The whole of what the core knows about a user. */
struct ev_user {
	struct message head;
	struct ident public_id;
	uint32_t epoch;
	uint8_t role;
	uint8_t locked;
	uint8_t reduce_only; /* enum reduce_only */
	uint8_t created; /* this command made him */
};

struct ev_session_revoked {
	struct message head;
	struct ident session;
	int64_t expires_us;
};

struct ev_limit {
	struct message head;
	uint16_t instrument;
	uint8_t type;
	uint8_t spare[5];
	int64_t value;
};

/* Who owns an account beside the customers. */
enum account_kind {
	ACCOUNT_CUSTOMER = 0,
	ACCOUNT_FEES = 1,       /* the house's income */
	ACCOUNT_WORLD = 2,      /* minus what customers brought in */
	ACCOUNT_CORRECTIONS = 3
};

/*
 * One leg of a posting other than a trade, and the balance after it.  The
 * legs of a command sum to zero per asset.  A change of a hold alone is a leg
 * of amount 0.  Of an account of the house only AVAILABLE is used, and may be
 * negative.
 */
struct ev_posting {
	struct message head; /* user: of a customer's account, else 0 */
	uint16_t asset;
	uint8_t account; /* enum account_kind */
	uint8_t spare[5];
	int64_t amount;
	struct balance after;
	struct ident reference; /* the command's intent, or the withdrawal */
};

enum withdrawal_state {
	WITHDRAWAL_HELD = 0,
	WITHDRAWAL_PAID = 1,
	WITHDRAWAL_RELEASED = 2
};

struct ev_withdrawal {
	struct message head;
	struct ident withdrawal;
	uint16_t asset;
	uint8_t state; /* enum withdrawal_state */
	uint8_t spare[5];
	int64_t amount;
};

/*
 * Accepted.  What follows in the same command are its trades and, when it did
 * not rest, its end.  AFTER is the balance of the asset that it holds, of
 * which HOLD was set aside for it.
 */
struct ev_order_opened {
	struct message head;
	struct ident order;
	uint16_t instrument;
	uint8_t side;
	uint8_t type;
	uint8_t tif;
	uint8_t stp;
	uint8_t flags;
	uint8_t status; /* ORDER_OPEN or ORDER_WAITING */
	int64_t price;  /* of a market order 0 */
	int64_t quantity; /* of a quote-budget order 0 until it has ended */
	int64_t quote_budget;
	int64_t stop_price;
	int64_t hold;
	struct balance after;
	uint8_t client_id_length;
	char client_id[CLIENT_ID_MAX];
	struct ident pair; /* the other order of its pair, or IDENT_NONE */
	int64_t trail;     /* as the command's */
	uint32_t trail_rate;
	uint32_t spare;
};

#define ORDER_OPENED_SHORT offsetof(struct ev_order_opened, client_id_length)

/* New terms of a resting order, under the same id. */
struct ev_order_amended {
	struct message head;
	struct ident order;
	uint16_t instrument;
	uint8_t side;
	uint8_t kept_place; /* 1: a smaller quantity at the same price */
	uint8_t spare[4];
	int64_t price;
	int64_t quantity; /* total */
	int64_t filled;
	int64_t hold;
	struct balance after;
	int64_t quote; /* of what is filled */
	int64_t fee;
};

struct ev_order_triggered {
	struct message head;
	struct ident order;
	uint16_t instrument;
	uint8_t side;
	uint8_t spare[5];
	int64_t last_price; /* what triggered it */
	int64_t hold;       /* from now on */
	struct balance after; /* of the asset that it holds */
};

/* The end of an order; FILLED, QUOTE and FEE are over its whole life. */
struct ev_order_closed {
	struct message head;
	struct ident order;
	uint16_t instrument;
	uint8_t side;
	uint8_t status; /* ORDER_FILLED or ORDER_CANCELLED */
	uint8_t reason; /* enum close_reason */
	uint8_t spare[3];
	int64_t quantity;
	int64_t filled;
	int64_t quote;
	int64_t fee;
	struct balance after; /* of the asset it held */
};

/* One side of a trade, after it. */
struct trade_side {
	struct ident order;
	uint32_t user;
	uint32_t spare;
	int64_t fee;    /* of this fill, in the quote asset */
	int64_t filled; /* of the order so far: quantity, quote amount, fees */
	int64_t quote;
	int64_t fees;
	int64_t left; /* of the order */
	struct balance base_after;
	struct balance quote_after;
};

/*
 * What a user has of an instrument by trading, at average cost.  A buy opens
 * or enlarges it; a sell lessens it, QUANTITY and COST in proportion (COST
 * rounded up), and of what is sold beyond it nothing counts.  BOUGHT,
 * BOUGHT_QUOTE and REALISED are over the position's whole life, and stay at
 * the largest number rather than overflow.  Fees are not in it.
 */
struct position {
	struct ident id; /* the trade's that opened it; IDENT_NONE: none */
	int64_t quantity; /* 0: this closed it */
	int64_t cost; /* quote units of QUANTITY */
	int64_t bought;
	int64_t bought_quote;
	int64_t realised; /* proceeds less cost of what was sold, quote units */
};

/*
 * A fill.  Five legs: the buyer's base +quantity and quote -(quote + fee),
 * the seller's base -quantity and quote +(quote - fee), the house +both fees.
 */
struct ev_trade {
	struct message head; /* user: the taker */
	struct ident trade;
	uint16_t instrument;
	uint16_t base;
	uint16_t quote_asset;
	uint8_t taker_side;
	uint8_t spare;
	int64_t price;
	int64_t quantity;
	int64_t quote; /* price × quantity, exact */
	int64_t fees_after; /* the house's income in the quote asset */
	struct trade_side maker;
	struct trade_side taker;
	/* After this side of the fill, the maker's booked first; all zeros
	 * where it touched no position. */
	struct position maker_position;
	struct position taker_position;
};

/* A price level of the book after the command; quantity 0: it is gone. */
struct ev_level {
	struct message head; /* user 0 */
	uint16_t instrument;
	uint8_t side;
	uint8_t spare[5];
	int64_t price;
	int64_t quantity;
};

/* The dead-man switch of head.user; DUE_US 0: off. */
struct ev_cancel_after {
	struct message head;
	int64_t due_us;
};

/*
 * How head.user stands against his daily loss and drawdown, in money of
 * account.  Deposits and withdrawals move DAY_EQUITY by as much and PEAK in
 * proportion, so that neither is a gain or a loss.
 */
struct ev_risk {
	struct message head;
	int64_t equity;
	int64_t peak;       /* the highest seen */
	int64_t day_equity; /* the first of the day, flows left out */
	int32_t day;        /* UTC days since 1970 */
	uint8_t watched;    /* 0: no longer, and the rest is 0 */
	uint8_t spare[3];
};

struct ev_asset_rate {
	struct message head;
	uint16_t asset;
	uint8_t spare[6];
	int64_t rate;
};

/* "TRADE", or "?". */
const char *event_name(uint16_t type);
