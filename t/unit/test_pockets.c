/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_pockets.c - what the demo market's robots own, as events tell it.
 */
#include <string.h>

#include "t/harness/suite.h"
#include "work/pockets.h"

#define USD 0
#define BTC 4
#define BTC_USD 7
#define MAKER_USER 40
#define TAKER_USER 41

static struct pockets pockets;

static void
setup(void)
{
	pockets = (struct pockets){.users = {MAKER_USER, TAKER_USER, 42, 43}};
	pockets_instrument(&pockets,
		&(struct instrument_terms){.instrument = BTC_USD,
			.base = BTC,
			.quote = USD,
			.symbol = "BTC/USD"});
}

#define HEAD(name, struct_, user_)                                             \
	.head = {sizeof(struct struct_), EV_##name, user_}

static void
hear_bid(uint32_t user, int64_t available, int64_t held)
{
	pockets_event(&pockets,
		&(struct ev_order_opened){HEAD(ORDER_OPENED, ev_order_opened,
						  user),
			.instrument = BTC_USD,
			.side = SIDE_BUY,
			.after = {available, held}}
			 .head);
}

START_TEST(learns_the_codes)
{
	ck_assert_str_eq(pockets.codes[BTC], "BTC");
	ck_assert_str_eq(pockets.codes[USD], "USD");
	/* What is not of the form BASE/QUOTE says nothing. */
	pockets_instrument(&pockets,
		&(struct instrument_terms){.instrument = 8,
			.base = 5,
			.quote = 6,
			.symbol = "INDEX"});
	ck_assert_str_eq(pockets.codes[5], "");
	ck_assert(!pockets.pairs[8].known);
}
END_TEST

START_TEST(holds_tell_the_balance)
{
	const struct pocket *usd = &pockets.of[0][USD];

	ck_assert(!usd->known);
	hear_bid(MAKER_USER, 70, 30);
	ck_assert(usd->known);
	ck_assert_int_eq(usd->balance.available, 70);
	ck_assert_int_eq(usd->balance.held, 30);
	ck_assert(!pockets.of[0][BTC].known);
	pockets_event(&pockets,
		&(struct ev_order_closed){HEAD(ORDER_CLOSED, ev_order_closed,
						  MAKER_USER),
			.instrument = BTC_USD,
			.side = SIDE_SELL,
			.after = {5, 0}}
			 .head);
	ck_assert_int_eq(pockets.of[0][BTC].balance.available, 5);
	/* A stranger's balance is not ours, nor is an instrument we know not. */
	hear_bid(99, 1, 1);
	pockets_event(&pockets,
		&(struct ev_order_amended){HEAD(ORDER_AMENDED,
						   ev_order_amended,
						   MAKER_USER),
			.instrument = BTC_USD + 1,
			.after = {1, 1}}
			 .head);
	ck_assert_int_eq(usd->balance.available, 70);
}
END_TEST

START_TEST(trades_tell_both_sides)
{
	pockets_event(&pockets,
		&(struct ev_trade){HEAD(TRADE, ev_trade, TAKER_USER),
			.instrument = BTC_USD,
			.base = BTC,
			.quote_asset = USD,
			.maker = {.user = MAKER_USER,
				.base_after = {1, 2},
				.quote_after = {3, 4}},
			.taker = {.user = TAKER_USER,
				.base_after = {5, 6},
				.quote_after = {7, 8}}}
			 .head);
	ck_assert_int_eq(pockets.of[0][BTC].balance.held, 2);
	ck_assert_int_eq(pockets.of[0][USD].balance.available, 3);
	ck_assert_int_eq(pockets.of[1][BTC].balance.available, 5);
	ck_assert_int_eq(pockets.of[1][USD].balance.held, 8);
}
END_TEST

START_TEST(leans)
{
	int64_t means = demo_means(0, "USD");

	ck_assert_int_gt(means, 0);
	ck_assert_int_eq(demo_means(1, "USD"), means / 4);
	ck_assert_int_eq(demo_means(0, "DOGE"), 0);
	/* Not known: as if all were well. */
	ck_assert_int_eq(pockets_lean(&pockets, 0, USD), 0);
	hear_bid(MAKER_USER, means / 2, means / 2);
	ck_assert_int_eq(pockets_lean(&pockets, 0, USD), 0);
	hear_bid(MAKER_USER, means / 2, 0);
	ck_assert_int_eq(pockets_lean(&pockets, 0, USD), -PER_MILLION / 2);
	hear_bid(MAKER_USER, 0, 0);
	ck_assert_int_eq(pockets_lean(&pockets, 0, USD), -PER_MILLION);
	hear_bid(MAKER_USER, INT64_MAX, INT64_MAX);
	ck_assert_int_eq(pockets_lean(&pockets, 0, USD), PER_MILLION);
}
END_TEST

/* A deposit only for who was refused for it, and has less than half. */
START_TEST(finds_who_is_empty)
{
	int64_t means = demo_means(0, "USD");
	unsigned robot = 9;
	uint16_t asset = 9;

	ck_assert(!pockets_find_empty(&pockets, &robot, &asset));
	hear_bid(MAKER_USER, 0, 0);
	ck_assert(!pockets_find_empty(&pockets, &robot, &asset));
	pockets_short(&pockets, 0, BTC_USD, SIDE_BUY);
	ck_assert(pockets_find_empty(&pockets, &robot, &asset));
	ck_assert_uint_eq(robot, 0);
	ck_assert_uint_eq(asset, USD);
	/* Once for each time. */
	ck_assert(!pockets_find_empty(&pockets, &robot, &asset));
	/* Refused, but all of it is only held. */
	hear_bid(MAKER_USER, 0, means);
	pockets_short(&pockets, 0, BTC_USD, SIDE_BUY);
	ck_assert(!pockets_find_empty(&pockets, &robot, &asset));
	/* Nothing is known of a taker's, but he was refused. */
	pockets_short(&pockets, 1, BTC_USD, SIDE_SELL);
	ck_assert(pockets_find_empty(&pockets, &robot, &asset));
	ck_assert_uint_eq(robot, 1);
	ck_assert_uint_eq(asset, BTC);
	pockets_short(&pockets, 1, BTC_USD, SIDE_SELL);
	pockets_forget(&pockets);
	ck_assert(!pockets_find_empty(&pockets, &robot, &asset));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("pockets");
	TCase *balances = tcase_create("balances");

	tcase_add_checked_fixture(balances, setup, NULL);
	tcase_add_test(balances, learns_the_codes);
	tcase_add_test(balances, holds_tell_the_balance);
	tcase_add_test(balances, trades_tell_both_sides);
	tcase_add_test(balances, leans);
	tcase_add_test(balances, finds_who_is_empty);
	suite_add_tcase(s, balances);
	return s;
}
