/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_take.c - orders that trade, from dice.
 */
#include "stream_take.h"

#include <string.h>

#include "base/decimal.h"

#define MIDDLE 20 /* ticks, around which all prices lie */
#define SPREAD 4

/* Where the markets of a run may be; base and quote are in the first block of
 * balances, both behind it in one, or in two, or one here and one there. */
static const struct {
	uint16_t instrument, base, quote;
} places[] = {{0, 1, 0}, {1, 8, 0}, {7, 2, 9}, {15, 10, 11}, {16, 12, 20},
	{17, 63, 33}, {40, 33, 0}, {111, 5, 3}, {127, 7, 62}, {128, 4, 0},
	{255, 9, 1}};

/* ---- What is there before ------------------------------------------------ */

static struct instrument_terms
terms_of(const struct take *s, unsigned n)
{
	static const uint32_t rates[][2] = {{1000, 2500}, {2500, 1000},
		{0, 333}, {777, 0}, {100000, 99999}};
	struct dice d = dice_seeded(s->dice.state ^ n);
	struct instrument_terms t = {
		.instrument = (uint16_t)n,
		.base = (uint16_t)(1 + n % (ASSETS_MAX - 1)),
		.symbol = "X/Y",
		.tick = DECIMAL_ONE,
		.lot = s->rich ? 1 : 3,
		.collar = 300000,
	};
	uint64_t i;

	for (i = 0; i < N_ELEMENTS(places); i++)
		if (places[i].instrument == n) {
			t.base = places[i].base;
			t.quote = t.fee_asset = places[i].quote;
		}
	i = roll(&d, N_ELEMENTS(rates));
	t.maker_rate = rates[i][0];
	t.taker_rate = rates[i][1];
	if (!s->rich && chance(&d, 2))
		t.tick = DECIMAL_ONE / 100 << roll(&d, 16);
	if (!s->rich && t.tick % DECIMAL_ONE != 0)
		t.lot = DECIMAL_ONE;
	return t;
}

static void
asset_set(union stream_command *out, unsigned n)
{
	struct cmd_asset_set *c = (void *)out;

	c->head = (struct message){sizeof(*c), CMD_ASSET_SET, 0};
	c->asset = (uint16_t)n;
	memcpy(c->code, n == 0 ? "USD" : "COIN", n == 0 ? 3 : 4);
}

static void
instrument_set(union stream_command *out, struct instrument_terms terms)
{
	struct cmd_instrument_set *c = (void *)out;

	c->head = (struct message){sizeof(*c), CMD_INSTRUMENT_SET, 0};
	c->terms = terms;
}

bool
take_set_up(const struct take *s, unsigned n, union stream_command *out)
{
	struct cmd_user_create *user = (void *)out;
	struct cmd_deposit *money = (void *)out;

	memset(out, 0, sizeof(*out));
	if (n < ASSETS_MAX) {
		asset_set(out, n);
		return true;
	}
	n -= ASSETS_MAX;
	if (n < INSTRUMENTS_MAX) {
		instrument_set(out, terms_of(s, n));
		return true;
	}
	n -= INSTRUMENTS_MAX;
	if (n < TAKE_USERS) {
		user->head = (struct message){sizeof(*user), CMD_USER_CREATE,
			1 + n};
		return true;
	}
	n -= TAKE_USERS;
	if (n >= TAKE_USERS * ASSETS_MAX)
		return false;
	money->head = (struct message){sizeof(*money), CMD_DEPOSIT,
		1 + n / ASSETS_MAX};
	money->asset = (uint16_t)(n % ASSETS_MAX);
	money->amount = INT64_MAX >> (s->rich ? 3 : 10);
	return true;
}

/* ---- Orders -------------------------------------------------------------- */

static uint32_t
some_user(struct take *s)
{
	return 1 + (uint32_t)roll(&s->dice, TAKE_USERS);
}

static uint16_t
some_market(struct take *s)
{
	return s->markets[roll(&s->dice, TAKE_MARKETS)];
}

/* Around the middle, and mostly so that the two sides meet. */
static int64_t
some_price(struct take *s, uint16_t market)
{
	int64_t ticks = MIDDLE - SPREAD + (int64_t)roll(&s->dice, 2 * SPREAD);

	if (chance(&s->dice, 10)) /* another leaf, or a far one */
		ticks += (int64_t)64 << roll(&s->dice, 12);
	return ticks * engine_terms(s->engine, market)->tick;
}

