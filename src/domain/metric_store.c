/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * metric_store.c - the figures of the past, in MySQL.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/metric.h"

/* A thousandth in the units of a DECIMAL(38,8). */
#define UNITS_PER_THOUSANDTH 100000
/* Deleted at a time, so that no look takes long; a day's rows in an hour. */
#define PRUNE_ROWS 5000
/* Hours that are made at a time, after workerd or MySQL was long away. */
#define ROLL_UP_MAX 48

/* ---- Writing -------------------------------------------------------------- */

struct row {
	int64_t at_us;
	char component[17];
	char metric[65];
	__int128 value;
};

static const struct db_column columns[] = {
	DB_COLUMN(TIME, row, at_us),
	DB_COLUMN(TEXT, row, component),
	DB_COLUMN(TEXT, row, metric),
	DB_COLUMN(SUM, row, value),
};

static const struct db_bulk bulk = {
	.head = "INSERT INTO metrics_minute (at, component, metric, value)",
	.tail = "ON DUPLICATE KEY UPDATE value = VALUES(value)",
	.columns = columns,
	.n_columns = N_ELEMENTS(columns),
	.row_size = sizeof(struct row),
};

enum status
metric_store(struct ctx *ctx, const struct metric_points *points,
	int64_t at_us)
{
	struct row *rows = arena_array(ctx->arena, points->n, sizeof(*rows));
	size_t i;

	if (points->n == 0)
		return ST_OK;
	for (i = 0; i < points->n; i++) {
		const struct metric_point *point = &points->points[i];

		rows[i] = (struct row){.at_us = at_us,
			.value = (__int128)point->value * UNITS_PER_THOUSANDTH};
		snprintf(rows[i].component, sizeof(rows[i].component), "%s",
			component_name(point->component));
		snprintf(rows[i].metric, sizeof(rows[i].metric), "%s",
			point->name);
	}
	return db_bulk_insert(ctx, &bulk, rows, points->n, NULL);
}

/* ---- Hours ---------------------------------------------------------------- */

static int64_t
hour_of(int64_t time_us)
{
	return time_us - time_us % US_PER_HOUR;
}

/* Where to go on: behind the last hour there is, or at the oldest minute. */
static enum status
find_start(struct ctx *ctx, int64_t *out)
{
	int64_t hour_us = DB_NO_TIME, minute_us = DB_NO_TIME;

	TRY(db_one(ctx, "SELECT MAX(at) FROM metrics_hour", DB_NOTHING,
		DB_OUT(db_to_time(&hour_us))));
	TRY(db_one(ctx, "SELECT MIN(at) FROM metrics_minute", DB_NOTHING,
		DB_OUT(db_to_time(&minute_us))));
	if (hour_us != DB_NO_TIME)
		hour_us += US_PER_HOUR;
	if (minute_us == DB_NO_TIME)
		minute_us = ctx->now_us;
	/* Of hours without a minute there is nothing to be made. */
	*out = hour_us != DB_NO_TIME && hour_us > hour_of(minute_us)
		       ? hour_us
		       : hour_of(minute_us);
	return ST_OK;
}

static enum status
roll_up_tx(struct ctx *ctx, void *arg)
{
	int64_t from_us = *(const int64_t *)arg;
	int64_t to_us = from_us + US_PER_HOUR;

	TRY(db_exec(ctx,
		"INSERT INTO metrics_hour (at, component, metric, value) "
		"SELECT ?, component, metric, ROUND(AVG(value), 3) "
		"FROM metrics_minute WHERE at >= ? AND at < ? "
		"AND metric NOT LIKE '%\\_total' GROUP BY component, metric "
		"ON DUPLICATE KEY UPDATE value = VALUES(value)",
		DB_IN(db_time(from_us), db_time(from_us), db_time(to_us)),
		NULL));
	return db_exec(ctx,
		"INSERT INTO metrics_hour (at, component, metric, value) "
		"SELECT ?, m.component, m.metric, m.value "
		"FROM metrics_minute m JOIN (SELECT component, metric, "
		"MAX(at) AS at FROM metrics_minute WHERE at >= ? AND at < ? "
		"AND metric LIKE '%\\_total' GROUP BY component, metric) l "
		"ON l.component = m.component AND l.metric = m.metric "
		"AND l.at = m.at "
		"ON DUPLICATE KEY UPDATE value = VALUES(value)",
		DB_IN(db_time(from_us), db_time(from_us), db_time(to_us)),
		NULL);
}

