/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * statement.c - prepared statements, found by their text.
 *
 * A hash table with linear probing; there are as many as a program has SQL
 * literals, so it never fills in practice.  Should it, all are closed and it
 * begins anew.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/private.h"

static void *
must(void *ptr)
{
	if (!ptr)
		abort();
	return ptr;
}

/* FNV-1a. */
static uint64_t
hash(const char *text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	return h;
}

static void
statement_free(struct statement *s)
{
	if (!s)
		return;
	if (s->handle)
		mysql_stmt_close(s->handle);
	free(s->sql);
	free(s->in);
	free(s->out);
	free(s->scratch);
	free(s->cells);
	free(s);
}

void
statements_close(struct db *db)
{
	size_t i;

	for (i = 0; i < STATEMENT_SLOTS; i++) {
		statement_free(db->statements[i]);
		db->statements[i] = NULL;
	}
	db->n_statements = 0;
}

/* The slot of SQL, or the empty one where it belongs. */
static struct statement **
find(struct db *db, const char *sql)
{
	size_t i = hash(sql) % STATEMENT_SLOTS;

	while (db->statements[i] && strcmp(db->statements[i]->sql, sql) != 0)
		i = (i + 1) % STATEMENT_SLOTS;
	return &db->statements[i];
}

static void
bind_number(struct cell_bind *cell, MYSQL_BIND *bind, bool is_unsigned)
{
	cell->kind = is_unsigned ? DB_U64 : DB_I64;
	bind->buffer_type = MYSQL_TYPE_LONGLONG;
	bind->is_unsigned = is_unsigned;
	bind->buffer = &cell->scratch.u64;
}

static void
bind_text(struct cell_bind *cell, MYSQL_BIND *bind, enum db_kind kind)
{
	cell->kind = kind;
	bind->buffer_type =
		kind == DB_BYTES ? MYSQL_TYPE_BLOB : MYSQL_TYPE_STRING;
	bind->buffer = cell->scratch.text;
	bind->buffer_length = sizeof(cell->scratch.text);
}

/* Choose how the column FIELD is read; false: it cannot be. */
static bool
bind_column(const MYSQL_FIELD *field, struct cell_bind *cell, MYSQL_BIND *bind)
{
	bind->length = &cell->length;
	bind->is_null = &cell->is_null;
	bind->error = &cell->error;
	switch ((int)field->type) {
	case MYSQL_TYPE_TINY:
	case MYSQL_TYPE_SHORT:
	case MYSQL_TYPE_INT24:
	case MYSQL_TYPE_LONG:
	case MYSQL_TYPE_LONGLONG:
	case MYSQL_TYPE_YEAR:
		bind_number(cell, bind, (field->flags & UNSIGNED_FLAG) != 0);
		return true;
	case MYSQL_TYPE_DECIMAL:
	case MYSQL_TYPE_NEWDECIMAL:
		bind_text(cell, bind, DB_SUM);
		return true;
	case MYSQL_TYPE_DATE:
	case MYSQL_TYPE_DATETIME:
	case MYSQL_TYPE_TIMESTAMP:
		cell->kind = DB_TIME;
		bind->buffer_type = MYSQL_TYPE_DATETIME;
		bind->buffer = &cell->scratch.time;
		return true;
	case MYSQL_TYPE_NULL:
		bind_text(cell, bind, DB_TEXT);
		return true;
	case MYSQL_TYPE_VARCHAR:
	case MYSQL_TYPE_VAR_STRING:
	case MYSQL_TYPE_STRING:
	case MYSQL_TYPE_ENUM:
	case MYSQL_TYPE_JSON:
	case MYSQL_TYPE_TINY_BLOB:
	case MYSQL_TYPE_MEDIUM_BLOB:
	case MYSQL_TYPE_LONG_BLOB:
	case MYSQL_TYPE_BLOB:
		bind_text(cell, bind,
			field->charsetnr == 63 ? DB_BYTES : DB_TEXT);
		return true;
	default: /* a double has no place here */
		return false;
	}
}

static enum status
describe_columns(struct ctx *ctx, struct statement *s)
{
	MYSQL_RES *meta;
	MYSQL_FIELD *fields;
	unsigned i;

	s->n_columns = mysql_stmt_field_count(s->handle);
	if (s->n_columns == 0)
		return ST_OK;
	s->out = must(calloc(s->n_columns, sizeof(*s->out)));
	s->cells = must(calloc(s->n_columns, sizeof(*s->cells)));
	meta = must(mysql_stmt_result_metadata(s->handle));
	fields = mysql_fetch_fields(meta);
	for (i = 0; i < s->n_columns; i++) {
		if (bind_column(&fields[i], &s->cells[i], &s->out[i]))
			continue;
		snprintf(ctx->db->error, sizeof(ctx->db->error),
			"column %s has a type that is not read",
			fields[i].name);
		mysql_free_result(meta);
		ctx->db->trouble = TROUBLE_BUG;
		return ST_INTERNAL;
	}
	mysql_free_result(meta);
	return ST_OK;
}

static enum status
prepare(struct ctx *ctx, struct statement *s)
{
	struct db *db = ctx->db;
	int64_t began_us = clock_monotonic_us();

	s->handle = must(mysql_stmt_init(db->mysql));
	if (mysql_stmt_prepare(s->handle, s->sql, strlen(s->sql)) != 0)
		return db_blame(ctx, mysql_stmt_errno(s->handle),
			mysql_stmt_error(s->handle), began_us);
	s->n_params = (unsigned)mysql_stmt_param_count(s->handle);
	if (s->n_params > 0) {
		s->in = must(calloc(s->n_params, sizeof(*s->in)));
		s->scratch = must(calloc(s->n_params, sizeof(*s->scratch)));
	}
	return describe_columns(ctx, s);
}

enum status
statement_get(struct ctx *ctx, const char *sql, struct statement **out)
{
	struct db *db = ctx->db;
	struct statement **slot = find(db, sql), *s;
	enum status status;

	if (*slot) {
		*out = *slot;
		return ST_OK;
	}
	if (db->n_statements == STATEMENTS_MAX) {
		statements_close(db);
		slot = find(db, sql);
	}
	s = must(calloc(1, sizeof(*s)));
	s->sql = must(strdup(sql));
	status = prepare(ctx, s);
	if (status != ST_OK) {
		/* The connection, and so the table, may be gone by now; S was
		 * not in it yet. */
		statement_free(s);
		return status;
	}
	*slot = s;
	db->n_statements++;
	*out = s;
	return ST_OK;
}

enum status
statement_execute(
	struct ctx *ctx, struct statement *s, const struct db_value *in)
{
	int64_t began_us = clock_monotonic_us();
	unsigned n = 0;

	for (; in && in[n].kind != DB_END; n++) {
		assert(n < s->n_params);
		value_bind(&in[n], &s->in[n], &s->scratch[n]);
	}
	assert(n == s->n_params);
	if ((n > 0 && mysql_stmt_bind_param(s->handle, s->in) != 0) ||
		mysql_stmt_execute(s->handle) != 0)
		return db_blame(ctx, mysql_stmt_errno(s->handle),
			mysql_stmt_error(s->handle), began_us);
	return ST_OK;
}
