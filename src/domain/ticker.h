/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ticker.h - an instrument now, and what the last 24 hours made of it.
 *
 * The price, the best bid and ask come from the book page (domain/book.h).
 * The figures of the day are those of the 1440 minutes before the running one,
 * and of the running one.  OPEN is the price at their beginning: the last
 * close before them, or the first price if there is none.  Without a trade in
 * them high and low are that last price as well, and the volume is 0.  Before
 * the first trade of all there are no figures.
 *
 * A process remembers them until the next trade or the next minute, so they
 * are never out of date, and most calls ask nobody.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "domain/book.h"
#include "domain/market.h"

struct ticker_day {
	struct market market;
	struct ticker now;
	/* DECIMAL_NONE before the first trade. */
	struct decimal open, high, low;
	struct decimal change;  /* of the price against OPEN */
	struct decimal percent; /* the same in percent of OPEN, 4 places */
	__int128 volume;        /* of the base asset */
	__int128 quote_volume;
	int64_t trades;
};

/* TRADES and both volumes are 0 where nothing was traded. */
enum status ticker_day(struct ctx *ctx, const struct market *market,
	struct ticker_day *out) MUST_USE;

struct ticker_list {
	struct ticker_day *rows; /* by number */
	size_t n;
};

/* Of all that are not delisted. */
enum status ticker_list(struct ctx *ctx, struct ticker_list *out) MUST_USE;
