/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_figures.c - sums and quotients, in thousandths.
 */
#include "work/monitor_figures.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

/* A figure in milliseconds, in thousandths, is a number of microseconds. */
#define FIGURE_MS(us) ((int64_t)(us))
#define FIGURE_SECONDS(us) ((int64_t)(us) / 1000)

struct figuring {
	const struct look *base; /* all zeros: there is none */
	const struct look *now;
	int64_t *values;
};

/* What something grew by, and in which time. */
struct span {
	uint64_t more;
	int64_t us;
};

static struct span
span_of(const struct figuring *f, const struct vital *was,
	const struct vital *is, uint64_t before, uint64_t after)
{
	int64_t since_us = is->born_us;

	if (was->life == is->life && after >= before && f->base->at_us > 0)
		return (struct span){
			after - before, f->now->at_us - f->base->at_us};
	if (since_us == 0)
		since_us = f->base->at_us;
	/* What was done at the very start says little of any second. */
	if (f->now->at_us - since_us < US_PER_SECOND)
		since_us = f->now->at_us - US_PER_SECOND;
	return (struct span){after, f->now->at_us - since_us};
}

/* PART of WHOLE, times SCALE, in thousandths. */
static int64_t
quotient(uint64_t part, uint64_t whole, unsigned scale)
{
	return whole == 0 ? FIGURE_NONE
			  : (int64_t)((unsigned __int128)part * scale * 1000 /
				      whole);
}

static int64_t
rate(struct span span)
{
	return span.us <= 0
		       ? FIGURE(0)
		       : quotient(span.more, (uint64_t)span.us, US_PER_SECOND);
}

static void
set(const struct figuring *f, enum metric metric, int64_t value)
{
	f->values[metric] = value;
}

/* ---- What every component has --------------------------------------------- */

/* The figures stand in the order of METRIC_PROCESS. */
static void
set_vital(const struct figuring *f, enum metric first, const struct vital *was,
	const struct vital *is)
{
	struct span cpu;

	set(f, first, FIGURE(is->up));
	if (!is->up)
		return;
	if (is->born_us > 0)
		set(f, first + 1,
			FIGURE_SECONDS(f->now->at_us > is->born_us
					       ? f->now->at_us - is->born_us
					       : 0));
	if (!is->usage.known)
		return;
	set(f, first + 2, FIGURE(is->usage.rss_bytes));
	cpu = span_of(f, was, is, was->usage.cpu_us, is->usage.cpu_us);
	if (cpu.us > 0)
		set(f, first + 3, quotient(cpu.more, (uint64_t)cpu.us, 100));
}

static void
set_disk(const struct figuring *f, enum metric first,
	const struct look_disk *disk)
{
	if (!disk->known)
		return;
	set(f, first, FIGURE(disk->free_bytes));
	set(f, first + 1, quotient(disk->free_bytes, disk->total_bytes, 100));
}

/* ---- The matcher ---------------------------------------------------------- */

static struct span
matcher_span(const struct figuring *f, uint64_t before, uint64_t after)
{
	return span_of(f, &f->base->matcher, &f->now->matcher, before, after);
}

static void
set_syncs(const struct figuring *f)
{
	const struct stats_answer *was = &f->base->stats, *is = &f->now->stats;
	uint64_t batches = matcher_span(f, was->batches, is->batches).more;
	uint64_t commands = matcher_span(f, was->commands, is->commands).more;
	uint64_t us =
		matcher_span(f, was->sync_us_total, is->sync_us_total).more;

	if (batches == 0) {
		batches = is->batches;
		commands = is->commands;
		us = is->sync_us_total;
	}
	set(f, METRIC_BATCH_SIZE, quotient(commands, batches, 1));
	if (batches > 0)
		set(f, METRIC_SYNC, FIGURE_MS(us / batches));
	set(f, METRIC_SYNC_MAX, FIGURE_MS(is->sync_us_max));
}

