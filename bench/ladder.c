/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ladder.c - arrays indexed by price and by order, and a best price a side.
 */
#include "bench/ladder.h"

#include <stdlib.h>

#include "wire/order.h"

struct rung {
	uint32_t head; /* order + 1 */
	uint32_t tail;
};

struct resting {
	int64_t ticks;
	int64_t lots; /* 0: not in the book */
	uint32_t next;
	uint32_t prev;
	uint16_t instrument;
	uint8_t side;
};

struct side_book {
	struct rung *rungs;
	int64_t best;
};

struct ladders {
	struct side_book *books; /* instrument × 2 + side */
	struct resting *orders;
	unsigned instruments;
	int64_t ticks_max;
	struct ladders_count count;
};

struct ladders *
ladders_new(unsigned instruments, int64_t ticks_max, uint32_t orders_max)
{
	struct ladders *ladders = calloc(1, sizeof(*ladders));
	unsigned i;

	if (!ladders)
		abort();
	ladders->instruments = instruments;
	ladders->ticks_max = ticks_max;
	ladders->books = calloc(instruments * 2, sizeof(*ladders->books));
	ladders->orders = calloc(orders_max, sizeof(*ladders->orders));
	if (!ladders->books || !ladders->orders)
		abort();
	for (i = 0; i < instruments * 2; i++) {
		ladders->books[i].rungs = calloc((size_t)ticks_max + 2,
			sizeof(struct rung));
		if (!ladders->books[i].rungs)
			abort();
		ladders->books[i].best = i % 2 == SIDE_BUY ? 0 : ticks_max + 1;
	}
	return ladders;
}

void
ladders_free(struct ladders *ladders)
{
	unsigned i;

	for (i = 0; i < ladders->instruments * 2; i++)
		free(ladders->books[i].rungs);
	free(ladders->books);
	free(ladders->orders);
	free(ladders);
}

struct ladders_count
ladders_count(const struct ladders *ladders)
{
	return ladders->count;
}

static void
unlink_order(struct ladders *l, uint32_t order)
{
	struct resting *at = &l->orders[order];
	struct rung *rung =
		&l->books[at->instrument * 2 + at->side].rungs[at->ticks];

	if (at->prev)
		l->orders[at->prev - 1].next = at->next;
	else
		rung->head = at->next;
	if (at->next)
		l->orders[at->next - 1].prev = at->prev;
	else
		rung->tail = at->prev;
	at->lots = 0;
}

static int64_t
trade(struct ladders *l, uint32_t maker, uint32_t taker, int64_t lots)
{
	struct resting *at = &l->orders[maker];
	int64_t n = at->lots < lots ? at->lots : lots;

	l->count.trades++;
	l->count.volume += (uint64_t)n;
	l->count.hash = (l->count.hash ^
				(maker * UINT64_C(0x9E3779B97F4A7C15) +
					taker * UINT64_C(0xC2B2AE3D27D4EB4F) +
					(uint64_t)at->ticks * 31 +
					(uint64_t)n)) *
		UINT64_C(0x100000001B3);
	if (n == at->lots)
		unlink_order(l, maker);
	else
		at->lots -= n;
	return n;
}

static int64_t
take(struct ladders *l, struct side_book *book, int side, uint32_t order,
	int64_t ticks, int64_t lots)
{
	int step = side == SIDE_BUY ? 1 : -1;

	while (lots > 0 && book->best >= 1 && book->best <= l->ticks_max &&
		(side == SIDE_BUY ? ticks >= book->best : ticks <= book->best)) {
		uint32_t head = book->rungs[book->best].head;

		if (head == 0)
			book->best += step;
		else
			lots -= trade(l, head - 1, order, lots);
	}
	return lots;
}

void
ladders_add(struct ladders *l, unsigned instrument, uint32_t order, int side,
	int64_t ticks, int64_t lots)
{
	struct side_book *own = &l->books[instrument * 2 + (unsigned)side];
	struct side_book *other = &l->books[instrument * 2 + !side];
	struct resting *at = &l->orders[order];
	struct rung *rung = &own->rungs[ticks];

	lots = take(l, other, side, order, ticks, lots);
	if (lots == 0)
		return;
	*at = (struct resting){.ticks = ticks, .lots = lots, .prev = rung->tail,
		.instrument = (uint16_t)instrument, .side = (uint8_t)side};
	if (rung->tail)
		l->orders[rung->tail - 1].next = order + 1;
	else
		rung->head = order + 1;
	rung->tail = order + 1;
	if (side == SIDE_BUY ? ticks > own->best : ticks < own->best)
		own->best = ticks;
}

int
ladders_cancel(struct ladders *l, uint32_t order)
{
	if (l->orders[order].lots == 0)
		return 0;
	unlink_order(l, order);
	return 1;
}

int
ladders_live(const struct ladders *l, uint32_t order)
{
	return l->orders[order].lots != 0;
}

void
ladders_reset_hash(struct ladders *l)
{
	l->count.hash = 0;
}
