/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_dispatch.c - every precondition of a row, and what fails it.
 *
 * The edition is a small one of the test's own; the token is the name of a
 * role, and the core's word is a variable.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/session.h"
#include "base/clock.h"
#include "http/dispatch.h"
#include "http/request.h"
#include "t/harness/suite.h"
#include "wire/refusal.h"

#define NOW (INT64_C(1736856000) * US_PER_SECOND)

/* ---- A small edition --------------------------------------------------- */

struct in {
	struct decimal price;
	bool flag;
};
static const struct field fields[] = {
	FIELD_DEC(in, price, REQUIRED),
	FIELD_BOOL(in, flag, OPTIONAL),
	FIELD_END,
};
static const struct shape shape = SHAPE(in, fields);

struct query {
	int64_t limit;
};
static const struct field query_fields[] = {
	FIELD_INT_OR(query, limit, OPTIONAL, 50, 1, 100),
	FIELD_END,
};
static const struct shape query_shape = SHAPE(query, query_fields);

static int called;
static enum status outcome;

static enum status
echo(struct req *req)
{
	const struct in *in = req->in;
	const struct query *query = req->query;
	struct reply *r;

	called++;
	if (outcome != ST_OK)
		return outcome;
	r = req_reply(req);
	reply_bool(r, "in", in != NULL);
	if (in)
		reply_dec(r, "price", in->price);
	if (in && REQ_HAS(req, in, flag))
		reply_bool(r, "flag", in->flag);
	if (query)
		reply_int(r, "limit", query->limit);
	if (req->ctx.session)
		reply_int(r, "role", req->ctx.session->role);
	return req_done(req);
}

static enum status
named(struct req *req)
{
	struct reply *r = req_reply(req);

	called++;
	reply_text(r, "second", req_param(req, "second"));
	reply_text(r, "first", req_param(req, "first"));
	reply_text(r, "header", req_header(req, "X-Device-Token"));
	req_created(req);
	req_set_header(req, "X-Own", "1");
	return req_done(req);
}

static enum status
nothing(struct req *req)
{
	called++;
	return req_no_content(req);
}

static enum status
half(struct req *req)
{
	called++;
	reply_text(req_reply(req), "half", "written");
	return fail(&req->ctx, ST_CONFLICT, NULL, "too late");
}

static enum status
broken(struct req *req)
{
	return fail(&req->ctx, ST_INTERNAL, "secret", "SELECT 1");
}

static enum status
raw(struct req *req)
{
	called++;
	return req_send(req, "text/plain", req->body ? req->body : "",
		req->body_length);
}

static const struct route routes[] = {
	{GET, "/open", echo, AUTH_NONE, RATE_READ, POOL_API,
		.query = &query_shape},
	{POST, "/open", echo, AUTH_NONE, RATE_READ, POOL_API, .body = &shape},
	{POST, "/bare", echo, AUTH_NONE, RATE_READ, POOL_API, NO_INPUT},
	{POST, "/raw", raw, AUTH_NONE, RATE_READ, POOL_API,
		.flags = ROUTE_RAW_BODY | ROUTE_BIG_BODY},
	{GET, "/user", echo, AUTH_USER, RATE_READ, POOL_API, NO_INPUT},
	{GET, "/may", echo, AUTH_NONE, RATE_READ, POOL_API,
		.flags = ROUTE_MAY_LOGIN},
	{GET, "/operator", echo, AUTH_OPERATOR, RATE_NONE, POOL_API, NO_INPUT},
	{GET, "/admin", echo, AUTH_ADMIN, RATE_NONE, POOL_API, NO_INPUT},
	{GET, "/otp", echo, AUTH_USER | AUTH_OTP, RATE_NONE, POOL_API,
		NO_INPUT},
	{POST, "/command", echo, AUTH_USER, RATE_NONE, POOL_TRADE,
		.body = &shape, .flags = ROUTE_COMMAND},
	{GET, "/watch", echo, AUTH_USER, RATE_NONE, POOL_API,
		.permission = PERMISSION_VIEW_MONITORING},
	{POST, "/order", echo, AUTH_USER, RATE_TRADE, POOL_TRADE,
		.body = &shape, .flags = ROUTE_COMMAND},
	{DELETE, "/order", echo, AUTH_USER, RATE_TRADE, POOL_TRADE,
		.flags = ROUTE_COMMAND},
	{GET, "/named/{first}/{second}", named, AUTH_NONE, RATE_NONE, POOL_API,
		NO_INPUT},
	{DELETE, "/nothing", nothing, AUTH_NONE, RATE_NONE, POOL_API, NO_INPUT},
	{POST, "/half", half, AUTH_NONE, RATE_NONE, POOL_API, NO_INPUT},
	{GET, "/broken", broken, AUTH_NONE, RATE_NONE, POOL_API, NO_INPUT},
	ROUTE_END,
};

