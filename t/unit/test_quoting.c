/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_quoting.c - the demo market's prices, and its ladder on a real engine.
 *
 * The maker learns what the matcher would tell it: the answers to its own
 * commands, and the depth of the book.
 */
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"
#include "domain/listing.h"
#include "engine/engine.h"
#include "t/harness/suite.h"
#include "work/quoting.h"

#define MAKER 1
#define TAKER 2
#define USD 0
#define BTC 1
#define HOUR_US (INT64_C(3600) * 1000000)

/* ---- Walks --------------------------------------------------------------- */

START_TEST(same_seed_same_walk)
{
	struct walk a, b, c;

	walk_init(&a, 7);
	walk_init(&b, 7);
	walk_init(&c, 8);
	walk_pass(&a, 30 * 1000000);
	/* How the time is cut does not matter. */
	walk_pass(&b, 10 * 1000000 + 1);
	walk_pass(&b, 20 * 1000000 - 1);
	walk_pass(&c, 30 * 1000000);
	ck_assert_mem_eq(a.offset, b.offset, sizeof(a.offset));
	ck_assert_mem_ne(a.offset, c.offset, sizeof(a.offset));
}
END_TEST

START_TEST(walks_stay_near_home)
{
	struct walk walk;
	int64_t furthest = 0;
	int i, minute;

	walk_init(&walk, (uint64_t)_i);
	for (minute = 0; minute < 14 * 24 * 60; minute++) {
		walk_pass(&walk, 60 * INT64_C(1000000));
		for (i = 0; i < DRIVERS; i++)
			if (llabs(walk.offset[i]) > furthest)
				furthest = llabs(walk.offset[i]);
	}
	/* They do wander, and the band (a fifth to five times) is far. */
	ck_assert_int_gt(furthest, WALK_ONE / 100);
	ck_assert_int_lt(furthest, WALK_FAR);
}
END_TEST

START_TEST(random_numbers_are_even)
{
	unsigned counts[10] = {0};
	struct walk walk;
	int i;

	walk_init(&walk, 1);
	for (i = 0; i < 100000; i++)
		counts[walk_random(&walk, 10)]++;
	for (i = 0; i < 10; i++) {
		ck_assert_uint_gt(counts[i], 9500);
		ck_assert_uint_lt(counts[i], 10500);
	}
}
END_TEST

static const struct demo_plan *
plan_of(const char *symbol)
{
	size_t i;

	for (i = 0; i < demo_plans_n; i++)
		if (strcmp(demo_plans[i].symbol, symbol) == 0)
			return &demo_plans[i];
	return NULL;
}

static int64_t
price_of(const struct walk *walk, const char *symbol)
{
	const struct listed *listed = house_instruments;

	while (strcmp(listed->symbol, symbol) != 0)
		listed++;
	return walk_price(walk, &plan_of(symbol)->drivers, listed->reference);
}

/* Nobody earns by going round in a circle. */
START_TEST(crosses_agree)
{
	struct walk walk;
	__int128 direct, round;
	int i;

	walk_init(&walk, 3);
	for (i = 0; i < 1000; i++) {
		walk_pass(&walk, 60 * 1000000);
		direct = (__int128)price_of(&walk, "BTC/ZAR") * DECIMAL_ONE;
		round = (__int128)price_of(&walk, "BTC/USDT") *
			price_of(&walk, "USDT/ZAR");
		/* Within a millionth. */
		ck_assert(direct - round < direct / 1000000);
		ck_assert(round - direct < direct / 1000000);
	}
}
END_TEST

