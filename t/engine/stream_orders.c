/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_orders.c - orders, cancels and amendments for the stream.
 */
#include "stream.h"

#include "base/decimal.h"

static int64_t
clip(__int128 n)
{
	return n > INT64_MAX ? INT64_MAX : n < INT64_MIN ? INT64_MIN
							 : (int64_t)n;
}

/* A price around the middle, most of them on the tick and on their side. */
static int64_t
price_of(struct stream *s, uint16_t instrument, uint8_t side)
{
	unsigned i = instrument % STREAM_INSTRUMENTS;
	int64_t away = (int64_t)roll(&s->dice, 9) - 2;
	__int128 ticks = (__int128)s->middle[i] +
		(side == SIDE_BUY ? -away : away);

	if (chance(&s->dice, 12))
		ticks = s->middle[i] * (__int128)roll(&s->dice, 5);
	ticks = (__int128)clip(ticks) * s->terms[i].tick;
	if (chance(&s->dice, 40))
		return stream_hostile(s, clip(ticks));
	return clip(ticks);
}

int64_t
stream_quantity(struct stream *s, uint16_t instrument)
{
	int64_t lot = s->terms[instrument % STREAM_INSTRUMENTS].lot;
	__int128 lots = 1 + (int64_t)roll(&s->dice, 6);

	if (s->rich && chance(&s->dice, 3))
		lots = (__int128)(INT64_MAX / lot) >> roll(&s->dice, 63);
	else if (chance(&s->dice, 10))
		lots <<= roll(&s->dice, 12);
	if (chance(&s->dice, 40))
		return stream_hostile(s, clip(lots * lot));
	return clip(lots * lot);
}

static int64_t
budget_of(struct stream *s, uint16_t instrument)
{
	const struct instrument_terms *t =
		&s->terms[instrument % STREAM_INSTRUMENTS];
	__int128 value = (__int128)price_of(s, instrument, SIDE_SELL) * t->lot /
		DECIMAL_ONE;

	if (chance(&s->dice, 30))
		return stream_hostile(s, clip(value));
	value = value * (int64_t)(1 + roll(&s->dice, 40)) / 4;
	return clip(value + (int64_t)roll(&s->dice, 3));
}

uint8_t
stream_client_id(struct stream *s, char *out)
{
	static const char letters[] = "abcdefghij";
	size_t length = 1, i;

	if (chance(&s->dice, 20))
		length = roll(&s->dice, CLIENT_ID_MAX + 3);
	for (i = 0; i < length && i < CLIENT_ID_MAX; i++)
		out[i] = letters[roll(&s->dice, sizeof(letters) - 1)];
	if (length > 0 && length <= CLIENT_ID_MAX && chance(&s->dice, 60))
		stream_spoil(s, out, length);
	return (uint8_t)length;
}

size_t
stream_place(struct stream *s, void *out)
{
	struct cmd_order_place *c = out;
	struct dice *d = &s->dice;

	c->head.type = CMD_ORDER_PLACE;
	c->head.user = stream_user(s);
	c->instrument = stream_instrument(s);
	c->side = (uint8_t)roll(d, 2);
	c->type = chance(d, 4) ? TYPE_MARKET : TYPE_LIMIT;
	c->tif = chance(d, 3) ? (uint8_t)roll(d, 3) : TIF_GTC;
	c->stp = (uint8_t)roll(d, 4);
	if (c->type == TYPE_LIMIT && c->tif == TIF_GTC && chance(d, 8))
		c->flags = ORDER_POST_ONLY;
	if (c->type == TYPE_LIMIT) {
		c->price = price_of(s, c->instrument, c->side);
		c->quantity = stream_quantity(s, c->instrument);
	} else if (chance(d, 2))
		c->quantity = stream_quantity(s, c->instrument);
	else
		c->quote_budget = budget_of(s, c->instrument);
	if (!chance(d, 4))
		return ORDER_PLACE_SHORT;
	c->client_id_length = stream_client_id(s, c->client_id);
	/* Some are cut short behind it, or within it. */
	if (chance(d, 3))
		return ORDER_PLACE_SHORT + 8 * (1 + roll(d, 8));
	return sizeof(*c);
}

static struct seen
some_order(struct stream *s)
{
	struct seen none = {.user = stream_user(s)};

	if (s->n_orders == 0)
		return none;
	none = s->orders[roll(&s->dice, s->n_orders)];
	if (chance(&s->dice, 30))
		none.user = stream_user(s);
	if (chance(&s->dice, 40))
		stream_spoil(s, none.id.bytes, sizeof(none.id.bytes));
	return none;
}

size_t
stream_cancel(struct stream *s, void *out)
{
	struct cmd_order_cancel *c = out;
	struct seen order = some_order(s);

	c->head.type = CMD_ORDER_CANCEL;
	c->head.user = order.user;
	if (!chance(&s->dice, 4)) {
		c->order = order.id;
		return ORDER_CANCEL_SHORT;
	}
	c->client_id_length = stream_client_id(s, c->client_id);
	return chance(&s->dice, 10) ? ORDER_CANCEL_SHORT : sizeof(*c);
}

size_t
stream_cancel_all(struct stream *s, void *out)
{
	struct cmd_order_cancel_all *c = out;

	c->head.type = CMD_ORDER_CANCEL_ALL;
	c->head.user = stream_user(s);
	c->instrument = chance(&s->dice, 2) ? INSTRUMENT_ANY
					    : stream_instrument(s);
	c->side = chance(&s->dice, 2) ? SIDE_BOTH
				      : (uint8_t)roll(&s->dice, 4);
	c->by_operator = (uint8_t)roll(&s->dice, 3);
	return sizeof(*c);
}

size_t
stream_amend(struct stream *s, void *out)
{
	struct cmd_order_amend *c = out;
	struct seen order = some_order(s);
	uint16_t instrument = (uint16_t)roll(&s->dice, 2);

	c->head.type = CMD_ORDER_AMEND;
	c->head.user = order.user;
	c->order = order.id;
	if (!chance(&s->dice, 3))
		c->price = price_of(s, instrument, (uint8_t)roll(&s->dice, 2));
	if (!chance(&s->dice, 3))
		c->quantity = stream_quantity(s, instrument);
	return sizeof(*c);
}
