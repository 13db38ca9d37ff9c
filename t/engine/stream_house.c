/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_house.c - commands of the house for the stream: assets, instruments,
 * users, limits, money.
 */
#include "stream.h"

#define MS INT64_C(1000)
#define HOUR (INT64_C(3600) * 1000 * MS)

static uint16_t
asset_of(struct stream *s)
{
	if (chance(&s->dice, 60))
		return (uint16_t)roll(&s->dice, 65536);
	return (uint16_t)roll(&s->dice, STREAM_ASSETS - 1);
}

static struct seen
some(struct stream *s, const struct seen *ring, size_t size, size_t n)
{
	struct seen seen = {.user = stream_user(s)};

	if (n > 0)
		seen = ring[roll(&s->dice, n < size ? n : size)];
	if (chance(&s->dice, 20))
		seen.user = stream_user(s);
	return seen;
}
#define SOME(s, what) some(s, s->what, N_ELEMENTS(s->what), s->n_##what)

/* Hours from now, at which something interesting happens to an intent. */
static struct ident
intent_of(struct stream *s)
{
	static const int64_t hours[] = {0, 0, 0, 1, -1, -23, -24, -25};
	struct ident id;
	uint16_t high;
	int64_t at;

	if (chance(&s->dice, 3))
		return IDENT_NONE;
	if (chance(&s->dice, 15))
		return SOME(s, intents).id;
	at = s->now / MS + (int64_t)roll(&s->dice, 16) - 8;
	if (chance(&s->dice, 6))
		at += hours[roll(&s->dice, N_ELEMENTS(hours))] * HOUR / MS;
	high = (uint16_t)roll(&s->dice, 4);
	id = ident_make((uint64_t)at, high, roll(&s->dice, 65536));
	if (chance(&s->dice, 40))
		stream_spoil(s, id.bytes, sizeof(id.bytes));
	s->intents[s->n_intents++ % N_ELEMENTS(s->intents)].id = id;
	return id;
}

/* ---- Commands of the house ----------------------------------------------- */

void
stream_terms(struct stream *s, struct instrument_terms *t)
{
	static const struct {
		int64_t tick, lot;
	} grids[] = {
		{1000000, 100000},   {1, 100000000},   {100000000, 1},
		{500000, 2000000},   {25, 4000000},    {12, 25000000},
		{10000, 10000},      {100000000, 100000000},
		{1000000000000, 1000000000000}, {INT64_C(1) << 62, 100000000},
		{3, 100000000},
	};
	static const uint32_t rates[] = {0, 0, 1, 333, 1000, 2000, 99999, 100000};
	static const uint32_t collars[] = {50000, 50000, 300000, 1, 999999};
	struct dice *d = &s->dice;
	size_t grid = roll(d, N_ELEMENTS(grids) - 3);

	if (chance(d, 20))
		grid = roll(d, N_ELEMENTS(grids));
	t->tick = grids[grid].tick;
	t->lot = grids[grid].lot;
	t->maker_rate = rates[roll(d, N_ELEMENTS(rates))];
	t->taker_rate = rates[roll(d, N_ELEMENTS(rates))];
	t->collar = collars[roll(d, N_ELEMENTS(collars))];
	t->min_notional = chance(d, 6) ? (int64_t)1 << roll(d, 14) : 0;
}

/* Terms that change a little, or are wrong in one place. */
static void
change_terms(struct stream *s, struct instrument_terms *t)
{
	static const uint32_t bands[][2] = {{0, 0}, {0, 0}, {900000, 1100000},
		{1000000, 1000000}, {0, UINT32_MAX}, {0, 1}, {5, 4},
		{500000, 2000000}, {0, 0}, {0, 0}, {100000, 8000000}};
	struct dice *d = &s->dice;
	struct instrument_terms fresh = *t;
	size_t band = roll(d, N_ELEMENTS(bands));

	stream_terms(s, &fresh);
	switch (roll(d, 12)) {
	case 0: t->tick = chance(d, 2) ? t->tick / 5 : t->tick / 2; break;
	case 1: t->tick *= 1 + (t->tick < INT64_MAX / 2); break;
	case 2: t->maker_rate = fresh.maker_rate; break;
	case 3: t->taker_rate = fresh.taker_rate; break;
	case 4: t->collar = fresh.collar; break;
	case 5: t->min_notional = fresh.min_notional; break;
	case 6: t->lot = fresh.lot; break;
	case 7:
		t->band_low = bands[band][0];
		t->band_high = bands[band][1];
		break;
	case 8: t->status = (uint8_t)(chance(d, 3) ? roll(d, 3) : 0); break;
	case 9: *t = fresh; break;
	case 10:
		if (chance(d, 16))
			t->status = (uint8_t)roll(d, 5);
		break;
	default:
		stream_spoil(s, t, sizeof(*t));
	}
}

