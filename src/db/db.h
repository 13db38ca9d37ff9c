/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * db.h - the one way to MySQL.
 *
 * A struct db is one process's connection: opened when it is first needed,
 * opened again when it was lost.  All statements are prepared, once for each
 * connection, and found again by their text, so SQL is always a literal and
 * values are always bound:
 *
 *	struct user_row row;
 *
 *	TRY(db_one(ctx, "SELECT id, email FROM users WHERE public_id = ?",
 *		DB_IN(db_ident(id)),
 *		DB_OUT(db_to_u32(&row.id), db_to_text(&row.email))));
 *
 * The compiler checks the type of every value, which a signature string in
 * front of a variable argument list would not: an int where an int64_t is
 * read is the oldest bug of such interfaces.
 *
 * Money is DECIMAL on both sides and passes as its exact text, never through
 * a binary float.  Times are DATETIME(6), UTC on every connection, here
 * microseconds since 1970.  A double column cannot be read at all.
 *
 * What is read lives in ctx->arena.  No result stays open on the connection,
 * so a loop over rows may ask again.  OUT is written only on ST_OK.
 *
 * Failures, of everything that takes a ctx:
 *   ST_UNAVAILABLE     MySQL is away, too slow, or the breaker is open;
 *                      nothing was done
 *   ST_OUTCOME_UNKNOWN the connection broke when the answer to a write or a
 *                      COMMIT was awaited
 *   ST_CONFLICT        a unique key (or a foreign one) does not allow it
 *   ST_INTERNAL        anything else: our bug; db_error() has the detail
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"

/* ---- Values ----------------------------------------------------------- */

/* A time that is not there; NULL in MySQL. */
#define DB_NO_TIME INT64_MIN

enum db_kind {
	DB_END, /* ends a list of values */
	DB_NULL,
	DB_I64,
	DB_U64,
	DB_TEXT,
	DB_BYTES,
	DB_IDENT,
	DB_DECIMAL,
	DB_SUM,
	DB_TIME
};

struct db_value {
	enum db_kind kind;
	union {
		int64_t i64; /* I64; TIME */
		uint64_t u64;
		struct decimal decimal;
		__int128 sum;
		struct ident ident;
		struct {
			const void *ptr;
			size_t length;
		} bytes; /* TEXT (with a NUL behind it), BYTES */
	};
};

/* The values of the question marks, in order; DB_NOTHING when there are none.
 */
#define DB_IN(...) ((const struct db_value[]){__VA_ARGS__, {.kind = DB_END}})
#define DB_NOTHING ((const struct db_value *)0)

struct db_value db_null(void);
struct db_value db_i64(int64_t value);
struct db_value db_u64(uint64_t value);
struct db_value db_bool(bool value);
/* NULL stands for NULL. */
struct db_value db_text(const char *text);
struct db_value db_text_n(const char *text, size_t length);
struct db_value db_bytes(const void *ptr, size_t length);
/* BINARY(16); db_ident_or_null() makes IDENT_NONE NULL. */
struct db_value db_ident(struct ident id);
struct db_value db_ident_or_null(struct ident id);
/* DECIMAL_NONE stands for NULL. */
struct db_value db_decimal(struct decimal value);
/* DECIMAL(38,8). */
struct db_value db_sum(__int128 units);
/* DB_NO_TIME stands for NULL. */
struct db_value db_time(int64_t time_us);

/* ---- Where the columns go --------------------------------------------- */

enum db_target {
	DB_TO_END,
	DB_TO_SKIP,
	DB_TO_BOOL,
	DB_TO_U8,
	DB_TO_U16,
	DB_TO_U32,
	DB_TO_U64,
	DB_TO_I64,
	DB_TO_TEXT,
	DB_TO_BYTES,
	DB_TO_FIXED,
	DB_TO_IDENT,
	DB_TO_DECIMAL,
	DB_TO_SUM,
	DB_TO_TIME
};

struct db_out {
	enum db_target target;
	void *ptr;
	size_t *length; /* BYTES: how many there are */
	size_t size;    /* FIXED: how many there must be */
};

