/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * session.c - beginning, refreshing, listing sessions.
 *
 * How sessions end is in session_end.c.
 */
#include "domain/session.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/session_end.h"

/*
 * How long the answer to a refresh is held back.  A use of the same token
 * that arrives in this time comes from somebody who can't have seen the
 * answer: a client that asks several times at once, and not a thief's victim.
 * It is refused like any other, but the session lives on.  Tabs of a browser
 * that wake up together are apart by about as much; a worker waits so long,
 * which is why refreshes go to the pool of those who wait.
 */
#define HOLD_US (250 * INT64_C(1000))

#define LIST_MAX 100
#define AMR_PASSWORD "pwd"
#define AMR_OTP "pwd otp"

static int64_t
access_us(const struct ctx *ctx, const struct session_terms *terms)
{
	int64_t seconds = terms->access_s;

	if (seconds == 0)
		seconds = conf_number(ctx->conf, CONF_AUTH_ACCESS_SECONDS);
	return seconds * US_PER_SECOND;
}

static int64_t
refresh_us(const struct ctx *ctx)
{
	return conf_number(ctx->conf, CONF_AUTH_REFRESH_SECONDS) *
		US_PER_SECOND;
}

static struct digest
refresh_digest(const struct ctx *ctx, const char *refresh)
{
	return digest_of(ctx->auth->vault, DIGEST_REFRESH, refresh,
		strlen(refresh));
}

static enum status
insert_refresh(struct ctx *ctx, const struct session *session, char *refresh)
{
	struct digest hash;

	random_token(refresh);
	hash = refresh_digest(ctx, refresh);
	return db_exec(ctx,
		"INSERT INTO refresh_tokens "
		"(hash, session_id, user_id, created_at, expires_at) "
		"VALUES (?, ?, ?, ?, ?)",
		DB_IN(db_bytes(hash.bytes, DIGEST_BYTES),
			db_ident(session->id), db_u64(session->user),
			db_time(ctx->now_us),
			db_time(ctx->now_us + refresh_us(ctx))),
		NULL);
}

/* ---- Beginning ----------------------------------------------------------- */

static enum status
insert_session(struct ctx *ctx, const struct session *session,
	const struct session_terms *terms)
{
	int64_t ends_us = terms->refreshable ? ctx->now_us + refresh_us(ctx)
					     : session->expires_us;

	TRY(db_exec(ctx,
		"INSERT INTO sessions (id, user_id, epoch, amr, edition, ip, "
		"user_agent, created_at, last_seen_at, expires_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(session->id), db_u64(session->user),
			db_u64(session->epoch),
			db_text(session->otp ? AMR_OTP : AMR_PASSWORD),
			db_text(terms->edition),
			db_text(audit_tame(ctx, ctx->remote_address, 45)),
			db_text(audit_tame(ctx, terms->user_agent, 255)),
			db_time(ctx->now_us), db_time(ctx->now_us),
			db_time(ends_us)),
		NULL));
	return db_exec(ctx, "UPDATE users SET last_login_at = ? WHERE id = ?",
		DB_IN(db_time(session_second(ctx->now_us)),
			db_u64(session->user)),
		NULL);
}

enum status
session_open_tx(struct ctx *ctx, const struct user *user, uint32_t epoch,
	bool otp, const struct session_terms *terms, struct tokens *out)
{
	struct session *session = &out->session;

	*session = (struct session){
		.id = ident_random(ctx->now_us),
		.public_id = user->id,
		.user = user->number,
		.epoch = epoch,
		.role = user->role,
		.otp = otp,
		.issued_us = ctx->now_us,
		.expires_us = ctx->now_us + access_us(ctx, terms),
	};
	out->expires_in_s = access_us(ctx, terms) / US_PER_SECOND;
	out->refresh[0] = '\0';
	TRY(insert_session(ctx, session, terms));
	if (terms->refreshable)
		TRY(insert_refresh(ctx, session, out->refresh));
	TRY(token_sign(ctx->auth->keyring, session, TOKEN_ACCESS,
		out->access));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.login",
			.outcome = AUDIT_OK,
			.actor = user->number,
			.user = user->number,
			.subject = session->id,
			.details = arena_printf(ctx->arena, "edition=%s otp=%d",
				terms->edition, otp),
		});
}

