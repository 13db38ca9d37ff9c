/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * robot.c - making users that nobody can log in as.
 *
 * All robots that are made at once have the hash of one random password: a
 * log-in as one fails like any other, and takes as long.
 */
#include "domain/robot.h"

#include "auth/auth.h"
#include "auth/password.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"

struct making {
	const char *name;
	const char *password_hash;
	struct ident id;
	struct ident intent;
	uint32_t number;
};

static enum status
make_tx(struct ctx *ctx, void *arg)
{
	struct making *making = arg;
	struct cmd_user_create create;
	struct db_done done;

	TRY(db_exec(ctx,
		"INSERT INTO users (public_id, email, username, first_name, "
		"full_name, password_hash, created_at, updated_at) "
		"VALUES (?, ?, ?, 'Robot', 'Robot', ?, ?, ?)",
		DB_IN(db_ident(making->id), db_text(making->name),
			db_text(making->name), db_text(making->password_hash),
			db_time(ctx->now_us), db_time(ctx->now_us)),
		&done));
	if (done.insert_id > USER_MAX)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"the exchange takes no more users");
	making->number = (uint32_t)done.insert_id;
	create = (struct cmd_user_create){
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create,
			making->number),
		.intent = making->intent,
		.public_id = making->id,
		.role = ROLE_USER,
	};
	TRY(intent_write(ctx, making->intent, "user-create", making->id,
		&create.head));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "robot.made",
			.outcome = AUDIT_OK,
			.user = making->number,
			.subject = making->id,
		});
}

static enum status
make_check(struct ctx *ctx, void *arg, bool *committed)
{
	struct making *making = arg;
	enum status status = db_one(ctx,
		"SELECT id FROM users WHERE public_id = ?",
		DB_IN(db_ident(making->id)),
		DB_OUT(db_to_u32(&making->number)));

	*committed = status == ST_OK;
	return status == ST_NOT_FOUND ? ST_OK : status;
}

enum status
robot_find(struct ctx *ctx, const char *name, uint32_t *number)
{
	return db_one(ctx, "SELECT id FROM users WHERE email_folded = LOWER(?)",
		DB_IN(db_text(name)), DB_OUT(db_to_u32(number)));
}

/* One that was made while the core was away may still be unknown to it. */
static enum status
make_known(struct ctx *ctx, uint32_t number)
{
	struct ident id, intent;

	TRY(db_one(ctx, "SELECT public_id FROM users WHERE id = ?",
		DB_IN(db_u64(number)), DB_OUT(db_to_ident(&id))));
	TRY(intent_find(ctx, "user-create", id, &intent));
	return intent_send(ctx, intent);
}

static enum status
hash_of_nothing(struct ctx *ctx, const char **hash)
{
	struct ident a = ident_random(ctx->now_us);
	struct ident b = ident_random(ctx->now_us);
	char password[2 * IDENT_TEXT_MAX], *out;

	if (*hash)
		return ST_OK;
	ident_format(a, password);
	ident_format(b, password + IDENT_TEXT_MAX - 1);
	out = arena_alloc(ctx->arena, PASSWORD_HASH_MAX);
	TRY(password_hash(ctx, ctx->auth->gate, password, out));
	*hash = out;
	return ST_OK;
}

enum status
robots_make(struct ctx *ctx, const char *const *names, size_t n,
	uint32_t *numbers)
{
	const char *hash = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		struct making making = {.name = names[i],
			.id = ident_random(ctx->now_us),
			.intent = ident_random(ctx->now_us)};
		enum status status =
			robot_find(ctx, names[i], &making.number);

		if (status == ST_NOT_FOUND) {
			TRY(hash_of_nothing(ctx, &hash));
			making.password_hash = hash;
			status = db_tx_checked(ctx, make_tx, make_check,
				&making);
		}
		TRY(status);
		TRY(make_known(ctx, making.number));
		numbers[i] = making.number;
	}
	return ST_OK;
}
