/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_positions.c - what users have by trading, and the limits on it.
 */
#include "world.h"

#include "base/decimal.h"

#define STOP .type = TYPE_STOP_LOSS

static const struct ev_trade *
trade(struct world *w, unsigned index)
{
	return event(w, EV_TRADE, index);
}

/* Bob sells, Ann buys. */
static const struct position *
ann_buys(struct world *w, const char *quantity, const char *price)
{
	DONE(PLACE(w, BOB, SIDE_SELL, quantity, price));
	DONE(PLACE(w, ANN, SIDE_BUY, quantity, price));
	POSITION(&trade(w, 0)->maker_position, "none");
	return &trade(w, 0)->taker_position;
}

/* Ann sells, Dan buys. */
static const struct position *
ann_sells(struct world *w, const char *quantity, const char *price)
{
	DONE(PLACE(w, ANN, SIDE_SELL, quantity, price));
	DONE(PLACE(w, DAN, SIDE_BUY, quantity, price));
	return &trade(w, 0)->maker_position;
}

START_TEST(buys_add_up_at_cost)
{
	struct world *w = world_new(_i);
	struct ident first;

	POSITION(ann_buys(w, "1", "100"), "1 for 100, bought 1 for 100, made 0");
	first = trade(w, 0)->trade;
	ck_assert(ident_equal(trade(w, 0)->taker_position.id, first));
	POSITION(ann_buys(w, "2", "130"), "3 for 360, bought 3 for 360, made 0");
	/* One of three at an average of 120. */
	POSITION(ann_sells(w, "1", "150"),
		"2 for 240, bought 3 for 360, made 30");
	ck_assert(ident_equal(trade(w, 0)->maker_position.id, first));
	POSITION(&trade(w, 0)->taker_position,
		"1 for 150, bought 1 for 150, made 0");
	/* At a loss, and wholly. */
	POSITION(ann_sells(w, "2", "100"), "0 for 0, bought 3 for 360, made -10");
	ck_assert(ident_equal(trade(w, 0)->maker_position.id, first));
	/* The next is another. */
	POSITION(ann_sells(w, "1", "100"), "none");
	POSITION(ann_buys(w, "1", "90"), "1 for 90, bought 1 for 90, made 0");
	ck_assert(ident_equal(trade(w, 0)->taker_position.id,
		trade(w, 0)->trade));
	world_free(w);
}
END_TEST

/* The cost of what goes is rounded up, so that of what stays never is. */
START_TEST(cost_is_rounded_up_once)
{
	struct world *w = world_new(_i);

	w->terms.tick = 1;
	w->terms.lot = DECIMAL_ONE;
	DONE(set_terms(w));
	POSITION(ann_buys(w, "3", "0.0000001"),
		"3 for 0.0000003, bought 3 for 0.0000003, made 0");
	POSITION(ann_buys(w, "4", "0.00000011"),
		"7 for 0.00000074, bought 7 for 0.00000074, made 0");
	/* 74 / 7 is 10.57. */
	POSITION(ann_sells(w, "1", "0.00000011"),
		"6 for 0.00000063, bought 7 for 0.00000074, made 0");
	POSITION(ann_sells(w, "5", "0.00000011"),
		"1 for 0.0000001, bought 7 for 0.00000074, made 0.00000002");
	POSITION(ann_sells(w, "1", "0.00000011"),
		"0 for 0, bought 7 for 0.00000074, made 0.00000003");
	world_free(w);
}
END_TEST

START_TEST(what_is_sold_beyond_it_does_not_count)
{
	struct world *w = world_new(_i);

	ann_buys(w, "2", "100");
	POSITION(ann_sells(w, "5", "110"), "0 for 0, bought 2 for 200, made 20");
	POSITION(ann_sells(w, "1", "110"), "none");
	/* What counts is as many as the money that all of them bring. */
	ann_buys(w, "50", "0.5");
	POSITION(ann_sells(w, "100", "0.5"),
		"0 for 0, bought 50 for 25, made 0");
	world_free(w);
}
END_TEST

