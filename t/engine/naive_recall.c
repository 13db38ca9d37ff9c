/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_recall.c - orders that are cancelled or amended.
 */
#include "naive_state.h"

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
	cancel_order(n, o, CLOSE_USER);
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
		cancel_order(n, newest, reason);
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
	e->quote = narrow(o->taker_sum + o->maker_sum);
	e->fee = narrow(o->fees);
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

	if (reduces_only(n, find_user(n, o->user)) && o->side == SIDE_BUY)
		return REFUSED_REDUCE_ONLY;
	refused = check_band(ins, after->limit);
	if (refused)
		return refused;
	if (!value_fits(o->side, after->limit, after->quantity, o->maker_rate,
		o->taker_rate))
		return REFUSED_TOO_BIG;
	refused = check_value(n, o->user, &ins->terms,
		notional(after->limit, after->quantity));
	if (!refused && o->side == SIDE_BUY)
		refused = check_risk(n, o->user, o->instrument,
			notional(after->limit, after->quantity - o->filled), o);
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
		cancel_order(n, o, CLOSE_AMENDED);
		return;
	}
	set_hold(n, o, hold_due(o));
	emit_amended(n, o, true);
	emit_level(n, o->instrument, o->side, narrow(o->limit));
}

/* It loses its place to become as AFTER. */
static void
amend_elsewhere(struct naive *n, struct naive_order *o,
	const struct naive_order *after)
{
	int64_t old_price = narrow(o->limit);

	book_remove(n, o);
	emit_level(n, o->instrument, o->side, old_price);
	o->limit = after->limit;
	o->quantity = after->quantity;
	set_hold(n, o, hold_due(o));
	emit_amended(n, o, false);
	trade_and_rest(n, o);
}

enum refusal
do_order_amend(struct naive *n, const struct message *m)
{
	const struct naive_user *u = find_user(n, m->user);
	const struct instrument_terms *t;
	struct naive_order after, *o;
	struct cmd_order_amend c;
	enum refusal refused;

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
	if (o->waiting || o->pair)
		return REFUSED_CANNOT_AMEND;
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
		mark(n, m->user, u->standing);
		return REFUSED_NONE;
	}
	refused = check_amended(n, o, &after);
	if (refused)
		return refused;

	begin(n, m);
	amend_elsewhere(n, o, &after);
	mark(n, m->user, u->standing);
	return REFUSED_NONE;
}
