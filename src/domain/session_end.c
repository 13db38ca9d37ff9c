/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session_end.c - ending sessions: in MySQL, which kills their refresh
 * tokens, and by a command, which kills their access tokens.
 */
#include "domain/session_end.h"

#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/session.h"

/* The longest that an access token issued by now may live. */
static int64_t
tokens_die_us(const struct ctx *ctx)
{
	int64_t seconds = conf_number(ctx->conf, CONF_AUTH_ACCESS_SECONDS);

	if (seconds < 3600)
		seconds = 3600; /* an edition may grant so much of its own */
	return ctx->now_us + (seconds + 60) * US_PER_SECOND;
}

static enum status
promise_revoke(struct ctx *ctx, uint32_t user, struct ident session,
	struct ident *intent)
{
	struct cmd_session_revoke revoke = {
		.head = CORE_COMMAND(SESSION_REVOKE, cmd_session_revoke, user),
		.intent = ident_random(ctx->now_us),
		.session = session,
		.expires_us = tokens_die_us(ctx),
	};

	*intent = revoke.intent;
	return intent_write(ctx, revoke.intent, "session-revoke", session,
		&revoke.head);
}

static enum status
mark_ended(struct ctx *ctx, const struct session *session, const char *reason,
	struct db_done *done)
{
	return db_exec(ctx,
		"UPDATE sessions SET ended_at = ?, end_reason = ? "
		"WHERE id = ? AND user_id = ? AND ended_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_text(reason),
			db_ident(session->id), db_u64(session->user)),
		done);
}

enum status
session_end_one_tx(struct ctx *ctx, const struct session *session,
	const char *reason, const char *action, struct ident *intent)
{
	struct db_done done;

	*intent = IDENT_NONE;
	TRY(mark_ended(ctx, session, reason, &done));
	if (done.affected == 0)
		return ST_OK;
	TRY(promise_revoke(ctx, session->user, session->id, intent));
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.actor = session->user,
			.user = session->user,
			.subject = session->id,
		});
}

/* ---- By the user --------------------------------------------------------- */

struct ending {
	struct session sessions[2];
	struct ident intents[2];
	size_t n;
	const char *reason, *action;
};

static enum status
end_tx(struct ctx *ctx, void *arg)
{
	struct ending *e = arg;
	size_t i;

	for (i = 0; i < e->n; i++)
		TRY(session_end_one_tx(ctx, &e->sessions[i], e->reason,
			e->action, &e->intents[i]));
	return ST_OK;
}

static enum status
end_sessions(struct ctx *ctx, struct ending *ending)
{
	size_t i;

	TRY(db_tx(ctx, end_tx, ending));
	for (i = 0; i < ending->n; i++)
		if (!ident_is_none(ending->intents[i]))
			TRY(intent_send(ctx, ending->intents[i]));
	return ST_OK;
}

/* The live session of the caller that REFRESH belongs to; IDENT_NONE: none. */
static enum status
session_of_refresh(struct ctx *ctx, const char *refresh, struct ident *out)
{
	struct digest hash = digest_of(ctx->auth->vault, DIGEST_REFRESH,
		refresh, strlen(refresh));
	enum status status = db_one(ctx,
		"SELECT t.session_id FROM refresh_tokens t "
		"JOIN sessions s ON s.id = t.session_id "
		"WHERE t.hash = ? AND t.user_id = ? AND s.ended_at IS NULL",
		DB_IN(db_bytes(hash.bytes, DIGEST_BYTES),
			db_u64(ctx->session->user)),
		DB_OUT(db_to_ident(out)));

	if (status != ST_NOT_FOUND)
		return status;
	*out = IDENT_NONE;
	return ST_OK;
}

enum status
session_logout(struct ctx *ctx, const char *refresh)
{
	struct ending ending = {
		.sessions = {*ctx->session, *ctx->session},
		.n = 1,
		.reason = "logout",
		.action = "auth.logout",
	};
	struct ident other = IDENT_NONE;

	if (refresh)
		TRY(session_of_refresh(ctx, refresh, &other));
	if (!ident_is_none(other) && !ident_equal(other, ctx->session->id)) {
		ending.sessions[1].id = other;
		ending.n = 2;
	}
	return end_sessions(ctx, &ending);
}

enum status
session_end(struct ctx *ctx, struct ident id)
{
	struct ending ending = {
		.sessions = {{.id = id, .user = ctx->session->user}},
		.n = 1,
		.reason = "ended",
		.action = "auth.session_ended",
	};

	TRY(db_one(ctx,
		"SELECT id FROM sessions WHERE id = ? AND user_id = ? "
		"AND ended_at IS NULL AND expires_at > ?",
		DB_IN(db_ident(id), db_u64(ctx->session->user),
			db_time(ctx->now_us)),
		DB_OUT(db_to_skip())));
	return end_sessions(ctx, &ending);
}

/* ---- Many at once -------------------------------------------------------- */

enum status
session_end_all_tx(struct ctx *ctx, uint32_t user, const char *reason)
{
	return db_exec(ctx,
		"UPDATE sessions SET ended_at = ?, end_reason = ? "
		"WHERE user_id = ? AND ended_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_text(reason), db_u64(user)),
		NULL);
}

enum status
session_end_others_tx(struct ctx *ctx, uint32_t user, struct ident keep,
	const char *reason, struct revokes *out)
{
	/* Whose last token is older than a token's life has none left. */
	int64_t alive_us = 2 * ctx->now_us - tokens_die_us(ctx);
	struct revokes revokes = {.n = 0};
	struct db_rows *rows;
	struct ident id;

	TRY(db_query(ctx,
		"SELECT id FROM sessions WHERE user_id = ? AND id <> ? "
		"AND ended_at IS NULL AND last_seen_at > ? FOR UPDATE",
		DB_IN(db_u64(user), db_ident(keep), db_time(alive_us)), &rows));
	revokes.intents = arena_array(ctx->arena, db_count(rows),
		sizeof(struct ident));
	while (db_next(rows, DB_OUT(db_to_ident(&id))))
		TRY(promise_revoke(ctx, user, id,
			&revokes.intents[revokes.n++]));
	TRY(db_exec(ctx,
		"UPDATE sessions SET ended_at = ?, end_reason = ? "
		"WHERE user_id = ? AND id <> ? AND ended_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_text(reason), db_u64(user),
			db_ident(keep)),
		NULL));
	*out = revokes;
	return ST_OK;
}

enum status
session_send_revokes(struct ctx *ctx, const struct revokes *revokes)
{
	size_t i;

	for (i = 0; i < revokes->n; i++)
		TRY(intent_send(ctx, revokes->intents[i]));
	return ST_OK;
}
