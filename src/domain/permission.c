/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission.c - rows of user_denials.
 */
#include "domain/permission.h"

#include <string.h>

#include "auth/auth.h"
#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"

/* ---- Names ------------------------------------------------------------------
 */

/* "trade withdraw"; "" for none. */
static const char *
names_of(struct ctx *ctx, uint32_t set, const char *between)
{
	const char *text = "";
	enum permission p;

	for (p = PERMISSION_NONE + 1; p < PERMISSIONS; p++)
		if (set & PERMISSION_BIT(p))
			text = arena_printf(ctx->arena, "%s%s%s", text,
				*text ? between : "", permission_name(p));
	return text;
}

/* A name that is not known (any more) takes nothing. */
static uint32_t
set_of(struct ctx *ctx, const char *names)
{
	uint32_t set = 0;
	enum permission p;
	size_t length;

	while (*names) {
		length = strcspn(names, " ");
		if (permission_parse(
			    arena_strndup(ctx->arena, names, length), &p))
			set |= PERMISSION_BIT(p);
		names += length + (names[length] == ' ');
	}
	return set;
}

/* ---- Reading ----------------------------------------------------------------
 */

enum status
permission_denied(struct ctx *ctx, uint32_t user, uint32_t *denied)
{
	const char *names;
	enum status status =
		db_one(ctx, "SELECT denied FROM user_denials WHERE user_id = ?",
			DB_IN(db_u64(user)), DB_OUT(db_to_text(&names)));

	if (status != ST_NOT_FOUND)
		TRY(status);
	*denied = status == ST_OK ? set_of(ctx, names) : 0;
	return ST_OK;
}

enum status
permission_check(struct ctx *ctx, uint32_t user, enum permission permission)
{
	uint32_t denied;

	TRY(permission_denied(ctx, user, &denied));
	if (denied & PERMISSION_BIT(permission))
		return fail(ctx, ST_FORBIDDEN, NULL,
			"the permission \"%s\" was taken away",
			permission_name(permission));
	return ST_OK;
}

enum status
permission_lookup(struct ctx *ctx, uint32_t user, uint32_t *denied)
{
	return permission_page_find(ctx->auth->permissions, user, denied);
}

/* ---- The page
 * ---------------------------------------------------------------- */

static enum status
load_held(struct ctx *ctx)
{
	struct permission_page *page = ctx->auth->permissions;
	struct db_rows *rows;
	const char *names;
	uint32_t user;

	TRY(db_query(ctx,
		"SELECT user_id, denied FROM user_denials WHERE denied <> '' "
		"ORDER BY user_id",
		DB_NOTHING, &rows));
	permission_page_begin(page);
	while (db_next(rows, DB_OUT(db_to_u32(&user), db_to_text(&names))))
		TRY(permission_page_add(page, user, set_of(ctx, names)));
	permission_page_commit(page);
	return ST_OK;
}

enum status
permissions_load(struct ctx *ctx, bool wait)
{
	struct permission_page *page = ctx->auth->permissions;
	enum status status;

	if (permission_page_loaded(page))
		return ST_OK;
	status = wait ? permission_page_hold(page)
		      : permission_page_try_hold(page);
	if (status == ST_CONFLICT)
		return ST_OK;
	TRY(status);
	if (!permission_page_loaded(page))
		status = load_held(ctx);
	permission_page_release(page);
	return status;
}

/* ---- Changing
 * ---------------------------------------------------------------- */

struct setting {
	const struct user *user;
	uint32_t granted;
};

/*
 * Two who take each other's leave to do this come one behind the other: the
 * second no more may.
 */
static enum status
still_may(struct ctx *ctx)
{
	if (!ctx->session)
		return ST_OK;
	return permission_check(
		ctx, ctx->session->user, PERMISSION_MANAGE_USERS);
}

/* What the page has no room for would never come into force. */
static enum status
has_room(struct ctx *ctx, uint32_t user)
{
	uint64_t others;

	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM user_denials "
		"WHERE denied <> '' AND user_id <> ?",
		DB_IN(db_u64(user)), DB_OUT(db_to_u64(&others))));
	if (others >= PERMISSION_PAGE_ROWS)
		return fail(ctx, ST_CONFLICT, NULL,
			"permissions are taken from %d users already",
			PERMISSION_PAGE_ROWS);
	return ST_OK;
}

static enum status
set_tx(struct ctx *ctx, void *arg)
{
	const struct setting *s = arg;
	uint32_t brought = permissions_of_role(s->user->role), denied;
	const char *names;

	TRY(still_may(ctx));
	/* What another role would bring stays as it was. */
	TRY(permission_denied(ctx, s->user->number, &denied));
	denied = (denied & ~brought) | (brought & ~s->granted);
	names = names_of(ctx, denied, " ");
	if (*names)
		TRY(has_room(ctx, s->user->number));
	TRY(db_exec(ctx,
		"INSERT INTO user_denials (user_id, denied, updated_at) "
		"VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE "
		"denied = VALUES(denied), updated_at = VALUES(updated_at)",
		DB_IN(db_u64(s->user->number), db_text(names),
			db_time(ctx->now_us)),
		NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "user.permissions",
			.outcome = AUDIT_OK,
			.user = s->user->number,
			.subject = s->user->id,
			.details = arena_printf(ctx->arena, "denied=%s",
				*names ? names_of(ctx, denied, ",") : "none"),
		});
}

/* In MySQL, then in force, before anybody is told that it is done. */
static enum status
set_held(struct ctx *ctx, struct setting *setting)
{
	permission_page_stale(ctx->auth->permissions);
	TRY(db_tx(ctx, set_tx, setting));
	return load_held(ctx);
}

enum status
permission_fits(struct ctx *ctx, enum user_role role, uint32_t granted)
{
	uint32_t most = permissions_of_role(role);

	if (granted & ~most)
		return fail(ctx, ST_INVALID, "permissions",
			"the role %s does not bring %s", role_name(role),
			names_of(ctx, granted & ~most, ", "));
	return ST_OK;
}

enum status
permission_set(
	struct ctx *ctx, struct ident id, uint32_t granted, struct user *out)
{
	struct permission_page *page = ctx->auth->permissions;
	struct user user;
	struct setting setting = {.user = &user, .granted = granted};
	enum status status;

	TRY(user_find(ctx, id, &user));
	if (ctx->session && ctx->session->user == user.number)
		return fail(
			ctx, ST_FORBIDDEN, NULL, "nobody does this to himself");
	TRY(permission_fits(ctx, user.role, granted));
	TRY(permission_page_hold(page));
	status = set_held(ctx, &setting);
	permission_page_release(page);
	TRY(status);
	*out = user;
	return ST_OK;
}
