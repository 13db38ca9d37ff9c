/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_market.c - market orders and their collar.
 */
#include "world.h"

#include "base/decimal.h"

/* ---- Market orders by quantity ------------------------------------------- */

START_TEST(a_market_buy_holds_at_the_collar)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "1", "103");
	/* 105 is the collar: 2 x 105 and 0.2 % of it are held. */
	PLACED(w, BOB, SIDE_BUY, "2");
	STORY(w, "opened bob buy 2 at market holds 210.42\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "trade 1 at 103: ann made 0.103, bob took 0.206\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 103: 0\n"
		 "closed bob buy filled 2 of 2\n");
	HAS(w, BOB, USD, "9796.594", "0");
	HAS(w, BOB, BTC, "102", "0");
	world_free(w);
}
END_TEST

START_TEST(a_market_order_stops_at_the_collar)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "1", "105");
	PLACED(w, ANN, SIDE_SELL, "1", "105.01");
	PLACED(w, BOB, SIDE_BUY, "3");
	STORY(w, "opened bob buy 3 at market holds 315.63\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "trade 1 at 105: ann made 0.105, bob took 0.21\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 105: 0\n"
		 "closed bob buy remainder 2 of 3\n");
	HAS(w, BOB, USD, "9794.59", "0");

	PLACED(w, CID, SIDE_BUY, "1", "95");
	PLACED(w, CID, SIDE_BUY, "1", "90.25");
	PLACED(w, CID, SIDE_BUY, "1", "90.24");
	PLACED(w, BOB, SIDE_SELL, "3");
	STORY(w, "opened bob sell 3 at market holds 3\n"
		 "trade 1 at 95: cid made 0.095, bob took 0.19\n"
		 "closed cid buy filled 1 of 1\n"
		 "level buy 95: 0\n"
		 "trade 1 at 90.25: cid made 0.09025, bob took 0.1805\n"
		 "closed cid buy filled 1 of 1\n"
		 "level buy 90.25: 0\n"
		 "closed bob sell remainder 2 of 3\n");
	world_free(w);
}
END_TEST

START_TEST(the_collar_is_cut_to_the_tick)
{
	struct world *w = world_new(_i);

	/* 5 % of 0.19 are 0.0095: 0.19 for a buy, 0.19 for a sell. */
	PLACED(w, ANN, SIDE_SELL, "1", "0.19");
	PLACED(w, ANN, SIDE_SELL, "1", "0.2");
	PLACED(w, BOB, SIDE_BUY, "2");
	STORY(w, "opened bob buy 2 at market holds 0.38076\n"
		 "trade 1 at 0.19: ann made 0.00019, bob took 0.00038\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 0.19: 0\n"
		 "closed bob buy remainder 1 of 2\n");
	PLACED(w, ANN, SIDE_BUY, "1", "0.19");
	PLACED(w, ANN, SIDE_BUY, "1", "0.18");
	PLACED(w, BOB, SIDE_SELL, "2");
	STORY(w, "opened bob sell 2 at market holds 2\n"
		 "trade 1 at 0.19: ann made 0.00019, bob took 0.00038\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 0.19: 0\n"
		 "closed bob sell remainder 1 of 2\n");
	/* Never below one tick. */
	w->terms.collar = 999999;
	DONE(set_terms(w));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	PLACED(w, ANN, SIDE_BUY, "1", "0.02");
	PLACED(w, ANN, SIDE_BUY, "1", "0.01");
	PLACED(w, BOB, SIDE_SELL, "2");
	HAS(w, BOB, BTC, "98", "0");
	world_free(w);
}
END_TEST

START_TEST(without_an_opposite_side_a_market_order_ends)
{
	struct world *w = world_new(_i);

	/* Bought here are more than all the money in the world. */
	PLACED(w, ANN, SIDE_BUY, "1000000");
	STORY(w, "opened ann buy 1000000 at market holds 0\n"
		 "closed ann buy remainder 0 of 1000000\n");
	PLACED(w, ANN, SIDE_BUY, .budget = "90000000000");
	STORY(w, "opened ann buy for 90000000000 at market holds 0\n"
		 "closed ann buy remainder 0 of 0\n");
	PLACED(w, ANN, SIDE_SELL, .budget = "90000000000");
	STORY(w, "opened ann sell for 90000000000 at market holds 0\n"
		 "closed ann sell remainder 0 of 0\n");
	world_free(w);
}
END_TEST

START_TEST(a_market_order_asks_for_a_quantity_or_a_budget)
{
	struct world *w = world_new(_i);

	REFUSED(BAD_QUANTITY, PLACE(w, ANN, SIDE_BUY));
	REFUSED(BAD_QUANTITY, PLACE(w, ANN, SIDE_BUY, "-1"));
	REFUSED(BAD_QUANTITY, PLACE(w, ANN, SIDE_BUY, .budget = "-1"));
	REFUSED(BAD_AMOUNT, PLACE(w, ANN, SIDE_BUY, "1", .budget = "1"));
	REFUSED(OFF_LOT, PLACE(w, ANN, SIDE_BUY, "1.0001"));
	/* And a limit order for a quantity and a price. */
	REFUSED(BAD_QUANTITY, PLACE(w, ANN, SIDE_BUY, "0", "100"));
	REFUSED(BAD_AMOUNT,
		PLACE(w, ANN, SIDE_BUY, "1", "100", .budget = "1"));
	REFUSED(BAD_PRICE, PLACE(w, ANN, SIDE_BUY, "1", "0"));
	REFUSED(BAD_PRICE, PLACE(w, ANN, SIDE_BUY, "1", "-1"));
	REFUSED(OFF_TICK, PLACE(w, ANN, SIDE_BUY, "1", "100.001"));
	REFUSED(OFF_LOT, PLACE(w, ANN, SIDE_BUY, "1.0001", "100"));
	/* There is no such type. */
	REFUSED(BAD_TYPE, APPLY(w, CMD_ORDER_PLACE, ANN,
		(struct cmd_order_place){.type = TYPE_TRAILING_STOP + 1}));
	REFUSED(BAD_STOP_PRICE, APPLY(w, CMD_ORDER_PLACE, ANN,
		(struct cmd_order_place){.price = DECIMAL_ONE,
			.quantity = DECIMAL_ONE,
			.stop_price = DECIMAL_ONE}));
	world_free(w);
}
END_TEST

