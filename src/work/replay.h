/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay.h - real order flow, played through the matcher as orders of robots.
 *
 * How a message of the file (work/lobster.h) becomes a command:
 *
 *	1  new         a GTC limit order of a maker
 *	2  partial     the order is amended to SIZE less than its total
 *	3  delete      the order is cancelled
 *	4  execution   an IOC limit order of a taker, of the opposite side, at
 *	               that price and size; what it meets is for the book's
 *	               priority to say
 *	5  hidden      nothing: the order it traded with was never shown
 *	6, 7           nothing
 *
 * The file begins in the middle of a day.  What concerns an order that was
 * there before (whose id no message 1 has had) is counted and passed over.
 * So is what concerns an order that has ended here: the book that is played
 * is not quite the one that was recorded.
 *
 * Makers share the orders so that each has as few open as possible; takers
 * are others, so self-trade prevention has nothing to prevent.
 *
 * Commands are sent ahead, up to WINDOW at once.  Only who concerns an order
 * whose acceptance is not yet known has to wait for it, because an order's id
 * is the matcher's to give.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "domain/core.h"
#include "work/lobster.h"

/* Units of 10^-8 in LOBSTER's 10^-4. */
#define REPLAY_PRICE_UNITS INT64_C(10000)

struct replay_options {
	struct core *core;
	uint16_t instrument;
	int64_t tick; /* prices that are no multiple are passed over */
	int64_t lot;  /* what a size of 1 means */
	const uint32_t *makers, *takers; /* users */
	unsigned n_makers, n_takers;
	unsigned window;
};

struct replay_figures {
	uint64_t messages;
	uint64_t before;   /* of orders that were there before */
	uint64_t ended;    /* of orders that have ended here */
	uint64_t hidden;   /* types 5 to 7 */
	uint64_t off_tick;
	uint64_t placed, amended, cancelled, taken; /* done */
	uint64_t refused;  /* for another reason than an end */
	unsigned last_refusal;
	uint64_t trades;
	int64_t volume; /* traded, in units of the base asset */
	uint64_t unfilled; /* executions that found less than their size */
	uint64_t self_trades; /* prevented */
};

struct replay;

/* OPTIONS and what they point to must stay. */
struct replay *replay_new(const struct replay_options *options);
void replay_free(struct replay *replay);

/* End whatever an earlier replay left in the book. */
enum status replay_clear(struct replay *replay) MUST_USE;

/* Play MESSAGE; it may still be under way afterwards. */
enum status replay_play(struct replay *replay,
	const struct lobster_message *message) MUST_USE;

/* Wait for all answers. */
enum status replay_settle(struct replay *replay) MUST_USE;

/* Of all that has been answered. */
const struct replay_figures *replay_figures(const struct replay *replay);
