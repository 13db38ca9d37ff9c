/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * position.h - what a user has, or had, of an instrument by trading.
 *
 * The core keeps it at average cost and MySQL has its rows; here they are read
 * behind the settled mark, and valued at the last price.  Coins that were
 * deposited are in no position.  Fees are in none of the figures: they stand
 * with the orders and their trades.
 *
 * All is exact but the quotients, which are rounded towards minus infinity at
 * the eighth decimal place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"

struct market;

/* A row as the core made it; see struct position in wire/event.h. */
struct position_sums {
	struct decimal quantity; /* 0: it is closed */
	struct decimal cost;
	struct decimal bought;
	struct decimal bought_quote;
	struct decimal realised;
};

/* Amounts are in the quote asset, as 128 bits of 10^-8 units. */
struct position_value {
	/* What is left of it; of a closed one all that was bought. */
	struct decimal quantity;
	/* The average price of that quantity. */
	struct decimal entry_price;
	/* The last price; of a closed one the average price of its sales. */
	struct decimal current_price;
	__int128 realised;
	__int128 unrealised; /* of a closed one 0 */
	__int128 pnl;        /* both */
	__int128 percent;    /* PNL in percent of all that was paid */
	bool has_percent;    /* false: nothing was paid */
};

/*
 * Value SUMS at the price LAST, which may be DECIMAL_NONE only of a closed
 * one.  A price that is no decimal any more is DECIMAL_NONE.
 */
void position_reckon(const struct position_sums *sums, struct decimal last,
	struct position_value *out);

struct position_view {
	struct ident id;
	uint16_t instrument;
	const char *symbol;
	bool open;
	struct position_sums sums;
	struct position_value value;
	int64_t opened_us;
	int64_t updated_us; /* of its last trade */
	int64_t closed_us;  /* TIME_NONE: it is open */
};

enum position_status { POSITION_OPEN, POSITION_CLOSED, POSITION_ALL };

struct position_filter {
	enum position_status status;
	const struct market *market; /* NULL: all */
	int64_t limit;
	int64_t offset;
};

struct position_list {
	struct position_view *rows; /* the last opened first; in the arena */
	size_t n;
	int64_t total; /* without limit and offset */
};

/*
 * Those of ctx->session's user.  ST_UNAVAILABLE also when there is an open one
 * and no last price can be read.
 */
enum status position_list(struct ctx *ctx, const struct position_filter *filter,
	struct position_list *out) MUST_USE;
