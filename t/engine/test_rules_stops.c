/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_stops.c - orders that wait for the last price: what they hold,
 * when they are due, which is first, and what becomes of them.
 */
#include "world.h"

#include "base/decimal.h"

#define STOP .type = TYPE_STOP_LOSS
#define PROFIT .type = TYPE_TAKE_PROFIT

START_TEST(a_stop_waits_and_holds)
{
	struct world *w = world_new(_i);
	struct ident id;

	PLACED(w, BOB, SIDE_SELL, "2", STOP, .stop = "95");
	STORY(w, "waiting bob sell 2 stop 95 at market holds 2\n");
	HAS(w, BOB, BTC, "98", "2");
	/* The stop price and 5 % more: 110.25, and 0.2 % of fees. */
	id = PLACED(w, ANN, SIDE_BUY, "2", STOP, .stop = "105");
	STORY(w, "waiting ann buy 2 stop 105 at market holds 220.941\n");
	HAS(w, ANN, USD, "9779.059", "220.941");
	PLACED(w, ANN, SIDE_BUY, "2", "106", STOP, .stop = "105");
	STORY(w, "waiting ann buy 2 stop 105 at 106 holds 212.424\n");
	PLACED(w, ANN, SIDE_BUY, "1", PROFIT, .stop = "0.19");
	/* 0.1995 is cut to the tick. */
	STORY(w, "waiting ann buy 1 profit 0.19 at market holds 0.19038\n");
	ck_assert_uint_eq(w->subject->open_orders(w->it), 4);
	ck_assert_int_eq(w->subject->deadline_us(w->it), INT64_MAX);
	/* It is in no level. */
	DONE(cancel(w, ANN, id));
	STORY(w, "closed ann buy cancelled 0 of 2\n");
	REFUSED(ORDER_ENDED, cancel(w, ANN, id));
	world_free(w);
}
END_TEST

START_TEST(each_kind_waits_for_its_own_move)
{
	static const struct {
		enum side side;
		enum order_type type;
		bool rising;
	} kinds[] = {
		{SIDE_SELL, TYPE_STOP_LOSS, false},
		{SIDE_BUY, TYPE_STOP_LOSS, true},
		{SIDE_SELL, TYPE_TAKE_PROFIT, true},
		{SIDE_BUY, TYPE_TAKE_PROFIT, false},
	};
	size_t i;

	for (i = 0; i < N_ELEMENTS(kinds); i++) {
		struct world *w = world_new(_i);
		bool rising = kinds[i].rising;

		PLACED(w, ANN, kinds[i].side, "1", .type = kinds[i].type,
			.stop = "100");
		/* Without a last price it is not due, whatever. */
		DONE(reference_price(w, rising ? "120" : "80"));
		ck_assert(!is_due(w));
		trade_at(w, rising ? "99.99" : "100.01");
		ck_assert(!is_due(w));
		trade_at(w, "100");
		ck_assert(is_due(w));
		ck_assert_int_eq(w->subject->deadline_us(w->it),
			w->subject->time_us(w->it));
		world_free(w);
		w = world_new(_i);
		trade_at(w, rising ? "100.01" : "99.99");
		/* Nor does one fire within the command that brings it. */
		PLACED(w, ANN, kinds[i].side, "1", .type = kinds[i].type,
			.stop = "100");
		ck_assert_uint_eq(w->record->n_events, 1);
		ck_assert(is_due(w));
		world_free(w);
	}
}
END_TEST

