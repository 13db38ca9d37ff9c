/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * world.c - the small exchange of the rules tests.
 */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "naive.h"

/* ---- Making one ---------------------------------------------------------- */

struct world *
world_empty(int subject, const struct engine_options *options)
{
	static const struct subject *const subjects[N_SUBJECTS] = {
		&subject_naive,
		&subject_engine,
	};
	static const struct engine_options small = {
		.users = 64,
		.orders = 4096,
		.client_ids = 1024,
		.client_ids_user = 256,
		.intents = 1024,
		.sessions = 64,
		.withdrawals = 64,
		.limits = 1024,
		.open_orders_user = 2000,
	};
	struct world *w = calloc(1, sizeof(*w));

	ck_assert_ptr_nonnull(w);
	w->subject = subjects[subject];
	w->it = w->subject->create(options ? options : &small);
	ck_assert_ptr_nonnull(w->it);
	w->now = INT64_C(1750000000) * 1000000;
	w->record = malloc(RECORD_MAX_BYTES);
	ck_assert_ptr_nonnull(w->record);
	return w;
}

static void
make_assets(struct world *w)
{
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = USD, .code = "USD"}));
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = BTC, .code = "BTC"}));
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = EUR, .code = "EUR"}));
}

struct world *
world_with(int subject, const struct engine_options *options)
{
	struct world *w = world_empty(subject, options);
	uint32_t user;

	make_assets(w);
	w->terms = (struct instrument_terms){
		.instrument = BTC_USD,
		.base = BTC,
		.quote = USD,
		.fee_asset = USD,
		.symbol = "BTC/USD",
		.tick = units("0.01"),
		.lot = units("0.001"),
		.maker_rate = 1000,
		.taker_rate = 2000,
		.collar = 50000,
	};
	DONE(set_terms(w));
	for (user = ANN; user <= DAN; user++) {
		DONE(APPLY(w, CMD_USER_CREATE, user,
			(struct cmd_user_create){.role = ROLE_USER}));
		DONE(deposit(w, user, USD, units("10000"), IDENT_NONE));
		DONE(deposit(w, user, BTC, units("100"), IDENT_NONE));
	}
	return w;
}

struct world *
world_new(int subject)
{
	return world_with(subject, NULL);
}

void
world_free(struct world *w)
{
	char why[200] = "";

	if (w->subject == &subject_naive)
		ck_assert_msg(naive_sound(w->it, why, sizeof(why)), "%s", why);
	if (w->subject == &subject_engine)
		ck_assert_msg(engine_sound(w->it, why, sizeof(why)), "%s", why);
	w->subject->destroy(w->it);
	free(w->record);
	free(w);
}

int64_t
units(const char *text)
{
	struct decimal d;

	ck_assert_int_eq(decimal_parse(text, &d), ST_OK);
	return d.units;
}

/* ---- Commands ------------------------------------------------------------ */

enum refusal
apply(struct world *w, uint16_t type, uint32_t user, void *command, size_t size)
{
	struct message *head = command;

	head->type = type;
	head->size = (uint16_t)size;
	head->user = user;
	ck_assert(command_well_formed(head, size));
	w->now += 1000;
	return w->subject->apply(w->it, w->now, head, w->record, &w->done_seq);
}

static int64_t
units_or(const char *text, int64_t otherwise)
{
	return text ? units(text) : otherwise;
}

enum refusal
place(struct world *w, struct ask ask)
{
	struct cmd_order_place c = {
		.instrument = ask.instrument,
		.side = (uint8_t)ask.side,
		.type = ask.type ? (uint8_t)ask.type
				 : ask.price ? TYPE_LIMIT : TYPE_MARKET,
		.tif = (uint8_t)ask.tif,
		.stp = (uint8_t)ask.stp,
		.flags = ask.flags,
		.price = units_or(ask.price, 0),
		.quantity = units_or(ask.quantity, 0),
		.quote_budget = units_or(ask.budget, 0),
		.stop_price = units_or(ask.stop, 0),
		.trail = units_or(ask.trail, 0),
		.trail_rate = ask.trail_rate,
	};
	size_t size = c.trail || c.trail_rate ? sizeof(c) : ORDER_PLACE_SHORT;

	if (ask.client_id) {
		c.client_id_length = (uint8_t)strlen(ask.client_id);
		ck_assert_uint_le(c.client_id_length, CLIENT_ID_MAX);
		memcpy(c.client_id, ask.client_id, c.client_id_length);
		size = sizeof(c);
	}
	return apply(w, CMD_ORDER_PLACE, ask.user, &c, size);
}

