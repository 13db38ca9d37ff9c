/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules.c - how limit orders meet: priority, fees, holds, time in force,
 * self-trade prevention.
 *
 * Each rule is asked of the engine and of the naive one; see world.h for who
 * is there and how a story is written.
 */
#include "world.h"

#include "base/decimal.h"

/* ---- Priority ------------------------------------------------------------ */

START_TEST(an_order_rests)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_BUY, "2", "100");
	/* 200 and the dearer fee, 0.2 %, are set aside. */
	STORY(w, "opened ann buy 2 at 100 holds 200.4\n"
		 "level buy 100: 2\n");
	HAS(w, ANN, USD, "9799.6", "200.4");

	PLACED(w, BOB, SIDE_SELL, "3", "101");
	STORY(w, "opened bob sell 3 at 101 holds 3\n"
		 "level sell 101: 3\n");
	HAS(w, BOB, BTC, "97", "3");
	world_free(w);
}
END_TEST

START_TEST(the_better_price_is_first)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "101");
	PLACED(w, BOB, SIDE_SELL, "1", "100");
	PLACED(w, CID, SIDE_SELL, "1", "102");
	PLACED(w, DAN, SIDE_BUY, "3", "101.5");
	STORY(w, "opened dan buy 3 at 101.5 holds 305.109\n"
		 "trade 1 at 100: bob made 0.1, dan took 0.2\n"
		 "closed bob sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "trade 1 at 101: ann made 0.101, dan took 0.202\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 101: 0\n"
		 "level buy 101.5: 1\n");
	world_free(w);
}
END_TEST

START_TEST(at_one_price_the_earlier_is_first)
{
	struct world *w = world_new(_i);

	PLACED(w, BOB, SIDE_BUY, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "1", "100");
	PLACED(w, CID, SIDE_BUY, "1", "100");
	PLACED(w, DAN, SIDE_SELL, "2", "99");
	/* The price is the maker's. */
	STORY(w, "opened dan sell 2 at 99 holds 2\n"
		 "trade 1 at 100: bob made 0.1, dan took 0.2\n"
		 "closed bob buy filled 1 of 1\n"
		 "trade 1 at 100: ann made 0.1, dan took 0.2\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 100: 1\n"
		 "closed dan sell filled 2 of 2\n");
	world_free(w);
}
END_TEST

START_TEST(a_maker_filled_in_part_stays_first)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "2", "100");
	PLACED(w, BOB, SIDE_SELL, "2", "100");
	PLACED(w, CID, SIDE_BUY, "0.5", "100");
	STORY(w, "opened cid buy 0.5 at 100 holds 50.1\n"
		 "trade 0.5 at 100: ann made 0.05, cid took 0.1\n"
		 "level sell 100: 3.5\n"
		 "closed cid buy filled 0.5 of 0.5\n");
	PLACED(w, CID, SIDE_BUY, "2", "100");
	STORY(w, "opened cid buy 2 at 100 holds 200.4\n"
		 "trade 1.5 at 100: ann made 0.15, cid took 0.3\n"
		 "closed ann sell filled 2 of 2\n"
		 "trade 0.5 at 100: bob made 0.05, cid took 0.1\n"
		 "level sell 100: 1.5\n"
		 "closed cid buy filled 2 of 2\n");
	world_free(w);
}
END_TEST

/* ---- Money --------------------------------------------------------------- */

START_TEST(a_trade_moves_five_legs)
{
	struct world *w = world_new(_i);
	const struct ev_trade *t;

	PLACED(w, ANN, SIDE_SELL, "2", "100");
	PLACED(w, BOB, SIDE_BUY, "1", "100");
	/* Ann: +100 - 0.1.  Bob: -100 - 0.2.  The house: +0.3. */
	HAS(w, ANN, USD, "10099.9", "0");
	HAS(w, ANN, BTC, "98", "1");
	HAS(w, BOB, USD, "9899.8", "0");
	HAS(w, BOB, BTC, "101", "0");
	ck_assert_int_eq(w->subject->house(w->it, ACCOUNT_FEES, USD),
		units("0.3"));

	t = event(w, EV_TRADE, 0);
	ck_assert_int_eq(t->head.user, BOB);
	ck_assert_int_eq(t->taker_side, SIDE_BUY);
	ck_assert_int_eq(t->base, BTC);
	ck_assert_int_eq(t->quote_asset, USD);
	ck_assert_int_eq(t->quote, units("100"));
	ck_assert_int_eq(t->fees_after, units("0.3"));
	ck_assert_int_eq(t->maker.user, ANN);
	ck_assert_int_eq(t->maker.left, units("1"));
	ck_assert_int_eq(t->maker.base_after.held, units("1"));
	ck_assert_int_eq(t->maker.quote_after.available, units("10099.9"));
	ck_assert_int_eq(t->taker.left, 0);
	ck_assert_int_eq(t->taker.base_after.available, units("101"));
	ck_assert_int_eq(t->taker.quote_after.available, units("9899.8"));
	ck_assert_int_eq(t->taker.quote_after.held, 0);
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD), units("100"));
	ck_assert_uint_eq(w->subject->trades(w->it), 1);
	world_free(w);
}
END_TEST

