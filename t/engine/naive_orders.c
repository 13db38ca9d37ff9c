/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_orders.c - placing an order.
 */
#include "naive_state.h"

#include <stdlib.h>

/* ---- Checks of a new order, in their order ------------------------------- */

static enum refusal
check_words(const struct naive *n, const struct cmd_order_place *c,
	size_t message_size)
{
	const struct naive_user *u = find_user(n, c->head.user);

	if (!u)
		return REFUSED_UNKNOWN_USER;
	if (u->locked)
		return REFUSED_USER_LOCKED;
	if (!find_instrument(n, c->instrument))
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (c->side > SIDE_SELL)
		return REFUSED_BAD_SIDE;
	if (c->type > TYPE_TRAILING_STOP)
		return REFUSED_BAD_TYPE;
	if (c->tif > TIF_FOK)
		return REFUSED_BAD_TIF;
	if (c->stp > STP_NONE)
		return REFUSED_BAD_STP;
	if (c->flags & ~ORDER_POST_ONLY)
		return REFUSED_BAD_FLAGS;
	if (c->flags & ORDER_POST_ONLY &&
		(c->type != TYPE_LIMIT || c->tif != TIF_GTC))
		return REFUSED_BAD_FLAGS;
	if (!client_id_is_sound(c->client_id, c->client_id_length,
		ORDER_PLACE_SHORT, message_size))
		return REFUSED_BAD_CLIENT_ID;
	return REFUSED_NONE;
}

static bool
same_terms(const struct cmd_order_place *a, const struct cmd_order_place *b)
{
	return a->instrument == b->instrument && a->side == b->side &&
		a->type == b->type && a->tif == b->tif && a->stp == b->stp &&
		a->flags == b->flags && a->price == b->price &&
		a->quantity == b->quantity &&
		a->quote_budget == b->quote_budget &&
		a->stop_price == b->stop_price && a->trail == b->trail &&
		a->trail_rate == b->trail_rate;
}

/* Of a limit or market order. */
static enum refusal
check_amounts(const struct instrument_terms *t, const struct cmd_order_place *c)
{
	if (c->type == TYPE_LIMIT) {
		if (c->quantity <= 0)
			return REFUSED_BAD_QUANTITY;
		if (c->quantity % t->lot != 0)
			return REFUSED_OFF_LOT;
		if (c->quote_budget != 0)
			return REFUSED_BAD_AMOUNT;
		if (c->price <= 0)
			return REFUSED_BAD_PRICE;
		if (c->price % t->tick != 0)
			return REFUSED_OFF_TICK;
	} else {
		if (c->price != 0)
			return REFUSED_BAD_PRICE;
		if (c->quantity < 0 || c->quote_budget < 0 ||
			(c->quantity == 0 && c->quote_budget == 0))
			return REFUSED_BAD_QUANTITY;
		if (c->quantity > 0 && c->quote_budget > 0)
			return REFUSED_BAD_AMOUNT;
		if (c->quantity % t->lot != 0)
			return REFUSED_OFF_LOT;
	}
	if (c->stop_price != 0)
		return REFUSED_BAD_STOP_PRICE;
	if (c->trail != 0 || c->trail_rate != 0)
		return REFUSED_BAD_TRAIL;
	return REFUSED_NONE;
}

static bool
is_stop(uint8_t type)
{
	return type != TYPE_LIMIT && type != TYPE_MARKET;
}

/* The hold of the order as it is accepted; more than an int64: too big. */
static wide
first_hold(const struct instrument_terms *t, const struct naive_order *o,
	const struct naive_order *opposite)
{
	if (o->type == TYPE_MARKET && !opposite)
		return 0;
	if (o->budget == 0)
		return hold_due(o);
	if (o->side == SIDE_BUY)
		return o->budget;
	return ceil_div(o->budget, notional(o->limit, t->lot)) * t->lot;
}

/* Of a limit or market order: as check_stop_worth(); VALUE -1: none. */
static enum refusal
check_plain_worth(const struct naive *n, const struct naive_order *o,
	const struct naive_order *opposite, wide *hold, wide *value)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;

	if (o->budget == 0 && (o->type == TYPE_LIMIT || opposite) &&
		!value_fits(o->side, o->limit, o->quantity, o->maker_rate,
			o->taker_rate))
		return REFUSED_TOO_BIG;
	*hold = first_hold(t, o, opposite);
	if (*hold > INT64_MAX)
		return REFUSED_TOO_BIG;

	if (o->budget > 0)
		*value = o->budget;
	else if (o->type == TYPE_LIMIT)
		*value = notional(o->limit, o->quantity);
	else if (opposite)
		*value = notional(opposite->limit, o->quantity);
	else {
		*value = -1;
		return REFUSED_NONE;
	}
	return check_value(n, o->user, t, *value);
}

/* Everything that needs the order's price; O has its terms by now. */
static enum refusal
check_worth(const struct naive *n, const struct naive_order *o,
	const struct naive_order *opposite, wide *hold)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	enum refusal refused;
	wide value;

	if (is_stop(o->type))
		refused = check_stop_worth(n, o, hold, &value);
	else
		refused = check_plain_worth(n, o, opposite, hold, &value);
	if (refused)
		return refused;
	if (o->side == SIDE_BUY && value >= 0)
		refused = check_risk(n, o->user, o->instrument, value, NULL);
	if (refused)
		return refused;
	if (is_stop(o->type) || (o->type == TYPE_LIMIT && o->tif == TIF_GTC))
		refused = check_open_orders(n, o->user, 1);
	if (refused)
		return refused;
	if (o->flags & ORDER_POST_ONLY && opposite && crosses(o, opposite))
		return REFUSED_WOULD_TAKE;
	if (*hold > balance_of(n, o->user, held_asset(t, o->side))->available)
		return REFUSED_NO_FUNDS;
	/* Slot 0 is never used. */
	if (n->n_orders + 1 >= n->options.orders)
		return REFUSED_FULL;
	return check_trailing_room(n, o);
}

