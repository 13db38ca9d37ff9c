/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_pairs.c - two orders of which one cancels the other.
 */
#include "world.h"

#include "base/decimal.h"
#include "wire/ids.h"

static struct ident
leg(struct world *w, unsigned index)
{
	const struct ev_order_opened *e = event(w, EV_ORDER_OPENED, index);

	return e->order;
}

START_TEST(a_pair_holds_once)
{
	struct world *w = world_new(_i);
	const struct ev_order_opened *a, *b;
	struct order_name name;

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	STORY(w, "opened bob sell 2 at 110 holds 2\n"
		 "waiting bob sell 2 stop 90 at market holds 0\n"
		 "level sell 110: 2\n");
	a = event(w, EV_ORDER_OPENED, 0);
	b = event(w, EV_ORDER_OPENED, 1);
	ck_assert(ident_equal(a->pair, b->order));
	ck_assert(ident_equal(b->pair, a->order));
	ck_assert_int_eq(a->type, TYPE_LIMIT);
	ck_assert_int_eq(b->type, TYPE_STOP_LOSS);
	ck_assert_int_eq(a->stop_price, 0);
	ck_assert_int_eq(a->tif, TIF_GTC);
	ck_assert_int_eq(b->tif, TIF_GTC);
	/* The limit order takes its slot first. */
	ck_assert(order_ident_split(a->order, &name));
	ck_assert_uint_eq(name.slot, 2);
	ck_assert(order_ident_split(b->order, &name));
	ck_assert_uint_eq(name.slot, 1);
	ck_assert_uint_eq(w->subject->open_orders(w->it), 2);

	/* A buy's stop holds what it needs beyond the limit order's hold. */
	DONE(PAIR(w, ANN, SIDE_BUY, "2", "95", "105"));
	STORY(w, "opened ann buy 2 at 95 holds 190.38\n"
		 "waiting ann buy 2 stop 105 at market holds 30.561\n"
		 "level buy 95: 2\n");
	a = event(w, EV_ORDER_OPENED, 0);
	ck_assert_int_eq(a->after.held, units("190.38"));
	HAS(w, ANN, USD, "9779.059", "220.941");
	DONE(PAIR(w, ANN, SIDE_BUY, "1", "95", "105", "106"));
	STORY(w, "opened ann buy 1 at 95 holds 95.19\n"
		 "waiting ann buy 1 stop 105 at 106 holds 11.022\n"
		 "level buy 95: 3\n");
	/* Of which it may need nothing. */
	DONE(PAIR(w, ANN, SIDE_BUY, "1", "95", "105", "90"));
	STORY(w, "opened ann buy 1 at 95 holds 95.19\n"
		 "waiting ann buy 1 stop 105 at 90 holds 0\n"
		 "level buy 95: 4\n");
	world_free(w);
}
END_TEST

START_TEST(a_fill_of_the_limit_order_ends_the_stop)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	PLACED(w, ANN, SIDE_BUY, "0.5", "110");
	STORY(w, "opened ann buy 0.5 at 110 holds 55.11\n"
		 "trade 0.5 at 110: bob made 0.055, ann took 0.11\n"
		 "closed bob sell oco 0 of 2\n"
		 "level sell 110: 1.5\n"
		 "closed ann buy filled 0.5 of 0.5\n");
	PLACED(w, ANN, SIDE_BUY, "1.5", "110");
	STORY(w, "opened ann buy 1.5 at 110 holds 165.33\n"
		 "trade 1.5 at 110: bob made 0.165, ann took 0.33\n"
		 "closed bob sell filled 2 of 2\n"
		 "level sell 110: 0\n"
		 "closed ann buy filled 1.5 of 1.5\n");
	ck_assert_uint_eq(w->subject->open_orders(w->it), 0);
	world_free(w);
}
END_TEST

/* Only a reference price can go past an order that rests. */
START_TEST(both_pairs_of_a_trade_end)
{
	struct world *w = world_new(_i);

	DONE(reference_price(w, "100"));
	DONE(PAIR(w, ANN, SIDE_BUY, "1", "90", "110"));
	DONE(reference_price(w, "80"));
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "85", "70"));
	STORY(w, "opened bob sell 2 at 85 holds 2\n"
		 "waiting bob sell 2 stop 70 at market holds 0\n"
		 "trade 1 at 90: ann made 0.09, bob took 0.18\n"
		 "closed bob sell oco 0 of 2\n"
		 "closed ann buy oco 0 of 1\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 90: 0\n"
		 "level sell 85: 1\n");
	HAS(w, ANN, USD, "9909.91", "0");
	HAS(w, BOB, BTC, "98", "1");
	world_free(w);
}
END_TEST

