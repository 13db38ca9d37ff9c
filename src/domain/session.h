/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session.h - sessions: begun by a log-in, kept up by refresh tokens, ended.
 *
 * A session is a row that tokens name.  Its access tokens live an hour at
 * most and are checked by the guard, so that ending it holds on the next
 * request; its refresh tokens are opaque, stored as keyed digests, and good
 * for one use, which gives a new one.  A refresh token that is used again
 * ends its session: one of its two users has stolen it.
 *
 * (struct session, who asks, is in auth/session.h.)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "auth/session.h"
#include "auth/token.h"
#include "base/ctx.h"
#include "domain/user.h"

/* Documents show when somebody logged in, or registered, in whole seconds. */
static inline int64_t
session_second(int64_t time_us)
{
	return time_us - time_us % INT64_C(1000000);
}

/* What an edition grants, and how it calls itself. */
struct session_terms {
	const char *edition;
	const char *user_agent; /* or NULL */
	int64_t access_s;       /* 0: as configured */
	bool refreshable;       /* give a refresh token */
};

/* What a client is given. */
struct tokens {
	char access[TOKEN_TEXT_MAX];
	char refresh[RANDOM_TOKEN_MAX]; /* "": none */
	int64_t expires_in_s;           /* of the access token */
	struct session session;
};

/*
 * Begin a session of USER under EPOCH: inside the transaction of a log-in or
 * registration, which has locked his row.
 */
enum status session_open_tx(struct ctx *ctx, const struct user *user,
	uint32_t epoch, bool otp, const struct session_terms *terms,
	struct tokens *out) MUST_USE;

/* The same with a transaction of its own: who registers is logged in. */
enum status session_open(struct ctx *ctx, const struct user *user,
	const struct session_terms *terms, struct tokens *out) MUST_USE;

/*
 * New tokens for a refresh token.  ST_UNAUTHENTICATED when it is unknown,
 * over, used, or its session has ended.  Of several at once one is answered;
 * a use after that answer ends the session.
 */
enum status session_refresh(struct ctx *ctx, const char *refresh,
	const struct session_terms *terms, struct tokens *out) MUST_USE;

/*
 * End the caller's session, and that of REFRESH (or NULL), if it is one of
 * his.
 */
enum status session_logout(struct ctx *ctx, const char *refresh) MUST_USE;

/* End session ID of the caller; ST_NOT_FOUND when he has none of that id. */
enum status session_end(struct ctx *ctx, struct ident id) MUST_USE;

struct session_row {
	struct ident id;
	const char *edition, *ip, *user_agent;
	int64_t created_us, last_seen_us, expires_us;
	bool otp;
};

struct session_list {
	struct session_row *rows;
	size_t n;
};

/* The caller's, the newest first; those that have not ended. */
enum status session_list(struct ctx *ctx, struct session_list *out) MUST_USE;

/*
 * Mark all sessions of USER as ended, inside a transaction whose command
 * raises his epoch.
 */
enum status session_end_all_tx(struct ctx *ctx, uint32_t user,
	const char *reason) MUST_USE;

/*
 * The same for all but KEEP, whose epoch does not rise: each that may have a
 * living token gets an intent to revoke it, to be sent after the commit by
 * session_send_revokes().
 */
struct revokes {
	struct ident *intents;
	size_t n;
};
enum status session_end_others_tx(struct ctx *ctx, uint32_t user,
	struct ident keep, const char *reason, struct revokes *out) MUST_USE;
enum status session_send_revokes(struct ctx *ctx,
	const struct revokes *revokes) MUST_USE;

/* A new access token for the caller's own session, now with otp. */
enum status session_raise(struct ctx *ctx, struct tokens *out) MUST_USE;