struct opening {
	const struct user *user;
	const struct session_terms *terms;
	struct tokens *tokens;
};

static enum status
open_tx(struct ctx *ctx, void *arg)
{
	struct opening *o = arg;

	return session_open_tx(ctx, o->user, o->user->epoch, false, o->terms,
		o->tokens);
}

enum status
session_open(struct ctx *ctx, const struct user *user,
	const struct session_terms *terms, struct tokens *out)
{
	struct opening opening = {user, terms, out};

	return db_tx(ctx, open_tx, &opening);
}

/* ---- Refreshing ---------------------------------------------------------- */

/* A refresh token with its session, as the transaction locked them. */
struct refreshable {
	struct session session;
	const char *amr;
	int64_t token_expires_us, used_us, ended_us;
};

enum verdict {
	REFRESH_REFUSED, /* unknown, over, or ended: nothing happens */
	REFRESH_REUSED,  /* and its session ends */
	REFRESH_DONE
};

struct refreshing {
	const char *refresh;
	const struct session_terms *terms;
	struct tokens *tokens;
	int64_t held_until_us;
	struct ident revoke; /* the intent, when REUSED */
	enum verdict verdict;
};

static enum status
lock_refreshable(struct ctx *ctx, const struct digest *hash,
	struct refreshable *out)
{
	return db_one(ctx,
		"SELECT t.session_id, t.user_id, t.expires_at, t.used_at, "
		"s.epoch, s.amr, s.ended_at, u.public_id FROM refresh_tokens t "
		"JOIN sessions s ON s.id = t.session_id "
		"JOIN users u ON u.id = t.user_id WHERE t.hash = ? FOR UPDATE",
		DB_IN(db_bytes(hash->bytes, DIGEST_BYTES)),
		DB_OUT(db_to_ident(&out->session.id),
			db_to_u32(&out->session.user),
			db_to_time(&out->token_expires_us),
			db_to_time(&out->used_us),
			db_to_u32(&out->session.epoch), db_to_text(&out->amr),
			db_to_time(&out->ended_us),
			db_to_ident(&out->session.public_id)));
}

/* Store that the old token was used, and the new one. */
static enum status
rotate(struct ctx *ctx, struct refreshing *r, const struct digest *hash,
	const struct session *session)
{
	r->held_until_us = clock_wall_us() + HOLD_US;
	TRY(db_exec(ctx, "UPDATE refresh_tokens SET used_at = ? WHERE hash = ?",
		DB_IN(db_time(r->held_until_us),
			db_bytes(hash->bytes, DIGEST_BYTES)),
		NULL));
	TRY(insert_refresh(ctx, session, r->tokens->refresh));
	TRY(db_exec(ctx,
		"UPDATE sessions SET last_seen_at = ?, expires_at = ? "
		"WHERE id = ?",
		DB_IN(db_time(ctx->now_us),
			db_time(ctx->now_us + refresh_us(ctx)),
			db_ident(session->id)),
		NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.refreshed",
			.outcome = AUDIT_OK,
			.actor = session->user,
			.user = session->user,
			.subject = session->id,
		});
}

/* Does the core still know the session as good?  Fills in the role. */
static enum status
ask_core(struct ctx *ctx, struct session *session, bool *good)
{
	struct guard_answer answer;

	TRY(core_ask(ctx,
		&(struct guard_request){
			.session = session->id,
			.user = session->user,
			.epoch = session->epoch,
		},
		&answer));
	*good = answer.verdict == GUARD_OK;
	session->role = (enum user_role)answer.role;
	return ST_OK;
}