/* ---- Market orders by budget --------------------------------------------- */

START_TEST(a_budget_includes_the_fee)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "5", "101");
	/* 200 - 100.2 leave 99.8; 0.986 x 101 x 1.002 = 99.785172. */
	PLACED(w, BOB, SIDE_BUY, .budget = "200");
	STORY(w, "opened bob buy for 200 at market holds 200\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "trade 0.986 at 101: ann made 0.099586, bob took 0.199172\n"
		 "level sell 101: 4.014\n"
		 "closed bob buy filled 1.986 of 1.986\n");
	HAS(w, BOB, USD, "9800.014828", "0");
	HAS(w, BOB, BTC, "101.986", "0");
	world_free(w);
}
END_TEST

START_TEST(a_budget_may_outlast_the_book)
{
	struct world *w = world_new(_i);
	const struct ev_trade *t;

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "1", "106"); /* beyond the collar */
	PLACED(w, BOB, SIDE_BUY, .budget = "200");
	STORY(w, "opened bob buy for 200 at market holds 200\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "closed bob buy remainder 1 of 1\n");
	/* During the trade the rest was still held. */
	t = event(w, EV_TRADE, 0);
	ck_assert_int_eq(t->taker.quote_after.held, units("99.8"));
	ck_assert_int_eq(t->taker.left, 0);
	HAS(w, BOB, USD, "9899.8", "0");
	world_free(w);
}
END_TEST

START_TEST(a_budget_below_one_lot_buys_nothing)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_BUY, .budget = "0.1");
	STORY(w, "opened bob buy for 0.1 at market holds 0.1\n"
		 "closed bob buy remainder 0 of 0\n");
	/* The fee is what is missing. */
	PLACED(w, BOB, SIDE_BUY, .budget = "0.10019999");
	STORY(w, "opened bob buy for 0.10019999 at market holds 0.10019999\n"
		 "closed bob buy remainder 0 of 0\n");
	PLACED(w, BOB, SIDE_BUY, .budget = "0.1002");
	STORY(w, "opened bob buy for 0.1002 at market holds 0.1002\n"
		 "trade 0.001 at 100: ann made 0.0001, bob took 0.0002\n"
		 "level sell 100: 0.999\n"
		 "closed bob buy filled 0.001 of 0.001\n");
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, .budget = "10000"));
	world_free(w);
}
END_TEST

START_TEST(a_sell_by_budget_brings_in_what_is_wanted)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_BUY, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "5", "99");
	/* Wanted are 150 before the fee: held are 150 / 95, up to a lot. */
	PLACED(w, BOB, SIDE_SELL, .budget = "150");
	STORY(w, "opened bob sell for 150 at market holds 1.579\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 100: 0\n"
		 "trade 0.505 at 99: ann made 0.049995, bob took 0.09999\n"
		 "level buy 99: 4.495\n"
		 "closed bob sell filled 1.505 of 1.505\n");
	HAS(w, BOB, USD, "10149.69501", "0");
	HAS(w, BOB, BTC, "98.495", "0");
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_SELL, .budget = "9500"));
	world_free(w);
}
END_TEST

START_TEST(a_budget_met_exactly_is_filled)
{
	struct world *w = world_new(_i);

	/* Nothing else is there to be met; nothing more is wanted. */
	PLACED(w, ANN, SIDE_BUY, "1", "100");
	PLACED(w, BOB, SIDE_SELL, .budget = "100");
	STORY(w, "opened bob sell for 100 at market holds 1.053\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 100: 0\n"
		 "closed bob sell filled 1 of 1\n");
	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_BUY, .budget = "100.2");
	STORY(w, "opened bob buy for 100.2 at market holds 100.2\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "closed bob buy filled 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(a_spent_budget_meets_nobody)
{
	struct world *w = world_new(_i);

	/* What is left pays no lot, so that his own order is not met. */
	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_SELL, "1", "101");
	PLACED(w, BOB, SIDE_BUY, .budget = "100.25", .stp = STP_MAKER);
	STORY(w, "opened bob buy for 100.25 at market holds 100.25\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "closed bob buy filled 1 of 1\n");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: market orders");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_market_buy_holds_at_the_collar);
	RULE(a_market_order_stops_at_the_collar);
	RULE(the_collar_is_cut_to_the_tick);
	RULE(without_an_opposite_side_a_market_order_ends);
	RULE(a_market_order_asks_for_a_quantity_or_a_budget);
	RULE(a_budget_includes_the_fee);
	RULE(a_budget_may_outlast_the_book);
	RULE(a_budget_below_one_lot_buys_nothing);
	RULE(a_sell_by_budget_brings_in_what_is_wanted);
	RULE(a_budget_met_exactly_is_filled);
	RULE(a_spent_budget_meets_nobody);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
