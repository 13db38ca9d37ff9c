/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twofactor_setup.c - setting a second factor up, replacing it, taking it
 * away.
 */
#include <string.h>

#include "auth/auth.h"
#include "auth/qr.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/login.h"
#include "domain/throttle.h"
#include "domain/twofactor.h"
#include "domain/twofactor_secret.h"

#define PENDING_LIFE_US US_PER_HOUR
#define QR_SCALE 6
#define URI_MAX 1024

/* ---- Seeds --------------------------------------------------------------- */

static struct vault_place
place_of(const struct user *user, const char *place)
{
	return (struct vault_place){place, user->number, user->id};
}

size_t
secret_seal(struct ctx *ctx, const struct user *user, const char *place,
	const struct totp_secret *secret, uint8_t *sealed)
{
	struct vault_place at = place_of(user, place);

	vault_seal(ctx->auth->vault, VAULT_TOTP, &at, secret->bytes,
		secret->length, sealed);
	return secret->length + VAULT_OVERHEAD;
}

enum status
secret_open(struct ctx *ctx, const struct user *user, const char *place,
	const uint8_t *sealed, size_t length, struct totp_secret *out)
{
	struct vault_place at = place_of(user, place);

	if (length > SECRET_SEALED_MAX ||
		vault_open_sealed(ctx->auth->vault, VAULT_TOTP, &at, sealed,
			length, out->bytes, &out->length) != ST_OK)
		return fail(ctx, ST_INTERNAL, NULL,
			"the second factor cannot be read");
	return ST_OK;
}

/* ---- What all of it needs ------------------------------------------------ */

/* A change of a second factor, by who shows the present one, if any. */
struct setup {
	struct user user;
	struct shown_code code; /* of the present one */
	bool has_code;
	uint8_t sealed[SECRET_SEALED_MAX];
	size_t sealed_length;
	int64_t pending_us; /* when the pending one was made */
	int64_t step;       /* of the code that verified it */
	struct recovery_codes *recovery;
	struct revokes revokes;
	struct tokens *tokens;
};

static enum status
show_present(struct ctx *ctx, struct setup *s, const char *password,
	const char *code)
{
	if (!password)
		return fail(ctx, ST_CONFLICT, "password",
			"a second factor is set up; to change it, give the "
			"password and a current code");
	TRY(login_confirm(ctx, password));
	TRY(twofactor_check(ctx, &s->user, code, &s->code));
	s->has_code = true;
	return ST_OK;
}

static int64_t
blocked_until(const struct ctx *ctx)
{
	return ctx->now_us + conf_number(ctx->conf,
				     CONF_WITHDRAWAL_BLOCK_HOURS) *
		US_PER_HOUR;
}

static enum status
audit_setup(struct ctx *ctx, const struct user *user, const char *action)
{
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.user = user->number,
			.subject = user->id,
		});
}

/* ---- Enrolling ----------------------------------------------------------- */

static enum status
enrol_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;
	struct throttle throttle = throttle_enrol(ctx, s->user.number);

	if (s->has_code)
		TRY(twofactor_use_tx(ctx, s->user.number, &s->code));
	TRY(db_exec(ctx,
		"UPDATE users SET totp_pending_secret = ?, "
		"totp_pending_at = ?, updated_at = ? WHERE id = ?",
		DB_IN(db_bytes(s->sealed, s->sealed_length),
			db_time(ctx->now_us), db_time(ctx->now_us),
			db_u64(s->user.number)),
		NULL));
	TRY(throttle_clear(ctx, &throttle));
	return audit_setup(ctx, &s->user, "auth.2fa_enrolled");
}

static enum status
show_secret(struct ctx *ctx, const struct user *user,
	const struct totp_secret *secret, const char *issuer,
	struct enrolment *out)
{
	char *text = arena_alloc(ctx->arena, TOTP_BASE32_MAX);
	char *uri = arena_alloc(ctx->arena, URI_MAX), *qr;

	totp_secret_format(secret, text);
	TRY(totp_uri(secret, issuer, user->email, uri, URI_MAX));
	TRY(qr_data_uri(ctx->arena, uri, QR_SCALE, &qr));
	*out = (struct enrolment){text, uri, qr};
	return ST_OK;
}

