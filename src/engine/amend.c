/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * amend.c - new terms for a resting order.
 *
 * Only giving something up keeps the place in the queue: a smaller quantity
 * at the same price.  Anything else is a cancel and a new order in one, under
 * the same id, with the same rates and running sums.
 */
#include <string.h>

#include "engine/orders.h"

struct amending {
	struct engine *engine;
	uint32_t slot;
	struct order *order;
	struct user *user;
	struct terms terms; /* the new ones; lots are the new total */
	int64_t hold;
};

static struct balance *
held_balance(const struct amending *a)
{
	const struct instrument_terms *terms = &a->terms.instrument->terms;

	return balance_of(a->engine, a->user,
		a->order->side == SIDE_BUY ? terms->quote : terms->base);
}

static enum refusal
check_numbers(struct amending *a, const struct cmd_order_amend *cmd)
{
	struct terms *terms = &a->terms;

	if (cmd->price < 0)
		return REFUSED_BAD_PRICE;
	if (cmd->quantity < 0)
		return REFUSED_BAD_QUANTITY;
	terms->ticks = a->order->ticks;
	terms->lots = a->order->lots;
	if (cmd->price != 0 &&
		!divide_exactly(terms->instrument->tick, cmd->price,
			&terms->ticks))
		return REFUSED_OFF_TICK;
	if (cmd->quantity != 0 &&
		!divide_exactly(terms->instrument->lot, cmd->quantity,
			&terms->lots))
		return REFUSED_OFF_LOT;
	if (terms->ticks == a->order->ticks && terms->lots == a->order->lots)
		return REFUSED_NO_CHANGE;
	return REFUSED_NONE;
}

/* What the order must hold for LEFT lots at its new price. */
static int64_t
new_hold(const struct amending *a, int64_t left)
{
	const struct instrument *instrument = a->terms.instrument;

	if (a->order->side == SIDE_SELL)
		return left * instrument->terms.lot;
	return buy_hold(a->order, left * a->terms.ticks * instrument->unit);
}

static void
change_hold(struct amending *a, int64_t hold)
{
	struct balance *balance = held_balance(a);

	balance->available -= hold - a->order->hold;
	balance->held += hold - a->order->hold;
	a->order->hold = hold;
	a->user->last_seq = a->engine->seq;
}

static void
emit_amended(const struct amending *a, bool kept_place)
{
	const struct order *order = a->order;
	const struct instrument_terms *terms = &a->terms.instrument->terms;
	struct ev_order_amended *ev = emit(a->engine, EV_ORDER_AMENDED,
		sizeof(*ev), order->user);

	ev->order = order->id;
	ev->instrument = order->instrument;
	ev->side = order->side;
	ev->kept_place = kept_place;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->price = order->ticks * terms->tick;
	ev->quantity = a->order->lots * terms->lot;
	ev->filled = (a->order->lots - order->left) * terms->lot;
	ev->hold = order->hold;
	ev->after = *held_balance(a);
	ev->quote = a->order->taker_sum + a->order->maker_sum;
	ev->fee = a->order->fees;
}

static void
shrink(struct amending *a, int64_t left)
{
	struct level *level =
		level_of_order(a->engine, a->order);

	level->lots -= a->order->left - left;
	a->order->left = left;
	a->order->lots = a->terms.lots;
	change_hold(a, new_hold(a, left));
	emit_amended(a, true);
	emit_level(a->engine, a->order->instrument, (enum side)a->order->side,
		a->order->ticks, level->lots);
}

/* Nothing is left of it under its new total. */
static void
finish(struct amending *a)
{
	struct order *order = a->order;
	int64_t filled = a->order->lots - order->left;

	/* Out of the level with the old quantity, told with the new one. */
	book_unlink(a->engine, a->slot);
	a->order->lots = a->terms.lots;
	order->left = a->terms.lots - filled;
	order_unlist(a->engine, a->slot);
	order_close(a->engine, a->slot, CLOSE_AMENDED);
}

