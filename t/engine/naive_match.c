/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_match.c - holds, fills, the book, and how orders end.
 */
#include "naive_state.h"

#include <stdlib.h>

struct naive_instrument *
order_instrument(const struct naive *n, const struct naive_order *o)
{
	return &n->instruments[o->instrument];
}

struct balance *
balance_of(const struct naive *n, uint32_t user, uint16_t asset)
{
	return &find_user(n, user)->balances[asset];
}

uint16_t
held_asset(const struct instrument_terms *terms, uint8_t side)
{
	return side == SIDE_BUY ? terms->quote : terms->base;
}

/* ---- What an order costs ------------------------------------------------- */

wide
notional(wide price, wide quantity)
{
	assert(price * quantity % DECIMAL_ONE == 0);
	return price * quantity / DECIMAL_ONE;
}

static uint32_t
dearer_rate(uint32_t maker_rate, uint32_t taker_rate)
{
	return maker_rate > taker_rate ? maker_rate : taker_rate;
}

wide
with_fee(wide n, uint32_t maker_rate, uint32_t taker_rate)
{
	return n + ceil_div(n * dearer_rate(maker_rate, taker_rate), RATE_SCALE);
}

static wide
fees_due(const struct naive_order *o)
{
	return ceil_div(o->taker_sum * o->taker_rate +
			o->maker_sum * o->maker_rate, RATE_SCALE);
}

/* Not of an order by budget, whose hold is kept by its fills. */
wide
hold_due(const struct naive_order *o)
{
	wide open = o->quantity - o->filled, n;

	if (o->side == SIDE_SELL)
		return open;
	n = notional(o->limit, open);
	return n + ceil_div(o->taker_sum * o->taker_rate +
			o->maker_sum * o->maker_rate +
			n * dearer_rate(o->maker_rate, o->taker_rate),
			RATE_SCALE) - o->fees;
}

void
set_hold(struct naive *n, struct naive_order *o, wide hold)
{
	uint16_t asset = held_asset(&order_instrument(n, o)->terms, o->side);
	struct balance *b = balance_of(n, o->user, asset);

	b->available = narrow(b->available + o->hold - hold);
	b->held = narrow(b->held - o->hold + hold);
	o->hold = hold;
	assert(b->available >= 0 && b->held >= 0 && hold >= 0);
}

/* ---- The book ------------------------------------------------------------ */

static bool
is_better(uint8_t side, wide a, wide b)
{
	return side == SIDE_BUY ? a > b : a < b;
}

struct naive_order *
best(const struct naive_instrument *ins, uint8_t side)
{
	return ins->n_book[side] > 0 ? ins->book[side][0] : NULL;
}

bool
crosses(const struct naive_order *taker, const struct naive_order *maker)
{
	return !is_better(maker->side, taker->limit, maker->limit);
}

void
book_insert(struct naive *n, struct naive_order *o)
{
	struct naive_instrument *ins = order_instrument(n, o);
	struct naive_order **list;
	size_t at = 0, i;

	APPEND(ins->book[o->side], ins->n_book[o->side]);
	list = ins->book[o->side];
	while (at < ins->n_book[o->side] - 1 &&
		!is_better(o->side, o->limit, list[at]->limit))
		at++;
	for (i = ins->n_book[o->side] - 1; i > at; i--)
		list[i] = list[i - 1];
	list[at] = o;
	o->resting = true;
}

void
book_remove(struct naive *n, struct naive_order *o)
{
	struct naive_instrument *ins = order_instrument(n, o);
	size_t i = 0;

	while (ins->book[o->side][i] != o)
		i++;
	REMOVE(ins->book[o->side], ins->n_book[o->side], i);
	o->resting = false;
}

