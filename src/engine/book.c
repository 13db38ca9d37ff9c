/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * book.c - orders in their levels, and how they end.
 */
#include <assert.h>

#include "engine/lists.h"
#include "engine/tell.h"
#include "wire/ids.h"

void
order_join(struct engine *engine, struct ladder *ladder, uint32_t slot)
{
	struct order *order = &engine->orders[slot];

	order->level =
		level_join(engine, ladder, slot, order->ticks, order->left);
}

void
order_leave(struct engine *engine, struct ladder *ladder, uint32_t slot)
{
	level_leave(engine, ladder, slot);
	engine->orders[slot].level = NONE;
}

void
order_list(struct engine *engine, uint32_t slot)
{
	struct order *order = &engine->orders[slot];

	user_list_add(engine, &engine->users[order->user], slot);
	order->listed = 1;
}

void
order_unlist(struct engine *engine, uint32_t slot)
{
	struct order *order = &engine->orders[slot];

	user_list_remove(engine, &engine->users[order->user], slot);
	order->listed = 0;
}

void
book_rest(struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot];
	struct instrument *instrument =
		&engine->state->instruments[order->instrument];

	order_join(engine, &instrument->books[order->side], slot);
	instrument->resting++;
}

void
book_unlink(struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot];
	struct instrument *instrument =
		&engine->state->instruments[order->instrument];

	order_leave(engine, &instrument->books[order->side], slot);
	instrument->resting--;
}

void
emit_level(struct engine *engine, uint16_t instrument, enum side side,
	int64_t ticks, int64_t lots)
{
	const struct instrument *at = &engine->state->instruments[instrument];
	struct ev_level *ev = emit(engine, EV_LEVEL, sizeof(*ev), USER_HOUSE);

	tell_level(ev, at, side, ticks * at->terms.tick, lots);
}

/* Make what the order still holds available again; the balance after it. */
static struct balance
release(struct engine *engine, struct order *order, struct user *user,
	const struct instrument_terms *terms)
{
	struct balance *balance = balance_of(engine, user,
		order->side == SIDE_BUY ? terms->quote : terms->base);
	struct balance after = {
		.available = balance->available + order->hold,
		.held = balance->held - order->hold,
	};

	/* Stored here and told from registers: reading it back as one value
	 * would wait for two separate stores. */
	*balance = after;
	order->hold = 0;
	return after;
}

void
order_close(struct engine *engine, uint32_t slot, enum close_reason reason)
{
	struct order *order = &engine->orders[slot];
	struct user *user = &engine->users[order->user];
	const struct instrument_terms *terms =
		&engine->state->instruments[order->instrument].terms;
	struct ev_order_closed *ev =
		emit(engine, EV_ORDER_CLOSED, sizeof(*ev), order->user);
	bool by_budget = order->budget != 0;

	tell_end(ev, order->user, order->instrument, order->side,
		reason == CLOSE_FILLED ? ORDER_FILLED : ORDER_CANCELLED,
		reason);
	ev->order = order->id;
	ev->quantity = order->lots * terms->lot;
	ev->filled = (order->lots - (by_budget ? 0 : order->left)) * terms->lot;
	ev->quote = order->taker_sum + order->maker_sum;
	ev->fee = order->fees;
	ev->after = release(engine, order, user, terms);
	user->last_seq = engine->seq;
	order_give(engine, slot);
}

static void
cancel_waiting(struct engine *engine, uint32_t slot, enum close_reason reason)
{
	stop_leave(engine, slot);
	order_unlist(engine, slot);
	order_close(engine, slot, reason);
}

static void
cancel_resting(struct engine *engine, uint32_t slot, enum close_reason reason)
{
	struct order *order = &engine->orders[slot];
	uint16_t instrument = order->instrument;
	enum side side = (enum side)order->side;
	int64_t ticks = order->ticks;
	/* A level that loses its last order is empty, wherever its leaf goes. */
	struct level *level = level_of_order(engine, order);

	book_unlink(engine, slot);
	order_unlist(engine, slot);
	order_close(engine, slot, reason);
	emit_level(engine, instrument, side, ticks, level->lots);
}

