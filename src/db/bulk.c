/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * bulk.c - many rows at once.
 *
 * MariaDB takes arrays of values with one statement (array binding); what is
 * not an integer is laid out in columns for it.  MySQL takes statements of 64
 * rows, then of 8, then of 1, so that each needs three prepared texts and no
 * more.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/private.h"

/* Some hundred kilobytes a round trip; far below max_allowed_packet. */
#define ARRAY_ROWS 4096

static const size_t plain_steps[] = {64, 8, 1};

/* ---- Out of a struct -------------------------------------------------- */

static const char *
field_of(
	const struct db_bulk *bulk, const void *rows, size_t row, size_t column)
{
	return (const char *)rows + row * bulk->row_size +
	       bulk->columns[column].offset;
}

static uint64_t
unsigned_of(const void *field, size_t size)
{
	uint64_t value = 0;

	assert(size <= sizeof(value));
	memcpy(&value, field, size); /* little-endian, see wire/message.h */
	return value;
}

static struct db_value
value_of(const struct db_column *column, const char *field)
{
	struct db_value value = {.kind = column->kind};

	switch (column->kind) {
	case DB_U64:
		value.u64 = unsigned_of(field, column->size);
		return value;
	case DB_I64:
		memcpy(&value.i64, field, sizeof(value.i64));
		return value;
	case DB_TIME:
		memcpy(&value.i64, field, sizeof(value.i64));
		return db_time(value.i64);
	case DB_DECIMAL:
		memcpy(&value.decimal, field, sizeof(value.decimal));
		return db_decimal(value.decimal);
	case DB_SUM:
		memcpy(&value.sum, field, sizeof(value.sum));
		return value;
	case DB_IDENT:
		memcpy(&value.ident, field, sizeof(value.ident));
		return value;
	case DB_TEXT:
		return *field ? db_text_n(field, strnlen(field, column->size))
			      : db_null();
	case DB_NULL:
	case DB_BYTES:
	case DB_END:
		break;
	}
	abort();
}

/* ---- The texts -------------------------------------------------------- */

static char *
append(char *at, const char *text)
{
	size_t length = strlen(text);

	memcpy(at, text, length);
	return at + length;
}

/* "HEAD VALUES (?,?),(?,?) TAIL", for N_ROWS rows. */
static char *
text_of(struct arena *arena, const struct db_bulk *bulk, size_t n_rows)
{
	const char *tail = bulk->tail ? bulk->tail : "";
	char *sql =
		arena_alloc(arena, strlen(bulk->head) + strlen(tail) + 16 +
					   n_rows * (bulk->n_columns * 2 + 2));
	char *at = append(append(sql, bulk->head), " VALUES ");
	size_t row, column;

	for (row = 0; row < n_rows; row++) {
		*at++ = row > 0 ? ',' : ' ';
		for (column = 0; column < bulk->n_columns; column++) {
			*at++ = column > 0 ? ',' : '(';
			*at++ = '?';
		}
		*at++ = ')';
	}
	*at++ = ' ';
	at = append(at, tail);
	*at = '\0';
	return sql;
}

/* ---- As any MySQL knows it -------------------------------------------- */

static enum status
insert_plain(struct ctx *ctx, const struct db_bulk *bulk, const void *rows,
	size_t n_rows, uint64_t *affected)
{
	struct arena *scrap = arena_new();
	size_t n_values = n_rows * bulk->n_columns, i;
	struct db_value *values =
		arena_array(scrap, n_values + 1, sizeof(*values));
	enum status status;
	struct db_done done;

	for (i = 0; i < n_values; i++)
		values[i] = value_of(&bulk->columns[i % bulk->n_columns],
			field_of(bulk, rows, i / bulk->n_columns,
				i % bulk->n_columns));
	values[i].kind = DB_END;
	status = db_exec(ctx, text_of(scrap, bulk, n_rows), values, &done);
	arena_free(scrap);
	if (status == ST_OK)
		*affected += done.affected;
	return status;
}

static enum status
bulk_plain(struct ctx *ctx, const struct db_bulk *bulk, const char *rows,
	size_t n_rows, uint64_t *affected)
{
	size_t i, n;

	for (i = 0; i < N_ELEMENTS(plain_steps); i++)
		for (n = plain_steps[i]; n_rows >= n; n_rows -= n) {
			TRY(insert_plain(ctx, bulk, rows, n, affected));
			rows += n * bulk->row_size;
		}
	return ST_OK;
}

/* ---- As arrays -------------------------------------------------------- */

#define ARRAY_TEXT_MAX DECIMAL_SUM_TEXT_MAX

/* One column of a chunk of rows; which of the arrays are used is its kind's. */
struct lane {
	uint64_t *numbers;
	MYSQL_TIME *times;
	char (*texts)[ARRAY_TEXT_MAX];
	const void **pointers;
	unsigned long *lengths;
	char *indicators;
};