struct ident
placed(struct world *w, struct ask ask)
{
	const struct ev_order_opened *opened;

	DONE(place(w, ask));
	ck_assert_uint_eq(w->done_seq, 0);
	opened = event(w, EV_ORDER_OPENED, 0);
	return opened->order;
}

enum refusal
pair(struct world *w, struct pair_ask ask)
{
	struct cmd_order_oco c = {
		.instrument = BTC_USD,
		.side = (uint8_t)ask.side,
		.stp = (uint8_t)ask.stp,
		.price = units_or(ask.price, 0),
		.quantity = units_or(ask.quantity, 0),
		.stop_price = units_or(ask.stop, 0),
		.stop_limit_price = units_or(ask.stop_limit, 0),
	};
	size_t size = ORDER_OCO_SHORT;

	if (ask.client_id) {
		c.client_id_length = (uint8_t)strlen(ask.client_id);
		ck_assert_uint_le(c.client_id_length, CLIENT_ID_MAX);
		memcpy(c.client_id, ask.client_id, c.client_id_length);
		size = sizeof(c);
	}
	return apply(w, CMD_ORDER_OCO, ask.user, &c, size);
}

void
trade_at(struct world *w, const char *price)
{
	DONE(PLACE(w, DAN, SIDE_SELL, "0.001", price));
	DONE(PLACE(w, CID, SIDE_BUY, "0.001", price));
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD), units(price));
}

bool
is_due(struct world *w)
{
	return w->subject->deadline_us(w->it) <= w->subject->time_us(w->it);
}

enum refusal
tick(struct world *w)
{
	return APPLY(w, CMD_TICK, USER_HOUSE, (struct cmd_tick){.head = {0}});
}

enum refusal
cancel_after(struct world *w, uint32_t user, int64_t after_us)
{
	return APPLY(w, CMD_CANCEL_AFTER, user,
		(struct cmd_cancel_after){.after_us = after_us});
}

enum refusal
risk_check(struct world *w, uint32_t user)
{
	return APPLY(w, CMD_RISK_CHECK, user,
		(struct cmd_risk_check){.head = {0}});
}

enum refusal
asset_rate(struct world *w, uint16_t asset, const char *rate)
{
	return APPLY(w, CMD_ASSET_RATE, USER_HOUSE,
		(struct cmd_asset_rate){.asset = asset, .rate = units(rate)});
}

enum refusal
cancel(struct world *w, uint32_t user, struct ident order)
{
	struct cmd_order_cancel c = {.order = order};

	return apply(w, CMD_ORDER_CANCEL, user, &c, ORDER_CANCEL_SHORT);
}

enum refusal
cancel_client(struct world *w, uint32_t user, const char *id)
{
	struct cmd_order_cancel c = {
		.client_id_length = (uint8_t)strlen(id),
	};

	memcpy(c.client_id, id, c.client_id_length);
	return apply(w, CMD_ORDER_CANCEL, user, &c, sizeof(c));
}

enum refusal
cancel_every(struct world *w, uint32_t user, uint16_t instrument, uint8_t side,
	bool by_operator)
{
	return APPLY(w, CMD_ORDER_CANCEL_ALL, user,
		(struct cmd_order_cancel_all){
			.instrument = instrument,
			.side = side,
			.by_operator = by_operator,
		});
}

enum refusal
amend(struct world *w, uint32_t user, struct ident order, const char *quantity,
	const char *price)
{
	return APPLY(w, CMD_ORDER_AMEND, user,
		(struct cmd_order_amend){
			.order = order,
			.price = units_or(price, 0),
			.quantity = units_or(quantity, 0),
		});
}

