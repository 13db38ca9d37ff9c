/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_plain.c - the edges of what is plain: where an order that nearly
 * always is accepted no longer is, and where one that seems unusual is none.
 */
#include <string.h>

#include "base/decimal.h"
#include "world.h"

#define MANY 131 /* instruments */

static void
make_instrument(struct world *w, uint16_t number, uint16_t base)
{
	struct instrument_terms terms = w->terms;

	terms.instrument = number;
	terms.base = base;
	memcpy(terms.symbol, "OTHER", 6);
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
}

static void
check_best(struct world *w, uint16_t instrument, enum side side,
	const char *price, const char *quantity)
{
	struct depth_level best = {0, 0};
	size_t n = w->subject->depth(w->it, instrument, side, &best, 1);

	ck_assert_uint_eq(n, price != NULL);
	if (!price)
		return;
	ck_assert_int_eq(best.price, units(price));
	ck_assert_int_eq(best.quantity, units(quantity));
}

START_TEST(exactly_enough_will_do)
{
	struct world *w = world_new(_i);
	int64_t has = units("10000"), need = units("200.4");

	/* Two at 100, and the fee of who takes. */
	DONE(correct(w, ANN, USD, need - 1 - has));
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_BUY, "2", "100"));
	HAS(w, ANN, USD, "200.39999999", "0");
	DONE(correct(w, ANN, USD, 1));
	DONE(PLACE(w, ANN, SIDE_BUY, "2", "100"));
	HAS(w, ANN, USD, "0", "200.4");
	DONE(PLACE(w, ANN, SIDE_SELL, "99.999", "101"));
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_SELL, "0.002", "101"));
	DONE(PLACE(w, ANN, SIDE_SELL, "0.001", "101"));
	HAS(w, ANN, BTC, "0", "100");
	world_free(w);
}
END_TEST

START_TEST(a_cancel_names_an_order_not_its_place)
{
	struct world *w = world_new(_i);
	struct ident first, second;

	first = PLACED(w, ANN, SIDE_BUY, "1", "100");
	DONE(cancel(w, ANN, first));
	/* The next may well lie where it lay. */
	second = PLACED(w, ANN, SIDE_BUY, "2", "100");
	REFUSED(ORDER_ENDED, cancel(w, ANN, first));
	REFUSED(UNKNOWN_ORDER, cancel(w, BOB, second));
	check_best(w, BTC_USD, SIDE_BUY, "100", "2");
	DONE(PLACE(w, BOB, SIDE_SELL, "2", "100"));
	REFUSED(ORDER_ENDED, cancel(w, ANN, second));
	REFUSED(UNKNOWN_ORDER, cancel(w, ANN, IDENT_NONE));
	world_free(w);
}
END_TEST

START_TEST(a_cancel_says_what_was_filled_before)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");

	DONE(PLACE(w, CID, SIDE_BUY, "1", "100"));
	DONE(PLACE(w, BOB, SIDE_SELL, "0.5", "100"));
	DONE(cancel(w, ANN, id));
	STORY(w, "closed ann buy cancelled 0.5 of 2\n"
		 "level buy 100: 1\n");
	ck_assert_int_eq(((const struct ev_order_closed *)event(w,
				 EV_ORDER_CLOSED, 0))->quote,
		units("50"));
	HAS(w, ANN, USD, "9949.95", "0");
	world_free(w);
}
END_TEST

/* Levels come and go at one price of several books, on either side. */
START_TEST(books_at_one_price_are_apart)
{
	struct world *w = world_new(_i);
	struct ident id;
	int round;

	make_instrument(w, 1, BTC);
	make_instrument(w, 2, BTC);
	for (round = 0; round < 5; round++) {
		id = PLACED(w, ANN, SIDE_BUY, "1", "3.2");
		DONE(cancel(w, ANN, id));
		check_best(w, BTC_USD, SIDE_BUY, NULL, NULL);
		/* What that one has left is taken by this one. */
		id = PLACED(w, ANN, SIDE_SELL, "2", "3.2", .instrument = 1);
		DONE(PLACE(w, BOB, SIDE_BUY, "3", "3.2", .instrument = 2));
		DONE(PLACE(w, BOB, SIDE_BUY, "1", "3.2"));
		check_best(w, BTC_USD, SIDE_BUY, "3.2", "1");
		check_best(w, 1, SIDE_SELL, "3.2", "2");
		check_best(w, 1, SIDE_BUY, NULL, NULL);
		check_best(w, 2, SIDE_BUY, "3.2", "3");
		DONE(cancel(w, ANN, id));
		check_best(w, 1, SIDE_SELL, NULL, NULL);
		DONE(cancel_every(w, BOB, INSTRUMENT_ANY, SIDE_BOTH, false));
		check_best(w, BTC_USD, SIDE_BUY, NULL, NULL);
		check_best(w, 2, SIDE_BUY, NULL, NULL);
	}
	world_free(w);
}
END_TEST