static const struct limit_rule limit = {
	.id = 9,
	.windows = {{US_PER_SECOND, CONF_RATE_BOTPLATFORM_SECOND, 0}},
};

static void
open_ok(struct reply *reply)
{
	reply_bool(reply, "ok", true);
}

static const struct edition edition = {
	.name = "test",
	.open_ok = open_ok,
	.render_error = render_error_object,
	.limits = {[RATE_READ] = &limit},
	.routes = (const struct route *const[]){routes, NULL},
};
static const struct edition *const all[] = {&edition, NULL};
static const struct edition_prefix prefixes[] = {{"", &edition}};
static const struct edition_list list = {all, prefixes, &edition};

/* ---- Around it --------------------------------------------------------- */

static enum status
verify(struct ctx *ctx, const char *token, size_t length, struct session *out)
{
	(void)ctx;
	ck_assert_uint_eq(strlen(token), length);
	if (strcmp(token, "bad") == 0)
		return ST_UNAUTHENTICATED;
	*out = (struct session){.user = 5,
		.public_id = {{5}},
		.role = ROLE_ADMIN, /* as the token claims, not as it is */
		.otp = strcmp(token, "otp") == 0};
	return ST_OK;
}

static enum status verdict;
static enum user_role role;
static int guarded;

static enum status
guard(struct ctx *ctx, struct guard_answer *out)
{
	ck_assert_ptr_nonnull(ctx->session);
	guarded++;
	if (verdict != ST_OK)
		return verdict;
	*out = (struct guard_answer){.role = role, .last_seq = 3};
	return ST_OK;
}

static uint32_t lacks;
static enum status known;

static enum status
denied(struct ctx *ctx, uint32_t user, uint32_t *set)
{
	(void)ctx;
	ck_assert_uint_eq(user, 5);
	*set = lacks;
	return known;
}

static struct server server;
static struct arena *arena;
static struct outgoing out;
static const char *body;
static char path[] = "/tmp/test-dispatch-XXXXXX";
static struct conf *conf;

static size_t
read_body(void *source, char *buf, size_t n)
{
	size_t have = strlen(source);

	n = n < have ? n : have;
	memcpy(buf, source, n);
	return n;
}

static void
setup(void)
{
	char *reason;
	int fd = mkstemp(path);

	close(fd);
	conf = conf_load(NULL, &reason);
	server = (struct server){.editions = &list,
		.router = router_new(&list, &reason),
		.limiter = limiter_open(path, &reason),
		.verify = verify,
		.guard = guard,
		.denied = denied,
		.base = {.conf = conf}};
	ck_assert_ptr_nonnull(server.router);
	ck_assert_ptr_nonnull(server.limiter);
	arena = arena_new();
	role = ROLE_USER;
	body = NULL;
}

static void
teardown(void)
{
	union {
		const struct router *in;
		struct router *out;
	} router = {.in = server.router};

	arena_free(arena);
	router_free(router.out);
	limiter_free(server.limiter);
	conf_free(conf);
	unlink(path);
}