static enum refusal
check_replacement(struct amending *a, int64_t left)
{
	const struct order *order = a->order;
	struct terms *terms = &a->terms;
	const struct ladder *opposite = &terms->instrument
						 ->books[!order->side];
	uint32_t rate = higher_rate(a->order->taker_rate, a->order->maker_rate);
	enum refusal refusal;

	if (order->side == SIDE_BUY && reduces_only(a->engine, a->user))
		return REFUSED_REDUCE_ONLY;
	refusal = check_band(terms->instrument,
		terms->ticks * terms->instrument->terms.tick);
	if (refusal == REFUSED_NONE)
		refusal = check_notional(terms, rate);
	if (refusal == REFUSED_NONE)
		refusal = check_value(a->engine, a->user, terms->instrument,
			terms->notional);
	if (refusal == REFUSED_NONE && order->side == SIDE_BUY)
		refusal = risk_check(a->engine,
			&(struct exposure){
				.user = order->user,
				.instrument = order->instrument,
				.except = a->slot,
				.value = (__int128)left * terms->ticks *
					terms->instrument->unit,
			});
	if (refusal != REFUSED_NONE)
		return refusal;
	if ((a->order->flags & ORDER_POST_ONLY) && opposite->levels > 0 &&
		crosses(terms->side, terms->ticks, opposite->best))
		return REFUSED_WOULD_TAKE;
	a->hold = new_hold(a, left);
	return held_balance(a)->available + order->hold < a->hold
		? REFUSED_NO_FUNDS
		: REFUSED_NONE;
}

static enum refusal
replace(struct amending *a, int64_t left)
{
	struct order *order = a->order;
	int64_t old_ticks = order->ticks;
	struct level *old_level;
	enum refusal refusal = check_replacement(a, left);

	if (refusal != REFUSED_NONE)
		return refusal;
	old_level = level_of_order(a->engine, order);
	book_unlink(a->engine, a->slot);
	emit_level(a->engine, order->instrument, (enum side)order->side,
		old_ticks, old_level->lots);
	order->ticks = a->terms.ticks;
	order->left = left;
	a->order->lots = a->terms.lots;
	change_hold(a, a->hold);
	emit_amended(a, false);
	match(a->engine, a->slot);
	return REFUSED_NONE;
}

enum refusal
apply_order_amend(struct engine *engine, const struct cmd_order_amend *cmd)
{
	struct amending a = {.engine = engine};
	enum refusal refusal;
	int64_t filled, ticks;
	struct level *level;

	a.user = user_find(engine, cmd->head.user);
	if (!a.user)
		return REFUSED_UNKNOWN_USER;
	if (a.user->locked)
		return REFUSED_USER_LOCKED;
	refusal = order_find(engine, cmd->head.user, cmd->order, &a.slot);
	if (refusal != REFUSED_NONE)
		return refusal;
	a.order = &engine->orders[a.slot];
	a.terms.instrument =
		&engine->state->instruments[a.order->instrument];
	a.terms.side = (enum side)a.order->side;
	if (a.terms.instrument->terms.status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (a.order->live == LIVE_WAITING || a.order->paired)
		return REFUSED_CANNOT_AMEND;
	refusal = check_numbers(&a, cmd);
	if (refusal != REFUSED_NONE)
		return refusal;
	filled = a.order->lots - a.order->left;
	ticks = a.order->ticks;
	if (a.terms.lots <= filled) {
		uint16_t instrument = a.order->instrument;

		level = level_of_order(engine, a.order);
		finish(&a);
		emit_level(engine, instrument, a.terms.side, ticks,
			level->lots);
		return REFUSED_NONE;
	}
	if (a.terms.ticks == ticks && a.terms.lots < a.order->lots) {
		shrink(&a, a.terms.lots - filled);
		return REFUSED_NONE;
	}
	return replace(&a, a.terms.lots - filled);
}
