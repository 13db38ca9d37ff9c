/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user_admin.c - what administrators do to users: locks and roles.
 *
 * The core decides; here is who may ask it.  The intent makes sure that what
 * was audited is also done.
 */
#include "auth/session.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/session.h"
#include "domain/user.h"

struct change {
	struct user *user;
	struct cmd_user_set set;
	const char *action;
	const char *details;
	const char *end_reason; /* of the user's sessions; NULL: they go on */
};

/*
 * Two administrators may act on each other at once.  Both their rows are
 * locked, in order, so that the second sees what was promised about him
 * before the core, and so the guard, has heard of it.
 */
static enum status
still_stands(struct ctx *ctx, uint32_t target)
{
	struct db_rows *rows;
	uint64_t against;

	if (!ctx->session)
		return ST_OK;
	TRY(db_query(ctx,
		"SELECT id FROM users WHERE id IN (?, ?) ORDER BY id FOR UPDATE",
		DB_IN(db_u64(ctx->session->user), db_u64(target)), &rows));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM intents WHERE user_id = ? "
		"AND source IN ('user.locked', 'user.role') "
		"AND created_at > ? FOR UPDATE",
		DB_IN(db_u64(ctx->session->user),
			db_time(ctx->now_us - US_PER_MINUTE)),
		DB_OUT(db_to_u64(&against))));
	if (against > 0)
		return fail(ctx, ST_UNAUTHENTICATED, NULL,
			"the session has ended");
	return ST_OK;
}

static enum status
change_tx(struct ctx *ctx, void *arg)
{
	struct change *change = arg;

	TRY(still_stands(ctx, change->user->number));
	if (change->end_reason)
		TRY(session_end_all_tx(ctx, change->user->number,
			change->end_reason));
	TRY(intent_write(ctx, change->set.intent, change->action,
		change->set.intent, &change->set.head));
	return audit_write(ctx,
		&(struct audit_event){
			.action = change->action,
			.outcome = AUDIT_OK,
			.user = change->user->number,
			.subject = change->user->id,
			.details = change->details,
		});
}

static enum status
change_user(struct ctx *ctx, struct change *change)
{
	change->set.head = (struct message)CORE_COMMAND(USER_SET, cmd_user_set,
		change->user->number);
	change->set.intent = ident_random(ctx->now_us);
	TRY(db_tx(ctx, change_tx, change));
	return intent_send_in_turn(ctx, change->set.intent);
}

/* May the caller do this to somebody of ROLE?  Programs of ours may. */
static enum status
above(struct ctx *ctx, const struct user *user)
{
	const struct session *by = ctx->session;

	if (!by)
		return ST_OK;
	if (by->user == user->number)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"nobody does this to himself");
	if (by->role != ROLE_ADMIN && user->role != ROLE_USER)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"only an admin does this to an operator or admin");
	return ST_OK;
}

/* That others than USER remain who can administer. */
static enum status
not_the_last_admin(struct ctx *ctx, const struct user *user)
{
	uint64_t others;

	if (user->role != ROLE_ADMIN)
		return ST_OK;
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM core_users "
		"WHERE role = ? AND locked = 0 AND user_id <> ?",
		DB_IN(db_u64(ROLE_ADMIN), db_u64(user->number)),
		DB_OUT(db_to_u64(&others))));
	if (others == 0)
		return fail(ctx, ST_CONFLICT, NULL, "the last admin stays");
	return ST_OK;
}

enum status
user_lock(struct ctx *ctx, struct ident id, bool locked, struct user *out)
{
	struct user user;
	struct change change = {
		.user = &user,
		.set = {.change = USER_CHANGE_LOCK, .locked = locked},
		.action = locked ? "user.locked" : "user.unlocked",
		.end_reason = locked ? "locked" : NULL,
	};

	TRY(user_find(ctx, id, &user));
	TRY(above(ctx, &user));
	if (locked)
		TRY(not_the_last_admin(ctx, &user));
	TRY(change_user(ctx, &change));
	user.locked = locked;
	*out = user;
	return ST_OK;
}

enum status
user_set_reduce_only(struct ctx *ctx, struct ident id, bool reduce_only,
	struct user *out)
{
	struct user user;
	struct change change = {
		.user = &user,
		.set = {.change = USER_CHANGE_REDUCE,
			.reduce_only = reduce_only ? REDUCE_OPERATOR
						   : REDUCE_NO},
		.action = reduce_only ? "user.reduce_only"
				      : "user.reduce_only_lifted",
	};

	TRY(user_find(ctx, id, &user));
	TRY(above(ctx, &user));
	TRY(change_user(ctx, &change));
	user.reduce_only = reduce_only;
	*out = user;
	return ST_OK;
}

enum status
user_set_role(struct ctx *ctx, struct ident id, enum user_role role,
	struct user *out)
{
	struct user user;
	struct change change = {
		.user = &user,
		.set = {.change = USER_CHANGE_ROLE, .role = (uint8_t)role},
		.action = "user.role",
		.end_reason = "role",
	};

	TRY(user_find(ctx, id, &user));
	TRY(above(ctx, &user));
	if (ctx->session && role > ctx->session->role)
		return fail(ctx, ST_FORBIDDEN, "role",
			"nobody grants a role above his own");
	if (role == user.role) {
		*out = user;
		return ST_OK;
	}
	TRY(not_the_last_admin(ctx, &user));
	change.details = arena_printf(ctx->arena, "from=%s to=%s",
		role_name(user.role), role_name(role));
	TRY(change_user(ctx, &change));
	user.role = role;
	*out = user;
	return ST_OK;
}

enum status
user_make_known(struct ctx *ctx, uint32_t number)
{
	struct intent_list list;
	size_t i;

	TRY(intent_open(ctx, number, ctx->now_us + US_PER_SECOND, 10, &list));
	for (i = 0; i < list.n; i++)
		TRY(intent_send(ctx, list.intents[i].id));
	return ST_OK;
}
