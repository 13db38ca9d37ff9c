/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stop.c - orders that wait for the last price: stop-loss, take-profit and
 * trailing stops.
 *
 * They lie in ladders of their own, by stop price.  A command never fires one
 * itself: it only makes them due, and each TICK fires one, so that every
 * order that trades has a record, and its bounds, for itself.
 */
#include <string.h>

#include "engine/orders.h"

static struct instrument *
instrument_of(const struct engine *engine, const struct order *order)
{
	return &engine->state->instruments[order->instrument];
}

/* ---- Waiting ------------------------------------------------------------- */

static void
trailing_join(struct engine *engine, struct trailing *list, uint32_t slot)
{
	struct stop *stop = &engine->stops[slot];

	stop->older = list->youngest;
	stop->younger = NONE;
	if (list->youngest != NONE)
		engine->stops[list->youngest].younger = slot;
	else
		list->oldest = slot;
	list->youngest = slot;
	list->count++;
}

static void
trailing_leave(struct engine *engine, struct trailing *list, uint32_t slot)
{
	const struct stop *stop = &engine->stops[slot];

	if (stop->older != NONE)
		engine->stops[stop->older].younger = stop->younger;
	else
		list->oldest = stop->younger;
	if (stop->younger != NONE)
		engine->stops[stop->younger].older = stop->older;
	else
		list->youngest = stop->older;
	list->count--;
}

void
stop_wait(struct engine *engine, uint32_t slot)
{
	struct order *order = &engine->orders[slot];
	struct instrument *at = instrument_of(engine, order);
	uint8_t type = order->type;

	order->live = LIVE_WAITING;
	order_join(engine, &at->waiting[waits_for(type, order->side)], slot);
	at->waiting_count++;
	if (type == TYPE_TRAILING_STOP)
		trailing_join(engine, &at->trailing[order->side], slot);
	instrument_watch(engine, at);
}

void
stop_leave(struct engine *engine, uint32_t slot)
{
	struct order *order = &engine->orders[slot];
	struct instrument *at = instrument_of(engine, order);
	uint8_t type = order->type;

	order_leave(engine, &at->waiting[waits_for(type, order->side)], slot);
	at->waiting_count--;
	if (type == TYPE_TRAILING_STOP)
		trailing_leave(engine, &at->trailing[order->side], slot);
	order->live = LIVE_BOOK;
	instrument_watch(engine, at);
}

/* ---- Trailing ------------------------------------------------------------ */

int64_t
trail_ticks(enum side side, int64_t peak, int64_t trail, uint32_t rate)
{
	__int128 ticks;

	if (side == SIDE_SELL) {
		if (trail != 0)
			return peak > trail ? peak - trail : 0;
		return (int64_t)((__int128)peak * (RATE_SCALE - rate) /
			RATE_SCALE);
	}
	ticks = trail != 0
		? (__int128)peak + trail
		: ((__int128)peak * (RATE_SCALE + rate) + RATE_SCALE - 1) /
			RATE_SCALE;
	return ticks > INT64_MAX ? 0 : (int64_t)ticks;
}

static bool
is_better(enum side side, int64_t price, int64_t peak)
{
	return side == SIDE_SELL ? price > peak : price < peak;
}

static void
follow(struct engine *engine, const struct instrument *at,
	struct ladder *ladder, uint32_t slot)
{
	struct order *order = &engine->orders[slot];
	struct stop *stop = &engine->stops[slot];
	int64_t moved = trail_ticks((enum side)order->side,
		at->last_price / at->terms.tick, stop->trail,
		stop->trail_rate);

	stop->peak = at->last_price;
	if (moved == 0 || moved == order->ticks)
		return;
	order_leave(engine, ladder, slot);
	order->ticks = moved;
	order_join(engine, ladder, slot);
}

/* The youngest have seen the least: only they can have seen nothing better. */
static void
trailing_follow(struct engine *engine, struct instrument *at, enum side side)
{
	struct ladder *ladder =
		&at->waiting[waits_for(TYPE_TRAILING_STOP, (uint8_t)side)];
	uint32_t slot = at->trailing[side].youngest, first = NONE;

	while (slot != NONE &&
		is_better(side, at->last_price, engine->stops[slot].peak)) {
		first = slot;
		slot = engine->stops[slot].older;
	}
	for (slot = first; slot != NONE; slot = engine->stops[slot].younger)
		follow(engine, at, ladder, slot);
}

void
stops_follow(struct engine *engine, struct instrument *at)
{
	trailing_follow(engine, at, SIDE_BUY);
	trailing_follow(engine, at, SIDE_SELL);
	instrument_watch(engine, at);
}

/* ---- Due ----------------------------------------------------------------- */

