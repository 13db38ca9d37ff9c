/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * metric.h - figures about ourselves: what there is, what they are now, and
 * what they were.
 *
 * A figure is a whole number of thousandths (FIGURE(5) is 5), so that none of
 * it is a binary float.  Its name ends with _total when it is a counter, which
 * only grows until its program starts anew; every other figure is a level, or
 * a rate or share over the last period (monitor.period_seconds; less after a
 * start).  What cannot be measured now has no figure (FIGURE_NONE), except
 * "up", which is 0 or 1 for every component at any time.
 *
 * The figures of now are in a file that workerd replaces at each look
 * (monitor.look_seconds).  Those of the past are in MySQL: metrics_minute has
 * one row a figure and period for a day, metrics_hour one a figure and hour for
 * 30 days, which is the average, of a counter the last value.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/meter.h"

enum component {
	COMPONENT_MATCHER,
	COMPONENT_SETTLER,
	COMPONENT_API,
	COMPONENT_STREAMS,
	COMPONENT_DATABASE,
	COMPONENT_CACHE,
	COMPONENT_WORKERS,
	COMPONENTS
};

/* "matcher", …; all of them in a sentence, for who asked for another. */
const char *component_name(enum component component);
#define COMPONENT_NAMES                                                        \
	"matcher, settler, api, streams, database, cache, workers"
/* False when there is no such component. */
bool component_find(const char *name, enum component *out);

