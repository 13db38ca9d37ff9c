/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_db.c - values there and back, transactions that are run again, and a
 * server that goes away at every bad moment.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "t/db/proxy.h"
#include "t/db/server.h"
#include "t/harness/suite.h"

#define DATABASE "t"

static struct ctx *ctx, *other;

static void
set_up(void)
{
	ctx = server_ctx(DATABASE);
	other = server_ctx(DATABASE);
	server_sql(DATABASE, "CREATE OR REPLACE TABLE v (id INT PRIMARY KEY, "
			     "i BIGINT, u BIGINT UNSIGNED, s VARCHAR(2000), b "
			     "VARBINARY(2000), "
			     "k BINARY(16), d DECIMAL(20,8), m DECIMAL(38,8), "
			     "t DATETIME(6), "
			     "j JSON, e ENUM('one', 'two'))");
	server_sql(DATABASE, "CREATE OR REPLACE TABLE n (id INT PRIMARY KEY, "
			     "x BIGINT NOT NULL, c VARCHAR(10) UNIQUE)");
	server_sql(DATABASE,
		"INSERT INTO n (id, x) VALUES (1, 0), (2, 0), (3, 0)");
}

static void
tear_down(void)
{
	server_ctx_free(ctx);
	server_ctx_free(other);
}

#define OK(expr)                                                               \
	do {                                                                   \
		enum status got_ = (expr);                                     \
		ck_assert_msg(got_ == ST_OK, "%s: %s (%s)", #expr,             \
			status_name(got_), db_error(ctx->db));                 \
	} while (0)

static int64_t
number(const char *sql)
{
	return server_number(DATABASE, sql);
}

/* ---- Values ----------------------------------------------------------- */

START_TEST(integers)
{
	static const int64_t values[] = {0, 1, -1, INT64_MAX, INT64_MIN};
	static const uint64_t naturals[] = {0, 1, 2, UINT64_MAX, 1ull << 63};
	int64_t i = 7;
	uint64_t u = 7;

	OK(db_exec(ctx, "INSERT INTO v (id, i, u) VALUES (1, ?, ?)",
		DB_IN(db_i64(values[_i]), db_u64(naturals[_i])), NULL));
	OK(db_one(ctx, "SELECT i, u FROM v WHERE i = ? AND u = ?",
		DB_IN(db_i64(values[_i]), db_u64(naturals[_i])),
		DB_OUT(db_to_i64(&i), db_to_u64(&u))));
	ck_assert(i == values[_i] && u == naturals[_i]);
}
END_TEST

static const struct {
	int64_t units;
	const char *text; /* as MySQL prints it */
} decimals[] = {
	{0, "0.00000000"}, {1, "0.00000001"}, {-1, "-0.00000001"},
	{12345000000, "123.45000000"}, {INT64_MAX, "92233720368.54775807"},
	{INT64_MIN + 1, "-92233720368.54775807"},
	{9007199254740993,
		"90071992.54740993"}, /* 2^53 + 1: no double has it */
};

START_TEST(money_is_exact)
{
	struct decimal d = {7};
	const char *text = NULL;

	OK(db_exec(ctx, "INSERT INTO v (id, d) VALUES (1, ?)",
		DB_IN(db_decimal((struct decimal){decimals[_i].units})), NULL));
	OK(db_one(ctx, "SELECT d, CAST(d AS CHAR) FROM v", DB_NOTHING,
		DB_OUT(db_to_decimal(&d), db_to_text(&text))));
	ck_assert(d.units == decimals[_i].units);
	ck_assert_str_eq(text, decimals[_i].text);
}
END_TEST

