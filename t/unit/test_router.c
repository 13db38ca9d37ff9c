/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_router.c - which row a path leads to, and which it does not.
 */
#include <stdlib.h>
#include <string.h>

#include "http/router.h"
#include "t/harness/suite.h"

static enum status
handler(struct req *req)
{
	(void)req;
	return ST_OK;
}

#define ROW(method, path)                                                      \
	{                                                                      \
		method, path, handler, AUTH_NONE, RATE_READ, POOL_API, NO_INPUT \
	}

static const struct route house[] = {
	ROW(POST, "/api/order"),
	ROW(DELETE, "/api/order/{order_id}"),
	ROW(GET, "/api/orderbook"),
	ROUTE_END,
};
static const struct route left[] = {
	ROW(GET, "/api/v1/risk/limits"),
	ROW(PUT, "/api/v1/risk/limits"),
	ROW(GET, "/api/v1/market-data/symbols/{symbol}/ohlcv"),
	ROUTE_END,
};
static const struct route right[] = {
	ROW(GET, "/api/v1/risk/limits"),
	ROW(POST, "/api/v1/risk/limits"),
	ROW(GET, "/api/v1/jobs/health"),
	ROW(GET, "/api/v1/jobs/{job_id}"),
	ROW(GET, "/api/v1/jobs/{job_id}/log"),
	ROW(POST, "/api/v1/bots/{bot_id}/start"),
	ROW(GET, "/api/v1/market/ticker/{symbol}"),
	ROW(DELETE, "/api/v1/cache/keys/{pattern}"),
	ROUTE_END,
};
static const struct route other[] = {
	ROW(GET, "/v1/{a}/x/{b}/{c}"),
	ROUTE_END,
};

#define EDITION(id, table)                                                     \
	static const struct edition id = {.name = #id,                         \
		.routes = (const struct route *const[]){table, NULL}}
EDITION(quantora, house);
EDITION(interfaces, left);
EDITION(botplatform, right);
EDITION(quantenergx, other);

static const struct edition *const all[] = {
	&quantora, &interfaces, &botplatform, &quantenergx, NULL};
static const struct edition_prefix prefixes[] = {
	{"/api/v1", NULL}, {"/v1", &quantenergx}, {"", &quantora}};
static const struct edition_list list = {all, prefixes, &botplatform};

static struct router *router;
static struct arena *arena;

static void
setup(void)
{
	char *reason;

	router = router_new(&list, &reason);
	ck_assert_ptr_nonnull(router);
	arena = arena_new();
}

static void
teardown(void)
{
	router_free(router);
	router_free(NULL);
	arena_free(arena);
}

