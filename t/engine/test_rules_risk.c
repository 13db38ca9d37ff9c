/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_risk.c - equity, the day's loss and the drawdown: who is watched,
 * when he may only reduce, and until when.
 *
 * Everybody has 10,000 USD and 100 BTC.  Bob's last trade price is what Ann's
 * BTC are worth.
 */
#include "world.h"

#include "base/decimal.h"

#define DAY (INT64_C(24) * 3600 * 1000000)
#define DAILY_LOSS(w, value)                                                   \
	limit_set((w), ANN, INSTRUMENT_ANY, LIMIT_DAILY_LOSS, units(value))
#define DRAWDOWN(w, value)                                                     \
	limit_set((w), ANN, INSTRUMENT_ANY, LIMIT_DRAWDOWN, units(value))

static enum refusal
reduce(struct world *w, bool reduce_only)
{
	return user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_REDUCE, .reduce_only = reduce_only});
}

START_TEST(a_watch_begins_and_ends_with_its_limits)
{
	struct world *w = world_new(_i);
	const struct ev_risk *e;

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	STORY(w, "LIMIT\n"
		 "risk ann 20000 of 20000, 20000\n");
	e = event(w, EV_RISK, 0);
	ck_assert_int_eq(e->day, w->now / DAY);
	ck_assert_uint_eq(e->watched, 1);
	/* A limit that merely changes, or a second one, says nothing. */
	trade_at(w, "101");
	DONE(DAILY_LOSS(w, "900"));
	STORY(w, "LIMIT\n");
	DONE(DRAWDOWN(w, "0.5"));
	STORY(w, "LIMIT\n");
	DONE(DAILY_LOSS(w, "0"));
	STORY(w, "LIMIT\n");
	DONE(DRAWDOWN(w, "0"));
	STORY(w, "LIMIT\n"
		 "risk ann unwatched\n");
	e = event(w, EV_RISK, 0);
	ck_assert_int_eq(e->equity | e->peak | e->day_equity | e->day, 0);
	DONE(DRAWDOWN(w, "0"));
	STORY(w, "LIMIT\n");
	/* Others do not make one. */
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_POSITION_VALUE, 1));
	STORY(w, "LIMIT\n");
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	REFUSED(BAD_COMMAND, limit_set(w, ANN, BTC_USD, LIMIT_DAILY_LOSS, 1));
	REFUSED(BAD_COMMAND, limit_set(w, ANN, BTC_USD, LIMIT_DRAWDOWN, 1));
	REFUSED(BAD_COMMAND,
		limit_set(w, ANN, BTC_USD, LIMIT_POSITION_VALUE, 1));
	REFUSED(BAD_AMOUNT, DRAWDOWN(w, "1.00000001"));
	REFUSED(BAD_AMOUNT, DRAWDOWN(w, "-1"));
	DONE(DRAWDOWN(w, "1"));
	world_free(w);
}
END_TEST

START_TEST(equity_is_all_at_the_last_price)
{
	struct world *w = world_new(_i);
	struct instrument_terms terms = w->terms;

	DONE(deposit(w, ANN, EUR, 3, IDENT_NONE));
	DONE(withdraw(w, ANN, USD, units("1"), intent_at(w, 0, 1)));
	PLACED(w, ANN, SIDE_SELL, "1", "200");
	/* What is held is there; BTC has no price yet. */
	DONE(DAILY_LOSS(w, "1"));
	STORY(w, "LIMIT\nrisk ann 10000 of 10000, 10000\n");
	DONE(reference_price(w, "50"));
	DONE(asset_rate(w, BTC, "1"));
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 15000 of 15000, 10000\n");
	DONE(asset_rate(w, EUR, "0.5")); /* of 3 units: 1.5 */
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 15000.00000001 of 15000.00000001, 10000\n");
	trade_at(w, "60");
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 16000.00000001 of 16000.00000001, 10000\n");
	/* Without money of account all is nothing, and nobody loses. */
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = USD, .code = "ABC"}));
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "10"));
	ck_assert_uint_eq(w->record->n_events, 2);
	/* Another asset may be it. */
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = EUR, .code = "USD"}));
	DONE(asset_rate(w, USD, "3"));
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 30100.00000003 of 30100.00000003, 10000\n");
	/* The first book of an asset, that is not delisted, says its price. */
	terms.instrument = 1;
	terms.base = USD;
	terms.quote = terms.fee_asset = EUR;
	DONE(APPLY(w, CMD_INSTRUMENT_SET, 0,
		(struct cmd_instrument_set){.terms = terms}));
	DONE(APPLY(w, CMD_REFERENCE_PRICE, 0, (struct cmd_reference_price){
		.instrument = 1, .price = units("4")}));
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 40100.00000003 of 40100.00000003, 10000\n");
	world_free(w);
}
END_TEST