START_TEST(sums_are_exact)
{
	/* 10^30 - 10^-8, the largest DECIMAL(38,8). */
	__int128 most = 1, got = 0;
	int i;

	for (i = 0; i < 38; i++)
		most *= 10;
	most -= 1;
	OK(db_exec(ctx, "INSERT INTO v (id, m) VALUES (1, ?), (2, ?), (3, ?)",
		DB_IN(db_sum(most), db_sum(-most), db_sum(-5)), NULL));
	OK(db_one(ctx, "SELECT m FROM v WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_sum(&got))));
	ck_assert(got == most);
	OK(db_one(ctx, "SELECT m FROM v WHERE id = 2", DB_NOTHING,
		DB_OUT(db_to_sum(&got))));
	ck_assert(got == -most);
	OK(db_one(ctx, "SELECT SUM(m) FROM v", DB_NOTHING,
		DB_OUT(db_to_sum(&got))));
	ck_assert(got == -5);
}
END_TEST

static const int64_t times[] = {0, 1, -1, INT64_C(1736856000123456),
	INT64_C(253402300799999999) /* the last of the year 9999 */,
	INT64_C(-30610224000000000) /* the year 1000 */,
	INT64_C(1709208000000000) /* the 29th of February 2024 */,
	INT64_C(1711846800000000) /* an hour that summer time skips */};

START_TEST(times_are_utc)
{
	int64_t t = 7;
	const char *text = NULL;
	char want[CLOCK_TEXT_MAX];

	OK(db_exec(ctx, "INSERT INTO v (id, t) VALUES (1, ?)",
		DB_IN(db_time(times[_i])), NULL));
	OK(db_one(ctx,
		"SELECT t, DATE_FORMAT(t, '%Y-%m-%dT%H:%i:%s.%fZ') FROM v "
		"WHERE t = ?",
		DB_IN(db_time(times[_i])),
		DB_OUT(db_to_time(&t), db_to_text(&text))));
	ck_assert_int_eq(t, times[_i]);
	clock_format(times[_i], 6, want);
	ck_assert_str_eq(text, want);
}
END_TEST

START_TEST(text_and_bytes)
{
	static const size_t lengths[] = {0, 1, 255, 256, 257, 2000};
	size_t n = lengths[_i], length = 0, i;
	const uint8_t *bytes = NULL;
	const char *text = NULL;
	char s[2001] = "";
	uint8_t b[2000], fixed[2000];

	for (i = 0; i < n; i++) {
		s[i] = "a'\"\\;-%\n"[i % 8];
		b[i] = (uint8_t)(i * 37);
	}
	OK(db_exec(ctx, "INSERT INTO v (id, s, b) VALUES (1, ?, ?)",
		DB_IN(db_text(s), db_bytes(b, n)), NULL));
	OK(db_one(ctx, "SELECT s, b, b FROM v WHERE s = ? AND b = ?",
		DB_IN(db_text_n(s, n), db_bytes(b, n)),
		DB_OUT(db_to_text(&text), db_to_bytes(&bytes, &length),
			db_to_fixed(fixed, n))));
	ck_assert_str_eq(text, s);
	ck_assert_uint_eq(length, n);
	ck_assert_mem_eq(bytes, b, n);
	ck_assert_mem_eq(fixed, b, n);
}
END_TEST

START_TEST(unicode_json_enum)
{
	const char *text = NULL, *json = NULL, *word = NULL;

	OK(db_exec(ctx, "INSERT INTO v (id, s, j, e) VALUES (1, ?, ?, ?)",
		DB_IN(db_text("naïve ₿ 🜚"),
			db_text("{\"a\": [1, \"é\"]}"), db_text("two")),
		NULL));
	OK(db_one(ctx, "SELECT s, j, e FROM v", DB_NOTHING,
		DB_OUT(db_to_text(&text), db_to_text(&json),
			db_to_text(&word))));
	ck_assert_str_eq(text, "naïve ₿ 🜚");
	ck_assert_str_eq(json, "{\"a\": [1, \"é\"]}");
	ck_assert_str_eq(word, "two");
}
END_TEST

START_TEST(idents)
{
	struct ident id = ident_random(clock_wall_us()), got = IDENT_NONE;

	OK(db_exec(ctx, "INSERT INTO v (id, k) VALUES (1, ?), (2, ?)",
		DB_IN(db_ident(id), db_ident_or_null(IDENT_NONE)), NULL));
	OK(db_one(ctx, "SELECT k FROM v WHERE k = ?", DB_IN(db_ident(id)),
		DB_OUT(db_to_ident(&got))));
	ck_assert(ident_equal(id, got));
	OK(db_one(ctx, "SELECT k FROM v WHERE id = 2", DB_NOTHING,
		DB_OUT(db_to_ident(&got))));
	ck_assert(ident_is_none(got));
}
END_TEST

START_TEST(nulls)
{
	const uint8_t *bytes = (const uint8_t *)"x";
	const char *text = "x";
	struct decimal d = {7};
	int64_t i = 7, t = 7;
	uint64_t u = 7;
	__int128 m = 7;
	size_t length = 7;

	OK(db_exec(ctx,
		"INSERT INTO v (id, i, u, s, b, d, m, t) "
		"VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_null(), db_null(), db_text(NULL), db_bytes(NULL, 0),
			db_decimal(DECIMAL_NONE), db_null(),
			db_time(DB_NO_TIME)),
		NULL));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM v WHERE i IS NULL AND u "
				"IS NULL AND s IS NULL AND b IS NULL AND d IS "
				"NULL AND m IS "
				"NULL AND t IS NULL"),
		1);
	OK(db_one(ctx, "SELECT i, u, s, b, d, m, t FROM v", DB_NOTHING,
		DB_OUT(db_to_i64(&i), db_to_u64(&u), db_to_text(&text),
			db_to_bytes(&bytes, &length), db_to_decimal(&d),
			db_to_sum(&m), db_to_time(&t))));
	ck_assert(i == 0 && u == 0 && !text && !bytes && length == 0);
	ck_assert(decimal_is_none(d) && m == 0 && t == DB_NO_TIME);
}
END_TEST