/* Send "METHOD uri", a token or NULL, and whatever more; the status line. */
static int
request(const char *line, const char *token, const char *more)
{
	char method[64], uri[256], auth[64], extra[128], length[64];
	char *params[8] = {method, uri}, **param = params + 2;
	struct incoming in;

	snprintf(method, sizeof(method), "REQUEST_METHOD=%.*s",
		(int)strcspn(line, " "), line);
	snprintf(uri, sizeof(uri), "REQUEST_URI=%s", strchr(line, ' ') + 1);
	if (token) {
		snprintf(auth, sizeof(auth), "HTTP_AUTHORIZATION=Bearer %s",
			token);
		*param++ = auth;
	}
	if (more) {
		snprintf(extra, sizeof(extra), "%s", more);
		*param++ = extra;
	}
	if (body && !(more && strncmp(more, "CONTENT_LENGTH", 14) == 0)) {
		snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
			strlen(body));
		*param++ = length;
	}
	*param = NULL;
	incoming_read(params, &in);
	in.read_body = read_body;
	in.source = (void *)(uintptr_t)(body ? body : "");
	called = 0;
	guarded = 0;
	dispatch(&server, &in, arena, NOW, &out);
	return out.http_status;
}

#define JSON "CONTENT_TYPE=application/json"

static const char *
head(void)
{
	return arena_strndup(arena, out.head, out.head_length);
}

static const char *
text(void)
{
	return arena_strndup(arena, out.body, out.body_length);
}

static bool
has(const char *where, const char *what)
{
	return strstr(where, what) != NULL;
}

/* ---- Routing ----------------------------------------------------------- */

START_TEST(answers)
{
	ck_assert_int_eq(request("GET /open", NULL, NULL), 200);
	ck_assert_str_eq(text(), "{\"ok\":true,\"in\":false,\"limit\":50}");
	ck_assert(has(head(), "Status: 200 OK\r\n"));
	ck_assert(has(head(), "Content-Type: application/json\r\n"));
	ck_assert(has(head(), "Content-Length: 33\r\n"));
	ck_assert(has(head(), "Cache-Control: no-store\r\n"));
	ck_assert(has(head(), "X-Request-Id: "));
	ck_assert(has(head(), "\r\n\r\n"));
	ck_assert_int_eq(request("GET /open?limit=7", NULL, NULL), 200);
	ck_assert(has(text(), "\"limit\":7"));
	ck_assert_int_eq(request("GET /open?limit=700", NULL, NULL), 400);
	ck_assert(has(text(), "\"field\":\"limit\""));
	ck_assert_int_eq(called, 0);
}
END_TEST

START_TEST(knows_methods)
{
	ck_assert_int_eq(request("HEAD /open", NULL, NULL), 200);
	ck_assert_uint_eq(out.body_length, 0);
	ck_assert(has(head(), "Content-Length: 33\r\n"));
	ck_assert_int_eq(request("PUT /open", NULL, NULL), 405);
	ck_assert(has(head(), "Allow: GET, HEAD, POST, OPTIONS\r\n"));
	ck_assert_int_eq(request("TRACE /open", NULL, NULL), 405);
	ck_assert_int_eq(request("get /open", NULL, NULL), 405);
	ck_assert_int_eq(request("OPTIONS /open", NULL, NULL), 204);
	ck_assert(has(head(), "Allow: GET, HEAD, POST, OPTIONS\r\n"));
	ck_assert(!has(head(), "Content-Type"));
	ck_assert_int_eq(request("OPTIONS /none", NULL, NULL), 404);
	ck_assert_int_eq(request("HEAD /command", NULL, NULL), 405);
	ck_assert_int_eq(request("GET /none", NULL, NULL), 404);
	ck_assert(has(text(), "\"code\":\"NOT_FOUND\""));
	ck_assert(!has(head(), "Allow"));
}
END_TEST

START_TEST(hands_on_what_was_asked)
{
	ck_assert_int_eq(request("GET /named/a%20b/c", NULL,
				 "HTTP_X_DEVICE_TOKEN=tok"),
		201);
	ck_assert_str_eq(text(),
		"{\"ok\":true,\"second\":\"c\",\"first\":\"a b\","
		"\"header\":\"tok\"}");
	ck_assert(has(head(), "X-Own: 1\r\n"));
	ck_assert_int_eq(request("DELETE /nothing", NULL, NULL), 204);
	ck_assert_uint_eq(out.body_length, 0);
	ck_assert(!has(head(), "Content-"));
}
END_TEST

