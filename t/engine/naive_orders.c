/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_orders.c - what an order must be to be accepted; cancel and amend.
 */
#include "naive_state.h"

#include <stdlib.h>

/* ---- Checks of a new order, in their order ------------------------------- */

static bool
client_id_is_sound(const struct cmd_order_place *c, size_t message_size)
{
	size_t i;

	if (c->client_id_length > CLIENT_ID_MAX ||
		ORDER_PLACE_SHORT + 1u + c->client_id_length > message_size)
		return false;
	for (i = 0; i < c->client_id_length; i++)
		if (c->client_id[i] < 0x21 || c->client_id[i] > 0x7e)
			return false;
	return true;
}

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
	if (c->type > TYPE_MARKET)
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
	if (message_size > ORDER_PLACE_SHORT &&
		!client_id_is_sound(c, message_size))
		return REFUSED_BAD_CLIENT_ID;
	return REFUSED_NONE;
}

static struct naive_client_id *
find_client_id(const struct naive *n, uint32_t user, const char *id,
	size_t length)
{
	size_t i;

	for (i = 0; length > 0 && i < n->n_client_ids; i++) {
		const struct cmd_order_place *t = &n->client_ids[i].terms;

		if (t->head.user == user && t->client_id_length == length &&
			memcmp(t->client_id, id, length) == 0)
			return &n->client_ids[i];
	}
	return NULL;
}

static bool
same_terms(const struct cmd_order_place *a, const struct cmd_order_place *b)
{
	return a->instrument == b->instrument && a->side == b->side &&
		a->type == b->type && a->tif == b->tif && a->stp == b->stp &&
		a->flags == b->flags && a->price == b->price &&
		a->quantity == b->quantity &&
		a->quote_budget == b->quote_budget &&
		a->stop_price == b->stop_price;
}

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
	return c->stop_price != 0 ? REFUSED_BAD_STOP_PRICE : REFUSED_NONE;
}

/* PRICE 0: a market order, which only needs to have a reference. */
static enum refusal
check_band(const struct naive_instrument *ins, wide price)
{
	const struct instrument_terms *t = &ins->terms;
	wide reference = ins->last_price ? ins->last_price
					 : ins->reference_price;

	if (t->band_high == 0)
		return REFUSED_NONE;
	if (reference == 0)
		return REFUSED_NO_REFERENCE;
	if (price == 0)
		return REFUSED_NONE;
	if (price * RATE_SCALE < t->band_low * reference ||
		price * RATE_SCALE > t->band_high * reference)
		return REFUSED_OUT_OF_BAND;
	return REFUSED_NONE;
}

/* The worst price of a market order, BEST being the best opposite one. */
static wide
collar_price(const struct instrument_terms *t, uint8_t side, wide best_price)
{
	wide ticks;

	if (side == SIDE_BUY)
		ticks = best_price * (RATE_SCALE + (wide)t->collar) /
			((wide)RATE_SCALE * t->tick);
	else
		ticks = ceil_div(best_price * (RATE_SCALE - (wide)t->collar),
			(wide)RATE_SCALE * t->tick);
	return (ticks > 0 ? ticks : 1) * t->tick;
}

/* Whether the value of QUANTITY at PRICE, and a buy's hold, fit an int64. */
static bool
value_fits(uint8_t side, wide price, wide quantity, uint32_t maker_rate,
	uint32_t taker_rate)
{
	wide n = notional(price, quantity);

	if (side == SIDE_BUY)
		n = with_fee(n, maker_rate, taker_rate);
	return n <= INT64_MAX;
}

/* The limits on the value of one order. */
static enum refusal
check_value(const struct naive *n, uint32_t user,
	const struct instrument_terms *t, wide value)
{
	int64_t limit = find_limit(n, user, t->instrument, LIMIT_ORDER_SIZE);

	if (limit == 0)
		limit = find_limit(n, user, INSTRUMENT_ANY, LIMIT_ORDER_SIZE);
	if (value < t->min_notional)
		return REFUSED_MIN_NOTIONAL;
	if (limit > 0 && value > limit)
		return REFUSED_ORDER_SIZE;
	return REFUSED_NONE;
}

