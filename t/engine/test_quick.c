/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_quick.c - the same commands by both ways of the engine.
 *
 * One stream is of plain orders and cancels, most of which are accepted, the
 * other of orders that trade.  What is compared with each command is in
 * twins.c, the state every now and then.
 */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "stream_plain.h"
#include "stream_take.h"
#include "twins.h"
#include "wire/command.h"

#define STEPS 2500
#define RUNS 100
#define TAKE_STEPS 3000
#define TAKE_RUNS 40

struct both {
	struct twins twins;
	struct stream stream;
	struct plain source;
};

static void
give(struct both *p, int64_t now, const union stream_command *command)
{
	struct twins *t = &p->twins;
	const struct record *record;
	enum refusal refusal;

	record = twins_apply(t, now, command, &refusal);
	if (record)
		plain_saw(&p->source, record);
	stream_saw(&p->stream, record, engine_deadline_us(t->quick));
	if (t->step % 64 == 0)
		twins_compare(t);
}

/* ---- The runs ------------------------------------------------------------ */

static void
begin(struct both *p, uint64_t seed)
{
	static const uint32_t orders[] = {40, 150, 1000};
	static const uint32_t of_user[] = {20, 60, 400};
	struct dice dice = dice_seeded(seed);
	struct engine_options options = stream_options(&dice);
	union stream_command command;
	int64_t now = 0;
	unsigned i;

	options.orders = orders[roll(&dice, N_ELEMENTS(orders))];
	options.open_orders_user = of_user[roll(&dice, N_ELEMENTS(of_user))];
	twins_begin(&p->twins, &options, seed);
	stream_init(&p->stream, dice);
	p->source = (struct plain){
		.engine = p->twins.quick,
		.stream = &p->stream,
		.dice = dice_seeded(seed + UINT64_C(1000000)),
	};
	/* The stream's own first: they are fewer than these. */
	for (i = 0; i < 60; i++) {
		stream_next(&p->stream, &command, &now);
		give(p, now, &command);
	}
	for (i = 0; plain_set_up(i, &command); i++)
		give(p, now, &command);
	AGREE(&p->twins,
		engine_instruments(p->twins.quick) == PLAIN_INSTRUMENTS);
}

static uint64_t
scale(uint64_t usual)
{
	const char *runs = getenv("QUANTORA_RUNS");

	return runs ? strtoull(runs, NULL, 10) : usual;
}

START_TEST(both_ways_are_one)
{
	static struct both p;
	union stream_command command;
	uint64_t seed, n = scale(RUNS), orders = 0, cancels = 0;
	uint64_t quick_orders = 0, quick_cancels = 0, trades = 0;
	int64_t now;
	int step;

	for (seed = 0; seed < n; seed++) {
		begin(&p, seed);
		now = p.stream.now;
		for (step = 0; step < STEPS; step++) {
			plain_next(&p.source, &command, &now);
			give(&p, now, &command);
		}
		orders += p.twins.orders;
		cancels += p.twins.cancels;
		quick_orders += p.twins.quick_orders;
		quick_cancels += p.twins.quick_cancels;
		trades += engine_trades(p.twins.quick);
		twins_end(&p.twins);
	}
	/* Else it is not the short way that was looked at. */
	ck_assert_uint_gt(quick_orders, orders / 4);
	ck_assert_uint_gt(quick_cancels, cancels / 4);
	ck_assert_uint_gt(trades, n * STEPS / 40);
}
END_TEST

/* ---- Orders that trade --------------------------------------------------- */

/* What takers by the short way have met. */
struct met {
	uint64_t takers; /* that traded */
	uint64_t went_on; /* through two levels or more */
	uint64_t rested;
	uint64_t own; /* or were ended for their own orders, or ended those */
	uint64_t pairs;
	uint64_t both; /* these two, after a fill of the same order */
};

static void
see(struct met *met, const struct record *record)
{
	const struct message *m = record_events(record);
	unsigned trades = 0, levels = 0, own = 0, pairs = 0;
	uint32_t i, user = m->user;
	bool ended = false;

	for (i = 0; i < record->n_events; i++, m = message_next(m)) {
		const struct ev_order_closed *e = (const void *)m;

		trades += m->type == EV_TRADE;
		levels += m->type == EV_LEVEL;
		if (m->type != EV_ORDER_CLOSED)
			continue;
		ended |= m->user == user;
		own += e->reason == CLOSE_SELF_TRADE;
		pairs += e->reason == CLOSE_OCO;
	}
	met->takers += trades > 0;
	met->went_on += trades > 1 && levels > 1;
	met->rested += trades > 0 && !ended;
	met->own += own > 0;
	met->pairs += pairs > 0;
	met->both += trades > 1 && own > 0 && pairs > 0;
}