static void
set_matcher(const struct figuring *f)
{
	const struct stats_answer *was = &f->base->stats, *is = &f->now->stats;

	set_vital(f, METRIC_MATCHER_UP, &f->base->matcher, &f->now->matcher);
	set_disk(f, METRIC_DISK_FREE, &f->now->journal_disk);
	if (!f->now->matcher.up)
		return;
	set(f, METRIC_MATCHER_PING, FIGURE_MS(f->now->matcher.ping_us));
	set(f, METRIC_COMMANDS, FIGURE(is->commands));
	set(f, METRIC_COMMANDS_RATE,
		rate(matcher_span(f, was->commands, is->commands)));
	set(f, METRIC_REFUSED, FIGURE(is->refused));
	set(f, METRIC_REFUSED_RATE,
		rate(matcher_span(f, was->refused, is->refused)));
	set(f, METRIC_GUARDS, FIGURE(is->guards));
	set(f, METRIC_GUARDS_RATE,
		rate(matcher_span(f, was->guards, is->guards)));
	set(f, METRIC_BATCHES, FIGURE(is->batches));
	set_syncs(f);
	set(f, METRIC_TRADES, FIGURE(is->trades));
	/* The journal's life is longer than its: no rate since the start. */
	if (f->base->matcher.life == f->now->matcher.life)
		set(f, METRIC_TRADES_RATE,
			rate(matcher_span(f, was->trades, is->trades)));
	set(f, METRIC_MATCHER_LAG, FIGURE(is->seq - is->durable_seq));
	set(f, METRIC_BOOKS, FIGURE(f->now->books));
	set(f, METRIC_OPEN_ORDERS, FIGURE(is->open_orders));
	set(f, METRIC_USERS, FIGURE(is->users));
	set(f, METRIC_MATCHER_CONNECTIONS, FIGURE(is->connections));
	set(f, METRIC_JOURNAL_BYTES, FIGURE(is->journal_bytes));
	set(f, METRIC_DISK_LOW, FIGURE(is->disk_low));
}

/* ---- The settler ---------------------------------------------------------- */

static void
set_lag(const struct figuring *f)
{
	const struct look *now = f->now;
	uint64_t waiting_us =
		now->settler_meter.counts[METER_WAITING_SINCE_US];
	int64_t since_us = now->settler.up ? (int64_t)waiting_us
					   : now->behind_since_us;
	uint64_t durable = now->stats.durable_seq, lag;

	if (!now->matcher.up || !now->applied_known)
		return;
	lag = durable > now->applied_seq ? durable - now->applied_seq : 0;
	set(f, METRIC_SETTLER_LAG, FIGURE(lag));
	set(f, METRIC_SETTLER_LAG_TIME,
		lag > 0 && since_us > 0 && now->at_us > since_us
			? FIGURE_SECONDS(now->at_us - since_us)
			: FIGURE(0));
}

static void
set_settler(const struct figuring *f)
{
	const uint64_t *was = f->base->settler_meter.counts;
	const uint64_t *is = f->now->settler_meter.counts;
	const struct vital *then = &f->base->settler, *vital = &f->now->settler;

	set_vital(f, METRIC_SETTLER_UP, then, vital);
	set_lag(f);
	if (vital->up)
		set(f, METRIC_SETTLER_PING, FIGURE_MS(vital->ping_us));
	if (!f->now->settler_meter.alive)
		return;
	set(f, METRIC_SETTLE_BATCHES, FIGURE(is[METER_BATCHES]));
	set(f, METRIC_SETTLE_BATCHES_RATE,
		rate(span_of(f, then, vital, was[METER_BATCHES],
			is[METER_BATCHES])));
	set(f, METRIC_SETTLE_COMMANDS, FIGURE(is[METER_COMMANDS]));
	set(f, METRIC_SETTLE_COMMANDS_RATE,
		rate(span_of(f, then, vital, was[METER_COMMANDS],
			is[METER_COMMANDS])));
	set(f, METRIC_SETTLE_ROWS, FIGURE(is[METER_ROWS]));
	set(f, METRIC_SETTLE_ROWS_RATE,
		rate(span_of(f, then, vital, was[METER_ROWS],
			is[METER_ROWS])));
	set(f, METRIC_SETTLE_HALTED, FIGURE(is[METER_HALTED]));
}

/* ---- The api's pools ------------------------------------------------------ */

/* Where a pool's figures begin; they stand in the order of METRIC_POOL. */
static const enum metric pool_first[POOLS] = {
	[POOL_API] = METRIC_PLAIN_UP,
	[POOL_TRADE] = METRIC_TRADE_UP,
	[POOL_EGRESS] = METRIC_EGRESS_UP,
};

enum {
	AT_UP,
	AT_REQUESTS,
	AT_RATE,
	AT_4XX,
	AT_5XX,
	AT_P50,
	AT_WORKERS = AT_P50 + 3,
	AT_BUSY,
	AT_IDLE
};

