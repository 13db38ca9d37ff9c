/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * private.h - what the files of src/db share; nobody else includes it.
 *
 * connection.c opens, closes and judges errors; statement.c prepares, binds
 * and executes; rows.c asks and fetches; tx.c re-runs; bulk.c inserts many;
 * value.c knows the types.
 */
#pragma once

#include <mysql.h>

#include "db/db.h"

#define DB_ERROR_MAX 512
/* How often a unit of work is run again before we give up. */
#define DB_ATTEMPTS_MAX 8

/* What an error means for who must decide whether to try again. */
enum trouble {
	TROUBLE_NONE,
	TROUBLE_AGAIN,    /* the transaction is gone; run it again */
	TROUBLE_UNSENT,   /* the connection was lost before it was asked */
	TROUBLE_LOST,     /* the connection was lost while we waited */
	TROUBLE_STALLED,  /* no answer in time; the connection is given up */
	TROUBLE_AWAY,     /* not to be had: not running, too many connections */
	TROUBLE_CONFLICT, /* a key; the transaction goes on */
	TROUBLE_BUG       /* all else */
};

enum unit { UNIT_NONE, UNIT_TX, UNIT_SNAPSHOT };

struct statement;

#define STATEMENT_SLOTS 512 /* a power of two */
#define STATEMENTS_MAX 256

struct db {
	MYSQL *mysql; /* NULL: closed */
	char *socket, *database, *user, *password;
	unsigned connect_s, answer_s;
	struct db_breaker *breaker;
	bool plain_bulk; /* as asked for */
	bool bulk;       /* the server binds arrays */

	enum unit unit;
	bool broken; /* the unit can only be rolled back */

	enum trouble trouble; /* of the last call */
	char error[DB_ERROR_MAX];

	struct statement *statements[STATEMENT_SLOTS];
	size_t n_statements;

	/* Where bulk.c lays out its columns. */
	char *lanes;
	size_t lanes_bytes;
};

/* ---- connection.c ---- */

/* Open, or see that it is still there.  Sets trouble. */
enum status db_open(struct ctx *ctx) MUST_USE;

/*
 * Judge and record an error of MYSQL_ERRNO, which took since BEGAN_US; closes
 * the connection when it is of no more use.  Returns the status to give.
 */
enum status db_blame(
	struct ctx *ctx, unsigned number, const char *text, int64_t began_us);

/* BEGIN, COMMIT: no values, no rows. */
enum status db_simple(struct ctx *ctx, const char *sql) MUST_USE;

/* Whether we may speak at all: a broken transaction must end first. */
enum status db_ready(struct ctx *ctx) MUST_USE;

/*
 * Whether a unit of work that failed is to be run again, ATTEMPT counted from
 * 1; waits a little before it says so.  Who waits for us since BEGAN_US
 * (monotonic) does not wait much longer than for one answer.
 */
bool db_again(struct ctx *ctx, unsigned attempt, int64_t began_us);

/* ---- statement.c ---- */

union scratch {
	int64_t i64;
	uint64_t u64;
	MYSQL_TIME time;
	char text[256];
};

struct cell_bind {
	union scratch scratch;
	unsigned long length;
	my_bool is_null, error;
	enum db_kind kind;
};

struct statement {
	char *sql;
	MYSQL_STMT *handle;
	unsigned n_params, n_columns;
	MYSQL_BIND *in, *out;
	union scratch *scratch;
	struct cell_bind *cells;
};

/* Find or prepare SQL on the open connection. */
enum status statement_get(
	struct ctx *ctx, const char *sql, struct statement **out) MUST_USE;

/* Bind IN and execute. */
enum status statement_execute(struct ctx *ctx, struct statement *s,
	const struct db_value *in) MUST_USE;

/* Close all, as when the connection goes. */
void statements_close(struct db *db);

/* ---- value.c ---- */

/* Bind VALUE; what must be converted goes to SCRATCH. */
void value_bind(
	const struct db_value *value, MYSQL_BIND *bind, union scratch *scratch);

void time_to_mysql(int64_t time_us, MYSQL_TIME *out);
int64_t time_from_mysql(const MYSQL_TIME *time);

/*
 * What decimal_format() writes, without a NUL and without its 128 bits, which
 * are most of the cost of a bulk.  OUT holds DECIMAL_TEXT_MAX bytes.
 */
size_t decimal_to_mysql(int64_t units, char *out);

/*
 * Put VALUE where OUT says.  False when it does not fit.  Text and bytes are
 * not copied.
 */
bool value_store(const struct db_value *value, const struct db_out *out);
