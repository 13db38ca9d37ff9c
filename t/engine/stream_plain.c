/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_plain.c - commands that look at what the engine has.
 */
#include "stream_plain.h"

#include <string.h>

#include "base/decimal.h"

#define USERS (STREAM_USERS - 1)
#define ASSETS 12 /* more than are in one block of balances */
#define LEAF 64 /* prices that the engine keeps together */

static const uint16_t markets[] = {0, 1, 2, 3, 8, 12, 17, 127, 128, 130};

/* ---- What is there before ------------------------------------------------ */

static struct instrument_terms
terms_of(unsigned i)
{
	static const int64_t grids[][2] = {{100000000, 100000000},
		{1000000, 100000}, {25, 4000000}, {100000000, 1},
		{500000000, 200000000}};
	struct instrument_terms t = {
		.instrument = (uint16_t)i,
		.base = (uint16_t)(1 + i % (ASSETS - 1)),
		/* One in sixteen in a coin of the second block. */
		.quote = i % 16 == 12 ? 8 : 0,
		.fee_asset = i % 16 == 12 ? 8 : 0,
		.symbol = "X/Y",
		.tick = grids[i % N_ELEMENTS(grids)][0],
		.lot = grids[i % N_ELEMENTS(grids)][1],
		.maker_rate = i % 3 == 0 ? 1000 : 0,
		.taker_rate = i % 3 == 1 ? 2500 : 333,
		.collar = 50000,
	};

	return t;
}

bool
plain_set_up(unsigned n, union stream_command *out)
{
	struct cmd_asset_set *asset = (void *)out;
	struct cmd_instrument_set *instrument = (void *)out;
	struct cmd_deposit *money = (void *)out;

	memset(out, 0, sizeof(*out));
	if (n < ASSETS) {
		asset->head = (struct message){sizeof(*asset), CMD_ASSET_SET, 0};
		asset->asset = (uint16_t)n;
		asset->code[0] = (char)('A' + n);
		return true;
	}
	n -= ASSETS;
	if (n < PLAIN_INSTRUMENTS) {
		instrument->head = (struct message){sizeof(*instrument),
			CMD_INSTRUMENT_SET, 0};
		instrument->terms = terms_of(n);
		return true;
	}
	n -= PLAIN_INSTRUMENTS;
	if (n >= USERS * ASSETS)
		return false;
	money->head = (struct message){sizeof(*money), CMD_DEPOSIT,
		1 + n / ASSETS};
	money->asset = (uint16_t)(n % ASSETS);
	/* The last two begin without a second block of balances. */
	if (n % 7 != 6 && (n / ASSETS < USERS - 2 || n % ASSETS < 8))
		money->amount = INT64_MAX >> (8 + n % 13);
	return true;
}

/* ---- Orders that look at what is there ----------------------------------- */

/* What it would hold, if that can be said. */
static int64_t
hold_of(const struct instrument_terms *terms, const struct cmd_order_place *c)
{
	__int128 notional = (__int128)c->price * c->quantity / DECIMAL_ONE;
	uint32_t rate = terms->maker_rate > terms->taker_rate
		? terms->maker_rate
		: terms->taker_rate;

	if (c->side == SIDE_SELL)
		return c->quantity;
	notional += (notional * rate + RATE_SCALE - 1) / RATE_SCALE;
	return notional > INT64_MAX || notional < 0 ? 0 : (int64_t)notional;
}

/*
 * In ticks.  Near prices are one book's middle; all books together share the
 * leaves of the far ones, bids of the one at asks of the other.
 */
static int64_t
some_ticks(struct plain *p, uint16_t instrument, unsigned side)
{
	struct dice *d = &p->dice;
	int64_t middle = 70 + 900 * (instrument % 5), ticks;
	struct depth_level best;
	int64_t tick = engine_terms(p->engine, instrument)->tick;

	switch (roll(d, 6)) {
	case 0: /* at the other side's best, or beside it */
		if (engine_depth(p->engine, instrument, (enum side)!side, &best,
			    1) == 0)
			break;
		return best.price / tick + (int64_t)roll(d, 3) - 1;
	case 1: /* another leaf, often of the same place in NEAR */
		ticks = middle + (side == SIDE_BUY ? -1 : 1) *
				(int64_t)(roll(d, 40) * LEAF);
		return ticks > 0 ? ticks : 1 + (int64_t)roll(d, 3);
	case 2:
		if (side == SIDE_BUY || !chance(d, 4))
			break;
		return (int64_t)1 << (6 + roll(d, 30));
	default: break;
	}
	ticks = middle + (side == SIDE_BUY ? -(int64_t)roll(d, 5)
					   : (int64_t)roll(d, 5));
	return ticks + (chance(d, 8) ? (int64_t)roll(d, 8) - 4 : 0);
}