struct times {
	uint64_t took[METER_BUCKETS];
	uint64_t n;
};

/* In which time PERCENT of them were done, along the bucket it falls into. */
static int64_t
percentile(const struct times *times, unsigned percent)
{
	uint64_t want = (times->n * percent + 99) / 100, before = 0;
	int64_t from_us, to_us;
	unsigned i;

	for (i = 0; i < METER_BOUNDS && before + times->took[i] < want; i++)
		before += times->took[i];
	if (i == METER_BOUNDS)
		return FIGURE_MS(meter_bounds_us[METER_BOUNDS - 1]);
	from_us = i > 0 ? meter_bounds_us[i - 1] : 0;
	to_us = meter_bounds_us[i];
	return FIGURE_MS(from_us + (to_us - from_us) *
					   (int64_t)(want - before) /
					   (int64_t)times->took[i]);
}

static void
set_percentiles(const struct figuring *f, enum metric first,
	const struct times *times)
{
	if (times->n == 0)
		return;
	set(f, first, percentile(times, 50));
	set(f, first + 1, percentile(times, 95));
	set(f, first + 2, percentile(times, 99));
}

/* What a pool did between the looks; SINCE_START instead. */
static void
add_times(const struct figuring *f, enum pool pool, bool since_start,
	struct times *times)
{
	const struct meter_reading *was = &f->base->pool_meters[pool];
	const struct meter_reading *is = &f->now->pool_meters[pool];
	unsigned i;

	for (i = 0; i < METER_BUCKETS; i++) {
		struct span span = span_of(f, &f->base->pools[pool],
			&f->now->pools[pool], since_start ? 0 : was->took[i],
			is->took[i]);

		times->took[i] += span.more;
		times->n += span.more;
	}
}

static void
set_times(const struct figuring *f, enum metric first, enum pool from,
	enum pool to)
{
	struct times times = {.n = 0};
	enum pool pool;

	for (pool = from; pool <= to; pool++)
		add_times(f, pool, false, &times);
	for (pool = from; pool <= to && times.n == 0; pool++)
		add_times(f, pool, true, &times);
	set_percentiles(f, first, &times);
}

static struct span
pool_span(const struct figuring *f, enum pool pool, enum meter_api count)
{
	return span_of(f, &f->base->pools[pool], &f->now->pools[pool],
		f->base->pool_meters[pool].counts[count],
		f->now->pool_meters[pool].counts[count]);
}

static void
set_pool(const struct figuring *f, enum pool pool)
{
	const struct meter_reading *is = &f->now->pool_meters[pool];
	enum metric first = pool_first[pool];

	set(f, first + AT_UP, FIGURE(is->alive));
	if (!is->alive)
		return;
	set(f, first + AT_REQUESTS, FIGURE(is->counts[METER_REQUESTS]));
	set(f, first + AT_RATE, rate(pool_span(f, pool, METER_REQUESTS)));
	set(f, first + AT_4XX, rate(pool_span(f, pool, METER_ERRORS_4XX)));
	set(f, first + AT_5XX, rate(pool_span(f, pool, METER_ERRORS_5XX)));
	set(f, first + AT_WORKERS, FIGURE(is->n_workers));
	set(f, first + AT_BUSY, FIGURE(is->n_busy));
	set(f, first + AT_IDLE, FIGURE(is->n_workers - is->n_busy));
	set_times(f, first + AT_P50, pool, pool);
}

/* The sum over the pools of a counter, its rate, and what it grew by. */
static uint64_t
set_count(const struct figuring *f, enum metric total, enum metric a_second,
	enum meter_api count)
{
	uint64_t all = 0, more = 0;
	int64_t sum = 0;
	enum pool pool;

	for (pool = 0; pool < POOLS; pool++) {
		struct span span = pool_span(f, pool, count);

		all += f->now->pool_meters[pool].counts[count];
		sum += rate(span);
		more += span.more;
	}
	set(f, total, FIGURE(all));
	set(f, a_second, sum);
	return more;
}

/* The pools together: as young as the youngest, up when all are. */
static struct vital
together(const struct vital pools[POOLS])
{
	struct vital vital = {.up = true};
	enum pool pool;

	for (pool = 0; pool < POOLS; pool++) {
		vital.up &= pools[pool].up;
		vital.life = vital.life * 31 + pools[pool].life;
		if (pools[pool].born_us > vital.born_us)
			vital.born_us = pools[pool].born_us;
		vital.usage.known |= pools[pool].usage.known;
		vital.usage.rss_bytes += pools[pool].usage.rss_bytes;
		vital.usage.cpu_us += pools[pool].usage.cpu_us;
	}
	return vital;
}

