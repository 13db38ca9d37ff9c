/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * book.h - the book and the last price, out of shared memory.
 *
 * Current before any order is answered; no reader slows matching.
 */
#pragma once

#include "base/ctx.h"
#include "base/decimal.h"
#include "domain/market.h"
#include "journal/book_page.h"

/* A copy in the arena: at most BOOK_PAGE_LEVELS a side, best first. */
enum status book_depth(struct ctx *ctx, const struct market *market,
	const struct book_slot **out) MUST_USE;

struct ticker {
	/* Of the last trade; before any, the reference price, or none. */
	struct decimal price;
	struct decimal quantity; /* of the last trade, or none */
	struct decimal bid;      /* the best, or none */
	struct decimal ask;
	int64_t time_us; /* of the last trade; TIME_NONE before any */
};

enum status book_ticker(struct ctx *ctx, const struct market *market,
	struct ticker *out) MUST_USE;

/* What SLOT, a copy of the page's, says. */
struct ticker book_ticker_of(const struct book_slot *slot);