START_TEST(a_loss_ends_buying_for_the_day)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "90.01");
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "50"));
	trade_at(w, "90");
	/* Nothing has looked yet: the order itself is refused, and no more. */
	REFUSED(DAILY_LOSS, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 19000 of 20000, 20000\n"
		 "user ann epoch 1 role 0 reduce-only by risk\n");
	ck_assert_uint_eq(w->subject->user(w->it, ANN).reduce_only,
		REDUCE_RISK);
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "0", "50"));
	REFUSED(REDUCE_ONLY, PAIR(w, ANN, SIDE_BUY, "1", "50", "120"));
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "250"));
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	/* Better prices do not help; the next day does, */
	trade_at(w, "200");
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	trade_at(w, "95");
	w->now += DAY;
	/* from its first command on, with a new peak. */
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "50"));
	STORY(w, "opened ann buy 1 at 50 holds 50.1\n"
		 "level buy 50: 2\n"
		 "risk ann 19500 of 19500, 19500\n"
		 "user ann epoch 1 role 0\n");
	world_free(w);
}
END_TEST

START_TEST(a_drawdown_is_from_the_peak)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DRAWDOWN(w, "0.25"));
	trade_at(w, "300");
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "400"));
	STORY(w, "opened ann sell 1 at 400 holds 1\n"
		 "level sell 400: 1\n"
		 "risk ann 40000 of 40000, 20000\n");
	/* A new day keeps the peak. */
	w->now += DAY;
	trade_at(w, "200.01");
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 30001 of 40000, 30001\n");
	trade_at(w, "200");
	REFUSED(DRAWDOWN, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	/* The day's loss is named first. */
	DONE(DAILY_LOSS(w, "1"));
	REFUSED(DAILY_LOSS, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	DONE(DAILY_LOSS(w, "2"));
	REFUSED(DRAWDOWN, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	DONE(PLACE(w, ANN, SIDE_SELL, "1", "400"));
	STORY(w, "opened ann sell 1 at 400 holds 1\n"
		 "level sell 400: 2\n"
		 "risk ann 30000 of 40000, 30001\n"
		 "user ann epoch 1 role 0 reduce-only by risk\n");
	/* The next day begins with a new peak. */
	w->now += DAY;
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 30000 of 30000, 30000\n"
		 "user ann epoch 1 role 0\n");
	world_free(w);
}
END_TEST

/* The day's first look is that of an order, too: on a copy. */
START_TEST(an_order_begins_the_day_for_itself)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "50");
	REFUSED(DAILY_LOSS, PLACE(w, ANN, SIDE_BUY, "1", "40"));
	w->now += DAY;
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_BUY, "1000", "40"));
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "40"));
	STORY(w, "opened ann buy 1 at 40 holds 40.08\n"
		 "level buy 40: 1\n"
		 "risk ann 15000 of 20000, 15000\n");
	world_free(w);
}
END_TEST

START_TEST(money_that_comes_is_no_gain)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DRAWDOWN(w, "0.5"));
	trade_at(w, "75");
	DONE(deposit(w, ANN, USD, units("17500"), IDENT_NONE));
	/* 17,500 of a peak of 20,000; with as much again, of 40,000. */
	STORY(w, "posting ann 17500 USD, has 27500 and 0 held\n"
		 "posting world -17500 USD, has -57500\n"
		 "risk ann 35000 of 40000, 37500\n");
	DONE(correct(w, ANN, USD, -units("17500")));
	STORY(w, "posting ann -17500 USD, has 10000 and 0 held\n"
		 "posting corrections 17500 USD, has 17500\n"
		 "risk ann 17500 of 20000, 20000\n");
	/* What is held for a withdrawal is gone when it is paid. */
	DONE(withdraw(w, ANN, USD, units("8750"), intent_at(w, 0, 1)));
	ck_assert_uint_eq(w->record->n_events, 2);
	DONE(withdraw_end(w, CMD_WITHDRAW_PAY, ANN, intent_at(w, -1, 1),
		IDENT_NONE));
	STORY(w, "withdrawal of ann 8750 USD paid\n"
		 "posting ann -8750 USD, has 1250 and 0 held\n"
		 "posting world 8750 USD, has -48750\n"
		 "risk ann 8750 of 10000, 11250\n");
	/* Of what is worth nothing: no change, nothing said. */
	DONE(deposit(w, ANN, EUR, units("5"), IDENT_NONE));
	ck_assert_uint_eq(w->record->n_events, 2);
	world_free(w);
}
END_TEST

