/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_door.c - who is let in, and with which words the others are not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/door.h"
#include "stream/ticket.h"
#include "stream/topic.h"
#include "t/harness/suite.h"
#include "t/unit/stream_kit.h"

static const struct ident session_a = {{1}};

static struct kit kit;

static void
setup(void)
{
	kit_begin(&kit);
	kit_market(&kit, 0, "BTC/USD");
	kit_market(&kit, 3, "ETH/USDT");
}

static void
teardown(void)
{
	kit_end(&kit);
}

/* ---- Addresses --------------------------------------------------------- */

static const struct {
	const char *path;
	const struct spelling *spelling; /* NULL: there is no such address */
	const char *symbol;
} paths[] = {
	{"/open", &kit_open_spelling, NULL},
	{"/open/", NULL, NULL},
	{"/Open", NULL, NULL},
	{"/ope", NULL, NULL},
	{"/openly", NULL, NULL},
	{"/", NULL, NULL},
	{"", NULL, NULL},
	{"/own", NULL, NULL},
	{"/own/", NULL, NULL},
	{"/own/BTCUSD", &kit_own_spelling, "BTCUSD"},
	{"/own/BTC/USD", &kit_own_spelling, "BTC/USD"},
	{"/own/{symbol}", &kit_own_spelling, "{symbol}"},
	{"/say", &kit_say_spelling, NULL},
};

START_TEST(paths_are_whole)
{
	const char *symbol = NULL;
	const struct spelling *found =
		door_find(kit.hub, paths[_i].path, &symbol);

	ck_assert_ptr_eq(found, paths[_i].spelling);
	if (found)
		ck_assert_pstr_eq(symbol, paths[_i].symbol);
}
END_TEST

/* ---- Origins ----------------------------------------------------------- */

static const struct {
	const char *origin, *scheme, *host, *allowed;
	bool ok;
} origins[] = {
	{NULL, NULL, NULL, "", true}, /* no browser */
	{"http://localhost:8000", "http", "localhost:8000", "", true},
	{"HTTP://LOCALHOST:8000", "http", "localhost:8000", "", true},
	{"https://localhost:8000", "http", "localhost:8000", "", false},
	{"http://localhost:8000", "https", "localhost:8000", "", false},
	{"http://localhost", "http", "localhost:8000", "", false},
	{"http://localhost:8001", "http", "localhost:8000", "", false},
	{"http://localhost:8000.evil.com", "http", "localhost:8000", "", false},
	{"http://evil.com", "http", "localhost:8000", "", false},
	{"http://localhost:8000", NULL, "localhost:8000", "", true},
	{"https://localhost:8000", NULL, "localhost:8000", "", true},
	{"ftp://localhost:8000", NULL, "localhost:8000", "", false},
	{"localhost:8000", NULL, "localhost:8000", "", false},
	{"null", "http", "localhost:8000", "https://a.com", false},
	{"", "http", "localhost:8000", "https://a.com", false},
	{"http://", "http", "", "", false},
	{"http://a.com", "http", NULL, "", false},
	{"https://a.com", "http", "h", "https://a.com", true},
	{"https://b.com", "http", "h", "https://a.com, https://b.com", true},
	{"https://b.com", "http", "h", "https://a.com https://b.com", true},
	{"https://b.co", "http", "h", "https://a.com,https://b.com", false},
	{"https://b.com.x", "http", "h", "https://a.com,https://b.com", false},
	{"https://a.com,https://b.com", "http", "h",
		"https://a.com,https://b.com", false},
	{" ", "http", "h", " , ", false},
};

START_TEST(origins_are_own_or_listed)
{
	ck_assert_int_eq(origin_allowed(origins[_i].origin, origins[_i].scheme,
				 origins[_i].host, origins[_i].allowed),
		origins[_i].ok);
}
END_TEST

/* ---- Whole requests ---------------------------------------------------- */

