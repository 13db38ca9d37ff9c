/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_amend.c - how orders are cancelled and amended, and what their ids
 * say.
 */
#include "world.h"

#include "base/decimal.h"
#include "wire/ids.h"

/* ---- Cancels ------------------------------------------------------------- */

START_TEST(a_cancel_gives_the_hold_back)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");
	const struct ev_order_closed *closed;

	PLACED(w, BOB, SIDE_SELL, "0.5", "100");
	DONE(cancel(w, ANN, id));
	STORY(w, "closed ann buy cancelled 0.5 of 2\n"
		 "level buy 100: 0\n");
	closed = event(w, EV_ORDER_CLOSED, 0);
	ck_assert_int_eq(closed->quote, units("50"));
	ck_assert_int_eq(closed->fee, units("0.05"));
	ck_assert_int_eq(closed->after.available, units("9949.95"));
	ck_assert_int_eq(closed->after.held, 0);
	HAS(w, ANN, USD, "9949.95", "0");
	REFUSED(ORDER_ENDED, cancel(w, ANN, id));
	world_free(w);
}
END_TEST

START_TEST(an_order_is_its_owners_alone)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");
	struct ident other = id;

	REFUSED(UNKNOWN_ORDER, cancel(w, BOB, id));
	REFUSED(UNKNOWN_ORDER, amend(w, BOB, id, "1", NULL));
	REFUSED(UNKNOWN_USER, cancel(w, NOBODY, id));
	REFUSED(UNKNOWN_ORDER, cancel(w, ANN, intent_at(w, 0, 1)));
	REFUSED(UNKNOWN_ORDER, amend(w, ANN, IDENT_NONE, "1", NULL));
	/* An id of hers that names no order: of another time, then slot. */
	other.bytes[5] ^= 1;
	REFUSED(ORDER_ENDED, cancel(w, ANN, other));
	other = id;
	other.bytes[11] ^= 0x80;
	REFUSED(ORDER_ENDED, cancel(w, ANN, other));
	DONE(cancel(w, ANN, id));
	world_free(w);
}
END_TEST

START_TEST(an_id_says_what_it_names)
{
	struct world *w = world_new(_i);
	struct ident first = PLACED(w, ANN, SIDE_BUY, "1", "100"), second;
	struct order_name name;
	const struct ev_trade *t;

	ck_assert(order_ident_split(first, &name));
	ck_assert_uint_eq(name.time_ms, (uint64_t)w->now / 1000);
	ck_assert_uint_eq(name.seq, w->record->seq);
	ck_assert_uint_eq(name.user, ANN);
	ck_assert_uint_eq(name.slot, 1);
	second = PLACED(w, BOB, SIDE_BUY, "1", "99");
	ck_assert(order_ident_split(second, &name));
	ck_assert_uint_eq(name.slot, 2);
	/* The slot freed last is used next. */
	DONE(cancel(w, ANN, first));
	DONE(cancel(w, BOB, second));
	ck_assert(order_ident_split(PLACED(w, CID, SIDE_BUY, "1", "98"), &name));
	ck_assert_uint_eq(name.slot, 2);
	ck_assert(order_ident_split(PLACED(w, CID, SIDE_BUY, "1", "97"), &name));
	ck_assert_uint_eq(name.slot, 1);
	/* An order that never rests has one while it lives. */
	ck_assert(order_ident_split(PLACED(w, DAN, SIDE_SELL, "2", "97"),
		&name));
	ck_assert_uint_eq(name.slot, 3);

	t = event(w, EV_TRADE, 1);
	ck_assert(ident_equal(t->trade,
		trade_ident(w->now, w->record->seq, 1)));
	ck_assert(!order_ident_split(t->trade, &name));
	/* The makers' slots came back first, the taker's last. */
	ck_assert(order_ident_split(PLACED(w, ANN, SIDE_BUY, "1", "90"), &name));
	ck_assert_uint_eq(name.slot, 3);
	ck_assert(order_ident_split(PLACED(w, ANN, SIDE_BUY, "1", "90"), &name));
	ck_assert_uint_eq(name.slot, 1);
	world_free(w);
}
END_TEST

START_TEST(cancel_all_takes_the_newest_first)
{
	struct world *w = world_new(_i);
	struct ident first = PLACED(w, ANN, SIDE_BUY, "1", "97");

	PLACED(w, ANN, SIDE_SELL, "2", "105");
	PLACED(w, BOB, SIDE_BUY, "1", "98");
	PLACED(w, ANN, SIDE_BUY, "3", "98");
	/* An amendment does not make an order newer. */
	DONE(amend(w, ANN, first, "4", "98"));
	REFUSED(UNKNOWN_INSTRUMENT, cancel_every(w, ANN, 5, SIDE_BOTH, false));
	REFUSED(BAD_SIDE, cancel_every(w, ANN, BTC_USD, 3, false));
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_SELL, true));
	STORY(w, "closed ann sell operator 0 of 2\n"
		 "level sell 105: 0\n");
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	STORY(w, "closed ann buy cancelled 0 of 3\n"
		 "level buy 98: 5\n"
		 "closed ann buy cancelled 0 of 4\n"
		 "level buy 98: 1\n");
	HAS(w, ANN, USD, "10000", "0");
	DONE(cancel_every(w, ANN, INSTRUMENT_ANY, SIDE_BOTH, false));
	STORY(w, "");
	world_free(w);
}
END_TEST

/* ---- Amendments ---------------------------------------------------------- */

