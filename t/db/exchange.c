/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * exchange.c - random commands for the engine.
 */
#include "t/db/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"

#define LIVE_MAX 10000
#define HELD_MAX 64
#define MID_TICKS 5000000 /* 50000.00 */

struct live {
	struct ident order;
	uint32_t user;
};

struct held {
	struct ident id;
	uint32_t user;
};

struct exchange {
	struct engine *engine;
	unsigned users;
	uint64_t beginning;
	uint64_t random;
	int64_t time_us;
	int64_t mid[EXCHANGE_INSTRUMENTS]; /* in ticks */
	struct live live[LIVE_MAX];
	size_t n_live;
	struct held held[HELD_MAX];
	size_t n_held;
	struct record *record; /* RECORD_MAX_BYTES */
};

/* xorshift64* */
static uint64_t
draw(struct exchange *x, uint64_t below)
{
	x->random ^= x->random >> 12;
	x->random ^= x->random << 25;
	x->random ^= x->random >> 27;
	return (x->random * UINT64_C(0x2545f4914f6cdd1d) >> 11) % below;
}

static struct ident
new_ident(struct exchange *x)
{
	return ident_make((uint64_t)x->time_us / 1000, (uint16_t)draw(x, 4096),
		x->random);
}

struct exchange *
exchange_new(unsigned users, uint64_t seed)
{
	struct exchange *x = calloc(1, sizeof(*x));
	size_t i;

	if (!x)
		abort();
	x->engine = engine_new(&engine_defaults);
	x->record = malloc(RECORD_MAX_BYTES);
	if (!x->engine || !x->record)
		abort();
	x->users = users;
	x->random = seed * 2 + 1;
	x->time_us = INT64_C(1750000000000000);
	x->beginning = EXCHANGE_ASSETS + 2 * EXCHANGE_INSTRUMENTS +
		       users * (1 + EXCHANGE_ASSETS);
	for (i = 0; i < EXCHANGE_INSTRUMENTS; i++)
		x->mid[i] = MID_TICKS;
	return x;
}

void
exchange_set_time(struct exchange *x, int64_t time_us)
{
	x->time_us = time_us;
}

void
exchange_free(struct exchange *x)
{
	if (!x)
		return;
	engine_free(x->engine);
	free(x->record);
	free(x);
}

uint64_t
exchange_beginning(const struct exchange *x)
{
	return x->beginning;
}

const struct engine *
exchange_engine(const struct exchange *x)
{
	return x->engine;
}

unsigned
exchange_users(const struct exchange *x)
{
	return x->users;
}

/* ---- The beginning ---------------------------------------------------- */

#define HEAD(sym, type_, user_)                                                \
	{                                                                      \
		.size = sizeof(struct type_), .type = CMD_##sym,               \
		.user = (user_)                                                \
	}

union any_command {
	struct message head;
	struct cmd_asset_set asset;
	struct cmd_instrument_set instrument;
	struct cmd_reference_price reference;
	struct cmd_user_create user;
	struct cmd_user_set user_set;
	struct cmd_session_revoke revoke;
	struct cmd_limit_set limit;
	struct cmd_deposit deposit;
	struct cmd_withdraw_hold hold;
	struct cmd_withdraw_end end;
	struct cmd_correction correction;
	struct cmd_order_place place;
	struct cmd_order_cancel cancel;
	struct cmd_order_cancel_all cancel_all;
	struct cmd_order_amend amend;
	struct cmd_order_oco oco;
	struct cmd_cancel_after cancel_after;
	struct cmd_risk_check risk_check;
	struct cmd_asset_rate rate;
	struct cmd_tick tick;
};