static enum refusal
check_open_orders(const struct naive *n, uint32_t user)
{
	int64_t own = find_limit(n, user, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS);
	int64_t most = n->options.open_orders_user, open = 0;
	size_t i;

	if (own > 0 && own < most)
		most = own;
	for (i = 0; i < n->n_orders; i++)
		open += n->orders[i]->user == user;
	return open >= most ? REFUSED_OPEN_ORDERS : REFUSED_NONE;
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

/* Everything that needs the order's price; O has its terms by now. */
static enum refusal
check_worth(const struct naive *n, const struct naive_order *o,
	const struct naive_order *opposite, wide *hold)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	enum refusal refused = REFUSED_NONE;

	if (o->budget == 0 && (o->type == TYPE_LIMIT || opposite) &&
		!value_fits(o->side, o->limit, o->quantity, o->maker_rate,
			o->taker_rate))
		return REFUSED_TOO_BIG;
	*hold = first_hold(t, o, opposite);
	if (*hold > INT64_MAX)
		return REFUSED_TOO_BIG;

	if (o->budget > 0)
		refused = check_value(n, o->user, t, o->budget);
	else if (o->type == TYPE_LIMIT)
		refused = check_value(n, o->user, t,
			notional(o->limit, o->quantity));
	else if (opposite)
		refused = check_value(n, o->user, t,
			notional(opposite->limit, o->quantity));
	if (refused)
		return refused;
	if (o->type == TYPE_LIMIT && o->tif == TIF_GTC)
		refused = check_open_orders(n, o->user);
	if (refused)
		return refused;
	if (o->flags & ORDER_POST_ONLY && opposite && crosses(o, opposite))
		return REFUSED_WOULD_TAKE;
	if (*hold > balance_of(n, o->user, held_asset(t, o->side))->available)
		return REFUSED_NO_FUNDS;
	/* Slot 0 is never used. */
	return n->n_orders + 1 >= n->options.orders ? REFUSED_FULL
						    : REFUSED_NONE;
}

/* ---- Placing ------------------------------------------------------------- */

static struct naive_order
order_of(const struct instrument_terms *t, const struct cmd_order_place *c,
	const struct naive_order *opposite)
{
	struct naive_order o = {
		.user = c->head.user,
		.instrument = c->instrument,
		.side = c->side,
		.type = c->type,
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
	return o;
}

static struct naive_order *
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
	*(struct naive_order **)APPEND(n->orders, n->n_orders) = o;
	return o;
}

static void
remember_client_id(struct naive *n, const struct cmd_order_place *c,
	struct ident order)
{
	struct naive_client_id *entry;
	size_t i, mine = 0, oldest = 0;

	if (c->client_id_length == 0)
		return;
	for (i = n->n_client_ids; i-- > 0;)
		if (n->client_ids[i].terms.head.user == c->head.user) {
			mine++;
			oldest = i;
		}
	if (mine > 0 && mine == n->options.client_ids_user)
		REMOVE(n->client_ids, n->n_client_ids, oldest);
	if (n->n_client_ids == n->options.client_ids)
		REMOVE(n->client_ids, n->n_client_ids, 0);
	entry = APPEND(n->client_ids, n->n_client_ids);
	entry->time_us = n->now;
	entry->seq = n->seq;
	entry->order = order;
	entry->terms = *c;
}

static void
emit_opened(struct naive *n, const struct naive_order *o,
	const struct cmd_order_place *c)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	struct ev_order_opened *e = emit(n, EV_ORDER_OPENED,
		c->client_id_length > 0 ? sizeof(*e) : ORDER_OPENED_SHORT,
		o->user);

	e->order = o->id;
	e->instrument = o->instrument;
	e->side = o->side;
	e->type = o->type;
	e->tif = o->tif;
	e->stp = o->stp;
	e->flags = o->flags;
	e->status = ORDER_OPEN;
	e->price = c->price;
	e->quantity = c->quantity;
	e->quote_budget = c->quote_budget;
	e->stop_price = c->stop_price;
	e->hold = narrow(o->hold);
	e->after = *balance_of(n, o->user, held_asset(t, o->side));
	if (c->client_id_length > 0) {
		e->client_id_length = c->client_id_length;
		memcpy(e->client_id, c->client_id, c->client_id_length);
	}
}

