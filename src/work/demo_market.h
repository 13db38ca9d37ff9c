/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * demo_market.h - the demo market: a maker and takers who never sleep.
 *
 * A task.  The orders are real ones, of robots, sent to the matcher as the
 * daemon's own commands, at most some dozens a second.  It knows what is in
 * the book from the matcher's answers and from the shared book page, and what
 * it owns from the balances in the answers; MySQL is asked only for the
 * robots' numbers, and for more means when one has run out of an asset.
 *
 * After anything that it can't be sure of (a matcher that was restarted, an
 * answer that did not come) it cancels all of its orders and begins anew.
 */
#pragma once

#include <stdint.h>

#include "base/ctx.h"
#include "work/schedule.h"

#define DEMO_PERIOD_US INT64_C(200000)

struct demo_market;

/* BOOK_PAGE is its path; it need not be there yet.  SEED: see walk.h. */
struct demo_market *demo_market_new(const char *book_page, uint64_t seed);
void demo_market_free(struct demo_market *market);

/* ARG is the market.  Needs ctx->db, ctx->core and ctx->auth's vault. */
enum status demo_market_turn(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