START_TEST(a_due_stop_fires_at_the_next_tick)
{
	struct world *w = world_new(_i);
	const struct ev_order_triggered *e;

	PLACED(w, BOB, SIDE_SELL, "2", STOP, .stop = "95");
	PLACED(w, CID, SIDE_BUY, "5", "94");
	DONE(tick(w));
	STORY(w, "");
	PLACED(w, DAN, SIDE_SELL, "1", "94");
	STORY(w, "opened dan sell 1 at 94 holds 1\n"
		 "trade 1 at 94: cid made 0.094, dan took 0.188\n"
		 "level buy 94: 4\n"
		 "closed dan sell filled 1 of 1\n");
	DONE(tick(w));
	STORY(w, "triggered bob sell at 94 holds 2\n"
		 "trade 2 at 94: cid made 0.188, bob took 0.376\n"
		 "level buy 94: 2\n"
		 "closed bob sell filled 2 of 2\n");
	e = event(w, EV_ORDER_TRIGGERED, 0);
	ck_assert_int_eq(e->after.held, units("2"));
	ck_assert_int_eq(e->after.available, units("98"));
	ck_assert(!is_due(w));
	ck_assert_uint_eq(w->subject->user(w->it, BOB).last_seq,
		w->record->seq);
	world_free(w);
}
END_TEST

START_TEST(one_fires_a_tick_in_its_order)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "0.1", STOP, .stop = "101");
	PLACED(w, BOB, SIDE_SELL, "0.2", STOP, .stop = "102");
	PLACED(w, ANN, SIDE_SELL, "0.3", STOP, .stop = "102");
	PLACED(w, ANN, SIDE_BUY, "0.4", STOP, .stop = "99");
	PLACED(w, BOB, SIDE_BUY, "0.5", STOP, .stop = "98");
	PLACED(w, ANN, SIDE_SELL, "0.6", PROFIT, .stop = "98");
	trade_at(w, "100");
	/* What waited for a rise, the lowest first; */
	DONE(tick(w));
	STORY(w, "triggered bob buy at 100 holds 51.5529\n"
		 "closed bob buy remainder 0 of 0.5\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 0.6\n"
		 "closed ann sell remainder 0 of 0.6\n");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 100 holds 41.66316\n"
		 "closed ann buy remainder 0 of 0.4\n");
	/* then for a fall, the highest first, and of those the earliest. */
	DONE(tick(w));
	STORY(w, "triggered bob sell at 100 holds 0.2\n"
		 "closed bob sell remainder 0 of 0.2\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 0.3\n"
		 "closed ann sell remainder 0 of 0.3\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 0.1\n"
		 "closed ann sell remainder 0 of 0.1\n");
	DONE(tick(w));
	STORY(w, "");
	HAS(w, ANN, USD, "10000", "0");
	HAS(w, BOB, BTC, "100", "0");
	world_free(w);
}
END_TEST

START_TEST(the_lowest_instrument_is_first)
{
	struct world *w = world_new(_i);
	struct instrument_terms other = w->terms;

	other.instrument = 1;
	other.base = EUR;
	memcpy(other.symbol, "EUR/USD", sizeof("EUR/USD"));
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = other}));
	DONE(deposit(w, BOB, EUR, units("10"), IDENT_NONE));
	PLACED(w, BOB, SIDE_SELL, "1", "2", .instrument = 1);
	PLACED(w, ANN, SIDE_BUY, "1", "2", .instrument = 1);
	PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "3", .instrument = 1);
	PLACED(w, BOB, SIDE_SELL, "1", STOP, .stop = "200");
	trade_at(w, "100");
	DONE(tick(w));
	STORY(w, "triggered bob sell at 100 holds 1\n"
		 "closed bob sell remainder 0 of 1\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 2 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(it_becomes_a_limit_order_with_its_own_time)
{
	struct world *w = world_new(_i);
	struct ident id;

	trade_at(w, "100");
	PLACED(w, CID, SIDE_BUY, "1", "94");
	id = PLACED(w, ANN, SIDE_SELL, "2", "94", STOP, .stop = "100");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 2\n"
		 "trade 1 at 94: cid made 0.094, ann took 0.188\n"
		 "closed cid buy filled 1 of 1\n"
		 "level buy 94: 0\n"
		 "level sell 94: 1\n");
	/* Now it is an order as any other. */
	DONE(amend(w, ANN, id, NULL, "95"));
	DONE(cancel(w, ANN, id));
	trade_at(w, "100");

	PLACED(w, CID, SIDE_BUY, "1", "94");
	PLACED(w, ANN, SIDE_SELL, "2", "94", STOP, .stop = "100",
		.tif = TIF_FOK);
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 2\n"
		 "closed ann sell unfillable 0 of 2\n");
	PLACED(w, ANN, SIDE_SELL, "2", "94", STOP, .stop = "100",
		.tif = TIF_IOC);
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 2\n"
		 "trade 1 at 94: cid made 0.094, ann took 0.188\n"
		 "closed cid buy filled 1 of 1\n"
		 "level buy 94: 0\n"
		 "closed ann sell remainder 1 of 2\n");
	world_free(w);
}
END_TEST

