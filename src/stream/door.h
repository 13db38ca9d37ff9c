/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * door.h - who is let in: from the request of an upgrade to an admission.
 *
 * All is checked before the connection is upgraded, so that a refusal is a
 * status with a body in the edition's shape, which a browser's console and
 * curl can show, and not a WebSocket that closes.
 */
#pragma once

#include <stddef.h>

#include "base/ctx.h"
#include "base/status.h"
#include "stream/hub.h"

/*
 * What the transport knows of a request.  All texts are decoded already, end
 * with NUL, and are NULL where there is none.
 */
struct knock {
	const char *path;
	const char *symbol; /* of the query */
	const char *after_seq;
	const char *token;
	const char *ticket;
	const char *authorization;
	const char *origin;
	const char *host;   /* that was asked for, with its port */
	const char *scheme; /* "http" or "https", as the browser sees it */
};

/*
 * The spelling whose path this is, or NULL.  *SYMBOL is what stands in place
 * of {symbol}, or NULL.
 */
const struct spelling *door_find(const struct hub *hub, const char *path,
	const char **symbol);

/*
 * May KNOCK come in?  With the fault in CTX:
 *  ST_NOT_FOUND        there is no such address
 *  ST_FORBIDDEN        its origin may not
 *  ST_UNAVAILABLE      there are as many connections as there may be
 *  ST_INVALID          there is no such market, or number
 *  ST_UNAUTHENTICATED  no token, or none that is good
 *  ST_RATE_LIMITED     the user has as many connections as he may
 */
enum status door_open(struct hub *hub, struct ctx *ctx,
	const struct knock *knock, struct admission *out) MUST_USE;

/*
 * Whether a page of ORIGIN may connect: one of our own (SCHEME://HOST), or one
 * of ALLOWED, a list with spaces or commas.  Who sends none is no browser.
 */
bool origin_allowed(const char *origin, const char *scheme, const char *host,
	const char *allowed);