enum status
metric_roll_up(struct ctx *ctx, int64_t *done_us)
{
	int64_t end_us = hour_of(ctx->now_us), hour_us = *done_us;
	unsigned n;

	if (hour_us == 0)
		TRY(find_start(ctx, &hour_us));
	for (n = 0; hour_us < end_us && n < ROLL_UP_MAX; n++) {
		TRY(db_tx(ctx, roll_up_tx, &hour_us));
		hour_us += US_PER_HOUR;
	}
	*done_us = hour_us;
	return ST_OK;
}

enum status
metric_prune(struct ctx *ctx)
{
	TRY(db_exec(ctx, "DELETE FROM metrics_minute WHERE at < ? LIMIT ?",
		DB_IN(db_time(ctx->now_us - METRIC_MINUTES_KEPT_US),
			db_i64(PRUNE_ROWS)),
		NULL));
	return db_exec(ctx, "DELETE FROM metrics_hour WHERE at < ? LIMIT ?",
		DB_IN(db_time(ctx->now_us - METRIC_HOURS_KEPT_US),
			db_i64(PRUNE_ROWS)),
		NULL);
}

/* ---- Reading -------------------------------------------------------------- */

/* A literal for each table and each choice of filters, so that each has the
 * index that suits it. */
#define SELECT_FROM(table, filters)                                            \
	"SELECT at, component, metric, value FROM " table                      \
	" WHERE at >= ? AND at <= ?" filters                                   \
	" ORDER BY at DESC, component DESC, metric DESC LIMIT ?"

enum { BY_COMPONENT = 1, BY_NAME = 2 };

static const char *const selects[2][4] = {
#define ROW(table)                                                             \
	{                                                                      \
		SELECT_FROM(table, ""),                                        \
			SELECT_FROM(table, " AND component = ?"),              \
			SELECT_FROM(table, " AND metric = ?"),                 \
			SELECT_FROM(table, " AND component = ? AND metric = ?") \
	}
	ROW("metrics_minute"),
	ROW("metrics_hour"),
#undef ROW
};

static enum status
select_points(struct ctx *ctx, const struct metric_query *query,
	struct db_rows **out)
{
	unsigned filters = (query->component ? BY_COMPONENT : 0) |
			   (query->name ? BY_NAME : 0);
	struct db_value in[6] = {
		db_time(query->from_us), db_time(query->to_us)};
	size_t n = 2;

	if (query->component)
		in[n++] = db_text(query->component);
	if (query->name)
		in[n++] = db_text(query->name);
	in[n++] = db_i64(METRIC_POINTS_MAX + 1);
	in[n] = (struct db_value){.kind = DB_END};
	return db_query(ctx, selects[query->hours][filters], in, out);
}

enum status
metric_history(struct ctx *ctx, const struct metric_query *query,
	struct metric_points *out)
{
	struct metric_point *points;
	struct db_rows *rows;
	const char *component;
	size_t n, left;
	__int128 value;

	TRY(select_points(ctx, query, &rows));
	n = db_count(rows);
	out->more = n > METRIC_POINTS_MAX;
	if (out->more)
		n = METRIC_POINTS_MAX;
	points = arena_array(ctx->arena, n, sizeof(*points));
	/* They come newest first, so the array is filled from its end. */
	for (left = n; left > 0; left--) {
		struct metric_point *point = &points[left - 1];

		if (!db_next(rows, DB_OUT(db_to_time(&point->at_us),
					   db_to_text(&component),
					   db_to_text(&point->name),
					   db_to_sum(&value))))
			break;
		if (!component_find(component, &point->component))
			return fail(ctx, ST_INTERNAL, NULL,
				"a figure of a component that there is not");
		point->value = (int64_t)(value / UNITS_PER_THOUSANDTH);
	}
	out->points = points;
	out->n = n;
	return ST_OK;
}
