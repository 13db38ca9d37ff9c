/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_limits.c - the price band, the limits on what an order may be, and
 * the ends of the numbers.
 */
#include "world.h"

#include "base/decimal.h"

/* ---- The band ------------------------------------------------------------ */

START_TEST(a_band_needs_a_reference)
{
	struct world *w = world_new(_i);

	w->terms.band_low = 900000;
	w->terms.band_high = 1100000;
	DONE(set_terms(w));
	REFUSED(NO_REFERENCE, PLACE(w, ANN, SIDE_BUY, "1", "100"));
	REFUSED(NO_REFERENCE, PLACE(w, ANN, SIDE_BUY, "1"));
	REFUSED(OFF_TICK, reference_price(w, "100.001"));
	REFUSED(BAD_PRICE, reference_price(w, "0"));
	DONE(reference_price(w, "100"));
	REFUSED(OUT_OF_BAND, PLACE(w, ANN, SIDE_BUY, "1", "89.99"));
	REFUSED(OUT_OF_BAND, PLACE(w, ANN, SIDE_BUY, "1", "110.01"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "90"));
	DONE(PLACE(w, BOB, SIDE_SELL, "2", "110"));
	/* The last trade takes the reference's place. */
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "110"));
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "121"));
	REFUSED(OUT_OF_BAND, PLACE(w, ANN, SIDE_BUY, "1", "98.99"));
	DONE(reference_price(w, "50"));
	REFUSED(OUT_OF_BAND, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	/* Orders that rest outside of it stay, and market orders reach them. */
	DONE(PLACE(w, CID, SIDE_SELL, "1"));
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD), units("90"));
	world_free(w);
}
END_TEST

START_TEST(an_amendment_obeys_the_band)
{
	struct world *w = world_new(_i);
	struct ident id;

	w->terms.band_low = 900000;
	w->terms.band_high = 1100000;
	DONE(set_terms(w));
	DONE(reference_price(w, "100"));
	id = PLACED(w, ANN, SIDE_BUY, "1", "95");
	REFUSED(OUT_OF_BAND, amend(w, ANN, id, NULL, "89.99"));
	DONE(reference_price(w, "200"));
	/* In place it may stay where it is, but not grow. */
	REFUSED(OUT_OF_BAND, amend(w, ANN, id, "2", NULL));
	DONE(amend(w, ANN, id, "0.5", NULL));
	world_free(w);
}
END_TEST

/* ---- Limits -------------------------------------------------------------- */

START_TEST(an_order_has_a_least_value)
{
	struct world *w = world_new(_i);
	struct ident id;

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	w->terms.min_notional = units("10");
	DONE(set_terms(w));
	REFUSED(MIN_NOTIONAL, PLACE(w, BOB, SIDE_BUY, "0.099", "101"));
	DONE(PLACE(w, BOB, SIDE_BUY, "0.1", "100"));
	/* A market order by quantity is worth what the best price says. */
	REFUSED(MIN_NOTIONAL, PLACE(w, BOB, SIDE_BUY, "0.099"));
	DONE(PLACE(w, BOB, SIDE_BUY, "0.1"));
	REFUSED(MIN_NOTIONAL, PLACE(w, BOB, SIDE_BUY, .budget = "9.99"));
	DONE(PLACE(w, BOB, SIDE_BUY, .budget = "10"));
	/* No price, no value; but a budget is one. */
	DONE(PLACE(w, BOB, SIDE_SELL, "0.001"));
	REFUSED(MIN_NOTIONAL, PLACE(w, BOB, SIDE_SELL, .budget = "9.99"));
	/* Of an amendment the whole total counts. */
	id = PLACED(w, CID, SIDE_BUY, "0.2", "99");
	REFUSED(MIN_NOTIONAL, amend(w, CID, id, "0.1", "98"));
	DONE(amend(w, CID, id, "0.1", NULL)); /* in place: not asked */
	world_free(w);
}
END_TEST

START_TEST(a_user_has_a_largest_order)
{
	struct world *w = world_new(_i);
	struct ident id;

	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_ORDER_SIZE, units("50")));
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, "0.501", "100"));
	DONE(PLACE(w, ANN, SIDE_BUY, "0.5", "100"));
	/* That of the instrument itself comes first, also when it is larger. */
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_ORDER_SIZE, units("80")));
	id = PLACED(w, ANN, SIDE_BUY, "0.8", "100");
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, "0.801", "100"));
	REFUSED(ORDER_SIZE, amend(w, ANN, id, "0.801", NULL));
	PLACED(w, BOB, SIDE_SELL, "1", "101");
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, .budget = "80.01"));
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, "0.9"));
	/* 0 lifts it, and the general one holds again. */
	DONE(limit_set(w, ANN, BTC_USD, LIMIT_ORDER_SIZE, 0));
	REFUSED(ORDER_SIZE, PLACE(w, ANN, SIDE_BUY, "0.501", "100"));
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_ORDER_SIZE, 0));
	DONE(PLACE(w, ANN, SIDE_BUY, "5", "100"));
	world_free(w);
}
END_TEST