/* What does not fit is an error, never a part of it. */
START_TEST(nothing_is_cut)
{
	uint8_t small = 7;
	struct ident id = IDENT_NONE;
	struct decimal d = {7};

	ck_assert_int_eq(
		db_one(ctx, "SELECT 256", DB_NOTHING, DB_OUT(db_to_u8(&small))),
		ST_INTERNAL);
	ck_assert_int_eq(
		db_one(ctx, "SELECT -1", DB_NOTHING, DB_OUT(db_to_u8(&small))),
		ST_INTERNAL);
	ck_assert_uint_eq(small, 7);
	ck_assert_int_eq(db_one(ctx, "SELECT REPEAT('a', 17)", DB_NOTHING,
				 DB_OUT(db_to_ident(&id))),
		ST_INTERNAL);
	ck_assert_int_eq(db_one(ctx, "SELECT CAST(? AS DECIMAL(38,8))",
				 DB_IN(db_sum((__int128)INT64_MAX + 1)),
				 DB_OUT(db_to_decimal(&d))),
		ST_INTERNAL);
	ck_assert_int_eq(db_one(ctx, "SELECT CAST(1 AS DOUBLE)", DB_NOTHING,
				 DB_OUT(db_to_decimal(&d))),
		ST_INTERNAL);
	ck_assert_int_eq(db_one(ctx, "SELECT 0.123456789", DB_NOTHING,
				 DB_OUT(db_to_decimal(&d))),
		ST_INTERNAL);
	ck_assert_int_eq(d.units, 7);
	/* Strict mode: neither does MySQL. */
	ck_assert_int_eq(
		db_exec(ctx, "INSERT INTO v (id, d) VALUES (1, ?)",
			DB_IN(db_sum((__int128)INT64_MAX * 100)), NULL),
		ST_INTERNAL);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM v"), 0);
}
END_TEST

START_TEST(rows_and_none)
{
	struct db_rows *rows, *inner;
	int64_t id, want = 0, x;
	struct db_done done;

	ck_assert_int_eq(db_one(ctx, "SELECT id FROM n WHERE id = 9",
				 DB_NOTHING, DB_OUT(db_to_i64(&id))),
		ST_NOT_FOUND);
	for (id = 10; id < 1000; id++)
		OK(db_exec(ctx, "INSERT INTO n (id, x) VALUES (?, ?)",
			DB_IN(db_i64(id), db_i64(id * 2)), NULL));
	OK(db_query(ctx, "SELECT id, x FROM n WHERE id >= ? ORDER BY id",
		DB_IN(db_i64(10)), &rows));
	ck_assert_uint_eq(db_count(rows), 990);
	for (want = 10; db_next(rows, DB_OUT(db_to_i64(&id), db_to_i64(&x)));
		want++) {
		ck_assert(id == want && x == 2 * want);
		/* The connection is free while we walk. */
		if (want % 100 == 0)
			OK(db_query(
				ctx, "SELECT id FROM n", DB_NOTHING, &inner));
	}
	ck_assert_int_eq(want, 1000);
	ck_assert(!db_next(rows, DB_OUT(db_to_i64(&id), db_to_i64(&x))));
	OK(db_exec(
		ctx, "UPDATE n SET x = 1 WHERE id >= 500", DB_NOTHING, &done));
	ck_assert_uint_eq(done.affected, 500);
}
END_TEST

struct tally {
	int64_t id, sum;
	int stop_at, seen;
};