static void
begin_takers(struct twins *t, struct take *stream, uint64_t seed)
{
	const struct engine_options o = {
		.users = 16,
		.orders = 1000,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 64,
		.open_orders_user = seed % 3 == 0 ? 12 : 200,
		.ignore_self_trades = seed % 8 == 7,
	};
	union stream_command command;
	enum refusal refusal;
	unsigned i;

	twins_begin(t, &o, seed);
	take_init(stream, t->quick, seed + UINT64_C(77000));
	for (i = 0; take_set_up(stream, i, &command); i++)
		AGREE(t, twins_apply(t, stream->now, &command, &refusal));
}

static void
run_takers(uint64_t seed, struct met *met)
{
	static struct take stream;
	union stream_command command;
	const struct record *record;
	enum refusal refusal;
	struct twins t;
	int step;

	begin_takers(&t, &stream, seed);
	for (step = 0; step < TAKE_STEPS; step++) {
		take_next(&stream, &command);
		record = twins_apply(&t, stream.now, &command, &refusal);
		if (record)
			take_saw(&stream, record);
		if (record && t.was_quick &&
			command.head.type == CMD_ORDER_PLACE)
			see(met, record);
		if (step % 64 == 63)
			twins_compare(&t);
	}
	twins_end(&t);
}

/* An order that rests, and its cancel; whether both went the short way. */
static bool
goes_quickly(struct twins *t, int64_t now, uint16_t market)
{
	union stream_command command = {.head = {0, 0, 0}};
	const struct instrument_terms *terms = engine_terms(t->quick, market);
	struct cmd_order_place *place = (void *)&command;
	struct cmd_order_cancel *cancel = (void *)&command;
	const struct ev_order_opened *opened;
	enum refusal refusal;
	bool quick;

	*place = (struct cmd_order_place){
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, 1},
		.instrument = market,
		.side = (uint8_t)(market % 2),
		.price = terms->tick,
		.quantity = terms->lot,
	};
	opened = (const void *)record_events(
		twins_apply(t, now, &command, &refusal));
	quick = t->was_quick;
	*cancel = (struct cmd_order_cancel){
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, 1},
		.order = opened->order,
	};
	AGREE(t, twins_apply(t, now, &command, &refusal));
	return quick && t->was_quick;
}

/* Whoever has traded there before, in the first half of all markets. */
START_TEST(the_short_way_is_for_many_markets)
{
	static struct take stream;
	struct twins t;
	uint16_t i;

	begin_takers(&t, &stream, 0);
	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		bool first = goes_quickly(&t, stream.now, i);

		AGREE(&t, first == (i < 128 && i % 16 != 0));
		AGREE(&t, goes_quickly(&t, stream.now, i) == (i < 128));
	}
	twins_end(&t);
}
END_TEST

START_TEST(takers_of_all_kinds)
{
	uint64_t seed, n = scale(TAKE_RUNS);
	struct met met = {0};

	for (seed = 0; seed < n; seed++)
		run_takers(seed, &met);
	/* Else not much was looked at. */
	ck_assert_uint_gt(met.takers, n * 70);
	ck_assert_uint_gt(met.went_on, n * 10);
	ck_assert_uint_gt(met.rested, n * 5);
	ck_assert_uint_gt(met.own, n * 7);
	ck_assert_uint_gt(met.pairs, n * 4);
	ck_assert_uint_ge(met.both, n / 4);
}
END_TEST

/* USER buys so many lots of user 2's at one tick; what he has then. */
static int64_t
position_after(struct twins *t, int64_t now, uint32_t user, uint16_t market,
	int64_t lots)
{
	union stream_command command = {.head = {0, 0, 0}};
	const struct instrument_terms *terms = engine_terms(t->quick, market);
	struct cmd_order_place *c = (void *)&command;
	const struct record *record = NULL;
	const struct ev_trade *trade;
	enum refusal refusal;
	unsigned i;

	for (i = 0; i < 2; i++) {
		c->head = (struct message){ORDER_PLACE_SHORT, CMD_ORDER_PLACE,
			i == 0 ? 2 : user};
		c->instrument = market;
		c->side = i == 0 ? SIDE_SELL : SIDE_BUY;
		c->price = terms->tick;
		c->quantity = lots * terms->lot;
		record = twins_apply(t, now, &command, &refusal);
		AGREE(t, record != NULL);
	}
	trade = (const void *)message_next(record_events(record));
	AGREE(t, trade->head.type == EV_TRADE);
	return trade->taker_position.quantity / terms->lot;
}

