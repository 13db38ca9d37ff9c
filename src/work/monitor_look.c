/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_look.c - asking and reading.
 */
#include "work/monitor_look.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/market.h"
#include "domain/settled.h"
#include "settle/waiting.h"
#include "work/monitor_process.h"

#define PATIENCE_US (US_PER_SECOND / 2)
#define DB_CONNECT_S 1
#define DB_ANSWER_S 2

struct looker {
	const struct conf *conf;
	struct schedule *schedule;
	struct core *core;
	struct markets *markets;
	struct db *db;
	struct db_breaker breaker;
	int64_t born_us;
	int64_t behind_since_us; /* the settler; 0: it is not */
	/* Found once a life. */
	int64_t matcher_started_us;
	int32_t matcher_pid;
};

static struct db *
open_db(struct looker *looker, char **reason)
{
	char password[DB_PASSWORD_MAX];
	struct db *db;

	if (db_account_password(looker->conf, DB_AS_WORKER, password,
		    reason) != 0)
		return NULL;
	db = db_new(&(struct db_options){
		.socket = conf_text(looker->conf, CONF_MYSQL_SOCKET),
		.database = conf_text(looker->conf, CONF_MYSQL_DATABASE),
		.user = db_account_user(looker->conf, DB_AS_WORKER),
		.password = password,
		.connect_s = DB_CONNECT_S,
		.answer_s = DB_ANSWER_S,
		.breaker = &looker->breaker,
	});
	explicit_bzero(password, sizeof(password));
	return db;
}

struct looker *
looker_new(const struct conf *conf, struct schedule *schedule, char **reason)
{
	struct looker *looker = calloc(1, sizeof(*looker));

	if (!looker)
		abort();
	looker->conf = conf;
	looker->schedule = schedule;
	looker->born_us = clock_wall_us();
	looker->db = open_db(looker, reason);
	if (!looker->db) {
		free(looker);
		return NULL;
	}
	looker->core = core_new(conf_text(conf, CONF_SOCKETS_MATCHER));
	core_set_patience(looker->core, PATIENCE_US);
	looker->markets = markets_new(conf_text(conf, CONF_PATHS_BOOK_PAGE));
	return looker;
}

void
looker_free(struct looker *looker)
{
	if (!looker)
		return;
	markets_free(looker->markets);
	core_free(looker->core);
	db_free(looker->db);
	free(looker);
}

struct db *
looker_db(const struct looker *looker)
{
	return looker->db;
}

/* ---- The matcher ---------------------------------------------------------- */

static void
look_at_matcher(struct looker *looker, struct ctx *ctx, struct look *look)
{
	const char *path = conf_text(looker->conf, CONF_SOCKETS_MATCHER);
	struct vital *vital = &look->matcher;
	int64_t began_us = clock_monotonic_us();
	struct market_list markets;

	disk_look(conf_text(looker->conf, CONF_PATHS_JOURNAL),
		&look->journal_disk);
	if (core_stats(ctx, &look->stats) != ST_OK) {
		looker->matcher_started_us = 0;
		return;
	}
	vital->up = true;
	vital->ping_us = clock_monotonic_us() - began_us;
	vital->born_us = look->stats.started_us;
	vital->life = (uint64_t)look->stats.started_us;
	if (looker->matcher_started_us != look->stats.started_us) {
		looker->matcher_pid = socket_owner(path);
		looker->matcher_started_us = look->stats.started_us;
	}
	usage_add(&vital->usage, looker->matcher_pid);
	if (market_list(ctx, &markets) == ST_OK)
		look->books = markets.n;
}

/* ---- The settler ---------------------------------------------------------- */

/* Ask settlerd how far it is; false when it does not say. */
static bool
ask_settler(const char *path, struct settle_answer *answer)
{
	struct settle_question question = {.seq = 0};
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_usec = PATIENCE_US};
	bool good;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	good = setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) == 0 &&
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		       sizeof(patience)) == 0 &&
	       connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       send(fd, &question, sizeof(question), MSG_NOSIGNAL) ==
		       (ssize_t)sizeof(question) &&
	       recv(fd, answer, sizeof(*answer), MSG_WAITALL) ==
		       (ssize_t)sizeof(*answer);
	close(fd);
	return good;
}

/* What a program with a meter has in common. */
static bool
read_meter(const struct looker *looker, const char *name, struct vital *vital,
	struct meter_reading *meter)
{
	const char *dir = conf_text(looker->conf, CONF_PATHS_METERS);
	unsigned i;

	if (meter_read(dir, name, meter) != ST_OK || !meter->alive) {
		*meter = (struct meter_reading){.alive = false};
		return false;
	}
	vital->born_us = meter->started_us;
	vital->life = (uint64_t)meter->started_us;
	usage_add(&vital->usage, meter->pid);
	for (i = 0; i < meter->n_workers; i++)
		usage_add(&vital->usage, meter->workers[i]);
	return true;
}

/* What is not known says nothing against what was. */
static void
note_behind(struct looker *looker, struct look *look)
{
	bool behind = look->stats.durable_seq > look->applied_seq;

	if (look->matcher.up && look->applied_known && !behind)
		looker->behind_since_us = 0;
	else if (look->matcher.up && look->applied_known &&
		looker->behind_since_us == 0)
		looker->behind_since_us = look->at_us;
	look->behind_since_us = looker->behind_since_us;
}

