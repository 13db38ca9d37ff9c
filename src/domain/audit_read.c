/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * audit_read.c - the audit log as people read it.
 */
#include "db/db.h"
#include "domain/audit.h"

#define SELECT_ROW                                                             \
	"SELECT a.id, a.at, a.action, a.outcome, COALESCE(b.email, a.actor), " \
	"u.public_id, a.subject, a.ip, a.details FROM audit_log a "            \
	"LEFT JOIN users u ON u.id = a.user_id "                               \
	"LEFT JOIN users b ON b.id = a.actor_id "

static void
collect(struct ctx *ctx, struct db_rows *rows, struct audit_list *list)
{
	struct audit_row row;

	list->n = 0;
	list->rows = arena_array(ctx->arena, db_count(rows),
		sizeof(*list->rows));
	while (db_next(rows,
		DB_OUT(db_to_u64(&row.id), db_to_time(&row.at_us),
			db_to_text(&row.action), db_to_text(&row.outcome),
			db_to_text(&row.actor), db_to_ident(&row.user),
			db_to_text(&row.subject), db_to_text(&row.ip),
			db_to_text(&row.details))))
		list->rows[list->n++] = row;
}

static enum status
list_all(struct ctx *ctx, int64_t limit, int64_t offset,
	struct audit_list *list)
{
	struct db_rows *rows;

	/* The chain has no gaps: its head counts its rows. */
	TRY(db_one(ctx, "SELECT last_id FROM audit_head WHERE id = 1",
		DB_NOTHING, DB_OUT(db_to_u64(&list->total))));
	TRY(db_query(ctx, SELECT_ROW "ORDER BY a.id DESC LIMIT ? OFFSET ?",
		DB_IN(db_i64(limit), db_i64(offset)), &rows));
	collect(ctx, rows, list);
	return ST_OK;
}

#define OF_USER "WHERE a.user_id = ? OR a.actor_id = ? "

static enum status
list_of(struct ctx *ctx, uint32_t user, int64_t limit, int64_t offset,
	struct audit_list *list)
{
	struct db_rows *rows;

	TRY(db_one(ctx, "SELECT COUNT(*) FROM audit_log a " OF_USER,
		DB_IN(db_u64(user), db_u64(user)),
		DB_OUT(db_to_u64(&list->total))));
	TRY(db_query(ctx,
		SELECT_ROW OF_USER "ORDER BY a.id DESC LIMIT ? OFFSET ?",
		DB_IN(db_u64(user), db_u64(user), db_i64(limit),
			db_i64(offset)),
		&rows));
	collect(ctx, rows, list);
	return ST_OK;
}

enum status
audit_list(struct ctx *ctx, uint32_t user, int64_t limit, int64_t offset,
	struct audit_list *out)
{
	struct audit_list list = {.n = 0};

	if (user == 0)
		TRY(list_all(ctx, limit, offset, &list));
	else
		TRY(list_of(ctx, user, limit, offset, &list));
	*out = list;
	return ST_OK;
}
