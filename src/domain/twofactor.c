/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twofactor.c - showing a code: checked first, used up later.
 */
#include "domain/twofactor.h"

#include "auth/auth.h"
#include "auth/totp.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/throttle.h"
#include "domain/twofactor_secret.h"

static enum status
load_secret(struct ctx *ctx, const struct user *user, struct totp_secret *out,
	int64_t *last_step)
{
	const uint8_t *sealed;
	size_t length;

	TRY(db_one(ctx,
		"SELECT totp_secret, totp_last_step FROM users "
		"WHERE id = ? AND totp_enabled = 1",
		DB_IN(db_u64(user->number)),
		DB_OUT(db_to_bytes(&sealed, &length), db_to_i64(last_step))));
	return secret_open(ctx, user, SECRET_ACTIVE, sealed, length, out);
}

static enum status
find_recovery(struct ctx *ctx, uint32_t user, const char *code,
	struct shown_code *out)
{
	struct shown_code shown = {.recovery = true};

	if (!recovery_code_digest(ctx->auth->vault, user, code, &shown.digest))
		return ST_NOT_FOUND;
	TRY(db_one(ctx,
		"SELECT id FROM recovery_codes WHERE user_id = ? "
		"AND hash = ? AND used_at IS NULL",
		DB_IN(db_u64(user), db_bytes(shown.digest.bytes, DIGEST_BYTES)),
		DB_OUT(db_to_skip())));
	*out = shown;
	return ST_OK;
}

static enum status
wrong_code_tx(struct ctx *ctx, void *arg)
{
	const struct user *user = arg;
	struct throttle throttle = throttle_code(ctx, user->number);

	TRY(throttle_fail(ctx, &throttle, NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.code",
			.outcome = AUDIT_REFUSED,
			.user = user->number,
			.subject = user->id,
		});
}

enum status
twofactor_check(struct ctx *ctx, const struct user *user, const char *code,
	struct shown_code *out)
{
	struct throttle throttle = throttle_code(ctx, user->number);
	struct user who = *user;
	struct totp_secret secret;
	struct shown_code shown = {.recovery = false};
	int64_t last_step;
	enum status status;

	if (!code || !*code)
		return fail(ctx, ST_TOTP_REQUIRED, "totp_code",
			"a code of the second factor is needed");
	TRY(throttle_check(ctx, &throttle));
	TRY(load_secret(ctx, user, &secret, &last_step));
	status = totp_check(&secret, code, ctx->now_us, last_step, &shown.step);
	if (status != ST_OK)
		status = find_recovery(ctx, user->number, code, &shown);
	if (status == ST_NOT_FOUND) {
		TRY(db_tx(ctx, wrong_code_tx, &who));
		return fail(ctx, ST_TOTP_REQUIRED, "totp_code",
			"the code is wrong or has been used");
	}
	TRY(status);
	*out = shown;
	return ST_OK;
}

static enum status
use_recovery(struct ctx *ctx, uint32_t user, const struct digest *digest,
	struct db_done *done)
{
	TRY(db_exec(ctx,
		"UPDATE recovery_codes SET used_at = ? "
		"WHERE user_id = ? AND hash = ? AND used_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_u64(user),
			db_bytes(digest->bytes, DIGEST_BYTES)),
		done));
	if (done->affected == 0)
		return ST_OK;
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.recovery_code",
			.outcome = AUDIT_OK,
			.actor = user,
			.user = user,
		});
}

enum status
twofactor_use_tx(struct ctx *ctx, uint32_t user, const struct shown_code *code)
{
	struct throttle throttle = throttle_code(ctx, user);
	struct db_done done;

	if (code->recovery)
		TRY(use_recovery(ctx, user, &code->digest, &done));
	else
		TRY(db_exec(ctx,
			"UPDATE users SET totp_last_step = ? WHERE id = ? "
			"AND totp_enabled = 1 AND totp_last_step < ?",
			DB_IN(db_i64(code->step), db_u64(user),
				db_i64(code->step)),
			&done));
	if (done.affected == 0)
		return fail(ctx, ST_TOTP_REQUIRED, "totp_code",
			"the code is wrong or has been used");
	return throttle_clear(ctx, &throttle);
}