void
emit_level(struct naive *n, uint16_t instrument, uint8_t side, int64_t price)
{
	const struct naive_instrument *ins = &n->instruments[instrument];
	struct ev_level *e = emit(n, EV_LEVEL, sizeof(*e), USER_HOUSE);
	wide quantity = 0;
	size_t i;

	for (i = 0; i < ins->n_book[side]; i++)
		if (ins->book[side][i]->limit == price)
			quantity += ins->book[side][i]->quantity -
				ins->book[side][i]->filled;
	e->instrument = instrument;
	e->side = side;
	e->price = price;
	e->quantity = quantity < INT64_MAX ? (int64_t)quantity : INT64_MAX;
}

/* ---- Ends ---------------------------------------------------------------- */

/* O alone; the other order of its pair, if any, is no longer of one. */
static void
end_one(struct naive *n, struct naive_order *o, enum order_status status,
	enum close_reason reason)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	struct ev_order_closed *e;
	size_t i;

	if (o->pair)
		o->pair->pair = NULL;
	if (o->resting)
		book_remove(n, o);
	set_hold(n, o, 0);
	e = emit(n, EV_ORDER_CLOSED, sizeof(*e), o->user);
	e->order = o->id;
	e->instrument = o->instrument;
	e->side = o->side;
	e->status = (uint8_t)status;
	e->reason = (uint8_t)reason;
	e->quantity = o->budget > 0 ? o->filled : o->quantity;
	e->filled = o->filled;
	e->quote = narrow(o->taker_sum + o->maker_sum);
	e->fee = narrow(o->fees);
	e->after = *balance_of(n, o->user, held_asset(t, o->side));

	*(uint32_t *)APPEND(n->free_slots, n->n_free_slots) = o->slot;
	for (i = 0; n->orders[i] != o; i++)
		;
	REMOVE(n->orders, n->n_orders, i);
	free(o);
}

void
close_order(struct naive *n, struct naive_order *o, enum order_status status,
	enum close_reason reason)
{
	struct naive_order *other = o->pair;

	end_one(n, o, status, reason);
	if (other)
		cancel_order(n, other, CLOSE_OCO);
}

void
cancel_order(struct naive *n, struct naive_order *o, enum close_reason reason)
{
	struct naive_order *other = o->pair;
	uint16_t instrument = o->instrument;
	bool rested = o->resting;
	wide price = o->limit;
	uint8_t side = o->side;

	end_one(n, o, ORDER_CANCELLED, reason);
	if (rested)
		emit_level(n, instrument, side, narrow(price));
	if (other)
		cancel_order(n, other, CLOSE_OCO);
}

void
dissolve_pair(struct naive *n, struct naive_order *o)
{
	struct naive_order *other = o->pair;

	if (!other)
		return;
	o->pair = NULL;
	other->pair = NULL;
	cancel_order(n, other, CLOSE_OCO);
}

/* ---- Fills --------------------------------------------------------------- */

/* The fill itself: sums, fee, hold and balances of one side; its fee. */
static wide
settle_side(struct naive *n, struct naive_order *o, bool taker, wide quantity,
	wide quote)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	struct balance *base = balance_of(n, o->user, t->base);
	struct balance *money = balance_of(n, o->user, t->quote);
	wide fee, hold;

	*(taker ? &o->taker_sum : &o->maker_sum) += quote;
	o->filled = narrow(o->filled + quantity);
	fee = fees_due(o) - o->fees;
	o->fees += fee;

	if (o->side == SIDE_SELL) {
		hold = o->hold - quantity;
		set_hold(n, o, hold);
		base->available = narrow(base->available - quantity);
		money->available = narrow(money->available + quote - fee);
	} else {
		hold = o->budget > 0 ? o->hold - quote - fee : hold_due(o);
		/* At once: of one who trades with himself the hold may not fit
		 * beside what he got. */
		money->available = narrow(money->available + o->hold - hold -
			quote - fee);
		money->held = narrow(money->held - o->hold + hold);
		o->hold = hold;
		base->available = narrow(base->available + quantity);
	}
	assert(base->available >= 0 && money->available >= 0 &&
		money->held >= 0 && o->hold >= 0);
	return fee;
}

