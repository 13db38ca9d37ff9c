/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * dispatch.h - from a request to its reply.
 *
 * Each request passes the same steps, and the first that fails ends it:
 * find the row; verify the token, or the signature; charge the user's budget; ask the core
 * whether the session still holds and what its user may do (unless the request
 * is a command, which the core checks itself); see that no permission was taken
 * from him; decode query and body by the row's shapes; call the handler.  Its
 * result, whichever it is, is rendered by the row's edition.
 */
#pragma once

#include <stdint.h>

#include "auth/signed.h"
#include "base/ctx.h"
#include "http/edition.h"
#include "http/incoming.h"
#include "http/limit.h"
#include "http/router.h"
#include "wire/frame.h"

struct session;

/* What a worker serves with; all of it outlives the requests. */
struct server {
	const struct edition_list *editions;
	const struct router *router;
	struct limiter *limiter;
	/*
	 * Whose token is it?  May be answered from memory; says nothing of
	 * whether the session still lives.
	 */
	enum status (*verify)(struct ctx *ctx, const char *token,
		size_t length, struct session *out);
	/*
	 * The same of a request that a program signed; and use the signature
	 * up, once the request is in its user's budget.  NULL: none are taken.
	 */
	enum status (*verify_signed)(struct ctx *ctx,
		const struct signed_request *request, struct signer *out);
	enum status (*spend)(struct ctx *ctx, const struct signer *signer);
	/* Does ctx->session live, and what is its user now?  core_guard(). */
	enum status (*guard)(struct ctx *ctx, struct guard_answer *out);
	/* The permissions that USER lacks; NULL: nobody lacks any. */
	enum status (*denied)(struct ctx *ctx, uint32_t user, uint32_t *out);
	/* Set while a request is worked on; NULL: nobody looks. */
	_Atomic int32_t *busy;
	/* The connections that requests start with; the rest is zero. */
	struct ctx base;
};

/* A whole reply, in the arena: head with its empty line, then body. */
struct outgoing {
	const char *head;
	size_t head_length;
	const char *body;
	size_t body_length;
	/* For the log, all in the arena too. */
	const char *method;
	const char *path;
	const char *remote_address;
	const char *edition;
	int http_status;
	enum status status;
	uint32_t user; /* 0: nobody */
	const char *request_id;
	const char *reason; /* of a 5xx, for our eyes only; or NULL */
};

/* Serve IN, with all memory from ARENA. */
void dispatch(const struct server *server, const struct incoming *in,
	struct arena *arena, int64_t now_us, struct outgoing *out);
