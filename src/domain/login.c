/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * login.c - log-ins, and changing passwords.
 */
#include "domain/login.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/settled.h"
#include "domain/throttle.h"
#include "domain/twofactor.h"

#define ASK_TRIES 3
#define EPOCH_FIRST 1 /* of a user whom the core has just come to know */

/* ---- Who it is ----------------------------------------------------------- */

struct attempt {
	const struct login *login;
	const struct session_terms *terms;
	struct tokens *tokens;
	struct user user; /* number 0: there is none */
	const char *hash; /* NULL: there is none */
	const char *new_hash; /* when the old one is weaker than today's */
	struct throttle throttle;
	struct shown_code code;
};

/* What the core says of the user under the epoch that we know. */
static enum status
ask_core(struct ctx *ctx, struct user *user, struct guard_answer *answer)
{
	return core_ask(ctx,
		&(struct guard_request){
			.user = user->number ? user->number : USER_MAX,
			.epoch = user->in_core ? user->epoch : EPOCH_FIRST,
		},
		answer);
}

/*
 * Make sure of the epoch before the password is looked at: the projection may
 * be behind, and a new user may be unknown to the core yet.
 */
static enum status
learn_epoch(struct ctx *ctx, struct user *user)
{
	struct guard_answer answer;
	int i;

	TRY(ask_core(ctx, user, &answer));
	if (user->number == 0)
		return ST_OK; /* asked for the sake of the time it takes */
	for (i = 0; answer.verdict == GUARD_REVOKED && i < ASK_TRIES; i++) {
		if (!user->in_core)
			TRY(user_make_known(ctx, user->number));
		if (answer.last_seq > 0)
			TRY(settled_wait(ctx, answer.last_seq));
		TRY(user_by_number(ctx, user->number, user));
		TRY(ask_core(ctx, user, &answer));
	}
	if (answer.verdict == GUARD_REVOKED)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"the account is being changed; try again");
	if (!user->in_core)
		user->epoch = EPOCH_FIRST;
	user->in_core = true;
	user->locked = answer.verdict == GUARD_LOCKED;
	user->role = (enum user_role)answer.role;
	return ST_OK;
}

static enum status
read_hash(struct ctx *ctx, uint32_t user, const char **out)
{
	enum status status = db_one(ctx,
		"SELECT password_hash FROM users WHERE id = ?",
		DB_IN(db_u64(user)), DB_OUT(db_to_text(out)));

	if (status != ST_NOT_FOUND)
		return status;
	*out = NULL;
	return ST_OK;
}

static enum status
find_attempt(struct ctx *ctx, struct attempt *a)
{
	enum status status = user_by_name(ctx, a->login->name, &a->user);

	if (status == ST_NOT_FOUND)
		a->user = (struct user){.number = 0};
	else
		TRY(status);
	TRY(throttle_login(ctx, a->user.number, a->login->name, &a->throttle));
	TRY(throttle_check(ctx, &a->throttle));
	TRY(learn_epoch(ctx, &a->user));
	return read_hash(ctx, a->user.number, &a->hash);
}

/* ---- What goes wrong ----------------------------------------------------- */

struct failure {
	const struct throttle *throttle;
	uint32_t user;
	const char *why;
};

static enum status
failure_tx(struct ctx *ctx, void *arg)
{
	const struct failure *f = arg;

	TRY(throttle_fail(ctx, f->throttle, NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.login",
			.outcome = AUDIT_REFUSED,
			.user = f->user,
			.details = f->why,
		});
}

/* Whatever it was, the answer is the same. */
static enum status
refuse(struct ctx *ctx, const struct attempt *a, const char *why)
{
	struct failure failure = {&a->throttle, a->user.number, why};

	TRY(db_tx(ctx, failure_tx, &failure));
	return fail(ctx, ST_UNAUTHENTICATED, NULL,
		"the name or the password is wrong");
}

static enum status
check_password(struct ctx *ctx, struct attempt *a)
{
	char hash[PASSWORD_HASH_MAX];
	bool stale = false;
	enum status status = password_verify(ctx, ctx->auth->gate,
		a->login->password, a->hash, &stale);

	if (status == ST_UNAUTHENTICATED)
		return refuse(ctx, a,
			a->hash ? "wrong password" : "unknown name");
	TRY(status);
	if (a->user.locked)
		return refuse(ctx, a, "locked");
	if (stale) {
		TRY(password_hash(ctx, ctx->auth->gate, a->login->password,
			hash));
		a->new_hash = arena_strdup(ctx->arena, hash);
	}
	return ST_OK;
}

/* ---- What goes right ----------------------------------------------------- */

/* That the user is still who the password was checked against. */
static enum status
lock_unchanged(struct ctx *ctx, const struct attempt *a)
{
	const char *hash;
	bool totp;

	TRY(db_one(ctx,
		"SELECT password_hash, totp_enabled FROM users WHERE id = ? "
		"FOR UPDATE",
		DB_IN(db_u64(a->user.number)),
		DB_OUT(db_to_text(&hash), db_to_bool(&totp))));
	if (strcmp(hash, a->hash) != 0 || totp != a->user.totp_enabled)
		return fail(ctx, ST_UNAUTHENTICATED, NULL,
			"the name or the password is wrong");
	return ST_OK;
}

