/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_stops.c - stops, pairs and dead-man switches for the stream.
 */
#include "stream.h"

#define MS INT64_C(1000)
#define SECOND (1000 * MS)

/* TICKS away from the last price, on the tick unless it is hostile. */
static int64_t
price_near(struct stream *s, uint16_t instrument, int64_t ticks)
{
	unsigned i = instrument % STREAM_INSTRUMENTS;
	int64_t tick = s->terms[i].tick, middle = s->middle[i];
	__int128 price;

	if (s->last[i] != 0)
		middle = s->last[i] / tick;
	price = ((__int128)middle + ticks) * tick;
	if (price > INT64_MAX)
		price = INT64_MAX / tick * tick;
	if (chance(&s->dice, 60))
		return stream_hostile(s, (int64_t)price);
	return price > 0 ? (int64_t)price : tick;
}

/* A little away, to one side or the other of the last price. */
static int64_t
some_ticks(struct stream *s)
{
	int64_t ticks = (int64_t)roll(&s->dice, 6);

	if (chance(&s->dice, 16))
		ticks <<= roll(&s->dice, 40);
	return ticks;
}

static void
trail(struct stream *s, struct cmd_order_place *c)
{
	static const uint32_t rates[] = {1, 999, 10000, 50000, 100000, 333333,
		500000, 500001, UINT32_MAX};
	struct dice *d = &s->dice;
	int64_t tick = s->terms[c->instrument % STREAM_INSTRUMENTS].tick;
	int64_t ticks = 1 + some_ticks(s);

	c->price = 0;
	c->stop_price = 0;
	if (chance(d, 2) || chance(d, 30)) {
		c->trail = ticks < INT64_MAX / tick ? ticks * tick : tick;
		if (chance(d, 30))
			c->trail = stream_hostile(s, c->trail);
	}
	if (c->trail == 0 || chance(d, 40)) {
		c->trail_rate = rates[roll(d, N_ELEMENTS(rates) - 2)];
		if (chance(d, 30))
			c->trail_rate = rates[roll(d, N_ELEMENTS(rates))];
	}
}

size_t
stream_stop(struct stream *s, void *out)
{
	struct cmd_order_place *c = out;
	struct dice *d = &s->dice;
	int64_t ticks, rise;
	size_t size;

	size = stream_place(s, out);
	c->flags = chance(d, 60);
	c->quote_budget = chance(d, 60) ? stream_amount(s) : 0;
	c->quantity = stream_quantity(s, c->instrument);
	c->type = (uint8_t)(TYPE_STOP_LOSS + roll(d, 3));
	if (size > ORDER_PLACE_SHORT && size < sizeof(*c))
		memset((char *)out + size, 0, sizeof(*c) - size);
	/* Most wait for a price that the last one has yet to reach. */
	rise = (c->side == SIDE_BUY) == (c->type == TYPE_STOP_LOSS) ? 1 : -1;
	if (chance(d, 8))
		rise = -rise;
	ticks = rise * some_ticks(s);
	c->stop_price = price_near(s, c->instrument, ticks);
	c->price = 0;
	if (chance(d, 2))
		c->price = price_near(s, c->instrument,
			ticks + (int64_t)roll(d, 7) - 3);
	if (c->type == TYPE_TRAILING_STOP) {
		if (chance(d, 60))
			return size; /* with prices */
		trail(s, c);
		if (size == ORDER_PLACE_SHORT)
			c->client_id_length = 0;
		return sizeof(*c);
	}
	if (size == sizeof(*c) && chance(d, 60))
		c->trail = 1;
	return size;
}

size_t
stream_pair(struct stream *s, void *out)
{
	struct cmd_order_oco *c = out;
	struct dice *d = &s->dice;
	int64_t away, stop_away;

	c->head.type = CMD_ORDER_OCO;
	c->head.user = stream_user(s);
	c->instrument = stream_instrument(s);
	c->side = (uint8_t)roll(d, 2);
	c->stp = (uint8_t)roll(d, 4);
	if (chance(d, 60))
		c->side = (uint8_t)roll(d, 256);
	away = 1 + some_ticks(s);
	stop_away = 1 + some_ticks(s);
	if (c->side == SIDE_BUY) {
		away = -away;
		stop_away = -stop_away;
	}
	if (chance(d, 20))
		stop_away = -stop_away;
	c->price = price_near(s, c->instrument, away);
	c->stop_price = price_near(s, c->instrument, -stop_away);
	if (chance(d, 2))
		c->stop_limit_price = price_near(s, c->instrument,
			-stop_away + (int64_t)roll(d, 5) - 2);
	c->quantity = stream_quantity(s, c->instrument);
	if (!chance(d, 4))
		return ORDER_OCO_SHORT;
	c->client_id_length = stream_client_id(s, c->client_id);
	if (chance(d, 3))
		return ORDER_OCO_SHORT + 8 * (1 + roll(d, 6));
	return sizeof(*c);
}

size_t
stream_cancel_after(struct stream *s, void *out)
{
	struct cmd_cancel_after *c = out;
	struct dice *d = &s->dice;

	c->head.type = CMD_CANCEL_AFTER;
	c->head.user = stream_user(s);
	c->after_us = 1 + (int64_t)roll(d, 40 * SECOND);
	if (chance(d, 4))
		c->after_us = (int64_t)roll(d, 20) * 100 * MS;
	if (chance(d, 8))
		c->after_us = 0;
	if (chance(d, 16))
		c->after_us = CANCEL_AFTER_MAX_US + (int64_t)roll(d, 3) - 1;
	if (chance(d, 30))
		c->after_us = stream_hostile(s, c->after_us);
	return sizeof(*c);
}