START_TEST(the_last_of_many_instruments_is_as_the_first)
{
	struct world *w = world_new(_i);
	struct ident id;
	uint16_t i;

	/* And of a coin that nobody but Bob has ever had. */
	for (i = EUR + 1; i <= 20; i++)
		DONE(APPLY(w, CMD_ASSET_SET, 0,
			(struct cmd_asset_set){.asset = i, .code = "COIN"}));
	for (i = 1; i < MANY; i++)
		make_instrument(w, i, 20);
	DONE(deposit(w, BOB, 20, units("5"), IDENT_NONE));
	for (i = 1; i < MANY; i += MANY - 2) {
		DONE(PLACE(w, ANN, SIDE_BUY, "2", "100", .instrument = i));
		DONE(PLACE(w, BOB, SIDE_SELL, "1", "100", .instrument = i));
		STORY(w, "opened bob sell 1 at 100 holds 1\n"
			 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
			 "level buy 100: 1\n"
			 "closed bob sell filled 1 of 1\n");
		id = PLACED(w, ANN, SIDE_SELL, "1", "101", .instrument = i);
		DONE(cancel(w, ANN, id));
		check_best(w, i, SIDE_SELL, NULL, NULL);
	}
	HAS(w, ANN, 20, "2", "0");
	world_free(w);
}
END_TEST

/* Neither of the two sellers has ever had what they are paid in. */
START_TEST(each_is_paid_his_own)
{
	struct world *w = world_new(_i);
	struct instrument_terms terms = w->terms;
	uint32_t user;
	uint16_t i;

	for (i = EUR + 1; i <= 20; i++)
		DONE(APPLY(w, CMD_ASSET_SET, 0,
			(struct cmd_asset_set){.asset = i, .code = "COIN"}));
	terms.instrument = 1;
	terms.quote = terms.fee_asset = 20;
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
	DONE(deposit(w, CID, 20, units("1000"), IDENT_NONE));
	for (user = ANN; user <= BOB; user++) {
		/* They are no strangers to trading. */
		DONE(PLACE(w, user, SIDE_BUY, "1", "1"));
		DONE(PLACE(w, user, SIDE_SELL, "1", "100", .instrument = 1));
	}
	DONE(PLACE(w, CID, SIDE_BUY, "2", "100", .instrument = 1));
	HAS(w, ANN, 20, "99.9", "0");
	HAS(w, BOB, 20, "99.9", "0");
	HAS(w, DAN, 20, "0", "0");
	world_free(w);
}
END_TEST

/* However often, in an exchange that has room for few orders. */
START_TEST(a_far_price_leaves_nothing_behind)
{
	struct engine_options few = {.users = 64, .orders = 8,
		.client_ids = 8, .client_ids_user = 8, .intents = 64,
		.sessions = 8, .withdrawals = 8, .limits = 8,
		.open_orders_user = 8};
	struct world *w = world_with(_i, &few);
	struct ident far, farther;
	int i;

	for (i = 0; i < 200; i++) {
		far = PLACED(w, ANN, SIDE_SELL, "0.001", "1000000");
		farther = PLACED(w, BOB, SIDE_SELL, "0.001", "9000000000");
		DONE(cancel(w, ANN, far));
		check_best(w, BTC_USD, SIDE_SELL, "9000000000", "0.001");
		DONE(cancel(w, BOB, farther));
		check_best(w, BTC_USD, SIDE_SELL, NULL, NULL);
	}
	world_free(w);
}
END_TEST

START_TEST(at_the_touch_is_not_beside_it)
{
	struct world *w = world_new(_i);

	DONE(PLACE(w, ANN, SIDE_SELL, "1", "100"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "99"));
	REFUSED(WOULD_TAKE, PLACE(w, BOB, SIDE_BUY, "1", "100",
		.flags = ORDER_POST_ONLY));
	REFUSED(WOULD_TAKE, PLACE(w, BOB, SIDE_SELL, "1", "99",
		.flags = ORDER_POST_ONLY));
	DONE(PLACE(w, BOB, SIDE_BUY, "1", "99.99", .flags = ORDER_POST_ONLY));
	STORY(w, "opened bob buy 1 at 99.99 holds 100.18998\n"
		 "level buy 99.99: 1\n");
	REFUSED(WOULD_TAKE, PLACE(w, CID, SIDE_SELL, "1", "99.99",
		.flags = ORDER_POST_ONLY));
	REFUSED(OFF_TICK, PLACE(w, CID, SIDE_SELL, "1", "99.995"));
	REFUSED(OFF_LOT, PLACE(w, CID, SIDE_SELL, "0.0005", "100"));
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: plain orders");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(exactly_enough_will_do);
	RULE(a_cancel_names_an_order_not_its_place);
	RULE(a_cancel_says_what_was_filled_before);
	RULE(books_at_one_price_are_apart);
	RULE(the_last_of_many_instruments_is_as_the_first);
	RULE(each_is_paid_his_own);
	RULE(a_far_price_leaves_nothing_behind);
	RULE(at_the_touch_is_not_beside_it);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