void
order_cancel(struct engine *engine, uint32_t slot, enum close_reason reason)
{
	uint32_t other = pair_untie(engine, slot);

	if (__builtin_expect(engine->orders[slot].live == LIVE_WAITING, 0))
		cancel_waiting(engine, slot, reason);
	else
		cancel_resting(engine, slot, reason);
	if (__builtin_expect(other != NONE, 0))
		order_cancel(engine, other, CLOSE_OCO);
}

void
cancel_all(struct engine *engine, struct user *user, uint16_t instrument,
	unsigned side, enum close_reason reason)
{
	uint32_t slot = user->newest_order, next;

	for (; slot != NONE; slot = next) {
		const struct order *order = &engine->orders[slot];

		/* The stop of a pair stands right behind its limit order. */
		next = engine->links[slot].user_next;
		if (order->paired && engine->stops[slot].pair == next)
			next = engine->links[next].user_next;
		if (instrument != INSTRUMENT_ANY &&
			order->instrument != instrument)
			continue;
		if (side != SIDE_BOTH && order->side != side)
			continue;
		order_cancel(engine, slot, reason);
	}
}

void
cancel_book(struct engine *engine, uint16_t instrument)
{
	struct instrument *at = &engine->state->instruments[instrument];
	struct ladder *const ladders[] = {&at->books[SIDE_BUY],
		&at->books[SIDE_SELL], &at->waiting[RISING],
		&at->waiting[FALLING]};
	uint32_t n = 0;
	size_t i;

	for (i = 0; i < N_ELEMENTS(ladders); i++)
		for (; ladders[i]->levels > 0 && n < CANCELS_MAX; n++)
			order_cancel(engine,
				level_of(engine, ladders[i]->best_leaf,
					ladders[i]->best)->head,
				CLOSE_OPERATOR);
	instrument_watch(engine, at);
}

enum refusal
order_find(const struct engine *engine, uint32_t user, struct ident id,
	uint32_t *slot)
{
	struct order_name name;
	const struct order *order;

	if (!order_ident_split(id, &name) || name.user != user)
		return REFUSED_UNKNOWN_ORDER;
	if (name.slot == NONE || name.slot >= engine->state->orders.used)
		return REFUSED_ORDER_ENDED;
	order = &engine->orders[name.slot];
	if (!order->live || !ident_equal(order->id, id))
		return REFUSED_ORDER_ENDED;
	*slot = name.slot;
	return REFUSED_NONE;
}

static enum refusal
find_by_client_id(const struct engine *engine, uint32_t user,
	const struct cmd_order_cancel *cmd, uint32_t *slot)
{
	const struct remembered *entry;
	uint64_t key[2];

	if (cmd->head.size <= ORDER_CANCEL_SHORT ||
		cmd->client_id_length == 0 ||
		cmd->client_id_length > CLIENT_ID_MAX ||
		offsetof(struct cmd_order_cancel, client_id) +
				cmd->client_id_length >
			cmd->head.size)
		return REFUSED_UNKNOWN_ORDER;
	client_key(user, cmd->client_id, cmd->client_id_length, key);
	entry = recall_find(&engine->client_ids, key, engine->now_us);
	if (!entry)
		return REFUSED_UNKNOWN_ORDER;
	return order_find(engine, user, entry->order, slot);
}

enum refusal
apply_order_cancel(struct engine *engine, const struct cmd_order_cancel *cmd)
{
	enum refusal refusal;
	uint32_t slot;

	if (!engine->actor)
		return REFUSED_UNKNOWN_USER;
	refusal = ident_is_none(cmd->order)
		? find_by_client_id(engine, cmd->head.user, cmd, &slot)
		: order_find(engine, cmd->head.user, cmd->order, &slot);
	if (refusal == REFUSED_NONE)
		order_cancel(engine, slot, CLOSE_USER);
	return refusal;
}

enum refusal
apply_order_cancel_all(struct engine *engine,
	const struct cmd_order_cancel_all *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->instrument != INSTRUMENT_ANY &&
		!instrument_find(engine, cmd->instrument))
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (cmd->side > SIDE_BOTH)
		return REFUSED_BAD_SIDE;
	cancel_all(engine, user, cmd->instrument, cmd->side,
		cmd->by_operator ? CLOSE_OPERATOR : CLOSE_USER);
	return REFUSED_NONE;
}
