/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rows.c - asking, and what comes back.
 *
 * A result is read to its end before anything else happens on the connection.
 * Short values are fetched into the statement's own buffers; a longer one is
 * fetched again, straight into the arena.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "db/private.h"

/* Rows are kept in chunks, so that a long result is not copied as it grows;
 * the first is small, as most results are. */
#define CHUNK_ROWS_FIRST 2
#define CHUNK_ROWS_MAX 128

struct chunk {
	struct chunk *next;
	size_t n_rows, room;
	struct db_value cells[]; /* room × n_columns */
};

struct db_rows {
	struct db *db;
	size_t n_columns, count;
	struct chunk *first, **last;
	struct chunk *at; /* what db_next() gives next */
	size_t at_row;
};

/* ---- One row ---------------------------------------------------------- */

/* The bytes of column I, in ARENA, with a NUL behind them; NULL: an error. */
static const char *
copy_bytes(struct arena *arena, struct statement *s, unsigned i)
{
	struct cell_bind *cell = &s->cells[i];
	char *own = arena_alloc(arena, cell->length + 1);
	MYSQL_BIND again = {0};
	unsigned long length;
	my_bool is_null, error;

	if (cell->length <= sizeof(cell->scratch.text)) {
		memcpy(own, cell->scratch.text, cell->length);
		return own;
	}
	again.buffer_type = s->out[i].buffer_type;
	again.buffer = own;
	again.buffer_length = cell->length;
	again.length = &length;
	again.is_null = &is_null;
	again.error = &error;
	if (mysql_stmt_fetch_column(s->handle, &again, i, 0) != 0)
		return NULL;
	return own;
}

static bool
take_cell(struct arena *arena, struct statement *s, unsigned i,
	struct db_value *out)
{
	struct cell_bind *cell = &s->cells[i];
	__int128 sum;

	if (cell->is_null) {
		*out = db_null();
		return true;
	}
	switch ((int)cell->kind) {
	case DB_I64:
		*out = db_i64(cell->scratch.i64);
		return true;
	case DB_U64:
		*out = db_u64(cell->scratch.u64);
		return true;
	case DB_TIME:
		*out = (struct db_value){.kind = DB_TIME,
			.i64 = time_from_mysql(&cell->scratch.time)};
		return true;
	case DB_SUM:
		if (decimal_parse_sum(cell->scratch.text, cell->length, &sum) !=
			ST_OK)
			return false;
		*out = db_sum(sum);
		return true;
	default:
		out->kind = cell->kind;
		out->bytes.length = cell->length;
		out->bytes.ptr = copy_bytes(arena, s, i);
		return out->bytes.ptr != NULL;
	}
}

static enum status
bug(struct ctx *ctx, const char *what, unsigned column)
{
	ctx->db->trouble = TROUBLE_BUG;
	snprintf(ctx->db->error, sizeof(ctx->db->error), "column %u: %s",
		column + 1, what);
	return ST_INTERNAL;
}

/* An error between two rows is at times the connection's alone to tell. */
static enum status
blame_fetch(struct ctx *ctx, struct statement *s, int64_t began_us)
{
	unsigned number = mysql_stmt_errno(s->handle);

	if (number != 0)
		return db_blame(
			ctx, number, mysql_stmt_error(s->handle), began_us);
	return db_blame(ctx, mysql_errno(ctx->db->mysql),
		mysql_error(ctx->db->mysql), began_us);
}

/* Fetch one row into ROW; *MORE is false at the end. */
static enum status
fetch(struct ctx *ctx, struct arena *arena, struct statement *s,
	struct db_value *row, bool *more)
{
	int64_t began_us = clock_monotonic_us();
	int result = mysql_stmt_fetch(s->handle);
	unsigned i;