static const struct {
	struct knock knock;
	enum status status;
	const char *field; /* at fault */
	enum fault_place place;
	uint16_t market; /* with ST_OK */
} knocks[] = {
	{{.path = "/open"}, ST_OK, NULL, 0, 0},
	{{.path = "/open", .symbol = "ethusdt"}, ST_OK, NULL, 0, 3},
	{{.path = "/open", .symbol = "ETH-USDT"}, ST_OK, NULL, 0, 3},
	{{.path = "/open", .symbol = "DOGE/USD"}, ST_INVALID, "symbol",
		FAULT_QUERY, 0},
	{{.path = "/open", .symbol = ""}, ST_INVALID, "symbol", FAULT_QUERY, 0},
	{{.path = "/nowhere"}, ST_NOT_FOUND, NULL, 0, 0},
	{{.path = "/open", .origin = "https://evil.example"}, ST_FORBIDDEN,
		NULL, 0, 0},
	{{.path = "/open", .origin = "https://desk.example.com"}, ST_OK, NULL,
		0, 0},
	/* Of a public address a token is not even looked at. */
	{{.path = "/open", .token = "rubbish"}, ST_OK, NULL, 0, 0},
	{{.path = "/own/BTCUSD"}, ST_UNAUTHENTICATED, "Authorization",
		FAULT_HEADER, 0},
	{{.path = "/own/BTCUSD", .token = "rubbish"}, ST_UNAUTHENTICATED, NULL,
		0, 0},
	{{.path = "/own/BTCUSD", .ticket = "rubbish"}, ST_UNAUTHENTICATED, NULL,
		0, 0},
	{{.path = "/own/BTCUSD", .authorization = "Basic abc"},
		ST_UNAUTHENTICATED, NULL, 0, 0},
	{{.path = "/own/BTCUSD", .authorization = "Bearer"}, ST_UNAUTHENTICATED,
		NULL, 0, 0},
	{{.path = "/say"}, ST_OK, NULL, 0, UINT16_MAX},
};

START_TEST(requests_are_judged)
{
	struct ctx ctx = {.arena = arena_new()};
	struct admission admission;
	enum status status =
		door_open(kit.hub, &ctx, &knocks[_i].knock, &admission);

	ck_assert_int_eq(status, knocks[_i].status);
	ck_assert_pstr_eq(ctx.fault.field, knocks[_i].field);
	ck_assert_int_eq(ctx.fault.place, knocks[_i].place);
	if (status == ST_OK && knocks[_i].market == UINT16_MAX)
		ck_assert_ptr_null(admission.topic);
	else if (status == ST_OK)
		ck_assert_ptr_eq(admission.topic,
			topic_get(kit.hub, knocks[_i].market));
	arena_free(ctx.arena);
}
END_TEST

START_TEST(unknown_symbol_of_the_path)
{
	struct knock knock = {.path = "/own/DOGE", .symbol = "BTC/USD"};
	struct ctx ctx = {.arena = arena_new()};
	struct admission admission;

	knock.token = kit_token(&kit, 7, 1, session_a, TOKEN_ACCESS,
		US_PER_SECOND);
	ck_assert_int_eq(door_open(kit.hub, &ctx, &knock, &admission),
		ST_INVALID);
	ck_assert_int_eq(ctx.fault.place, FAULT_PATH);
	ck_assert_str_eq(ctx.fault.reason, "there is no such symbol");
	arena_free(ctx.arena);
}
END_TEST

START_TEST(the_house_is_full)
{
	struct listener *all = calloc(1001, sizeof(*all));
	size_t i;

	for (i = 0; i < 1000; i++)
		kit_listen(&kit, &all[i]);
	ck_assert_int_eq(
		kit_join(&kit, &all[1000], &(struct knock){.path = "/open"}),
		ST_UNAVAILABLE);
	kit_leave(&all[5]);
	kit_listen(&kit, &all[1000]);
	for (i = 0; i <= 1000; i++)
		kit_leave(&all[i]);
	free(all);
}
END_TEST

/* ---- Tokens and tickets ------------------------------------------------ */

static enum status
knock_with(const char *token, const char *ticket, const char *authorization)
{
	struct listener listener;
	enum status status = kit_join(&kit, &listener,
		&(struct knock){.path = "/own/BTCUSD",
			.token = token,
			.ticket = ticket,
			.authorization = authorization});

	kit.n_asked = 0;
	kit_leave(&listener);
	return status;
}