START_TEST(who_trades_with_himself_sells_or_buys_first_as_the_maker)
{
	struct world *w = world_new(_i);

	ann_buys(w, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "1", "120");
	PLACED(w, ANN, SIDE_BUY, "1", "120", .stp = STP_NONE);
	POSITION(&trade(w, 0)->maker_position,
		"0 for 0, bought 1 for 100, made 20");
	POSITION(&trade(w, 0)->taker_position,
		"1 for 120, bought 1 for 120, made 0");
	ck_assert(ident_equal(trade(w, 0)->taker_position.id,
		trade(w, 0)->trade));
	PLACED(w, ANN, SIDE_BUY, "1", "130");
	PLACED(w, ANN, SIDE_SELL, "1", "130", .stp = STP_NONE);
	POSITION(&trade(w, 0)->maker_position,
		"2 for 250, bought 2 for 250, made 0");
	POSITION(&trade(w, 0)->taker_position,
		"1 for 125, bought 2 for 250, made 5");
	world_free(w);
}
END_TEST

/* Coins that are taken away and bought again and again. */
START_TEST(a_position_stays_a_number)
{
	struct world *w = world_new(_i);
	const char *most = "90000000000";

	w->terms.tick = 1;
	w->terms.lot = DECIMAL_ONE;
	DONE(set_terms(w));
	DONE(deposit(w, BOB, BTC, units(most), IDENT_NONE));
	POSITION(ann_buys(w, most, "0.00000001"),
		"90000000000 for 900, bought 90000000000 for 900, made 0");
	DONE(correct(w, ANN, BTC, -units(most)));
	DONE(correct(w, BOB, BTC, units(most)));
	POSITION(ann_buys(w, most, "0.00000001"),
		"92233720368.54775807 for 1800, "
		"bought 92233720368.54775807 for 1800, made 0");
	world_free(w);
}
END_TEST

/* A lot that changes leaves of a position what it was. */
START_TEST(a_position_is_not_counted_in_lots)
{
	struct world *w = world_new(_i);

	ann_buys(w, "1.001", "100");
	w->terms.lot = units("0.01");
	DONE(set_terms(w));
	POSITION(ann_sells(w, "2", "100"),
		"0 for 0, bought 1.001 for 100.1, made 0");
	world_free(w);
}
END_TEST

/* ---- POSITION_SIZE ------------------------------------------------------- */

START_TEST(a_position_has_a_largest_value)
{
	struct world *w = world_new(_i);
	struct ident id;

	ann_buys(w, "2", "100");
	trade_at(w, "110");
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE, units("500")));
	/* 220 are there; 100 may come by an order, 95 by another. */
	id = PLACED(w, ANN, SIDE_BUY, "1", "100");
	DONE(PLACE(w, ANN, SIDE_BUY, "1", STOP, .stop = "120", .tif = TIF_IOC));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "60.01"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "60", .tif = TIF_IOC));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, .budget = "60.01"));
	DONE(PLACE(w, ANN, SIDE_BUY, .budget = "60"));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "60.01",
		STOP, .stop = "1"));
	/* An order that meets nobody has no value. */
	DONE(PLACE(w, ANN, SIDE_BUY, "5"));
	PLACED(w, BOB, SIDE_SELL, "1", "115");
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1"));
	/* Sells may be as large as they are. */
	DONE(PLACE(w, ANN, SIDE_SELL, "90", "150"));
	/* An amendment counts itself once, by what is open. */
	REFUSED(POSITION_SIZE, amend(w, ANN, id, "1.601", NULL));
	REFUSED(POSITION_SIZE, amend(w, ANN, id, "2", "81"));
	DONE(amend(w, ANN, id, "1.6", NULL));
	DONE(amend(w, ANN, id, "0.5", NULL));
	world_free(w);
}
END_TEST

START_TEST(the_instrument_s_limit_is_before_the_general_one)
{
	struct world *w = world_new(_i);

	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_POSITION_SIZE,
		units("100")));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "100.01"));
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE, units("200")));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100.01"));
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE, 0));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "0.001", "1"));
	/* Other limits come before it. */
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_ORDER_SIZE, 1));
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "100"));
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_ORDER_SIZE, 0));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "100000"));
	world_free(w);
}
END_TEST