	*more = result != MYSQL_NO_DATA;
	if (!*more)
		return ST_OK;
	/* Truncated means: longer than the buffer, which is expected. */
	if (result != 0 && result != MYSQL_DATA_TRUNCATED)
		return blame_fetch(ctx, s, began_us);
	for (i = 0; i < s->n_columns; i++)
		if (!take_cell(arena, s, i, &row[i]))
			return bug(ctx, "not exact at eight places", i);
	return ST_OK;
}

/* Every value where it belongs, or the first column that does not fit. */
static bool
store_row(const struct db_value *row, size_t n_columns,
	const struct db_out *out, unsigned *column)
{
	for (*column = 0; *column < n_columns; (*column)++) {
		assert(out[*column].target != DB_TO_END);
		if (!value_store(&row[*column], &out[*column]))
			return false;
	}
	assert(out[*column].target == DB_TO_END);
	return true;
}

/* ---- All rows --------------------------------------------------------- */

static struct db_value *
next_row(struct arena *arena, struct db_rows *rows)
{
	struct chunk *chunk = rows->at;

	if (!chunk || chunk->n_rows == chunk->room) {
		size_t room = chunk ? chunk->room * 4 : CHUNK_ROWS_FIRST;

		if (room > CHUNK_ROWS_MAX)
			room = CHUNK_ROWS_MAX;
		chunk = arena_alloc(arena,
			sizeof(*chunk) + room * rows->n_columns *
						 sizeof(struct db_value));
		chunk->room = room;
		*rows->last = chunk;
		rows->last = &chunk->next;
		rows->at = chunk;
	}
	return &chunk->cells[chunk->n_rows * rows->n_columns];
}

static enum status
fetch_all(struct ctx *ctx, struct statement *s, struct db_rows *rows)
{
	enum status status;
	bool more = true;

	for (;;) {
		struct db_value *row = next_row(ctx->arena, rows);

		status = fetch(ctx, ctx->arena, s, row, &more);
		if (status != ST_OK || !more)
			break;
		rows->at->n_rows++;
		rows->count++;
	}
	rows->at = rows->first;
	return status;
}

enum status
db_ready(struct ctx *ctx)
{
	struct db *db = ctx->db;

	assert(db);
	if (db->unit == UNIT_NONE)
		TRY(db_open(ctx));
	else if (db->broken)
		return ST_UNAVAILABLE; /* and trouble stays what broke it */
	db->trouble = TROUBLE_NONE;
	return ST_OK;
}

static enum status
query_once(struct ctx *ctx, const char *sql, const struct db_value *in,
	struct db_rows **out)
{
	struct db_rows *rows = arena_alloc(ctx->arena, sizeof(*rows));
	struct statement *s;
	enum status status;

	TRY(db_ready(ctx));
	TRY(statement_get(ctx, sql, &s));
	TRY(statement_execute(ctx, s, in));
	assert(s->n_columns > 0);
	if (mysql_stmt_bind_result(s->handle, s->out) != 0)
		abort();
	rows->db = ctx->db;
	rows->n_columns = s->n_columns;
	rows->last = &rows->first;
	status = fetch_all(ctx, s, rows);
	/* After a lost connection S is gone. */
	if (ctx->db->mysql)
		mysql_stmt_free_result(s->handle);
	if (status == ST_OK)
		*out = rows;
	return status;
}

enum status
db_query(struct ctx *ctx, const char *sql, const struct db_value *in,
	struct db_rows **out)
{
	int64_t began_us = clock_monotonic_us();
	enum status status;
	unsigned attempt = 1;

	do
		status = query_once(ctx, sql, in, out);
	while (status == ST_UNAVAILABLE && ctx->db->unit == UNIT_NONE &&
		db_again(ctx, attempt++, began_us));
	return status;
}

size_t
db_count(const struct db_rows *rows)
{
	return rows->count;
}

static const struct db_value *
step(struct db_rows *rows)
{
	struct chunk *chunk = rows->at;

	if (chunk && rows->at_row == chunk->n_rows) {
		chunk = rows->at = chunk->next;
		rows->at_row = 0;
	}
	if (!chunk || chunk->n_rows == 0)
		return NULL;
	return &chunk->cells[rows->at_row++ * rows->n_columns];
}

