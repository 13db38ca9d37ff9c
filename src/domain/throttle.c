/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * throttle.c - rows of login_failures.
 */
#include "domain/throttle.h"

#include <ctype.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"

#define WINDOW_US (15 * US_PER_MINUTE)
#define LOGINS_FREE 10
#define CODES_FREE 5
#define NAME_MAX_BYTES 256
#define KNOWN_US (90 * 24 * US_PER_HOUR)

static struct throttle
make(const struct ctx *ctx, const char *kind, uint32_t user, const char *name,
	uint32_t free)
{
	struct throttle throttle = {.free = free};
	struct digest_state state;

	digest_begin(&state, ctx->auth->vault, DIGEST_NAME);
	digest_text(&state, kind);
	digest_number(&state, user);
	digest_text(&state, name);
	throttle.subject = digest_end(&state);
	return throttle;
}

/* Has USER logged in from where the caller is, not too long ago? */
static enum status
is_known(struct ctx *ctx, uint32_t user, const char *address, bool *known)
{
	return db_one(ctx,
		"SELECT EXISTS(SELECT 1 FROM sessions WHERE user_id = ? "
		"AND ip = ? AND created_at > ?)",
		DB_IN(db_u64(user), db_text(address),
			db_time(ctx->now_us - KNOWN_US)),
		DB_OUT(db_to_bool(known)));
}

/* A name without a user is asked about too: it takes as long. */
enum status
throttle_login(struct ctx *ctx, uint32_t user, const char *name,
	struct throttle *out)
{
	const char *address = audit_tame(ctx, ctx->remote_address, 45);
	char folded[NAME_MAX_BYTES];
	bool known = false;
	size_t i;

	if (*address)
		TRY(is_known(ctx, user, address, &known));
	for (i = 0; user == 0 && name[i] && i < sizeof(folded) - 1; i++)
		folded[i] = (char)tolower((unsigned char)name[i]);
	folded[i] = '\0';
	if (known)
		*out = make(ctx, "login-from", user, address, LOGINS_FREE);
	else
		*out = make(ctx, "login", user, folded, LOGINS_FREE);
	return ST_OK;
}

struct throttle
throttle_confirm(const struct ctx *ctx, uint32_t user)
{
	return make(ctx, "confirm", user, "", LOGINS_FREE);
}

struct throttle
throttle_code(const struct ctx *ctx, uint32_t user)
{
	return make(ctx, "code", user, "", CODES_FREE);
}

struct throttle
throttle_enrol(const struct ctx *ctx, uint32_t user)
{
	return make(ctx, "enrol", user, "", CODES_FREE);
}

enum status
throttle_check(struct ctx *ctx, const struct throttle *throttle)
{
	int64_t until_us;
	enum status status = db_one(ctx,
		"SELECT blocked_until FROM login_failures WHERE subject = ?",
		DB_IN(db_bytes(throttle->subject.bytes, DIGEST_BYTES)),
		DB_OUT(db_to_time(&until_us)));

	if (status == ST_NOT_FOUND)
		return ST_OK;
	TRY(status);
	if (until_us == DB_NO_TIME || until_us <= ctx->now_us)
		return ST_OK;
	ctx->fault.retry_after_us = until_us - ctx->now_us;
	return fail(ctx, ST_RATE_LIMITED, NULL,
		"too many failed attempts; try again later");
}

/* Assignments are made from left to right: the later see the new count. */
enum status
throttle_fail(struct ctx *ctx, const struct throttle *throttle, uint32_t *count)
{
	struct db_value now = db_time(ctx->now_us);
	struct db_value since = db_time(ctx->now_us - WINDOW_US);
	struct db_value subject =
		db_bytes(throttle->subject.bytes, DIGEST_BYTES);
	struct db_value from = db_u64(throttle->free);

	TRY(db_exec(ctx,
		"INSERT INTO login_failures "
		"(subject, failures, first_at, last_at) VALUES (?, 1, ?, ?) "
		"ON DUPLICATE KEY UPDATE "
		"failures = IF(first_at < ?, 1, failures + 1), "
		"first_at = IF(first_at < ?, ?, first_at), last_at = ?, "
		"blocked_until = IF(failures < ?, NULL, "
		"CAST(? AS DATETIME(6)) + INTERVAL "
		"LEAST(15 << LEAST(failures - ?, 6), 900) SECOND)",
		DB_IN(subject, now, now, since, since, now, now, from, now,
			from),
		NULL));
	if (!count)
		return ST_OK;
	return db_one(ctx,
		"SELECT failures FROM login_failures WHERE subject = ? "
		"FOR UPDATE",
		DB_IN(subject), DB_OUT(db_to_u32(count)));
}

enum status
throttle_clear(struct ctx *ctx, const struct throttle *throttle)
{
	return db_exec(ctx, "DELETE FROM login_failures WHERE subject = ?",
		DB_IN(db_bytes(throttle->subject.bytes, DIGEST_BYTES)), NULL);
}
