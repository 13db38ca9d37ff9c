/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_request.c - any bytes as the parameters and body of a request.
 *
 * The input is lines: parameters "NAME=value" up to an empty line, then the
 * body.  Whatever it is, there is one well-formed reply, and never a 5xx.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/session.h"
#include "http/dispatch.h"
#include "http/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

#define PARAMS_MAX 32

struct in {
	struct decimal price;
	const char *note;
};
static const struct field fields[] = {
	FIELD_DEC(in, price, REQUIRED),
	FIELD_TEXT(in, note, OPTIONAL, 0, 100),
	FIELD_END,
};
static const struct shape shape = SHAPE(in, fields);

static enum status
echo(struct req *req)
{
	const struct in *in = req->in ? req->in : req->query;
	struct reply *r = req_reply(req);

	reply_text(r, "symbol", req_param(req, "symbol"));
	reply_dec(r, "price", in->price);
	reply_text(r, "note", in->note);
	reply_text(r, "header", req_header(req, "X-Thing"));
	return req_done(req);
}

static const struct route routes[] = {
	{GET, "/a/{symbol}/b", echo, AUTH_NONE, RATE_NONE, POOL_API,
		.query = &shape},
	{POST, "/a/{symbol}/b", echo, AUTH_USER, RATE_NONE, POOL_API,
		.body = &shape},
	{DELETE, "/{symbol}", echo, AUTH_NONE, RATE_NONE, POOL_API,
		.body = &shape},
	ROUTE_END,
};
static const struct edition edition = {
	.name = "fuzz",
	.render_error = render_error_object,
	.routes = (const struct route *const[]){routes, NULL},
};
static const struct edition *const all[] = {&edition, NULL};
static const struct edition_prefix prefixes[] = {{"", &edition}};
static const struct edition_list list = {all, prefixes, &edition};

static enum status
verify(struct ctx *ctx, const char *token, size_t length, struct session *out)
{
	(void)ctx;
	(void)token;
	*out = (struct session){.user = 1};
	return length > 3 ? ST_OK : ST_UNAUTHENTICATED;
}

static enum status
guard(struct ctx *ctx, struct guard_answer *out)
{
	(void)ctx;
	*out = (struct guard_answer){0};
	return ST_OK;
}

static size_t
read_body(void *source, char *buf, size_t n)
{
	const char *body = source;
	size_t have = strlen(body);

	n = n < have ? n : have;
	memcpy(buf, body, n);
	return n;
}

static void
check(struct arena *arena, const struct outgoing *out)
{
	struct ctx ctx = {.arena = arena};
	const char *head = arena_strndup(arena, out->head, out->head_length);
	json_t *value;

	assert(out->http_status >= 200 && out->http_status < 500);
	assert(strstr(head, "\r\n\r\n") == head + out->head_length - 4);
	if (out->body_length > 0)
		assert(json_read(&ctx, out->body, out->body_length, &value) ==
			ST_OK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	static struct server server;
	struct arena *arena = arena_new();
	char *text = arena_strndup(arena, (const char *)data, len_bytes);
	char *params[PARAMS_MAX + 1];
	struct incoming in;
	struct outgoing out;
	char *reason;
	size_t n = 0;

	if (!server.router)
		server = (struct server){.editions = &list,
			.router = router_new(&list, &reason),
			.verify = verify,
			.guard = guard};
	for (; n < PARAMS_MAX && *text && *text != '\n'; n++) {
		size_t length = strcspn(text, "\n");

		params[n] = arena_strndup(arena, text, length);
		text += length + (text[length] == '\n');
	}
	params[n] = NULL;
	incoming_read(params, &in);
	in.read_body = read_body;
	in.source = text + (*text == '\n');
	dispatch(&server, &in, arena, INT64_C(1736856000000000), &out);
	check(arena, &out);
	arena_free(arena);
	return 0;
}