START_TEST(from_nothing_the_peak_is_what_came)
{
	struct world *w = world_new(_i);

	DONE(APPLY(w, CMD_USER_CREATE, EVE,
		(struct cmd_user_create){.role = ROLE_USER}));
	DONE(limit_set(w, EVE, INSTRUMENT_ANY, LIMIT_DRAWDOWN, units("0.5")));
	STORY(w, "LIMIT\nrisk eve 0 of 0, 0\n");
	DONE(deposit(w, EVE, USD, units("10"), IDENT_NONE));
	STORY(w, "posting eve 10 USD, has 10 and 0 held\n"
		 "posting world -10 USD, has -40010\n"
		 "risk eve 10 of 10, 10\n");
	DONE(correct(w, EVE, USD, -units("10")));
	STORY(w, "posting eve -10 USD, has 0 and 0 held\n"
		 "posting corrections 10 USD, has 10\n"
		 "risk eve 0 of 0, 0\n");
	world_free(w);
}
END_TEST

START_TEST(a_stop_that_fires_is_looked_at)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	PLACED(w, ANN, SIDE_BUY, "1", .type = TYPE_TAKE_PROFIT, .stop = "95");
	PLACED(w, ANN, SIDE_SELL, "1", .type = TYPE_STOP_LOSS, .stop = "90");
	trade_at(w, "90");
	/* In breach it may not buy; and then he may only reduce. */
	DONE(tick(w));
	STORY(w, "triggered ann buy at 90 holds 99.9495\n"
		 "closed ann buy remainder 0 of 1\n"
		 "risk ann 19000 of 20000, 20000\n"
		 "user ann epoch 1 role 0 reduce-only by risk\n");
	DONE(tick(w));
	STORY(w, "triggered ann sell at 90 holds 1\n"
		 "closed ann sell remainder 0 of 1\n");
	DONE(reduce(w, false));
	PLACED(w, ANN, SIDE_BUY, "1", .type = TYPE_TAKE_PROFIT, .stop = "85");
	PLACED(w, BOB, SIDE_SELL, "1", "91");
	trade_at(w, "80");
	DONE(tick(w));
	STORY(w, "triggered ann buy at 80 holds 89.4285\n"
		 "closed ann buy risk 0 of 1\n"
		 "risk ann 18000 of 19000, 19000\n"
		 "user ann epoch 1 role 0 reduce-only by risk\n");
	world_free(w);
}
END_TEST

START_TEST(an_operator_s_word_is_stronger)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	DONE(reduce(w, true));
	STORY(w, "user ann epoch 1 role 0 reduce-only\n");
	trade_at(w, "80");
	/* A loss changes nothing of it, nor does the next day. */
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	w->now += DAY;
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 18000 of 20000, 18000\n");
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	trade_at(w, "60");
	/* Lifted, it begins anew. */
	DONE(reduce(w, false));
	STORY(w, "user ann epoch 1 role 0\n"
		 "risk ann 16000 of 16000, 16000\n");
	DONE(PLACE(w, ANN, SIDE_BUY, "1", "50"));
	/* So is what risk did, the day it did. */
	trade_at(w, "50.01");
	trade_at(w, "50.01");
	DONE(DAILY_LOSS(w, "1"));
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann 15001 of 16000, 16000\n"
		 "user ann epoch 1 role 0 reduce-only by risk\n");
	DONE(user_set(w, ANN, (struct cmd_user_set){
		.change = USER_CHANGE_REDUCE | USER_CHANGE_LOCK, .locked = 1}));
	STORY(w, "user ann epoch 2 role 0 locked\n"
		 "risk ann 15001 of 15001, 15001\n"
		 "closed ann buy lock 0 of 1\n"
		 "level buy 50: 0\n");
	world_free(w);
}
END_TEST

