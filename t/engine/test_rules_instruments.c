/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_rules_instruments.c - instruments and assets: terms, halts, delistings.
 */
#include "world.h"

#include "base/decimal.h"

/* ---- Instruments --------------------------------------------------------- */

/* What one change of sound terms makes of them. */
static const struct {
	const char *why;
	size_t offset, size;
	int64_t value;
} bad_terms[] = {
#define TERM(why, field, value)                                                \
	{why, offsetof(struct instrument_terms, field),                        \
		sizeof(((struct instrument_terms *)0)->field), value}
	TERM("a number was left out", instrument, 2),
	TERM("base and quote are one", base, USD),
	TERM("no such asset", base, 9),
	TERM("no such asset", quote, 9),
	TERM("the base never changes", base, EUR),
	TERM("the fee is in the quote asset", fee_asset, BTC),
	TERM("no symbol", symbol[0], 0),
	TERM("no tick", tick, 0),
	TERM("a negative tick", tick, -1000000),
	TERM("no lot", lot, 0),
	TERM("a negative lot", lot, -100000),
	TERM("tick x lot is not exact", lot, 10),
	TERM("tick x lot is too large", tick, INT64_MAX / 100000 + 1),
	TERM("a negative minimum", min_notional, -1),
	TERM("a rate above 10 %", maker_rate, 100001),
	TERM("a rate above 10 %", taker_rate, 100001),
	TERM("a band upside down", band_low, 1),
	TERM("no collar", collar, 0),
	TERM("a collar of all", collar, 1000000),
	TERM("no such status", status, MARKET_DELISTED + 1),
};

START_TEST(terms_are_checked)
{
	struct world *w = world_new(_i % N_SUBJECTS);
	size_t row = (size_t)_i / N_SUBJECTS;
	struct instrument_terms good = w->terms;

	memcpy((char *)&w->terms + bad_terms[row].offset,
		&bad_terms[row].value, bad_terms[row].size);
	ck_assert_msg(set_terms(w) == REFUSED_BAD_TERMS, "%s",
		bad_terms[row].why);
	w->terms = good;
	memset(w->terms.symbol, 'x', sizeof(w->terms.symbol));
	REFUSED(BAD_TERMS, set_terms(w));
	w->terms = good;
	DONE(set_terms(w));
	world_free(w);
}
END_TEST

START_TEST(terms_while_orders_rest)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_BUY, "1", "100");
	/* A tick only gets finer, by a whole part; a lot stays. */
	w->terms.tick = units("0.02");
	REFUSED(BAD_TERMS, set_terms(w));
	w->terms.tick = units("0.003");
	REFUSED(BAD_TERMS, set_terms(w));
	w->terms.tick = units("0.005");
	DONE(set_terms(w));
	w->terms.lot = units("0.002");
	REFUSED(BAD_TERMS, set_terms(w));
	DONE(PLACE(w, BOB, SIDE_BUY, "1", "100.005"));
	w->terms.lot = units("0.001");
	/* Priority is by price, whatever the tick was then. */
	PLACED(w, CID, SIDE_SELL, "2", "99.995");
	STORY(w, "opened cid sell 2 at 99.995 holds 2\n"
		 "trade 1 at 100.005: bob made 0.100005, cid took 0.20001\n"
		 "closed bob buy filled 1 of 1\n"
		 "level buy 100.005: 0\n"
		 "trade 1 at 100: ann made 0.1, cid took 0.2\n"
		 "closed ann buy filled 1 of 1\n"
		 "level buy 100: 0\n"
		 "closed cid sell filled 2 of 2\n");
	/* None rests any more. */
	w->terms.tick = units("0.1");
	w->terms.lot = units("0.5");
	DONE(set_terms(w));
	REFUSED(OFF_TICK, PLACE(w, ANN, SIDE_BUY, "1", "100.05"));
	REFUSED(OFF_LOT, PLACE(w, ANN, SIDE_BUY, "1.1", "100.1"));
	world_free(w);
}
END_TEST

START_TEST(the_last_price_outlives_a_tick)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_BUY, "1", "100.07");
	PLACED(w, BOB, SIDE_SELL, "1", "100.07");
	w->terms.tick = units("1");
	w->terms.band_low = 1000000;
	w->terms.band_high = 1000000;
	DONE(set_terms(w));
	ck_assert_int_eq(w->subject->last_price(w->it, BTC_USD),
		units("100.07"));
	/* The band is around what was traded, so that 100 is outside of it. */
	REFUSED(OUT_OF_BAND, PLACE(w, ANN, SIDE_BUY, "1", "100"));
	world_free(w);
}
END_TEST

START_TEST(a_halt_lets_orders_be_cancelled)
{
	struct world *w = world_new(_i);
	struct ident id = PLACED(w, ANN, SIDE_BUY, "1", "100");
	uint8_t status;

	for (status = MARKET_HALTED; status <= MARKET_CANCEL_ONLY; status++) {
		w->terms.status = status;
		DONE(set_terms(w));
		STORY(w, "INSTRUMENT\n");
		REFUSED(NOT_TRADING, PLACE(w, BOB, SIDE_SELL, "1", "100"));
		REFUSED(NOT_TRADING, amend(w, ANN, id, "0.5", NULL));
	}
	DONE(cancel(w, ANN, id));
	w->terms.status = MARKET_TRADING;
	DONE(set_terms(w));
	DONE(PLACE(w, BOB, SIDE_SELL, "1", "100"));
	world_free(w);
}
END_TEST

