/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_trailing.c - stops that follow the last price, and the dead-man
 * switch: what a TICK does beside a delisting.
 */
#include "world.h"

#include "base/decimal.h"

#define TRAIL .type = TYPE_TRAILING_STOP
#define SECOND INT64_C(1000000)

/* ---- Trailing stops ------------------------------------------------------ */

START_TEST(a_sell_follows_upwards)
{
	struct world *w = world_new(_i);
	const struct ev_order_opened *e;

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", TRAIL, .trail = "5");
	STORY(w, "waiting ann sell 1 trail 95 at market holds 1\n");
	e = event(w, EV_ORDER_OPENED, 0);
	ck_assert_uint_eq(e->head.size, sizeof(*e));
	ck_assert_int_eq(e->trail, units("5"));
	ck_assert_uint_eq(e->trail_rate, 0);
	trade_at(w, "103");
	trade_at(w, "98.01");
	ck_assert(!is_due(w));
	trade_at(w, "98");
	ck_assert(is_due(w));
	DONE(tick(w));
	STORY(w, "triggered ann sell at 98 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(a_buy_follows_downwards)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	/* It is not reckoned anew: it holds what it needs at 115.5. */
	PLACED(w, ANN, SIDE_BUY, "1", TRAIL, .trail_rate = 100000);
	STORY(w, "waiting ann buy 1 trail 110 at market holds 115.731\n");
	trade_at(w, "90");
	HAS(w, ANN, USD, "9884.269", "115.731");
	trade_at(w, "98.99");
	ck_assert(!is_due(w));
	trade_at(w, "99");
	ck_assert(is_due(w));
	PLACED(w, BOB, SIDE_SELL, "1", "100");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 99 holds 105.21\n"
		 "trade 1 at 100: bob made 0.1, ann took 0.2\n"
		 "closed bob sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "closed ann buy filled 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(a_rate_is_cut_away_from_the_price)
{
	struct world *w = world_new(_i);

	trade_at(w, "100.01");
	/* 66.6766... and 133.3533... */
	PLACED(w, ANN, SIDE_SELL, "1", TRAIL, .trail_rate = 333333);
	STORY(w, "waiting ann sell 1 trail 66.67 at market holds 1\n");
	PLACED(w, ANN, SIDE_BUY, "1", TRAIL, .trail_rate = 333333);
	STORY(w, "waiting ann buy 1 trail 133.35 at market holds 140.29002\n");
	PLACED(w, ANN, SIDE_BUY, "1", TRAIL, .trail_rate = 1);
	STORY(w, "waiting ann buy 1 trail 100.02 at market holds 105.23004\n");
	world_free(w);
}
END_TEST

START_TEST(a_distance_must_be_one)
{
	struct world *w = world_new(_i);

#define T(...) PLACE(w, ANN, SIDE_SELL, "1", TRAIL, __VA_ARGS__)
	REFUSED(NO_REFERENCE, T(.trail = "5"));
	DONE(reference_price(w, "100"));
	REFUSED(NO_REFERENCE, T(.trail = "5"));
	REFUSED(BAD_TRAIL, T(.trail = "-5"));
	trade_at(w, "100");
	REFUSED(BAD_PRICE, T(.price = "99", .trail = "5"));
	REFUSED(BAD_STOP_PRICE, T(.stop = "95", .trail = "5"));
	REFUSED(BAD_TRAIL, T(.trail = NULL));
	REFUSED(BAD_TRAIL, T(.trail = "5", .trail_rate = 5));
	REFUSED(BAD_TRAIL, T(.trail = "5.001"));
	REFUSED(BAD_TRAIL, T(.trail_rate = 500001));
	DONE(T(.trail_rate = 500000));
	/* Its first stop price must be one. */
	REFUSED(BAD_TRAIL, T(.trail = "100"));
	DONE(T(.trail = "99.99"));
	REFUSED(BAD_TRAIL, PLACE(w, ANN, SIDE_BUY, "0.001", TRAIL,
		.trail = "92233720368.54"));
	trade_at(w, "0.01");
	REFUSED(BAD_TRAIL, T(.trail_rate = 1));
	world_free(w);
}
END_TEST

/* Who comes to a stop price later is behind; the older moves first. */
START_TEST(who_moves_goes_to_the_back)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "0.1", TRAIL, .trail = "5");
	PLACED(w, BOB, SIDE_SELL, "0.2", TRAIL, .trail_rate = 50000);
	PLACED(w, ANN, SIDE_SELL, "0.3", .type = TYPE_STOP_LOSS, .stop = "96");
	/* 96 and 95.95: the first came to 96 after the plain stop. */
	trade_at(w, "101");
	trade_at(w, "96");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 96 holds 0.3\n"
		 "closed ann sell remainder 0 of 0.3\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 96 holds 0.1\n"
		 "closed ann sell remainder 0 of 0.1\n");
	ck_assert(!is_due(w));

	/* Both come to 195 at once. */
	PLACED(w, ANN, SIDE_SELL, "0.4", TRAIL, .trail = "10");
	trade_at(w, "200");
	PLACED(w, DAN, SIDE_SELL, "0.5", TRAIL, .trail = "15");
	trade_at(w, "205");
	DONE(cancel_every(w, BOB, BTC_USD, SIDE_BOTH, false));
	PLACED(w, BOB, SIDE_SELL, "0.6", TRAIL, .trail = "20");
	trade_at(w, "210");
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_BOTH, false));
	PLACED(w, ANN, SIDE_SELL, "0.7", TRAIL, .trail = "15");
	trade_at(w, "215");
	trade_at(w, "195");
	DONE(tick(w));
	STORY(w, "triggered dan sell at 195 holds 0.5\n"
		 "closed dan sell remainder 0 of 0.5\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 195 holds 0.7\n"
		 "closed ann sell remainder 0 of 0.7\n");
	DONE(tick(w));
	STORY(w, "triggered bob sell at 195 holds 0.6\n"
		 "closed bob sell remainder 0 of 0.6\n");
	world_free(w);
}
END_TEST