static enum status
add_up(struct ctx *c, void *arg)
{
	struct tally *tally = arg;

	tally->sum += tally->id;
	if (++tally->seen == tally->stop_at)
		return fail(c, ST_CONFLICT, NULL, "enough");
	return ST_OK;
}

START_TEST(row_by_row)
{
	struct tally tally = {0};

	OK(db_each(ctx, "SELECT id FROM n", DB_NOTHING,
		DB_OUT(db_to_i64(&tally.id)), add_up, &tally));
	ck_assert_int_eq(tally.sum, 6);
	tally = (struct tally){.stop_at = 2};
	ck_assert_int_eq(
		db_each(ctx, "SELECT id FROM n ORDER BY id", DB_NOTHING,
			DB_OUT(db_to_i64(&tally.id)), add_up, &tally),
		ST_CONFLICT);
	ck_assert_int_eq(tally.sum, 3);
	/* What was left unread is out of the way. */
	OK(db_one(ctx, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&tally.sum))));
}
END_TEST

START_TEST(a_taken_key_is_a_conflict)
{
	ck_assert_int_eq(db_exec(ctx, "INSERT INTO n (id, x) VALUES (1, 1)",
				 DB_NOTHING, NULL),
		ST_CONFLICT);
	OK(db_exec(
		ctx, "INSERT INTO n (id, x) VALUES (4, 1)", DB_NOTHING, NULL));
	ck_assert_int_eq(db_exec(ctx, "SELEKT", DB_NOTHING, NULL), ST_INTERNAL);
}
END_TEST

START_TEST(many_statements)
{
	char sql[64];
	int64_t x;
	int i;

	for (i = 0; i < 700; i++) {
		snprintf(sql, sizeof(sql), "SELECT %d + CAST(? AS SIGNED)", i);
		OK(db_one(ctx, sql, DB_IN(db_i64(i)), DB_OUT(db_to_i64(&x))));
		ck_assert_int_eq(x, 2 * i);
	}
	/* All are closed when there are too many, none is leaked. */
	ck_assert_int_le(
		number("SELECT CAST(VARIABLE_VALUE AS SIGNED) "
		       "FROM "
		       "information_schema.GLOBAL_STATUS WHERE VARIABLE_NAME = "
		       "'PREPARED_STMT_COUNT'"),
		300);
}
END_TEST

/* ---- Bulk ------------------------------------------------------------- */

struct row {
	uint32_t id;
	int64_t i;
	uint64_t u;
	char s[32];
	struct ident k;
	struct decimal d;
	__int128 m;
	int64_t t;
};

static const struct db_column row_columns[] = {
	DB_COLUMN(U64, row, id),
	DB_COLUMN(I64, row, i),
	DB_COLUMN(U64, row, u),
	DB_COLUMN(TEXT, row, s),
	DB_COLUMN(IDENT, row, k),
	DB_COLUMN(DECIMAL, row, d),
	DB_COLUMN(SUM, row, m),
	DB_COLUMN(TIME, row, t),
};

static const struct db_bulk row_bulk = {
	"INSERT INTO v (id, i, u, s, k, d, m, t)",
	"ON DUPLICATE KEY UPDATE i = VALUES(i)",
	row_columns,
	N_ELEMENTS(row_columns),
	sizeof(struct row),
	NULL,
};

static void
fill(struct row *row, uint32_t id)
{
	*row = (struct row){
		.id = id,
		.i = -(int64_t)id,
		.u = UINT64_MAX - id,
		.k.bytes = {(uint8_t)id, (uint8_t)(id >> 8), 3},
		.d = id % 3 ? (struct decimal){(int64_t)id * 1000000007}
			    : DECIMAL_NONE,
		.m = (__int128)id << 80,
		.t = id % 5 ? INT64_C(1700000000123456) + id : DB_NO_TIME,
	};
	if (id % 7)
		snprintf(row->s, sizeof(row->s), "row %u", id);
}

static void
check_row(struct ctx *c, uint32_t id)
{
	struct row want, got = {0};
	const char *s;

	fill(&want, id);
	OK(db_one(c, "SELECT i, u, s, k, d, m, t FROM v WHERE id = ?",
		DB_IN(db_u64(id)),
		DB_OUT(db_to_i64(&got.i), db_to_u64(&got.u), db_to_text(&s),
			db_to_ident(&got.k), db_to_decimal(&got.d),
			db_to_sum(&got.m), db_to_time(&got.t))));
	ck_assert(got.i == want.i && got.u == want.u && got.m == want.m &&
		  got.t == want.t && got.d.units == want.d.units &&
		  ident_equal(got.k, want.k));
	if (id % 7)
		ck_assert_str_eq(s, want.s);
	else
		ck_assert_ptr_null(s);
}