/* ---- Placing ------------------------------------------------------------- */

static struct naive_order
order_of(const struct naive_instrument *ins, const struct cmd_order_place *c,
	const struct naive_order *opposite)
{
	const struct instrument_terms *t = &ins->terms;
	struct naive_order o = {
		.user = c->head.user,
		.instrument = c->instrument,
		.side = c->side,
		.type = c->type,
		.acts = c->type,
		.tif = c->tif,
		.stp = c->stp,
		.flags = c->flags,
		.limit = c->price,
		.quantity = c->quantity,
		.budget = c->quote_budget,
		.maker_rate = t->maker_rate,
		.taker_rate = t->taker_rate,
	};

	if (c->type == TYPE_MARKET && opposite)
		o.limit = collar_price(t, c->side, opposite->limit);
	if (is_stop(c->type))
		make_stop(ins, c, &o);
	return o;
}

struct naive_order *
accept_order(struct naive *n, const struct naive_order *draft)
{
	struct naive_order *o = malloc(sizeof(*o));

	if (!o)
		abort();
	*o = *draft;
	if (n->n_free_slots > 0)
		o->slot = n->free_slots[--n->n_free_slots];
	else
		o->slot = ++n->slots_used;
	o->id = order_ident((uint64_t)n->now / 1000, n->seq, o->slot, o->user);
	o->accepted = n->acceptances++;
	o->stop_since = n->stop_arrivals++;
	*(struct naive_order **)APPEND(n->orders, n->n_orders) = o;
	return o;
}

void
emit_opened(struct naive *n, const struct naive_order *o, const char *id,
	uint8_t length)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	bool is_short = length == 0 && !o->pair && o->trail == 0 &&
		o->trail_rate == 0;
	struct ev_order_opened *e = emit(n, EV_ORDER_OPENED,
		is_short ? ORDER_OPENED_SHORT : sizeof(*e), o->user);

	e->order = o->id;
	e->instrument = o->instrument;
	e->side = o->side;
	e->type = o->type;
	e->tif = o->tif;
	e->stp = o->stp;
	e->flags = o->flags;
	e->status = o->waiting ? ORDER_WAITING : ORDER_OPEN;
	e->price = o->type == TYPE_MARKET ? 0 : narrow(o->limit);
	e->quantity = o->quantity;
	e->quote_budget = o->budget;
	e->stop_price = narrow(o->stop);
	e->hold = narrow(o->hold);
	e->after = *balance_of(n, o->user, held_asset(t, o->side));
	if (is_short)
		return;
	e->client_id_length = length;
	if (length > 0)
		memcpy(e->client_id, id, length);
	if (o->pair)
		e->pair = o->pair->id;
	e->trail = o->trail;
	e->trail_rate = o->trail_rate;
}

/* Accept DRAFT; unless it waits, it trades. */
static void
open_order(struct naive *n, const struct cmd_order_place *c,
	const struct naive_order *draft, wide hold)
{
	struct naive_client_id entry = {
		.user = c->head.user,
		.length = c->client_id_length,
		.terms = *c,
	};
	struct naive_order *o = accept_order(n, draft);

	set_hold(n, o, hold);
	memcpy(entry.id, c->client_id, entry.length);
	remember_client_id(n, &entry, o->id);
	emit_opened(n, o, c->client_id, c->client_id_length);
	if (!o->waiting)
		trade_and_rest(n, o);
}

enum refusal
do_order_place(struct naive *n, const struct message *m)
{
	const struct naive_client_id *known;
	const struct naive_order *opposite;
	const struct naive_instrument *ins;
	const struct naive_user *u;
	struct naive_order draft;
	struct cmd_order_place c;
	enum refusal refused;
	wide hold;

	message_read(m, &c, sizeof(c));
	refused = check_words(n, &c, m->size);
	if (refused)
		return refused;
	u = find_user(n, m->user);
	known = find_client_id(n, m->user, c.client_id, c.client_id_length);
	if (known && (known->is_pair || !same_terms(&known->terms, &c)))
		return REFUSED_OTHER_TERMS;
	if (known) {
		n->done_seq = known->seq;
		return REFUSED_NONE;
	}
	ins = find_instrument(n, c.instrument);
	if (ins->terms.status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (c.side == SIDE_BUY && reduces_only(n, u))
		return REFUSED_REDUCE_ONLY;
	refused = is_stop(c.type) ? check_stop(ins, &c)
				  : check_amounts(&ins->terms, &c);
	if (!refused)
		refused = check_band(ins, c.price);
	if (refused)
		return refused;
	opposite = best(ins, !c.side);
	draft = order_of(ins, &c, opposite);
	refused = check_worth(n, &draft, opposite, &hold);
	if (refused)
		return refused;

	begin(n, m);
	open_order(n, &c, &draft, hold);
	mark(n, m->user, u->standing);
	return REFUSED_NONE;
}
