/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quoting.c - wanted rungs, and the shortest way there.
 */
#include "work/quoting.h"

#include <string.h>

#define MILLION INT64_C(1000000)
/* How far a full LEAN moves the ladder, and how much it takes off a side. */
#define LEAN_PRICE 3000
#define LEAN_SIZE 800000
/* A quote with less of its size left is filled up. */
#define THIN_PER_CENT 40

void
quoting_forget(struct quoting *quoting)
{
	memset(quoting->quotes, 0, sizeof(quoting->quotes));
}

/* ---- What the page says -------------------------------------------------- */

static int64_t
quantity_at(const struct book_level *levels, unsigned n, int64_t price)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (levels[i].price == price)
			return levels[i].quantity;
	/* Behind the last that the page shows, nobody can tell. */
	if (n == BOOK_PAGE_LEVELS)
		return INT64_MAX;
	return 0;
}

static void
look_at_side(struct quoting *quoting, enum side side,
	const struct book_level *levels, unsigned n)
{
	unsigned i;

	quoting->best[side] = n > 0 ? levels[0].price : 0;
	for (i = 0; i < RUNGS; i++) {
		struct quote *quote = &quoting->quotes[side][i];
		int64_t there;

		if (!quote->live)
			continue;
		there = quantity_at(levels, n, quote->price);
		if (there < quote->total - quote->filled)
			quote->filled = quote->total - there;
		quote->live = there > 0;
	}
}

void
quoting_look(struct quoting *quoting, const struct book_slot *slot)
{
	const struct instrument_terms *terms = &slot->terms;
	int64_t grid;

	quoting->terms = *terms;
	quoting->reference = slot->reference_price;
	quoting->last = slot->last_price;
	quoting->open = slot->used && terms->status == MARKET_TRADING &&
		slot->reference_price > 0;
	grid = (int64_t)((__int128)slot->reference_price * quoting->plan->step /
		MILLION);
	grid -= grid % terms->tick;
	quoting->grid = grid > terms->tick ? grid : terms->tick;
	look_at_side(quoting, SIDE_BUY, slot->bids, slot->n_bids);
	look_at_side(quoting, SIDE_SELL, slot->asks, slot->n_asks);
}

/* ---- What is wanted ------------------------------------------------------ */

/* A rung's size: deeper is larger, and no two are quite the same. */
static int64_t
rung_size(const struct quoting *quoting, struct walk *walk, unsigned rung,
	int64_t share)
{
	__int128 size = quoting->plan->size;

	size = size * (2 + rung) / 2;
	size = size * (750 + (int64_t)walk_random(walk, 500)) / 1000;
	size = size * share / MILLION;
	return (int64_t)size - (int64_t)size % quoting->terms.lot;
}

/* After a trade far away, the band allows only what is near that. */
static int64_t
within_band(const struct quoting *quoting, int64_t price)
{
	int64_t last = quoting->last;

	if (last == 0 || quoting->terms.band_high == 0)
		return price;
	if (price > last * 4)
		return last * 4;
	return price < last / 4 ? last / 4 : price;
}

void
quoting_want(struct quoting *quoting, struct walk *walk, int64_t price,
	int64_t lean)
{
	int64_t half = (int64_t)((__int128)quoting->reference *
		quoting->plan->half / MILLION);
	int64_t grid = quoting->grid, bid, ask, share[2];
	unsigned i;

	price -= (int64_t)((__int128)price * lean * LEAN_PRICE / MILLION /
		MILLION);
	price = within_band(quoting, price);
	quoting->risen = price > quoting->price;
	quoting->price = price;
	bid = (price - half) / grid * grid;
	ask = (price + half + grid - 1) / grid * grid;
	share[SIDE_BUY] = MILLION;
	share[SIDE_SELL] = MILLION;
	if (lean > 0)
		share[SIDE_BUY] -= lean * LEAN_SIZE / MILLION;
	else
		share[SIDE_SELL] += lean * LEAN_SIZE / MILLION;
	for (i = 0; i < RUNGS; i++) {
		quoting->wants[SIDE_BUY][i] = (struct want){
			.price = bid - i * grid,
			.size = rung_size(quoting, walk, i, share[SIDE_BUY]),
		};
		quoting->wants[SIDE_SELL][i] = (struct want){
			.price = ask + i * grid,
			.size = rung_size(quoting, walk, i, share[SIDE_SELL]),
		};
	}
}

/* ---- The way there ------------------------------------------------------- */

/* Which quote covers which want; -1: none. */
struct cover {
	int by[RUNGS];     /* of a want */
	bool used[RUNGS];  /* a quote */
};

static void
find_cover(const struct quoting *quoting, enum side side, struct cover *cover)
{
	int i, j;

	memset(cover->used, 0, sizeof(cover->used));
	for (i = 0; i < RUNGS; i++) {
		cover->by[i] = -1;
		for (j = 0; j < RUNGS && cover->by[i] < 0; j++) {
			const struct quote *quote = &quoting->quotes[side][j];

			if (quote->live && !cover->used[j] &&
				quote->price == quoting->wants[side][i].price) {
				cover->by[i] = j;
				cover->used[j] = true;
			}
		}
	}
}

