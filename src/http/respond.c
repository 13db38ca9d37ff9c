/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * respond.c - what handlers do with their request.
 */
#include <assert.h>
#include <string.h>

#include "auth/session.h"
#include "http/incoming.h"
#include "http/request.h"

/* ---- What was asked ---------------------------------------------------- */

const char *
req_param(const struct req *req, const char *name)
{
	const char *at = req->route->path;
	size_t length = strlen(name), n = 0;

	while ((at = strchr(at, '{')) != NULL) {
		at++;
		if (strncmp(at, name, length) == 0 && at[length] == '}')
			return req->params[n];
		n++;
	}
	assert(!"the route has no such parameter");
	return NULL;
}

enum status
req_param_ident(struct req *req, const char *name, struct ident *out)
{
	const char *text = req_param(req, name);

	if (ident_parse(text, strlen(text), out) != ST_OK)
		return ST_NOT_FOUND;
	return ST_OK;
}

const char *
req_header(const struct req *req, const char *name)
{
	return incoming_header(req->source, name);
}

enum status
req_idempotency_key(struct req *req, const char *given, const char **out)
{
	const char *key = req_header(req, "Idempotency-Key"), *c = key;

	*out = given ? given : key;
	if (given || !key)
		return ST_OK;
	while (*c > 0x20 && *c < 0x7f)
		c++;
	if (*c == '\0' && c > key && c - key <= CLIENT_ID_MAX)
		return ST_OK;
	req->ctx.fault = (struct fault){.place = FAULT_HEADER,
		.field = "Idempotency-Key",
		.reason = "an Idempotency-Key has 1 to 47 visible characters"};
	return ST_INVALID;
}

enum status
req_self(struct req *req, struct ident id)
{
	if (req->ctx.session && ident_equal(req->ctx.session->public_id, id))
		return ST_OK;
	return fail(&req->ctx, ST_FORBIDDEN, "user_id",
		"user_id is not your own");
}

/* ---- What is answered -------------------------------------------------- */

struct reply *
req_reply_plain(struct req *req)
{
	reply_init(&req->reply, req->ctx.arena, req->edition->numbers);
	return &req->reply;
}

struct reply *
req_reply(struct req *req)
{
	struct reply *reply = req_reply_plain(req);

	reply_object(reply, NULL);
	if (req->edition->open_ok)
		req->edition->open_ok(reply);
	return reply;
}

enum status
req_done(struct req *req)
{
	assert(req->reply.depth == 1);
	if (req->edition->close_ok)
		req->edition->close_ok(&req->reply);
	reply_end(&req->reply);
	return ST_OK;
}

void
req_created(struct req *req)
{
	req->http_status = 201;
}

enum status
req_no_content(struct req *req)
{
	req->http_status = 204;
	return ST_OK;
}

void
req_set_header(struct req *req, const char *name, const char *value)
{
	assert(req->n_headers < REQ_HEADERS_MAX);
	assert(!strpbrk(name, "\r\n:") && !strpbrk(value, "\r\n"));
	req->headers[req->n_headers++] = (struct req_header){name, value};
}

enum status
req_send(struct req *req, const char *content_type, const char *text,
	size_t length)
{
	reply_init(&req->reply, req->ctx.arena, req->edition->numbers);
	req->content_type = content_type;
	reply_raw(&req->reply, NULL, text, length);
	return ST_OK;
}
