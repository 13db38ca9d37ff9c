/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ws_ticket.c - tickets for WebSockets.
 *
 * A browser can't put a header on a WebSocket, and a token in an address ends
 * up in histories and logs.  So it may take a ticket, which is good for one
 * connection, at any stream of any document, within half a minute; the
 * connection then lasts as long as the token would have let it.
 */
#include "auth/auth.h"
#include "auth/token.h"
#include "base/clock.h"
#include "handlers/quantora/edition.h"
#include "http/request.h"

#define TICKET_SECONDS 30

static enum status
create(struct req *req)
{
	struct ctx *ctx = &req->ctx;
	struct session session = *ctx->session;
	char *ticket = arena_alloc(ctx->arena, TOKEN_TEXT_MAX);
	struct reply *r;

	/* Nobody comes here by a program's key, which has no end to go by. */
	session.until_us = session.expires_us;
	/* A token has whole seconds: it may end a little early. */
	session.issued_us = ctx->now_us;
	session.expires_us = ctx->now_us + TICKET_SECONDS * US_PER_SECOND;
	session.expires_us -= session.expires_us % US_PER_SECOND;
	if (session.until_us < session.expires_us)
		session.expires_us = session.until_us;
	if (token_sign(ctx->auth->keyring, &session, TOKEN_STREAM, ticket) !=
		ST_OK)
		return ST_INTERNAL;
	r = req_reply(req);
	reply_object(r, "data");
	reply_text(r, "ticket", ticket);
	reply_int(r, "expires_in", TICKET_SECONDS);
	reply_time(r, "expires_at", session.expires_us);
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route quantora_ws_ticket[] = {
	{POST, "/api/ws/ticket", create, AUTH_USER, RATE_WRITE, POOL_API,
		NO_INPUT},
	ROUTE_END
};
/* clang-format on */