/* So many lots that what they come to is near where it is too much. */
static int64_t
many_lots(struct plain *p, int64_t ticks, const struct instrument_terms *terms)
{
	__int128 unit = (__int128)terms->tick * terms->lot / DECIMAL_ONE;
	__int128 most = INT64_MAX >> roll(&p->dice, 5), lots;

	lots = most / (unit * (ticks > 0 ? ticks : 1)) +
		(int64_t)roll(&p->dice, 3) - 1;
	if (lots < 1 || lots > INT64_MAX / terms->lot)
		lots = INT64_MAX / terms->lot;
	return (int64_t)lots;
}

/*
 * Some first get a correction, after which they have just what it will hold,
 * or one unit less; and who is poor, plenty for a while.
 */
static void
fit_funds(struct plain *p, const struct instrument_terms *terms,
	union stream_command *order)
{
	const struct cmd_order_place *place = (const void *)order;
	struct cmd_correction *c;
	uint16_t asset =
		place->side == SIDE_BUY ? terms->quote : terms->base;
	struct balance has;
	int64_t hold = hold_of(terms, place);
	bool poor;

	has = engine_balance(p->engine, place->head.user, asset);
	poor = has.available < hold;
	if (hold <= 0 || (poor ? chance(&p->dice, 3) : !chance(&p->dice, 6)))
		return;
	p->next = *order;
	memset(order, 0, sizeof(*order));
	c = (void *)order;
	c->head = (struct message){sizeof(*c), CMD_CORRECTION,
		p->next.head.user};
	c->asset = asset;
	c->amount = hold - has.available - (int64_t)roll(&p->dice, 2);
	if (poor && hold < INT64_MAX >> 20 && !chance(&p->dice, 3))
		c->amount += INT64_MAX >> 12;
}

/* Mostly one that nothing is said against. */
static uint32_t
some_user(struct plain *p)
{
	uint32_t user = 1 + (uint32_t)roll(&p->dice, USERS);
	struct user_facts facts = engine_user(p->engine, user);

	return facts.locked || facts.reduce_only
		? 1 + (uint32_t)roll(&p->dice, USERS)
		: user;
}

static void
some_place(struct plain *p, union stream_command *out)
{
	struct cmd_order_place *c = (void *)out;
	struct dice *d = &p->dice;
	uint16_t market = markets[roll(d, N_ELEMENTS(markets))];
	const struct instrument_terms *terms = engine_terms(p->engine, market);
	int64_t ticks, lots;

	c->head = (struct message){ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
		some_user(p)};
	c->instrument = market;
	c->side = (uint8_t)roll(d, 2);
	c->stp = (uint8_t)roll(d, 4);
	c->flags = chance(d, 6) ? ORDER_POST_ONLY : 0;
	ticks = some_ticks(p, market, c->side);
	lots = 1 + (int64_t)roll(d, 6);
	if (chance(d, 12))
		lots = many_lots(p, ticks, terms);
	__builtin_mul_overflow(ticks, terms->tick, &c->price);
	__builtin_mul_overflow(lots, terms->lot, &c->quantity);
	/* And a few that are not plain, or not sound. */
	switch (roll(d, 80)) {
	case 0: c->price += 1 - 2 * (int64_t)roll(d, 2); break;
	case 1: c->quantity += 1 - 2 * (int64_t)roll(d, 2); break;
	case 2: c->price = stream_hostile(p->stream, c->price); break;
	case 3: c->quantity = stream_hostile(p->stream, c->quantity); break;
	case 4: c->tif = (uint8_t)(1 + roll(d, 3)); break;
	case 5: c->quote_budget = (int64_t)roll(d, 2) << roll(d, 40); break;
	case 6: c->stop_price = (int64_t)roll(d, 2) << roll(d, 40); break;
	case 7: c->head.user = stream_user(p->stream); break;
	case 8: stream_spoil(p->stream, &c->instrument, 8); break;
	case 9: c->type = (uint8_t)roll(d, 6); break;
	case 10: c->instrument = (uint16_t)(PLAIN_INSTRUMENTS + roll(d, 200)); break;
	case 11: c->price = 0; break;
	default: break;
	}
	fit_funds(p, terms, out);
}

static void
some_cancel(struct plain *p, union stream_command *out)
{
	struct cmd_order_cancel *c = (void *)out;
	struct dice *d = &p->dice;
	struct seen order = {.user = 1};

	if (p->n_live > 0)
		order = p->live[roll(d, p->n_live)];
	c->head = (struct message){ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL,
		order.user};
	c->order = order.id;
	switch (roll(d, 40)) {
	case 0: c->head.user = stream_user(p->stream); break;
	case 1: c->order = IDENT_NONE; break;
	case 2: stream_spoil(p->stream, &c->order, sizeof(c->order)); break;
	default: break;
	}
}

/* ---- What makes a user or a market plain, or not ------------------------- */

static void
some_user_change(struct plain *p, union stream_command *out)
{
	struct cmd_user_set *c = (void *)out;
	struct dice *d = &p->dice;

	c->head = (struct message){sizeof(*c), CMD_USER_SET,
		1 + (uint32_t)roll(d, USERS)};
	c->change = USER_CHANGE_LOCK | USER_CHANGE_REDUCE;
	c->locked = chance(d, 12);
	c->reduce_only = chance(d, 12) ? REDUCE_OPERATOR : REDUCE_NO;
}