enum refusal
deposit(struct world *w, uint32_t user, uint16_t asset, int64_t amount,
	struct ident intent)
{
	return APPLY(w, CMD_DEPOSIT, user,
		(struct cmd_deposit){
			.intent = intent, .asset = asset, .amount = amount});
}

enum refusal
correct(struct world *w, uint32_t user, uint16_t asset, int64_t amount)
{
	return APPLY(w, CMD_CORRECTION, user,
		(struct cmd_correction){.asset = asset, .amount = amount});
}

enum refusal
withdraw(struct world *w, uint32_t user, uint16_t asset, int64_t amount,
	struct ident id)
{
	return APPLY(w, CMD_WITHDRAW_HOLD, user,
		(struct cmd_withdraw_hold){
			.withdrawal = id, .asset = asset, .amount = amount});
}

enum refusal
withdraw_end(struct world *w, uint16_t type, uint32_t user, struct ident id,
	struct ident intent)
{
	return APPLY(w, type, user,
		(struct cmd_withdraw_end){.intent = intent, .withdrawal = id});
}

enum refusal
user_set(struct world *w, uint32_t user, struct cmd_user_set c)
{
	return apply(w, CMD_USER_SET, user, &c, sizeof(c));
}

enum refusal
limit_set(struct world *w, uint32_t user, uint16_t instrument, uint8_t type,
	int64_t value)
{
	return APPLY(w, CMD_LIMIT_SET, user,
		(struct cmd_limit_set){.instrument = instrument,
			.type = type,
			.value = value});
}

enum refusal
set_terms(struct world *w)
{
	return APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = w->terms});
}

enum refusal
reference_price(struct world *w, const char *price)
{
	return APPLY(w, CMD_REFERENCE_PRICE, 0,
		(struct cmd_reference_price){
			.instrument = BTC_USD, .price = units(price)});
}

/* ---- Questions ----------------------------------------------------------- */

const void *
event(struct world *w, uint16_t type, unsigned index)
{
	const struct message *m = record_events(w->record);
	uint32_t i;

	for (i = 0; i < w->record->n_events; i++, m = message_next(m))
		if (m->type == type && index-- == 0)
			return m;
	ck_abort_msg("there is no such %s", event_name(type));
}

void
check_has(struct world *w, uint32_t user, uint16_t asset, const char *available,
	const char *held, const char *file, int line)
{
	struct balance b = w->subject->balance(w->it, user, asset);
	char got[2][DECIMAL_TEXT_MAX];

	decimal_format((struct decimal){b.available}, 0, got[0]);
	decimal_format((struct decimal){b.held}, 0, got[1]);
	ck_assert_msg(strcmp(got[0], available) == 0 &&
			strcmp(got[1], held) == 0,
		"%s:%d (%s): has %s and %s held, not %s and %s held", file,
		line, w->subject->name, got[0], got[1], available, held);
}

void
check_position(const struct position *p, const char *want, const char *file,
	int line)
{
	char text[5][DECIMAL_TEXT_MAX], got[200];

	decimal_format((struct decimal){p->quantity}, 0, text[0]);
	decimal_format((struct decimal){p->cost}, 0, text[1]);
	decimal_format((struct decimal){p->bought}, 0, text[2]);
	decimal_format((struct decimal){p->bought_quote}, 0, text[3]);
	decimal_format((struct decimal){p->realised}, 0, text[4]);
	snprintf(got, sizeof(got), "%s for %s, bought %s for %s, made %s",
		text[0], text[1], text[2], text[3], text[4]);
	if (ident_is_none(p->id) && p->bought == 0)
		snprintf(got, sizeof(got), "none");
	ck_assert_msg(strcmp(got, want) == 0, "%s:%d: the position is %s, not %s",
		file, line, got, want);
}

struct ident
intent_at(const struct world *w, int64_t ms, uint16_t number)
{
	return ident_make((uint64_t)(w->now / 1000 + ms), number, NOBODY);
}
