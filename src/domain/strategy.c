/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy.c - rows of strategies.
 */
#include "domain/strategy.h"

#include <string.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/strategy_config.h"
#include "domain/user.h"
#include "json/fields.h"

#define COLUMNS                                                                \
	"SELECT id, public_id, user_id, name, description, config, "           \
	"is_active, deleted_at IS NOT NULL, created_at, updated_at "           \
	"FROM strategies "

/* ---- Reading --------------------------------------------------------------
 */

#define TO_ROW(row)                                                            \
	DB_OUT(db_to_u64(&(row)->number), db_to_ident(&(row)->id),             \
		db_to_u32(&(row)->user), db_to_text(&(row)->name),             \
		db_to_text(&(row)->description), db_to_text(&(row)->config),   \
		db_to_bool(&(row)->is_active), db_to_bool(&(row)->is_deleted), \
		db_to_time(&(row)->created_us),                                \
		db_to_time(&(row)->updated_us))

enum status
strategy_get(struct ctx *ctx, struct ident id, struct strategy *out)
{
	struct strategy row;

	TRY(db_one(ctx,
		COLUMNS "WHERE public_id = ? AND user_id = ? "
			"AND deleted_at IS NULL",
		DB_IN(db_ident(id), db_u64(ctx->session->user)), TO_ROW(&row)));
	*out = row;
	return ST_OK;
}

enum status
strategy_load(struct ctx *ctx, uint64_t number, struct strategy *out)
{
	struct strategy row;

	TRY(db_one(ctx, COLUMNS "WHERE id = ?", DB_IN(db_u64(number)),
		TO_ROW(&row)));
	*out = row;
	return ST_OK;
}

struct listing {
	const struct strategy_filter *filter;
	struct strategy_list list;
};

static enum status
list_tx(struct ctx *ctx, void *arg)
{
	struct listing *l = arg;
	const struct strategy_filter *f = l->filter;
	struct strategy row;
	struct db_rows *rows;

	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM strategies WHERE user_id = ? "
		"AND deleted_at IS NULL AND (? < 0 OR is_active = ?)",
		DB_IN(db_u64(ctx->session->user), db_i64(f->active),
			db_i64(f->active)),
		DB_OUT(db_to_u64(&l->list.total))));
	TRY(db_query(ctx,
		COLUMNS "WHERE user_id = ? AND deleted_at IS NULL "
			"AND (? < 0 OR is_active = ?) "
			"ORDER BY id DESC LIMIT ? OFFSET ?",
		DB_IN(db_u64(ctx->session->user), db_i64(f->active),
			db_i64(f->active), db_i64(f->limit), db_i64(f->offset)),
		&rows));
	l->list.n = 0;
	l->list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows, TO_ROW(&row)))
		l->list.rows[l->list.n++] = row;
	return ST_OK;
}

enum status
strategy_list(struct ctx *ctx, const struct strategy_filter *filter,
	struct strategy_list *out)
{
	struct listing l = {.filter = filter};

	TRY(db_snapshot(ctx, list_tx, &l));
	*out = l.list;
	return ST_OK;
}

enum status
strategy_spec_of(struct ctx *ctx, const char *config, struct strategy_spec *out)
{
	json_t *object;

	TRY(json_read(ctx, config, strlen(config), &object));
	return strategy_config_read(ctx, object, out);
}

/* ---- Making ---------------------------------------------------------------
 */

static const char *
config_text(struct ctx *ctx, const struct strategy_spec *spec)
{
	struct reply text;

	reply_init(&text, ctx->arena, NUMBERS_JSON);
	strategy_config_write(&text, NULL, spec);
	return reply_text_of(&text, NULL);
}

/* Hold the user's row, so that two requests cannot both be the last. */
static enum status
make_room(struct ctx *ctx)
{
	uint64_t n;

	TRY(user_hold(ctx, ctx->session->user));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM strategies WHERE user_id = ? "
		"AND deleted_at IS NULL LOCK IN SHARE MODE",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_u64(&n))));
	if (n >= STRATEGIES_MAX)
		return fail(ctx, ST_CONFLICT, NULL,
			"there can be %d strategies; delete some",
			STRATEGIES_MAX);
	return ST_OK;
}

static enum status
insert(struct ctx *ctx, struct strategy *row, const char *builtin)
{
	struct db_done done;

	TRY(db_exec(ctx,
		"INSERT INTO strategies (public_id, user_id, name, "
		"description, config, is_active, builtin, created_at, "
		"updated_at) VALUES (?, ?, ?, ?, ?, 1, ?, ?, ?)",
		DB_IN(db_ident(row->id), db_u64(row->user), db_text(row->name),
			db_text(row->description), db_text(row->config),
			db_text(builtin), db_time(row->created_us),
			db_time(row->updated_us)),
		&done));
	row->number = done.insert_id;
	return ST_OK;
}

