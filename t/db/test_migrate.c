/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_migrate.c - migrations run twice, half, and too late; and what each
 * account may and may not do afterwards.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"

static const char *output;

static void
migrate(int code, const char *told)
{
	int got = stack_ctl("migrate", &output);

	ck_assert_msg(got == code, "exit code %d:\n%s", got, output);
	ck_assert_msg(strstr(output, told) != NULL, "%s", output);
}

static int64_t
number(const char *sql)
{
	return server_number(STACK_DATABASE, sql);
}

static void
write_sql(const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", stack_sql(), name);
	file = fopen(path, "we");
	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static void
remove_sql(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", stack_sql(), name);
	unlink(path);
}

static void
set_up(void)
{
	stack_reset();
}

static void
tear_down(void)
{
	remove_sql("9001_test.sql");
	remove_sql("9002_test.sql");
	remove_sql("reports/test.sql");
}

#define TABLES                                                                 \
	"SELECT COUNT(*) FROM information_schema.TABLES WHERE "                \
	"TABLE_SCHEMA = DATABASE()"

START_TEST(twice_is_once)
{
	int64_t tables;

	migrate(0, "applied 0001_users.sql");
	tables = number(TABLES);
	ck_assert_int_gt(tables, 30);
	migrate(0, "migrated: 0 applied");
	ck_assert_int_eq(number(TABLES), tables);
}
END_TEST

/* Killed behind the DDL, before it was listed: as if it were new. */
START_TEST(half_applied)
{
	int64_t tables;

	migrate(0, "migrated");
	tables = number(TABLES);
	server_sql(STACK_DATABASE, "DELETE FROM schema_migrations "
				   "WHERE name >= '0010'");
	server_sql(STACK_DATABASE, "DROP TABLE settle_state");
	migrate(0, "applied 0027_settle_state.sql");
	ck_assert_int_eq(number(TABLES), tables);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM audit_head"), 1);
}
END_TEST

/* Every file alone is safe to run again. */
START_TEST(every_file_twice)
{
	int i;

	migrate(0, "migrated");
	for (i = 0; i < 2; i++) {
		server_sql(STACK_DATABASE, "DELETE FROM schema_migrations");
		migrate(0, "already there");
	}
}
END_TEST

/* The rows of A and of B, none of which is there twice, are the same. */
#define SAME_ROWS(a, b)                                                        \
	do {                                                                   \
		ck_assert_int_eq(                                              \
			number("SELECT COUNT(*) FROM (" a " UNION " b ") x"),  \
			number("SELECT COUNT(*) FROM (" a ") x"));             \
		ck_assert_int_eq(number("SELECT COUNT(*) FROM (" b ") x"),     \
			number("SELECT COUNT(*) FROM (" a ") x"));             \
	} while (0)
#define KEY_OF_ORDERS                                                          \
	"SELECT COUNT(*) FROM information_schema.STATISTICS WHERE "            \
	"TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'orders' AND INDEX_NAME "

/*
 * As 0061 left them: the key is the id alone, and names are a column.  Users'
 * orders alternate, some are open, and each name is of many orders.
 */
static void
make_old_orders(void)
{
	server_sql(STACK_DATABASE,
		"ALTER TABLE orders DROP PRIMARY KEY, ADD PRIMARY KEY (id), "
		"ADD KEY orders_user_time (user_id, id), "
		"ADD KEY orders_client (user_id, client_id)");
	server_sql(STACK_DATABASE, "DROP TABLE order_names");
	server_sql(STACK_DATABASE,
		"INSERT INTO orders (id, user_id, instrument_id, side, type, "
		"tif, stp, flags, status, reason, price, quantity, "
		"quote_budget, stop_price, filled, quote, fee, client_id, "
		"opened_at, closed_at, updated_at, seq, trail, pair_id) "
		"WITH RECURSIVE n (i) AS "
		"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) "
		"SELECT UNHEX(LPAD(HEX(i), 32, '0')), i % 7 + 1, 1, i % 2, "
		"0, 0, 0, 0, i % 4, i % 3, i, 2 * i, 0, 0, i % 5, i, 0, "
		"IF(i % 3 = 0, CONCAT('n', i % 42), NULL), NOW(6), "
		"IF(i % 4 > 1, NOW(6), NULL), NOW(6), i, "
		"IF(i % 50 = 0, i, NULL), "
		"IF(i % 60 = 0, UNHEX(LPAD(HEX(i - 1), 32, '0')), NULL) "
		"FROM n");
	server_sql(STACK_DATABASE, "CREATE TABLE kept AS SELECT * FROM orders");
	server_sql(STACK_DATABASE,
		"DELETE FROM schema_migrations WHERE name >= '0063'");
}

START_TEST(old_orders_come_along)
{
	int i;

	migrate(0, "migrated");
	make_old_orders();
	for (i = 0; i < 2; i++) {
		migrate(0, "applied 0063_orders_by_user.sql");
		ck_assert_int_eq(number("SELECT COUNT(*) FROM orders"), 900);
		SAME_ROWS("SELECT * FROM kept", "SELECT * FROM orders");
		ck_assert_int_eq(
			number("SELECT COUNT(*) FROM order_names"), 300);
		SAME_ROWS("SELECT user_id, client_id, id FROM kept "
			  "WHERE client_id IS NOT NULL",
			"SELECT user_id, client_id, order_id FROM order_names");
		ck_assert_int_eq(number(KEY_OF_ORDERS "= 'PRIMARY'"), 2);
		ck_assert_int_eq(number(KEY_OF_ORDERS "IN ('orders_client', "
						      "'orders_user_time')"),
			0);
		server_sql(STACK_DATABASE,
			"DELETE FROM schema_migrations WHERE name >= '0063'");
	}
}
END_TEST

START_TEST(a_bad_file_stops)
{
	migrate(0, "migrated");
	write_sql("9001_test.sql",
		"CREATE TABLE IF NOT EXISTS one (x INT);\n"
		"CREATE NONSENSE;\nCREATE TABLE never (x INT);\n");
	write_sql("9002_test.sql", "CREATE TABLE later (x INT);\n");
	migrate(1, "9001_test.sql: 1064");
	ck_assert_int_eq(
		number(TABLES " AND TABLE_NAME IN ('never', 'later')"), 0);
	write_sql("9001_test.sql", "CREATE TABLE IF NOT EXISTS one (x INT);\n");
	migrate(0, "applied 9002_test.sql");
}
END_TEST

START_TEST(an_applied_file_stays)
{
	migrate(0, "migrated");
	write_sql("9001_test.sql", "CREATE TABLE one (x INT);\n");
	migrate(0, "applied 9001_test.sql");
	write_sql("9001_test.sql", "CREATE TABLE one (x BIGINT);\n");
	migrate(1, "9001_test.sql was changed after it was applied");
	remove_sql("9001_test.sql");
	migrate(1, "the database is of a later version");
}
END_TEST

START_TEST(a_view_may_change)
{
	migrate(0, "migrated");
	write_sql("reports/test.sql", "CREATE OR REPLACE SQL SECURITY INVOKER "
				      "VIEW report_test AS SELECT 1 AS x;\n");
	migrate(0, "applied reports/test.sql");
	write_sql("reports/test.sql", "CREATE OR REPLACE SQL SECURITY INVOKER "
				      "VIEW report_test AS SELECT 2 AS x;\n");
	migrate(0, "applied reports/test.sql");
	ck_assert_int_eq(number("SELECT x FROM report_test"), 2);
}
END_TEST

START_TEST(grants_that_go)
{
	char path[160], kept[160];
	FILE *file;

	migrate(0, "migrated");
	snprintf(path, sizeof(path), "%s/grants.sql", stack_sql());
	snprintf(kept, sizeof(kept), "%s/grants.kept", stack_sql());
	ck_assert_int_eq(rename(path, kept), 0);
	file = fopen(path, "we");
	fputs("GRANT SELECT ON users TO :api;\n", file);
	fclose(file);
	migrate(0, "migrated");
	ck_assert_int_eq(rename(kept, path), 0);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM "
		       "information_schema.TABLE_PRIVILEGES WHERE GRANTEE LIKE "
		       "'%quantora_api%'"),
		1);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM "
		       "information_schema.TABLE_PRIVILEGES WHERE GRANTEE LIKE "
		       "'%quantora_settler%'"),
		0);
	migrate(0, "migrated");
	ck_assert_int_gt(
		number("SELECT COUNT(*) FROM "
		       "information_schema.TABLE_PRIVILEGES WHERE GRANTEE LIKE "
		       "'%quantora_settler%'"),
		30);
}
END_TEST