static void
set_api(const struct figuring *f)
{
	struct vital was = together(f->base->pools);
	struct vital is = together(f->now->pools);
	uint64_t requests, errors, workers = 0, busy = 0;
	enum pool pool;

	set_vital(f, METRIC_API_UP, &was, &is);
	for (pool = 0; pool < POOLS; pool++) {
		set_pool(f, pool);
		workers += f->now->pool_meters[pool].n_workers;
		busy += f->now->pool_meters[pool].n_busy;
	}
	requests = set_count(f, METRIC_REQUESTS, METRIC_REQUESTS_RATE,
		METER_REQUESTS);
	set_count(f, METRIC_ERRORS_4XX, METRIC_ERRORS_4XX_RATE,
		METER_ERRORS_4XX);
	errors = set_count(f, METRIC_ERRORS_5XX, METRIC_ERRORS_5XX_RATE,
		METER_ERRORS_5XX);
	set_count(f, METRIC_LIMITED, METRIC_LIMITED_RATE, METER_RATE_LIMITED);
	set(f, METRIC_ERROR_SHARE,
		requests > 0 ? quotient(errors, requests, 100) : FIGURE(0));
	set(f, METRIC_WORKERS, FIGURE(workers));
	set(f, METRIC_WORKERS_BUSY, FIGURE(busy));
	set(f, METRIC_WORKERS_IDLE, FIGURE(workers - busy));
	set_times(f, METRIC_LATENCY_P50, 0, POOLS - 1);
}

/* ---- The rest ------------------------------------------------------------- */

static void
set_streams(const struct figuring *f)
{
	const uint64_t *was = f->base->streams_meter.counts;
	const uint64_t *is = f->now->streams_meter.counts;

	set_vital(f, METRIC_STREAMS_UP, &f->base->streams, &f->now->streams);
	if (!f->now->streams.up)
		return;
	set(f, METRIC_CONNECTIONS, FIGURE(is[METER_CONNECTIONS]));
	set(f, METRIC_SUBSCRIPTIONS, FIGURE(is[METER_SUBSCRIPTIONS]));
	set(f, METRIC_QUEUE_BYTES, FIGURE(is[METER_QUEUE_BYTES]));
	set(f, METRIC_MESSAGES, FIGURE(is[METER_MESSAGES]));
	set(f, METRIC_MESSAGES_RATE,
		rate(span_of(f, &f->base->streams, &f->now->streams,
			was[METER_MESSAGES], is[METER_MESSAGES])));
	set(f, METRIC_CLOSES, FIGURE(is[METER_CLOSES]));
	set(f, METRIC_SLOW_CLOSES, FIGURE(is[METER_SLOW_CLOSES]));
}

static void
set_database(const struct figuring *f)
{
	const struct look_database *was = &f->base->db, *is = &f->now->db;
	const struct vital *then = &f->base->database;
	const struct vital *vital = &f->now->database;
	uint64_t reads, misses;

	set_vital(f, METRIC_DATABASE_UP, then, vital);
	if (!vital->up)
		return;
	set(f, METRIC_DB_PING, FIGURE_MS(vital->ping_us));
	set(f, METRIC_DB_CONNECTIONS, FIGURE(is->connections));
	set(f, METRIC_DB_RUNNING, FIGURE(is->running));
	set(f, METRIC_QUERIES, FIGURE(is->queries));
	set(f, METRIC_QUERIES_RATE,
		rate(span_of(f, then, vital, was->queries, is->queries)));
	set(f, METRIC_SLOW, FIGURE(is->slow));
	set(f, METRIC_POOL_BYTES, FIGURE(is->pool_data_bytes));
	set(f, METRIC_POOL_USED,
		quotient(is->pool_pages - is->pool_free, is->pool_pages, 100));
	reads = span_of(f, then, vital, was->pool_reads, is->pool_reads).more;
	misses = span_of(f, then, vital, was->pool_misses, is->pool_misses)
			 .more;
	if (reads == 0) {
		reads = is->pool_reads;
		misses = is->pool_misses;
	}
	set(f, METRIC_POOL_HITS,
		quotient(reads > misses ? reads - misses : 0, reads, 100));
}

