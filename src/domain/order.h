/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order.h - placing, cancelling, amending and reading orders.
 *
 * The matcher owns the live book and the balances; MySQL is its projection.
 * A write goes to the matcher and returns once it is journaled.  Reads come
 * from MySQL, behind the settled mark, so that a user sees what he has done.
 *
 * All of it is about the orders of ctx->session's user.  An id that is
 * another's, or nobody's, is ST_NOT_FOUND, and nobody is asked.
 *
 * OUT is written only on ST_OK.  What it points to lives in ctx->arena.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "domain/market.h"
#include "domain/trade.h"
#include "wire/order.h"

/*
 * What a user asks for.  What does not apply is DECIMAL_NONE: the price of a
 * market order (one that is given is not used), the stop price of an order
 * that is no stop, and either the quantity or the quote budget of a market
 * order.  A stop-loss or take-profit with a price becomes a limit order when
 * it is triggered, without one a market order.  A trailing stop has either
 * TRAIL, a distance in price, or TRAIL_PERCENT.
 *
 * A ticket of a STRATEGY or BOT is the only one that needs MySQL
 * (order_link.h).
 */
struct order_ticket {
	const char *symbol; /* NULL: the default market */
	enum side side;
	enum order_type type;
	enum time_in_force tif;
	enum stp stp;
	bool post_only;
	struct decimal price;
	struct decimal quantity;
	struct decimal quote_budget;
	struct decimal stop_price;
	struct decimal trail;
	struct decimal trail_percent;
	const char *client_id; /* NULL: none */
	struct ident strategy; /* IDENT_NONE: none */
	struct ident bot;
};

struct order {
	struct ident id;
	uint32_t user;
	uint16_t instrument;
	const char *symbol; /* "BTC/USD" */
	int price_places;
	enum side side;
	enum order_type type;
	enum time_in_force tif;
	enum stp stp;
	bool post_only;
	enum order_status status;
	enum close_reason reason;
	struct decimal price;         /* DECIMAL_NONE: none */
	struct decimal quantity;      /* total; of a budget order once it ended */
	struct decimal quote_budget;  /* DECIMAL_NONE: none */
	struct decimal stop_price;    /* DECIMAL_NONE: none */
	struct decimal trail;         /* DECIMAL_NONE: none */
	struct decimal trail_percent; /* DECIMAL_NONE: none */
	struct decimal filled;
	struct decimal quote; /* what FILLED was worth */
	struct decimal fee;
	const char *client_id; /* NULL: none */
	struct ident pair;     /* the other of its pair; IDENT_NONE: none */
	struct ident strategy; /* IDENT_NONE: none */
	struct ident bot;
	int64_t opened_us;
	int64_t updated_us;
	int64_t triggered_us; /* TIME_NONE: not (yet) */
	int64_t closed_us;    /* TIME_NONE: not yet */
};

/* quote / filled, rounded down to 8 places; DECIMAL_NONE before any fill. */
struct decimal order_average(const struct order *order);

/* What became of a ticket by the time it was journaled. */
struct order_receipt {
	struct order order;
	struct trade *fills; /* the order's own side of each, in order */
	size_t n_fills;
	bool duplicate; /* the client id's first order, as it was then */
};

/*
 * Submit TICKET.  Its refusals are those of wire/refusal.h: ST_NO_FUNDS when
 * the hold cannot be taken, ST_INVALID when a tick or lot rule is broken, ….
 * On ST_OUTCOME_UNKNOWN the order may have been placed; the truth can be read
 * two seconds later.
 */
enum status order_place(struct ctx *ctx, const struct order_ticket *ticket,
	struct order_receipt *out) MUST_USE;

/*
 * Two orders of which one cancels the other: a limit order at PRICE, and on
 * the other side of the last price a stop-loss at STOP_PRICE, which becomes a
 * limit order at STOP_LIMIT_PRICE (DECIMAL_NONE: a market order).
 */
struct order_pair_ticket {
	const char *symbol;
	enum side side;
	enum stp stp;
	struct decimal quantity; /* of each */
	struct decimal price;
	struct decimal stop_price;
	struct decimal stop_limit_price;
	const char *client_id; /* the limit order's; NULL: none */
};

struct order_pair_receipt {
	struct order_receipt limit;
	struct order_receipt stop;
};

/* Submit both or, refused, neither. */
enum status order_place_pair(struct ctx *ctx,
	const struct order_pair_ticket *ticket,
	struct order_pair_receipt *out) MUST_USE;

/* What a cancel left behind. */
struct order_end {
	struct ident id;
	enum order_status status;
	enum close_reason reason;
	struct decimal quantity;
	struct decimal filled;
	struct decimal quote;
	struct decimal fee;
	int64_t time_us;
};

/*
 * Cancel what is left of ID, and of its pair.  ST_CONFLICT when it has already
 * ended.
 */
enum status order_cancel(struct ctx *ctx, struct ident id,
	struct order_end *out) MUST_USE;

/* The same by client id; ST_NOT_FOUND when none is remembered. */
enum status order_cancel_client(struct ctx *ctx, const char *client_id,
	struct order_end *out) MUST_USE;

/*
 * Cancel all on MARKET (NULL: everywhere) and SIDE (or SIDE_BOTH).  How many
 * ended is in *N.
 */
enum status order_cancel_all(struct ctx *ctx, const struct market *market,
	int side, size_t *n) MUST_USE;

/*
 * Another price or total quantity (DECIMAL_NONE keeps it; one must be given).
 * A smaller quantity at the same price keeps the order's place; at or below
 * what is filled it ends the order; everything else is a new arrival under the
 * same id.  ST_CONFLICT for a stop that waits and for one of a pair.
 *
 * OUT's order has only what the change tells: id, side, price, quantity,
 * filled, quote, fee, status, updated_us, and opened_us to the millisecond.
 */
enum status order_amend(struct ctx *ctx, struct ident id,
	struct decimal price, struct decimal quantity,
	struct order_receipt *out) MUST_USE;

/* ---- Reading ------------------------------------------------------------- */

enum status order_get(struct ctx *ctx, struct ident id,
	struct order *out) MUST_USE;

/* By client id, the latest of them. */
enum status order_get_client(struct ctx *ctx, const char *client_id,
	struct order *out) MUST_USE;

#define ORDER_IS(status) (1u << (status))
#define ORDER_LIVE (ORDER_IS(ORDER_OPEN) | ORDER_IS(ORDER_WAITING))
#define ORDER_ANY 15u
/* A status that a document has and no order ever: finds nothing. */
#define ORDER_NEVER 16u

/* Whether anything of it was filled. */
enum order_partly { PARTLY_ANY, PARTLY_NOT, PARTLY_FILLED };

struct order_filter {
	const struct market *market; /* NULL: all */
	unsigned statuses;           /* ORDER_IS() bits; 0: any */
	enum order_partly partly;
	struct ident strategy; /* IDENT_NONE: all */
	struct ident bot;
	int64_t limit;
	int64_t offset;
};

struct order_list {
	struct order *rows; /* the newest first */
	size_t n;
	int64_t total; /* without limit and offset */
};

/*
 * Rows and total are of the user's newest ORDER_LIST_MOST orders, whatever is
 * asked of them; but if only live ones are asked for, of all those, as the core
 * bounds how many he can have.  An older one is found by its id or client id.
 */
#define ORDER_LIST_MOST 50000

enum status order_list(struct ctx *ctx, const struct order_filter *filter,
	struct order_list *out) MUST_USE;
