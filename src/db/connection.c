/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * connection.c - opening, losing and judging the connection.
 *
 * Before each unit of work the socket is polled: an idle connection that has
 * become readable was closed by the server, and is opened again before
 * anything is lost with it.  What fails later is judged by its number and, for
 * a lost connection, by how long we waited: libmariadb reports a time-out and
 * a hang-up alike.
 */
#include <assert.h>
#include <errmsg.h>
#include <mysqld_error.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "db/private.h"

#define CONNECT_S 1
#define ANSWER_S 2
#define BREAKER_US US_PER_SECOND

/* Only one of the two servers' headers has each of these. */
#define ERROR_STATEMENT_TIMEOUT 1969 /* MariaDB max_statement_time */
#define ERROR_QUERY_TIMEOUT 3024     /* MySQL max_execution_time */
#define ERROR_CONNECTION_KILLED 1927
#define ERROR_RECORD_CHANGED 1020
#define ERROR_TABLE_CHANGED 1412
#define ERROR_READ_ONLY 1290
#define ERROR_READ_ONLY_MODE 1836

static char *
copy(const char *text)
{
	char *own = text ? strdup(text) : NULL;

	if (text && !own)
		abort();
	return own;
}

struct db *
db_new(const struct db_options *options)
{
	struct db *db = calloc(1, sizeof(*db));

	if (!db)
		abort();
	db->socket = copy(options->socket);
	db->database = copy(options->database);
	db->user = copy(options->user);
	db->password = copy(options->password);
	db->connect_s = options->connect_s ? options->connect_s : CONNECT_S;
	db->answer_s = options->answer_s ? options->answer_s : ANSWER_S;
	db->breaker = options->breaker;
	db->plain_bulk = options->plain_bulk;
	return db;
}

void
db_free(struct db *db)
{
	if (!db)
		return;
	db_close(db);
	free(db->socket);
	free(db->database);
	free(db->user);
	if (db->password)
		explicit_bzero(db->password, strlen(db->password));
	free(db->password);
	free(db->lanes);
	free(db);
}

const char *
db_error(const struct db *db)
{
	return db->error;
}

void
db_close(struct db *db)
{
	if (!db->mysql)
		return;
	statements_close(db);
	mysql_close(db->mysql);
	db->mysql = NULL;
	if (db->unit != UNIT_NONE)
		db->broken = true;
}

/*
 * Give up a connection that does not answer.  It is shut first, so that
 * closing it cannot wait for a server that has stopped reading.
 */
static void
abandon(struct db *db)
{
	my_socket fd = mysql_get_socket(db->mysql);

	if (fd >= 0)
		shutdown(fd, SHUT_RDWR);
	db_close(db);
}

/* ---- Judging ---------------------------------------------------------- */

static enum trouble
judge(const struct db *db, unsigned number, int64_t waited_us)
{
	switch (number) {
	case ERROR_RECORD_CHANGED:
	case ER_LOCK_WAIT_TIMEOUT:
	case ER_LOCK_DEADLOCK:
	case ER_QUERY_INTERRUPTED:
	case ERROR_TABLE_CHANGED:
		return TROUBLE_AGAIN;
	case CR_SERVER_GONE_ERROR:
		return TROUBLE_UNSENT;
	case CR_SERVER_LOST:
	case CR_SERVER_LOST_EXTENDED:
		if (waited_us >= (int64_t)db->answer_s * US_PER_SECOND * 9 / 10)
			return TROUBLE_STALLED;
		return TROUBLE_LOST;
	case ER_SERVER_SHUTDOWN:
	case ERROR_CONNECTION_KILLED:
		return TROUBLE_LOST;
	case CR_CONNECTION_ERROR:
	case CR_CONN_HOST_ERROR:
	case ER_CON_COUNT_ERROR:
	case ER_TOO_MANY_USER_CONNECTIONS:
	case ERROR_STATEMENT_TIMEOUT:
	case ERROR_QUERY_TIMEOUT:
	case ERROR_READ_ONLY:
	case ERROR_READ_ONLY_MODE:
	case ER_DISK_FULL:
	case ER_RECORD_FILE_FULL:
		return TROUBLE_AWAY;
	case ER_DUP_ENTRY:
	case ER_ROW_IS_REFERENCED_2:
	case ER_NO_REFERENCED_ROW_2:
		return TROUBLE_CONFLICT;
	default:
		return TROUBLE_BUG;
	}
}

static void
trip(struct db *db)
{
	if (db->breaker)
		atomic_store_explicit(&db->breaker->open_until_us,
			clock_monotonic_us() + BREAKER_US,
			memory_order_relaxed);
}

enum status
db_blame(struct ctx *ctx, unsigned number, const char *text, int64_t began_us)
{
	struct db *db = ctx->db;
	int64_t waited_us = clock_monotonic_us() - began_us;

	db->trouble = judge(db, number, waited_us);
	snprintf(db->error, sizeof(db->error), "%u: %s", number, text);
	switch (db->trouble) {
	case TROUBLE_STALLED:
		trip(db);
		/* fallthrough */
	case TROUBLE_LOST:
	case TROUBLE_UNSENT:
		if (db->mysql)
			abandon(db);
		/* fallthrough */
	case TROUBLE_AGAIN:
	case TROUBLE_AWAY:
		db->broken = db->unit != UNIT_NONE;
		ctx->fault.retry_after_us = BREAKER_US;
		return ST_UNAVAILABLE;
	case TROUBLE_CONFLICT:
		return ST_CONFLICT;
	case TROUBLE_NONE:
	case TROUBLE_BUG:
		break;
	}
	return ST_INTERNAL;
}

