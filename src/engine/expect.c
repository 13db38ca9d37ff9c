/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * expect.c - asking for memory before it is needed.
 *
 * A cancel touches an order anywhere in the pool, its neighbours in the level
 * and in its user's list: a chain of misses, each of which depends on the one
 * before.  The matcher knows its next commands, so the chain can be walked
 * for several of them at a time.
 */
#include "engine/orders.h"
#include "wire/ids.h"

/*
 * Few orders stay in the processor's own cache, and asking for them is only
 * work; the bound is about what a second-level cache of 2 MiB holds.
 */
#define FEW_ORDERS 12000

static bool
is_small(const struct engine *engine)
{
	return engine->state->orders.live < FEW_ORDERS;
}

static const struct order *
expected_order(const struct engine *engine, const struct message *command)
{
	const struct cmd_order_cancel *cmd = (const void *)command;
	struct order_name name;

	if (!order_ident_split(cmd->order, &name) ||
		name.slot >= engine->state->orders.used)
		return NULL;
	return &engine->orders[name.slot];
}

/* Where its user's positions are: read when he has traded here before. */
static void
expect_holdings(const struct engine *engine, const struct cmd_order_place *cmd)
{
	if (cmd->instrument < INSTRUMENTS_MAX)
		__builtin_prefetch(
			&engine->holdings[cmd->head.user].blocks
				 [cmd->instrument / BLOCK_POSITIONS]);
}

void
engine_expect(const struct engine *engine, const struct message *command)
{
	const struct order *order;

	if (is_small(engine) || command->user >= engine->state->users_used)
		return;
	__builtin_prefetch(&engine->users[command->user], 1);
	if (command->type == CMD_ORDER_PLACE)
		expect_holdings(engine, (const void *)command);
	/* A cancel and an amendment both name their order behind the head. */
	if (command->type != CMD_ORDER_CANCEL &&
		command->type != CMD_ORDER_AMEND)
		return;
	order = expected_order(engine, command);
	if (!order)
		return;
	__builtin_prefetch(order, 1);
	__builtin_prefetch(&engine->more[order - engine->orders], 1);
}

static void
expect_balance(const struct engine *engine, uint32_t number, uint16_t asset)
{
	__builtin_prefetch(balance_of(engine, &engine->users[number], asset),
		1);
}

static void
expect_cancel(const struct engine *engine, const struct order *order)
{
	const struct instrument *instrument;

	if (!order->live || order->leaf == NONE)
		return;
	instrument = &engine->state->instruments[order->instrument];
	__builtin_prefetch(level_of(engine, order->leaf, order->ticks), 1);
	__builtin_prefetch(&engine->leaves[order->leaf], 1);
	__builtin_prefetch(&engine->orders[order->next], 1);
	__builtin_prefetch(&engine->orders[order->prev], 1);
	__builtin_prefetch(&engine->orders[order->user_next], 1);
	__builtin_prefetch(&engine->orders[order->user_prev], 1);
	expect_balance(engine, order->user,
		order->side == SIDE_BUY ? instrument->terms.quote
					: instrument->terms.base);
}

/* The first to trade with a taker, and its level. */
static void
expect_best(const struct engine *engine, const struct ladder *ladder)
{
	const struct level *level;

	if (ladder->levels == 0)
		return;
	level = level_of(engine, ladder->best_leaf, ladder->best);
	__builtin_prefetch(&engine->orders[level->head], 1);
	__builtin_prefetch(&engine->more[level->head], 1);
}

static void
expect_place(const struct engine *engine, const struct cmd_order_place *cmd)
{
	const struct instrument *instrument =
		instrument_find(engine, cmd->instrument);
	const struct user *user = &engine->users[cmd->head.user];
	const struct ladder *own, *other;
	uint32_t leaf;
	int64_t ticks;

	if (!instrument || cmd->side > SIDE_SELL)
		return;
	own = &instrument->books[cmd->side];
	other = &instrument->books[!cmd->side];
	expect_balance(engine, cmd->head.user, instrument->terms.base);
	expect_balance(engine, cmd->head.user, instrument->terms.quote);
	__builtin_prefetch(&engine->orders[user->newest_order], 1);
	if (!divide_exactly(instrument->tick, cmd->price, &ticks))
		return;
	if (other->levels > 0 &&
		crosses((enum side)cmd->side, ticks, other->best)) {
		expect_best(engine, other);
		__builtin_prefetch(position_of(engine, cmd->head.user,
					   cmd->instrument),
			1);
		return;
	}
	leaf = ladder_find(engine, own, ticks);
	if (leaf != NONE)
		__builtin_prefetch(level_of(engine, leaf, ticks), 1);
}

void
engine_expect_soon(const struct engine *engine, const struct message *command)
{
	const struct order *order;

	if (is_small(engine) || command->user >= engine->state->users_used)
		return;
	if (command->type == CMD_ORDER_PLACE) {
		expect_place(engine, (const void *)command);
	} else if (command->type == CMD_ORDER_CANCEL ||
		command->type == CMD_ORDER_AMEND) {
		order = expected_order(engine, command);
		if (order)
			expect_cancel(engine, order);
	}
}