START_TEST(resumes_where_the_market_is)
{
	struct walk walk;
	struct drivers btc = {{DRIVER_BTC}, DRIVER_NONE};

	walk_init(&walk, 1);
	walk_resume(&walk, DRIVER_BTC, 50000 * DECIMAL_ONE,
		51234 * DECIMAL_ONE);
	ck_assert_int_eq(walk_price(&walk, &btc, 50000 * DECIMAL_ONE),
		51234 * DECIMAL_ONE);
	/* A price that no walk reaches is not gone on from. */
	walk_resume(&walk, DRIVER_BTC, 50000 * DECIMAL_ONE,
		200000 * DECIMAL_ONE);
	ck_assert_int_eq(walk.offset[DRIVER_BTC], WALK_FAR);
	walk_resume(&walk, DRIVER_BTC, 50000 * DECIMAL_ONE, 0);
	ck_assert_int_eq(walk.offset[DRIVER_BTC], WALK_FAR);
}
END_TEST

START_TEST(every_instrument_has_a_plan)
{
	const struct listed *listed;
	unsigned n = 0;

	for (listed = house_instruments; listed->symbol; listed++, n++) {
		const struct demo_plan *plan = plan_of(listed->symbol);

		ck_assert_ptr_nonnull(plan);
		ck_assert_int_gt(demo_means(DEMO_MAKER, listed->base), 0);
		ck_assert_int_gt(demo_means(DEMO_MAKER, listed->quote), 0);
		/* The smallest order that a taker sends is large enough. */
		ck_assert((__int128)plan->size / 100 * listed->reference /
				DECIMAL_ONE >
			listed->min_notional);
	}
	ck_assert_uint_eq(n, demo_plans_n);
}
END_TEST

/* ---- A ladder on an engine ----------------------------------------------- */

static struct engine *engine;
static struct record *out;
static struct quoting quoting;
static struct walk walk;
static int64_t time_us;

static enum refusal
apply(const void *command)
{
	uint64_t done_seq;

	return engine_apply(engine, ++time_us, command, out, &done_seq);
}

static void
must(const void *command)
{
	ck_assert_int_eq(apply(command), REFUSED_NONE);
}

#define HEAD(type_, command, user_)                                            \
	.head = {sizeof(struct command), CMD_##type_, user_}

static void
add_user(uint32_t user)
{
	must(&(struct cmd_user_create){HEAD(USER_CREATE, cmd_user_create,
		user)});
	must(&(struct cmd_deposit){HEAD(DEPOSIT, cmd_deposit, user),
		.asset = USD,
		.amount = 5000000 * DECIMAL_ONE});
	must(&(struct cmd_deposit){HEAD(DEPOSIT, cmd_deposit, user),
		.asset = BTC,
		.amount = 100 * DECIMAL_ONE});
}

static void
setup(void)
{
	const struct listed *btc = &house_instruments[0];
	struct engine_options options = engine_defaults;

	options.users = 8;
	options.orders = 4096;
	engine = engine_new(&options);
	out = aligned_alloc(64, RECORD_MAX_BYTES);
	time_us = HOUR_US;
	must(&(struct cmd_asset_set){HEAD(ASSET_SET, cmd_asset_set, 0),
		.asset = USD,
		.code = "USD"});
	must(&(struct cmd_asset_set){HEAD(ASSET_SET, cmd_asset_set, 0),
		.asset = BTC,
		.code = "BTC"});
	must(&(struct cmd_instrument_set){
		HEAD(INSTRUMENT_SET, cmd_instrument_set, 0),
		.terms = {.base = BTC,
			.quote = USD,
			.fee_asset = USD,
			.symbol = "BTC/USD",
			.tick = btc->tick,
			.lot = btc->lot,
			.min_notional = btc->min_notional,
			.maker_rate = btc->maker_rate,
			.taker_rate = btc->taker_rate,
			.band_low = btc->band_low,
			.band_high = btc->band_high,
			.collar = 50000}});
	must(&(struct cmd_reference_price){
		HEAD(REFERENCE_PRICE, cmd_reference_price, 0),
		.price = btc->reference});
	add_user(MAKER);
	add_user(TAKER);
	walk_init(&walk, 5);
	quoting = (struct quoting){.plan = plan_of("BTC/USD")};
}

static void
teardown(void)
{
	engine_free(engine);
	free(out);
}

static struct book_slot
page_slot(void)
{
	static struct depth_level depth[2][BOOK_PAGE_LEVELS];
	struct book_slot slot = {
		.terms = *engine_terms(engine, 0),
		.reference_price = engine_reference(engine, 0),
		.last_price = engine_last_price(engine, 0),
		.used = 1,
	};

	slot.n_bids = (uint16_t)engine_depth(engine, 0, SIDE_BUY, depth[0],
		BOOK_PAGE_LEVELS);
	slot.n_asks = (uint16_t)engine_depth(engine, 0, SIDE_SELL, depth[1],
		BOOK_PAGE_LEVELS);
	memcpy(slot.bids, depth[0], sizeof(slot.bids));
	memcpy(slot.asks, depth[1], sizeof(slot.asks));
	return slot;
}

static void
hear(void)
{
	const struct message *event = record_events(out);
	uint32_t i;

	for (i = 0; i < out->n_events; i++, event = message_next(event))
		quoting_event(&quoting, event);
}

static void
take_step(const struct quoting_step *step, bool *poor)
{
	struct cmd_order_place place = {
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, MAKER},
		.side = (uint8_t)step->side,
		.price = step->price,
		.quantity = step->total,
	};
	struct cmd_order_amend amend = {
		HEAD(ORDER_AMEND, cmd_order_amend, MAKER),
		.order = step->quote->order,
		.price = step->price,
		.quantity = step->total,
	};
	struct cmd_order_cancel cancel = {
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, MAKER},
		.order = step->quote->order,
	};
	enum refusal refusal = apply(step->kind == QUOTING_PLACE
			? (const void *)&place
			: step->kind == QUOTING_AMEND ? (const void *)&amend
						      : &cancel);

	if (refusal != REFUSED_NONE) {
		quoting_refused(step, refusal, poor);
		return;
	}
	if (step->kind == QUOTING_PLACE)
		quoting_opened(step, (const void *)record_events(out));
	hear();
}