static void
make_market(struct exchange *x, uint64_t step, union any_command *c)
{
	static const char *const codes[] = {"USD", "BTC", "ETH"};
	static const char *const symbols[] = {"BTC/USD", "ETH/USD"};
	uint16_t number;

	if (step < EXCHANGE_ASSETS) {
		c->asset = (struct cmd_asset_set){
			.head = HEAD(ASSET_SET, cmd_asset_set, 0),
			.asset = (uint16_t)step};
		memcpy(c->asset.code, codes[step], 4);
		return;
	}
	number = (uint16_t)(step - EXCHANGE_ASSETS);
	if (number < EXCHANGE_INSTRUMENTS) {
		c->instrument = (struct cmd_instrument_set){
			.head = HEAD(INSTRUMENT_SET, cmd_instrument_set, 0),
			.terms = {.instrument = number,
				.base = (uint16_t)(number + 1),
				.tick = 1000000,
				.lot = 100,
				.min_notional = DECIMAL_ONE,
				.maker_rate = 1000,
				.taker_rate = 2000,
				.band_low = 200000,
				.band_high = 5000000,
				.collar = 50000}};
		memcpy(c->instrument.terms.symbol, symbols[number], 8);
		return;
	}
	c->reference = (struct cmd_reference_price){
		.head = HEAD(REFERENCE_PRICE, cmd_reference_price, 0),
		.instrument = (uint16_t)(number - EXCHANGE_INSTRUMENTS),
		.price = MID_TICKS * INT64_C(1000000)};
	(void)x;
}

static void
make_user(struct exchange *x, uint64_t step, union any_command *c)
{
	uint32_t user = (uint32_t)(step % x->users) + 1;
	uint64_t round = step / x->users;

	if (round == 0)
		c->user = (struct cmd_user_create){
			.head = HEAD(USER_CREATE, cmd_user_create, user),
			.intent = new_ident(x),
			.public_id = new_ident(x)};
	else
		c->deposit = (struct cmd_deposit){
			.head = HEAD(DEPOSIT, cmd_deposit, user),
			.intent = new_ident(x),
			.asset = (uint16_t)(round - 1),
			.amount = (round == 1 ? 5000000 : 100) * DECIMAL_ONE};
}

/* ---- Life ------------------------------------------------------------- */

/* The order in hand, and a stop on the other side of the market. */
static void
make_pair(struct exchange *x, union any_command *c)
{
	struct cmd_order_place place = c->place;
	int64_t mid = x->mid[place.instrument] * 1000000;
	int64_t away = (int64_t)(draw(x, 40) + 5) * 1000000;
	bool buy = place.side == SIDE_BUY;

	c->oco = (struct cmd_order_oco){
		.head = HEAD(ORDER_OCO, cmd_order_oco, place.head.user),
		.instrument = place.instrument,
		.side = place.side,
		.price = buy ? mid - away : mid + away,
		.quantity = place.quantity,
		.stop_price = buy ? mid + away : mid - away,
	};
	if (draw(x, 2) == 0)
		c->oco.stop_limit_price =
			c->oco.stop_price + (buy ? away : -away);
}

static void
make_order(struct exchange *x, union any_command *c)
{
	uint16_t instrument = (uint16_t)draw(x, EXCHANGE_INSTRUMENTS);
	uint8_t side = (uint8_t)draw(x, 2);
	/* One in five goes through the touch. */
	int64_t away = draw(x, 5) == 0 ? -(int64_t)draw(x, 20)
				       : (int64_t)draw(x, 50) + 1;
	uint64_t kind = draw(x, 40);

	x->mid[instrument] += (int64_t)draw(x, 3) - 1;
	c->place = (struct cmd_order_place){
		.head = HEAD(ORDER_PLACE, cmd_order_place,
			(uint32_t)draw(x, x->users) + 1),
		.instrument = instrument,
		.side = side,
		.price = (x->mid[instrument] +
				 (side == SIDE_BUY ? -away : away)) *
			 1000000,
		.quantity = (int64_t)(draw(x, 1000) + 50) * 100 * 10,
	};
	if (kind == 0) {
		c->place.type = TYPE_STOP_LOSS;
		c->place.stop_price = c->place.price;
		c->place.price = 0;
	} else if (kind == 1) {
		c->place.type = TYPE_MARKET;
		c->place.price = 0;
	} else if (kind == 2) {
		c->place.tif = TIF_FOK;
	} else if (kind == 4) {
		c->place.type = TYPE_TRAILING_STOP;
		c->place.price = 0;
		if (draw(x, 2) == 0)
			c->place.trail = (int64_t)(draw(x, 30) + 1) * 1000000;
		else
			c->place.trail_rate = (uint32_t)draw(x, 500) + 1;
	} else if (kind == 5) {
		make_pair(x, c);
	} else if (kind == 3) {
		c->place.client_id_length = 8;
		memcpy(c->place.client_id, "client", 6);
		c->place.client_id[6] = (char)('a' + draw(x, 26));
		c->place.client_id[7] = (char)('a' + draw(x, 26));
	}
}