bool
db_next(struct db_rows *rows, const struct db_out *out)
{
	const struct db_value *row = step(rows);
	unsigned column;

	if (!row)
		return false;
	if (!store_row(row, rows->n_columns, out, &column)) {
		log_error("a column does not fit its target column=%u",
			column + 1);
		abort();
	}
	return true;
}

enum status
db_one(struct ctx *ctx, const char *sql, const struct db_value *in,
	const struct db_out *out)
{
	const struct db_value *row;
	struct db_rows *rows;
	unsigned column;

	TRY(db_query(ctx, sql, in, &rows));
	row = step(rows);
	if (!row)
		return ST_NOT_FOUND;
	if (!store_row(row, rows->n_columns, out, &column))
		return bug(ctx, "does not fit its target", column);
	return ST_OK;
}

/* ---- Row by row ------------------------------------------------------- */

static enum status
each_row(struct ctx *ctx, struct statement *s, const struct db_out *out,
	enum status (*each)(struct ctx *ctx, void *arg), void *arg)
{
	struct arena *scrap = arena_new();
	struct db_value *row = NULL;
	enum status status;
	unsigned column;
	bool more;

	for (;;) {
		arena_reset(scrap);
		row = arena_array(scrap, s->n_columns, sizeof(*row));
		status = fetch(ctx, scrap, s, row, &more);
		if (status != ST_OK || !more)
			break;
		if (!store_row(row, s->n_columns, out, &column)) {
			status = bug(ctx, "does not fit its target", column);
			break;
		}
		status = each(ctx, arg);
		if (status != ST_OK)
			break;
	}
	arena_free(scrap);
	return status;
}

enum status
db_each(struct ctx *ctx, const char *sql, const struct db_value *in,
	const struct db_out *out,
	enum status (*each)(struct ctx *ctx, void *arg), void *arg)
{
	struct statement *s;
	enum status status;

	TRY(db_ready(ctx));
	TRY(statement_get(ctx, sql, &s));
	TRY(statement_execute(ctx, s, in));
	assert(s->n_columns > 0);
	if (mysql_stmt_bind_result(s->handle, s->out) != 0)
		abort();
	status = each_row(ctx, s, out, each, arg);
	if (ctx->db->mysql)
		mysql_stmt_free_result(s->handle);
	return status;
}

/* ---- Writing ---------------------------------------------------------- */

static enum status
exec_once(struct ctx *ctx, const char *sql, const struct db_value *in,
	struct db_done *done)
{
	struct statement *s;

	TRY(db_ready(ctx));
	TRY(statement_get(ctx, sql, &s));
	if (statement_execute(ctx, s, in) != ST_OK) {
		enum trouble trouble = ctx->db->trouble;

		/* Outside a transaction the statement was one of its own. */
		if (ctx->db->unit == UNIT_NONE &&
			(trouble == TROUBLE_LOST || trouble == TROUBLE_STALLED))
			return ST_OUTCOME_UNKNOWN;
		return trouble == TROUBLE_CONFLICT ? ST_CONFLICT
		       : trouble == TROUBLE_BUG    ? ST_INTERNAL
						   : ST_UNAVAILABLE;
	}
	assert(s->n_columns == 0);
	if (done) {
		done->affected = mysql_stmt_affected_rows(s->handle);
		done->insert_id = mysql_stmt_insert_id(s->handle);
	}
	return ST_OK;
}

enum status
db_exec(struct ctx *ctx, const char *sql, const struct db_value *in,
	struct db_done *done)
{
	int64_t began_us = clock_monotonic_us();
	enum status status;
	unsigned attempt = 1;

	do
		status = exec_once(ctx, sql, in, done);
	while (status == ST_UNAVAILABLE && ctx->db->unit == UNIT_NONE &&
		db_again(ctx, attempt++, began_us));
	return status;
}