START_TEST(a_user_has_a_number_of_open_orders)
{
	struct world *w = world_new(_i);

	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, 2));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "90"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "91"));
	REFUSED(OPEN_ORDERS, PLACE(w, ANN, SIDE_BUY, "1", "92"));
	/* What cannot rest is free. */
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "92", .tif = TIF_IOC));
	DONE(PLACE(w, ANN, SIDE_BUY, "1"));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "92"));

	REFUSED(UNKNOWN_USER,
		limit_set(w, NOBODY, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, 2));
	REFUSED(UNKNOWN_INSTRUMENT,
		limit_set(w, ANN, 9, LIMIT_ORDER_SIZE, 2));
	REFUSED(BAD_COMMAND, limit_set(w, ANN, BTC_USD, LIMIT_OPEN_ORDERS, 2));
	REFUSED(BAD_COMMAND,
		limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_TYPES, 2));
	REFUSED(BAD_AMOUNT,
		limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, -1));
	world_free(w);
}
END_TEST

START_TEST(the_exchange_has_a_number_of_orders)
{
	static const struct engine_options options = {
		.users = 16,
		.orders = 4, /* slot 0 is never used */
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 3,
		.limits = 1024,
		.open_orders_user = 2,
	};
	struct world *w = world_with(_i, &options);

	DONE(PLACE(w, ANN, SIDE_BUY, "1", "90"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "90"));
	REFUSED(OPEN_ORDERS, PLACE(w, ANN, SIDE_BUY, "1", "90"));
	/* The user's limit cannot raise it. */
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_OPEN_ORDERS, 100));
	REFUSED(OPEN_ORDERS, PLACE(w, ANN, SIDE_BUY, "1", "90"));
	DONE(PLACE(w, BOB, SIDE_BUY, "1", "90"));
	REFUSED(FULL, PLACE(w, BOB, SIDE_BUY, "1", "90"));
	REFUSED(FULL, PLACE(w, CID, SIDE_SELL, "1"));
	DONE(cancel_every(w, BOB, INSTRUMENT_ANY, SIDE_BOTH, false));
	DONE(PLACE(w, CID, SIDE_SELL, "1"));

	DONE(withdraw(w, ANN, USD, 1, intent_at(w, 0, 1)));
	DONE(withdraw(w, ANN, USD, 1, intent_at(w, 0, 2)));
	REFUSED(FULL, withdraw(w, ANN, USD, 1, intent_at(w, 0, 3)));
	REFUSED(FULL, APPLY(w, CMD_USER_CREATE, 16,
		(struct cmd_user_create){.role = ROLE_USER}));
	world_free(w);
}
END_TEST

/* Every order can rest, however far apart their prices are. */
START_TEST(the_book_holds_what_the_exchange_accepts)
{
	static const struct engine_options options = {
		.users = 16,
		.orders = 64,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = 64,
	};
	struct world *w = world_with(_i, &options);
	char price[DECIMAL_TEXT_MAX];
	int i;

	for (i = 0; i < 63; i++) {
		int64_t at = units("0.01") *
			(int64_t)(1 + (UINT64_C(3) << i) % 900000007);

		decimal_format((struct decimal){at}, 0, price);
		DONE(PLACE(w, ANN, SIDE_SELL, "0.001", price));
	}
	ck_assert_uint_eq(w->subject->open_orders(w->it), 63);
	world_free(w);
}
END_TEST

/* ---- The ends of the numbers --------------------------------------------- */

/* tick 1 unit, lot 1 BTC: a lot at PRICE is worth PRICE. */
static struct world *
world_of_units(int subject)
{
	struct world *w = world_new(subject);

	w->terms.tick = 1;
	w->terms.lot = DECIMAL_ONE;
	DONE(set_terms(w));
	return w;
}

#define MOST "92233720368.54775807" /* INT64_MAX units */

