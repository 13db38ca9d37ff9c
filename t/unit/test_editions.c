/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_editions.c - the same failure in five spellings, and tables that hold.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/session.h"
#include "handlers/editions.h"
#include "http/router.h"
#include "t/harness/suite.h"

#define NOW INT64_C(1736856000500000) /* 2025-01-14T12:00:00.5Z */

static struct ctx ctx;

static void
setup(void)
{
	ctx = (struct ctx){.arena = arena_new(), .now_us = NOW};
}

static void
teardown(void)
{
	arena_free(ctx.arena);
}

static const char *
render(const struct edition *edition, enum status status, int *http)
{
	struct outcome outcome = outcome_of(edition, &ctx, status);
	struct reply reply;

	reply_init(&reply, ctx.arena, edition->numbers);
	edition->render_error(&ctx, status, &outcome, &reply);
	*http = outcome.http;
	return reply_text_of(&reply, NULL);
}

static const struct {
	const struct edition *edition;
	enum status status;
	struct fault fault;
	int http;
	const char *text;
} cases[] = {
	{&quantora, ST_NOT_FOUND, {0}, 404,
		"{\"success\":false,\"data\":null,\"error\":\"Not found\","
		"\"code\":\"NOT_FOUND\"}"},
	{&quantora, ST_INVALID, {.field = "price", .reason = "no price"}, 400,
		"{\"success\":false,\"data\":null,\"error\":\"no price\","
		"\"code\":\"VALIDATION_ERROR\"}"},
	{&interfaces, ST_NO_FUNDS, {0}, 400,
		"{\"error\":{\"code\":\"INSUFFICIENT_FUNDS\","
		"\"message\":\"Insufficient funds\",\"details\":{}}}"},
	{&quantenergx, ST_INVALID, {.field = "price", .reason = "no price"}, 400,
		"{\"error\":{\"code\":\"VALIDATION_ERROR\","
		"\"message\":\"no price\",\"details\":{\"field\":\"price\","
		"\"reason\":\"no price\"}}}"},
	{&amarktai, ST_UNAUTHENTICATED,
		{.kind = FAULT_MISSING, .field = FAULT_TOKEN, .reason = "x"},
		401,
		"{\"success\":false,\"error\":\"x\","
		"\"error_code\":\"AUTH_REQUIRED\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&amarktai, ST_UNAUTHENTICATED, {0}, 401,
		"{\"success\":false,\"error\":\"Invalid or expired token\","
		"\"error_code\":\"AUTH_INVALID\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&amarktai, ST_FORBIDDEN, {0}, 403,
		"{\"success\":false,\"error\":\"Not permitted\","
		"\"error_code\":\"PERMISSION_DENIED\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&botplatform, ST_UNAUTHENTICATED, {0}, 401,
		"{\"detail\":\"Invalid or expired token\","
		"\"code\":\"INVALID_TOKEN\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&botplatform, ST_MALFORMED, {.place = FAULT_BODY, .reason = "bad"},
		400,
		"{\"detail\":\"bad\",\"code\":\"BAD_REQUEST\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	/* what the document shows of a missing field, and of a quantity */
	{&botplatform, ST_INVALID,
		{.place = FAULT_BODY,
			.kind = FAULT_MISSING,
			.field = "price",
			.reason = "price is required"},
		422,
		"{\"detail\":[{\"loc\":[\"body\",\"price\"],"
		"\"msg\":\"field required\",\"type\":\"value_error.missing\"}],"
		"\"code\":\"VALIDATION_ERROR\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&botplatform, ST_INVALID,
		{.place = FAULT_QUERY, .kind = FAULT_TYPE, .field = "limit",
			.reason = "limit must be a whole number"},
		422,
		"{\"detail\":[{\"loc\":[\"query\",\"limit\"],"
		"\"msg\":\"limit must be a whole number\","
		"\"type\":\"type_error\"}],\"code\":\"VALIDATION_ERROR\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&botplatform, ST_INVALID,
		{.place = FAULT_BODY,
			.kind = FAULT_VALUE,
			.field = "quantity",
			.reason = "below the minimum"},
		400,
		"{\"detail\":\"below the minimum\","
		"\"code\":\"INVALID_QUANTITY\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
	{&botplatform, ST_INVALID,
		{.place = FAULT_BODY, .kind = FAULT_VALUE, .field = "price"},
		400,
		"{\"detail\":\"Invalid order price\","
		"\"code\":\"INVALID_PRICE\","
		"\"timestamp\":\"2025-01-14T12:00:00Z\"}"},
};

START_TEST(spells)
{
	const char *text;
	int http;

	ctx.fault = cases[_i].fault;
	text = render(cases[_i].edition, cases[_i].status, &http);
	ck_assert_int_eq(http, cases[_i].http);
	ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

START_TEST(every_failure_is_json_in_every_edition)
{
	const struct edition *const *edition;
	struct session session = {.user = 1};
	enum status status;
	json_t *value;
	int http;

	ctx.session = &session;
	for (edition = editions.editions; *edition; edition++)
		for (status = ST_MALFORMED; status < ST_N; status++) {
			const char *text = render(*edition, status, &http);

			ck_assert_int_eq(json_read(&ctx, text, strlen(text),
						 &value),
				ST_OK);
			ck_assert_int_ge(http, 400);
		}
}
END_TEST

START_TEST(the_tables_hold)
{
	char *reason = NULL;
	struct router *router = router_new(&editions, &reason);

	ck_assert_msg(router != NULL, "%s", reason);
	router_free(router);
}
END_TEST

/* A command is checked by the core itself, for an ordinary user, and no more. */
static void
check_row(const struct edition *edition, const struct route *route, void *arg)
{
	unsigned need = route->auth & AUTH_ROLE;

	(void)arg;
	if (route->flags & ROUTE_COMMAND)
		ck_assert_msg(route->auth == AUTH_USER, "%s", route->path);
	ck_assert_msg(!(route->auth & AUTH_OTP) || need != AUTH_NONE, "%s",
		route->path);
	ck_assert_msg(need == AUTH_NONE || route->rate == RATE_NONE ||
			edition->limits[route->rate],
		"%s has no budget", route->path);
	ck_assert_msg(!(route->flags & ROUTE_MAY_LOGIN) || need == AUTH_NONE,
		"%s", route->path);
}

START_TEST(rows_are_sound)
{
	editions_each(&editions, check_row, NULL);
}
END_TEST

/* Budgets are told apart by their numbers alone. */
START_TEST(budgets_have_their_own_numbers)
{
	const struct edition *const *a, *const *b;

	for (a = editions.editions; *a; a++)
		for (b = editions.editions; *b; b++)
			if ((*a)->limits[RATE_READ]->id ==
				(*b)->limits[RATE_READ]->id)
				ck_assert_ptr_eq((*a)->limits[RATE_READ],
					(*b)->limits[RATE_READ]);
	for (a = editions.editions; *a; a++)
		ck_assert_ptr_eq((*a)->limits[RATE_TRADE], &trade_limit);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("editions");
	TCase *c = tcase_create("editions");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, spells, 0, N_ELEMENTS(cases));
	tcase_add_test(c, every_failure_is_json_in_every_edition);
	tcase_add_test(c, the_tables_hold);
	tcase_add_test(c, rows_are_sound);
	tcase_add_test(c, budgets_have_their_own_numbers);
	suite_add_tcase(s, c);
	return s;
}