enum status
twofactor_enrol(struct ctx *ctx, const char *password, const char *code,
	const char *issuer, struct enrolment *out)
{
	struct setup s = {.has_code = false};
	struct totp_secret secret;

	TRY(user_by_number(ctx, ctx->session->user, &s.user));
	if (s.user.totp_enabled)
		TRY(show_present(ctx, &s, password, code));
	totp_secret_random(&secret);
	s.sealed_length = secret_seal(ctx, &s.user, SECRET_PENDING, &secret,
		s.sealed);
	TRY(db_tx(ctx, enrol_tx, &s));
	return show_secret(ctx, &s.user, &secret, issuer, out);
}

/* ---- Verifying ----------------------------------------------------------- */

static enum status
drop_pending(struct ctx *ctx, uint32_t user)
{
	return db_exec(ctx,
		"UPDATE users SET totp_pending_secret = NULL, "
		"totp_pending_at = NULL WHERE id = ?",
		DB_IN(db_u64(user)), NULL);
}

/* The fifth wrong code ends the enrolment: the next one has a new secret. */
static enum status
wrong_code_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;
	struct throttle throttle = throttle_enrol(ctx, s->user.number);
	uint32_t count;

	TRY(throttle_fail(ctx, &throttle, &count));
	if (count >= throttle.free)
		TRY(drop_pending(ctx, s->user.number));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.2fa_verify",
			.outcome = AUDIT_REFUSED,
			.user = s->user.number,
			.subject = s->user.id,
		});
}

static enum status
replace_recovery(struct ctx *ctx, uint32_t user, struct recovery_codes *out)
{
	struct digest digest;
	int i;

	TRY(db_exec(ctx, "DELETE FROM recovery_codes WHERE user_id = ?",
		DB_IN(db_u64(user)), NULL));
	for (i = 0; i < RECOVERY_CODES; i++) {
		recovery_code_random(out->codes[i]);
		if (!recovery_code_digest(ctx->auth->vault, user,
			    out->codes[i], &digest))
			return ST_INTERNAL;
		TRY(db_exec(ctx,
			"INSERT INTO recovery_codes "
			"(user_id, hash, created_at) VALUES (?, ?, ?)",
			DB_IN(db_u64(user),
				db_bytes(digest.bytes, DIGEST_BYTES),
				db_time(ctx->now_us)),
			NULL));
	}
	return ST_OK;
}

static enum status
store_active(struct ctx *ctx, const struct setup *s)
{
	struct db_done done;

	/* Replacing a second factor blocks withdrawals; a first one does not. */
	TRY(db_exec(ctx,
		"UPDATE users SET withdrawals_blocked_until = "
		"IF(totp_enabled, ?, withdrawals_blocked_until), "
		"totp_secret = ?, totp_enabled = 1, totp_last_step = ?, "
		"totp_changed_at = ?, totp_pending_secret = NULL, "
		"totp_pending_at = NULL, updated_at = ? "
		"WHERE id = ? AND totp_pending_at = ?",
		DB_IN(db_time(blocked_until(ctx)),
			db_bytes(s->sealed, s->sealed_length), db_i64(s->step),
			db_time(ctx->now_us), db_time(ctx->now_us),
			db_u64(s->user.number), db_time(s->pending_us)),
		&done));
	if (done.affected == 0)
		return fail(ctx, ST_CONFLICT, NULL,
			"the enrolment is not pending any more");
	return ST_OK;
}

static enum status
verify_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;
	struct throttle throttle = throttle_enrol(ctx, s->user.number);

	TRY(store_active(ctx, s));
	TRY(replace_recovery(ctx, s->user.number, s->recovery));
	TRY(throttle_clear(ctx, &throttle));
	TRY(session_end_others_tx(ctx, s->user.number, ctx->session->id,
		"second factor", &s->revokes));
	TRY(session_raise(ctx, s->tokens));
	return audit_setup(ctx, &s->user,
		s->user.totp_enabled ? "auth.2fa_replaced" : "auth.2fa_enabled");
}

static enum status
load_pending(struct ctx *ctx, struct setup *s, struct totp_secret *out)
{
	const uint8_t *sealed;
	size_t length;

	TRY(db_one(ctx,
		"SELECT totp_pending_secret, totp_pending_at FROM users "
		"WHERE id = ?",
		DB_IN(db_u64(s->user.number)),
		DB_OUT(db_to_bytes(&sealed, &length),
			db_to_time(&s->pending_us))));
	if (s->pending_us == DB_NO_TIME ||
		s->pending_us + PENDING_LIFE_US <= ctx->now_us)
		return fail(ctx, ST_CONFLICT, NULL,
			"no second factor is being set up: enroll first");
	return secret_open(ctx, &s->user, SECRET_PENDING, sealed, length, out);
}