START_TEST(a_better_price_frees_the_hold)
{
	struct world *w = world_new(_i);
	const struct ev_trade *t;

	PLACED(w, ANN, SIDE_SELL, "1", "90");
	PLACED(w, BOB, SIDE_BUY, "2", "100");
	STORY(w, "opened bob buy 2 at 100 holds 200.4\n"
		 "trade 1 at 90: ann made 0.09, bob took 0.18\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 90: 0\n"
		 "level buy 100: 1\n");
	/* One is open: 100 and 0.2.  Paid are 90.18; the rest is back. */
	HAS(w, BOB, USD, "9809.62", "100.2");
	t = event(w, EV_TRADE, 0);
	ck_assert_int_eq(t->taker.quote_after.available, units("9809.62"));
	ck_assert_int_eq(t->taker.quote_after.held, units("100.2"));
	world_free(w);
}
END_TEST

/*
 * Fees are rounded up over running sums, not per fill.  A rate of 0.0333 %
 * on three fills of 0.01 USD (1,000,000 units): owed are 333 units after the
 * first, 666 after the second, 999 after the third.  With 1,000,001-unit
 * fills they would be 333.000333: 334, 667 (666.000666), 1000 (999.000999),
 * so that the fills pay 334, 333, 333.
 */
START_TEST(fees_round_up_over_running_sums)
{
	struct world *w = world_new(_i);
	int fill;

	w->terms.tick = 1;
	w->terms.lot = DECIMAL_ONE;
	w->terms.maker_rate = 333;
	w->terms.taker_rate = 333;
	DONE(set_terms(w));
	PLACED(w, ANN, SIDE_SELL, "3", "0.01000001");
	for (fill = 0; fill < 3; fill++) {
		static const int64_t owed[] = {334, 667, 1000};
		const struct ev_trade *t;

		PLACED(w, BOB, SIDE_BUY, "1", "0.01000001");
		t = event(w, EV_TRADE, 0);
		ck_assert_int_eq(t->quote, 1000001);
		ck_assert_int_eq(t->maker.fees, owed[fill]);
		ck_assert_int_eq(t->maker.fee, fill == 0 ? 334 : 333);
		ck_assert_int_eq(t->taker.fee, 334); /* an order each */
	}
	ck_assert_int_eq(w->subject->house(w->it, ACCOUNT_FEES, USD),
		1000 + 3 * 334);
	world_free(w);
}
END_TEST

/*
 * An order that first takes and then makes pays both rates, and rounds up
 * once.  7 % and 3 % of fills of 10 and 15 units: 0.7 -> 1, 0.7 + 0.45 = 1.15
 * -> 2.
 */
START_TEST(an_order_may_take_and_make)
{
	struct world *w = world_new(_i);
	const struct ev_trade *t;

	w->terms.tick = 1;
	w->terms.lot = DECIMAL_ONE;
	w->terms.taker_rate = 70000;
	w->terms.maker_rate = 30000;
	DONE(set_terms(w));
	PLACED(w, ANN, SIDE_SELL, "2", "0.00000005");
	PLACED(w, BOB, SIDE_BUY, "5", "0.00000005");
	t = event(w, EV_TRADE, 0);
	ck_assert_int_eq(t->taker.fee, 1);
	/* 3 are open: 15 + ceil(0.7 + 1.05) - 1 paid. */
	ck_assert_int_eq(t->taker.quote_after.held, 16);
	PLACED(w, CID, SIDE_SELL, "3", "0.00000005");
	t = event(w, EV_TRADE, 0);
	ck_assert_int_eq(t->maker.fee, 1);
	ck_assert_int_eq(t->maker.fees, 2);
	ck_assert_int_eq(t->maker.quote, 25);
	ck_assert_int_eq(t->maker.quote_after.held, 0);
	world_free(w);
}
END_TEST