START_TEST(tokens_in_query_or_header)
{
	char header[TOKEN_TEXT_MAX + 16];
	const char *token = kit_token(&kit, 7, 1, session_a, TOKEN_ACCESS,
		60 * US_PER_SECOND);

	ck_assert_int_eq(knock_with(token, NULL, NULL), ST_OK);
	snprintf(header, sizeof(header), "Bearer %s", token);
	ck_assert_int_eq(knock_with(NULL, NULL, header), ST_OK);
	snprintf(header, sizeof(header), "bearer  %s", token);
	ck_assert_int_eq(knock_with(NULL, NULL, header), ST_OK);
	/* A token is no ticket. */
	ck_assert_int_eq(knock_with(NULL, token, NULL), ST_UNAUTHENTICATED);
	kit_wait(&kit, 61 * US_PER_SECOND);
	ck_assert_int_eq(knock_with(token, NULL, NULL), ST_UNAUTHENTICATED);
}
END_TEST

START_TEST(a_ticket_is_good_once)
{
	char first[TOKEN_TEXT_MAX];
	const char *second;

	snprintf(first, sizeof(first), "%s",
		kit_token(&kit, 7, 1, session_a, TOKEN_STREAM,
			30 * US_PER_SECOND));
	ck_assert_int_eq(knock_with(first, NULL, NULL), ST_UNAUTHENTICATED);
	ck_assert_int_eq(knock_with(NULL, first, NULL), ST_OK);
	ck_assert_int_eq(knock_with(NULL, first, NULL), ST_UNAUTHENTICATED);
	kit_wait(&kit, US_PER_SECOND);
	second = kit_token(&kit, 7, 1, session_a, TOKEN_STREAM,
		30 * US_PER_SECOND);
	ck_assert_int_eq(knock_with(NULL, second, NULL), ST_OK);
	ck_assert_int_eq(knock_with(NULL, second, NULL), ST_UNAUTHENTICATED);
	ck_assert_int_eq(knock_with(NULL, first, NULL), ST_UNAUTHENTICATED);
	kit_wait(&kit, 31 * US_PER_SECOND);
	ck_assert_int_eq(knock_with(NULL, second, NULL), ST_UNAUTHENTICATED);
}
END_TEST

/* What is remembered ends with the ticket, so it cannot grow for ever. */
START_TEST(used_tickets_are_forgotten_when_they_expire)
{
	struct tickets *tickets = tickets_new();
	char text[64];
	unsigned i;

	for (i = 0; i < 5000; i++) {
		snprintf(text, sizeof(text), "%043u", i);
		memmove(text, text + 21, 22); /* the part that tells them */
		ck_assert_int_eq(tickets_use(tickets, text, 43, i + 100, i),
			ST_OK);
		ck_assert_int_eq(tickets_use(tickets, text, 43, i + 100, i),
			ST_UNAUTHENTICATED);
	}
	snprintf(text, sizeof(text), "%043u", 0);
	memmove(text, text + 21, 22);
	/* By then nobody's verification would let it through. */
	ck_assert_int_eq(tickets_use(tickets, text, 43, 9999, 5000), ST_OK);
	ck_assert_int_eq(tickets_use(tickets, "short", 5, 9999, 0),
		ST_UNAUTHENTICATED);
	tickets_free(tickets);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("door");
	TCase *door = tcase_create("door");
	TCase *tokens = tcase_create("tokens");

	tcase_add_checked_fixture(door, setup, teardown);
	tcase_add_loop_test(door, paths_are_whole, 0, N_ELEMENTS(paths));
	tcase_add_loop_test(door, origins_are_own_or_listed, 0,
		N_ELEMENTS(origins));
	tcase_add_loop_test(door, requests_are_judged, 0, N_ELEMENTS(knocks));
	tcase_add_test(door, unknown_symbol_of_the_path);
	tcase_add_test(door, the_house_is_full);
	tcase_add_checked_fixture(tokens, setup, teardown);
	tcase_add_test(tokens, tokens_in_query_or_header);
	tcase_add_test(tokens, a_ticket_is_good_once);
	tcase_add_test(tokens, used_tickets_are_forgotten_when_they_expire);
	suite_add_tcase(s, door);
	suite_add_tcase(s, tokens);
	return s;
}
