/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_stops.c - orders that wait for the last trade price to trigger them.
 *
 * There is no list of them: whoever looks for one looks at all orders.
 */
#include "naive_state.h"

/* ---- Trailing ------------------------------------------------------------ */

/* The stop at a distance from PEAK, in ticks; it may be any number. */
static wide
stop_ticks(const struct instrument_terms *t, uint8_t side, int64_t trail,
	uint32_t rate, wide peak)
{
	wide ticks = peak / t->tick;

	if (side == SIDE_SELL)
		return trail ? ticks - trail / t->tick
			     : ticks * (RATE_SCALE - (wide)rate) / RATE_SCALE;
	return trail ? ticks + trail / t->tick
		     : ceil_div(ticks * (RATE_SCALE + (wide)rate), RATE_SCALE);
}

/* Of a command: its stop price when it comes. */
static wide
first_stop(const struct naive_instrument *ins, const struct cmd_order_place *c)
{
	return stop_ticks(&ins->terms, c->side, c->trail, c->trail_rate,
		ins->last_price) * ins->terms.tick;
}

/* O follows the last price, if that is better than any before. */
static void
follow(struct naive *n, struct naive_order *o)
{
	const struct naive_instrument *ins = order_instrument(n, o);
	wide last = ins->last_price, ticks;

	if (o->side == SIDE_SELL ? last <= o->peak : last >= o->peak)
		return;
	o->peak = last;
	ticks = stop_ticks(&ins->terms, o->side, o->trail, o->trail_rate, last);
	if (ticks < 1)
		ticks = 1;
	if (ticks * ins->terms.tick > INT64_MAX ||
		ticks * ins->terms.tick == o->stop)
		return;
	o->stop = ticks * ins->terms.tick;
	o->stop_since = n->stop_arrivals++;
}

void
trail_stops(struct naive *n)
{
	uint64_t next = 0;

	/* The older ones first. */
	while (n->traded) {
		struct naive_order *oldest = NULL;
		size_t i;

		for (i = 0; i < n->n_orders; i++) {
			struct naive_order *o = n->orders[i];

			if (!o->waiting || o->type != TYPE_TRAILING_STOP ||
				order_instrument(n, o) != n->traded ||
				o->accepted < next)
				continue;
			if (!oldest || o->accepted < oldest->accepted)
				oldest = o;
		}
		if (!oldest)
			return;
		follow(n, oldest);
		next = oldest->accepted + 1;
	}
}

/* ---- Checks -------------------------------------------------------------- */

static enum refusal
check_trail(const struct naive_instrument *ins, const struct cmd_order_place *c)
{
	wide stop;

	if (c->stop_price != 0)
		return REFUSED_BAD_STOP_PRICE;
	if ((c->trail != 0) == (c->trail_rate != 0))
		return REFUSED_BAD_TRAIL;
	if (c->trail != 0 && (c->trail < 0 || c->trail % ins->terms.tick != 0))
		return REFUSED_BAD_TRAIL;
	if (c->trail_rate > NAIVE_TRAIL_RATE_MAX)
		return REFUSED_BAD_TRAIL;
	if (ins->last_price == 0)
		return REFUSED_NO_REFERENCE;
	stop = first_stop(ins, c);
	if (stop < ins->terms.tick || stop > INT64_MAX)
		return REFUSED_BAD_TRAIL;
	return REFUSED_NONE;
}

enum refusal
check_stop(const struct naive_instrument *ins, const struct cmd_order_place *c)
{
	const struct instrument_terms *t = &ins->terms;

	if (c->quantity <= 0)
		return REFUSED_BAD_QUANTITY;
	if (c->quantity % t->lot != 0)
		return REFUSED_OFF_LOT;
	if (c->quote_budget != 0)
		return REFUSED_BAD_AMOUNT;
	if (c->price < 0 || (c->type == TYPE_TRAILING_STOP && c->price != 0))
		return REFUSED_BAD_PRICE;
	if (c->price % t->tick != 0)
		return REFUSED_OFF_TICK;
	if (c->type == TYPE_TRAILING_STOP)
		return check_trail(ins, c);
	if (c->stop_price <= 0 || c->stop_price % t->tick != 0)
		return REFUSED_BAD_STOP_PRICE;
	if (c->trail != 0 || c->trail_rate != 0)
		return REFUSED_BAD_TRAIL;
	return REFUSED_NONE;
}

void
make_stop(const struct naive_instrument *ins, const struct cmd_order_place *c,
	struct naive_order *o)
{
	o->waiting = true;
	o->stop = c->stop_price;
	o->trail = c->trail;
	o->trail_rate = c->trail_rate;
	if (c->type == TYPE_TRAILING_STOP) {
		o->stop = first_stop(ins, c);
		o->peak = ins->last_price;
	}
}