static void
set_cache(const struct figuring *f)
{
	const struct cache_server_info *was = &f->base->redis;
	const struct cache_server_info *is = &f->now->redis;
	const struct vital *then = &f->base->cache, *vital = &f->now->cache;
	uint64_t hits, misses;

	set_vital(f, METRIC_CACHE_UP, then, vital);
	if (!vital->up)
		return;
	set(f, METRIC_CACHE_PING, FIGURE_MS(vital->ping_us));
	set(f, METRIC_CACHE_DATA, FIGURE(is->memory_bytes));
	set(f, METRIC_CACHE_KEYS, FIGURE(is->keys));
	set(f, METRIC_CACHE_CLIENTS, FIGURE(is->clients));
	set(f, METRIC_CACHE_COMMANDS, FIGURE(is->commands));
	set(f, METRIC_CACHE_COMMANDS_RATE,
		rate(span_of(f, then, vital, was->commands, is->commands)));
	set(f, METRIC_CACHE_HITS, FIGURE(is->hits));
	set(f, METRIC_CACHE_MISSES, FIGURE(is->misses));
	set(f, METRIC_CACHE_EVICTED, FIGURE(is->evicted));
	hits = span_of(f, then, vital, was->hits, is->hits).more;
	misses = span_of(f, then, vital, was->misses, is->misses).more;
	if (hits + misses == 0) {
		hits = is->hits;
		misses = is->misses;
	}
	set(f, METRIC_CACHE_HIT_SHARE, quotient(hits, hits + misses, 100));
}

static void
set_workers(const struct figuring *f)
{
	const struct look *was = f->base, *is = f->now;
	uint64_t before = 0, runs = 0, failures = 0, failing = 0;
	int64_t late_us = 0;
	size_t i;

	set_vital(f, METRIC_WORKERS_UP, &was->workers, &is->workers);
	set_disk(f, METRIC_RUN_FREE, &is->run_disk);
	for (i = 0; i < was->n_tasks; i++)
		before += was->tasks[i].runs;
	for (i = 0; i < is->n_tasks; i++) {
		runs += is->tasks[i].runs;
		failures += is->tasks[i].failures;
		failing += is->tasks[i].failing > 0;
		if (is->tasks[i].late_us_max > late_us)
			late_us = is->tasks[i].late_us_max;
	}
	set(f, METRIC_TASKS, FIGURE(is->n_tasks));
	set(f, METRIC_TASKS_FAILING, FIGURE(failing));
	set(f, METRIC_TURNS, FIGURE(runs));
	set(f, METRIC_TURNS_RATE,
		rate(span_of(f, &was->workers, &is->workers, before, runs)));
	set(f, METRIC_FAILURES, FIGURE(failures));
	set(f, METRIC_LATENESS, FIGURE_MS(late_us));
}

/* ---- What is more than a figure ------------------------------------------- */

static void
copy_name(char out[FIGURE_NAME_MAX], const char *name)
{
	snprintf(out, FIGURE_NAME_MAX, "%s", name);
}

static void
copy_pools(const struct look *now, struct figures *out)
{
	enum pool pool;

	for (pool = 0; pool < POOLS; pool++) {
		const struct meter_reading *meter = &now->pool_meters[pool];
		struct figure_pool *to = &out->pools[pool];

		copy_name(to->name, pool_name(pool));
		memcpy(to->took, meter->took, sizeof(to->took));
		to->took_us = meter->took_us;
	}
}

static void
copy_tasks(const struct look *now, struct figures *out)
{
	size_t i;

	out->n_tasks = (uint32_t)now->n_tasks;
	for (i = 0; i < now->n_tasks; i++) {
		const struct task_stats *task = &now->tasks[i];
		struct figure_task *to = &out->tasks[i];

		copy_name(to->name, task->name);
		to->runs = task->runs;
		to->failures = task->failures;
		to->failing = task->failing;
	}
}

void
figures_of(const struct look *base, const struct look *now,
	struct figures *out)
{
	static const struct look nothing;
	struct figuring figuring = {base ? base : &nothing, now, out->values};

	set_matcher(&figuring);
	set_settler(&figuring);
	set_api(&figuring);
	set_streams(&figuring);
	set_database(&figuring);
	set_cache(&figuring);
	set_workers(&figuring);
	copy_pools(now, out);
	copy_tasks(now, out);
}

_Static_assert(FIGURE_POOLS == POOLS, "one of each");
_Static_assert(FIGURE_TASKS_MAX >= SCHEDULE_TASKS_MAX, "room for all");