/* By array binding, and as a server without it is asked. */
START_TEST(bulk)
{
	enum { N = 9001 };
	struct db_options options = {.socket = server_socket(),
		.database = DATABASE,
		.user = "root",
		.answer_s = 30,
		.plain_bulk = _i == 1};
	struct ctx *c = server_ctx_with(&options);
	struct row *rows = calloc(N, sizeof(*rows));
	uint64_t affected = 0;
	uint32_t i;

	for (i = 0; i < N; i++)
		fill(&rows[i], i);
	OK(db_bulk_insert(c, &row_bulk, rows, N, &affected));
	ck_assert_uint_eq(affected, N);
	for (i = 0; i < N; i += 97)
		check_row(c, i);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM v"), N);
	/* Again: those that change count two, a new one counts one. */
	for (i = 0; i < N; i++)
		rows[i].i += 5;
	rows[N - 1].id = N;
	OK(db_bulk_insert(c, &row_bulk, rows, N, &affected));
	ck_assert_uint_eq(affected, 2 * (N - 1) + 1);
	OK(db_bulk_insert(c, &row_bulk, rows, N, &affected));
	ck_assert_uint_eq(affected, 0);
	free(rows);
	server_ctx_free(c);
}
END_TEST

/* ---- Transactions ----------------------------------------------------- */

static enum status
add_one(struct ctx *c, void *arg)
{
	int *runs = arg;

	(*runs)++;
	return db_exec(
		c, "UPDATE n SET x = x + 1 WHERE id = 1", DB_NOTHING, NULL);
}

static enum status
add_and_fail(struct ctx *c, void *arg)
{
	TRY(add_one(c, arg));
	return fail(c, ST_NO_FUNDS, "amount", "no");
}

START_TEST(commits_and_rolls_back)
{
	int runs = 0;

	OK(db_tx(ctx, add_one, &runs));
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"), 1);
	ck_assert_int_eq(db_tx(ctx, add_and_fail, &runs), ST_NO_FUNDS);
	ck_assert_str_eq(ctx->fault.field, "amount");
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"), 1);
	ck_assert_int_eq(runs, 2);
}
END_TEST

static enum status
nested(struct ctx *c, void *arg)
{
	TRY(db_tx(c, add_one, arg));
	return db_tx(c, add_and_fail, arg);
}

START_TEST(an_inner_one_joins)
{
	int runs = 0;

	ck_assert_int_eq(db_tx(ctx, nested, &runs), ST_NO_FUNDS);
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"), 0);
}
END_TEST

/* Two that take the same two rows in opposite order. */
struct crossing {
	struct ctx *ctx;
	int first, second, runs;
	pthread_barrier_t *barrier;
	enum status status;
};

static enum status
cross(struct ctx *c, void *arg)
{
	struct crossing *x = arg;

	x->runs++;
	TRY(db_exec(c, "UPDATE n SET x = x + 1 WHERE id = ?",
		DB_IN(db_i64(x->first)), NULL));
	if (x->runs == 1)
		pthread_barrier_wait(x->barrier);
	return db_exec(c, "UPDATE n SET x = x + 1 WHERE id = ?",
		DB_IN(db_i64(x->second)), NULL);
}

static void *
crossing_thread(void *arg)
{
	struct crossing *x = arg;

	x->status = db_tx(x->ctx, cross, x);
	return NULL;
}

START_TEST(a_deadlock_is_run_again)
{
	pthread_barrier_t barrier;
	struct crossing a = {ctx, 1, 2, 0, &barrier, ST_OK};
	struct crossing b = {other, 2, 1, 0, &barrier, ST_OK};
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, crossing_thread, &b);
	crossing_thread(&a);
	pthread_join(thread, NULL);
	ck_assert_int_eq(a.status, ST_OK);
	ck_assert_int_eq(b.status, ST_OK);
	ck_assert_int_eq(a.runs + b.runs, 3); /* one had to run twice */
	ck_assert_int_eq(number("SELECT SUM(x) FROM n"), 4);
}
END_TEST