static bool
is_due(const struct instrument *at, enum waiting direction)
{
	const struct ladder *ladder = &at->waiting[direction];
	int64_t stop = ladder->best * at->terms.tick;

	if (ladder->levels == 0 || at->last_price == 0 ||
		at->terms.status != MARKET_TRADING)
		return false;
	return direction == RISING ? at->last_price >= stop
				   : at->last_price <= stop;
}

static void
set_bit(uint64_t *bits, uint32_t i, bool on)
{
	uint64_t bit = UINT64_C(1) << i % 64;

	bits[i / 64] = on ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

void
instrument_watch(struct engine *engine, const struct instrument *at)
{
	set_bit(engine->state->due, at->terms.instrument,
		is_due(at, RISING) || is_due(at, FALLING));
	set_bit(engine->state->leftover, at->terms.instrument,
		at->terms.status == MARKET_DELISTED &&
			at->resting + at->waiting_count > 0);
}

/* ---- Firing -------------------------------------------------------------- */

struct firing {
	struct engine *engine;
	uint32_t slot;
	struct order *order;
	struct instrument *instrument;
	struct user *user;
	struct ladder *opposite;
	struct balance *held;
	int64_t hold; /* what it must hold from now on */
};

static enum close_reason
price(struct firing *f)
{
	const struct stop *stop = &f->engine->stops[f->slot];
	enum side side = (enum side)f->order->side;
	struct terms terms = {.instrument = f->instrument, .side = side};
	int64_t best = f->opposite->best;
	struct exposure buy = {
		.user = f->order->user,
		.instrument = f->order->instrument,
		.except = f->slot,
		.value = (__int128)f->order->left *
			(stop->limit != 0 ? stop->limit : best) *
			f->instrument->unit,
	};

	if (stop->limit == 0 && f->opposite->levels == 0)
		return CLOSE_REMAINDER;
	if (side == SIDE_BUY &&
		(reduces_only(f->engine, f->user) ||
			risk_check(f->engine, &buy) != REFUSED_NONE))
		return CLOSE_RISK;
	terms.lots = f->order->left;
	terms.ticks = stop->limit != 0
		? stop->limit
		: collar_ticks(f->instrument, side, best);
	if (check_notional(&terms,
		    higher_rate(f->order->taker_rate, f->order->maker_rate)) !=
		REFUSED_NONE)
		return CLOSE_NO_FUNDS;
	f->order->ticks = terms.ticks;
	f->hold = side == SIDE_SELL
		? f->order->left * f->instrument->terms.lot
		: buy_hold(f->order, terms.notional);
	return f->held->available + f->order->hold < f->hold ? CLOSE_NO_FUNDS
							     : CLOSE_NONE;
}

static void
emit_triggered(const struct firing *f)
{
	struct ev_order_triggered *ev = emit(f->engine, EV_ORDER_TRIGGERED,
		sizeof(*ev), f->order->user);

	ev->order = f->order->id;
	ev->instrument = f->order->instrument;
	ev->side = f->order->side;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->last_price = f->instrument->last_price;
	ev->hold = f->order->hold;
	ev->after = *f->held;
}

static void
fire(struct engine *engine, uint32_t slot)
{
	struct firing f = {
		.engine = engine,
		.slot = slot,
		.order = &engine->orders[slot],
	};
	enum close_reason end;
	uint32_t other;
	bool buys;

	f.instrument = instrument_of(engine, f.order);
	f.user = &engine->users[f.order->user];
	buys = f.order->side == SIDE_BUY;
	f.opposite = &f.instrument->books[buys ? SIDE_SELL : SIDE_BUY];
	f.held = balance_of(engine, f.user,
		buys ? f.instrument->terms.quote : f.instrument->terms.base);
	watch_begin(engine, f.order->user);
	f.user->last_seq = engine->seq;
	stop_leave(engine, slot);
	other = pair_untie(engine, slot);
	if (other != NONE)
		order_cancel(engine, other, CLOSE_OCO);
	end = price(&f);
	if (end == CLOSE_NONE) {
		f.held->available -= f.hold - f.order->hold;
		f.held->held += f.hold - f.order->hold;
		f.order->hold = f.hold;
	}
	emit_triggered(&f);
	if (end == CLOSE_NONE) {
		match(engine, slot);
		return;
	}
	order_unlist(engine, slot);
	order_close(engine, slot, end);
}

bool
stop_fire(struct engine *engine)
{
	const struct state *state = engine->state;
	const struct instrument *at;
	const struct ladder *ladder;
	unsigned i;

	for (i = 0; i < N_ELEMENTS(state->due); i++)
		if (state->due[i] != 0)
			break;
	if (i == N_ELEMENTS(state->due))
		return false;
	at = &state->instruments[i * 64 +
		(unsigned)__builtin_ctzll(state->due[i])];
	ladder = &at->waiting[is_due(at, RISING) ? RISING : FALLING];
	fire(engine, level_of(engine, ladder->best_leaf, ladder->best)->head);
	return true;
}
