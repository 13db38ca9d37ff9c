/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_position.c - what a position is worth.
 */
#include <string.h>

#include "domain/position.h"
#include "t/harness/suite.h"

#define NONE INT64_MIN

/* In units of 10^-8, as they are stored. */
static const struct {
	const char *what;
	int64_t quantity, cost, bought, bought_quote, realised, last;
	int64_t shown, entry, current, unrealised, pnl, percent;
} cases[] = {
	{"one at 100, now 110", 100000000, 10000000000, 100000000, 10000000000,
		0, 11000000000, 100000000, 10000000000, 11000000000,
		1000000000, 1000000000, 1000000000},
	/* 3 for 1000 in all: 333.33333333 each. */
	{"a third", 300000000, 100000000000, 300000000, 100000000000, 0,
		33333333333, 300000000, 33333333333, 33333333333, -1, -1,
		/* a little below nothing is rounded down, too */
		-1},
	/* Bought 2 for 20, sold one for 13: 3 realised, the other at 9. */
	{"half is sold", 100000000, 1000000000, 200000000, 2000000000,
		300000000, 900000000, 100000000, 1000000000, 900000000,
		-100000000, 200000000, 1000000000},
	{"closed with a gain", 0, 0, 200000000, 2000000000, 300000000, NONE,
		200000000, 1000000000, 1150000000, 0, 300000000, 1500000000},
	{"closed with a loss", 0, 0, 300000000, 1000000000, -1000000000, NONE,
		300000000, 333333333, 0, 0, -1000000000, -10000000000},
	/* A coin of 10^-8, all of whose cost was rounded away. */
	{"next to nothing", 1, 0, 100000000, 10000000000, -5, 10000000000, 1, 0,
		10000000000, 100, 95, 95},
	{"nothing was paid", 1, 0, 1, 0, 0, 100000000, 1, 0, 100000000, 1, 1,
		NONE},
	/* 10^-8 of a coin for all the money that there can be. */
	{"a price that is no decimal", 1, INT64_MAX, 1, INT64_MAX, 0, 1, 1,
		NONE, 1, -INT64_MAX, -INT64_MAX, -10000000000},
};

START_TEST(a_value)
{
	const struct position_sums sums = {
		{cases[_i].quantity},
		{cases[_i].cost},
		{cases[_i].bought},
		{cases[_i].bought_quote},
		{cases[_i].realised},
	};
	struct position_value value;

#define IS(got, want)                                                          \
	ck_assert_msg((got) == (want), "%s: " #got " is %lld, not %lld",       \
		cases[_i].what, (long long)(got), (long long)(want))
	position_reckon(&sums, (struct decimal){cases[_i].last}, &value);
	IS(value.quantity.units, cases[_i].shown);
	IS(value.entry_price.units, cases[_i].entry);
	IS(value.current_price.units, cases[_i].current);
	IS(value.realised, cases[_i].realised);
	IS(value.unrealised, cases[_i].unrealised);
	IS(value.pnl, cases[_i].pnl);
	IS(value.has_percent, cases[_i].percent != NONE);
	if (value.has_percent)
		IS(value.percent, cases[_i].percent);
}
END_TEST

/* The largest of everything: sums in 128 bits do not wrap. */
START_TEST(beyond_64_bits)
{
	const struct position_sums sums = {{INT64_MAX}, {INT64_MAX},
		{INT64_MAX}, {1}, {INT64_MAX}};
	struct position_value value;
	char text[DECIMAL_SUM_TEXT_MAX];

	position_reckon(&sums, (struct decimal){INT64_MAX}, &value);
	/* 9223372036854775807^2 / 10^8, less and plus 9223372036854775807. */
	decimal_format_sum(value.pnl, 0, text);
	ck_assert_str_eq(text, "8507059173023461584739.69077842");
	/* 10^10 times that is beyond 128 bits as well. */
	ck_assert(!value.has_percent);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("position");
	TCase *tc = tcase_create("value");

	tcase_add_loop_test(tc, a_value, 0,
		(int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, beyond_64_bits);
	suite_add_tcase(s, tc);
	return s;
}
