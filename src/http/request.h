/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * request.h - one request, as its handler sees it.
 *
 *	static enum status
 *	lock(struct req *req)
 *	{
 *		const struct lock_in *in = req->in;
 *		struct reply *r;
 *
 *		TRY(user_lock(&req->ctx, in->user_id));
 *		r = req_reply(req);
 *		reply_bool(r, "locked", true);
 *		return req_done(req);
 *	}
 *
 * A handler either returns ST_OK with a whole reply written, or another
 * status and the reason by fail(); what it had written is then thrown away.
 * All memory is the arena's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"
#include "http/edition.h"
#include "http/route.h"
#include "json/fields.h"
#include "json/reply.h"
#include "wire/frame.h"

#define REQ_HEADERS_MAX 8

struct req_header {
	const char *name;
	const char *value;
};

struct req {
	struct ctx ctx;
	const struct route *route;
	const struct edition *edition;
	enum method method;
	bool head;         /* a GET whose body is not sent */
	const char *path;  /* as it came, not decoded, without the query */
	const char *query_text; /* NULL: none */
	const char *token;      /* of "Authorization: Bearer …"; NULL: none */
	const char *body;       /* as it came; NULL: empty */
	size_t body_length;

	/*
	 * What the core said before the handler ran.  Of ROUTE_COMMAND and
	 * AUTH_NONE all zeros.  The role in ctx.session is this one.
	 */
	struct guard_answer guard;

	/* Decoded by the route's shapes; never NULL where it has the shape. */
	void *in;
	void *query;
	struct fields_given in_given;
	struct fields_given query_given;

	const char *params[ROUTE_PARAMS_MAX]; /* decoded, in the path's order */
	void *source; /* whence headers are read; opaque */

	/* The reply so far. */
	int http_status; /* 200 unless the handler says otherwise */
	struct reply reply;
	const char *content_type; /* NULL: JSON */
	struct req_header headers[REQ_HEADERS_MAX];
	size_t n_headers;
};

/* ---- What was asked ----------------------------------------------------- */

/* The path segment that the route calls {NAME}, decoded; asserts it exists. */
const char *req_param(const struct req *req, const char *name);
/* The same as an identifier; ST_NOT_FOUND when it cannot be one. */
enum status req_param_ident(struct req *req, const char *name,
	struct ident *out) MUST_USE;

/* A header of the request ("X-Device-Token"), or NULL. */
const char *req_header(const struct req *req, const char *name);

/*
 * What makes a write that is sent twice be done once: "Idempotency-Key", of at
 * most CLIENT_ID_MAX visible characters, or NULL.  An order's own client id,
 * GIVEN (or NULL), goes before it.  ST_INVALID.
 */
enum status req_idempotency_key(struct req *req, const char *given,
	const char **out) MUST_USE;

/* Was the member given a value in the body, or in the query string? */
#define REQ_HAS(req, type, member)                                             \
	shape_has((req)->route->body, (req)->in_given,                         \
		offsetof(struct type, member))
#define REQ_QUERY_HAS(req, type, member)                                       \
	shape_has((req)->route->query, (req)->query_given,                     \
		offsetof(struct type, member))

/* ST_FORBIDDEN unless ID is the session's own user. */
enum status req_self(struct req *req, struct ident id) MUST_USE;

/* ---- What is answered --------------------------------------------------- */

/*
 * Begin a success, an object, with what the edition puts first; then write
 * its fields.  req_done() adds what the edition puts last, closes the object
 * and returns ST_OK.
 */
struct reply *req_reply(struct req *req);
enum status req_done(struct req *req);

/*
 * Begin a success that is one bare value (a list at the top); the handler
 * writes all of it, then returns ST_OK.
 */
struct reply *req_reply_plain(struct req *req);

/* 201 instead of 200: req_created(req), then req_reply(). */
void req_created(struct req *req);
/* 204 and no body; "return req_no_content(req);". */
enum status req_no_content(struct req *req);

/* A header of the reply; both are kept, not copied. */
void req_set_header(struct req *req, const char *name, const char *value);

/* A success that is no JSON: LENGTH bytes of CONTENT_TYPE. */
enum status req_send(struct req *req, const char *content_type,
	const char *text, size_t length);

/* ---- Whence they come --------------------------------------------------- */

struct server;   /* http/dispatch.h */
struct outgoing;

/*
 * Serve FastCGI requests on LISTEN_FD, one at a time, until *STOP is set by a
 * signal handler, without SA_RESTART; a request under way is finished first.
 * After each reply DONE is called with what there is to log.
 */
void request_loop(const struct server *server, int listen_fd,
	const volatile int *stop,
	void (*done)(const struct outgoing *out, int64_t took_us));