static const struct {
	enum method method;
	const char *path;
	const char *named; /* the edge's edition */
	enum status want;
	const char *edition;
	const char *params[3];
} cases[] = {
	{POST, "/api/order", NULL, ST_OK, "quantora", {NULL}},
	{GET, "/api/order", NULL, ST_METHOD, "quantora", {NULL}},
	{METHODS, "/api/order", NULL, ST_METHOD, "quantora", {NULL}},
	{DELETE, "/api/order/5", NULL, ST_OK, "quantora", {"5"}},
	{DELETE, "/api/order/a%20b", NULL, ST_OK, "quantora", {"a b"}},
	{DELETE, "/api/order/%2e%2e", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/..", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/.", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/..;", NULL, ST_OK, "quantora", {"..;"}},
	{DELETE, "/api/order/a%2fb", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/a%00", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/a%0a", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/a%7f", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/%ff", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/%", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/%zz", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/a%252fb", NULL, ST_OK, "quantora", {"a%2fb"}},
	{DELETE, "/api/order/", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/5/", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/order/5/6", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/order/", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "//api/order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api//order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/./order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/x/../order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/..;/order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/%6frder", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api%2forder", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/API/order", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/order;x=1", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/order.php", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{POST, "/api/order{", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "/", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "api", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "http://x/api/orderbook", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "/a/b/c/d/e/f/g/h/i/j/k/l/m/n", NULL, ST_NOT_FOUND, "quantora",
		{NULL}},
	/* a path that both have: by the edge, with that one's methods */
	{GET, "/api/v1/risk/limits", "interfaces", ST_OK, "interfaces", {NULL}},
	{GET, "/api/v1/risk/limits", "botplatform", ST_OK, "botplatform",
		{NULL}},
	{GET, "/api/v1/risk/limits", NULL, ST_OK, "botplatform", {NULL}},
	{PUT, "/api/v1/risk/limits", "interfaces", ST_OK, "interfaces", {NULL}},
	{PUT, "/api/v1/risk/limits", NULL, ST_METHOD, "botplatform", {NULL}},
	/* a path that one of them has: by its owner, on every host */
	{GET, "/api/v1/jobs/health", "interfaces", ST_OK, "botplatform",
		{NULL}},
	{GET, "/api/v1/market-data/symbols/BTC%2FUSD/ohlcv", "botplatform",
		ST_OK, "interfaces", {"BTC/USD"}},
	/* a symbol's slash may be sent as it is, and nobody else's */
	{GET, "/api/v1/market-data/symbols/BTC/USD/ohlcv", "botplatform",
		ST_OK, "interfaces", {"BTC/USD"}},
	{GET, "/api/v1/market/ticker/btc/usd", NULL, ST_OK, "botplatform",
		{"btc/usd"}},
	{POST, "/api/v1/market/ticker/btc/usd", NULL, ST_METHOD, "botplatform",
		{NULL}},
	{GET, "/api/v1/market/ticker/a/b/c", NULL, ST_NOT_FOUND, "botplatform",
		{NULL}},
	{GET, "/api/v1/market/ticker/btc/", NULL, ST_NOT_FOUND, "botplatform",
		{NULL}},
	{GET, "/api/v1/market/ticker/../usd", NULL, ST_NOT_FOUND,
		"botplatform", {NULL}},
	{GET, "/api/v1/market/ticker/btc%2f.", NULL, ST_NOT_FOUND,
		"botplatform", {NULL}},
	{GET, "/api/v1/market/ticker/btc/usd.", NULL, ST_OK, "botplatform",
		{"btc/usd."}},
	{GET, "/api/v1/market-data/symbols/ohlcv", NULL, ST_NOT_FOUND,
		"botplatform", {NULL}},
	{POST, "/api/order/5/6", NULL, ST_NOT_FOUND, "quantora", {NULL}},
	{DELETE, "/api/v1/cache/keys/a/b", NULL, ST_NOT_FOUND, "botplatform",
		{NULL}},
	/* a literal goes before a parameter, but does not hide it */
	{GET, "/api/v1/jobs/7", NULL, ST_OK, "botplatform", {"7"}},
	{GET, "/api/v1/jobs/health/log", NULL, ST_OK, "botplatform",
		{"health"}},
	{GET, "/api/v1/market/ticker/btc%2fusd", NULL, ST_OK, "botplatform",
		{"btc/usd"}},
	{DELETE, "/api/v1/cache/keys/market:*", NULL, ST_OK, "botplatform",
		{"market:*"}},
	{GET, "/v1/1/x/2/3", NULL, ST_OK, "quantenergx", {"1", "2", "3"}},
	/* unknown: by prefix, and by the edge where two share it */
	{GET, "/api/v1/none", "interfaces", ST_NOT_FOUND, "interfaces", {NULL}},
	{GET, "/api/v1/none", NULL, ST_NOT_FOUND, "botplatform", {NULL}},
	{GET, "/api/v1", "interfaces", ST_NOT_FOUND, "interfaces", {NULL}},
	{GET, "/api/v11", "interfaces", ST_NOT_FOUND, "quantora", {NULL}},
	{GET, "/v1/none", NULL, ST_NOT_FOUND, "quantenergx", {NULL}},
	{GET, "/v1", NULL, ST_NOT_FOUND, "quantenergx", {NULL}},
	{GET, "/none", "interfaces", ST_NOT_FOUND, "quantora", {NULL}},
};

START_TEST(finds)
{
	const char *path = cases[_i].path;
	struct match match;
	enum status status;
	size_t i;

	status = router_find(router, arena, cases[_i].method, path,
		strlen(path), edition_named(&list, cases[_i].named), &match);
	ck_assert_msg(status == cases[_i].want, "%s: %s", path,
		status_name(status));
	ck_assert_str_eq(match.edition->name, cases[_i].edition);
	ck_assert_int_eq(match.route != NULL, status == ST_OK);
	ck_assert_int_eq(match.methods != 0, status != ST_NOT_FOUND);
	for (i = 0; i < N_ELEMENTS(cases[_i].params); i++)
		if (cases[_i].params[i])
			ck_assert_str_eq(match.params[i], cases[_i].params[i]);
}
END_TEST

START_TEST(tells_the_methods)
{
	static const char path[] = "/api/v1/risk/limits";
	struct match match;

	ck_assert_int_eq(router_find(router, arena, DELETE, path, strlen(path),
				 &interfaces, &match),
		ST_METHOD);
	ck_assert_uint_eq(match.methods, 1u << GET | 1u << PUT);
}
END_TEST

/* ---- Tables that are wrong --------------------------------------------- */

static const struct route twice[] = {
	ROW(GET, "/a/{x}"),
	ROW(GET, "/a/{y}"),
	ROUTE_END,
};
static const struct route empty_segment[] = {ROW(GET, "/a//b"), ROUTE_END};
static const struct route no_handler[] = {
	{GET, "/a", NULL, AUTH_NONE, RATE_READ, POOL_API, NO_INPUT},
	ROUTE_END,
};
static const struct route many_params[] = {
	ROW(GET, "/{a}/{b}/{c}/{d}/{e}"),
	ROUTE_END,
};
static const struct route *const wrong[] = {
	twice, empty_segment, no_handler, many_params};

START_TEST(refuses_wrong_tables)
{
	const struct route *const tables[] = {wrong[_i], NULL};
	const struct edition edition = {.name = "wrong", .routes = tables};
	const struct edition *const editions[] = {&edition, NULL};
	struct edition_list wrong_list = {editions, prefixes, &edition};
	char *reason = NULL;

	ck_assert_ptr_null(router_new(&wrong_list, &reason));
	ck_assert_ptr_nonnull(reason);
	free(reason);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("router");
	TCase *c = tcase_create("router");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, finds, 0, N_ELEMENTS(cases));
	tcase_add_test(c, tells_the_methods);
	tcase_add_loop_test(c, refuses_wrong_tables, 0, N_ELEMENTS(wrong));
	suite_add_tcase(s, c);
	return s;
}