START_TEST(the_limit_order_may_trade_at_once)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	PLACED(w, CID, SIDE_BUY, "1", "106");
	PLACED(w, CID, SIDE_BUY, "2", "105");
	DONE(PAIR(w, BOB, SIDE_SELL, "4", "105", "90"));
	STORY(w, "opened bob sell 4 at 105 holds 4\n"
		 "waiting bob sell 4 stop 90 at market holds 0\n"
		 "trade 1 at 106: cid made 0.106, bob took 0.212\n"
		 "closed bob sell oco 0 of 4\n"
		 "closed cid buy filled 1 of 1\n"
		 "level buy 106: 0\n"
		 "trade 2 at 105: cid made 0.21, bob took 0.42\n"
		 "closed cid buy filled 2 of 2\n"
		 "level buy 105: 0\n"
		 "level sell 105: 1\n");
	world_free(w);
}
END_TEST

START_TEST(the_stop_cancels_the_limit_order)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(PAIR(w, ANN, SIDE_BUY, "2", "95", "105"));
	PLACED(w, BOB, SIDE_SELL, "3", "106");
	trade_at(w, "105");
	DONE(tick(w));
	/* At the collar: 111.3. */
	STORY(w, "closed ann buy oco 0 of 2\n"
		 "level buy 95: 0\n"
		 "triggered ann buy at 105 holds 223.0452\n"
		 "trade 2 at 106: bob made 0.212, ann took 0.424\n"
		 "level sell 106: 1\n"
		 "closed ann buy filled 2 of 2\n");
	HAS(w, ANN, USD, "9787.576", "0");
	DONE(cancel_every(w, BOB, INSTRUMENT_ANY, SIDE_BOTH, false));
	DONE(PAIR(w, BOB, SIDE_SELL, "1", "107", "100", "99"));
	trade_at(w, "100");
	DONE(tick(w));
	STORY(w, "closed bob sell oco 0 of 1\n"
		 "level sell 107: 0\n"
		 "triggered bob sell at 100 holds 1\n"
		 "level sell 99: 1\n");
	world_free(w);
}
END_TEST

START_TEST(either_ends_with_the_other)
{
	struct world *w = world_new(_i);
	struct ident limit, stop;

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	limit = leg(w, 0);
	stop = leg(w, 1);
	REFUSED(CANNOT_AMEND, amend(w, BOB, limit, "1", NULL));
	REFUSED(CANNOT_AMEND, amend(w, BOB, stop, "1", NULL));
	DONE(cancel(w, BOB, limit));
	STORY(w, "closed bob sell cancelled 0 of 2\n"
		 "level sell 110: 0\n"
		 "closed bob sell oco 0 of 2\n");
	REFUSED(ORDER_ENDED, cancel(w, BOB, stop));
	HAS(w, BOB, BTC, "100", "0");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	DONE(cancel(w, BOB, leg(w, 1)));
	STORY(w, "closed bob sell cancelled 0 of 2\n"
		 "closed bob sell oco 0 of 2\n"
		 "level sell 110: 0\n");
	world_free(w);
}
END_TEST

START_TEST(a_lock_meets_each_once)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	DONE(PAIR(w, BOB, SIDE_SELL, "3", "111", "90"));
	PLACED(w, BOB, SIDE_BUY, "1", "80");
	DONE(cancel_after(w, BOB, 1000));
	w->now += 1000;
	DONE(tick(w));
	STORY(w, "switch bob off\n"
		 "closed bob buy deadline 0 of 1\n"
		 "level buy 80: 0\n"
		 "closed bob sell deadline 0 of 3\n"
		 "level sell 111: 0\n"
		 "closed bob sell oco 0 of 3\n"
		 "closed bob sell deadline 0 of 2\n"
		 "level sell 110: 0\n"
		 "closed bob sell oco 0 of 2\n");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	DONE(cancel_every(w, BOB, BTC_USD, SIDE_BUY, false));
	STORY(w, "");
	DONE(user_set(w, BOB, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 1}));
	STORY(w, "user bob epoch 2 role 0 locked\n"
		 "closed bob sell lock 0 of 2\n"
		 "level sell 110: 0\n"
		 "closed bob sell oco 0 of 2\n");
	world_free(w);
}
END_TEST