/* Look, want, and do what it takes; how many commands that was. */
static unsigned
requote(int64_t price, int64_t lean, bool *poor)
{
	struct book_slot slot = page_slot();
	struct quoting_step step;
	unsigned steps = 0;

	*poor = false;
	quoting_look(&quoting, &slot);
	ck_assert(quoting.open);
	quoting_want(&quoting, &walk, price, lean);
	while (quoting_next(&quoting, &step)) {
		bool now_poor = false;

		ck_assert_uint_lt(++steps, QUOTING_STEPS_MAX);
		take_step(&step, &now_poor);
		*poor |= now_poor;
	}
	return steps;
}

/* The book is what the maker wants and thinks it is. */
static void
check_ladder(void)
{
	struct book_slot slot = page_slot();
	unsigned i, j;

	ck_assert_uint_eq(slot.n_bids, RUNGS);
	ck_assert_uint_eq(slot.n_asks, RUNGS);
	ck_assert_int_lt(slot.bids[0].price, slot.asks[0].price);
	for (i = 0; i < RUNGS; i++) {
		int64_t left = -1;

		ck_assert_int_eq(slot.bids[i].price,
			quoting.wants[SIDE_BUY][i].price);
		ck_assert_int_eq(slot.asks[i].price,
			quoting.wants[SIDE_SELL][i].price);
		for (j = 0; j < RUNGS; j++) {
			const struct quote *quote =
				&quoting.quotes[SIDE_BUY][j];

			if (quote->live && quote->price == slot.bids[i].price)
				left = quote->total - quote->filled;
		}
		ck_assert_int_eq(left, slot.bids[i].quantity);
	}
}

/* A stranger's order, of which the maker hears nothing. */
static void
stranger(enum side side, int64_t price, int64_t quantity,
	enum time_in_force tif)
{
	must(&(struct cmd_order_place){
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, TAKER},
		.side = (uint8_t)side,
		.tif = (uint8_t)tif,
		.price = price,
		.quantity = quantity});
}