/* An order that was opened at some time; it may have ended since. */
static struct live
take_live(struct exchange *x)
{
	size_t i = draw(x, x->n_live);
	struct live live = x->live[i];

	x->live[i] = x->live[--x->n_live];
	return live;
}

static void
make_withdrawal(struct exchange *x, union any_command *c)
{
	uint32_t user = (uint32_t)draw(x, x->users) + 1;

	if (x->n_held == HELD_MAX || (x->n_held > 0 && draw(x, 2) == 0)) {
		size_t i = draw(x, x->n_held);
		bool pay = draw(x, 2) == 0;

		c->end = (struct cmd_withdraw_end){
			.head = HEAD(WITHDRAW_PAY, cmd_withdraw_end,
				x->held[i].user),
			.intent = new_ident(x),
			.withdrawal = x->held[i].id};
		if (!pay)
			c->end.head.type = CMD_WITHDRAW_RELEASE;
		x->held[i] = x->held[--x->n_held];
		return;
	}
	c->hold = (struct cmd_withdraw_hold){
		.head = HEAD(WITHDRAW_HOLD, cmd_withdraw_hold, user),
		.withdrawal = new_ident(x),
		.asset = (uint16_t)draw(x, EXCHANGE_ASSETS),
		.amount = (int64_t)draw(x, DECIMAL_ONE) + 1};
	x->held[x->n_held++] = (struct held){c->hold.withdrawal, user};
}

/* What guards a user from himself, and what his assets are worth. */
static void
make_safety(struct exchange *x, union any_command *c, uint32_t user)
{
	switch (draw(x, 4)) {
	case 0:
		c->cancel_after = (struct cmd_cancel_after){
			.head = HEAD(CANCEL_AFTER, cmd_cancel_after, user),
			.after_us = (int64_t)draw(x, 3) * 5000};
		return;
	case 1:
		c->rate = (struct cmd_asset_rate){
			.head = HEAD(ASSET_RATE, cmd_asset_rate, 0),
			.intent = new_ident(x),
			.asset = (uint16_t)draw(x, EXCHANGE_ASSETS),
			.rate = (int64_t)draw(x, DECIMAL_ONE)};
		return;
	case 2:
		c->limit = (struct cmd_limit_set){
			.head = HEAD(LIMIT_SET, cmd_limit_set, user),
			.intent = new_ident(x),
			.instrument = INSTRUMENT_ANY,
			.type = LIMIT_DAILY_LOSS,
			.value = (int64_t)draw(x, 4) * 10 * DECIMAL_ONE};
		if (draw(x, 2) == 0) {
			c->limit.type = LIMIT_DRAWDOWN;
			c->limit.value /= 1000000;
		}
		return;
	default:
		c->risk_check = (struct cmd_risk_check){
			.head = HEAD(RISK_CHECK, cmd_risk_check, user)};
	}
}