/* X(symbol, component, "name", "what it says") */
#define METRIC_PROCESS(X, C)                                                   \
	X(C##_UP, C, "up", "1 when it answers, 0 when it is away")             \
	X(C##_UPTIME, C, "uptime_seconds", "seconds since its start")          \
	X(C##_MEMORY, C, "memory_bytes",                                       \
		"resident memory of its processes, shared pages counted in each") \
	X(C##_CPU, C, "cpu_percent", "processor time, 100 is one core")

#define METRIC_POOL(X, P, p)                                                   \
	X(P##_UP, API, p "_up", "1 when the pool's parent runs")               \
	X(P##_REQUESTS, API, p "_requests_total", "requests answered")         \
	X(P##_REQUESTS_RATE, API, p "_requests_per_second", "requests a second") \
	X(P##_4XX_RATE, API, p "_errors_4xx_per_second", "answers 400 to 499") \
	X(P##_5XX_RATE, API, p "_errors_5xx_per_second", "answers 500 to 599") \
	X(P##_P50, API, p "_latency_p50_ms",                                   \
		"half of the requests took at most this")                      \
	X(P##_P95, API, p "_latency_p95_ms", "95 % took at most this")         \
	X(P##_P99, API, p "_latency_p99_ms", "99 % took at most this")         \
	X(P##_WORKERS, API, p "_workers", "worker processes of the pool")      \
	X(P##_BUSY, API, p "_workers_busy", "of those: at work on a request")  \
	X(P##_IDLE, API, p "_workers_idle", "of those: waiting for one")

#define METRIC_LIST(X)                                                         \
	METRIC_PROCESS(X, MATCHER)                                             \
	X(MATCHER_PING, MATCHER, "ping_ms", "how long it took to answer")      \
	X(COMMANDS, MATCHER, "commands_total", "commands done")                \
	X(COMMANDS_RATE, MATCHER, "commands_per_second", "commands a second")  \
	X(REFUSED, MATCHER, "refused_total", "commands refused")               \
	X(REFUSED_RATE, MATCHER, "refused_per_second", "refusals a second")    \
	X(GUARDS, MATCHER, "guards_total", "sessions asked about")             \
	X(GUARDS_RATE, MATCHER, "guards_per_second", "of those, a second")     \
	X(BATCHES, MATCHER, "batches_total", "batches written and synced")     \
	X(BATCH_SIZE, MATCHER, "batch_size", "commands a batch, on average")   \
	X(SYNC, MATCHER, "sync_ms", "how long a sync takes, on average")       \
	X(SYNC_MAX, MATCHER, "sync_max_ms", "the longest since its start")     \
	X(TRADES, MATCHER, "trades_total", "trades of the journal's life")     \
	X(TRADES_RATE, MATCHER, "trades_per_second", "trades a second")        \
	X(MATCHER_LAG, MATCHER, "lag_commands", "applied and not yet on disk") \
	X(BOOKS, MATCHER, "books", "instruments that are not delisted")        \
	X(OPEN_ORDERS, MATCHER, "open_orders", "orders that live")             \
	X(USERS, MATCHER, "users", "users that it knows")                      \
	X(MATCHER_CONNECTIONS, MATCHER, "connections", "of its clients")       \
	X(JOURNAL_BYTES, MATCHER, "journal_bytes", "size of the journal")      \
	X(DISK_LOW, MATCHER, "disk_low", "1 when only cancels are accepted")   \
	X(DISK_FREE, MATCHER, "disk_free_bytes", "free on the journal's disk") \
	X(DISK_FREE_SHARE, MATCHER, "disk_free_percent", "the same, in percent") \
	METRIC_PROCESS(X, SETTLER)                                             \
	X(SETTLER_PING, SETTLER, "ping_ms", "how long it took to answer")      \
	X(SETTLER_LAG, SETTLER, "lag_commands",                                \
		"commands on disk and not yet in MySQL")                       \
	X(SETTLER_LAG_TIME, SETTLER, "lag_seconds", "age of the oldest of them") \
	X(SETTLE_BATCHES, SETTLER, "batches_total", "transactions committed")  \
	X(SETTLE_BATCHES_RATE, SETTLER, "batches_per_second", "of those, a second") \
	X(SETTLE_COMMANDS, SETTLER, "commands_total", "commands settled")      \
	X(SETTLE_COMMANDS_RATE, SETTLER, "commands_per_second",                \
		"commands settled a second")                                   \
	X(SETTLE_ROWS, SETTLER, "rows_total", "rows written")                  \
	X(SETTLE_ROWS_RATE, SETTLER, "rows_per_second", "rows written a second") \
	X(SETTLE_HALTED, SETTLER, "halted", "1 when it met what it cannot settle") \
	METRIC_PROCESS(X, API)                                                 \
	X(REQUESTS, API, "requests_total", "requests answered, all pools")     \
	X(REQUESTS_RATE, API, "requests_per_second", "requests a second")      \
	X(ERRORS_4XX, API, "errors_4xx_total", "answers 400 to 499")           \
	X(ERRORS_4XX_RATE, API, "errors_4xx_per_second", "of those, a second") \
	X(ERRORS_5XX, API, "errors_5xx_total", "answers 500 to 599")           \
	X(ERRORS_5XX_RATE, API, "errors_5xx_per_second", "of those, a second") \
	X(ERROR_SHARE, API, "error_percent", "share of 500 to 599 in all")     \
	X(LIMITED, API, "rate_limited_total", "requests over a user's budget") \
	X(LIMITED_RATE, API, "rate_limited_per_second", "of those, a second")  \
	X(LATENCY_P50, API, "latency_p50_ms",                                  \
		"half of the requests of all pools took at most this")         \
	X(LATENCY_P95, API, "latency_p95_ms", "95 % took at most this")        \
	X(LATENCY_P99, API, "latency_p99_ms", "99 % took at most this")        \
	X(WORKERS, API, "workers", "worker processes of all pools")            \
	X(WORKERS_BUSY, API, "workers_busy", "of those: at work on a request") \
	X(WORKERS_IDLE, API, "workers_idle", "of those: waiting for one")      \
	METRIC_POOL(X, TRADE, "trade")                                         \
	METRIC_POOL(X, PLAIN, "api")                                           \
	METRIC_POOL(X, EGRESS, "egress")                                       \
	METRIC_PROCESS(X, STREAMS)                                             \
	X(CONNECTIONS, STREAMS, "connections", "open WebSockets")              \
	X(SUBSCRIPTIONS, STREAMS, "subscriptions", "markets they follow, in all") \
	X(QUEUE_BYTES, STREAMS, "queue_bytes", "waiting to be sent")           \
	X(MESSAGES, STREAMS, "messages_total", "messages put into queues")     \
	X(MESSAGES_RATE, STREAMS, "messages_per_second", "of those, a second") \
	X(CLOSES, STREAMS, "closes_total", "connections that we closed")       \
	X(SLOW_CLOSES, STREAMS, "slow_closes_total", "of those: read too slowly") \
	METRIC_PROCESS(X, DATABASE)                                            \
	X(DB_PING, DATABASE, "ping_ms", "how long SELECT 1 took")              \
	X(DB_CONNECTIONS, DATABASE, "connections", "connections of all clients") \
	X(DB_RUNNING, DATABASE, "threads_running", "at work on a statement")   \
	X(QUERIES, DATABASE, "queries_total", "statements of all clients")     \
	X(QUERIES_RATE, DATABASE, "queries_per_second", "of those, a second")  \
	X(SLOW, DATABASE, "slow_queries_total", "above long_query_time")       \
	X(POOL_BYTES, DATABASE, "buffer_pool_bytes", "data in InnoDB's buffer pool") \
	X(POOL_USED, DATABASE, "buffer_pool_used_percent", "of the pool's pages") \
	X(POOL_HITS, DATABASE, "buffer_pool_hit_percent",                      \
		"reads that needed no disk")                                   \
	METRIC_PROCESS(X, CACHE)                                               \
	X(CACHE_PING, CACHE, "ping_ms", "how long PING took")                  \
	X(CACHE_DATA, CACHE, "data_bytes", "memory that its data takes")       \
	X(CACHE_KEYS, CACHE, "keys", "keys of all its databases")              \
	X(CACHE_CLIENTS, CACHE, "connections", "connections of all clients")   \
	X(CACHE_COMMANDS, CACHE, "commands_total", "commands it has run")      \
	X(CACHE_COMMANDS_RATE, CACHE, "commands_per_second", "of those, a second") \
	X(CACHE_HITS, CACHE, "hits_total", "keys that were looked up and there") \
	X(CACHE_MISSES, CACHE, "misses_total", "looked up and not there")      \
	X(CACHE_HIT_SHARE, CACHE, "hit_percent", "share of the hits")          \
	X(CACHE_EVICTED, CACHE, "evicted_total", "keys given up for lack of room") \
	METRIC_PROCESS(X, WORKERS)                                             \
	X(TASKS, WORKERS, "tasks", "tasks of the schedule")                    \
	X(TASKS_FAILING, WORKERS, "tasks_failing", "whose last turn failed")   \
	X(TURNS, WORKERS, "runs_total", "turns of all tasks")                  \
	X(TURNS_RATE, WORKERS, "runs_per_second", "turns a second")            \
	X(FAILURES, WORKERS, "failures_total", "turns that failed")            \
	X(LATENESS, WORKERS, "lateness_ms", "the most that a turn began late") \
	X(RUN_FREE, WORKERS, "disk_free_bytes", "free where the run directory is") \
	X(RUN_FREE_SHARE, WORKERS, "disk_free_percent", "the same, in percent")

enum metric {
#define X(sym, ...) METRIC_##sym,
	METRIC_LIST(X)
#undef X
	METRICS
};

struct metric_row {
	enum component component;
	const char *name;
	const char *help;
};

extern const struct metric_row metric_rows[METRICS];

/* Whether a figure of that name is a counter. */
bool metric_is_counter(const char *name);

#define FIGURE(whole) ((int64_t)(whole) * 1000)
#define FIGURE_NONE INT64_MIN

/* ---- Now ---------------------------------------------------------------- */

#define FIGURE_TASKS_MAX 64
#define FIGURE_POOLS 3
#define FIGURE_ALARMS_MAX 32
#define FIGURE_NAME_MAX 24
#define ALARM_MESSAGE_MAX 160

/* A task of workerd's schedule. */
struct figure_task {
	char name[FIGURE_NAME_MAX];
	uint64_t runs;
	uint64_t failures;
	uint32_t failing; /* turns in a row */
	uint32_t spare;
};

/* The latencies of a pool since its start; see meter.h. */
struct figure_pool {
	char name[FIGURE_NAME_MAX];
	uint64_t took[METER_BUCKETS];
	uint64_t took_us;
};

/* An alert that is active. */
struct figure_alarm {
	char rule[FIGURE_NAME_MAX];
	uint32_t component;
	uint32_t severity; /* enum alert_severity */
	int64_t since_us;
	char message[ALARM_MESSAGE_MAX];
};

/* All that one look found; of fixed size, written and read as it is. */
struct figures {
	uint32_t magic;
	uint32_t size;
	int64_t at_us;
	int64_t look_us; /* from one look to the next */
	int64_t values[METRICS];
	struct figure_pool pools[FIGURE_POOLS];
	uint32_t n_tasks;
	uint32_t n_alarms;
	struct figure_task tasks[FIGURE_TASKS_MAX];
	struct figure_alarm alarms[FIGURE_ALARMS_MAX];
};

/* Nothing measured, at AT_US. */
void figures_init(struct figures *figures, int64_t at_us);

/* Replace the file of the settings; ST_UNAVAILABLE when it cannot be. */
enum status figures_write(const struct conf *conf,
	const struct figures *figures) MUST_USE;

/*
 * Read it.  ST_UNAVAILABLE when there is none yet.  If workerd, which writes
 * it, has not done so for a while (figures_are_old()), what is read is old,
 * and METRIC_WORKERS_UP is 0.
 */
enum status figures_read(const struct conf *conf, int64_t now_us,
	struct figures *out) MUST_USE;
bool figures_are_old(const struct figures *figures, int64_t now_us);

/* A figure by itself. */
struct metric_point {
	enum component component;
	const char *name;
	int64_t value; /* thousandths */
	int64_t at_us;
};

struct metric_points {
	const struct metric_point *points; /* in the arena */
	size_t n;
	bool more; /* there would have been more than the limit */
};

/* All figures that there are, the tasks' among them, in the arena. */
void figures_points(struct arena *arena, const struct figures *figures,
	struct metric_points *out);

/* ---- Then --------------------------------------------------------------- */

#define METRIC_POINTS_MAX 5000

/* Which figures: of a component, of a name, of a time. */
struct metric_query {
	const char *component; /* its name; NULL: all */
	const char *name;      /* NULL: all */
	int64_t from_us;
	int64_t to_us; /* inclusive */
	bool hours;    /* out of metrics_hour */
};

/*
 * What was stored of it, by time, component and name.  When it is more than
 * METRIC_POINTS_MAX, the newest.
 */
enum status metric_history(struct ctx *ctx, const struct metric_query *query,
	struct metric_points *out) MUST_USE;

/* How long each is kept. */
#define METRIC_MINUTES_KEPT_US (24 * 60 * 60 * INT64_C(1000000))
#define METRIC_HOURS_KEPT_US (30 * METRIC_MINUTES_KEPT_US)

/* Store POINTS as of AT_US; again under the same time replaces them. */
enum status metric_store(struct ctx *ctx, const struct metric_points *points,
	int64_t at_us) MUST_USE;

/*
 * Make rows of metrics_hour out of all whole hours before ctx->now_us that
 * have none yet, the first after *DONE_US (0: not known, look it up), which is
 * set to the end of the last.
 */
enum status metric_roll_up(struct ctx *ctx, int64_t *done_us) MUST_USE;

/* Delete what is kept no longer, some thousand rows at most. */
enum status metric_prune(struct ctx *ctx) MUST_USE;