static int64_t
some_quantity(struct take *s, uint16_t market)
{
	int64_t lots = 1 + (int64_t)roll(&s->dice, 6);

	if (chance(&s->dice, 6))
		lots *= 5;
	if (s->rich)
		lots *= (INT64_MAX >> 14) + (int64_t)roll(&s->dice, 1000);
	return lots * engine_terms(s->engine, market)->lot;
}

static void
some_place(struct take *s, union stream_command *out)
{
	struct cmd_order_place *c = (void *)out;
	struct dice *d = &s->dice;

	c->head = (struct message){ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
		some_user(s)};
	c->instrument = some_market(s);
	c->side = (uint8_t)roll(d, 2);
	c->stp = (uint8_t)roll(d, 4);
	c->flags = chance(d, 20) ? ORDER_POST_ONLY : 0;
	c->price = some_price(s, c->instrument);
	c->quantity = some_quantity(s, c->instrument);
	if (chance(d, 20))
		c->tif = (uint8_t)(TIF_GTC + 1 + roll(d, 2));
	else if (chance(d, 30)) {
		c->type = TYPE_MARKET;
		c->tif = TIF_IOC;
		c->price = 0;
		if (chance(d, 2)) {
			c->quote_budget = c->quantity;
			c->quantity = 0;
		}
	}
}

/* Beside the last price, so that it does not wait for long. */
static void
some_stop(struct take *s, union stream_command *out)
{
	struct cmd_order_place *c = (void *)out;
	struct dice *d = &s->dice;
	int64_t tick;

	some_place(s, out);
	c->head.size = sizeof(*c);
	tick = engine_terms(s->engine, c->instrument)->tick;
	c->flags = 0;
	c->tif = TIF_GTC;
	c->quote_budget = 0;
	c->quantity = some_quantity(s, c->instrument);
	c->type = (uint8_t)(TYPE_STOP_LOSS + roll(d, 3));
	if (c->type == TYPE_TRAILING_STOP) {
		c->trail = (int64_t)(1 + roll(d, 3)) * tick;
		return;
	}
	c->stop_price = some_price(s, c->instrument);
	if (c->price == 0)
		c->price = c->stop_price;
}

/* On both sides of the last price. */
static void
some_pair(struct take *s, union stream_command *out)
{
	struct cmd_order_oco *c = (void *)out;
	struct dice *d = &s->dice;
	int64_t tick, last, away;

	c->head = (struct message){sizeof(*c), CMD_ORDER_OCO, some_user(s)};
	c->instrument = some_market(s);
	c->side = (uint8_t)roll(d, 2);
	c->stp = (uint8_t)roll(d, 4);
	c->quantity = some_quantity(s, c->instrument);
	tick = engine_terms(s->engine, c->instrument)->tick;
	last = engine_last_price(s->engine, c->instrument);
	away = c->side == SIDE_SELL ? tick : -tick;
	c->price = last + away * (int64_t)(1 + roll(d, 3));
	c->stop_price = last - away * (int64_t)(1 + roll(d, 5));
	c->stop_limit_price = chance(d, 3) ? 0 : c->stop_price;
}

static struct seen
some_live(struct take *s)
{
	if (s->n_live == 0)
		return (struct seen){.user = 1};
	return s->live[roll(&s->dice, s->n_live)];
}

static void
some_cancel(struct take *s, union stream_command *out)
{
	struct cmd_order_cancel *c = (void *)out;
	struct seen order = some_live(s);

	c->head = (struct message){ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL,
		order.user};
	c->order = order.id;
}

static void
some_amend(struct take *s, union stream_command *out)
{
	struct cmd_order_amend *c = (void *)out;
	struct dice *d = &s->dice;
	struct seen order = some_live(s);
	uint16_t market = some_market(s);

	c->head = (struct message){sizeof(*c), CMD_ORDER_AMEND, order.user};
	c->order = order.id;
	if (!chance(d, 3))
		c->quantity = some_quantity(s, market);
	if (chance(d, 3) || c->quantity == 0)
		c->price = some_price(s, market);
}

/* ---- What else there is -------------------------------------------------- */

static void
some_limit(struct take *s, union stream_command *out)
{
	struct cmd_limit_set *c = (void *)out;
	struct dice *d = &s->dice;

	c->head = (struct message){sizeof(*c), CMD_LIMIT_SET, some_user(s)};
	c->instrument = INSTRUMENT_ANY;
	c->type = (uint8_t)roll(d, LIMIT_TYPES);
	if (chance(d, 5))
		c->value = (int64_t)1 << (20 + roll(d, 42));
}

