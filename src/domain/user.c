/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user.c - finding and listing users, and what they change about themselves.
 */
#include "domain/user.h"

#include <jansson.h>
#include <string.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/settled.h"
#include "json/fields.h"

static const char *const roles[] = {
	[ROLE_USER] = "user",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

const char *
role_name(enum user_role role)
{
	return roles[role];
}

bool
role_parse(const char *text, enum user_role *out)
{
	unsigned i;

	for (i = 0; i < N_ELEMENTS(roles); i++) {
		if (strcmp(text, roles[i]) == 0) {
			*out = (enum user_role)i;
			return true;
		}
	}
	return false;
}

/* ---- Finding ------------------------------------------------------------- */

/* What a row holds before it is a struct user. */
struct row {
	struct user user;
	uint8_t kyc;  /* place in the ENUM, from 1 */
	uint8_t role; /* NULL is ROLE_USER */
	bool in_core;
};

#define USER_SELECT                                                            \
	"SELECT u.id, u.public_id, u.email, u.username, u.first_name, "        \
	"u.full_name, u.currency, u.system_mode, u.preferences, "              \
	"u.kyc_status + 0, u.totp_enabled, u.created_at, "                     \
	"u.last_login_at, c.user_id IS NOT NULL, c.role, c.locked, c.epoch, "  \
	"c.reduce_only > 0 "                                                   \
	"FROM users u LEFT JOIN core_users c ON c.user_id = u.id "

#define ROW_OUT(row)                                                           \
	DB_OUT(db_to_u32(&(row)->user.number), db_to_ident(&(row)->user.id),   \
		db_to_text(&(row)->user.email),                                \
		db_to_text(&(row)->user.username),                             \
		db_to_text(&(row)->user.first_name),                           \
		db_to_text(&(row)->user.full_name),                            \
		db_to_text(&(row)->user.currency),                             \
		db_to_text(&(row)->user.mode),                                 \
		db_to_text(&(row)->user.preferences),                          \
		db_to_u8(&(row)->kyc),                                         \
		db_to_bool(&(row)->user.totp_enabled),                         \
		db_to_time(&(row)->user.created_us),                           \
		db_to_time(&(row)->user.last_login_us),                        \
		db_to_bool(&(row)->in_core), db_to_u8(&(row)->role),           \
		db_to_bool(&(row)->user.locked), db_to_u32(&(row)->user.epoch), \
		db_to_bool(&(row)->user.reduce_only))

static struct user
user_of(const struct row *row)
{
	struct user user = row->user;

	user.kyc = (enum kyc_status)(row->kyc - 1);
	user.in_core = row->in_core;
	user.role = (enum user_role)row->role;
	return user;
}

struct find {
	struct ident id;
	struct row row;
};

static enum status
find_read(struct ctx *ctx, void *arg)
{
	struct find *find = arg;

	return db_one(ctx, USER_SELECT "WHERE u.public_id = ?",
		DB_IN(db_ident(find->id)), ROW_OUT(&find->row));
}

enum status
user_find(struct ctx *ctx, struct ident id, struct user *out)
{
	struct find find = {.id = id};

	TRY(settled_read(ctx, find_read, &find));
	*out = user_of(&find.row);
	return ST_OK;
}

enum status
user_hold(struct ctx *ctx, uint32_t number)
{
	return db_one(ctx, "SELECT id FROM users WHERE id = ? FOR UPDATE",
		DB_IN(db_u64(number)), DB_OUT(db_to_skip()));
}

enum status
user_by_number(struct ctx *ctx, uint32_t number, struct user *out)
{
	struct row row;

	TRY(db_one(ctx, USER_SELECT "WHERE u.id = ?", DB_IN(db_u64(number)),
		ROW_OUT(&row)));
	*out = user_of(&row);
	return ST_OK;
}

enum status
user_by_name(struct ctx *ctx, const char *name, struct user *out)
{
	struct row row;
	enum status status;

	/* A username with an '@' is its owner's e-mail, so that nobody can
	 * take another's e-mail for a username. */
	status = db_one(ctx, USER_SELECT "WHERE u.email_folded = LOWER(?)",
		DB_IN(db_text(name)), ROW_OUT(&row));
	if (status == ST_NOT_FOUND)
		status = db_one(ctx,
			USER_SELECT "WHERE u.username_folded = LOWER(?)",
			DB_IN(db_text(name)), ROW_OUT(&row));
	TRY(status);
	*out = user_of(&row);
	return ST_OK;
}

struct listing {
	int64_t limit, offset;
	struct user_list list;
};

static enum status
list_read(struct ctx *ctx, void *arg)
{
	struct listing *listing = arg;
	struct user_list list = {.n = 0};
	struct db_rows *rows;
	struct row row;

	TRY(db_one(ctx, "SELECT COUNT(*) FROM users", DB_NOTHING,
		DB_OUT(db_to_u64(&list.total))));
	TRY(db_query(ctx, USER_SELECT "ORDER BY u.id DESC LIMIT ? OFFSET ?",
		DB_IN(db_i64(listing->limit), db_i64(listing->offset)), &rows));
	list.users = arena_array(ctx->arena, db_count(rows),
		sizeof(*list.users));
	while (db_next(rows, ROW_OUT(&row)))
		list.users[list.n++] = user_of(&row);
	listing->list = list;
	return ST_OK;
}

enum status
user_list(struct ctx *ctx, int64_t limit, int64_t offset, struct user_list *out)
{
	struct listing listing = {.limit = limit, .offset = offset};

	TRY(settled_read(ctx, list_read, &listing));
	*out = listing.list;
	return ST_OK;
}

/* ---- Changing oneself ---------------------------------------------------- */

/* The keys of CHANGE over those of OLD; a null takes one away. */
static enum status
merge_preferences(struct ctx *ctx, const char *old, const char *change,
	const char **out)
{
	json_t *all, *over, *value;
	const char *key;

	TRY(json_read(ctx, old, strlen(old), &all));
	TRY(json_read(ctx, change, strlen(change), &over));
	if (!json_is_object(all) || !json_is_object(over))
		return fail(ctx, ST_INVALID, "preferences",
			"preferences must be an object");
	json_object_foreach(over, key, value)
	{
		if (json_is_null(value))
			json_object_del(all, key);
		else if (json_object_set(all, key, value) != 0)
			return ST_INTERNAL;
	}
	*out = json_text(ctx->arena, all, NULL);
	return ST_OK;
}

#define PREFERENCES_MAX 4096 /* bytes */

enum status
user_update(struct ctx *ctx, const struct profile_change *change,
	struct user *out)
{
	struct user user;

	TRY(user_by_number(ctx, ctx->session->user, &user));
	if (change->first_name)
		user.first_name = change->first_name;
	if (change->full_name)
		user.full_name = change->full_name;
	if (change->preferences) {
		TRY(merge_preferences(ctx, user.preferences,
			change->preferences, &user.preferences));
		if (strlen(user.preferences) > PREFERENCES_MAX)
			return fail(ctx, ST_INVALID, "preferences",
				"the preferences are too large");
	}
	TRY(db_exec(ctx,
		"UPDATE users SET first_name = ?, full_name = ?, "
		"preferences = ?, updated_at = ? WHERE id = ?",
		DB_IN(db_text(user.first_name), db_text(user.full_name),
			db_text(user.preferences), db_time(ctx->now_us),
			db_u64(user.number)),
		NULL));
	*out = user;
	return ST_OK;
}