/* Each is in a place of its own. */
START_TEST(positions_are_one_for_each_market)
{
	static struct take stream;
	struct twins t;
	uint32_t user;
	uint16_t i;
	int round;

	begin_takers(&t, &stream, 0);
	for (round = 1; round <= 2; round++)
		for (i = INSTRUMENTS_MAX; i-- > 0;)
			for (user = 3; user <= 4; user++)
				AGREE(&t, position_after(&t, stream.now, user,
					i, i + user) == round * (i + user));
	twins_end(&t);
}
END_TEST

/* Assets whose block of balances the ones before may have opened. */
static const struct {
	uint16_t asset;
	bool open;
} coins[] = {{7, true}, {8, false}, {9, true}, {15, true}, {16, false},
	{63, false}, {62, true}};

#define COINS ((unsigned)N_ELEMENTS(coins))

static void
give_coins(struct twins *t, int64_t now, uint32_t user, uint16_t asset,
	int64_t amount)
{
	union stream_command command = {.head = {0, 0, 0}};
	struct cmd_deposit *c = (void *)&command;
	enum refusal refusal;

	c->head = (struct message){sizeof(*c), CMD_DEPOSIT, user};
	c->asset = asset;
	c->amount = amount;
	AGREE(t, twins_apply(t, now, &command, &refusal));
}

/* One lot at one tick; whether it went the short way. */
static bool
order_goes_quickly(struct twins *t, int64_t now, uint32_t user, unsigned side,
	uint16_t market)
{
	union stream_command command = {.head = {0, 0, 0}};
	struct cmd_order_place *c = (void *)&command;
	enum refusal refusal;

	c->head = (struct message){ORDER_PLACE_SHORT, CMD_ORDER_PLACE, user};
	c->instrument = market;
	c->side = (uint8_t)side;
	c->price = DECIMAL_ONE;
	c->quantity = 1;
	AGREE(t, twins_apply(t, now, &command, &refusal));
	twins_compare(t);
	return t->was_quick;
}

/* Markets of asset 1 for money, then of each of the coins, then for each. */
static void
begin_coins(struct twins *t, int64_t now)
{
	union stream_command command;
	struct cmd_asset_set *asset = (void *)&command;
	struct cmd_user_create *user = (void *)&command;
	struct cmd_instrument_set *c = (void *)&command;
	enum refusal refusal;
	unsigned i, n;

	for (i = 0; i < ASSETS_MAX + 1 + 2 * COINS + 3; i++) {
		memset(&command, 0, sizeof(command));
		n = i - ASSETS_MAX;
		if (i < ASSETS_MAX) {
			asset->head = (struct message){sizeof(*asset),
				CMD_ASSET_SET, 0};
			asset->asset = (uint16_t)i;
			asset->code[0] = 'A';
		} else if (n <= 2 * COINS) {
			c->head = (struct message){sizeof(*c),
				CMD_INSTRUMENT_SET, 0};
			c->terms = (struct instrument_terms){
				.instrument = (uint16_t)n,
				.base = n - 1 < COINS ? coins[n - 1].asset : 1,
				.quote = n > COINS ? coins[n - 1 - COINS].asset
						   : 0,
				.symbol = "X/Y",
				.tick = DECIMAL_ONE,
				.lot = 1,
				.maker_rate = 5000,
				.collar = 1000,
			};
			c->terms.fee_asset = c->terms.quote;
		} else
			user->head = (struct message){sizeof(*user),
				CMD_USER_CREATE, n - 2 * COINS};
		AGREE(t, twins_apply(t, now, &command, &refusal));
	}
}

