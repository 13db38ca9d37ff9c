/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_terms.c - what orders are checked for, and client order ids.
 */
#include "naive_state.h"

/* ---- Client order ids ---------------------------------------------------- */

bool
client_id_is_sound(const char *id, size_t length, size_t short_size,
	size_t message_size)
{
	size_t i;

	if (message_size <= short_size)
		return true; /* it has none */
	if (length > CLIENT_ID_MAX || short_size + 1 + length > message_size)
		return false;
	for (i = 0; i < length; i++)
		if (id[i] < 0x21 || id[i] > 0x7e)
			return false;
	return true;
}

struct naive_client_id *
find_client_id(const struct naive *n, uint32_t user, const char *id,
	size_t length)
{
	size_t i;

	for (i = 0; length > 0 && i < n->n_client_ids; i++) {
		struct naive_client_id *known = &n->client_ids[i];

		if (known->user == user && known->length == length &&
			memcmp(known->id, id, length) == 0)
			return known;
	}
	return NULL;
}

void
remember_client_id(struct naive *n, const struct naive_client_id *entry,
	struct ident order)
{
	struct naive_client_id *kept;
	size_t i, mine = 0, oldest = 0;

	if (entry->length == 0)
		return;
	for (i = n->n_client_ids; i-- > 0;)
		if (n->client_ids[i].user == entry->user) {
			mine++;
			oldest = i;
		}
	if (mine > 0 && mine == n->options.client_ids_user)
		REMOVE(n->client_ids, n->n_client_ids, oldest);
	if (n->n_client_ids == n->options.client_ids)
		REMOVE(n->client_ids, n->n_client_ids, 0);
	kept = APPEND(n->client_ids, n->n_client_ids);
	*kept = *entry;
	kept->time_us = n->now;
	kept->seq = n->seq;
	kept->order = order;
}

/* ---- Prices and values --------------------------------------------------- */

enum refusal
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

wide
collar_price(const struct instrument_terms *t, uint8_t side, wide best_price)
{
	wide ticks;

	if (side == SIDE_BUY) {
		ticks = best_price * (RATE_SCALE + (wide)t->collar) /
			((wide)RATE_SCALE * t->tick);
		/* There are no more ticks. */
		if (ticks > INT64_MAX)
			ticks = INT64_MAX;
	} else
		ticks = ceil_div(best_price * (RATE_SCALE - (wide)t->collar),
			(wide)RATE_SCALE * t->tick);
	return (ticks > 0 ? ticks : 1) * t->tick;
}

bool
value_fits(uint8_t side, wide price, wide quantity, uint32_t maker_rate,
	uint32_t taker_rate)
{
	wide n = notional(price, quantity);

	if (side == SIDE_BUY)
		n = with_fee(n, maker_rate, taker_rate);
	return n <= INT64_MAX;
}

enum refusal
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

enum refusal
check_open_orders(const struct naive *n, uint32_t user, int64_t more)
{
	int64_t own = find_limit(n, user, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS);
	int64_t most = n->options.open_orders_user, open = 0;
	size_t i;

	if (own > 0 && own < most)
		most = own;
	for (i = 0; i < n->n_orders; i++)
		open += n->orders[i]->user == user;
	return open + more > most ? REFUSED_OPEN_ORDERS : REFUSED_NONE;
}
