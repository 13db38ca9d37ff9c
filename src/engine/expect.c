/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * expect.c - asking for memory before it is needed.
 *
 * A cancel touches an order anywhere in the pool, its neighbours in the level
 * and in its user's list: a chain of misses, each of which depends on the one
 * before.  The matcher knows its next commands, so the chain can be walked
 * for several of them at a time.
 *
 * What a command is, is as good as random, and a wrong guess would cost more
 * than the asking.  So every command is looked at as an order and as a cancel
 * at once, and where it is not the one, row NONE is asked for instead.
 */
#include <string.h>

#include "engine/orders.h"
#include "wire/ids.h"

/* By measurement, with 48 KiB of first-level cache and 2 MiB of second: from
 * here on each is worth its work. */
#define FEW_ORDERS 4000
#define MANY_ORDERS 12000

enum hints
engine_hints(const struct engine *engine)
{
	uint32_t live = engine->state->orders.live;

	return (enum hints)((live >= FEW_ORDERS) + (live >= MANY_ORDERS));
}

/* Enough of a message for what is read here. */
#define READABLE ORDER_CANCEL_SHORT

_Static_assert(offsetof(struct cmd_order_amend, order) ==
		offsetof(struct cmd_order_cancel, order),
	"both name their order behind the head");

/* All ones or all zeros. */
static inline uint32_t
mask(bool on)
{
	return -(uint32_t)on;
}

/* The order that a cancel or an amendment may name, or NONE. */
static inline uint32_t
expected_slot(const struct engine *engine, const struct message *command)
{
	const struct cmd_order_cancel *cmd = (const void *)command;
	uint32_t slot = order_ident_slot(cmd->order);

	return slot & mask(slot < engine->state->orders.used) &
		mask((command->type == CMD_ORDER_CANCEL) |
			(command->type == CMD_ORDER_AMEND));
}

/* Whether there is such a user or order need not be asked: nothing of theirs is
 * read, and to ask for memory that is not there does nothing. */
void
engine_expect(const struct engine *engine, const struct message *command)
{
	const struct cmd_order_cancel *cmd = (const void *)command;
	const struct user *user = &engine->users[command->user];
	uint32_t slot;

	if (command->size < READABLE)
		return;
	slot = order_ident_slot(cmd->order) &
		mask(command->type != CMD_ORDER_PLACE);
	__builtin_prefetch(user, 1);
	__builtin_prefetch(user->home, 1);
	__builtin_prefetch(&engine->orders[slot], 1);
	__builtin_prefetch(&engine->orders[slot].live, 1);
	__builtin_prefetch(&engine->links[slot], 1);
}

/* The neighbours that an order would leave, and its level. */
static inline void
expect_leave(const struct engine *engine, uint32_t slot)
{
	const struct links *links = &engine->links[slot];

	__builtin_prefetch(&engine->links[links->next], 1);
	__builtin_prefetch(&engine->links[links->prev], 1);
	__builtin_prefetch(&engine->links[links->user_next], 1);
	__builtin_prefetch(&engine->links[links->user_prev], 1);
	__builtin_prefetch(level_of_order(engine, &engine->orders[slot]), 1);
}

/* The first to trade with an order of SIDE, and the level where it rests if
 * it does not; of no order, what is best of SIDE 0. */
static inline void
expect_levels(const struct engine *engine, const struct instrument *at,
	unsigned side, int64_t price)
{
	const struct ladder *own = &at->books[side], *other = &at->books[!side];
	uint32_t head = level_of(engine, other->best_leaf, other->best)->head;
	uint64_t ticks = divide_unchecked(at->tick, price);

	__builtin_prefetch(&engine->orders[head], 1);
	__builtin_prefetch(&engine->orders[head].live, 1);
	__builtin_prefetch(level_of(engine, own->near[ticks / LEVELS % NEAR],
				   (int64_t)ticks), 1);
}

void
engine_expect_soon(const struct engine *engine, const struct message *command)
{
	const struct cmd_order_place *cmd = (const void *)command;
	uint32_t slot, number, places;
	const struct instrument *at;
	const struct user *user;

	if (command->size < READABLE ||
		command->user >= engine->state->users_used)
		return;
	slot = expected_slot(engine, command);
	user = &engine->users[command->user];
	places = mask(command->type == CMD_ORDER_PLACE);
	number = (cmd->instrument & places) |
		(engine->orders[slot].instrument & ~places);
	at = &engine->state->instruments[number % INSTRUMENTS_MAX];
	__builtin_prefetch(balance_seen(engine, user, at->terms.base), 1);
	__builtin_prefetch(balance_seen(engine, user, at->terms.quote), 1);
	__builtin_prefetch(&engine->links[user->newest_order], 1);
	expect_leave(engine, slot);
	expect_levels(engine, at, cmd->side & places & 1, cmd->price);
}