enum refusal
do_order_place(struct naive *n, const struct message *m)
{
	const struct naive_client_id *known;
	const struct naive_order *opposite;
	const struct naive_instrument *ins;
	struct naive_order draft, *o;
	struct cmd_order_place c;
	enum refusal refused;
	wide hold;

	message_read(m, &c, sizeof(c));
	refused = check_words(n, &c, m->size);
	if (refused)
		return refused;
	known = find_client_id(n, m->user, c.client_id, c.client_id_length);
	if (known && !same_terms(&known->terms, &c))
		return REFUSED_OTHER_TERMS;
	if (known) {
		n->done_seq = known->seq;
		return REFUSED_NONE;
	}
	ins = find_instrument(n, c.instrument);
	if (ins->terms.status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (find_user(n, m->user)->reduce_only && c.side == SIDE_BUY)
		return REFUSED_REDUCE_ONLY;
	refused = check_amounts(&ins->terms, &c);
	if (!refused)
		refused = check_band(ins, c.price);
	if (refused)
		return refused;
	opposite = best(ins, !c.side);
	draft = order_of(&ins->terms, &c, opposite);
	refused = check_worth(n, &draft, opposite, &hold);
	if (refused)
		return refused;

	begin(n, m);
	o = accept_order(n, &draft);
	set_hold(n, o, hold);
	remember_client_id(n, &c, o->id);
	emit_opened(n, o, &c);
	trade_and_rest(n, o);
	return REFUSED_NONE;
}

/* ---- Cancelling ---------------------------------------------------------- */

static struct naive_order *
find_live(const struct naive *n, struct ident id)
{
	size_t i;

	for (i = 0; i < n->n_orders; i++)
		if (ident_equal(n->orders[i]->id, id))
			return n->orders[i];
	return NULL;
}

static enum refusal
find_order(const struct naive *n, uint32_t user, struct ident id,
	struct naive_order **out)
{
	struct order_name name;

	if (!order_ident_split(id, &name) || name.user != user)
		return REFUSED_UNKNOWN_ORDER;
	*out = find_live(n, id);
	return *out ? REFUSED_NONE : REFUSED_ORDER_ENDED;
}

enum refusal
do_order_cancel(struct naive *n, const struct message *m)
{
	const struct naive_client_id *known;
	struct cmd_order_cancel c;
	struct naive_order *o;
	enum refusal refused;
	struct ident id;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	id = c.order;
	if (ident_is_none(id)) {
		if (c.client_id_length > CLIENT_ID_MAX)
			return REFUSED_UNKNOWN_ORDER;
		known = find_client_id(n, m->user, c.client_id,
			c.client_id_length);
		if (!known)
			return REFUSED_UNKNOWN_ORDER;
		id = known->order;
	}
	refused = find_order(n, m->user, id, &o);
	if (refused)
		return refused;
	begin(n, m);
	cancel_resting(n, o, CLOSE_USER);
	return REFUSED_NONE;
}

void
cancel_all(struct naive *n, uint32_t user, uint16_t instrument, uint8_t side,
	enum close_reason reason)
{
	for (;;) {
		struct naive_order *newest = NULL;
		size_t i;

		for (i = 0; i < n->n_orders; i++) {
			struct naive_order *o = n->orders[i];

			if (o->user != user ||
				(side != SIDE_BOTH && o->side != side) ||
				(instrument != INSTRUMENT_ANY &&
					o->instrument != instrument))
				continue;
			if (!newest || o->accepted > newest->accepted)
				newest = o;
		}
		if (!newest)
			return;
		cancel_resting(n, newest, reason);
	}
}

enum refusal
do_order_cancel_all(struct naive *n, const struct message *m)
{
	struct cmd_order_cancel_all c;

	message_read(m, &c, sizeof(c));
	if (!find_user(n, m->user))
		return REFUSED_UNKNOWN_USER;
	if (c.instrument != INSTRUMENT_ANY && !find_instrument(n, c.instrument))
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (c.side > SIDE_BOTH)
		return REFUSED_BAD_SIDE;
	begin(n, m);
	cancel_all(n, m->user, c.instrument, c.side,
		c.by_operator ? CLOSE_OPERATOR : CLOSE_USER);
	return REFUSED_NONE;
}

/* ---- Amending ------------------------------------------------------------ */

static void
emit_amended(struct naive *n, const struct naive_order *o, bool kept_place)
{
	const struct instrument_terms *t = &order_instrument(n, o)->terms;
	struct ev_order_amended *e = emit(n, EV_ORDER_AMENDED, sizeof(*e),
		o->user);

	e->order = o->id;
	e->instrument = o->instrument;
	e->side = o->side;
	e->kept_place = kept_place;
	e->price = narrow(o->limit);
	e->quantity = o->quantity;
	e->filled = o->filled;
	e->hold = narrow(o->hold);
	e->after = *balance_of(n, o->user, held_asset(t, o->side));
}

/* Whether O may become AFTER, which loses its place. */
static enum refusal
check_amended(const struct naive *n, const struct naive_order *o,
	const struct naive_order *after)
{
	const struct naive_instrument *ins = order_instrument(n, o);
	const struct naive_order *opposite = best(ins, !o->side);
	wide available = balance_of(n, o->user,
		held_asset(&ins->terms, o->side))->available;
	enum refusal refused;

	if (find_user(n, o->user)->reduce_only && o->side == SIDE_BUY)
		return REFUSED_REDUCE_ONLY;
	refused = check_band(ins, after->limit);
	if (refused)
		return refused;
	if (!value_fits(o->side, after->limit, after->quantity, o->maker_rate,
		o->taker_rate))
		return REFUSED_TOO_BIG;
	refused = check_value(n, o->user, &ins->terms,
		notional(after->limit, after->quantity));
	if (refused)
		return refused;
	if (o->flags & ORDER_POST_ONLY && opposite && crosses(after, opposite))
		return REFUSED_WOULD_TAKE;
	return hold_due(after) > available + o->hold ? REFUSED_NO_FUNDS
						     : REFUSED_NONE;
}

static void
amend_in_place(struct naive *n, struct naive_order *o, int64_t quantity)
{
	o->quantity = quantity;
	if (quantity <= o->filled) {
		cancel_resting(n, o, CLOSE_AMENDED);
		return;
	}
	set_hold(n, o, hold_due(o));
	emit_amended(n, o, true);
	emit_level(n, o->instrument, o->side, narrow(o->limit));
}

enum refusal
do_order_amend(struct naive *n, const struct message *m)
{
	const struct naive_user *u = find_user(n, m->user);
	const struct instrument_terms *t;
	struct naive_order after, *o;
	struct cmd_order_amend c;
	enum refusal refused;
	int64_t old_price;

	message_read(m, &c, sizeof(c));
	if (!u)
		return REFUSED_UNKNOWN_USER;
	if (u->locked)
		return REFUSED_USER_LOCKED;
	refused = find_order(n, m->user, c.order, &o);
	if (refused)
		return refused;
	t = &order_instrument(n, o)->terms;
	if (t->status != MARKET_TRADING)
		return REFUSED_NOT_TRADING;
	if (c.price < 0)
		return REFUSED_BAD_PRICE;
	if (c.quantity < 0)
		return REFUSED_BAD_QUANTITY;
	if (c.price % t->tick != 0)
		return REFUSED_OFF_TICK;
	if (c.quantity % t->lot != 0)
		return REFUSED_OFF_LOT;
	after = *o;
	after.limit = c.price ? c.price : o->limit;
	after.quantity = c.quantity ? c.quantity : o->quantity;
	if (after.limit == o->limit && after.quantity == o->quantity)
		return REFUSED_NO_CHANGE;
	if (after.quantity <= o->filled ||
		(after.limit == o->limit && after.quantity < o->quantity)) {
		begin(n, m);
		amend_in_place(n, o, after.quantity);
		return REFUSED_NONE;
	}
	refused = check_amended(n, o, &after);
	if (refused)
		return refused;

	begin(n, m);
	old_price = narrow(o->limit);
	book_remove(n, o);
	emit_level(n, o->instrument, o->side, old_price);
	o->limit = after.limit;
	o->quantity = after.quantity;
	set_hold(n, o, hold_due(o));
	emit_amended(n, o, false);
	trade_and_rest(n, o);
	return REFUSED_NONE;
}
