/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quick.h - the short way of a plain order and a plain cancel; see quick.c
 * and quick_take.c.  Private to src/engine.
 *
 * Which side an order is on is as good as random, so what depends on it is
 * computed without a branch, or decided once.
 */
#pragma once

#include <string.h>

#include "engine/lists.h"
#include "engine/tell.h"

/*
 * Apply the command, its record written to OUT; or false: nothing has been
 * changed, and it must go the long way, which may refuse it.
 */
bool quick_place(struct engine *engine, int64_t time_us,
	const struct cmd_order_place *cmd, struct record *out);
bool quick_cancel(struct engine *engine, int64_t time_us,
	const struct cmd_order_cancel *cmd, struct record *out);

/* An order that may be placed. */
struct plain_order {
	struct user *user;
	struct instrument *instrument;
	struct balance *held; /* of what it holds */
	int64_t ticks;
	int64_t lots;
	int64_t hold;
	bool takes; /* it meets the other side */
};

/* One that is on its way to the other side: placed, held for, and told. */
struct quick_taking {
	const struct cmd_order_place *cmd;
	struct plain_order plain;
	struct ident_words id;
	uint32_t slot;
	struct record *out; /* has one event, which ends at AT */
	char *at;
};

/* Trade, and let it rest or end; the record is closed. */
void quick_take(struct engine *engine, const struct quick_taking *taking);

/* A or, of a sell, B. */
static inline int64_t
by_side(unsigned side, int64_t a, int64_t b)
{
	return a ^ ((a ^ b) & -(int64_t)side);
}

/* An order is kept as it was asked for: ACTS, as a limit order, where the
 * command has zero. */
#define KIND_BYTES 8
_Static_assert(offsetof(struct order, acts) -
				offsetof(struct order, instrument) ==
			KIND_BYTES - 1 &&
		offsetof(struct order, flags) -
				offsetof(struct order, instrument) ==
			offsetof(struct cmd_order_place, flags) -
				offsetof(struct cmd_order_place, instrument),
	"an order is kept as it was asked for");

/* Field by field, since clearing it first would take as long as all the rest.
 * When it takes, it is not in its user's list yet. */
static inline void
write_order(const struct cmd_order_place *cmd, const struct plain_order *p,
	struct ident_words id, struct order *order)
{
	const struct instrument_terms *terms = &p->instrument->terms;

	ident_put(id, &order->id);
	order->ticks = p->ticks;
	order->left = p->lots;
	order->hold = p->hold;
	order->lots = p->lots;
	order->user = cmd->head.user;
	order->level = NONE;
	memcpy((char *)order + offsetof(struct order, instrument),
		(const char *)cmd + sizeof(struct message), KIND_BYTES);
	order->live = LIVE_BOOK;
	order->listed = !p->takes;
	order->paired = 0;
	order->taker_sum = order->maker_sum = 0;
	order->fees = order->budget = 0;
	order->maker_rate = terms->maker_rate;
	order->taker_rate = terms->taker_rate;
}

/* It has N events, which end at END. */
static inline void
close_record(struct record *out, uint32_t n, const char *end)
{
	out->length = (uint32_t)(end - (const char *)out);
	out->n_events = n;
}
