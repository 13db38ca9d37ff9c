/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * candle.h - what a price did in a minute, an hour, a week.
 *
 * A candle is named by the moment it opens, in UTC: days at midnight, weeks on
 * Monday.  The house's own are made of its trades; the running one is among
 * them.  Between the first trade and now an interval without a trade is flat:
 * the last close, volume 0.  Before the first trade there is nothing.
 *
 * Those of an outside venue are what was imported, and made of finer ones if
 * the interval itself was not; an interval between the first and the last that
 * has none is flat as well, and nothing is known after the last.  If several
 * intervals were imported, the one that covers most of the asked range is
 * taken, the coarsest of equals.
 *
 * A candle belongs to a range when it opens in it: at its start, at its end,
 * or between.  With a start the first LIMIT candles of the range are given,
 * otherwise the last LIMIT; always the oldest first.
 *
 * They are behind the settled mark: who has traded finds his trade in them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "domain/market_data.h"

enum interval {
	INTERVAL_1M,
	INTERVAL_5M,
	INTERVAL_15M,
	INTERVAL_1H,
	INTERVAL_4H,
	INTERVAL_1D,
	INTERVAL_1W,
	INTERVALS
};

const char *interval_name(enum interval interval); /* "1m" */
bool interval_named(const char *name, enum interval *out);
int64_t interval_us(enum interval interval);
/* When the candle opened that TIME_US is in. */
int64_t interval_open_us(enum interval interval, int64_t time_us);

struct candle {
	int64_t opened_us;
	struct decimal open, high, low, close;
	__int128 volume; /* of the base asset */
};

struct candle_query {
	const struct venue_symbol *of;
	enum interval interval;
	int64_t start_us, end_us; /* TIME_NONE: open */
	int64_t limit;            /* from 1 to CANDLES_MAX */
};

#define CANDLES_MAX 10000000 /* a greater limit is this one */

struct candle_list {
	struct candle *rows; /* the oldest first */
	size_t n;
};

/* ST_INVALID, with the fault at "end_time", when the range is upside down. */
enum status candle_list(struct ctx *ctx, const struct candle_query *query,
	struct candle_list *out) MUST_USE;