START_TEST(a_smaller_order_keeps_its_place)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "3", "100");

	PLACED(w, BOB, SIDE_BUY, "1", "100");
	DONE(amend(w, ANN, id, "2", NULL));
	STORY(w, "amended ann buy 2 at 100, 0 filled, holds 200.4, "
		 "kept its place\n"
		 "level buy 100: 3\n");
	HAS(w, ANN, USD, "9799.6", "200.4");
	PLACED(w, CID, SIDE_SELL, "1", "100");
	STORY(w, "opened cid sell 1 at 100 holds 1\n"
		 "trade 1 at 100: ann made 0.1, cid took 0.2\n"
		 "level buy 100: 2\n"
		 "closed cid sell filled 1 of 1\n");
	/* The total includes what is filled; the price may be repeated. */
	DONE(amend(w, ANN, id, "1.5", "100"));
	STORY(w, "amended ann buy 1.5 at 100, 1 filled, holds 50.1, "
		 "kept its place\n"
		 "level buy 100: 1.5\n");
	world_free(w);
}
END_TEST

START_TEST(a_larger_order_goes_to_the_end)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "1", "100");

	PLACED(w, BOB, SIDE_BUY, "1", "100");
	DONE(amend(w, ANN, id, "2", NULL));
	STORY(w, "level buy 100: 1\n"
		 "amended ann buy 2 at 100, 0 filled, holds 200.4\n"
		 "level buy 100: 3\n");
	PLACED(w, CID, SIDE_SELL, "1", "100");
	STORY(w, "opened cid sell 1 at 100 holds 1\n"
		 "trade 1 at 100: bob made 0.1, cid took 0.2\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 100: 2\n"
		 "closed cid sell filled 1 of 1\n");
	world_free(w);
}
END_TEST

START_TEST(a_new_price_may_trade)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");

	PLACED(w, BOB, SIDE_SELL, "1", "100");
	PLACED(w, BOB, SIDE_SELL, "0.5", "102");
	/* One is open: 103 and ceil(0.1 + 0.206) - 0.1 of fees. */
	DONE(amend(w, ANN, id, NULL, "103"));
	STORY(w, "level buy 100: 0\n"
		 "amended ann buy 2 at 103, 1 filled, holds 103.206\n"
		 "trade 0.5 at 102: bob made 0.051, ann took 0.102\n"
		 "closed bob sell filled 0.5 of 0.5\n"
		 "level sell 102: 0\n"
		 "level buy 103: 0.5\n");
	/* It is the same order, still. */
	DONE(cancel(w, ANN, id));
	STORY(w, "closed ann buy cancelled 1.5 of 2\n"
		 "level buy 103: 0\n");
	HAS(w, ANN, USD, "9848.798", "0");
	world_free(w);
}
END_TEST

START_TEST(at_what_is_filled_it_ends)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "2", "100");
	const struct ev_order_closed *closed;

	PLACED(w, BOB, SIDE_SELL, "1", "100");
	/* Whatever the price. */
	DONE(amend(w, ANN, id, "1", "120"));
	STORY(w, "closed ann buy amended 1 of 1\n"
		 "level buy 100: 0\n");
	closed = event(w, EV_ORDER_CLOSED, 0);
	ck_assert_int_eq(closed->quote, units("100"));
	HAS(w, ANN, USD, "9899.9", "0");
	REFUSED(ORDER_ENDED, amend(w, ANN, id, "3", NULL));

	id = PLACED(w, ANN, SIDE_BUY, "2", "100");
	PLACED(w, BOB, SIDE_SELL, "1", "100");
	DONE(amend(w, ANN, id, "0.4", NULL));
	STORY(w, "closed ann buy amended 1 of 0.4\n"
		 "level buy 100: 0\n");
	world_free(w);
}
END_TEST

START_TEST(an_amendment_is_checked_again)
{
	struct world *w = world_new(_i);
	struct ident buy = PLACED(w, ANN, SIDE_BUY, "2", "100");
	struct ident post = PLACED(w, BOB, SIDE_SELL, "2", "110",
		.flags = ORDER_POST_ONLY);

	REFUSED(NO_CHANGE, amend(w, ANN, buy, NULL, NULL));
	REFUSED(NO_CHANGE, amend(w, ANN, buy, "2", "100"));
	REFUSED(OFF_TICK, amend(w, ANN, buy, NULL, "100.001"));
	REFUSED(OFF_LOT, amend(w, ANN, buy, "2.0001", NULL));
	REFUSED(BAD_PRICE, amend(w, ANN, buy, NULL, "-1"));
	REFUSED(BAD_QUANTITY, amend(w, ANN, buy, "-1", NULL));
	REFUSED(WOULD_TAKE, amend(w, BOB, post, NULL, "100"));
	/* 9,799.6 are free and 200.4 held: together enough for 99.8. */
	REFUSED(NO_FUNDS, amend(w, ANN, buy, "99.801", NULL));
	DONE(amend(w, ANN, buy, "99.8", NULL));
	HAS(w, ANN, USD, "0.04", "9999.96");

	w->terms.status = MARKET_HALTED;
	DONE(set_terms(w));
	REFUSED(NOT_TRADING, amend(w, ANN, buy, "1", NULL));
	DONE(cancel(w, ANN, buy));
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: cancels and amendments");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_cancel_gives_the_hold_back);
	RULE(an_order_is_its_owners_alone);
	RULE(an_id_says_what_it_names);
	RULE(cancel_all_takes_the_newest_first);
	RULE(a_smaller_order_keeps_its_place);
	RULE(a_larger_order_goes_to_the_end);
	RULE(a_new_price_may_trade);
	RULE(at_what_is_filled_it_ends);
	RULE(an_amendment_is_checked_again);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