START_TEST(a_delisting_cancels_what_rests)
{
	struct world *w = world_new(_i);

	PLACED(w, ANN, SIDE_SELL, "1", "102");
	PLACED(w, BOB, SIDE_BUY, "1", "99");
	PLACED(w, CID, SIDE_BUY, "1", "100");
	PLACED(w, DAN, SIDE_BUY, "1", "99");
	PLACED(w, ANN, SIDE_SELL, "1", "101");
	w->terms.status = MARKET_DELISTED;
	DONE(set_terms(w));
	STORY(w, "INSTRUMENT\n"
		 "closed cid buy operator 0 of 1\n"
		 "level buy 100: 0\n"
		 "closed bob buy operator 0 of 1\n"
		 "level buy 99: 1\n"
		 "closed dan buy operator 0 of 1\n"
		 "level buy 99: 0\n"
		 "closed ann sell operator 0 of 1\n"
		 "level sell 101: 0\n"
		 "closed ann sell operator 0 of 1\n"
		 "level sell 102: 0\n");
	HAS(w, ANN, BTC, "100", "0");
	/* For good. */
	REFUSED(NOT_TRADING, PLACE(w, ANN, SIDE_BUY, "1", "100"));
	w->terms.status = MARKET_TRADING;
	REFUSED(BAD_TERMS, set_terms(w));
	world_free(w);
}
END_TEST

/* N sells of one lot each. */
static void
many_sells(struct world *w, uint32_t user, uint16_t instrument, int n)
{
	char price[DECIMAL_TEXT_MAX];
	int i;

	for (i = 0; i < n; i++) {
		int64_t at = units("100") + units("0.01") * (i % 100);

		decimal_format((struct decimal){at}, 0, price);
		DONE(PLACE(w, user, SIDE_SELL, "0.001", price,
			.instrument = instrument));
	}
}

static void
check_open(struct world *w, uint64_t want, bool due)
{
	ck_assert_uint_eq(w->subject->open_orders(w->it), want);
	ck_assert_int_eq(w->subject->deadline_us(w->it),
		due ? w->subject->time_us(w->it) : INT64_MAX);
}

/*
 * A record holds some thousands of cancels.  What a delisting has left over
 * is due at once, in the ticks that follow.
 */
START_TEST(a_large_delisting_goes_on_in_ticks)
{
	static const struct engine_options options = {
		.users = 64,
		.orders = 20000,
		.client_ids = 16,
		.client_ids_user = 16,
		.intents = 16,
		.sessions = 16,
		.withdrawals = 16,
		.limits = 1024,
		.open_orders_user = CANCELS_MAX,
	};
	struct world *w = world_with(_i, &options);
	struct cmd_tick tick = {.head = {.user = USER_HOUSE}};

	many_sells(w, ANN, BTC_USD, 3000);
	many_sells(w, BOB, BTC_USD, 2000);
	check_open(w, 5000, false);
	w->terms.status = MARKET_DELISTED;
	DONE(set_terms(w));
	check_open(w, 1000, true);

	w->terms.instrument = 1;
	w->terms.base = EUR;
	w->terms.status = MARKET_TRADING;
	DONE(set_terms(w));
	DONE(deposit(w, BOB, EUR, units("100"), IDENT_NONE));
	DONE(deposit(w, CID, EUR, units("100"), IDENT_NONE));
	DONE(deposit(w, DAN, EUR, units("100"), IDENT_NONE));
	many_sells(w, BOB, 1, 500);
	many_sells(w, CID, 1, 4000);
	many_sells(w, DAN, 1, 4000);
	w->terms.status = MARKET_DELISTED;
	DONE(set_terms(w));
	check_open(w, 1000 + 4500, true);
	DONE(apply(w, CMD_TICK, USER_HOUSE, &tick, sizeof(tick)));
	check_open(w, 4500, true); /* one instrument at a time */
	DONE(apply(w, CMD_TICK, USER_HOUSE, &tick, sizeof(tick)));
	check_open(w, 500, true);
	DONE(apply(w, CMD_TICK, USER_HOUSE, &tick, sizeof(tick)));
	check_open(w, 0, false);
	HAS(w, ANN, BTC, "100", "0");
	HAS(w, BOB, EUR, "100", "0");
	world_free(w);
}
END_TEST

START_TEST(assets_are_dense)
{
	struct world *w = world_new(_i);

	REFUSED(UNKNOWN_ASSET, APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = 4, .code = "X"}));
	REFUSED(BAD_COMMAND, APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = 3, .code = ""}));
	REFUSED(BAD_COMMAND, APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = 3, .code = "123456789012"}));
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = 3, .code = "12345678901"}));
	DONE(APPLY(w, CMD_ASSET_SET, 0,
		(struct cmd_asset_set){.asset = 3, .code = "X"}));
	DONE(APPLY(w, CMD_TICK, 0, (struct cmd_tick){.head = {.user = 0}}));
	STORY(w, "");
	world_free(w);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine rules: instruments");
	TCase *t = tcase_create("rules");

#define RULE(name) tcase_add_loop_test(t, name, 0, N_SUBJECTS)
	tcase_add_loop_test(t, terms_are_checked, 0,
		(int)N_ELEMENTS(bad_terms) * N_SUBJECTS);
	RULE(terms_while_orders_rest);
	RULE(the_last_price_outlives_a_tick);
	RULE(a_halt_lets_orders_be_cancelled);
	RULE(a_delisting_cancels_what_rests);
	RULE(a_large_delisting_goes_on_in_ticks);
	RULE(assets_are_dense);
	tcase_set_timeout(t, 60);
	suite_add_tcase(s, t);
	return s;
}