START_TEST(a_pair_counts_once)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE, units("105")));
	/* By the dearer of both, while it is placed; */
	REFUSED(POSITION_SIZE, PAIR(w, ANN, SIDE_BUY, "1", "90", "105.01"));
	REFUSED(POSITION_SIZE, PAIR(w, ANN, SIDE_BUY, "1", "90", "101",
		"105.01"));
	DONE(PAIR(w, ANN, SIDE_BUY, "1", "90", "105"));
	/* then by the limit order. */
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "15.01"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "15"));
	world_free(w);
}
END_TEST

START_TEST(a_stop_that_would_break_it_ends)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE, units("250")));
	PLACED(w, ANN, SIDE_BUY, "1", STOP, .stop = "100");
	PLACED(w, BOB, SIDE_SELL, "2", "125");
	/* 125 is what it would cost, beside the 124.99 of another. */
	PLACED(w, ANN, SIDE_BUY, "1", "124.99");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 100 holds 131.5125\n"
		 "trade 1 at 125: bob made 0.125, ann took 0.25\n"
		 "level sell 125: 1\n"
		 "closed ann buy filled 1 of 1\n");
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_BOTH, false));
	PLACED(w, ANN, SIDE_BUY, "1", STOP, .stop = "120");
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_POSITION_SIZE,
		units("249.99")));
	DONE(tick(w));
	STORY(w, "triggered ann buy at 125 holds 126.252\n"
		 "closed ann buy risk 0 of 1\n");
	world_free(w);
}
END_TEST

/* EUR is worth what is said, until a book of it against USD says more. */
START_TEST(a_position_has_a_largest_value_in_money_of_account)
{
	struct world *w = world_new(_i);
	struct instrument_terms terms = w->terms;

	terms.instrument = 1;
	terms.base = BTC;
	terms.quote = terms.fee_asset = EUR;
	memcpy(terms.symbol, "BTC/EUR", sizeof("BTC/EUR"));
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
	DONE(deposit(w, ANN, EUR, units("10000"), IDENT_NONE));
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_POSITION_VALUE,
		units("110")));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "110.01"));
	/* Without a rate it is worth nothing. */
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "200", .instrument = 1,
		.tif = TIF_IOC));
	REFUSED(UNKNOWN_ASSET, asset_rate(w, 3, "1"));
	REFUSED(BAD_AMOUNT, asset_rate(w, EUR, "-1"));
	DONE(asset_rate(w, EUR, "1.1"));
	STORY(w, "rate EUR 1.1\n");
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "100.01",
		.instrument = 1));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .instrument = 1,
		.tif = TIF_IOC));
	terms.instrument = 2;
	terms.base = EUR;
	terms.quote = terms.fee_asset = USD;
	memcpy(terms.symbol, "EUR/USD", sizeof("EUR/USD"));
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .instrument = 1,
		.tif = TIF_IOC));
	DONE(APPLY(w, CMD_REFERENCE_PRICE, 0, (struct cmd_reference_price){
		.instrument = 2, .price = units("2.2")}));
	REFUSED(POSITION_SIZE, PLACE(w, ANN, SIDE_BUY, "1", "50.01",
		.instrument = 1));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "50", .instrument = 1,
		.tif = TIF_IOC));
	/* A book that is no more says nothing. */
	terms.status = MARKET_DELISTED;
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "100", .instrument = 1,
		.tif = TIF_IOC));
	DONE(asset_rate(w, EUR, "0"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "200", .instrument = 1,
		.tif = TIF_IOC));
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: positions");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(buys_add_up_at_cost);
	RULE(cost_is_rounded_up_once);
	RULE(what_is_sold_beyond_it_does_not_count);
	RULE(who_trades_with_himself_sells_or_buys_first_as_the_maker);
	RULE(a_position_stays_a_number);
	RULE(a_position_is_not_counted_in_lots);
	RULE(a_position_has_a_largest_value);
	RULE(the_instrument_s_limit_is_before_the_general_one);
	RULE(a_pair_counts_once);
	RULE(a_stop_that_would_break_it_ends);
	RULE(a_position_has_a_largest_value_in_money_of_account);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