enum refusal
check_stop_worth(const struct naive *n, const struct naive_order *o,
	wide *hold, wide *value)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	wide price = o->limit;

	if (price == 0 && o->side == SIDE_SELL)
		price = o->stop;
	else if (price == 0)
		price = collar_price(t, SIDE_BUY, o->stop);
	if (!value_fits(o->side, price, o->quantity, o->maker_rate,
		o->taker_rate))
		return REFUSED_TOO_BIG;
	*hold = o->quantity;
	if (o->side == SIDE_BUY)
		*hold = with_fee(notional(price, o->quantity), o->maker_rate,
			o->taker_rate);
	*value = notional(o->limit ? o->limit : o->stop, o->quantity);
	return check_value(n, o->user, t, *value);
}

enum refusal
check_trailing_room(const struct naive *n, const struct naive_order *o)
{
	size_t trailing = 0, i;

	if (o->type != TYPE_TRAILING_STOP)
		return REFUSED_NONE;
	for (i = 0; i < n->n_orders; i++)
		trailing += n->orders[i]->waiting &&
			n->orders[i]->type == TYPE_TRAILING_STOP &&
			n->orders[i]->instrument == o->instrument &&
			n->orders[i]->side == o->side;
	return trailing >= NAIVE_TRAILING_MAX ? REFUSED_FULL : REFUSED_NONE;
}

/* ---- Which is next ------------------------------------------------------- */

bool
is_rising(const struct naive_order *o)
{
	return (o->side == SIDE_BUY) == (o->type != TYPE_TAKE_PROFIT);
}

struct naive_order *
first_waiting(const struct naive *n, uint16_t instrument, bool rising)
{
	struct naive_order *first = NULL;
	size_t i;

	for (i = 0; i < n->n_orders; i++) {
		struct naive_order *o = n->orders[i];

		if (!o->waiting || o->instrument != instrument ||
			is_rising(o) != rising)
			continue;
		if (!first || (rising ? o->stop < first->stop
				      : o->stop > first->stop) ||
			(o->stop == first->stop &&
				o->stop_since < first->stop_since))
			first = o;
	}
	return first;
}

struct naive_order *
due_stop(const struct naive *n, uint16_t instrument)
{
	const struct naive_instrument *ins = find_instrument(n, instrument);
	wide last = ins->last_price;
	struct naive_order *o;

	if (ins->terms.status != MARKET_TRADING || last == 0)
		return NULL;
	o = first_waiting(n, instrument, true);
	if (o && last >= o->stop)
		return o;
	o = first_waiting(n, instrument, false);
	return o && last <= o->stop ? o : NULL;
}

/* ---- Triggering ---------------------------------------------------------- */

static void
emit_triggered(struct naive *n, const struct naive_order *o)
{
	const struct naive_instrument *ins = order_instrument(n, o);
	struct ev_order_triggered *e = emit(n, EV_ORDER_TRIGGERED, sizeof(*e),
		o->user);

	e->order = o->id;
	e->instrument = o->instrument;
	e->side = o->side;
	e->last_price = ins->last_price;
	e->hold = narrow(o->hold);
	e->after = *balance_of(n, o->user, held_asset(&ins->terms, o->side));
}

/* It triggers, but cannot act. */
static void
fail(struct naive *n, struct naive_order *o, enum close_reason reason)
{
	emit_triggered(n, o);
	close_order(n, o, ORDER_CANCELLED, reason);
}

void
fire(struct naive *n, struct naive_order *o)
{
	const struct naive_instrument *ins = order_instrument(n, o);
	const struct instrument_terms *t = &ins->terms;
	const struct naive_order *opposite;
	struct naive_order acting;
	wide price, available;

	o->waiting = false;
	dissolve_pair(n, o);
	opposite = best(ins, !o->side);
	acting = *o;
	acting.acts = o->limit ? TYPE_LIMIT : TYPE_MARKET;
	if (acting.acts == TYPE_MARKET && !opposite) {
		fail(n, o, CLOSE_REMAINDER);
		return;
	}
	price = o->limit ? o->limit : opposite->limit;
	if (acting.acts == TYPE_MARKET)
		acting.limit = collar_price(t, o->side, opposite->limit);
	if (o->side == SIDE_BUY &&
		(reduces_only(n, find_user(n, o->user)) ||
			check_risk(n, o->user, o->instrument,
				notional(price, o->quantity), o))) {
		fail(n, o, CLOSE_RISK);
		return;
	}
	available = balance_of(n, o->user, held_asset(t, o->side))->available;
	if (!value_fits(o->side, acting.limit, o->quantity, o->maker_rate,
		o->taker_rate) || hold_due(&acting) > available + o->hold) {
		fail(n, o, CLOSE_NO_FUNDS);
		return;
	}
	o->acts = acting.acts;
	o->limit = acting.limit;
	set_hold(n, o, hold_due(o));
	emit_triggered(n, o);
	trade_and_rest(n, o);
}