START_TEST(at_market_it_goes_to_the_collar)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, BOB, SIDE_SELL, "1", "120");
	PLACED(w, BOB, SIDE_SELL, "1", "127");
	PLACED(w, ANN, SIDE_BUY, "3", STOP, .stop = "100");
	STORY(w, "waiting ann buy 3 stop 100 at market holds 315.63\n");
	DONE(tick(w));
	/* 126 is as far as it goes: 378, and 0.756 of fees. */
	STORY(w, "triggered ann buy at 100 holds 378.756\n"
		 "trade 1 at 120: bob made 0.12, ann took 0.24\n"
		 "closed bob sell filled 1 of 1\n"
		 "level sell 120: 0\n"
		 "closed ann buy remainder 1 of 3\n");
	HAS(w, ANN, USD, "9879.76", "0");
	world_free(w);
}
END_TEST

START_TEST(it_ends_when_it_cannot_be_paid)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, BOB, SIDE_SELL, "95", "110");
	/* 9,995 and 105 more: 10,099.9... is not there; 9,469 is. */
	PLACED(w, ANN, SIDE_BUY, "90", STOP, .stop = "100");
	STORY(w, "waiting ann buy 90 stop 100 at market holds 9468.9\n");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 100 holds 9468.9\n"
		 "closed ann buy no-funds 0 of 90\n");
	HAS(w, ANN, USD, "10000", "0");
	world_free(w);
}
END_TEST

START_TEST(its_rates_are_those_of_its_acceptance)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "99");
	w->terms.taker_rate = 10000;
	w->terms.maker_rate = 10000;
	DONE(set_terms(w));
	trade_at(w, "99");
	PLACED(w, BOB, SIDE_BUY, "1", "99");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 99 holds 1\n"
		 "trade 1 at 99: bob made 0.99, ann took 0.198\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 99: 0\n"
		 "closed ann sell filled 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(it_is_refused_for_what_is_wrong_with_it)
{
	struct world *w = world_new(_i);

#define S(...) PLACE(w, ANN, SIDE_SELL, __VA_ARGS__)
	REFUSED(BAD_QUANTITY, S("0", STOP));
	REFUSED(OFF_LOT, S("0.0001", STOP, .budget = "1"));
	REFUSED(BAD_AMOUNT, S("1", "-1", STOP, .budget = "1"));
	REFUSED(BAD_PRICE, S("1", "-1", STOP));
	REFUSED(OFF_TICK, S("1", "0.001", STOP));
	REFUSED(BAD_STOP_PRICE, S("1", STOP));
	REFUSED(BAD_STOP_PRICE, S("1", STOP, .stop = "-1"));
	REFUSED(BAD_STOP_PRICE, S("1", STOP, .stop = "1.001", .trail = "1"));
	REFUSED(BAD_TRAIL, S("1", STOP, .stop = "1", .trail = "1"));
	REFUSED(BAD_TRAIL, S("1", PROFIT, .stop = "1", .trail_rate = 1));
	REFUSED(BAD_FLAGS, S("1", "1", STOP, .stop = "1",
		.flags = ORDER_POST_ONLY));
	/* Others have neither. */
	REFUSED(BAD_STOP_PRICE, S("1", "100", .stop = "1", .trail = "1"));
	REFUSED(BAD_TRAIL, S("1", "100", .trail = "1"));
	REFUSED(BAD_TRAIL, S("1", .trail_rate = 1));
	REFUSED(NO_FUNDS, S("100.001", STOP, .stop = "1"));
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, "100", STOP,
		.stop = "95.2"));
	DONE(PLACE(w, BOB, SIDE_BUY, "100", STOP, .stop = "95"));
	w->terms.status = MARKET_HALTED;
	DONE(set_terms(w));
	REFUSED(NOT_TRADING, S("0", STOP));
	world_free(w);
}
END_TEST