/* A function that does not look at what its statements answer. */
static enum status
careless(struct ctx *c, void *arg)
{
	struct crossing *x = arg;

	return cross(c, x) == ST_OK || x->runs == 1 ? ST_OK : ST_INTERNAL;
}

static void *
careless_thread(void *arg)
{
	struct crossing *x = arg;

	x->status = db_tx(x->ctx, careless, x);
	return NULL;
}

START_TEST(half_of_it_is_never_committed)
{
	pthread_barrier_t barrier;
	struct crossing a = {ctx, 1, 2, 0, &barrier, ST_OK};
	struct crossing b = {other, 2, 1, 0, &barrier, ST_OK};
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&thread, NULL, careless_thread, &b);
	careless_thread(&a);
	pthread_join(thread, NULL);
	ck_assert_int_eq(a.runs + b.runs, 3);
	ck_assert_int_eq(number("SELECT SUM(x) FROM n"), 4);
}
END_TEST

static int64_t
connection_id(struct ctx *c)
{
	int64_t id = 0;

	OK(db_one(c, "SELECT CONNECTION_ID()", DB_NOTHING,
		DB_OUT(db_to_i64(&id))));
	return id;
}

/* ---- A query that takes too long -------------------------------------- */

/* Ended by the server, so the connection is still good. */
START_TEST(a_slow_query_is_ended)
{
	struct db_breaker breaker = {0};
	struct ctx *c = server_ctx_with(
		&(struct db_options){.socket = server_socket(),
			.database = DATABASE,
			.user = "root",
			.answer_s = 1,
			.breaker = &breaker});
	int64_t x, first = connection_id(c);

	ck_assert_int_eq(db_one(c, "SELECT SLEEP(100)", DB_NOTHING,
				 DB_OUT(db_to_i64(&x))),
		ST_UNAVAILABLE);
	ck_assert_ptr_nonnull(strstr(db_error(c->db), "1969"));
	ck_assert_int_eq(connection_id(c), first);
	/* The server answers: no reason to stay away from it. */
	ck_assert_int_eq(breaker.open_until_us, 0);
	server_ctx_free(c);
}
END_TEST

static enum status
lock_first(struct ctx *c, void *arg)
{
	int64_t x;

	(*(int *)arg)++;
	return db_one(c, "SELECT x FROM n WHERE id = 1 FOR UPDATE", DB_NOTHING,
		DB_OUT(db_to_i64(&x)));
}

static enum status
meet_a_lock(struct ctx *c, void *arg)
{
	int inner = 0;

	TRY(lock_first(c, arg));
	/* Who waits for a lock is not kept for longer than for an answer. */
	ck_assert_int_eq(db_tx(other, lock_first, &inner), ST_UNAVAILABLE);
	ck_assert_int_ge(inner, 2);
	ck_assert_int_le(inner, 3);
	return ST_OK;
}

START_TEST(a_held_lock_is_given_up)
{
	int runs = 0;

	server_ctx_free(other);
	other = server_ctx_with(&(struct db_options){
		.socket = server_socket(), .database = DATABASE, .user = "root"});
	OK(db_tx(ctx, meet_a_lock, &runs));
	OK(db_tx(other, lock_first, &runs));
}
END_TEST

/* ---- A connection that goes ------------------------------------------- */

/* KILL returns before the other end has gone; its row tells. */
static void
kill_connection(struct ctx *by, int64_t id)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "KILL %lld", (long long)id);
	OK(db_script(by, sql, strlen(sql)));
	snprintf(sql, sizeof(sql),
		"SELECT COUNT(*) FROM "
		"information_schema.PROCESSLIST WHERE ID = %lld",
		(long long)id);
	while (number(sql) != 0)
		;
}

START_TEST(an_idle_connection_is_opened_again)
{
	int64_t first = connection_id(ctx), x;

	kill_connection(other, first);
	OK(db_exec(ctx, "UPDATE n SET x = 5 WHERE id = 1", DB_NOTHING, NULL));
	kill_connection(other, connection_id(ctx));
	OK(db_one(ctx, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&x))));
	ck_assert_int_eq(x, 5);
	ck_assert_int_ne(connection_id(ctx), first);
}
END_TEST

static enum status
add_and_be_killed(struct ctx *c, void *arg)
{
	int *runs = arg;

	TRY(add_one(c, runs));
	if (*runs == 1)
		kill_connection(other, connection_id(c));
	return db_exec(
		c, "UPDATE n SET x = x + 1 WHERE id = 2", DB_NOTHING, NULL);
}