static enum status
create_tx(struct ctx *ctx, void *arg)
{
	TRY(make_room(ctx));
	return insert(ctx, arg, NULL);
}

static struct strategy
new_row(struct ctx *ctx, const char *name, const char *description,
	const struct strategy_spec *spec)
{
	return (struct strategy){
		.id = ident_random(ctx->now_us),
		.user = ctx->session->user,
		.name = name,
		.description = description,
		.config = config_text(ctx, spec),
		.is_active = true,
		.created_us = ctx->now_us,
		.updated_us = ctx->now_us,
	};
}

enum status
strategy_create(struct ctx *ctx, const struct strategy_change *new,
	struct strategy *out)
{
	struct strategy_spec spec;
	struct strategy row;

	TRY(strategy_config_read(ctx, new->config, &spec));
	row = new_row(ctx, new->name, new->description ? new->description : "",
		&spec);
	TRY(db_tx(ctx, create_tx, &row));
	*out = row;
	return ST_OK;
}

static enum status
builtin_tx(struct ctx *ctx, void *arg)
{
	struct strategy *made = arg, row;
	enum status status;

	TRY(make_room(ctx));
	status = db_one(ctx,
		COLUMNS "WHERE user_id = ? AND builtin = ? LOCK IN SHARE MODE",
		DB_IN(db_u64(made->user), db_text(made->name)), TO_ROW(&row));
	if (status == ST_NOT_FOUND)
		return insert(ctx, made, made->name);
	TRY(status);
	*made = row;
	return ST_OK;
}

enum status
strategy_builtin(struct ctx *ctx, enum strategy_type type, struct strategy *out)
{
	const struct blueprint *blueprint = &strategy_blueprints[type];
	struct strategy_spec spec;
	struct strategy row;
	enum status status = db_one(ctx,
		COLUMNS "WHERE user_id = ? AND builtin = ?",
		DB_IN(db_u64(ctx->session->user), db_text(blueprint->name)),
		TO_ROW(&row));

	if (status == ST_NOT_FOUND) {
		strategy_config_default(ctx, type, &spec);
		row = new_row(
			ctx, blueprint->name, blueprint->description, &spec);
		status = db_tx(ctx, builtin_tx, &row);
	}
	TRY(status);
	*out = row;
	return ST_OK;
}

/* ---- Changing -------------------------------------------------------------
 */

struct changing {
	struct ident id;
	const char *name, *description, *config;
	int is_active;
	struct strategy row;
};

/* A built-in whose config was changed is one no more. */
static enum status
update_tx(struct ctx *ctx, void *arg)
{
	struct changing *c = arg;
	struct strategy *row = &c->row;

	TRY(db_one(ctx,
		COLUMNS "WHERE public_id = ? AND user_id = ? "
			"AND deleted_at IS NULL FOR UPDATE",
		DB_IN(db_ident(c->id), db_u64(ctx->session->user)),
		TO_ROW(row)));
	row->name = c->name ? c->name : row->name;
	row->description = c->description ? c->description : row->description;
	row->config = c->config ? c->config : row->config;
	row->is_active = c->is_active < 0 ? row->is_active : c->is_active != 0;
	row->updated_us = ctx->now_us;
	return db_exec(ctx,
		"UPDATE strategies SET name = ?, description = ?, "
		"builtin = IF(config = ?, builtin, NULL), config = ?, "
		"is_active = ?, updated_at = ? WHERE id = ?",
		DB_IN(db_text(row->name), db_text(row->description),
			db_text(row->config), db_text(row->config),
			db_bool(row->is_active), db_time(row->updated_us),
			db_u64(row->number)),
		NULL);
}

enum status
strategy_update(struct ctx *ctx, struct ident id,
	const struct strategy_change *change, struct strategy *out)
{
	struct changing c = {
		.id = id,
		.name = change->name,
		.description = change->description,
		.is_active = change->is_active,
	};
	struct strategy_spec spec;

	if (change->config) {
		TRY(strategy_config_read(ctx, change->config, &spec));
		c.config = config_text(ctx, &spec);
	}
	TRY(db_tx(ctx, update_tx, &c));
	*out = c.row;
	return ST_OK;
}

enum status
strategy_delete(struct ctx *ctx, struct ident id)
{
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE strategies SET deleted_at = ?, builtin = NULL, "
		"is_active = 0 WHERE public_id = ? AND user_id = ? "
		"AND deleted_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_ident(id),
			db_u64(ctx->session->user)),
		&done));
	return done.affected > 0 ? ST_OK : ST_NOT_FOUND;
}