/* One for each column, in order. */
#define DB_OUT(...)                                                            \
	((const struct db_out[]){__VA_ARGS__, {.target = DB_TO_END}})

/*
 * NULL arrives as 0, false, NULL, IDENT_NONE, DECIMAL_NONE, DB_NO_TIME; as
 * zero bytes in a fixed buffer.  A value that does not fit its target (300
 * into a uint8_t, 17 bytes into an ident) is our bug: ST_INTERNAL, or the end
 * of the program from db_next().
 */
struct db_out db_to_skip(void);
struct db_out db_to_bool(bool *out);
struct db_out db_to_u8(uint8_t *out);
struct db_out db_to_u16(uint16_t *out);
struct db_out db_to_u32(uint32_t *out);
struct db_out db_to_u64(uint64_t *out);
struct db_out db_to_i64(int64_t *out);
/* Ends with NUL; lives in the arena. */
struct db_out db_to_text(const char **out);
struct db_out db_to_bytes(const uint8_t **out, size_t *length);
/* Exactly SIZE bytes, copied to OUT: a hash, a key. */
struct db_out db_to_fixed(void *out, size_t size);
struct db_out db_to_ident(struct ident *out);
struct db_out db_to_decimal(struct decimal *out);
/* The same, for who keeps its units alone. */
struct db_out db_to_units(int64_t *out);
struct db_out db_to_sum(__int128 *out);
struct db_out db_to_time(int64_t *out);

/* ---- The connection --------------------------------------------------- */

/*
 * Shared by the workers of a pool: until when (CLOCK_MONOTONIC, microseconds)
 * nobody should try MySQL.  In shared memory, zeroed.
 */
struct db_breaker {
	_Atomic int64_t open_until_us;
};

/* The accounts of sql/grants.sql, and the one that migrates. */
enum db_account {
	DB_AS_API,
	DB_AS_SETTLER,
	DB_AS_STREAM,
	DB_AS_WORKER,
	DB_AS_AUDITOR,
	DB_AS_MIGRATE,
	DB_ACCOUNTS
};

struct db_options {
	const char *socket;
	const char *database; /* NULL: none is chosen */
	const char *user;
	const char *password; /* NULL: none, the socket tells who we are */
	unsigned connect_s;   /* time-outs; 0: 1 s and 2 s */
	unsigned answer_s;
	struct db_breaker *breaker; /* NULL: none */
	bool plain_bulk; /* send bulks as any MySQL knows them; for tests */
};

/* All texts are copied.  Nothing is opened yet. */
struct db *db_new(const struct db_options *options);

/*
 * The same from the settings, with the password out of its file.  The time-outs
 * are the workers' for API and STREAM and long for the others.  NULL when the
 * password cannot be read, with *REASON one sentence to be freed.
 */
struct db *db_new_as(const struct conf *conf, enum db_account account,
	struct db_breaker *breaker, char **reason) MUST_USE;
void db_free(struct db *db);

/* What the settings say of an account; -1 with *REASON, as above. */
#define DB_PASSWORD_MAX 256
const char *db_account_user(const struct conf *conf, enum db_account account);
int db_account_password(const struct conf *conf, enum db_account account,
	char out[DB_PASSWORD_MAX], char **reason) MUST_USE;

/* What MySQL last said, for the log: number and text.  Never for a reply. */
const char *db_error(const struct db *db);

/* Drop the connection, as if it had been lost; before a fork. */
void db_close(struct db *db);

/* Open it, if it is not. */
enum status db_ping(struct ctx *ctx) MUST_USE;

/* Its socket, to see who is at the other end; -1: it is closed. */
int db_socket(const struct db *db);

/* ---- Asking ----------------------------------------------------------- */

struct db_rows;

/*
 * All rows of a SELECT, in the arena: give it a LIMIT.  Then
 *
 *	while (db_next(rows, DB_OUT(db_to_u64(&id), …)))
 */
enum status db_query(struct ctx *ctx, const char *sql,
	const struct db_value *in, struct db_rows **out) MUST_USE;
