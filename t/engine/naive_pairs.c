/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_pairs.c - a limit order and a stop-loss of which one cancels the other.
 */
#include "naive_state.h"

static enum refusal
check_words(const struct naive *n, const struct cmd_order_oco *c,
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
	if (c->stp > STP_NONE)
		return REFUSED_BAD_STP;
	if (!client_id_is_sound(c->client_id, c->client_id_length,
		ORDER_OCO_SHORT, message_size))
		return REFUSED_BAD_CLIENT_ID;
	return REFUSED_NONE;
}

static bool
same_terms(const struct cmd_order_oco *a, const struct cmd_order_oco *b)
{
	return a->instrument == b->instrument && a->side == b->side &&
		a->stp == b->stp && a->price == b->price &&
		a->quantity == b->quantity && a->stop_price == b->stop_price &&
		a->stop_limit_price == b->stop_limit_price;
}

static enum refusal
check_prices(const struct naive_instrument *ins, const struct cmd_order_oco *c)
{
	const struct instrument_terms *t = &ins->terms;
	int64_t between = ins->last_price ? ins->last_price
					  : ins->reference_price;
	enum refusal refused;

	if (c->quantity <= 0)
		return REFUSED_BAD_QUANTITY;
	if (c->quantity % t->lot != 0)
		return REFUSED_OFF_LOT;
	if (c->price <= 0)
		return REFUSED_BAD_PRICE;
	if (c->price % t->tick != 0)
		return REFUSED_OFF_TICK;
	if (c->stop_price <= 0 || c->stop_price % t->tick != 0)
		return REFUSED_BAD_STOP_PRICE;
	if (c->stop_limit_price < 0)
		return REFUSED_BAD_PRICE;
	if (c->stop_limit_price % t->tick != 0)
		return REFUSED_OFF_TICK;
	refused = check_band(ins, c->price);
	if (!refused && c->stop_limit_price != 0)
		refused = check_band(ins, c->stop_limit_price);
	if (refused)
		return refused;
	if (between == 0)
		return REFUSED_NO_REFERENCE;
	if (c->side == SIDE_SELL)
		return c->stop_price < between && between < c->price
			? REFUSED_NONE : REFUSED_BAD_OCO;
	return c->price < between && between < c->stop_price ? REFUSED_NONE
							     : REFUSED_BAD_OCO;
}

static struct naive_order
leg_of(const struct instrument_terms *t, const struct cmd_order_oco *c,
	enum order_type type)
{
	struct naive_order o = {
		.user = c->head.user,
		.instrument = c->instrument,
		.side = c->side,
		.type = (uint8_t)type,
		.acts = (uint8_t)type,
		.tif = TIF_GTC,
		.stp = c->stp,
		.limit = c->price,
		.quantity = c->quantity,
		.maker_rate = t->maker_rate,
		.taker_rate = t->taker_rate,
	};

	if (type == TYPE_STOP_LOSS) {
		o.waiting = true;
		o.limit = c->stop_limit_price;
		o.stop = c->stop_price;
	}
	return o;
}

/* What the legs hold, each by itself. */
static enum refusal
check_worth(const struct naive *n, const struct naive_order *limit,
	const struct naive_order *stop, wide *limit_hold, wide *stop_hold)
{
	const struct instrument_terms *t = &order_instrument(n, limit)->terms;
	wide value = notional(limit->limit, limit->quantity), stop_value, most;
	enum refusal refused;

	if (!value_fits(limit->side, limit->limit, limit->quantity,
		limit->maker_rate, limit->taker_rate))
		return REFUSED_TOO_BIG;
	*limit_hold = hold_due(limit);
	refused = check_value(n, limit->user, t, value);
	if (!refused)
		refused = check_stop_worth(n, stop, stop_hold, &stop_value);
	if (refused)
		return refused;
	if (limit->side == SIDE_BUY)
		refused = check_risk(n, limit->user, limit->instrument,
			value > stop_value ? value : stop_value, NULL);
	if (!refused)
		refused = check_open_orders(n, limit->user, 2);
	if (refused)
		return refused;
	most = *limit_hold > *stop_hold ? *limit_hold : *stop_hold;
	if (balance_of(n, limit->user, held_asset(t, limit->side))->available <
		most)
		return REFUSED_NO_FUNDS;
	return n->n_orders + 2 >= n->options.orders ? REFUSED_FULL
						    : REFUSED_NONE;
}

/*
 * The limit order takes its slot first and is told first; but it is the newer
 * of the two, for it is not among its user's orders before it rests.
 */
static void
open_pair(struct naive *n, const struct cmd_order_oco *c,
	const struct naive_order *limit_draft,
	const struct naive_order *stop_draft, wide limit_hold, wide stop_hold)
{
	struct naive_client_id entry = {
		.user = c->head.user,
		.length = c->client_id_length,
		.is_pair = true,
		.pair_terms = *c,
	};
	struct naive_order *limit = accept_order(n, limit_draft);
	struct naive_order *stop = accept_order(n, stop_draft);

	limit->accepted = n->acceptances++;
	limit->pair = stop;
	stop->pair = limit;
	memcpy(entry.id, c->client_id, entry.length);
	remember_client_id(n, &entry, limit->id);
	set_hold(n, limit, limit_hold);
	emit_opened(n, limit, c->client_id, c->client_id_length);
	set_hold(n, stop, stop_hold > limit_hold ? stop_hold - limit_hold : 0);
	emit_opened(n, stop, NULL, 0);
	trade_and_rest(n, limit);
}

enum refusal
do_order_oco(struct naive *n, const struct message *m)
{
	const struct naive_client_id *known;
	const struct naive_instrument *ins;
	struct naive_order limit, stop;
	const struct naive_user *u;
	wide limit_hold, stop_hold;
	struct cmd_order_oco c;
	enum refusal refused;

	message_read(m, &c, sizeof(c));
	refused = check_words(n, &c, m->size);
	if (refused)
		return refused;
	u = find_user(n, m->user);
	known = find_client_id(n, m->user, c.client_id, c.client_id_length);
	if (known && (!known->is_pair || !same_terms(&known->pair_terms, &c)))
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
	refused = check_prices(ins, &c);
	if (refused)
		return refused;
	limit = leg_of(&ins->terms, &c, TYPE_LIMIT);
	stop = leg_of(&ins->terms, &c, TYPE_STOP_LOSS);
	refused = check_worth(n, &limit, &stop, &limit_hold, &stop_hold);
	if (refused)
		return refused;

	begin(n, m);
	open_pair(n, &c, &limit, &stop, limit_hold, stop_hold);
	mark(n, m->user, u->standing);
	return REFUSED_NONE;
}