static void
some_limit(struct plain *p, union stream_command *out)
{
	struct cmd_limit_set *c = (void *)out;
	struct dice *d = &p->dice;

	c->head = (struct message){sizeof(*c), CMD_LIMIT_SET,
		1 + (uint32_t)roll(d, USERS)};
	c->instrument = INSTRUMENT_ANY;
	c->type = (uint8_t)roll(d, LIMIT_TYPES);
	if (chance(d, 12))
		c->value = (int64_t)1 << roll(d, 60);
}

static void
some_terms(struct plain *p, union stream_command *out)
{
	struct cmd_instrument_set *c = (void *)out;
	struct dice *d = &p->dice;
	uint16_t market = markets[roll(d, N_ELEMENTS(markets))];
	struct instrument_terms *terms = &c->terms;
	struct depth_level best;

	c->head = (struct message){sizeof(*c), CMD_INSTRUMENT_SET, 0};
	*terms = *engine_terms(p->engine, market);
	if (terms->status != MARKET_TRADING || chance(d, 6)) {
		terms->status = chance(d, 9) ? MARKET_HALTED : MARKET_TRADING;
		return;
	}
	switch (roll(d, 5)) {
	case 0:
		terms->band_low = chance(d, 4) ? 900000 : 0;
		terms->band_high = terms->band_low ? 1100000 : 0;
		break;
	case 1: /* what one or two lots at the best bid come to */
		terms->min_notional = 0;
		if (engine_depth(p->engine, market, SIDE_BUY, &best, 1) == 0)
			break;
		terms->min_notional = (int64_t)((__int128)best.price *
						 terms->lot / DECIMAL_ONE) *
			(int64_t)(1 + roll(d, 2));
		break;
	case 2: terms->maker_rate = (uint32_t)roll(d, 100001); break;
	case 3: terms->taker_rate = (uint32_t)roll(d, 5000); break;
	default:
		if (terms->tick % 5 == 0 && chance(d, 20))
			terms->tick /= 5;
	}
}

static void
some_reference(struct plain *p, union stream_command *out)
{
	struct cmd_reference_price *c = (void *)out;
	uint16_t market = markets[roll(&p->dice, N_ELEMENTS(markets))];

	c->head = (struct message){sizeof(*c), CMD_REFERENCE_PRICE, 0};
	c->instrument = market;
	c->price = engine_terms(p->engine, market)->tick *
		(70 + 900 * (market % 5));
}

/* All that he has, so that he begins anew. */
static void
some_cancel_all(struct plain *p, union stream_command *out)
{
	struct cmd_order_cancel_all *c = (void *)out;

	c->head = (struct message){sizeof(*c), CMD_ORDER_CANCEL_ALL,
		1 + (uint32_t)roll(&p->dice, USERS)};
	c->instrument = INSTRUMENT_ANY;
	c->side = SIDE_BOTH;
}

static void
some_tick(union stream_command *out)
{
	out->head = (struct message){sizeof(struct cmd_tick), CMD_TICK, 0};
}

void
plain_next(struct plain *p, union stream_command *out, int64_t *now)
{
	uint64_t kind = roll(&p->dice, 100);

	if (p->next.head.size > 0) {
		*out = p->next;
		p->next.head.size = 0;
		return;
	}
	memset(out, 0, sizeof(*out));
	if (kind >= 96) {
		stream_next(p->stream, out, now);
		return;
	}
	*now = p->stream->now += (int64_t)roll(&p->dice, 3000);
	if (engine_deadline_us(p->engine) <= *now)
		some_tick(out);
	else if (kind < 53)
		some_place(p, out);
	else if (kind < 87)
		some_cancel(p, out);
	else if (kind < 91)
		some_user_change(p, out);
	else if (kind < 93)
		some_limit(p, out);
	else if (kind < 94)
		some_terms(p, out);
	else if (kind < 95)
		some_reference(p, out);
	else if (chance(&p->dice, 3))
		some_cancel_all(p, out);
	else
		some_tick(out);
}

/* ---- What became of it --------------------------------------------------- */

static void
see_order(struct plain *p, struct ident id, uint32_t user)
{
	if (p->n_live == PLAIN_LIVE)
		p->live[0] = p->live[--p->n_live];
	p->live[p->n_live++] = (struct seen){id, user};
}

static void
forget_order(struct plain *p, struct ident id)
{
	size_t i;

	for (i = 0; i < p->n_live; i++)
		if (ident_equal(p->live[i].id, id)) {
			p->live[i] = p->live[--p->n_live];
			return;
		}
}

void
plain_saw(struct plain *p, const struct record *record)
{
	const struct message *m = record_events(record);
	uint32_t i;

	for (i = 0; i < record->n_events; i++, m = message_next(m)) {
		const struct ev_order_opened *opened = (const void *)m;
		const struct ev_order_closed *closed = (const void *)m;

		if (m->type == EV_ORDER_OPENED)
			see_order(p, opened->order, m->user);
		else if (m->type == EV_ORDER_CLOSED && !chance(&p->dice, 8))
			forget_order(p, closed->order);
	}
}