START_TEST(an_order_keeps_the_rates_of_its_acceptance)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_SELL, "2", "100");

	w->terms.maker_rate = 5000;
	w->terms.taker_rate = 0;
	DONE(set_terms(w));
	PLACED(w, BOB, SIDE_BUY, "1", "100");
	STORY(w, "opened bob buy 1 at 100 holds 100.5\n"
		 "trade 1 at 100: ann made 0.1, bob took 0\n"
		 "level sell 100: 1\n"
		 "closed bob buy filled 1 of 1\n");
	/* Nor does an amendment change them. */
	DONE(amend(w, ANN, id, "2", "101"));
	PLACED(w, BOB, SIDE_BUY, "1", "101");
	STORY(w, "opened bob buy 1 at 101 holds 101.505\n"
		 "trade 1 at 101: ann made 0.101, bob took 0\n"
		 "closed ann sell filled 2 of 2\n"
		 "level sell 101: 0\n"
		 "closed bob buy filled 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(what_is_held_cannot_be_used_twice)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "60", "100");
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_SELL, "40.001", "100"));
	DONE(PLACE(w, ANN, SIDE_SELL, "40", "100"));
	HAS(w, ANN, BTC, "0", "100");

	/* 10,000 pay 99.8 at 100 with the fee of 0.2 %: 9999.96. */
	REFUSED(NO_FUNDS, PLACE(w, BOB, SIDE_BUY, "99.801", "100"));
	DONE(PLACE(w, BOB, SIDE_BUY, "99.8", "99.99"));
	world_free(w);
}
END_TEST

/* ---- Time in force ------------------------------------------------------- */

START_TEST(ioc_cancels_what_does_not_fill)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_BUY, "3", "100", .tif = TIF_IOC);
	STORY(w, "opened bob buy 3 at 100 holds 300.6\n"
		 "trade 1 at 100: ann made 0.1, bob took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "closed bob buy remainder 1 of 3\n");
	HAS(w, BOB, USD, "9899.8", "0");
	PLACED(w, BOB, SIDE_BUY, "3", "100", .tif = TIF_IOC);
	STORY(w, "opened bob buy 3 at 100 holds 300.6\n"
		 "closed bob buy remainder 0 of 3\n");
	world_free(w);
}
END_TEST

START_TEST(fok_fills_wholly_or_not_at_all)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_SELL, "1", "101");
	PLACED(w, CID, SIDE_BUY, "2.001", "101", .tif = TIF_FOK);
	STORY(w, "opened cid buy 2.001 at 101 holds 202.505202\n"
		 "closed cid buy unfillable 0 of 2.001\n");
	PLACED(w, CID, SIDE_BUY, "2", "100.99", .tif = TIF_FOK);
	STORY(w, "opened cid buy 2 at 100.99 holds 202.38396\n"
		 "closed cid buy unfillable 0 of 2\n");
	HAS(w, CID, USD, "10000", "0");
	PLACED(w, CID, SIDE_BUY, "1.5", "101", .tif = TIF_FOK);
	STORY(w, "opened cid buy 1.5 at 101 holds 151.803\n"
		 "trade 1 at 100: ann made 0.1, cid took 0.2\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 100: 0\n"
		 "trade 0.5 at 101: bob made 0.0505, cid took 0.101\n"
		 "level sell 101: 0.5\n"
		 "closed cid buy filled 1.5 of 1.5\n");
	world_free(w);
}
END_TEST

/* How a FOK order counts orders of its own user that are in its way. */
static const struct {
	enum stp stp;
	const char *quantity;
	const char *end; /* of the story */
} fok_own[] = {
	/* Bob has 1 at 100, Cid himself 1 at 100 behind it, Dan 1 at 101. */
	{STP_TAKER, "1", "closed cid buy filled 1 of 1\n"},
	{STP_TAKER, "2", "closed cid buy unfillable 0 of 2\n"},
	{STP_BOTH, "2", "closed cid buy unfillable 0 of 2\n"},
	{STP_MAKER, "2", "closed cid buy filled 2 of 2\n"},
	{STP_MAKER, "2.5", "closed cid buy unfillable 0 of 2.5\n"},
	{STP_NONE, "3", "closed cid buy filled 3 of 3\n"},
};