START_TEST(a_delisting_takes_both)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	PLACED(w, ANN, SIDE_SELL, "1", .type = TYPE_STOP_LOSS, .stop = "95");
	w->terms.status = MARKET_DELISTED;
	DONE(set_terms(w));
	STORY(w, "INSTRUMENT\n"
		 "closed bob sell operator 0 of 2\n"
		 "level sell 110: 0\n"
		 "closed bob sell oco 0 of 2\n"
		 "closed ann sell operator 0 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(self_trade_prevention_ends_both)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "110", "90"));
	PLACED(w, ANN, SIDE_SELL, "1", "110");
	PLACED(w, BOB, SIDE_BUY, "1", "110", .stp = STP_MAKER);
	STORY(w, "opened bob buy 1 at 110 holds 110.22\n"
		 "closed bob sell self-trade 0 of 2\n"
		 "closed bob sell oco 0 of 2\n"
		 "trade 1 at 110: ann made 0.11, bob took 0.22\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 110: 0\n"
		 "closed bob buy filled 1 of 1\n");
	/* As the taker. */
	trade_at(w, "100");
	PLACED(w, BOB, SIDE_BUY, "1", "105");
	DONE(PAIR(w, BOB, SIDE_SELL, "2", "104", "90"));
	STORY(w, "opened bob sell 2 at 104 holds 2\n"
		 "waiting bob sell 2 stop 90 at market holds 0\n"
		 "closed bob sell self-trade 0 of 2\n"
		 "closed bob sell oco 0 of 2\n");
	world_free(w);
}
END_TEST

START_TEST(a_pair_is_refused_for_what_is_wrong_with_it)
{
	struct world *w = world_new(_i);

#define P(...) PAIR(w, BOB, SIDE_SELL, __VA_ARGS__)
	REFUSED(UNKNOWN_USER, PAIR(w, NOBODY, SIDE_SELL, "1", "110", "90"));
	REFUSED(BAD_SIDE, PAIR(w, BOB, (enum side)2, "1", "110", "90"));
	REFUSED(BAD_STP, P("1", "110", "90", .stp = (enum stp)4));
	REFUSED(BAD_CLIENT_ID, P("1", "110", "90", .client_id = "a b"));
	REFUSED(BAD_QUANTITY, P("0", "0", "0"));
	REFUSED(OFF_LOT, P("0.0001", "0", "0"));
	REFUSED(BAD_PRICE, P("1", "0", "0"));
	REFUSED(OFF_TICK, P("1", "110.001", "0"));
	REFUSED(BAD_STOP_PRICE, P("1", "110", "0", "-1"));
	REFUSED(BAD_STOP_PRICE, P("1", "110", "90.001", "90.001"));
	REFUSED(BAD_PRICE, P("1", "110", "90", "-1"));
	REFUSED(OFF_TICK, P("1", "110", "90", "90.001"));
	/* The last price, or else the reference, lies between. */
	REFUSED(NO_REFERENCE, P("1", "110", "90"));
	DONE(reference_price(w, "100"));
	REFUSED(BAD_OCO, P("1", "100", "90"));
	REFUSED(BAD_OCO, P("1", "110", "100"));
	REFUSED(BAD_OCO, PAIR(w, BOB, SIDE_BUY, "1", "110", "90"));
	REFUSED(BAD_OCO, PAIR(w, BOB, SIDE_BUY, "1", "90", "100"));
	DONE(P("1", "100.01", "99.99"));
	trade_at(w, "80");
	REFUSED(BAD_OCO, P("1", "110", "90"));
	REFUSED(NO_FUNDS, P("99.001", "110", "70"));
	w->terms.status = MARKET_CANCEL_ONLY;
	DONE(set_terms(w));
	REFUSED(NOT_TRADING, P("0", "110", "90"));
	DONE(user_set(w, BOB, (struct cmd_user_set){
		.change = USER_CHANGE_LOCK, .locked = 1}));
	REFUSED(USER_LOCKED, PAIR(w, BOB, (enum side)2, "1", "110", "90"));
	world_free(w);
}
END_TEST