static enum status
add_and_be_killed_last(struct ctx *c, void *arg)
{
	int *runs = arg;

	TRY(add_one(c, runs));
	if (*runs == 1)
		kill_connection(other, connection_id(c));
	return ST_OK;
}

START_TEST(lost_before_commit_is_run_again)
{
	int runs = 0;

	OK(db_tx(ctx, add_and_be_killed, &runs));
	ck_assert_int_eq(runs, 2);
	ck_assert_int_eq(number("SELECT SUM(x) FROM n"), 2);
}
END_TEST

/* Killed between the last statement and COMMIT: either answer is a true one. */
START_TEST(lost_at_commit)
{
	int runs = 0;
	enum status status = db_tx(ctx, add_and_be_killed_last, &runs);

	ck_assert(status == ST_OK || status == ST_OUTCOME_UNKNOWN);
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"),
		status == ST_OK ? 1 : 0);
}
END_TEST

static struct ctx *
through(struct proxy *proxy)
{
	return server_ctx_with(&(struct db_options){.socket = proxy_path(proxy),
		.database = DATABASE,
		.user = "root",
		.answer_s = 10});
}

START_TEST(a_lost_commit_is_unknown)
{
	struct proxy *proxy = proxy_start((enum cut)_i, 1, 1);
	struct ctx *c = through(proxy);
	int runs = 0;

	ck_assert_int_eq(db_tx(c, add_one, &runs), ST_OUTCOME_UNKNOWN);
	ck_assert_int_eq(runs, 1);
	ck_assert_int_eq(
		number("SELECT x FROM n WHERE id = 1"), _i == CUT_ANSWER);
	/* The connection is good again. */
	OK(db_tx(c, add_one, &runs));
	server_ctx_free(c);
	proxy_stop(proxy);
}
END_TEST

static enum status
was_committed(struct ctx *c, void *arg, bool *committed)
{
	int64_t x;

	(void)arg;
	TRY(db_one(c, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&x))));
	*committed = x > 0;
	return ST_OK;
}

START_TEST(a_lost_commit_can_be_asked_for)
{
	struct proxy *proxy = proxy_start((enum cut)_i, 1, 1);
	struct ctx *c = through(proxy);
	int runs = 0;

	OK(db_tx_checked(c, add_one, was_committed, &runs));
	ck_assert_int_eq(runs, _i == CUT_ANSWER ? 1 : 2);
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"), 1);
	server_ctx_free(c);
	proxy_stop(proxy);
}
END_TEST

/* ---- A server that goes ----------------------------------------------- */

START_TEST(a_restart_is_survived)
{
	int64_t x;

	connection_id(ctx);
	server_end(SIGKILL);
	ck_assert_int_eq(db_one(ctx, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
				 DB_OUT(db_to_i64(&x))),
		ST_UNAVAILABLE);
	server_again();
	OK(db_one(ctx, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&x))));
}
END_TEST

START_TEST(a_stalled_server_trips_the_breaker)
{
	struct db_breaker breaker = {0};
	struct db_options options = {.socket = server_socket(),
		.database = DATABASE,
		.user = "root",
		.breaker = &breaker,
		.connect_s = 1,
		.answer_s = 1};
	struct ctx *a = server_ctx_with(&options);
	struct ctx *b = server_ctx_with(&options);
	int64_t x, began;

	connection_id(a);
	connection_id(b);
	server_signal(SIGSTOP);
	ck_assert_int_eq(db_one(a, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
				 DB_OUT(db_to_i64(&x))),
		ST_UNAVAILABLE);
	began = clock_monotonic_us();
	ck_assert_int_gt(breaker.open_until_us, began);
	/* The other does not even try, or it would be stalled as well. */
	breaker.open_until_us = INT64_MAX;
	ck_assert_int_eq(db_one(b, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
				 DB_OUT(db_to_i64(&x))),
		ST_UNAVAILABLE);
	ck_assert_str_eq(db_error(b->db), "");
	/* A new connection is not waited for longer either. */
	breaker.open_until_us = 0;
	ck_assert_int_eq(db_one(a, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
				 DB_OUT(db_to_i64(&x))),
		ST_UNAVAILABLE);
	ck_assert_int_gt(breaker.open_until_us, 0);
	server_signal(SIGCONT);
	breaker.open_until_us = 0;
	OK(db_one(a, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&x))));
	server_ctx_free(a);
	server_ctx_free(b);
}
END_TEST