START_TEST(fok_counts_own_orders_as_they_would_be_treated)
{
	struct world *w = world_new(_i % N_SUBJECTS);
	size_t row = (size_t)_i / N_SUBJECTS;
	const struct ev_order_closed *closed;
	bool fills = strstr(fok_own[row].end, "filled") != NULL;
	unsigned makers = 0;

	PLACED(w, BOB, SIDE_SELL, "1", "100");
	PLACED(w, CID, SIDE_SELL, "1", "100");
	PLACED(w, DAN, SIDE_SELL, "1", "101");
	PLACED(w, CID, SIDE_BUY, fok_own[row].quantity, "101", .tif = TIF_FOK,
		.stp = fok_own[row].stp);
	do
		closed = event(w, EV_ORDER_CLOSED, makers++);
	while (closed->head.user != CID || closed->side != SIDE_BUY);
	ck_assert_int_eq(closed->status, fills ? ORDER_FILLED
					       : ORDER_CANCELLED);
	ck_assert_int_eq(closed->reason, fills ? CLOSE_FILLED
					       : CLOSE_UNFILLABLE);
	ck_assert_int_eq(closed->quantity, units(fok_own[row].quantity));
	ck_assert_int_eq(closed->filled, fills ? closed->quantity : 0);
	ck_assert_int_eq(w->record->n_events > 2, fills);
	world_free(w);
}
END_TEST

START_TEST(post_only_never_takes)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	REFUSED(WOULD_TAKE, PLACE(w, BOB, SIDE_BUY, "1", "100",
		.flags = ORDER_POST_ONLY));
	/* Not even its own order. */
	REFUSED(WOULD_TAKE, PLACE(w, ANN, SIDE_BUY, "1", "100",
		.flags = ORDER_POST_ONLY));
	DONE(PLACE(w, BOB, SIDE_BUY, "1", "99.99", .flags = ORDER_POST_ONLY));
	REFUSED(WOULD_TAKE, PLACE(w, CID, SIDE_SELL, "1", "99.99",
		.flags = ORDER_POST_ONLY));
	/* It only makes sense for an order that may rest. */
	REFUSED(BAD_FLAGS, PLACE(w, BOB, SIDE_BUY, "1", "99",
		.flags = ORDER_POST_ONLY, .tif = TIF_IOC));
	REFUSED(BAD_FLAGS, PLACE(w, BOB, SIDE_BUY, "1",
		.flags = ORDER_POST_ONLY));
	REFUSED(BAD_FLAGS, PLACE(w, BOB, SIDE_BUY, "1", "99", .flags = 2));
	world_free(w);
}
END_TEST

/* ---- Self-trade prevention ----------------------------------------------- */

/* Ann has 1 at 100, Bob 1 at 100 behind her; Ann buys 2 at 100. */
static const struct {
	enum stp stp;
	const char *story;
} self_trades[] = {
	{STP_TAKER, "opened ann buy 2 at 100 holds 200.4\n"
		    "closed ann buy self-trade 0 of 2\n"},
	{STP_MAKER, "opened ann buy 2 at 100 holds 200.4\n"
		    "closed ann sell self-trade 0 of 1\n"
		    "trade 1 at 100: bob made 0.1, ann took 0.2\n"
		    "closed bob sell filled 1 of 1\n"
		    "level sell 100: 0\n"
		    "level buy 100: 1\n"},
	{STP_BOTH, "opened ann buy 2 at 100 holds 200.4\n"
		   "closed ann sell self-trade 0 of 1\n"
		   "level sell 100: 1\n"
		   "closed ann buy self-trade 0 of 2\n"},
	{STP_NONE, "opened ann buy 2 at 100 holds 200.4\n"
		   "trade 1 at 100: ann made 0.1, ann took 0.2\n"
		   "closed ann sell filled 1 of 1\n"
		   "trade 1 at 100: bob made 0.1, ann took 0.2\n"
		   "closed bob sell filled 1 of 1\n"
		   "level sell 100: 0\n"
		   "closed ann buy filled 2 of 2\n"},
};

START_TEST(an_order_that_meets_its_own)
{
	struct world *w = world_new(_i % N_SUBJECTS);
	size_t row = (size_t)_i / N_SUBJECTS;

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "2", "100", .stp = self_trades[row].stp);
	STORY(w, self_trades[row].story);
	world_free(w);
}
END_TEST

START_TEST(a_trade_with_oneself_costs_the_fees)
{
	struct world *w = world_new(_i);
	const struct ev_trade *t;

	PLACED(w, ANN, SIDE_SELL, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "1", "100", .stp = STP_NONE);
	t = event(w, EV_TRADE, 0);
	/* Both sides show the same balance: that after the trade. */
	ck_assert_mem_eq(&t->maker.quote_after, &t->taker.quote_after,
		sizeof(struct balance));
	ck_assert_mem_eq(&t->maker.base_after, &t->taker.base_after,
		sizeof(struct balance));
	HAS(w, ANN, USD, "9999.7", "0");
	HAS(w, ANN, BTC, "100", "0");
	world_free(w);
}
END_TEST