START_TEST(an_order_may_be_too_big)
{
	struct world *w = world_of_units(_i);
	struct ident id;

	/* A sell may be worth an int64, a buy must be so with its fee. */
	DONE(PLACE(w, ANN, SIDE_SELL, "1", MOST));
	REFUSED(TOO_BIG, PLACE(w, ANN, SIDE_SELL, "2", "46116860184.27387904"));
	DONE(PLACE(w, ANN, SIDE_SELL, "2", "46116860184.27387903"));
	REFUSED(TOO_BIG, PLACE(w, ANN, SIDE_BUY, "1", MOST));
	/* x + ceil(x / 500): 9204962112629516773 is the most that fits. */
	REFUSED(TOO_BIG, PLACE(w, ANN, SIDE_BUY, "1", "92049621126.29516774"));
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_BUY, "1", "92049621126.29516773"));
	/* An amendment is measured over its whole total. */
	id = PLACED(w, BOB, SIDE_SELL, "1", "50000000000");
	REFUSED(TOO_BIG, amend(w, BOB, id, "2", NULL));
	id = PLACED(w, BOB, SIDE_BUY, "1", "1");
	REFUSED(TOO_BIG, amend(w, BOB, id, NULL, MOST));
	world_free(w);
}
END_TEST

START_TEST(a_market_order_may_be_too_big)
{
	struct world *w = world_of_units(_i);

	DONE(PLACE(w, ANN, SIDE_SELL, "1", "90000000000"));
	/* At the collar, 5 % above, and with the fee. */
	REFUSED(TOO_BIG, PLACE(w, BOB, SIDE_BUY, "1"));
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, .budget = MOST));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	/* The collar is a price that can be, however high the best one is. */
	w->terms.maker_rate = w->terms.taker_rate = 0;
	DONE(set_terms(w));
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "90000000000"));
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, "1"));
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	w->terms.maker_rate = 1000;
	w->terms.taker_rate = 2000;
	DONE(set_terms(w));
	/* A sell by budget at a low price needs too many lots. */
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "0.00000001"));
	REFUSED(TOO_BIG, PLACE(w, BOB, SIDE_SELL, .budget = MOST));
	/* At one unit a lot, 100 BTC bring in 100 units. */
	DONE(PLACE(w, BOB, SIDE_SELL, .budget = "0.000001"));
	STORY(w, "opened bob sell for 0.000001 at market holds 100\n"
		 "trade 1 at 0.00000001: ann made 0.00000001, "
		 "bob took 0.00000001\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 0.00000001: 0\n"
		 "closed bob sell remainder 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(an_asset_has_a_largest_total)
{
	struct world *w = world_new(_i);
	/* Four have 10,000 USD each. */
	int64_t rest = INT64_MAX - 4 * units("10000");

	REFUSED(TOTAL_OVERFLOW, deposit(w, ANN, USD, rest + 1, IDENT_NONE));
	REFUSED(TOTAL_OVERFLOW, correct(w, ANN, USD, rest + 1));
	DONE(deposit(w, ANN, USD, rest, IDENT_NONE));
	REFUSED(TOTAL_OVERFLOW, deposit(w, BOB, USD, 1, IDENT_NONE));
	/* The house's fees are part of it: Ann's trade changes nothing. */
	PLACED(w, BOB, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "1", "100");
	REFUSED(TOTAL_OVERFLOW, deposit(w, BOB, USD, 1, IDENT_NONE));
	DONE(correct(w, ANN, USD, -1));
	world_free(w);
}
END_TEST

/*
 * The world's account is minus what came in.  Money that is taken away by
 * corrections makes room among the customers, but not there.
 */
START_TEST(the_house_does_not_overflow)
{
	struct world *w = world_new(_i);

	DONE(deposit(w, ANN, EUR, INT64_MAX, IDENT_NONE));
	DONE(correct(w, ANN, EUR, -INT64_MAX));
	REFUSED(TOTAL_OVERFLOW, deposit(w, ANN, EUR, 1, IDENT_NONE));
	ck_assert_int_eq(w->subject->house(w->it, ACCOUNT_WORLD, EUR),
		-INT64_MAX);
	ck_assert_int_eq(w->subject->house(w->it, ACCOUNT_CORRECTIONS, EUR),
		INT64_MAX);
	DONE(correct(w, ANN, EUR, 5));
	/* The same the other way round. */
	DONE(correct(w, ANN, EUR, INT64_MAX - 5));
	DONE(withdraw(w, ANN, EUR, INT64_MAX, intent_at(w, 0, 1)));
	DONE(withdraw_end(w, CMD_WITHDRAW_PAY, ANN, intent_at(w, -1, 1),
		IDENT_NONE));
	DONE(correct(w, ANN, EUR, INT64_MAX));
	DONE(withdraw(w, ANN, EUR, INT64_MAX, intent_at(w, 0, 2)));
	DONE(withdraw_end(w, CMD_WITHDRAW_PAY, ANN, intent_at(w, -1, 2),
		IDENT_NONE));
	REFUSED(TOTAL_OVERFLOW, correct(w, BOB, EUR, 1));
	world_free(w);
}
END_TEST

/*
 * Quantities at one price may come to more than an int64, at a price that
 * makes them cheap: here 2 x 90,000,000,000 BTC for 0.00000001 USD each.
 */
START_TEST(a_level_may_be_larger_than_a_number)
{
	struct world *w = world_of_units(_i);
	struct depth_level level;

	PLACED(w, ANN, SIDE_BUY, "90000000000", "0.00000001");
	PLACED(w, BOB, SIDE_BUY, "90000000000", "0.00000001");
	STORY(w, "opened bob buy 90000000000 at 0.00000001 holds 901.8\n"
		 "level buy 0.00000001: " MOST "\n");
	ck_assert_uint_eq(w->subject->depth(w->it, BTC_USD, SIDE_BUY, &level,
		1), 1);
	ck_assert_int_eq(level.quantity, INT64_MAX);
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	STORY(w, "closed ann buy cancelled 0 of 90000000000\n"
		 "level buy 0.00000001: 90000000000\n");
	world_free(w);
}
END_TEST

/*
 * What an order has traded must stay a number, too.  Ann sells 1 BTC for
 * 90,000,000,000 USD, and would sell another for 46,000,000,000.
 */
START_TEST(an_order_cannot_trade_more_than_a_number)
{
	struct world *w = world_of_units(_i);
	struct ident id;

	w->terms.maker_rate = 0;
	w->terms.taker_rate = 0;
	DONE(set_terms(w));
	DONE(deposit(w, BOB, USD, units("90000000000"), IDENT_NONE));
	PLACED(w, BOB, SIDE_BUY, "1", "90000000000");
	id = PLACED(w, ANN, SIDE_SELL, "2", "1");
	STORY(w, "opened ann sell 2 at 1 holds 2\n"
		 "trade 1 at 90000000000: bob made 0, ann took 0\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 90000000000: 0\n"
		 "level sell 1: 1\n");
	DONE(correct(w, ANN, USD, -units("50000000000")));
	DONE(correct(w, CID, USD, units("50000000000")));
	DONE(amend(w, ANN, id, NULL, "46000000000"));
	PLACED(w, CID, SIDE_BUY, "1", "46000000000");
	STORY(w, "opened cid buy 1 at 46000000000 holds 46000000000\n"
		 "closed cid buy fill-limit 0 of 1\n");
	/* Nor as the taker. */
	PLACED(w, CID, SIDE_BUY, "1", "40000000000");
	DONE(amend(w, ANN, id, NULL, "40000000000"));
	STORY(w, "level sell 46000000000: 0\n"
		 "amended ann sell 2 at 40000000000, 1 filled, holds 1\n"
		 "closed ann sell fill-limit 1 of 2\n");
	world_free(w);
}
END_TEST

/* Both sums of an order count.  Ann makes 66,000,000,000 USD, and would then
 * take 33,000,000,000. */
START_TEST(what_an_order_made_counts_when_it_takes)
{
	struct world *w = world_of_units(_i);
	struct ident id;

	w->terms.maker_rate = 0;
	w->terms.taker_rate = 0;
	DONE(set_terms(w));
	DONE(deposit(w, BOB, USD, units("66000000000"), IDENT_NONE));
	id = PLACED(w, ANN, SIDE_SELL, "4", "22000000000");
	PLACED(w, BOB, SIDE_BUY, "3", "22000000000");
	DONE(correct(w, ANN, USD, -units("33000000000")));
	DONE(correct(w, CID, USD, units("33000000000")));
	PLACED(w, CID, SIDE_BUY, "3", "11000000000");
	DONE(amend(w, ANN, id, "8", "11000000000"));
	STORY(w, "level sell 22000000000: 0\n"
		 "amended ann sell 8 at 11000000000, 3 filled, holds 5\n"
		 "closed ann sell fill-limit 3 of 8\n");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: limits");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_band_needs_a_reference);
	RULE(an_amendment_obeys_the_band);
	RULE(an_order_has_a_least_value);
	RULE(a_user_has_a_largest_order);
	RULE(a_user_has_a_number_of_open_orders);
	RULE(the_exchange_has_a_number_of_orders);
	RULE(the_book_holds_what_the_exchange_accepts);
	RULE(an_order_may_be_too_big);
	RULE(a_market_order_may_be_too_big);
	RULE(an_asset_has_a_largest_total);
	RULE(the_house_does_not_overflow);
	RULE(a_level_may_be_larger_than_a_number);
	RULE(an_order_cannot_trade_more_than_a_number);
	RULE(what_an_order_made_counts_when_it_takes);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