static void
some_terms(struct take *s, union stream_command *out)
{
	struct dice *d = &s->dice;
	uint16_t market = some_market(s);
	struct instrument_terms terms = *engine_terms(s->engine, market);

	switch (roll(d, 8)) {
	case 0:
		if (terms.status == MARKET_TRADING)
			terms.status = MARKET_HALTED;
		break;
	case 1: terms.maker_rate = (uint32_t)roll(d, 100001); break;
	case 2: terms.taker_rate = (uint32_t)roll(d, 100001); break;
	case 3: terms.maker_rate = 0; break;
	case 4: terms.taker_rate = 0; break;
	case 5:
		if (chance(d, 4) && terms.tick % 2 == 0)
			terms.tick /= 2;
		break;
	case 6:
		if (chance(d, 30))
			terms.status = MARKET_DELISTED;
		break;
	default: break;
	}
	if (terms.status == MARKET_HALTED && chance(d, 2))
		terms.status = MARKET_TRADING;
	instrument_set(out, terms);
}

static void
some_user_change(struct take *s, union stream_command *out)
{
	struct cmd_user_set *c = (void *)out;
	struct dice *d = &s->dice;

	c->head = (struct message){sizeof(*c), CMD_USER_SET, some_user(s)};
	c->change = USER_CHANGE_LOCK | USER_CHANGE_REDUCE;
	c->locked = chance(d, 20);
	c->reduce_only = chance(d, 10) ? REDUCE_OPERATOR : REDUCE_NO;
}

/* From who has to who has not: what has been traded goes round. */
static void
some_correction(struct take *s, union stream_command *out)
{
	struct cmd_correction *c = (void *)out;
	const struct instrument_terms *terms =
		engine_terms(s->engine, some_market(s));
	struct balance has;

	c->head = (struct message){sizeof(*c), CMD_CORRECTION, some_user(s)};
	c->asset = chance(&s->dice, 2) ? terms->base : terms->quote;
	has = engine_balance(s->engine, c->head.user, c->asset);
	c->amount = (INT64_MAX >> (s->rich ? 4 : 11)) - has.available;
}

static void
some_tick(union stream_command *out)
{
	out->head = (struct message){sizeof(struct cmd_tick), CMD_TICK, 0};
}

void
take_init(struct take *s, const struct engine *engine, uint64_t seed)
{
	unsigned i;

	memset(s, 0, sizeof(*s));
	s->engine = engine;
	s->dice = dice_seeded(seed);
	s->now = INT64_C(1750000000) * 1000000;
	s->rich = chance(&s->dice, 4);
	for (i = 0; i < TAKE_MARKETS; i++)
		s->markets[i] =
			places[roll(&s->dice, N_ELEMENTS(places))].instrument;
}

void
take_next(struct take *s, union stream_command *out)
{
	uint64_t kind = roll(&s->dice, 100);

	memset(out, 0, sizeof(*out));
	s->now += (int64_t)roll(&s->dice, 3000);
	if (engine_deadline_us(s->engine) <= s->now && !chance(&s->dice, 4))
		some_tick(out);
	else if (kind < 60)
		some_place(s, out);
	else if (kind < 66)
		some_stop(s, out);
	else if (kind < 73)
		some_pair(s, out);
	else if (kind < 80)
		some_cancel(s, out);
	else if (kind < 91)
		some_amend(s, out);
	else if (kind < 94)
		some_correction(s, out);
	else if (kind < 95)
		some_limit(s, out);
	else if (kind < 97)
		some_terms(s, out);
	else if (kind < 98)
		some_user_change(s, out);
	else
		some_tick(out);
}

/* ---- What became of it --------------------------------------------------- */

static void
forget_order(struct take *s, struct ident id)
{
	size_t i;

	for (i = 0; i < s->n_live; i++)
		if (ident_equal(s->live[i].id, id)) {
			s->live[i] = s->live[--s->n_live];
			return;
		}
}

void
take_saw(struct take *s, const struct record *record)
{
	const struct message *m = record_events(record);
	uint32_t i;

	for (i = 0; i < record->n_events; i++, m = message_next(m)) {
		const struct ev_order_opened *opened = (const void *)m;
		const struct ev_order_closed *closed = (const void *)m;

		if (m->type == EV_ORDER_CLOSED)
			forget_order(s, closed->order);
		if (m->type != EV_ORDER_OPENED)
			continue;
		if (s->n_live == TAKE_LIVE)
			s->live[0] = s->live[--s->n_live];
		s->live[s->n_live++] = (struct seen){opened->order, m->user};
	}
}