static enum status
login_tx(struct ctx *ctx, void *arg)
{
	struct attempt *a = arg;

	TRY(lock_unchanged(ctx, a));
	if (a->user.totp_enabled)
		TRY(twofactor_use_tx(ctx, a->user.number, &a->code));
	if (a->new_hash)
		TRY(db_exec(ctx,
			"UPDATE users SET password_hash = ? WHERE id = ?",
			DB_IN(db_text(a->new_hash), db_u64(a->user.number)),
			NULL));
	TRY(throttle_clear(ctx, &a->throttle));
	return session_open_tx(ctx, &a->user, a->user.epoch,
		a->user.totp_enabled, a->terms, a->tokens);
}

enum status
login(struct ctx *ctx, const struct login *login,
	const struct session_terms *terms, struct tokens *tokens,
	struct user *user)
{
	struct attempt a = {
		.login = login,
		.terms = terms,
		.tokens = tokens,
	};

	TRY(find_attempt(ctx, &a));
	TRY(check_password(ctx, &a));
	if (a.user.totp_enabled)
		TRY(twofactor_check(ctx, &a.user, login->code, &a.code));
	TRY(db_tx(ctx, login_tx, &a));
	a.user.last_login_us = session_second(ctx->now_us);
	*user = a.user;
	return ST_OK;
}

/* ---- Once more ----------------------------------------------------------- */

/* The same as check_password(), for who is logged in already. */
static enum status
confirm(struct ctx *ctx, const char *password, const char **hash)
{
	struct throttle throttle = throttle_confirm(ctx, ctx->session->user);
	struct failure failure = {&throttle, ctx->session->user,
		"wrong password, asked again"};
	enum status status;
	bool stale;

	TRY(throttle_check(ctx, &throttle));
	TRY(read_hash(ctx, ctx->session->user, hash));
	status = password_verify(ctx, ctx->auth->gate, password, *hash, &stale);
	if (status != ST_UNAUTHENTICATED)
		return status;
	TRY(db_tx(ctx, failure_tx, &failure));
	return fail(ctx, ST_FORBIDDEN, "password", "the password is wrong");
}

enum status
login_confirm(struct ctx *ctx, const char *password)
{
	const char *hash;

	return confirm(ctx, password, &hash);
}

/* ---- A new password ------------------------------------------------------ */

struct changing {
	struct user user;
	const char *old_hash;
	char new_hash[PASSWORD_HASH_MAX];
	struct shown_code code;
	struct ident intent;
};

static enum status
store_password(struct ctx *ctx, const struct changing *c)
{
	int64_t block_us = conf_number(ctx->conf, CONF_WITHDRAWAL_BLOCK_HOURS) *
		US_PER_HOUR;
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE users SET password_hash = ?, password_changed_at = ?, "
		"withdrawals_blocked_until = ?, updated_at = ? "
		"WHERE id = ? AND password_hash = ?",
		DB_IN(db_text(c->new_hash), db_time(ctx->now_us),
			db_time(ctx->now_us + block_us), db_time(ctx->now_us),
			db_u64(c->user.number), db_text(c->old_hash)),
		&done));
	if (done.affected == 0)
		return fail(ctx, ST_CONFLICT, NULL,
			"the password has been changed meanwhile");
	return ST_OK;
}

static enum status
change_tx(struct ctx *ctx, void *arg)
{
	struct changing *c = arg;
	struct cmd_user_set set = {
		.head = CORE_COMMAND(USER_SET, cmd_user_set, c->user.number),
		.intent = c->intent,
		.change = USER_CHANGE_EPOCH,
	};

	TRY(store_password(ctx, c));
	if (c->user.totp_enabled)
		TRY(twofactor_use_tx(ctx, c->user.number, &c->code));
	TRY(session_end_all_tx(ctx, c->user.number, "password"));
	TRY(intent_write(ctx, c->intent, "password", c->intent, &set.head));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "auth.password_changed",
			.outcome = AUDIT_OK,
			.user = c->user.number,
			.subject = c->user.id,
		});
}

enum status
login_change_password(struct ctx *ctx, const struct password_change *change,
	const struct session_terms *terms, struct tokens *tokens)
{
	struct changing c = {.intent = ident_random(ctx->now_us)};

	TRY(user_by_number(ctx, ctx->session->user, &c.user));
	TRY(password_acceptable(ctx, "new_password", change->new_password));
	TRY(confirm(ctx, change->old_password, &c.old_hash));
	if (c.user.totp_enabled)
		TRY(twofactor_check(ctx, &c.user, change->code, &c.code));
	TRY(password_hash(ctx, ctx->auth->gate, change->new_password,
		c.new_hash));
	TRY(db_tx(ctx, change_tx, &c));
	/* Committed first, then the epoch: a log-in that was checked against
	 * the old password has read the old epoch. */
	TRY(intent_send(ctx, c.intent));
	/* The guard let the session pass, so its epoch was the last one. */
	c.user.epoch = ctx->session->epoch + 1;
	c.user.in_core = true;
	TRY(learn_epoch(ctx, &c.user));
	return session_open(ctx, &c.user, terms, tokens);
}