/* A write that nobody answered may have been done. */
START_TEST(an_unanswered_write_is_unknown)
{
	struct db_options options = {.socket = server_socket(),
		.database = DATABASE,
		.user = "root",
		.answer_s = 1};
	struct ctx *c = server_ctx_with(&options);

	OK(db_exec(c, "UPDATE n SET x = 1 WHERE id = 1", DB_NOTHING, NULL));
	server_signal(SIGSTOP);
	ck_assert_int_eq(
		db_exec(c, "UPDATE n SET x = 1 WHERE id = 1", DB_NOTHING, NULL),
		ST_OUTCOME_UNKNOWN);
	server_signal(SIGCONT);
	server_ctx_free(c);
}
END_TEST

/* ---- Snapshots -------------------------------------------------------- */

static enum status
read_twice(struct ctx *c, void *arg)
{
	int64_t first, second;

	(void)arg;
	TRY(db_one(c, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&first))));
	OK(db_exec(other, "UPDATE n SET x = x + 1 WHERE id = 1", DB_NOTHING,
		NULL));
	TRY(db_one(c, "SELECT x FROM n WHERE id = 1", DB_NOTHING,
		DB_OUT(db_to_i64(&second))));
	ck_assert_int_eq(first, second);
	ck_assert_int_eq(db_exec(c, "UPDATE n SET x = 9", DB_NOTHING, NULL),
		ST_INTERNAL);
	return ST_OK;
}

START_TEST(a_snapshot_is_of_one_moment)
{
	OK(db_snapshot(ctx, read_twice, NULL));
	ck_assert_int_eq(number("SELECT x FROM n WHERE id = 1"), 1);
}
END_TEST

static void
add_server_cases(Suite *s)
{
	TCase *server = tcase_create("server");

	tcase_add_checked_fixture(server, set_up, tear_down);
	tcase_set_timeout(server, 120);
	tcase_add_test(server, a_restart_is_survived);
	tcase_add_test(server, a_stalled_server_trips_the_breaker);
	tcase_add_test(server, an_unanswered_write_is_unknown);
	suite_add_tcase(s, server);
}

static void
add_transaction_cases(Suite *s)
{
	TCase *tx = tcase_create("transactions");

	tcase_add_checked_fixture(tx, set_up, tear_down);
	tcase_set_timeout(tx, 60);
	tcase_add_test(tx, commits_and_rolls_back);
	tcase_add_test(tx, an_inner_one_joins);
	tcase_add_test(tx, a_deadlock_is_run_again);
	tcase_add_test(tx, half_of_it_is_never_committed);
	tcase_add_test(tx, a_slow_query_is_ended);
	tcase_add_test(tx, a_held_lock_is_given_up);
	tcase_add_test(tx, an_idle_connection_is_opened_again);
	tcase_add_test(tx, lost_before_commit_is_run_again);
	tcase_add_test(tx, lost_at_commit);
	tcase_add_loop_test(tx, a_lost_commit_is_unknown, 0, 2);
	tcase_add_loop_test(tx, a_lost_commit_can_be_asked_for, 0, 2);
	tcase_add_test(tx, a_snapshot_is_of_one_moment);
	suite_add_tcase(s, tx);
}

Suite *
suite(void)
{
	Suite *s = suite_create("db");
	TCase *values = tcase_create("values");

	server_start();
	server_database(DATABASE);
	tcase_add_checked_fixture(values, set_up, tear_down);
	tcase_set_timeout(values, 60);
	tcase_add_loop_test(values, integers, 0, 5);
	tcase_add_loop_test(values, money_is_exact, 0, N_ELEMENTS(decimals));
	tcase_add_test(values, sums_are_exact);
	tcase_add_loop_test(values, times_are_utc, 0, N_ELEMENTS(times));
	tcase_add_loop_test(values, text_and_bytes, 0, 6);
	tcase_add_test(values, unicode_json_enum);
	tcase_add_test(values, idents);
	tcase_add_test(values, nulls);
	tcase_add_test(values, nothing_is_cut);
	tcase_add_test(values, rows_and_none);
	tcase_add_test(values, row_by_row);
	tcase_add_test(values, a_taken_key_is_a_conflict);
	tcase_add_test(values, many_statements);
	tcase_add_loop_test(values, bulk, 0, 2);
	suite_add_tcase(s, values);
	add_transaction_cases(s);
	add_server_cases(s);
	return s;
}