START_TEST(it_trades_before_it_meets_its_own)
{
	struct world *w = world_new(_i);

	PLACED(w, BOB, SIDE_BUY, "1", "101");
	PLACED(w, BOB, SIDE_BUY, "1", "100");
	PLACED(w, ANN, SIDE_BUY, "1", "100");
	PLACED(w, ANN, SIDE_SELL, "5", "100", .stp = STP_TAKER);
	STORY(w, "opened ann sell 5 at 100 holds 5\n"
		 "trade 1 at 101: bob made 0.101, ann took 0.202\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 101: 0\n"
		 "trade 1 at 100: bob made 0.1, ann took 0.2\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 100: 1\n"
		 "closed ann sell self-trade 2 of 5\n");
	HAS(w, ANN, BTC, "98", "0");
	world_free(w);
}
END_TEST

/* ---- Bounds -------------------------------------------------------------- */

/* 1,001 sells of one lot, at one price or each at its own. */
static void
many_sells(struct world *w, bool apart)
{
	char price[DECIMAL_TEXT_MAX];
	int i;

	for (i = 0; i <= FILLS_MAX; i++) {
		int64_t at = units("100") + (apart ? i * units("0.01") : 0);

		decimal_format((struct decimal){at}, 0, price);
		PLACED(w, ANN, SIDE_SELL, "0.001", price);
	}
}

static void
check_last_closed(struct world *w, unsigned before, enum close_reason reason,
	const char *filled)
{
	const struct ev_order_closed *closed =
		event(w, EV_ORDER_CLOSED, before);

	ck_assert_int_eq(closed->reason, reason);
	ck_assert_int_eq(closed->filled, units(filled));
}

START_TEST(a_command_fills_a_thousand_times)
{
	struct world *w = world_new(_i % N_SUBJECTS);
	bool apart = _i / N_SUBJECTS;

	many_sells(w, apart);
	PLACED(w, BOB, SIDE_BUY, "2", "120");
	event(w, EV_TRADE, FILLS_MAX - 1);
	check_last_closed(w, FILLS_MAX, CLOSE_FILL_LIMIT, "1");
	ck_assert_uint_eq(w->subject->open_orders(w->it), 1);
	ck_assert_uint_le(w->record->length, RECORD_MAX_BYTES);
	world_free(w);
}
END_TEST

START_TEST(a_thousand_fills_and_no_more_to_meet)
{
	struct world *w = world_new(_i);

	/* Each at its own price, 100 to 109.99, and one at 110. */
	many_sells(w, true);
	PLACED(w, BOB, SIDE_BUY, "2", "109.99");
	event(w, EV_TRADE, FILLS_MAX - 1);
	/* It does not cross any more, so that it may rest. */
	ck_assert_uint_eq(w->subject->open_orders(w->it), 2);
	world_free(w);
}
END_TEST

START_TEST(fok_counts_a_thousand)
{
	struct world *w = world_new(_i);

	many_sells(w, false);
	PLACED(w, BOB, SIDE_BUY, "1.001", "120", .tif = TIF_FOK);
	check_last_closed(w, 0, CLOSE_UNFILLABLE, "0");
	PLACED(w, BOB, SIDE_BUY, "1", "120", .tif = TIF_FOK);
	check_last_closed(w, FILLS_MAX, CLOSE_FILLED, "1");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: limit orders");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
#define RULE_TABLE(name, rows)                                                 \
	tcase_add_loop_test(t, name, 0, (int)N_ELEMENTS(rows) * N_SUBJECTS)
	RULE(an_order_rests);
	RULE(the_better_price_is_first);
	RULE(at_one_price_the_earlier_is_first);
	RULE(a_maker_filled_in_part_stays_first);
	RULE(a_trade_moves_five_legs);
	RULE(a_better_price_frees_the_hold);
	RULE(fees_round_up_over_running_sums);
	RULE(an_order_may_take_and_make);
	RULE(an_order_keeps_the_rates_of_its_acceptance);
	RULE(what_is_held_cannot_be_used_twice);
	RULE(ioc_cancels_what_does_not_fill);
	RULE(fok_fills_wholly_or_not_at_all);
	RULE_TABLE(fok_counts_own_orders_as_they_would_be_treated, fok_own);
	RULE(post_only_never_takes);
	RULE_TABLE(an_order_that_meets_its_own, self_trades);
	RULE(a_trade_with_oneself_costs_the_fees);
	RULE(it_trades_before_it_meets_its_own);
	tcase_add_loop_test(t, a_command_fills_a_thousand_times, 0,
		2 * N_SUBJECTS);
	RULE(a_thousand_fills_and_no_more_to_meet);
	RULE(fok_counts_a_thousand);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
