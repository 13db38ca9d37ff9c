/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sound.c - is the state what it must be?
 *
 * Everything that is kept twice is compared with what it is kept of.  Memory
 * for the sums is the caller's stack and one allocation, since this never
 * runs in the matcher's loop.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/orders.h"

struct check {
	const struct engine *engine;
	int64_t *held; /* by user and asset: what orders and withdrawals hold */
	uint32_t *listed; /* by user: resting orders */
	char *why;
	size_t size;
};

static bool PRINTF_LIKE(2, 3)
blame(struct check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(c->why, c->size, format, args);
	va_end(args);
	return false;
}

static int64_t *
held_of(struct check *c, uint32_t user, uint16_t asset)
{
	return &c->held[(size_t)user * ASSETS_MAX + asset];
}

/* The two of a pair know each other, and only one of them waits. */
static bool
pair_is_sound(const struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot], *other;
	uint32_t pair;

	if (!order->paired)
		return true;
	pair = engine->stops[slot].pair;
	other = &engine->orders[pair];
	return other->paired && engine->stops[pair].pair == slot &&
		other->user == order->user && other->side == order->side &&
		other->instrument == order->instrument &&
		other->live + order->live == LIVE_BOOK + LIVE_WAITING;
}

static bool
check_waiting_order(struct check *c, uint32_t slot, const struct instrument *at,
	enum waiting direction, int64_t ticks)
{
	const struct order *order = &c->engine->orders[slot];

	if (order->live != LIVE_WAITING || order->ticks != ticks ||
		order->instrument != at->terms.instrument || !order->listed ||
		order->left != order->lots ||
		waits_for(order->type, order->side) !=
			direction ||
		!pair_is_sound(c->engine, slot))
		return blame(c, "stop %u is not what its place says", slot);
	if (order->side == SIDE_SELL &&
		order->hold != (order->paired ? 0 : order->left * at->terms.lot))
		return blame(c, "stop %u holds %lld", slot,
			(long long)order->hold);
	*held_of(c, order->user,
		order->side == SIDE_BUY ? at->terms.quote : at->terms.base) +=
		order->hold;
	c->listed[order->user]++;
	return true;
}

static bool
check_waiting(struct check *c, const struct instrument *at,
	enum waiting direction, uint64_t *waiting)
{
	const struct ladder *ladder = &at->waiting[direction];
	int64_t ticks = ladder->best;
	uint32_t leaf = ladder->best_leaf, slot;
	bool more;

	for (more = ladder->levels > 0; more;
		more = ladder_next(c->engine, ladder, ticks, &leaf, &ticks))
		for (slot = level_of(c->engine, leaf, ticks)->head;
			slot != NONE; slot = c->engine->links[slot].next) {
			if (!check_waiting_order(c, slot, at, direction, ticks))
				return false;
			(*waiting)++;
		}
	return true;
}

/* Older ones have seen all that younger ones have. */
static bool
trailing_is_sound(const struct engine *engine, const struct instrument *at,
	enum side side)
{
	const struct trailing *list = &at->trailing[side];
	uint32_t slot, n = 0;
	int64_t peak = 0;

	for (slot = list->oldest; slot != NONE;
		slot = engine->stops[slot].younger, n++) {
		const struct stop *stop = &engine->stops[slot];

		if (n > list->count || engine->orders[slot].side != side ||
			engine->orders[slot].type != TYPE_TRAILING_STOP ||
			(n > 0 &&
				(side == SIDE_SELL ? stop->peak > peak
						   : stop->peak < peak)))
			return false;
		peak = stop->peak;
	}
	return n == list->count;
}

static bool
check_order(struct check *c, uint32_t slot, const struct instrument *at,
	int side, int64_t ticks)
{
	const struct order *order = &c->engine->orders[slot];
	int64_t hold;

	if (order->live != LIVE_BOOK || !pair_is_sound(c->engine, slot) ||
		order->side != side || order->ticks != ticks ||
		order->instrument != at->terms.instrument || order->left <= 0 ||
		order->left > order->lots || !order->listed)
		return blame(c, "order %u is not what its level says", slot);
	hold = side == SIDE_SELL
		? order->left * at->terms.lot
		: buy_hold(order, order->left * order->ticks * at->unit);
	if (order->hold != hold)
		return blame(c, "order %u holds %lld instead of %lld", slot,
			(long long)order->hold, (long long)hold);
	*held_of(c, order->user,
		side == SIDE_BUY ? at->terms.quote : at->terms.base) += hold;
	c->listed[order->user]++;
	return true;
}

static bool
check_side(struct check *c, const struct instrument *at, int side,
	uint64_t *resting)
{
	const struct ladder *ladder = &at->books[side];
	int64_t ticks = ladder->best;
	uint32_t leaf = ladder->best_leaf, slot;
	uint64_t levels = 0;
	bool more;

	for (more = ladder->levels > 0; more;
		more = ladder_next(c->engine, ladder, ticks, &leaf, &ticks)) {
		const struct level *level = level_of(c->engine, leaf, ticks);
		int64_t lots = 0;

		levels++;
		for (slot = level->head; slot != NONE;
			slot = c->engine->links[slot].next) {
			if (!check_order(c, slot, at, side, ticks))
				return false;
			lots += c->engine->orders[slot].left;
			(*resting)++;
		}
		if (lots != level->lots || lots == 0)
			return blame(c, "level %lld of %s has %lld lots, not %lld",
				(long long)ticks, at->terms.symbol,
				(long long)level->lots, (long long)lots);
	}
	if (levels != ladder->levels)
		return blame(c, "%s has %llu levels instead of %llu",
			at->terms.symbol, (unsigned long long)levels,
			(unsigned long long)ladder->levels);
	return true;
}

