/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_risk.c - which limits the core gets of those that a user has.
 */
#include <string.h>

#include "domain/risk_core.h"
#include "t/harness/suite.h"
#include "wire/command.h"

#define ANY INSTRUMENT_ANY

struct row {
	enum risk_type type;
	uint16_t instrument;
	int64_t value;
	bool disabled;
};

#define ROWS_MAX 5
#define BOUNDS_MAX 4

/* What the rows are, and what becomes of them. */
static const struct {
	struct row rows[ROWS_MAX];
	size_t n;
	struct risk_bound want[BOUNDS_MAX];
	size_t n_want;
} cases[] = {
	{{{0}}, 0, {{0}}, 0},
	{{{RISK_DAILY_LOSS, ANY, 5 * DECIMAL_ONE, false}}, 1,
		{{LIMIT_DAILY_LOSS, ANY, 5 * DECIMAL_ONE}}, 1},
	/* A count is a count. */
	{{{RISK_OPEN_ORDERS, ANY, 5 * DECIMAL_ONE, false}}, 1,
		{{LIMIT_OPEN_ORDERS, ANY, 5}}, 1},
	/* The strictest of what is enabled. */
	{{{RISK_ORDER_SIZE, ANY, 50, false}, {RISK_ORDER_SIZE, ANY, 40, false},
		 {RISK_ORDER_SIZE, ANY, 30, true}}, 3,
		{{LIMIT_ORDER_SIZE, ANY, 40}}, 1},
	{{{RISK_ORDER_SIZE, ANY, 30, true}}, 1, {{0}}, 0},
	/* One of an instrument stands in the place of that for any. */
	{{{RISK_POSITION_SIZE, 3, 50, false},
		 {RISK_POSITION_SIZE, ANY, 40, false},
		 {RISK_POSITION_SIZE, 4, 30, false}}, 3,
		{{LIMIT_POSITION_SIZE, 3, 40}, {LIMIT_POSITION_SIZE, ANY, 40},
			{LIMIT_POSITION_SIZE, 4, 30}}, 3},
	/* Types do not mix, though they are of the same measure. */
	{{{RISK_POSITION_SIZE, ANY, 50, false},
		 {RISK_ORDER_SIZE, ANY, 40, false},
		 {RISK_POSITION_VALUE, ANY, 30, false},
		 {RISK_MAX_DRAWDOWN, ANY, 20, false}}, 4,
		{{LIMIT_POSITION_SIZE, ANY, 50}, {LIMIT_ORDER_SIZE, ANY, 40},
			{LIMIT_POSITION_VALUE, ANY, 30},
			{LIMIT_DRAWDOWN, ANY, 20}}, 4},
};

START_TEST(bounds)
{
	struct risk_limit limits[ROWS_MAX];
	struct risk_limits list = {limits, cases[_i].n};
	struct risk_bounds got;
	size_t i;

	for (i = 0; i < list.n; i++) {
		const struct row *row = &cases[_i].rows[i];

		limits[i] = (struct risk_limit){
			.type = row->type,
			.instrument = row->instrument,
			.value = {row->value},
			.enabled = !row->disabled,
		};
	}
	got = risk_bounds_of(&list);
	ck_assert_uint_eq(got.n, cases[_i].n_want);
	for (i = 0; i < got.n; i++) {
		ck_assert_uint_eq(got.rows[i].type, cases[_i].want[i].type);
		ck_assert_uint_eq(got.rows[i].instrument,
			cases[_i].want[i].instrument);
		ck_assert_int_eq(got.rows[i].value, cases[_i].want[i].value);
	}
}
END_TEST

START_TEST(as_many_as_there_can_be)
{
	struct risk_limit limits[RISK_ROWS_MAX];
	struct risk_limits list = {limits, RISK_ROWS_MAX};
	struct risk_bounds none = {.n = 0}, all;
	struct risk_steps steps;
	size_t i;

	for (i = 0; i < RISK_ROWS_MAX; i++)
		limits[i] = (struct risk_limit){.type = RISK_ORDER_SIZE,
			.instrument = (uint16_t)i,
			.value = {1},
			.enabled = true};
	all = risk_bounds_of(&list);
	ck_assert_uint_eq(all.n, RISK_ROWS_MAX);
	ck_assert_uint_eq(risk_steps_between(&none, &all).n, RISK_ROWS_MAX);
	/* All of them for as many others. */
	for (i = 0; i < RISK_ROWS_MAX; i++)
		limits[i].type = RISK_POSITION_SIZE;
	steps = risk_steps_between(&all, &(struct risk_bounds){.n = 0});
	ck_assert_uint_eq(steps.n, RISK_ROWS_MAX);
	none = risk_bounds_of(&list);
	steps = risk_steps_between(&all, &none);
	ck_assert_uint_eq(steps.n, 2 * RISK_ROWS_MAX);
	/* What is new is set before what is old is lifted. */
	ck_assert_int_eq(steps.rows[0].value, 1);
	ck_assert_int_eq(steps.rows[steps.n - 1].value, 0);
}
END_TEST

START_TEST(steps)
{
	struct risk_bounds before = {
		{{LIMIT_ORDER_SIZE, ANY, 5}, {LIMIT_ORDER_SIZE, 2, 4},
			{LIMIT_OPEN_ORDERS, ANY, 3}},
		3};
	struct risk_bounds after = {
		{{LIMIT_OPEN_ORDERS, ANY, 3}, {LIMIT_ORDER_SIZE, 2, 3}}, 2};
	struct risk_steps got = risk_steps_between(&before, &after);

	/* One changed, one went, and one is as it was. */
	ck_assert_uint_eq(got.n, 2);
	ck_assert_uint_eq(got.rows[0].instrument, 2);
	ck_assert_int_eq(got.rows[0].value, 3);
	ck_assert_uint_eq(got.rows[1].instrument, ANY);
	ck_assert_uint_eq(got.rows[1].type, LIMIT_ORDER_SIZE);
	ck_assert_int_eq(got.rows[1].value, 0);
	ck_assert_uint_eq(risk_steps_between(&after, &after).n, 0);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("risk");
	TCase *all = tcase_create("all");

	tcase_add_loop_test(all, bounds, 0, N_ELEMENTS(cases));
	tcase_add_test(all, as_many_as_there_can_be);
	tcase_add_test(all, steps);
	suite_add_tcase(s, all);
	return s;
}