/* Who was made to reduce stays so when the limit is lifted, for the day. */
START_TEST(a_watch_outlives_its_limits_while_it_reduces)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "90");
	DONE(risk_check(w, ANN));
	DONE(DAILY_LOSS(w, "0"));
	STORY(w, "LIMIT\n");
	REFUSED(REDUCE_ONLY, PLACE(w, ANN, SIDE_BUY, "1", "50"));
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	w->now += DAY;
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann unwatched\n"
		 "user ann epoch 1 role 0\n");

	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "80");
	DONE(risk_check(w, ANN));
	DONE(DAILY_LOSS(w, "0"));
	DONE(reduce(w, false));
	STORY(w, "user ann epoch 1 role 0\n"
		 "risk ann unwatched\n");
	/* Unwatched, a lift says nothing of risk. */
	DONE(reduce(w, false));
	STORY(w, "user ann epoch 1 role 0\n");
	world_free(w);
}
END_TEST

/* What an operator takes over is watched until one looks on another day. */
START_TEST(a_watch_ends_by_its_own_limits_alone)
{
	struct world *w = world_new(_i);

	trade_at(w, "100");
	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "90");
	DONE(risk_check(w, ANN));
	DONE(DAILY_LOSS(w, "0"));
	DONE(reduce(w, true));
	STORY(w, "user ann epoch 1 role 0 reduce-only\n");
	DONE(limit_set(w, ANN, INSTRUMENT_ANY, LIMIT_POSITION_VALUE, 5));
	STORY(w, "LIMIT\n");
	REFUSED(NO_CHANGE, risk_check(w, ANN));
	w->now += DAY;
	DONE(risk_check(w, ANN));
	STORY(w, "risk ann unwatched\n");
	ck_assert_uint_eq(w->subject->user(w->it, ANN).reduce_only,
		REDUCE_OPERATOR);
	world_free(w);
}
END_TEST

START_TEST(what_is_refused_looks_at_nothing)
{
	struct world *w = world_new(_i);
	struct ident id;

	REFUSED(UNKNOWN_USER, risk_check(w, NOBODY));
	trade_at(w, "100");
	id = PLACED(w, ANN, SIDE_SELL, "1", "150");
	DONE(DAILY_LOSS(w, "1000"));
	trade_at(w, "110");
	REFUSED(NO_FUNDS, PLACE(w, ANN, SIDE_SELL, "1000", "120"));
	/* Nor do cancels; but amendments do, and pairs. */
	DONE(cancel_every(w, ANN, BTC_USD, SIDE_BUY, false));
	STORY(w, "");
	DONE(amend(w, ANN, id, NULL, "151"));
	STORY(w, "level sell 150: 0\n"
		 "amended ann sell 1 at 151, 0 filled, holds 1\n"
		 "level sell 151: 1\n"
		 "risk ann 21000 of 21000, 20000\n");
	trade_at(w, "111");
	DONE(amend(w, ANN, id, "0.5", NULL));
	STORY(w, "amended ann sell 0.5 at 151, 0 filled, holds 0.5, "
		 "kept its place\n"
		 "level sell 151: 0.5\n"
		 "risk ann 21100 of 21100, 20000\n");
	trade_at(w, "112");
	DONE(PAIR(w, ANN, SIDE_SELL, "1", "150", "50"));
	STORY(w, "opened ann sell 1 at 150 holds 1\n"
		 "waiting ann sell 1 stop 50 at market holds 0\n"
		 "level sell 150: 1\n"
		 "risk ann 21200 of 21200, 20000\n");
	/* The maker of a trade is not looked at. */
	PLACED(w, BOB, SIDE_BUY, "1", "150");
	STORY(w, "opened bob buy 1 at 150 holds 150.3\n"
		 "trade 1 at 150: ann made 0.15, bob took 0.3\n"
		 "closed ann sell oco 0 of 1\n"
		 "closed ann sell filled 1 of 1\n"
		 "level sell 150: 0\n"
		 "closed bob buy filled 1 of 1\n");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: risk");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	RULE(a_watch_begins_and_ends_with_its_limits);
	RULE(equity_is_all_at_the_last_price);
	RULE(a_loss_ends_buying_for_the_day);
	RULE(a_drawdown_is_from_the_peak);
	RULE(an_order_begins_the_day_for_itself);
	RULE(money_that_comes_is_no_gain);
	RULE(from_nothing_the_peak_is_what_came);
	RULE(a_stop_that_fires_is_looked_at);
	RULE(an_operator_s_word_is_stronger);
	RULE(a_watch_outlives_its_limits_while_it_reduces);
	RULE(a_watch_ends_by_its_own_limits_alone);
	RULE(what_is_refused_looks_at_nothing);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