static enum status
refresh_tx(struct ctx *ctx, void *arg)
{
	struct refreshing *r = arg;
	struct digest hash = refresh_digest(ctx, r->refresh);
	struct refreshable found;
	enum status status = lock_refreshable(ctx, &hash, &found);
	bool good;

	r->verdict = REFRESH_REFUSED;
	if (status == ST_NOT_FOUND)
		return ST_OK;
	TRY(status);
	if (found.ended_us != DB_NO_TIME ||
		found.token_expires_us <= ctx->now_us)
		return ST_OK;
	if (found.used_us != DB_NO_TIME) {
		/* It was under way when the first was: no thief's. */
		if (ctx->arrived_us < found.used_us)
			return ST_OK;
		r->verdict = REFRESH_REUSED;
		return session_end_one_tx(ctx, &found.session,
			"refresh token used twice", "auth.refresh_reused",
			&r->revoke);
	}
	TRY(ask_core(ctx, &found.session, &good));
	if (!good)
		return ST_OK;
	found.session.otp = strcmp(found.amr, AMR_OTP) == 0;
	found.session.issued_us = ctx->now_us;
	found.session.expires_us = ctx->now_us + access_us(ctx, r->terms);
	TRY(rotate(ctx, r, &hash, &found.session));
	r->tokens->session = found.session;
	r->verdict = REFRESH_DONE;
	return ST_OK;
}

static void
sleep_until(int64_t wall_us)
{
	int64_t left_us = wall_us - clock_wall_us();
	struct timespec left;

	if (left_us <= 0 || left_us > HOLD_US)
		return;
	left.tv_sec = 0;
	left.tv_nsec = left_us * 1000;
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

enum status
session_refresh(struct ctx *ctx, const char *refresh,
	const struct session_terms *terms, struct tokens *out)
{
	struct refreshing r = {
		.refresh = refresh,
		.terms = terms,
		.tokens = out,
	};

	TRY(db_tx(ctx, refresh_tx, &r));
	if (r.verdict == REFRESH_REUSED && !ident_is_none(r.revoke))
		TRY(intent_send(ctx, r.revoke));
	if (r.verdict != REFRESH_DONE)
		return fail(ctx, ST_UNAUTHENTICATED, NULL,
			"the refresh token is not valid");
	out->expires_in_s = access_us(ctx, terms) / US_PER_SECOND;
	TRY(token_sign(ctx->auth->keyring, &out->session, TOKEN_ACCESS,
		out->access));
	sleep_until(r.held_until_us);
	return ST_OK;
}

/* ---- Raising and listing ------------------------------------------------- */

enum status
session_raise(struct ctx *ctx, struct tokens *out)
{
	struct session_terms terms = {.access_s = 0};

	TRY(db_exec(ctx, "UPDATE sessions SET amr = ? WHERE id = ?",
		DB_IN(db_text(AMR_OTP), db_ident(ctx->session->id)), NULL));
	out->session = *ctx->session;
	out->session.otp = true;
	out->session.issued_us = ctx->now_us;
	out->session.expires_us = ctx->now_us + access_us(ctx, &terms);
	out->expires_in_s = access_us(ctx, &terms) / US_PER_SECOND;
	out->refresh[0] = '\0';
	return token_sign(ctx->auth->keyring, &out->session, TOKEN_ACCESS,
		out->access);
}

enum status
session_list(struct ctx *ctx, struct session_list *out)
{
	struct session_list list = {.n = 0};
	struct session_row row;
	struct db_rows *rows;
	const char *amr;

	TRY(db_query(ctx,
		"SELECT id, edition, ip, user_agent, amr, created_at, "
		"last_seen_at, expires_at FROM sessions WHERE user_id = ? "
		"AND ended_at IS NULL AND expires_at > ? "
		"ORDER BY created_at DESC, id LIMIT ?",
		DB_IN(db_u64(ctx->session->user), db_time(ctx->now_us),
			db_i64(LIST_MAX)),
		&rows));
	list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_text(&row.edition),
			db_to_text(&row.ip), db_to_text(&row.user_agent),
			db_to_text(&amr), db_to_time(&row.created_us),
			db_to_time(&row.last_seen_us),
			db_to_time(&row.expires_us)))) {
		row.otp = strcmp(amr, AMR_OTP) == 0;
		list.rows[list.n++] = row;
	}
	*out = list;
	return ST_OK;
}