static size_t
instrument_set(struct stream *s, void *out)
{
	struct cmd_instrument_set *c = out;
	uint16_t i = stream_instrument(s);

	c->head.type = CMD_INSTRUMENT_SET;
	c->intent = intent_of(s);
	c->terms = s->terms[i % STREAM_INSTRUMENTS];
	if (c->terms.status != MARKET_TRADING && !chance(&s->dice, 4))
		c->terms.status = MARKET_TRADING;
	else
		change_terms(s, &c->terms);
	return sizeof(*c);
}

static size_t
asset_set(struct stream *s, void *out)
{
	struct cmd_asset_set *c = out;
	int letter;

	c->head.type = CMD_ASSET_SET;
	c->intent = intent_of(s);
	c->asset = asset_of(s);
	letter = 'A' + (int)roll(&s->dice, 3);
	memset(c->code, letter, roll(&s->dice, ASSET_CODE_MAX + 1));
	if (chance(&s->dice, 2))
		memcpy(c->code, "USD", 4);
	if (c->asset == 0 && chance(&s->dice, 2))
		c->asset = asset_of(s);
	return sizeof(*c);
}

static size_t
reference_price(struct stream *s, void *out)
{
	struct cmd_reference_price *c = out;
	unsigned i;

	c->head.type = CMD_REFERENCE_PRICE;
	c->intent = intent_of(s);
	c->instrument = stream_instrument(s);
	i = c->instrument % STREAM_INSTRUMENTS;
	c->price = (int64_t)((uint64_t)s->middle[i] *
		(uint64_t)s->terms[i].tick);
	if (chance(&s->dice, 10))
		c->price = stream_hostile(s, c->price);
	return sizeof(*c);
}

static size_t
user_create(struct stream *s, void *out)
{
	struct cmd_user_create *c = out;

	c->head.type = CMD_USER_CREATE;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	c->public_id.bytes[0] = (uint8_t)roll(&s->dice, 256);
	c->role = (uint8_t)roll(&s->dice, 4);
	return sizeof(*c);
}

static size_t
user_set(struct stream *s, void *out)
{
	struct cmd_user_set *c = out;
	struct dice *d = &s->dice;

	c->head.type = CMD_USER_SET;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	c->change = (uint8_t)roll(d, chance(d, 20) ? 256 : 16);
	c->locked = chance(d, 12);
	c->role = (uint8_t)roll(d, 4);
	c->reduce_only = chance(d, 15) ? (uint8_t)roll(d, 256) : 0;
	return sizeof(*c);
}

static size_t
session_revoke(struct stream *s, void *out)
{
	struct cmd_session_revoke *c = out;
	struct dice *d = &s->dice;

	c->head.type = CMD_SESSION_REVOKE;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	if (!chance(d, 20)) {
		uint8_t *at = c->session.bytes + roll(d, 3);

		*at = (uint8_t)(1 + roll(d, 3));
	}
	s->sessions[s->n_sessions++ % N_ELEMENTS(s->sessions)] = c->session;
	c->expires_us = s->now + (int64_t)roll(d, 2 * HOUR);
	if (chance(d, 10))
		c->expires_us = stream_hostile(s, s->now);
	return sizeof(*c);
}