/* No two balances are the same, and each is where it is looked for. */
START_TEST(balances_are_where_they_were_put)
{
	struct engine_options o = engine_defaults;
	struct twins t;
	uint32_t user;
	uint16_t i;

	o.users = 16;
	o.orders = 100;
	twins_begin(&t, &o, 0);
	begin_coins(&t, 1000);
	for (i = ASSETS_MAX; i-- > 0;)
		for (user = 1; user <= 3; user++)
			if (i % 3 != user - 1)
				give_coins(&t, 1000, user, i, 1000 * i + user);
	for (i = 0; i < ASSETS_MAX; i++)
		for (user = 1; user <= 3; user++)
			AGREE(&t, engine_balance(t.quick, user, i).available ==
				(i % 3 != user - 1 ? 1000 * i + user : 0));
	twins_end(&t);
}
END_TEST

/* Who buys, or sells for, what he never had goes the long way once. */
START_TEST(the_short_way_needs_room_for_both_coins)
{
	const int64_t now = 1000;
	struct engine_options o = engine_defaults;
	struct twins t;
	uint16_t i;

	o.users = 16;
	o.orders = 100;
	twins_begin(&t, &o, 0);
	begin_coins(&t, now);
	for (i = 0; i < ASSETS_MAX; i++)
		give_coins(&t, now, 3, i, DECIMAL_ONE);
	give_coins(&t, now, 1, 0, DECIMAL_ONE);
	give_coins(&t, now, 2, 1, DECIMAL_ONE);
	AGREE(&t, !order_goes_quickly(&t, now, 1, SIDE_BUY, 0));
	AGREE(&t, !order_goes_quickly(&t, now, 2, SIDE_SELL, 0));
	for (i = 0; i < COINS; i++) {
		(void)order_goes_quickly(&t, now, 3, SIDE_SELL,
			(uint16_t)(1 + i));
		AGREE(&t, order_goes_quickly(&t, now, 1, SIDE_BUY,
			(uint16_t)(1 + i)) == coins[i].open);
		(void)order_goes_quickly(&t, now, 3, SIDE_BUY,
			(uint16_t)(1 + COINS + i));
		AGREE(&t, order_goes_quickly(&t, now, 2, SIDE_SELL,
			(uint16_t)(1 + COINS + i)) == coins[i].open);
	}
	AGREE(&t, engine_trades(t.quick) == 1 + 2 * COINS);
	twins_end(&t);
}
END_TEST

/* ---- Hints --------------------------------------------------------------- */

/* In memory of its own, so that a look behind its end is seen. */
static void
hint(const struct engine *engine, const struct message *command)
{
	struct message *copy = malloc(command->size);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, command, command->size);
	engine_expect(engine, copy);
	engine_expect_soon(engine, copy);
	free(copy);
}

/* Anything that is well formed: of any type, with anything in it. */
static void
hostile(struct both *p, const union stream_command *from,
	union stream_command *out)
{
	struct dice *d = &p->source.dice;
	size_t least, size, at;

	*out = *from;
	if (chance(d, 2))
		out->head.type = (uint16_t)(1 + roll(d, CMD_END - 1));
	if (chance(d, 3))
		out->head.user = stream_user(&p->stream);
	least = command_size_min(out->head.type);
	size = out->head.size > least ? out->head.size : least;
	if (chance(d, 2))
		size = least;
	out->head.size = (uint16_t)size;
	for (at = sizeof(out->head); at < size; at++)
		if (chance(d, 4))
			out->bytes[at] = (uint8_t)roll(d, 256);
}

START_TEST(hints_change_nothing)
{
	static struct both p;
	union stream_command command, other;
	uint8_t before[16], after[16];
	int64_t now;
	int step, i;

	begin(&p, (uint64_t)_i);
	now = p.stream.now;
	for (step = 0; step < STEPS; step++) {
		plain_next(&p.source, &command, &now);
		engine_hash(p.twins.quick, before);
		hint(p.twins.quick, &command.head);
		for (i = 0; i < 4; i++) {
			hostile(&p, &command, &other);
			hint(p.twins.quick, &other.head);
		}
		engine_hash(p.twins.quick, after);
		AGREE(&p.twins, memcmp(before, after, sizeof(before)) == 0);
		give(&p, now, &command);
	}
	twins_end(&p.twins);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("engine quick");
	TCase *t = tcase_create("both ways");

	tcase_add_test(t, both_ways_are_one);
	tcase_add_test(t, takers_of_all_kinds);
	tcase_add_test(t, the_short_way_is_for_many_markets);
	tcase_add_test(t, positions_are_one_for_each_market);
	tcase_add_test(t, balances_are_where_they_were_put);
	tcase_add_test(t, the_short_way_needs_room_for_both_coins);
	tcase_add_loop_test(t, hints_change_nothing, 0, 4);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return s;
}