START_TEST(only_where_a_command_leaves_the_price_counts)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", TRAIL, .trail = "5");
	PLACED(w, CID, SIDE_BUY, "1", "110");
	PLACED(w, CID, SIDE_BUY, "1", "97");
	PLACED(w, DAN, SIDE_SELL, "2", "97");
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD), units("97"));
	/* 110 was between: the stop is still at 95. */
	ck_assert(!is_due(w));
	trade_at(w, "95");
	ck_assert(is_due(w));
	world_free(w);
}
END_TEST

START_TEST(a_tick_that_trades_moves_them)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, BOB, SIDE_SELL, "1", TRAIL, .trail = "5");
	PLACED(w, CID, SIDE_SELL, "1", "120");
	PLACED(w, ANN, SIDE_BUY, "1", .type = TYPE_STOP_LOSS, .stop = "100");
	DONE(tick(w));
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD), units("120"));
	trade_at(w, "115.01");
	ck_assert(!is_due(w));
	trade_at(w, "115");
	ck_assert(is_due(w));
	world_free(w);
}
END_TEST

/* A finer tick leaves the stop where it is, until it moves. */
START_TEST(a_finer_tick_is_for_what_follows)
{
	struct world *w = world_new(_i);

	w->terms.tick = units("0.1");
	DONE(set_terms(w));
	trade_at(w, "100.1");
	PLACED(w, ANN, SIDE_SELL, "1", TRAIL, .trail_rate = 100000);
	STORY(w, "waiting ann sell 1 trail 90 at market holds 1\n");
	w->terms.tick = units("0.01");
	DONE(set_terms(w));
	trade_at(w, "100.1");
	trade_at(w, "90.01");
	ck_assert(!is_due(w));
	trade_at(w, "100.11");
	/* 90.099 */
	trade_at(w, "90.1");
	ck_assert(!is_due(w));
	trade_at(w, "90.09");
	ck_assert(is_due(w));
	world_free(w);
}
END_TEST

/* The last price may lie off the tick: the distance is from the tick below. */
START_TEST(a_peak_may_lie_off_the_tick)
{
	struct world *w = world_new(_i);

	trade_at(w, "100.03");
	w->terms.tick = units("0.05");
	DONE(set_terms(w));
	PLACED(w, ANN, SIDE_SELL, "1", TRAIL, .trail = "5");
	STORY(w, "waiting ann sell 1 trail 95 at market holds 1\n");
	PLACED(w, BOB, SIDE_SELL, "1", TRAIL, .trail_rate = 500000);
	STORY(w, "waiting bob sell 1 trail 50 at market holds 1\n");
	PLACED(w, ANN, SIDE_BUY, "1", TRAIL, .trail = "5");
	STORY(w, "waiting ann buy 1 trail 105 at market holds 110.4705\n");
	/* The peak is that price, not the tick: the same is no better. */
	w->terms.tick = units("0.01");
	DONE(set_terms(w));
	trade_at(w, "100.03");
	PLACED(w, BOB, SIDE_SELL, "2", TRAIL, .trail = "5.03");
	trade_at(w, "95.01");
	ck_assert(!is_due(w));
	trade_at(w, "95");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 95 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	DONE(tick(w));
	STORY(w, "triggered bob sell at 95 holds 2\n"
		 "closed bob sell remainder 0 of 2\n");
	ck_assert(!is_due(w));
	/* The buy followed to 95, from a tick that is finer. */
	trade_at(w, "99.99");
	ck_assert(!is_due(w));
	trade_at(w, "100");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 100 holds 110.4705\n"
		 "closed ann buy remainder 0 of 1\n");
	world_free(w);
}
END_TEST

