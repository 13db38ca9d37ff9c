/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * head.c - writing headers, without printf: it is on the path of an order.
 */
#include "http/head.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"

/* What our own headers take at most; the handler's are added to it. */
#define OWN_ROOM 640

struct text {
	char *buf;
	size_t length;
	size_t room;
};

static void
put_n(struct text *text, const char *bytes, size_t n)
{
	assert(n <= text->room - text->length);
	memcpy(text->buf + text->length, bytes, n);
	text->length += n;
}

static void
put(struct text *text, const char *bytes)
{
	put_n(text, bytes, strlen(bytes));
}

static void
put_number(struct text *text, int64_t number)
{
	char digits[20], *at = digits + sizeof(digits);

	assert(number >= 0);
	do
		*--at = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	put_n(text, at, (size_t)(digits + sizeof(digits) - at));
}

static void
put_number_header(struct text *text, const char *name, int64_t number)
{
	put(text, name);
	put_number(text, number);
	put(text, "\r\n");
}

static void
put_header(struct text *text, const char *name, const char *value)
{
	put(text, name);
	put(text, ": ");
	put(text, value);
	put(text, "\r\n");
}

static int64_t
whole_seconds(int64_t us)
{
	return us <= 0 ? 0 : (us + US_PER_SECOND - 1) / US_PER_SECOND;
}

static void
put_limit(struct text *text, const struct limit_state *limit)
{
	if (!limit->limited)
		return;
	put_number_header(text, "X-RateLimit-Limit: ", limit->limit);
	put_number_header(text, "X-RateLimit-Remaining: ", limit->remaining);
	put_number_header(text, "X-RateLimit-Reset: ",
		whole_seconds(limit->reset_us));
}

static void
put_allow(struct text *text, unsigned methods)
{
	enum method method;

	put(text, "Allow: ");
	for (method = 0; method < METHODS; method++) {
		if (!(methods >> method & 1))
			continue;
		put(text, method_name(method));
		put(text, method == GET ? ", HEAD, " : ", ");
	}
	put(text, "OPTIONS\r\n");
}

/* What a failure says beside its body. */
static void
put_hints(struct text *text, const struct req *req, enum status status,
	unsigned methods)
{
	int64_t retry_s = whole_seconds(req->ctx.fault.retry_after_us);

	if (req->http_status == 405 ||
		(req->http_status == 204 && !req->route))
		put_allow(text, methods);
	if (req->http_status == 401)
		put(text, "WWW-Authenticate: Bearer\r\n");
	if (status == ST_RATE_LIMITED || status == ST_UNAVAILABLE)
		put_number_header(text, "Retry-After: ",
			retry_s > 0 ? retry_s : 1);
}

static size_t
room_for(const struct req *req)
{
	size_t room = OWN_ROOM, i;

	for (i = 0; i < req->n_headers; i++)
		room += strlen(req->headers[i].name) +
			strlen(req->headers[i].value) + 4;
	return room;
}

void
head_write(struct req *req, enum status status, const struct head *head,
	struct outgoing *out)
{
	size_t room = room_for(req), i;
	struct text text = {.buf = arena_alloc(req->ctx.arena, room),
		.room = room};

	out->body = "";
	out->body_length = 0;
	/* A handler that said nothing must have meant it. */
	assert(req->reply.length > 0 || req->http_status == 204);
	if (req->http_status != 204)
		out->body = reply_text_of(&req->reply, &out->body_length);
	put(&text, "Status: ");
	put_number(&text, req->http_status);
	put(&text, " ");
	put(&text, http_phrase(req->http_status));
	put(&text, "\r\n");
	if (req->http_status != 204) {
		put_header(&text, "Content-Type",
			req->content_type ? req->content_type
					  : "application/json");
		put_number_header(&text, "Content-Length: ",
			(int64_t)out->body_length);
	}
	put(&text, "Cache-Control: no-store\r\n");
	put_header(&text, "X-Request-Id", req->ctx.request_id);
	put_limit(&text, head->limit);
	put_hints(&text, req, status, head->methods);
	if (status == ST_OK)
		for (i = 0; i < req->n_headers; i++)
			put_header(&text, req->headers[i].name,
				req->headers[i].value);
	put(&text, "\r\n");
	out->head = text.buf;
	out->head_length = text.length;
	if (req->head)
		out->body_length = 0;
}