static void
show_side(const struct naive *n, struct trade_side *out,
	const struct naive_order *o, wide fee)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;

	out->order = o->id;
	out->user = o->user;
	out->fee = narrow(fee);
	out->filled = o->filled;
	out->quote = narrow(o->taker_sum + o->maker_sum);
	out->fees = narrow(o->fees);
	out->left = o->budget > 0 ? 0 : o->quantity - o->filled;
	out->base_after = *balance_of(n, o->user, t->base);
	out->quote_after = *balance_of(n, o->user, t->quote);
}

/* The maker's side is booked first. */
static void
show_positions(struct naive *n, struct ev_trade *e)
{
	if (e->taker_side == SIDE_BUY) {
		book_sell(n, e->maker.user, e, &e->maker_position);
		book_buy(n, e->taker.user, e, &e->taker_position);
	} else {
		book_buy(n, e->maker.user, e, &e->maker_position);
		book_sell(n, e->taker.user, e, &e->taker_position);
	}
}

static void
fill(struct naive *n, struct naive_order *taker, struct naive_order *maker,
	wide quantity)
{
	struct naive_instrument *ins = order_instrument(n, taker);
	uint16_t asset = ins->terms.quote;
	wide quote = notional(maker->limit, quantity), taker_fee, maker_fee;
	struct ev_trade *e;

	taker_fee = settle_side(n, taker, true, quantity, quote);
	maker_fee = settle_side(n, maker, false, quantity, quote);
	n->house[ACCOUNT_FEES][asset] += taker_fee + maker_fee;
	ins->last_price = narrow(maker->limit);
	n->traded = ins;
	n->trades++;

	e = emit(n, EV_TRADE, sizeof(*e), taker->user);
	touch(n, maker->user);
	e->trade = trade_ident(n->now, n->seq, n->fill++);
	e->instrument = taker->instrument;
	e->base = ins->terms.base;
	e->quote_asset = asset;
	e->taker_side = taker->side;
	e->price = ins->last_price;
	e->quantity = narrow(quantity);
	e->quote = narrow(quote);
	e->fees_after = narrow(n->house[ACCOUNT_FEES][asset]);
	show_side(n, &e->maker, maker, maker_fee);
	show_side(n, &e->taker, taker, taker_fee);
	show_positions(n, e);
	dissolve_pair(n, taker);
	dissolve_pair(n, maker);
}

/* What the budget of O still has to spend, or to bring in. */
static wide
budget_left(const struct naive_order *o)
{
	return o->side == SIDE_BUY ? o->hold
				   : o->budget - o->taker_sum - o->maker_sum;
}

/*
 * The lots of a maker at UNIT a lot that the rest of the budget pays.  Of a
 * buy: what it pays with the fee unrounded, less what the rounding takes.
 */
static wide
lots_for_budget(const struct naive_order *taker, wide unit)
{
	wide rest = budget_left(taker), lots;

	if (taker->side == SIDE_SELL)
		return rest / unit;
	lots = rest * RATE_SCALE / (unit * (RATE_SCALE + taker->taker_rate));
	for (; lots > 0; lots--) {
		struct naive_order after = *taker;

		after.taker_sum += lots * unit;
		if (lots * unit + fees_due(&after) - taker->fees <= rest)
			break;
	}
	return lots;
}

/* How much TAKER takes of MAKER. */
static wide
quantity_of_fill(const struct naive *n, const struct naive_order *taker,
	const struct naive_order *maker)
{
	wide lot = order_instrument(n, taker)->terms.lot;
	wide open = maker->quantity - maker->filled, wanted;

	if (taker->budget > 0)
		wanted = lots_for_budget(taker, notional(maker->limit, lot)) *
			lot;
	else
		wanted = taker->quantity - taker->filled;
	return wanted < open ? wanted : open;
}

static bool
sums_fit(const struct naive_order *o, wide quote)
{
	return o->taker_sum + o->maker_sum + quote <= INT64_MAX;
}

static bool
is_done(const struct naive_order *taker)
{
	if (taker->budget > 0)
		return taker->filled > 0 && budget_left(taker) == 0;
	return taker->filled == taker->quantity;
}