/* 4,096 of an instrument and side, by users of 2,000 orders each. */
START_TEST(so_many_can_trail)
{
	struct world *w;
	const struct engine_options options = {
		.users = 64,
		.orders = 8192,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = 4000,
	};
	int i;

	w = world_with(_i, &options);
	trade_at(w, "100");
	for (i = 0; i < 4096; i++)
		DONE(PLACE(w, i < 2048 ? ANN : BOB, SIDE_SELL, "0.001", TRAIL,
			.trail = "5"));
	REFUSED(FULL, T(.trail = "5"));
	DONE(PLACE(w, ANN, SIDE_BUY, "0.001", TRAIL, .trail = "5"));
	DONE(PLACE(w, ANN, SIDE_SELL, "0.001", .type = TYPE_STOP_LOSS,
		.stop = "5"));
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_SELL, false));
	DONE(T(.trail = "5"));
	world_free(w);
}
END_TEST

/* ---- The dead-man switch ------------------------------------------------- */

START_TEST(a_switch_goes_off)
{
	struct world *w = world_new(_i);
	const struct ev_cancel_after *e;

	PLACED(w, ANN, SIDE_BUY, "1", "90");
	PLACED(w, ANN, SIDE_SELL, "2", .type = TYPE_STOP_LOSS, .stop = "80");
	PLACED(w, BOB, SIDE_BUY, "1", "90");
	DONE(cancel_after(w, ANN, 5 * SECOND));
	STORY(w, "switch ann on\n");
	e = event(w, EV_CANCEL_AFTER, 0);
	ck_assert_int_eq(e->due_us, w->now + 5 * SECOND);
	ck_assert_int_eq(w->subject->deadline_us(w->it), w->now + 5 * SECOND);
	/* Sent again, it goes off later. */
	w->now += 4 * SECOND;
	DONE(cancel_after(w, ANN, 5 * SECOND));
	w->now += 4 * SECOND;
	DONE(tick(w));
	STORY(w, "");
	w->now = w->subject->deadline_us(w->it) - 1001;
	DONE(tick(w)); /* a microsecond too early */
	STORY(w, "");
	w->now -= 999;
	DONE(tick(w));
	STORY(w, "switch ann off\n"
		 "closed ann sell deadline 0 of 2\n"
		 "closed ann buy deadline 0 of 1\n"
		 "level buy 90: 1\n");
	ck_assert_uint_eq(w->subject->user(w->it, ANN).last_seq,
		w->record->seq);
	ck_assert_int_eq(w->subject->deadline_us(w->it), INT64_MAX);
	/* Once. */
	PLACED(w, ANN, SIDE_BUY, "1", "90");
	w->now += 100 * SECOND;
	DONE(tick(w));
	STORY(w, "");
	world_free(w);
}
END_TEST

START_TEST(a_switch_can_be_turned_off)
{
	struct world *w = world_new(_i);

	REFUSED(UNKNOWN_USER, cancel_after(w, NOBODY, SECOND));
	REFUSED(BAD_AMOUNT, cancel_after(w, ANN, -1));
	REFUSED(BAD_AMOUNT, cancel_after(w, ANN, CANCEL_AFTER_MAX_US + 1));
	DONE(cancel_after(w, ANN, CANCEL_AFTER_MAX_US));
	/* The locked may, too. */
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 1}));
	DONE(cancel_after(w, ANN, 0));
	STORY(w, "switch ann off\n");
	ck_assert_int_eq(w->subject->deadline_us(w->it), INT64_MAX);
	world_free(w);
}
END_TEST

START_TEST(the_earliest_switch_is_first)
{
	struct world *w = world_new(_i);
	int64_t due;

	DONE(cancel_after(w, ANN, 5 * SECOND));
	DONE(cancel_after(w, CID, 4 * SECOND));
	due = w->now + 4 * SECOND;
	DONE(cancel_after(w, BOB, 4 * SECOND - 1000));
	ck_assert_int_eq(w->subject->deadline_us(w->it), due);
	w->now += 10 * SECOND;
	DONE(tick(w));
	STORY(w, "switch bob off\n");
	DONE(tick(w));
	STORY(w, "switch cid off\n");
	DONE(tick(w));
	STORY(w, "switch ann off\n");
	world_free(w);
}
END_TEST

START_TEST(stops_come_before_switches)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", .type = TYPE_STOP_LOSS, .stop = "100");
	DONE(cancel_after(w, ANN, SECOND));
	w->now += 10 * SECOND;
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	DONE(tick(w));
	STORY(w, "switch ann off\n");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: trailing stops and switches");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_sell_follows_upwards);
	RULE(a_buy_follows_downwards);
	RULE(a_rate_is_cut_away_from_the_price);
	RULE(a_distance_must_be_one);
	RULE(who_moves_goes_to_the_back);
	RULE(only_where_a_command_leaves_the_price_counts);
	RULE(a_tick_that_trades_moves_them);
	RULE(a_finer_tick_is_for_what_follows);
	RULE(a_peak_may_lie_off_the_tick);
	RULE(so_many_can_trail);
	RULE(a_switch_goes_off);
	RULE(a_switch_can_be_turned_off);
	RULE(the_earliest_switch_is_first);
	RULE(stops_come_before_switches);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
