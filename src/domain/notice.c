/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * notice.c - rows of notices, and the messages that they become.
 */
#include "domain/notice.h"

#include <string.h>

#include "base/clock.h"
#include "cache/cache.h"
#include "db/db.h"
#include "json/reply.h"

enum status
notice_write(struct ctx *ctx, const struct notice_new *notice)
{
	return db_exec(ctx,
		"INSERT INTO notices (user_id, kind, level, message, symbol, "
		"payload, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_u64(notice->user), db_text(notice->kind),
			db_text(alert_severity_name(notice->level)),
			db_text(notice->message), db_text(notice->symbol),
			db_text(notice->data), db_time(notice->at_us)),
		NULL);
}

struct row {
	uint64_t id;
	uint32_t user;
	const char *kind, *level, *message, *symbol, *data;
	int64_t at_us;
};

static const char *
message_of(struct ctx *ctx, const struct row *row, size_t *length)
{
	struct reply r;

	reply_init(&r, ctx->arena, NUMBERS_JSON);
	reply_object(&r, NULL);
	reply_int(&r, "id", (int64_t)row->id);
	reply_int(&r, "user", row->user);
	reply_text(&r, "kind", row->kind);
	reply_text(&r, "level", row->level);
	reply_text(&r, "message", row->message);
	reply_text(&r, "symbol", row->symbol);
	reply_int(&r, "at_us", row->at_us);
	reply_raw(&r, "data", row->data, strlen(row->data));
	reply_end(&r);
	return reply_text_of(&r, length);
}

static enum status
publish(struct ctx *ctx, const struct row *row)
{
	size_t length;
	const char *text = message_of(ctx, row, &length);

	if (cache_notice_publish(ctx->cache, text, length) != ST_OK)
		return fail(ctx, ST_UPSTREAM, NULL,
			"notices wait for Redis: %s", cache_reason(ctx->cache));
	return db_exec(ctx, "UPDATE notices SET published_at = ? WHERE id = ?",
		DB_IN(db_time(clock_wall_us()), db_u64(row->id)), NULL);
}

enum status
notice_publish(struct ctx *ctx, unsigned limit, size_t *out)
{
	struct db_rows *rows;
	struct row row;

	*out = 0;
	TRY(db_query(ctx,
		"SELECT id, user_id, kind, level, message, symbol, payload, "
		"created_at FROM notices WHERE published_at IS NULL "
		"ORDER BY id LIMIT ?",
		DB_IN(db_u64(limit)), &rows));
	while (db_next(rows,
		DB_OUT(db_to_u64(&row.id), db_to_u32(&row.user),
			db_to_text(&row.kind), db_to_text(&row.level),
			db_to_text(&row.message), db_to_text(&row.symbol),
			db_to_text(&row.data), db_to_time(&row.at_us)))) {
		TRY(publish(ctx, &row));
		++*out;
	}
	return ST_OK;
}

enum status
notice_prune(struct ctx *ctx, int64_t before_us, unsigned limit)
{
	return db_exec(ctx,
		"DELETE FROM notices WHERE published_at < ? "
		"ORDER BY published_at LIMIT ?",
		DB_IN(db_time(before_us), db_u64(limit)), NULL);
}
