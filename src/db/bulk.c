/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * bulk.c - many rows at once.
 *
 * MariaDB takes arrays of values with one statement (array binding); the rows
 * are laid out in columns for it.  MySQL takes statements of 64
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

/* "HEAD VALUES (?,?,SAME),(?,?,SAME) TAIL", for N_ROWS rows. */
static char *
text_of(struct arena *arena, const struct db_bulk *bulk, size_t n_rows)
{
	const char *tail = bulk->tail ? bulk->tail : "";
	const char *same = bulk->same ? bulk->same : "";
	char *sql = arena_alloc(arena,
		strlen(bulk->head) + strlen(tail) + 16 +
			n_rows * (bulk->n_columns * 2 + strlen(same) + 2));
	char *at = append(append(sql, bulk->head), " VALUES ");
	size_t row, column;

	for (row = 0; row < n_rows; row++) {
		*at++ = row > 0 ? ',' : ' ';
		for (column = 0; column < bulk->n_columns; column++) {
			*at++ = column > 0 ? ',' : '(';
			*at++ = '?';
		}
		at = append(at, same);
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
/* What each array begins at a multiple of. */
#define LANE_ALIGNMENT 16

/* One column of a chunk of rows; which of the arrays are used is its kind's. */
struct lane {
	uint64_t *numbers;
	MYSQL_TIME *times;
	char (*texts)[ARRAY_TEXT_MAX];
	const void **pointers;
	unsigned long *lengths;
	char *indicators;
};

/* N times SIZE bytes at *AT, which moves behind them. */
static void *
carve(char **at, size_t n, size_t size)
{
	void *ptr = *at;

	*at += (n * size + LANE_ALIGNMENT - 1) / LANE_ALIGNMENT *
	       LANE_ALIGNMENT;
	return ptr;
}

static void
lane_init(struct lane *lane, char **at, enum db_kind kind, size_t n)
{
	*lane = (struct lane){.indicators = carve(at, n, 1)};
	if (kind == DB_U64 || kind == DB_I64) {
		lane->numbers = carve(at, n, sizeof(*lane->numbers));
		return;
	}
	if (kind == DB_TIME)
		lane->times = carve(at, n, sizeof(*lane->times));
	if (kind == DB_DECIMAL || kind == DB_SUM)
		lane->texts = carve(at, n, sizeof(*lane->texts));
	lane->pointers = carve(at, n, sizeof(*lane->pointers));
	lane->lengths = carve(at, n, sizeof(*lane->lengths));
}

/*
 * Room for the lanes of N_ROWS, kept as long as the connection: to get it anew
 * for each chunk is to fault in every page of it.
 */
static char *
lanes_room(struct db *db, size_t n_rows, size_t n_columns)
{
	/* No kind has more: a text or a time, and what points to it. */
	size_t most = sizeof(MYSQL_TIME) + ARRAY_TEXT_MAX + sizeof(void *) +
		      sizeof(unsigned long) + 1;
	size_t want = n_columns * (n_rows * most + 5 * LANE_ALIGNMENT);

	if (db->lanes_bytes < want) {
		free(db->lanes);
		db->lanes = malloc(want);
		if (!db->lanes)
			abort();
		db->lanes_bytes = want;
	}
	return db->lanes;
}

static void
fill_numbers(struct lane *lane, const struct db_column *column,
	const char *field, size_t stride, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++, field += stride)
		lane->numbers[i] = unsigned_of(field, column->size);
}

static void
fill_times(struct lane *lane, const char *field, size_t stride, size_t n)
{
	int64_t time_us;
	size_t i;

	for (i = 0; i < n; i++, field += stride) {
		memcpy(&time_us, field, sizeof(time_us));
		if (time_us == DB_NO_TIME)
			lane->indicators[i] = STMT_INDICATOR_NULL;
		else
			time_to_mysql(time_us, &lane->times[i]);
		lane->pointers[i] = &lane->times[i];
	}
}

static void
fill_decimals(struct lane *lane, const char *field, size_t stride, size_t n)
{
	struct decimal value;
	size_t i;

	for (i = 0; i < n; i++, field += stride) {
		memcpy(&value, field, sizeof(value));
		if (decimal_is_none(value))
			lane->indicators[i] = STMT_INDICATOR_NULL;
		else
			lane->lengths[i] = decimal_to_mysql(
				value.units, lane->texts[i]);
		lane->pointers[i] = lane->texts[i];
	}
}

static void
fill_sums(struct lane *lane, const char *field, size_t stride, size_t n)
{
	__int128 sum;
	size_t i;

	for (i = 0; i < n; i++, field += stride) {
		memcpy(&sum, field, sizeof(sum));
		lane->lengths[i] = decimal_format_sum(sum, 0, lane->texts[i]);
		lane->pointers[i] = lane->texts[i];
	}
}

/* Sent from where they are. */
static void
fill_bytes(struct lane *lane, const struct db_column *column,
	const char *field, size_t stride, size_t n)
{
	bool text = column->kind == DB_TEXT;
	size_t i;

	for (i = 0; i < n; i++, field += stride) {
		lane->lengths[i] =
			text ? strnlen(field, column->size) : column->size;
		if (text && *field == '\0')
			lane->indicators[i] = STMT_INDICATOR_NULL;
		lane->pointers[i] = field;
	}
}

static void
lane_fill(struct lane *lane, const struct db_column *column,
	const char *field, size_t stride, size_t n)
{
	memset(lane->indicators, STMT_INDICATOR_NONE, n);
	switch (column->kind) {
	case DB_U64:
	case DB_I64:
		fill_numbers(lane, column, field, stride, n);
		return;
	case DB_TIME:
		fill_times(lane, field, stride, n);
		return;
	case DB_DECIMAL:
		fill_decimals(lane, field, stride, n);
		return;
	case DB_SUM:
		fill_sums(lane, field, stride, n);
		return;
	case DB_IDENT:
	case DB_TEXT:
		fill_bytes(lane, column, field, stride, n);
		return;
	case DB_NULL:
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
insert_array(struct ctx *ctx, const char *sql, const struct db_bulk *bulk,
	const char *rows, size_t n_rows, uint64_t *affected)
{
	char *at = lanes_room(ctx->db, n_rows, bulk->n_columns);
	unsigned array_size = (unsigned)n_rows;
	int64_t began_us = clock_monotonic_us();
	struct statement *s;
	size_t column;

	TRY(db_ready(ctx));
	TRY(statement_get(ctx, sql, &s));
	assert(s->n_params == bulk->n_columns);
	for (column = 0; column < bulk->n_columns; column++) {
		const struct db_column *c = &bulk->columns[column];
		struct lane lane;

		lane_init(&lane, &at, c->kind, n_rows);
		lane_fill(&lane, c, rows + c->offset, bulk->row_size, n_rows);
		lane_bind(&lane, c->kind, &s->in[column]);
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
	const char *sql = text_of(scrap, bulk, 1);
	enum status status = ST_OK;

	while (status == ST_OK && n_rows > 0) {
		size_t n = n_rows < ARRAY_ROWS ? n_rows : ARRAY_ROWS;

		status = insert_array(ctx, sql, bulk, rows, n, affected);
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