static void
make_rare(struct exchange *x, union any_command *c)
{
	uint32_t user = (uint32_t)draw(x, x->users) + 1;

	switch (draw(x, 10)) {
	case 0:
		c->correction = (struct cmd_correction){
			.head = HEAD(CORRECTION, cmd_correction, user),
			.intent = new_ident(x),
			.asset = (uint16_t)draw(x, EXCHANGE_ASSETS),
			.amount = (int64_t)draw(x, 1000) - 500};
		return;
	case 1:
		c->limit = (struct cmd_limit_set){
			.head = HEAD(LIMIT_SET, cmd_limit_set, user),
			.intent = new_ident(x),
			.instrument = INSTRUMENT_ANY,
			.type = LIMIT_OPEN_ORDERS,
			.value = 900 + (int64_t)draw(x, 100)};
		return;
	case 2:
		c->revoke = (struct cmd_session_revoke){
			.head = HEAD(SESSION_REVOKE, cmd_session_revoke, user),
			.intent = new_ident(x),
			.session = new_ident(x),
			.expires_us = x->time_us + US_PER_HOUR};
		return;
	case 3:
		c->user_set = (struct cmd_user_set){
			.head = HEAD(USER_SET, cmd_user_set, user),
			.intent = new_ident(x),
			.change = USER_CHANGE_EPOCH};
		return;
	case 4:
		c->cancel_all = (struct cmd_order_cancel_all){
			.head = HEAD(
				ORDER_CANCEL_ALL, cmd_order_cancel_all, user),
			.instrument = INSTRUMENT_ANY,
			.side = SIDE_BOTH};
		return;
	case 5:
		c->deposit = (struct cmd_deposit){
			.head = HEAD(DEPOSIT, cmd_deposit, user),
			.intent = new_ident(x),
			.asset = (uint16_t)draw(x, EXCHANGE_ASSETS),
			.amount = DECIMAL_ONE};
		return;
	default:
		make_safety(x, c, user);
	}
}

static void
make_life(struct exchange *x, union any_command *c)
{
	uint64_t kind = draw(x, 100);
	struct live live;

	if (x->n_live == 0 || kind < 55) {
		make_order(x, c);
	} else if (kind < 95) {
		live = take_live(x);
		c->cancel = (struct cmd_order_cancel){
			.head = HEAD(ORDER_CANCEL, cmd_order_cancel, live.user),
			.order = live.order};
	} else if (kind < 97) {
		live = x->live[draw(x, x->n_live)];
		c->amend = (struct cmd_order_amend){
			.head = HEAD(ORDER_AMEND, cmd_order_amend, live.user),
			.order = live.order,
			.quantity = (int64_t)(draw(x, 1000) + 50) * 1000};
	} else if (kind < 99) {
		make_withdrawal(x, c);
	} else {
		make_rare(x, c);
	}
}

static void
remember_opened(struct exchange *x)
{
	const struct message *event = record_events(x->record);
	uint32_t i;

	for (i = 0; i < x->record->n_events; i++, event = message_next(event)) {
		struct ev_order_opened opened;

		if (event->type != EV_ORDER_OPENED || x->n_live == LIVE_MAX)
			continue;
		message_read(event, &opened, sizeof(opened));
		x->live[x->n_live++] =
			(struct live){opened.order, opened.head.user};
	}
}

const struct record *
exchange_next(struct exchange *x)
{
	uint64_t markets = EXCHANGE_ASSETS + 2 * EXCHANGE_INSTRUMENTS;

	for (;;) {
		union any_command c;
		uint64_t step = engine_seq(x->engine), done_seq;

		x->time_us += 50;
		memset(&c, 0, sizeof(c));
		if (step < markets)
			make_market(x, step, &c);
		else if (step < x->beginning)
			make_user(x, step - markets, &c);
		else if (engine_deadline_us(x->engine) <= x->time_us)
			c.tick = (struct cmd_tick){HEAD(TICK, cmd_tick, 0)};
		else
			make_life(x, &c);
		if (engine_apply(x->engine, x->time_us, &c.head, x->record,
			    &done_seq) != REFUSED_NONE) {
			if (step < x->beginning)
				abort();
			continue;
		}
		if (done_seq != 0)
			continue;
		remember_opened(x);
		return x->record;
	}
}