static bool
check_books(struct check *c)
{
	const struct state *state = c->engine->state;
	uint64_t all = 0;
	uint32_t i;

	for (i = 0; i < state->instruments_count; i++) {
		const struct instrument *at = &state->instruments[i];
		uint64_t resting = 0, waiting = 0;

		if (!check_side(c, at, SIDE_BUY, &resting) ||
			!check_side(c, at, SIDE_SELL, &resting))
			return false;
		if (resting != at->resting)
			return blame(c, "%s counts %llu orders, has %llu",
				at->terms.symbol,
				(unsigned long long)at->resting,
				(unsigned long long)resting);
		if (at->books[0].levels > 0 && at->books[1].levels > 0 &&
			at->books[0].best >= at->books[1].best)
			return blame(c, "the book of %s is crossed",
				at->terms.symbol);
		if (!check_waiting(c, at, FALLING, &waiting) ||
			!check_waiting(c, at, RISING, &waiting))
			return false;
		if (waiting != at->waiting_count ||
			!trailing_is_sound(c->engine, at, SIDE_BUY) ||
			!trailing_is_sound(c->engine, at, SIDE_SELL))
			return blame(c, "%s counts its stops wrongly",
				at->terms.symbol);
		all += resting + waiting;
	}
	if (all != state->orders.live)
		return blame(c, "%u orders live, %llu rest", state->orders.live,
			(unsigned long long)all);
	return true;
}

static bool
check_holdings(struct check *c, uint32_t number)
{
	const struct user *user = &c->engine->users[number];
	uint16_t i;

	for (i = 0; i < c->engine->state->instruments_count; i++) {
		const struct position *p = position_of(c->engine, number, i);

		if (p->quantity < 0 || p->cost < 0 ||
			(p->quantity == 0 && p->cost != 0))
			return blame(c, "user %u has an odd position in %u",
				number, i);
	}
	if (user->reduce_only == REDUCE_RISK && user->watch == NONE)
		return blame(c, "user %u is bound by a watch he has not",
			number);
	return true;
}

static bool
check_user(struct check *c, uint32_t number, __int128 *sums)
{
	const struct user *user = &c->engine->users[number];
	uint32_t n = 0, slot;
	uint16_t asset;

	for (asset = 0; asset < ASSETS_MAX; asset++) {
		const struct balance *balance =
			balance_seen(c->engine, user, asset);

		if (balance->available < 0 || balance->held < 0)
			return blame(c, "user %u has less than nothing of %u",
				number, asset);
		if (balance->held != *held_of(c, number, asset))
			return blame(c, "user %u holds %lld of %u, not %lld",
				number, (long long)balance->held, asset,
				(long long)*held_of(c, number, asset));
		sums[asset] += balance->available;
		sums[asset] += balance->held;
	}
	if (!check_holdings(c, number))
		return false;
	for (slot = user->newest_order; slot != NONE;
		slot = c->engine->links[slot].user_next)
		if (++n > user->open_orders)
			break;
	if (n != user->open_orders || n != c->listed[number])
		return blame(c, "user %u lists %u orders, counts %u, has %u",
			number, n, user->open_orders, c->listed[number]);
	return true;
}

static bool
check_all(struct check *c)
{
	const struct state *state = c->engine->state;
	__int128 sums[ASSETS_MAX] = {0};
	uint32_t i;

	for (i = 1; i < state->withdrawals.used; i++) {
		const struct withdrawal *w = &c->engine->withdrawals[i];

		if (w->live)
			*held_of(c, w->user, w->asset) += w->amount;
	}
	if (!check_books(c))
		return false;
	for (i = 1; i < state->users_used; i++)
		if (c->engine->users[i].epoch != 0 && !check_user(c, i, sums))
			return false;
	if (!timers_sound(c->engine))
		return blame(c, "the dead-man switches are out of order");
	for (i = 0; i < state->assets_count; i++) {
		const struct asset *asset = &state->assets[i];

		sums[i] += asset->fees;
		sums[i] += asset->world;
		sums[i] += asset->corrections;
		if (sums[i] != 0)
			return blame(c, "%s does not sum to zero", asset->code);
	}
	for (i = 0; i < BLOCK_ASSETS; i++)
		if (c->engine->blocks[NONE].of[i].available != 0 ||
			c->engine->blocks[NONE].of[i].held != 0)
			return blame(c, "the empty balances are not empty");
	return true;
}

bool
engine_sound(const struct engine *engine, char *why, size_t size)
{
	struct check c = {.engine = engine, .why = why, .size = size};
	size_t users = engine->state->users_used + (size_t)1;
	bool sound;

	c.held = calloc(users * ASSETS_MAX, sizeof(*c.held));
	c.listed = calloc(users, sizeof(*c.listed));
	sound = c.held && c.listed ? check_all(&c)
				   : blame(&c, "out of memory");
	free(c.held);
	free(c.listed);
	return sound;
}