START_TEST(echoes_the_request_id)
{
	request("GET /open", NULL, "REQUEST_ID=abc-1");
	ck_assert(has(head(), "X-Request-Id: abc-1\r\n"));
	request("GET /open", NULL, "HTTP_X_REQUEST_ID=from.client");
	ck_assert(has(head(), "X-Request-Id: from.client\r\n"));
	request("GET /open", NULL, "HTTP_X_REQUEST_ID=a\r\nSet-Cookie: x");
	ck_assert(!has(head(), "Set-Cookie"));
	request("GET /open", NULL,
		"REQUEST_ID=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	ck_assert(!has(head(), "aaaa"));
}
END_TEST

/* ---- Bodies ------------------------------------------------------------ */

static const struct {
	const char *line;
	const char *body;
	const char *more;
	int want;
	const char *says;
} bodies[] = {
	{"POST /open", "{\"price\":1.50}", JSON, 200, "\"price\":1.5"},
	{"POST /open", "{\"price\":1,\"flag\":false}", JSON, 200,
		"\"flag\":false"},
	{"POST /open", "{\"price\":1}",
		"CONTENT_TYPE=Application/JSON ; charset=\"UTF-8\"", 200, ""},
	{"POST /open", "{\"price\":1}",
		"CONTENT_TYPE=application/json;charset=latin1", 415, ""},
	{"POST /open", "{\"price\":1}", "CONTENT_TYPE=application/jsonp", 415,
		""},
	{"POST /open", "{\"price\":1}", "CONTENT_TYPE=text/plain", 415, ""},
	{"POST /open", "{\"price\":1}",
		"CONTENT_TYPE=application/x-www-form-urlencoded", 415,
		"UNSUPPORTED_MEDIA_TYPE"},
	{"POST /open", "{\"price\":1}", NULL, 415, ""},
	{"POST /open", NULL, NULL, 400, "price is required"},
	{"POST /open", "{\"price\":1", JSON, 400, "BAD_REQUEST"},
	{"POST /open", "[]", JSON, 400, "BAD_REQUEST"},
	{"POST /open", "{\"price\":true}", JSON, 400, "VALIDATION_ERROR"},
	{"POST /open", "{\"price\":1,\"role\":\"admin\"}", JSON, 400, "role"},
	{"POST /bare", NULL, NULL, 200, "\"in\":false"},
	{"POST /bare", "{\"x\":1}", JSON, 200, ""},
	{"POST /bare", "{\"balance\":1}", JSON, 400, "balance"},
	{"POST /bare", "{", JSON, 400, "BAD_REQUEST"},
	{"POST /raw", "not json", "CONTENT_TYPE=text/csv", 200, "not json"},
	{"POST /raw", "", "CONTENT_LENGTH=65537", 400, "shorter"},
	{"POST /raw", "", "CONTENT_LENGTH=262145", 413, "PAYLOAD_TOO_LARGE"},
	{"POST /open", "", "CONTENT_LENGTH=65537", 413, ""},
	{"POST /open", "", "CONTENT_LENGTH=12x", 400, ""},
	{"POST /open", "", "CONTENT_LENGTH=-1", 400, ""},
	{"POST /open", "", "CONTENT_LENGTH=99999999999999999999999", 400, ""},
	{"GET /open", "ignored", NULL, 200, ""},
};

START_TEST(reads_bodies)
{
	body = bodies[_i].body;
	ck_assert_int_eq(request(bodies[_i].line, NULL, bodies[_i].more),
		bodies[_i].want);
	ck_assert_msg(has(text(), bodies[_i].says), "%s", text());
	ck_assert_int_eq(called, bodies[_i].want == 200);
}
END_TEST

/* ---- Who may ----------------------------------------------------------- */

static const struct {
	const char *path;
	enum user_role role;
	const char *token;
	int want;
} roles[] = {
	{"GET /user", ROLE_USER, NULL, 401},
	{"GET /user", ROLE_USER, "bad", 401},
	{"GET /user", ROLE_USER, "good", 200},
	{"GET /user", ROLE_ADMIN, "good", 200},
	{"GET /may", ROLE_USER, NULL, 200},
	{"GET /may", ROLE_USER, "good", 200},
	{"GET /may", ROLE_USER, "bad", 401},
	{"GET /operator", ROLE_USER, NULL, 401},
	{"GET /operator", ROLE_USER, "good", 403},
	{"GET /operator", ROLE_OPERATOR, "good", 200},
	{"GET /operator", ROLE_ADMIN, "good", 200},
	{"GET /admin", ROLE_USER, "good", 403},
	{"GET /admin", ROLE_OPERATOR, "good", 403},
	{"GET /admin", ROLE_ADMIN, "good", 200},
	{"GET /otp", ROLE_ADMIN, "good", 403},
	{"GET /otp", ROLE_USER, "otp", 200},
	{"GET /open", ROLE_USER, "bad", 200}, /* nobody looks at it */
};

START_TEST(admits)
{
	role = roles[_i].role;
	ck_assert_int_eq(request(roles[_i].path, roles[_i].token, NULL),
		roles[_i].want);
	ck_assert_int_eq(called, roles[_i].want == 200);
	if (roles[_i].want == 401)
		ck_assert(has(head(), "WWW-Authenticate: Bearer\r\n"));
	if (strcmp(roles[_i].path, "GET /otp") == 0 && roles[_i].want == 403)
		ck_assert(has(text(), "TOTP_REQUIRED"));
}
END_TEST

START_TEST(believes_the_core_not_the_token)
{
	role = ROLE_USER;
	ck_assert_int_eq(request("GET /user", "good", NULL), 200);
	ck_assert(has(text(), "\"role\":0"));
	ck_assert_int_eq(guarded, 1);
	verdict = ST_LOCKED;
	ck_assert_int_eq(request("GET /user", "good", NULL), 403);
	ck_assert(has(text(), "ACCOUNT_LOCKED"));
	verdict = ST_UNAUTHENTICATED;
	ck_assert_int_eq(request("GET /user", "good", NULL), 401);
	verdict = ST_UNAVAILABLE;
	ck_assert_int_eq(request("GET /user", "good", NULL), 503);
	ck_assert(has(head(), "Retry-After: 1\r\n"));
	ck_assert_int_eq(called, 0);
	verdict = ST_OK;
}
END_TEST

START_TEST(a_command_is_not_asked_for_twice)
{
	body = "{\"price\":1}";
	ck_assert_int_eq(request("POST /command", "good", JSON), 200);
	ck_assert_int_eq(guarded, 0);
	/* but one that fails before it reaches the core is */
	body = "{\"price\":true}";
	ck_assert_int_eq(request("POST /command", "good", JSON), 400);
	ck_assert_int_eq(guarded, 1);
	verdict = ST_UNAUTHENTICATED;
	ck_assert_int_eq(request("POST /command", "good", JSON), 401);
	body = "{\"price\":1}";
	outcome = ST_NOT_FOUND;
	ck_assert_int_eq(request("POST /command", "good", JSON), 401);
	outcome = ST_NO_FUNDS;
	ck_assert_int_eq(request("POST /command", "good", JSON), 400);
	ck_assert_int_eq(guarded, 0);
	outcome = ST_OK;
	verdict = ST_OK;
	ck_assert_int_eq(request("POST /command", NULL, JSON), 401);
}
END_TEST

/* What was taken is 403, for who is still there to hear it. */
START_TEST(looks_what_was_taken)
{
	body = "{\"price\":1}";
	ck_assert_int_eq(request("POST /order", "good", JSON), 200);
	ck_assert_int_eq(request("GET /watch", "good", NULL), 200);
	lacks = PERMISSION_BIT(PERMISSION_TRADE);
	ck_assert_int_eq(request("GET /watch", "good", NULL), 200);
	ck_assert_int_eq(request("DELETE /order", "good", JSON), 200);
	called = 0;
	ck_assert_int_eq(request("POST /order", "good", JSON), 403);
	ck_assert_int_eq(called, 0);
	ck_assert_int_eq(guarded, 1);
	verdict = ST_UNAUTHENTICATED;
	ck_assert_int_eq(request("POST /order", "good", JSON), 401);
	verdict = ST_OK;
	lacks = ~PERMISSION_BIT(PERMISSION_TRADE);
	ck_assert_int_eq(request("POST /order", "good", JSON), 200);
	ck_assert_int_eq(request("GET /watch", "good", NULL), 403);
	/* Who cannot tell lets nobody in. */
	known = ST_UNAVAILABLE;
	lacks = 0;
	ck_assert_int_eq(request("POST /order", "good", JSON), 503);
	ck_assert_int_eq(request("DELETE /order", "good", JSON), 200);
	known = ST_OK;
}
END_TEST

START_TEST(limits)
{
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(request("GET /user", "good", NULL), 200);
	ck_assert(has(head(), "X-RateLimit-Limit: 10\r\n"));
	ck_assert(has(head(), "X-RateLimit-Remaining: 0\r\n"));
	ck_assert(has(head(), "X-RateLimit-Reset: 1736856001\r\n"));
	ck_assert_int_eq(request("GET /user", "good", NULL), 429);
	ck_assert(has(head(), "X-RateLimit-Limit: 10\r\n"));
	ck_assert(has(head(), "X-RateLimit-Remaining: 0\r\n"));
	ck_assert(has(head(), "Retry-After: 1\r\n"));
	ck_assert_int_eq(called + guarded, 0);
	/* other budgets, or none, are not touched by it */
	ck_assert_int_eq(request("GET /otp", "otp", NULL), 200);
	ck_assert(!has(head(), "X-RateLimit"));
	ck_assert_int_eq(request("GET /open", NULL, NULL), 200);
	ck_assert(!has(head(), "X-RateLimit"));
}
END_TEST

/* ---- Failures ---------------------------------------------------------- */

START_TEST(throws_half_a_reply_away)
{
	ck_assert_int_eq(request("POST /half", NULL, NULL), 409);
	ck_assert_str_eq(text(),
		"{\"error\":{\"code\":\"CONFLICT\",\"message\":\"too late\","
		"\"details\":{}}}");
}
END_TEST

START_TEST(keeps_our_bugs_to_itself)
{
	ck_assert_int_eq(request("GET /broken", NULL, NULL), 500);
	ck_assert(!has(text(), "SELECT"));
	ck_assert(!has(text(), "secret"));
	ck_assert_str_eq(out.reason, "SELECT 1");
	ck_assert_int_eq(out.status, ST_INTERNAL);
}
END_TEST

START_TEST(every_status_has_a_spelling)
{
	enum status status;

	for (status = 0; status < ST_N; status++) {
		ck_assert_ptr_nonnull(common_outcomes[status].code);
		ck_assert_ptr_nonnull(common_outcomes[status].message);
		ck_assert_int_ge(common_outcomes[status].http, 200);
	}
}
END_TEST

START_TEST(a_wanted_code_is_401_at_the_door)
{
	struct session session = {.user = 1};
	struct ctx ctx = {.arena = arena};

	ck_assert_int_eq(outcome_of(&edition, &ctx, ST_TOTP_REQUIRED).http,
		401);
	ctx.session = &session;
	ck_assert_int_eq(outcome_of(&edition, &ctx, ST_TOTP_REQUIRED).http,
		403);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("dispatch");
	TCase *c = tcase_create("dispatch");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, answers);
	tcase_add_test(c, knows_methods);
	tcase_add_test(c, hands_on_what_was_asked);
	tcase_add_test(c, echoes_the_request_id);
	tcase_add_loop_test(c, reads_bodies, 0, N_ELEMENTS(bodies));
	tcase_add_loop_test(c, admits, 0, N_ELEMENTS(roles));
	tcase_add_test(c, believes_the_core_not_the_token);
	tcase_add_test(c, a_command_is_not_asked_for_twice);
	tcase_add_test(c, looks_what_was_taken);
	tcase_add_test(c, limits);
	tcase_add_test(c, throws_half_a_reply_away);
	tcase_add_test(c, keeps_our_bugs_to_itself);
	tcase_add_test(c, every_status_has_a_spelling);
	tcase_add_test(c, a_wanted_code_is_401_at_the_door);
	suite_add_tcase(s, c);
	return s;
}