static int64_t
limit_value(struct stream *s, uint8_t type)
{
	static const int64_t parts[] = {1, 100000, 1000000, 5000000, 20000000,
		50000000, 99999999, 100000000, 100000001};
	struct dice *d = &s->dice;

	if (chance(d, 20))
		return stream_hostile(s, stream_amount(s));
	if (chance(d, 2) && type != LIMIT_OPEN_ORDERS && type != LIMIT_DRAWDOWN)
		return stream_value(s, 0);
	switch (type) {
	case LIMIT_OPEN_ORDERS:
		return (int64_t)roll(d, 8);
	case LIMIT_DRAWDOWN:
		return parts[roll(d, N_ELEMENTS(parts))];
	case LIMIT_DAILY_LOSS:
	case LIMIT_POSITION_VALUE:
		return INT64_MAX >> ((s->rich ? 2 : 12) + roll(d, 40));
	default:
		return stream_amount(s);
	}
}

static size_t
limit_set(struct stream *s, void *out)
{
	struct cmd_limit_set *c = out;
	struct dice *d = &s->dice;

	c->head.type = CMD_LIMIT_SET;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	c->instrument = chance(d, 2) ? INSTRUMENT_ANY : stream_instrument(s);
	c->type = (uint8_t)roll(d, LIMIT_TYPES + chance(d, 20));
	if (c->type != LIMIT_ORDER_SIZE && c->type != LIMIT_POSITION_SIZE &&
		!chance(d, 10))
		c->instrument = INSTRUMENT_ANY;
	c->value = limit_value(s, c->type);
	if (chance(d, 2))
		c->value = 0;
	return sizeof(*c);
}

static size_t
risk_check(struct stream *s, void *out)
{
	struct cmd_risk_check *c = out;

	c->head.type = CMD_RISK_CHECK;
	c->head.user = stream_user(s);
	return sizeof(*c);
}

static size_t
asset_rate(struct stream *s, void *out)
{
	struct cmd_asset_rate *c = out;

	c->head.type = CMD_ASSET_RATE;
	c->intent = intent_of(s);
	c->asset = asset_of(s);
	c->rate = stream_number(s, 99, 30);
	if (chance(&s->dice, 20))
		c->rate = stream_hostile(s, c->rate);
	return sizeof(*c);
}

/* ---- Money --------------------------------------------------------------- */

static size_t
deposit(struct stream *s, void *out)
{
	struct cmd_deposit *c = out;

	c->head.type = CMD_DEPOSIT;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	c->asset = asset_of(s);
	c->amount = stream_amount(s);
	return sizeof(*c);
}

static size_t
correction(struct stream *s, void *out)
{
	struct cmd_correction *c = out;

	c->head.type = CMD_CORRECTION;
	c->head.user = stream_user(s);
	c->intent = intent_of(s);
	c->asset = asset_of(s);
	c->amount = stream_amount(s);
	if (chance(&s->dice, 2))
		c->amount = (int64_t)-(uint64_t)c->amount;
	return sizeof(*c);
}

static size_t
withdraw_hold(struct stream *s, void *out)
{
	struct cmd_withdraw_hold *c = out;

	c->head.type = CMD_WITHDRAW_HOLD;
	c->head.user = stream_user(s);
	c->withdrawal = intent_of(s);
	c->asset = asset_of(s);
	c->amount = stream_amount(s);
	return sizeof(*c);
}

static size_t
withdraw_end(struct stream *s, void *out)
{
	struct cmd_withdraw_end *c = out;
	struct seen w = SOME(s, withdrawals);

	c->head.type = chance(&s->dice, 2) ? CMD_WITHDRAW_PAY
					   : CMD_WITHDRAW_RELEASE;
	c->head.user = w.user;
	c->intent = intent_of(s);
	c->withdrawal = chance(&s->dice, 20) ? intent_of(s) : w.id;
	return sizeof(*c);
}

size_t
stream_tick(struct stream *s, void *out)
{
	struct cmd_tick *c = out;

	c->head.type = CMD_TICK;
	c->head.user = chance(&s->dice, 3) ? stream_user(s) : USER_HOUSE;
	return sizeof(*c);
}

size_t
stream_house(struct stream *s, void *out)
{
	static size_t (*const makers[])(struct stream *, void *) = {
		stream_tick, asset_set, instrument_set, instrument_set,
		reference_price, user_create, user_set, user_set,
		session_revoke, limit_set, limit_set, risk_check, asset_rate,
		deposit, deposit, deposit, correction, withdraw_hold, withdraw_hold, withdraw_end,
		withdraw_end};

	return makers[roll(&s->dice, N_ELEMENTS(makers))](s, out);
}