/* Emit the level that was TOUCHED, once the taker is done with it. */
static void
leave_level(struct naive *n, const struct naive_order *taker,
	const struct naive_order *maker, int64_t *touched)
{
	if (*touched == 0 || (maker && maker->limit == *touched))
		return;
	emit_level(n, taker->instrument, !taker->side, *touched);
	*touched = 0;
}

/* Meet makers until the taker is done; CLOSE_NONE: none is left to meet. */
static enum close_reason
meet_makers(struct naive *n, struct naive_order *taker, int64_t *touched)
{
	struct naive_instrument *ins = order_instrument(n, taker);
	uint8_t stp = n->options.ignore_self_trades ? STP_NONE : taker->stp;
	struct naive_order *maker;
	uint32_t fills = 0;
	wide quantity;

	for (;;) {
		maker = best(ins, !taker->side);
		leave_level(n, taker, maker, touched);
		if (is_done(taker))
			return CLOSE_FILLED;
		if (!maker || !crosses(taker, maker))
			return CLOSE_NONE;
		quantity = quantity_of_fill(n, taker, maker);
		if (quantity == 0)
			return taker->filled > 0 ? CLOSE_FILLED : CLOSE_NONE;
		if (fills == FILLS_MAX)
			return CLOSE_FILL_LIMIT;
		if (maker->user == taker->user && stp != STP_NONE) {
			if (stp == STP_TAKER)
				return CLOSE_SELF_TRADE;
			*touched = narrow(maker->limit);
			close_order(n, maker, ORDER_CANCELLED,
				CLOSE_SELF_TRADE);
			if (stp == STP_BOTH)
				return CLOSE_SELF_TRADE;
			continue;
		}
		if (!sums_fit(taker, notional(maker->limit, quantity)) ||
			!sums_fit(maker, notional(maker->limit, quantity)))
			return CLOSE_FILL_LIMIT;
		*touched = narrow(maker->limit);
		fill(n, taker, maker, quantity);
		fills++;
		if (maker->filled == maker->quantity)
			close_order(n, maker, ORDER_FILLED, CLOSE_FILLED);
	}
}

/* Whether a FOK order would trade wholly. */
static bool
is_fillable(const struct naive *n, const struct naive_order *taker)
{
	const struct naive_instrument *ins = order_instrument(n, taker);
	uint8_t stp = n->options.ignore_self_trades ? STP_NONE : taker->stp;
	uint8_t side = !taker->side;
	wide quantity = 0;
	uint32_t counted = 0;
	size_t i;

	for (i = 0; i < ins->n_book[side]; i++) {
		const struct naive_order *maker = ins->book[side][i];

		if (quantity >= taker->quantity || counted == FILLS_MAX ||
			!crosses(taker, maker))
			break;
		if (maker->user == taker->user && stp == STP_MAKER)
			continue;
		if (maker->user == taker->user && stp != STP_NONE)
			break;
		quantity += maker->quantity - maker->filled;
		counted++;
	}
	return quantity >= taker->quantity;
}

void
trade_and_rest(struct naive *n, struct naive_order *o)
{
	enum close_reason reason;
	int64_t touched = 0;

	if (o->acts == TYPE_LIMIT && o->tif == TIF_FOK && !is_fillable(n, o)) {
		close_order(n, o, ORDER_CANCELLED, CLOSE_UNFILLABLE);
		return;
	}
	reason = meet_makers(n, o, &touched);
	leave_level(n, o, NULL, &touched);
	if (reason == CLOSE_FILLED)
		close_order(n, o, ORDER_FILLED, reason);
	else if (reason != CLOSE_NONE)
		close_order(n, o, ORDER_CANCELLED, reason);
	else if (o->acts == TYPE_MARKET || o->tif != TIF_GTC)
		close_order(n, o, ORDER_CANCELLED, CLOSE_REMAINDER);
	else {
		book_insert(n, o);
		emit_level(n, o->instrument, o->side, narrow(o->limit));
	}
}