START_TEST(its_value_is_that_of_its_limit_or_stop)
{
	struct world *w = world_new(_i);

	w->terms.min_notional = units("100");
	DONE(set_terms(w));
	REFUSED(MIN_NOTIONAL, S("1", STOP, .stop = "99.99"));
	REFUSED(MIN_NOTIONAL, S("1", "99.99", STOP, .stop = "101"));
	DONE(S("1", "100", STOP, .stop = "1"));
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_ORDER_SIZE, units("200")));
	REFUSED(ORDER_SIZE, S("2", STOP, .stop = "100.01"));
	REFUSED(ORDER_SIZE, S("2", "100.01", STOP, .stop = "1"));
	DONE(S("2", STOP, .stop = "100"));
	/* The collar does not count, but must be a number. */
	DONE(PLACE(w, ANN, SIDE_BUY, "2", STOP, .stop = "100"));
	REFUSED(TOO_BIG, PLACE(w, BOB, SIDE_BUY, "1", STOP,
		.stop = "90000000000"));
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, "1", STOP,
		.stop = "80000000000"));
	world_free(w);
}
END_TEST

START_TEST(it_obeys_the_band)
{
	struct world *w = world_new(_i);

	w->terms.band_low = 900000;
	w->terms.band_high = 1100000;
	DONE(set_terms(w));
	REFUSED(NO_REFERENCE, S("1", STOP, .stop = "1"));
	DONE(reference_price(w, "100"));
	REFUSED(OUT_OF_BAND, S("1", "89.99", STOP, .stop = "100"));
	DONE(S("1", "90", STOP, .stop = "1"));
	/* A stop price may be anywhere. */
	DONE(S("1", STOP, .stop = "1"));
	world_free(w);
}
END_TEST

START_TEST(it_counts_as_an_open_order)
{
	struct world *w = world_new(_i);

	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, 2));
	DONE(S("1", "90", STOP, .stop = "1", .tif = TIF_IOC));
	DONE(S("1", "100"));
	REFUSED(OPEN_ORDERS, S("1", STOP, .stop = "1", .tif = TIF_FOK));
	REFUSED(OPEN_ORDERS, S("1", "101"));
	world_free(w);
}
END_TEST

START_TEST(it_is_cancelled_with_the_others)
{
	struct world *w = world_new(_i);
	struct ident id;

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_BUY, "1", "90");
	id = PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "80");
	PLACED(w, ANN, SIDE_BUY, "1", STOP, .stop = "120");
	REFUSED(CANNOT_AMEND, amend(w, ANN, id, "2", NULL));
	REFUSED(CANNOT_AMEND, amend(w, ANN, id, "-2", NULL));
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_SELL, true));
	STORY(w, "closed ann sell operator 0 of 1\n");
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 1}));
	STORY(w, "user ann epoch 2 role 0 locked\n"
		 "closed ann buy lock 0 of 1\n"
		 "closed ann buy lock 0 of 1\n"
		 "level buy 90: 0\n");
	world_free(w);
}
END_TEST

/* An order keeps its place among its user's orders when it fires. */
START_TEST(to_fire_does_not_make_it_newer)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", "105", STOP, .stop = "99");
	PLACED(w, ANN, SIDE_SELL, "2", "106");
	trade_at(w, "99");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 99 holds 1\n"
		 "level sell 105: 1\n");
	w->terms.status = MARKET_HALTED;
	DONE(set_terms(w));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	STORY(w, "closed ann sell cancelled 0 of 2\n"
		 "level sell 106: 0\n"
		 "closed ann sell cancelled 0 of 1\n"
		 "level sell 105: 0\n");
	world_free(w);
}
END_TEST