#define HOME (50000 * DECIMAL_ONE)

START_TEST(builds_a_ladder)
{
	bool poor;

	ck_assert_uint_eq(requote(HOME, 0, &poor), 2 * RUNGS);
	check_ladder();
	/* Nothing has moved: nothing to do. */
	ck_assert_uint_eq(requote(HOME, 0, &poor), 0);
}
END_TEST

START_TEST(a_small_move_costs_little)
{
	bool poor;
	unsigned steps;

	requote(HOME, 0, &poor);
	steps = requote(HOME + quoting.grid, 0, &poor);
	ck_assert_uint_eq(steps, 2);
	check_ladder();
	steps = requote(HOME - quoting.grid, 0, &poor);
	ck_assert_uint_eq(steps, 4);
	check_ladder();
}
END_TEST

/* Up and down by leaps, so that new bids are where the asks just were. */
START_TEST(never_meets_itself)
{
	bool poor;
	int i;

	for (i = 0; i < 200; i++) {
		int64_t far = (int64_t)walk_random(&walk, 4000) - 2000;

		requote(HOME + far * DECIMAL_ONE, 0, &poor);
		ck_assert(!poor);
		check_ladder();
	}
	ck_assert_uint_eq(engine_trades(engine), 0);
	ck_assert_uint_eq(engine_open_orders(engine), 2 * RUNGS);
}
END_TEST

START_TEST(fills_up_what_was_taken)
{
	bool poor;

	requote(HOME, 0, &poor);
	/* The whole best ask and most of the next. */
	stranger(SIDE_BUY, quoting.wants[SIDE_SELL][1].price,
		quoting.wants[SIDE_SELL][0].size +
			quoting.wants[SIDE_SELL][1].size * 9 / 10 /
				quoting.terms.lot * quoting.terms.lot,
		TIF_IOC);
	ck_assert_uint_eq(requote(HOME, 0, &poor), 2);
	check_ladder();
}
END_TEST

/* Strangers' orders inside the ladder are met like anybody's. */
START_TEST(trades_with_what_is_in_the_way)
{
	bool poor;
	int i;

	for (i = 0; i < 50; i++) {
		stranger(i % 2 ? SIDE_BUY : SIDE_SELL, HOME, DECIMAL_ONE / 50,
			TIF_GTC);
		requote(HOME + (i % 7 - 3) * 40 * DECIMAL_ONE, 0, &poor);
	}
	ck_assert_uint_gt(engine_trades(engine), 10);
	must(&(struct cmd_order_cancel_all){
		HEAD(ORDER_CANCEL_ALL, cmd_order_cancel_all, TAKER),
		.instrument = INSTRUMENT_ANY,
		.side = SIDE_BOTH});
	requote(HOME, 0, &poor);
	requote(HOME, 0, &poor);
	check_ladder();
}
END_TEST

START_TEST(leans_against_its_inventory)
{
	bool poor;
	int64_t even_bid, even_size;
	unsigned i;

	requote(HOME, 0, &poor);
	even_bid = quoting.wants[SIDE_BUY][0].price;
	even_size = quoting.wants[SIDE_BUY][RUNGS - 1].size;
	requote(HOME, 1000000, &poor);
	ck_assert_int_lt(quoting.wants[SIDE_BUY][0].price, even_bid);
	ck_assert_int_lt(quoting.wants[SIDE_BUY][RUNGS - 1].size,
		even_size / 2);
	requote(HOME, -1000000, &poor);
	ck_assert_int_gt(quoting.wants[SIDE_BUY][0].price, even_bid);
	for (i = 0; i < RUNGS; i++)
		ck_assert_int_eq(quoting.wants[SIDE_SELL][i].size %
				quoting.terms.lot,
			0);
}
END_TEST