/* ---- Who may do what -------------------------------------------------- */

static struct ctx *
as(enum db_account account)
{
	static struct conf *conf;
	struct ctx *ctx = calloc(1, sizeof(*ctx));
	char *reason;

	if (!conf)
		conf = conf_load(stack_conf(), &reason);
	ck_assert_ptr_nonnull(conf);
	ctx->arena = arena_new();
	ctx->db = db_new_as(conf, account, NULL, &reason);
	ck_assert_ptr_nonnull(ctx->db);
	return ctx;
}

#define A(account) (1u << DB_AS_##account)
#define EVERYBODY (A(API) | A(SETTLER) | A(STREAM) | A(WORKER) | A(AUDITOR))

/*
 * One row a fact: a statement, and which accounts may run it.  The rows are
 * run on empty tables, so nothing is changed by those that may.
 */
static const struct fact {
	const char *sql;
	unsigned may;
} facts[] = {
	/* The ledger, the trades and the audit log are only added to. */
	{"UPDATE ledger SET amount = 0", 0},
	{"DELETE FROM ledger", 0},
	{"INSERT INTO ledger SELECT * FROM ledger", A(SETTLER)},
	{"UPDATE trades SET price = 0", 0},
	{"DELETE FROM trades", 0},
	{"INSERT INTO trades SELECT * FROM trades", A(SETTLER)},
	{"UPDATE audit_log SET actor = ''", 0},
	{"DELETE FROM audit_log", 0},
	{"INSERT INTO audit_log SELECT * FROM audit_log", A(API) | A(WORKER)},
	{"TRUNCATE audit_log", 0},
	{"TRUNCATE ledger", 0},
	{"DROP TABLE ledger", 0},
	{"ALTER TABLE ledger ADD x INT", 0},
	/* What the core decides is the settler's to write. */
	{"UPDATE core_users SET role = 2", A(SETTLER)},
	{"UPDATE core_users SET locked = 0", A(SETTLER)},
	{"UPDATE balances SET available = 1", A(SETTLER)},
	{"INSERT INTO balances SELECT * FROM balances", A(SETTLER)},
	{"DELETE FROM balances", 0},
	{"UPDATE house_balances SET balance = 1", A(SETTLER)},
	{"UPDATE orders SET filled = 0", A(SETTLER)},
	{"DELETE FROM orders", 0},
	{"INSERT INTO order_names SELECT * FROM order_names", A(SETTLER)},
	{"UPDATE order_names SET client_id = ''", 0},
	{"DELETE FROM order_names", 0},
	{"UPDATE core_withdrawals SET state = 1", A(SETTLER)},
	{"UPDATE core_limits SET value = 0", A(SETTLER)},
	{"UPDATE positions SET realised = 0", A(SETTLER)},
	{"DELETE FROM positions", 0},
	{"UPDATE core_risk SET peak = 0", A(SETTLER)},
	{"UPDATE core_cancel_after SET due_at = NULL", A(SETTLER)},
	{"UPDATE assets SET usd_rate = 0", A(SETTLER)},
	{"DELETE FROM core_revocations", A(SETTLER)},
	{"UPDATE instruments SET tick = 1", A(SETTLER)},
	{"UPDATE settle_state SET applied_seq = 0", A(SETTLER)},
	{"DELETE FROM settle_state", 0},
	{"UPDATE candles_1m SET high = 1", A(SETTLER)},
	{"UPDATE candles_1h SET high = 1", A(SETTLER)},
	{"UPDATE candles_1d SET high = 1", A(SETTLER)},
	{"DELETE FROM candles_1d", 0},
	{"UPDATE imported_candles SET high = 1", A(WORKER)},
	{"DELETE FROM imported_candles", 0},
	/* Limits are users', and alerts about them the worker's. */
	{"UPDATE risk_limits SET value = 1", A(API)},
	{"DELETE FROM risk_alerts", A(WORKER)},
	{"INSERT INTO risk_alerts SELECT * FROM risk_alerts", A(WORKER)},
	{"UPDATE notices SET published_at = NULL", A(WORKER)},
	{"SELECT * FROM notices", A(API) | A(WORKER) | A(STREAM) | A(AUDITOR)},
	{"UPDATE price_alerts SET triggered = 1", A(WORKER)},
	{"DELETE FROM price_alerts", A(API) | A(WORKER)},
	/* People. */
	{"SELECT password_hash FROM users", A(API)},
	{"SELECT totp_secret FROM users", A(API)},
	{"SELECT email FROM users",
		A(API) | A(WORKER) | A(STREAM) | A(AUDITOR)},
	{"UPDATE users SET kyc_status = 'approved'", A(API)},
	{"DELETE FROM users", 0},
	{"SELECT secret FROM access_keys", A(API)},
	{"SELECT hash FROM refresh_tokens", A(API) | A(WORKER)},
	{"SELECT hash FROM recovery_codes", A(API)},
	{"UPDATE withdrawals SET state = 'approved'", A(API) | A(WORKER)},
	{"DELETE FROM withdrawals", 0},
	{"UPDATE withdrawal_decisions SET decider_id = 1", 0},
	{"DELETE FROM withdrawal_decisions", 0},
	{"UPDATE intents SET state = 'done'", A(API) | A(WORKER)},
	{"DELETE FROM intents", A(WORKER)},
	{"UPDATE audit_head SET last_id = last_id", A(API) | A(WORKER)},
	{"DELETE FROM audit_head", 0},
	/* Reading. */
	{"SELECT * FROM ledger", A(API) | A(WORKER) | A(SETTLER) | A(AUDITOR)},
	{"SELECT * FROM balances", EVERYBODY},
	{"SELECT * FROM orders", EVERYBODY},
	{"SELECT * FROM report_balance_differences", A(AUDITOR)},
	{"SELECT * FROM report_statement", A(AUDITOR)},
	{"SELECT * FROM audit_log", A(API) | A(WORKER) | A(AUDITOR)},
	{"SELECT * FROM withdrawals", A(API) | A(WORKER) | A(AUDITOR)},
	/* And nothing beyond. */
	{"CREATE TABLE own (x INT)", 0},
	{"SELECT * FROM mysql.global_priv", 0},
	{"GRANT SELECT ON users TO quantora_auditor@localhost", 0},
	{"SELECT 1 INTO OUTFILE '/tmp/quantora-outfile'", 0},
	{"SET GLOBAL general_log = 0", 0},
};