static void
lane_init(struct lane *lane, struct arena *arena, enum db_kind kind, size_t n)
{
	lane->indicators = arena_alloc(arena, n);
	if (kind == DB_U64 || kind == DB_I64) {
		lane->numbers = arena_array(arena, n, sizeof(*lane->numbers));
		return;
	}
	if (kind == DB_TIME)
		lane->times = arena_array(arena, n, sizeof(*lane->times));
	if (kind == DB_DECIMAL || kind == DB_SUM)
		lane->texts = arena_array(arena, n, sizeof(*lane->texts));
	lane->pointers = arena_array(arena, n, sizeof(*lane->pointers));
	lane->lengths = arena_array(arena, n, sizeof(*lane->lengths));
}

static void
lane_set(struct lane *lane, size_t row, const struct db_value *value,
	const char *field)
{
	lane->indicators[row] = value->kind == DB_NULL ? STMT_INDICATOR_NULL
						       : STMT_INDICATOR_NONE;
	switch (value->kind) {
	case DB_U64:
	case DB_I64:
		lane->numbers[row] = value->u64;
		return;
	case DB_TIME:
		time_to_mysql(value->i64, &lane->times[row]);
		lane->pointers[row] = &lane->times[row];
		return;
	case DB_DECIMAL:
		lane->lengths[row] = decimal_to_mysql(
			value->decimal.units, lane->texts[row]);
		lane->pointers[row] = lane->texts[row];
		return;
	case DB_SUM:
		lane->lengths[row] =
			decimal_format_sum(value->sum, 0, lane->texts[row]);
		lane->pointers[row] = lane->texts[row];
		return;
	case DB_IDENT:
		lane->lengths[row] = sizeof(value->ident);
		lane->pointers[row] = field;
		return;
	case DB_TEXT:
		lane->lengths[row] = value->bytes.length;
		lane->pointers[row] = field;
		return;
	case DB_NULL:
		return; /* the indicator says it all */
	case DB_BYTES:
	case DB_END:
		break;
	}
	abort();
}

static void
lane_bind(struct lane *lane, enum db_kind kind, MYSQL_BIND *bind)
{
	*bind = (MYSQL_BIND){.u.indicator = lane->indicators};
	bind->length = lane->lengths;
	if (lane->numbers) {
		bind->buffer_type = MYSQL_TYPE_LONGLONG;
		bind->is_unsigned = kind == DB_U64;
		bind->buffer = lane->numbers;
	} else {
		/* libmariadb follows a pointer for all but plain numbers. */
		bind->buffer_type = lane->times        ? MYSQL_TYPE_DATETIME
				    : lane->texts      ? MYSQL_TYPE_NEWDECIMAL
				    : kind == DB_IDENT ? MYSQL_TYPE_BLOB
						       : MYSQL_TYPE_STRING;
		bind->buffer = lane->pointers;
	}
}

static enum status
insert_array(struct ctx *ctx, struct arena *arena, const struct db_bulk *bulk,
	const char *rows, size_t n_rows, uint64_t *affected)
{
	struct lane *lanes =
		arena_array(arena, bulk->n_columns, sizeof(*lanes));
	unsigned array_size = (unsigned)n_rows;
	int64_t began_us = clock_monotonic_us();
	struct statement *s;
	size_t row, column;

	TRY(db_ready(ctx));
	TRY(statement_get(ctx, text_of(arena, bulk, 1), &s));
	assert(s->n_params == bulk->n_columns);
	for (column = 0; column < bulk->n_columns; column++) {
		const struct db_column *c = &bulk->columns[column];

		lane_init(&lanes[column], arena, c->kind, n_rows);
		for (row = 0; row < n_rows; row++) {
			const char *field = field_of(bulk, rows, row, column);
			struct db_value value = value_of(c, field);

			lane_set(&lanes[column], row, &value, field);
		}
		lane_bind(&lanes[column], c->kind, &s->in[column]);
	}
	mysql_stmt_attr_set(s->handle, STMT_ATTR_ARRAY_SIZE, &array_size);
	if (mysql_stmt_bind_param(s->handle, s->in) != 0 ||
		mysql_stmt_execute(s->handle) != 0)
		return db_blame(ctx, mysql_stmt_errno(s->handle),
			mysql_stmt_error(s->handle), began_us);
	*affected += mysql_stmt_affected_rows(s->handle);
	return ST_OK;
}

static enum status
bulk_arrays(struct ctx *ctx, const struct db_bulk *bulk, const char *rows,
	size_t n_rows, uint64_t *affected)
{
	struct arena *scrap = arena_new();
	enum status status = ST_OK;

	while (status == ST_OK && n_rows > 0) {
		size_t n = n_rows < ARRAY_ROWS ? n_rows : ARRAY_ROWS;

		status = insert_array(ctx, scrap, bulk, rows, n, affected);
		arena_reset(scrap);
		rows += n * bulk->row_size;
		n_rows -= n;
	}
	arena_free(scrap);
	return status;
}

enum status
db_bulk_insert(struct ctx *ctx, const struct db_bulk *bulk, const void *rows,
	size_t n_rows, uint64_t *affected)
{
	uint64_t total = 0;
	enum status status;

	TRY(db_ready(ctx));
	status = ctx->db->bulk ? bulk_arrays(ctx, bulk, rows, n_rows, &total)
			       : bulk_plain(ctx, bulk, rows, n_rows, &total);
	if (status == ST_OK && affected)
		*affected = total;
	return status;
}
