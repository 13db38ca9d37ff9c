/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lists.h - orders into their lists and out of them: the free ones, their
 * price's level, their user's.  Private to src/engine.
 *
 * Nearly every command is one of each, so they are inline, and write to the
 * neighbours without asking whether there are any: see struct links.
 */
#pragma once

#include "engine/orders.h"

/* A slot for an order, which the caller fills in; NONE when all are taken. */
INLINE uint32_t
order_take(struct engine *engine)
{
	struct pool *pool = &engine->state->orders;

	return pool_take(pool, engine->links[pool->free].next);
}

INLINE void
order_give(struct engine *engine, uint32_t slot)
{
	engine->orders[slot].live = LIVE_NOT;
	engine->links[slot].next = pool_give(&engine->state->orders, slot);
}

/* The leaf that holds TICKS; see ladder_open(). */
INLINE uint32_t
ladder_leaf(struct engine *engine, struct ladder *ladder, int64_t ticks)
{
	uint64_t key = (uint64_t)ticks / LEVELS;
	uint32_t leaf = ladder->near[key % NEAR];

	return __builtin_expect(engine->leaves[leaf].key == key, 1)
		? leaf
		: ladder_open(engine, ladder, ticks);
}

/* LOTS of an order to the back of their price's level in LADDER; returns the
 * level's index. */
INLINE uint32_t
level_join(struct engine *engine, struct ladder *ladder, uint32_t slot,
	int64_t ticks, int64_t lots)
{
	struct links *links = &engine->links[slot];
	uint32_t leaf = ladder_leaf(engine, ladder, ticks);
	uint32_t index = leaf * LEVELS + (uint32_t)((uint64_t)ticks % LEVELS);
	struct level *level = &engine->levels[index];
	uint32_t last = level->tail;

	links->next = NONE;
	links->prev = last;
	engine->links[last].next = slot;
	level->tail = slot;
	level->lots += lots;
	if (last == NONE) {
		level->head = slot;
		ladder_mark(engine, ladder, leaf, ticks);
	}
	return index;
}

/* Out of its level, whose lots are lowered by what is left. */
INLINE void
level_leave(struct engine *engine, struct ladder *ladder, uint32_t slot)
{
	struct order *order = &engine->orders[slot];
	const struct links *links = &engine->links[slot];
	uint32_t next = links->next, prev = links->prev;
	struct level *level = level_of_order(engine, order);

	level->lots -= order->left;
	engine->links[prev].next = next;
	engine->links[next].prev = prev;
	level->head = prev == NONE ? next : level->head;
	level->tail = next == NONE ? prev : level->tail;
	if (level->head == NONE)
		ladder_clear(engine, ladder, order->level / LEVELS,
			order->ticks);
}

/* His list of open orders, the newest first; LISTED is the caller's. */
INLINE void
user_list_add(struct engine *engine, struct user *user, uint32_t slot)
{
	struct links *links = &engine->links[slot];
	uint32_t older = user->newest_order;

	links->user_next = older;
	links->user_prev = NONE;
	engine->links[older].user_prev = slot;
	user->newest_order = slot;
	user->open_orders++;
}

INLINE void
user_list_remove(struct engine *engine, struct user *user, uint32_t slot)
{
	const struct links *links = &engine->links[slot];
	uint32_t older = links->user_next, newer = links->user_prev;

	engine->links[newer].user_next = older;
	engine->links[older].user_prev = newer;
	user->newest_order = newer == NONE ? older : user->newest_order;
	user->open_orders--;
}