enum status
twofactor_verify(struct ctx *ctx, const char *code,
	struct recovery_codes *recovery, struct tokens *tokens)
{
	struct setup s = {.recovery = recovery, .tokens = tokens};
	struct totp_secret secret;

	TRY(user_by_number(ctx, ctx->session->user, &s.user));
	TRY(load_pending(ctx, &s, &secret));
	if (totp_check(&secret, code, ctx->now_us, -1, &s.step) != ST_OK) {
		TRY(db_tx(ctx, wrong_code_tx, &s));
		return fail(ctx, ST_INVALID, "totp_code", "the code is wrong");
	}
	s.sealed_length = secret_seal(ctx, &s.user, SECRET_ACTIVE, &secret,
		s.sealed);
	TRY(db_tx(ctx, verify_tx, &s));
	return session_send_revokes(ctx, &s.revokes);
}

/* ---- Taking it away ------------------------------------------------------ */

static enum status
disable_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;

	TRY(twofactor_use_tx(ctx, s->user.number, &s->code));
	TRY(db_exec(ctx,
		"UPDATE users SET totp_enabled = 0, totp_secret = NULL, "
		"totp_changed_at = ?, withdrawals_blocked_until = ?, "
		"totp_pending_secret = NULL, totp_pending_at = NULL, "
		"updated_at = ? WHERE id = ?",
		DB_IN(db_time(ctx->now_us), db_time(blocked_until(ctx)),
			db_time(ctx->now_us), db_u64(s->user.number)),
		NULL));
	TRY(db_exec(ctx, "DELETE FROM recovery_codes WHERE user_id = ?",
		DB_IN(db_u64(s->user.number)), NULL));
	TRY(session_end_others_tx(ctx, s->user.number, ctx->session->id,
		"second factor", &s->revokes));
	/* What the present session refreshes to has no second factor. */
	TRY(db_exec(ctx, "UPDATE sessions SET amr = 'pwd' WHERE id = ?",
		DB_IN(db_ident(ctx->session->id)), NULL));
	return audit_setup(ctx, &s->user, "auth.2fa_disabled");
}

enum status
twofactor_disable(struct ctx *ctx, const char *password, const char *code)
{
	struct setup s = {.has_code = false};

	TRY(user_by_number(ctx, ctx->session->user, &s.user));
	if (!s.user.totp_enabled)
		return fail(ctx, ST_CONFLICT, NULL,
			"no second factor is set up");
	TRY(show_present(ctx, &s, password, code));
	TRY(db_tx(ctx, disable_tx, &s));
	return session_send_revokes(ctx, &s.revokes);
}

/* ---- New recovery codes -------------------------------------------------- */

static enum status
recovery_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;

	TRY(twofactor_use_tx(ctx, s->user.number, &s->code));
	TRY(replace_recovery(ctx, s->user.number, s->recovery));
	return audit_setup(ctx, &s->user, "auth.recovery_codes");
}

enum status
twofactor_new_recovery(struct ctx *ctx, const char *password, const char *code,
	struct recovery_codes *out)
{
	struct setup s = {.recovery = out};

	TRY(user_by_number(ctx, ctx->session->user, &s.user));
	if (!s.user.totp_enabled)
		return fail(ctx, ST_CONFLICT, NULL,
			"no second factor is set up");
	TRY(show_present(ctx, &s, password, code));
	return db_tx(ctx, recovery_tx, &s);
}

/* ---- From the command line ----------------------------------------------- */

static enum status
set_tx(struct ctx *ctx, void *arg)
{
	struct setup *s = arg;

	TRY(db_exec(ctx,
		"UPDATE users SET totp_secret = ?, totp_enabled = 1, "
		"totp_last_step = 0, totp_changed_at = ?, updated_at = ? "
		"WHERE id = ?",
		DB_IN(db_bytes(s->sealed, s->sealed_length),
			db_time(ctx->now_us), db_time(ctx->now_us),
			db_u64(s->user.number)),
		NULL));
	return audit_setup(ctx, &s->user, "auth.2fa_set");
}

enum status
twofactor_set(struct ctx *ctx, const struct user *user,
	const struct totp_secret *secret)
{
	struct setup s = {.user = *user};

	s.sealed_length = secret_seal(ctx, user, SECRET_ACTIVE, secret,
		s.sealed);
	return db_tx(ctx, set_tx, &s);
}