START_TEST(a_pair_has_limits)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(limit_set(w, BOB, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, 2));
	DONE(PLACE(w, BOB, SIDE_SELL, "1", "200"));
	REFUSED(OPEN_ORDERS, P("1", "110", "90"));
	DONE(cancel_every(w, BOB, INSTRUMENT_ANY, SIDE_BOTH, false));
	DONE(P("1", "110", "90"));
	REFUSED(OPEN_ORDERS, PLACE(w, BOB, SIDE_SELL, "1", "200"));
	DONE(cancel_every(w, BOB, INSTRUMENT_ANY, SIDE_BOTH, false));
	/* Both orders are measured. */
	w->terms.min_notional = units("95");
	DONE(set_terms(w));
	REFUSED(MIN_NOTIONAL, P("1", "110", "94.99"));
	REFUSED(MIN_NOTIONAL, P("1", "110", "96", "94.99"));
	DONE(limit_set(w, BOB, INSTRUMENT_ANY, LIMIT_ORDER_SIZE,
		units("110")));
	REFUSED(ORDER_SIZE, P("1", "110.01", "95"));
	DONE(P("1", "110", "95"));
	w->terms.band_low = 950000;
	w->terms.band_high = 1100000;
	DONE(set_terms(w));
	REFUSED(OUT_OF_BAND, P("1", "110.01", "95"));
	REFUSED(OUT_OF_BAND, P("1", "110", "95", "94.99"));
	world_free(w);
}
END_TEST

START_TEST(its_client_id_is_the_limit_order_s)
{
	struct world *w = world_new(_i);
	uint64_t seq;

	trade_at(w, "100");
	DONE(P("1", "110", "90", .client_id = "x"));
	ck_assert_int_eq(((const struct ev_order_opened *)event(w,
		EV_ORDER_OPENED, 0))->client_id_length, 1);
	ck_assert_int_eq(((const struct ev_order_opened *)event(w,
		EV_ORDER_OPENED, 1))->client_id_length, 0);
	seq = w->record->seq;
	/* Sent again: it was done. */
	DONE(P("1", "110", "90", .client_id = "x"));
	ck_assert_uint_eq(w->done_seq, seq);
	REFUSED(OTHER_TERMS, P("1", "110", "91", .client_id = "x"));
	REFUSED(OTHER_TERMS, P("1", "110", "90", "89", .client_id = "x"));
	REFUSED(OTHER_TERMS, PLACE(w, BOB, SIDE_SELL, "1", "110",
		.client_id = "x"));
	DONE(cancel_client(w, BOB, "x"));
	STORY(w, "closed bob sell cancelled 0 of 1\n"
		 "level sell 110: 0\n"
		 "closed bob sell oco 0 of 1\n");
	DONE(PLACE(w, BOB, SIDE_SELL, "1", "110", .client_id = "y"));
	REFUSED(OTHER_TERMS, P("1", "110", "90", .client_id = "y"));
	world_free(w);
}
END_TEST

START_TEST(a_stop_of_a_pair_that_cannot_act)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(P("1", "110", "90"));
	trade_at(w, "90");
	DONE(tick(w));
	STORY(w, "closed bob sell oco 0 of 1\n"
		 "level sell 110: 0\n"
		 "triggered bob sell at 90 holds 0\n"
		 "closed bob sell remainder 0 of 1\n");
	/* What the limit order held is there for the stop. */
	trade_at(w, "100");
	DONE(PAIR(w, ANN, SIDE_BUY, "90", "99", "101"));
	PLACED(w, BOB, SIDE_SELL, "100", "110");
	trade_at(w, "101");
	DONE(tick(w));
	/* 115.5 each are 10,395 with fees more. */
	STORY(w, "closed ann buy oco 0 of 90\n"
		 "level buy 99: 0\n"
		 "triggered ann buy at 101 holds 635.769\n"
		 "closed ann buy no-funds 0 of 90\n");
	HAS(w, ANN, USD, "10000", "0");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: pairs");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_pair_holds_once);
	RULE(a_fill_of_the_limit_order_ends_the_stop);
	RULE(both_pairs_of_a_trade_end);
	RULE(the_limit_order_may_trade_at_once);
	RULE(the_stop_cancels_the_limit_order);
	RULE(either_ends_with_the_other);
	RULE(a_lock_meets_each_once);
	RULE(a_delisting_takes_both);
	RULE(self_trade_prevention_ends_both);
	RULE(a_pair_is_refused_for_what_is_wrong_with_it);
	RULE(a_pair_has_limits);
	RULE(its_client_id_is_the_limit_order_s);
	RULE(a_stop_of_a_pair_that_cannot_act);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