bool
db_again(struct ctx *ctx, unsigned attempt, int64_t began_us)
{
	int64_t patience_us = (int64_t)ctx->db->answer_s * US_PER_SECOND;
	enum trouble trouble = ctx->db->trouble;
	struct timespec pause = {0};

	if (attempt >= DB_ATTEMPTS_MAX ||
		clock_monotonic_us() - began_us >= patience_us)
		return false;
	if (trouble == TROUBLE_UNSENT || trouble == TROUBLE_LOST)
		return true;
	if (trouble != TROUBLE_AGAIN)
		return false;
	/* Two that met once should not meet again. */
	pause.tv_nsec =
		(long)(attempt - 1) * 1000000 +
		(long)((clock_monotonic_us() * 7919 + getpid()) % 1000) * 1000;
	nanosleep(&pause, NULL);
	return true;
}

/* ---- Opening ---------------------------------------------------------- */

static const char *const session_settings[] = {
	"SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,"
	"NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,"
	"NO_ENGINE_SUBSTITUTION,ONLY_FULL_GROUP_BY'",
	"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ",
};

static void
set_options(const struct db *db, MYSQL *mysql)
{
	static const unsigned off;

	mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &db->connect_s);
	mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &db->answer_s);
	mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &db->answer_s);
	mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &off);
	mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
}

static bool
is_mariadb(MYSQL *mysql)
{
	return strstr(mysql_get_server_info(mysql), "MariaDB") != NULL;
}

/*
 * The time limits are kept by the server too, so that a query that we have
 * given up does not run on; a little shorter, so that it is the server who
 * says so and the connection stays.  Waiting for a lock ends first of all: it
 * can be retried.
 */
static enum status
set_up(struct ctx *ctx, bool mariadb)
{
	unsigned limit_ms = ctx->db->answer_s * 900;
	char sql[128];
	size_t i;

	for (i = 0; i < N_ELEMENTS(session_settings); i++)
		TRY(db_simple(ctx, session_settings[i]));
	if (ctx->db->answer_s > ANSWER_S)
		return ST_OK;
	TRY(db_simple(ctx, "SET SESSION innodb_lock_wait_timeout = 1"));
	snprintf(sql, sizeof(sql),
		mariadb ? "SET SESSION max_statement_time = %u.%03u"
			: "SET SESSION max_execution_time = %u%03u",
		limit_ms / 1000, limit_ms % 1000);
	return db_simple(ctx, sql);
}

static enum status
connect_now(struct ctx *ctx)
{
	struct db *db = ctx->db;
	MYSQL *mysql = mysql_init(NULL);
	int64_t began_us = clock_monotonic_us();
	enum status status;
	bool mariadb;

	if (!mysql)
		abort();
	set_options(db, mysql);
	if (!mysql_real_connect(mysql, "localhost", db->user, db->password,
		    db->database, 0, db->socket, 0)) {
		status = db_blame(
			ctx, mysql_errno(mysql), mysql_error(mysql), began_us);
		/* Nothing was asked yet: whatever it was, it is away. */
		if (clock_monotonic_us() - began_us >=
			(int64_t)db->connect_s * US_PER_SECOND * 9 / 10)
			trip(db);
		if (status == ST_UNAVAILABLE)
			db->trouble = TROUBLE_AWAY;
		mysql_close(mysql);
		return status;
	}
	db->mysql = mysql;
	mariadb = is_mariadb(mysql);
	db->bulk = mariadb && !db->plain_bulk;
	status = set_up(ctx, mariadb);
	if (status != ST_OK && db->mysql)
		abandon(db);
	return status;
}

/* An idle connection has nothing to say but that it is over. */
static bool
still_there(struct db *db)
{
	struct pollfd fd = {mysql_get_socket(db->mysql), POLLIN, 0};

	return poll(&fd, 1, 0) == 0;
}

enum status
db_open(struct ctx *ctx)
{
	struct db *db = ctx->db;

	assert(db->unit == UNIT_NONE);
	db->trouble = TROUBLE_NONE;
	if (db->breaker &&
		clock_monotonic_us() <
			atomic_load_explicit(&db->breaker->open_until_us,
				memory_order_relaxed)) {
		db->trouble = TROUBLE_STALLED;
		ctx->fault.retry_after_us = BREAKER_US;
		return ST_UNAVAILABLE;
	}
	if (db->mysql && !still_there(db))
		abandon(db);
	return db->mysql ? ST_OK : connect_now(ctx);
}

enum status
db_ping(struct ctx *ctx)
{
	if (ctx->db->unit != UNIT_NONE)
		return ST_OK;
	TRY(db_open(ctx));
	return db_simple(ctx, "DO 0");
}

int
db_socket(const struct db *db)
{
	return db->mysql ? mysql_get_socket(db->mysql) : -1;
}

enum status
db_simple(struct ctx *ctx, const char *sql)
{
	return db_script(ctx, sql, strlen(sql));
}

enum status
db_script(struct ctx *ctx, const char *sql, size_t length)
{
	struct db *db = ctx->db;
	int64_t began_us = clock_monotonic_us();
	MYSQL_RES *result;

	if (!db->mysql)
		TRY(db_open(ctx));
	db->trouble = TROUBLE_NONE;
	if (mysql_real_query(db->mysql, sql, length) != 0)
		return db_blame(ctx, mysql_errno(db->mysql),
			mysql_error(db->mysql), began_us);
	result = mysql_store_result(db->mysql);
	mysql_free_result(result);
	return ST_OK;
}