size_t db_count(const struct db_rows *rows);
bool db_next(struct db_rows *rows, const struct db_out *out);

/* The first row; ST_NOT_FOUND (without a fault) when there is none. */
enum status db_one(struct ctx *ctx, const char *sql, const struct db_value *in,
	const struct db_out *out) MUST_USE;

/*
 * For results that are too large to keep: EACH is called with OUT filled for
 * each row, and must not use the database.  What it is given of text and bytes
 * is gone with the next row.
 */
enum status db_each(struct ctx *ctx, const char *sql, const struct db_value *in,
	const struct db_out *out,
	enum status (*each)(struct ctx *ctx, void *arg), void *arg) MUST_USE;

struct db_done {
	uint64_t affected;  /* rows that were changed */
	uint64_t insert_id; /* of an AUTO_INCREMENT */
};

/* INSERT, UPDATE, DELETE.  DONE may be NULL. */
enum status db_exec(struct ctx *ctx, const char *sql, const struct db_value *in,
	struct db_done *done) MUST_USE;

/* ---- Transactions ----------------------------------------------------- */

/*
 * Call FN inside a transaction, and commit when it returns ST_OK; anything
 * else rolls back and is returned.  The whole of FN is run again after a
 * deadlock (1213), a lock wait (1205), a changed record (1020) or when the
 * connection was lost before COMMIT was sent; so FN has no effect but in MySQL
 * and in what it writes to ARG.  Inside FN, an error of the database must be
 * returned as it came.
 *
 * When the answer to COMMIT is lost: ST_OUTCOME_UNKNOWN.  With _checked, CHECK
 * is then asked on a new connection: it sets *COMMITTED, and the transaction
 * is either done or run again.
 *
 * Inside another db_tx() it joins that one.
 */
typedef enum status db_tx_fn(struct ctx *ctx, void *arg);
typedef enum status db_check_fn(struct ctx *ctx, void *arg, bool *committed);

enum status db_tx(struct ctx *ctx, db_tx_fn *fn, void *arg) MUST_USE;
enum status db_tx_checked(
	struct ctx *ctx, db_tx_fn *fn, db_check_fn *check, void *arg) MUST_USE;

/*
 * Call FN inside a read-only snapshot: all that it reads is of one moment.
 * Run again when the connection was lost.  Domain code that reads what the
 * settler writes wants settled_read() (domain/settled.h) instead.
 */
enum status db_snapshot(struct ctx *ctx, db_tx_fn *fn, void *arg) MUST_USE;

/* ---- For the settler and the migrations ------------------------------- */

/*
 * How an array of structs becomes rows of a table.  A field's type follows
 * from its kind: U64 any unsigned integer, I64 and TIME int64_t, DECIMAL
 * int64_t or struct decimal, SUM __int128, IDENT struct ident, TEXT a char
 * array that ends with NUL (an empty one is NULL).
 */
struct db_column {
	enum db_kind kind;
	size_t offset;
	size_t size;
};

#define DB_COLUMN(kind, type, field)                                           \
	{                                                                      \
		DB_##kind, offsetof(struct type, field),                       \
			sizeof(((struct type *)0)->field)                      \
	}

struct db_bulk {
	const char *head; /* "INSERT INTO t (a, b)", without VALUES */
	const char *tail; /* "ON DUPLICATE KEY UPDATE …", or NULL */
	const struct db_column *columns;
	size_t n_columns;
	size_t row_size; /* of the struct */
	/* What every row has besides: ", 0, NULL", or NULL. */
	const char *same;
};

/*
 * Insert N_ROWS structs, in few round trips: by array binding where the server
 * has it, by statements of many rows elsewhere.  AFFECTED (may be NULL) counts
 * as MySQL does: 1 for a new row, 2 for one that was updated, 0 for one that
 * stayed as it was.
 */
enum status db_bulk_insert(struct ctx *ctx, const struct db_bulk *bulk,
	const void *rows, size_t n_rows, uint64_t *affected) MUST_USE;

/* Unprepared, without values and results: DDL out of a file. */
enum status db_script(struct ctx *ctx, const char *sql, size_t length) MUST_USE;
