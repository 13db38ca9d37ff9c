/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quoting.h - a market maker's ladder on one instrument.
 *
 * The ladder has RUNGS orders a side on a fixed grid of prices.  When the
 * price moves by a rung, the rung that is left behind moves to the other end
 * and the rest stay where they are: two commands, not a dozen, and orders keep
 * their places in the queue.
 *
 * It sends nothing itself.  quoting_look() takes in what the book page says,
 * quoting_want() decides how the ladder should be, and quoting_next() names
 * the next command towards it until there is none; how that went is told by
 * quoting_opened(), quoting_event() and quoting_refused().
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "journal/book_page.h"
#include "wire/event.h"
#include "wire/refusal.h"
#include "work/demo.h"
#include "work/walk.h"

#define RUNGS 6
/* The most commands that one look at the ladder may lead to. */
#define QUOTING_STEPS_MAX (4 * 2 * RUNGS)

struct quote {
	struct ident order;
	int64_t price;
	int64_t total;  /* filled part included */
	int64_t filled; /* as far as we know */
	bool live;
};

struct want {
	int64_t price;
	int64_t size;
	bool refused; /* not now */
};

struct quoting {
	const struct demo_plan *plan;
	struct instrument_terms terms;
	int64_t reference;
	int64_t last;  /* trade price; 0: none yet */
	int64_t grid;
	int64_t price; /* about which it quotes; 0: not yet */
	int64_t best[2]; /* on the page, of anybody; 0: none */
	bool open;     /* listed, and trading */
	bool risen;    /* so that the asks make way first */
	struct quote quotes[2][RUNGS];
	struct want wants[2][RUNGS];
};

enum quoting_kind { QUOTING_PLACE, QUOTING_AMEND, QUOTING_CANCEL };

struct quoting_step {
	enum quoting_kind kind;
	enum side side;
	struct quote *quote;
	struct want *want; /* NULL of a cancel */
	int64_t price;
	int64_t total;
};

/* Nothing is in the book. */
void quoting_forget(struct quoting *quoting);

/*
 * Take in the terms, the last price, and what has become of the quotes: where
 * the page shows less than we think is there, it was taken.
 */
void quoting_look(struct quoting *quoting, const struct book_slot *slot);

/*
 * Want a ladder about PRICE.  LEAN, from -10^6 to 10^6, is how far too much
 * (or little) of the base asset is owned: it moves the ladder down (or up)
 * and makes the side that would add to it smaller.
 */
void quoting_want(struct quoting *quoting, struct walk *walk, int64_t price,
	int64_t lean);

/* The next command; false when all is as wanted. */
bool quoting_next(struct quoting *quoting, struct quoting_step *out);

/* Another size for a quote here and there, as people do; false: not now. */
bool quoting_fidget(struct quoting *quoting, struct walk *walk,
	struct quoting_step *out);

/* STEP was a place, and is in the book as OPENED. */
void quoting_opened(const struct quoting_step *step,
	const struct ev_order_opened *opened);
/* STEP was refused; *SHORT_OF_FUNDS when for lack of money. */
void quoting_refused(const struct quoting_step *step, unsigned refusal,
	bool *short_of_funds);

/* An event of the maker's; those of strange orders change nothing. */
void quoting_event(struct quoting *quoting, const struct message *event);