START_TEST(says_that_it_is_poor)
{
	bool poor;

	must(&(struct cmd_correction){HEAD(CORRECTION, cmd_correction, MAKER),
		.asset = USD,
		.amount = -4999000 * DECIMAL_ONE});
	requote(HOME, 0, &poor);
	ck_assert(poor);
	ck_assert_uint_eq(page_slot().n_bids, 0);
	ck_assert_uint_eq(page_slot().n_asks, RUNGS);
}
END_TEST

/* After a trade at the edge of the band it quotes where it may. */
START_TEST(stays_in_the_band)
{
	bool poor;

	stranger(SIDE_SELL, 5 * HOME, DECIMAL_ONE, TIF_GTC);
	must(&(struct cmd_order_place){
		.head = {ORDER_PLACE_SHORT, CMD_ORDER_PLACE, MAKER},
		.side = SIDE_BUY,
		.price = 5 * HOME,
		.quantity = DECIMAL_ONE});
	/* Now a price below HOME is out of the band. */
	requote(HOME * 9 / 10, 0, &poor);
	ck_assert(!poor);
	check_ladder();
	ck_assert_int_gt(quoting.wants[SIDE_BUY][RUNGS - 1].price, HOME);
}
END_TEST

START_TEST(fidgets_in_place)
{
	struct quoting_step step;
	bool poor;
	int i, times = 0;

	requote(HOME, 0, &poor);
	for (i = 0; i < 20; i++) {
		quoting_want(&quoting, &walk, HOME, 0);
		if (!quoting_fidget(&quoting, &walk, &step))
			continue;
		take_step(&step, &poor);
		times++;
		check_ladder();
	}
	ck_assert_int_gt(times, 10);
}
END_TEST

/* A quote that an operator cancelled is placed again. */
START_TEST(replaces_what_is_gone)
{
	bool poor;

	requote(HOME, 0, &poor);
	must(&(struct cmd_order_cancel){
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, MAKER},
		.order = quoting.quotes[SIDE_BUY][0].order});
	must(&(struct cmd_order_cancel){
		.head = {ORDER_CANCEL_SHORT, CMD_ORDER_CANCEL, MAKER},
		.order = quoting.quotes[SIDE_SELL][3].order});
	ck_assert_uint_eq(requote(HOME, 0, &poor), 2);
	check_ladder();
}
END_TEST

START_TEST(a_halted_market_is_left_alone)
{
	struct cmd_instrument_set set = {
		HEAD(INSTRUMENT_SET, cmd_instrument_set, 0),
		.terms = *engine_terms(engine, 0)};
	struct book_slot slot;

	set.terms.status = MARKET_HALTED;
	must(&set);
	slot = page_slot();
	quoting_look(&quoting, &slot);
	ck_assert(!quoting.open);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("quoting");
	TCase *walks = tcase_create("walks");
	TCase *ladder = tcase_create("ladder");

	tcase_add_test(walks, same_seed_same_walk);
	tcase_add_loop_test(walks, walks_stay_near_home, 1, 6);
	tcase_add_test(walks, random_numbers_are_even);
	tcase_add_test(walks, crosses_agree);
	tcase_add_test(walks, resumes_where_the_market_is);
	tcase_add_test(walks, every_instrument_has_a_plan);
	suite_add_tcase(s, walks);
	tcase_add_checked_fixture(ladder, setup, teardown);
	tcase_add_test(ladder, builds_a_ladder);
	tcase_add_test(ladder, a_small_move_costs_little);
	tcase_add_test(ladder, never_meets_itself);
	tcase_add_test(ladder, fills_up_what_was_taken);
	tcase_add_test(ladder, trades_with_what_is_in_the_way);
	tcase_add_test(ladder, leans_against_its_inventory);
	tcase_add_test(ladder, says_that_it_is_poor);
	tcase_add_test(ladder, stays_in_the_band);
	tcase_add_test(ladder, fidgets_in_place);
	tcase_add_test(ladder, replaces_what_is_gone);
	tcase_add_test(ladder, a_halted_market_is_left_alone);
	suite_add_tcase(s, ladder);
	return s;
}