/* How far it is stands in MySQL too, where it stays when settlerd is away. */
static void
look_at_settler(struct looker *looker, struct ctx *ctx, struct look *look)
{
	struct vital *vital = &look->settler;
	int64_t began_us = clock_monotonic_us(), applied_us;
	struct settle_answer answer;

	read_meter(looker, "settlerd", vital, &look->settler_meter);
	vital->up = ask_settler(conf_text(looker->conf, CONF_SOCKETS_SETTLER),
		&answer);
	if (vital->up) {
		vital->ping_us = clock_monotonic_us() - began_us;
		look->applied_seq = answer.applied_seq;
		look->applied_known = true;
	} else if (look->database.up) {
		look->applied_known = settled_position(ctx, &look->applied_seq,
					      &applied_us) == ST_OK;
	}
	note_behind(looker, look);
}

/* ---- MySQL ---------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset;
} db_figures[] = {
#define ROW(name, member) {name, offsetof(struct look_database, member)}
	ROW("Threads_connected", connections),
	ROW("Threads_running", running),
	ROW("Questions", queries),
	ROW("Slow_queries", slow),
	ROW("Innodb_buffer_pool_read_requests", pool_reads),
	ROW("Innodb_buffer_pool_reads", pool_misses),
	ROW("Innodb_buffer_pool_pages_total", pool_pages),
	ROW("Innodb_buffer_pool_pages_free", pool_free),
	ROW("Innodb_buffer_pool_bytes_data", pool_data_bytes),
#undef ROW
};

static void
take_figure(struct look *look, const char *name, const char *value)
{
	uint64_t number = strtoull(value, NULL, 10);
	size_t i;

	if (strcmp(name, "Uptime") == 0)
		look->database.born_us =
			look->at_us - (int64_t)number * US_PER_SECOND;
	for (i = 0; i < N_ELEMENTS(db_figures); i++)
		if (strcmp(name, db_figures[i].name) == 0)
			*(uint64_t *)((char *)&look->db + db_figures[i].offset) =
				number;
}

static void
look_at_database(struct looker *looker, struct ctx *ctx, struct look *look)
{
	struct vital *vital = &look->database;
	const char *name, *value;
	struct db_rows *rows;
	int64_t began_us;
	uint8_t one;
	int32_t pid;

	/* The connection may have to be made first; that is no ping. */
	if (db_one(ctx, "SELECT 1", DB_NOTHING, DB_OUT(db_to_u8(&one))) !=
		ST_OK)
		return;
	began_us = clock_monotonic_us();
	if (db_one(ctx, "SELECT 1", DB_NOTHING, DB_OUT(db_to_u8(&one))) !=
		ST_OK)
		return;
	vital->ping_us = clock_monotonic_us() - began_us;
	if (db_query(ctx,
		    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', "
		    "'Threads_connected', 'Threads_running', 'Questions', "
		    "'Slow_queries', 'Innodb_buffer_pool_read_requests', "
		    "'Innodb_buffer_pool_reads', "
		    "'Innodb_buffer_pool_pages_total', "
		    "'Innodb_buffer_pool_pages_free', "
		    "'Innodb_buffer_pool_bytes_data')",
		    DB_NOTHING, &rows) != ST_OK)
		return;
	while (db_next(rows, DB_OUT(db_to_text(&name), db_to_text(&value))))
		take_figure(look, name, value);
	vital->up = true;
	pid = socket_peer(db_socket(looker->db));
	vital->life = (uint64_t)pid;
	usage_add(&vital->usage, pid);
}

/* ---- Redis ---------------------------------------------------------------- */

static void
look_at_cache(struct looker *looker, struct look *look)
{
	struct cache_server_info *redis = &look->redis;
	struct vital *vital = &look->cache;

	if (cache_server_info(conf_text(looker->conf, CONF_REDIS_SOCKET),
		    PATIENCE_US, redis) != ST_OK)
		return;
	*vital = (struct vital){
		.up = true,
		.life = (uint64_t)redis->pid,
		.born_us = look->at_us - redis->uptime_s * US_PER_SECOND,
		.ping_us = redis->ping_us,
		.usage = {true, redis->rss_bytes, redis->cpu_us},
	};
}

/* ---- All ------------------------------------------------------------------ */

static void
look_at_ourselves(struct looker *looker, struct look *look)
{
	struct vital *vital = &look->workers;

	*vital = (struct vital){.up = true,
		.life = (uint64_t)looker->born_us,
		.born_us = looker->born_us};
	usage_add(&vital->usage, (int32_t)getpid());
	if (looker->schedule)
		look->n_tasks = schedule_stats(looker->schedule, look->tasks);
	disk_look(conf_text(looker->conf, CONF_PATHS_RUN), &look->run_disk);
}

void
looker_look(struct looker *looker, struct ctx *ctx, struct look *out)
{
	struct ctx own = *ctx;
	enum pool pool;

	own.db = looker->db;
	own.core = looker->core;
	own.markets = looker->markets;
	memset(out, 0, sizeof(*out));
	out->at_us = ctx->now_us;
	look_at_matcher(looker, &own, out);
	look_at_database(looker, &own, out);
	look_at_settler(looker, &own, out);
	for (pool = 0; pool < POOLS; pool++)
		out->pools[pool].up = read_meter(looker, pool_name(pool),
			&out->pools[pool], &out->pool_meters[pool]);
	out->streams.up = read_meter(looker, "streamd", &out->streams,
		&out->streams_meter);
	look_at_cache(looker, out);
	look_at_ourselves(looker, out);
}