START_TEST(each_may_what_he_must)
{
	enum db_account account = (enum db_account)_i;
	struct ctx *ctx = as(account);
	size_t i;

	for (i = 0; i < N_ELEMENTS(facts); i++) {
		bool may = (facts[i].may & 1u << account) != 0;
		enum status status =
			db_script(ctx, facts[i].sql, strlen(facts[i].sql));

		ck_assert_msg((status == ST_OK) == may, "%s: %s, %s",
			facts[i].sql, status_name(status), db_error(ctx->db));
		/* Refused for want of a right, not for another reason. */
		if (!may)
			ck_assert_msg(
				strstr(db_error(ctx->db), "denied") != NULL,
				"%s: %s", facts[i].sql, db_error(ctx->db));
	}
	server_ctx_free(ctx);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("migrate");
	TCase *files = tcase_create("files");
	TCase *grants = tcase_create("grants");

	server_start();
	stack_start();
	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_set_timeout(files, 120);
	tcase_add_test(files, twice_is_once);
	tcase_add_test(files, half_applied);
	tcase_add_test(files, every_file_twice);
	tcase_add_test(files, old_orders_come_along);
	tcase_add_test(files, a_bad_file_stops);
	tcase_add_test(files, an_applied_file_stays);
	tcase_add_test(files, a_view_may_change);
	tcase_add_test(files, grants_that_go);
	suite_add_tcase(s, files);
	tcase_set_timeout(grants, 120);
	tcase_add_loop_test(
		grants, each_may_what_he_must, DB_AS_API, DB_AS_AUDITOR + 1);
	suite_add_tcase(s, grants);
	return s;
}