START_TEST(a_halt_keeps_it_from_firing)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "100");
	ck_assert(is_due(w));
	w->terms.status = MARKET_HALTED;
	DONE(set_terms(w));
	ck_assert_int_eq(w->subject->deadline_us(w->it), INT64_MAX);
	DONE(tick(w));
	STORY(w, "");
	w->terms.status = MARKET_TRADING;
	DONE(set_terms(w));
	ck_assert(is_due(w));
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(what_waits_bounds_new_terms)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "100.01");
	w->terms.lot = units("0.01");
	REFUSED(BAD_TERMS, set_terms(w));
	w->terms.lot = units("0.001");
	w->terms.tick = units("0.02");
	REFUSED(BAD_TERMS, set_terms(w));
	w->terms.tick = units("0.005");
	DONE(set_terms(w));
	/* The finer tick does not move its stop. */
	trade_at(w, "100.015");
	ck_assert(!is_due(w));
	trade_at(w, "100.01");
	ck_assert(is_due(w));
	world_free(w);
}
END_TEST

START_TEST(a_delisting_ends_it)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", STOP, .stop = "90");
	PLACED(w, BOB, SIDE_SELL, "2", STOP, .stop = "95");
	PLACED(w, ANN, SIDE_BUY, "3", STOP, .stop = "110");
	PLACED(w, ANN, SIDE_SELL, "4", PROFIT, .stop = "109");
	PLACED(w, ANN, SIDE_SELL, "5", "200");
	PLACED(w, ANN, SIDE_BUY, "6", "80");
	w->terms.status = MARKET_DELISTED;
	DONE(set_terms(w));
	STORY(w, "INSTRUMENT\n"
		 "closed ann buy operator 0 of 6\n"
		 "level buy 80: 0\n"
		 "closed ann sell operator 0 of 5\n"
		 "level sell 200: 0\n"
		 "closed ann sell operator 0 of 4\n"
		 "closed ann buy operator 0 of 3\n"
		 "closed bob sell operator 0 of 2\n"
		 "closed ann sell operator 0 of 1\n");
	ck_assert_int_eq(w->subject->deadline_us(w->it), INT64_MAX);
	world_free(w);
}
END_TEST

START_TEST(who_may_not_buy_does_not_by_a_stop)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, BOB, SIDE_SELL, "1", "101");
	PLACED(w, ANN, SIDE_BUY, "1", STOP, .stop = "100");
	PLACED(w, ANN, SIDE_SELL, "1", "300", STOP, .stop = "100");
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_REDUCE, .reduce_only = 1}));
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "0", STOP));
	DONE(tick(w));
	STORY(w, "triggered ann buy at 100 holds 105.21\n"
		 "closed ann buy risk 0 of 1\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 100 holds 1\n"
		 "level sell 300: 1\n");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: stops");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_stop_waits_and_holds);
	RULE(each_kind_waits_for_its_own_move);
	RULE(a_due_stop_fires_at_the_next_tick);
	RULE(one_fires_a_tick_in_its_order);
	RULE(the_lowest_instrument_is_first);
	RULE(it_becomes_a_limit_order_with_its_own_time);
	RULE(at_market_it_goes_to_the_collar);
	RULE(it_ends_when_it_cannot_be_paid);
	RULE(its_rates_are_those_of_its_acceptance);
	RULE(it_is_refused_for_what_is_wrong_with_it);
	RULE(its_value_is_that_of_its_limit_or_stop);
	RULE(it_obeys_the_band);
	RULE(it_counts_as_an_open_order);
	RULE(it_is_cancelled_with_the_others);
	RULE(to_fire_does_not_make_it_newer);
	RULE(a_halt_keeps_it_from_firing);
	RULE(what_waits_bounds_new_terms);
	RULE(a_delisting_ends_it);
	RULE(who_may_not_buy_does_not_by_a_stop);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