static struct want *
missing_want(struct quoting *quoting, enum side side, const struct cover *cover)
{
	unsigned i;

	for (i = 0; i < RUNGS; i++) {
		struct want *want = &quoting->wants[side][i];

		if (cover->by[i] < 0 && !want->refused && want->price > 0 &&
			want->size > 0)
			return want;
	}
	return NULL;
}

/* A quote that covers nothing: LIVE, to be moved or ended, or a free place. */
static struct quote *
idle_quote(struct quoting *quoting, enum side side, const struct cover *cover,
	bool live)
{
	unsigned i;

	for (i = 0; i < RUNGS; i++)
		if (!cover->used[i] && quoting->quotes[side][i].live == live)
			return &quoting->quotes[side][i];
	return NULL;
}

static bool
thin_quote(struct quoting *quoting, enum side side, const struct cover *cover,
	struct quoting_step *out)
{
	unsigned i;

	for (i = 0; i < RUNGS; i++) {
		struct want *want = &quoting->wants[side][i];
		struct quote *quote;

		if (cover->by[i] < 0 || want->refused)
			continue;
		quote = &quoting->quotes[side][cover->by[i]];
		if (quote->total - quote->filled >=
			want->size / 100 * THIN_PER_CENT)
			continue;
		*out = (struct quoting_step){QUOTING_AMEND, side, quote, want,
			quote->price, quote->filled + want->size};
		return true;
	}
	return false;
}

static bool
next_of_side(struct quoting *quoting, enum side side, struct quoting_step *out)
{
	struct cover cover;
	struct quote *quote;
	struct want *want;

	find_cover(quoting, side, &cover);
	want = missing_want(quoting, side, &cover);
	quote = idle_quote(quoting, side, &cover, true);
	if (quote && want)
		*out = (struct quoting_step){QUOTING_AMEND, side, quote, want,
			want->price, quote->filled + want->size};
	else if (quote)
		*out = (struct quoting_step){QUOTING_CANCEL, side, quote, NULL,
			0, 0};
	else if (want)
		*out = (struct quoting_step){QUOTING_PLACE, side,
			idle_quote(quoting, side, &cover, false), want,
			want->price, want->size};
	else
		return thin_quote(quoting, side, &cover, out);
	return true;
}

bool
quoting_next(struct quoting *quoting, struct quoting_step *out)
{
	enum side first = quoting->risen ? SIDE_SELL : SIDE_BUY;

	return next_of_side(quoting, first, out) ||
		next_of_side(quoting, first == SIDE_BUY ? SIDE_SELL : SIDE_BUY,
			out);
}

bool
quoting_fidget(struct quoting *quoting, struct walk *walk,
	struct quoting_step *out)
{
	enum side side = walk_random(walk, 2) ? SIDE_SELL : SIDE_BUY;
	unsigned i = (unsigned)walk_random(walk, RUNGS);
	struct cover cover;
	struct quote *quote;
	struct want *want = &quoting->wants[side][i];

	find_cover(quoting, side, &cover);
	if (cover.by[i] < 0 || want->refused || want->size <= 0)
		return false;
	quote = &quoting->quotes[side][cover.by[i]];
	*out = (struct quoting_step){QUOTING_AMEND, side, quote, want,
		quote->price, quote->filled + want->size};
	return out->total != quote->total;
}

/* ---- How it went --------------------------------------------------------- */

void
quoting_opened(const struct quoting_step *step,
	const struct ev_order_opened *opened)
{
	*step->quote = (struct quote){.order = opened->order,
		.price = opened->price,
		.total = opened->quantity,
		.live = true};
}

void
quoting_refused(const struct quoting_step *step, unsigned refusal,
	bool *short_of_funds)
{
	*short_of_funds = refusal == REFUSED_NO_FUNDS;
	if (step->kind == QUOTING_CANCEL || refusal == REFUSED_UNKNOWN_ORDER ||
		refusal == REFUSED_ORDER_ENDED) {
		step->quote->live = false;
		return;
	}
	step->want->refused = true;
}

static struct quote *
find_quote(struct quoting *quoting, struct ident order)
{
	unsigned i;

	for (i = 0; i < 2 * RUNGS; i++) {
		struct quote *quote = &quoting->quotes[i / RUNGS][i % RUNGS];

		if (quote->live && ident_equal(quote->order, order))
			return quote;
	}
	return NULL;
}

static void
take_fill(struct quoting *quoting, const struct trade_side *side)
{
	struct quote *quote = find_quote(quoting, side->order);

	if (quote)
		quote->filled = side->filled;
}

static void
take_terms(struct quoting *quoting, const struct ev_order_amended *amended)
{
	struct quote *quote = find_quote(quoting, amended->order);

	if (!quote)
		return;
	quote->price = amended->price;
	quote->total = amended->quantity;
	quote->filled = amended->filled;
}

void
quoting_event(struct quoting *quoting, const struct message *event)
{
	const struct ev_trade *trade = (const void *)event;
	struct quote *quote;

	if (event->type == EV_TRADE) {
		take_fill(quoting, &trade->maker);
		take_fill(quoting, &trade->taker);
	} else if (event->type == EV_ORDER_AMENDED) {
		take_terms(quoting, (const void *)event);
	} else if (event->type == EV_ORDER_CLOSED) {
		quote = find_quote(quoting,
			((const struct ev_order_closed *)event)->order);
		if (quote)
			quote->live = false;
	}
}
