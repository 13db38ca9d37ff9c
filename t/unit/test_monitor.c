/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_monitor.c - counters in shared memory, what two looks come to, and when
 * a figure is an alert.  No clock but the one that is handed in.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/server_info.h"
#include "db/db.h"
#include "t/harness/suite.h"
#include "work/monitor_figures.h"
#include "work/monitor_process.h"
#include "work/monitor_rule.h"
#include "work/monitor_text.h"

#define NOW_US (INT64_C(1700000000) * US_PER_SECOND)

/* ---- Meters --------------------------------------------------------------- */

static char dir[64];
static struct meter_reading reading;

static void
make_dir(void)
{
	snprintf(dir, sizeof(dir), "/tmp/quantora-meter.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void
remove_dir(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/x.meter", dir);
	unlink(path);
	rmdir(dir);
}

static struct meter *
open_meter(void)
{
	char *reason;
	struct meter *meter = meter_open(dir, "x", &reason);

	ck_assert_ptr_null(reason);
	return meter;
}

START_TEST(a_meter_is_read_while_its_program_runs)
{
	struct meter *meter;

	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_NOT_FOUND);
	meter = open_meter();
	meter_add(meter, METER_REQUESTS, 3);
	meter_add(meter, METER_REQUESTS, 4);
	meter_set(meter, METER_RATE_LIMITED, 9);
	meter_took(meter, 0);
	meter_took(meter, 100);
	meter_took(meter, 101);
	meter_took(meter, INT64_C(60) * US_PER_SECOND);
	meter_worker(meter, 5, 77);
	meter_worker(meter, 511, 78);
	*meter_busy(meter, 511) = 1;
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert(reading.alive);
	ck_assert_int_eq(reading.pid, getpid());
	ck_assert_uint_eq(reading.counts[METER_REQUESTS], 7);
	ck_assert_uint_eq(reading.counts[METER_RATE_LIMITED], 9);
	ck_assert_uint_eq(reading.took[0], 2);
	ck_assert_uint_eq(reading.took[1], 1);
	ck_assert_uint_eq(reading.took[METER_BUCKETS - 1], 1);
	ck_assert_uint_eq(reading.took_us, 201 + 60 * US_PER_SECOND);
	ck_assert_uint_eq(reading.n_workers, 2);
	ck_assert_uint_eq(reading.n_busy, 1);
	/* Who has died is not busy any more. */
	meter_worker(meter, 511, 0);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert_uint_eq(reading.n_workers, 1);
	ck_assert_uint_eq(reading.n_busy, 0);
	meter_free(meter);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert(!reading.alive);
	ck_assert_uint_eq(reading.counts[METER_REQUESTS], 7);
}
END_TEST

START_TEST(a_meter_begins_anew_with_its_program)
{
	struct meter *meter = open_meter();

	meter_add(meter, METER_REQUESTS, 3);
	meter_free(meter);
	meter = open_meter();
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert(reading.alive);
	ck_assert_uint_eq(reading.counts[METER_REQUESTS], 0);
	meter_free(meter);
}
END_TEST

/* The parent is killed; its workers still run, and keep the meter alive. */
START_TEST(a_meter_lives_as_long_as_anybody_who_has_it)
{
	int to_child[2], to_us[2];
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(to_child), 0);
	ck_assert_int_eq(pipe(to_us), 0);
	child = fork();
	if (child == 0) {
		struct meter *meter = open_meter();

		if (fork() == 0) {
			close(to_child[1]);
			meter_add(meter, METER_REQUESTS, 1);
			if (write(to_us[1], "", 1) != 1)
				_exit(1);
			_exit(read(to_child[0], &byte, 1) < 0);
		}
		_exit(0);
	}
	waitpid(child, NULL, 0);
	close(to_us[1]);
	ck_assert_int_eq(read(to_us[0], &byte, 1), 1);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert(reading.alive);
	ck_assert_uint_eq(reading.counts[METER_REQUESTS], 1);
	close(to_child[1]);
	/* The end of the pipe is the end of the worker, lock and all. */
	ck_assert_int_eq(read(to_us[0], &byte, 1), 0);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_OK);
	ck_assert(!reading.alive);
}
END_TEST

START_TEST(a_meter_that_nobody_sees_counts)
{
	char *reason;
	struct meter *meter = meter_open("/nowhere/at/all", "x", &reason);

	ck_assert_ptr_nonnull(strstr(reason, "/nowhere/at/all/x.meter"));
	free(reason);
	meter_add(meter, METER_REQUESTS, 1);
	meter_took(meter, 5);
	meter_free(meter);
}
END_TEST

START_TEST(what_is_no_meter_is_not_read)
{
	char path[128], rubbish[8192] = "rubbish";
	int fd;

	snprintf(path, sizeof(path), "%s/x.meter", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_eq(write(fd, rubbish, 100), 100);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_NOT_FOUND);
	/* The right size, but not the content. */
	meter_free(open_meter());
	unlink(path);
	close(fd);
	ck_assert_int_eq(meter_read(dir, "x", &reading), ST_NOT_FOUND);
}
END_TEST

/* ---- Redis and the kernel -------------------------------------------------- */

START_TEST(info_is_read)
{
	static const char text[] =
		"# Server\r\nprocess_id:812\r\nuptime_in_seconds:61\r\n"
		"# Clients\r\nconnected_clients:4\r\n"
		"# Memory\r\nused_memory:1000\r\nused_memory_human:1K\r\n"
		"used_memory_rss:2000\r\n"
		"# Stats\r\ntotal_commands_processed:17\r\nevicted_keys:3\r\n"
		"keyspace_hits:5\r\nkeyspace_misses:6\r\n"
		"# CPU\r\nused_cpu_sys:1.250000\r\nused_cpu_user:0.500000\r\n"
		"# Keyspace\r\ndb0:keys=7,expires=0,avg_ttl=0\r\n"
		"db12:keys=20,expires=1,avg_ttl=9\r\n";
	struct cache_server_info info = {.pid = 0};

	cache_server_info_parse(text, &info);
	ck_assert_int_eq(info.pid, 812);
	ck_assert_int_eq(info.uptime_s, 61);
	ck_assert_uint_eq(info.clients, 4);
	ck_assert_uint_eq(info.memory_bytes, 1000);
	ck_assert_uint_eq(info.rss_bytes, 2000);
	ck_assert_uint_eq(info.commands, 17);
	ck_assert_uint_eq(info.evicted, 3);
	ck_assert_uint_eq(info.hits, 5);
	ck_assert_uint_eq(info.misses, 6);
	ck_assert_uint_eq(info.cpu_us, 1750000);
	ck_assert_uint_eq(info.keys, 27);
	memset(&info, 1, sizeof(info));
	cache_server_info_parse("", &info);
	ck_assert_uint_eq(info.keys, 0);
	ck_assert_uint_eq(info.cpu_us, 0);
}
END_TEST

START_TEST(a_process_is_seen)
{
	struct usage usage = {.known = false};

	usage_add(&usage, 0);
	ck_assert(!usage.known);
	usage_add(&usage, (int32_t)getpid());
	ck_assert(usage.known);
	/* A page at least, and less than the machine has. */
	ck_assert_uint_ge(usage.rss_bytes, 4096);
	ck_assert_uint_lt(usage.rss_bytes, UINT64_C(1) << 40);
}
END_TEST

/* ---- Two looks ------------------------------------------------------------- */

static struct look was, is;
static struct figures figures;

/* Everything up, ten seconds apart. */
static void
set_up(void)
{
	enum pool pool;

	memset(&was, 0, sizeof(was));
	was.at_us = NOW_US - 10 * US_PER_SECOND;
	was.matcher = was.settler = was.streams = was.database = was.cache =
		was.workers = (struct vital){.up = true,
			.life = 1,
			.born_us = NOW_US - 100 * US_PER_SECOND};
	for (pool = 0; pool < POOLS; pool++) {
		was.pools[pool] = was.matcher;
		was.pool_meters[pool].alive = true;
	}
	was.settler_meter.alive = was.streams_meter.alive = true;
	was.applied_known = true;
	is = was;
	is.at_us = NOW_US;
}

static void
compute(void)
{
	figures_init(&figures, is.at_us);
	figures_of(&was, &is, &figures);
}

static int64_t
value(enum metric metric)
{
	return figures.values[metric];
}

START_TEST(what_grows_is_a_rate)
{
	was.stats = (struct stats_answer){.commands = 1000, .batches = 10,
		.sync_us_total = 5000, .refused = 3};
	is.stats = (struct stats_answer){.commands = 1501, .batches = 30,
		.sync_us_total = 15000, .refused = 3, .sync_us_max = 2500};
	compute();
	ck_assert_int_eq(value(METRIC_COMMANDS), FIGURE(1501));
	ck_assert_int_eq(value(METRIC_COMMANDS_RATE), 50100);
	ck_assert_int_eq(value(METRIC_REFUSED_RATE), 0);
	ck_assert_int_eq(value(METRIC_BATCH_SIZE), 25050);
	ck_assert_int_eq(value(METRIC_SYNC), 500);      /* half a millisecond */
	ck_assert_int_eq(value(METRIC_SYNC_MAX), 2500);
	ck_assert_int_eq(value(METRIC_MATCHER_UPTIME), FIGURE(100));
}
END_TEST

START_TEST(a_new_life_counts_from_its_start)
{
	was.stats.commands = 1000;
	is.stats.commands = 40;
	is.matcher.life = 2;
	is.matcher.born_us = NOW_US - 4 * US_PER_SECOND;
	compute();
	ck_assert_int_eq(value(METRIC_COMMANDS_RATE), FIGURE(10));
	/* So does what went back: a worker's time goes with the worker. */
	was.stats.refused = 10;
	is.stats.refused = 8;
	is.matcher.life = was.matcher.life;
	compute();
	ck_assert_int_eq(value(METRIC_REFUSED_RATE), FIGURE(2));
	/* And so does the very first look. */
	figures_init(&figures, is.at_us);
	figures_of(NULL, &is, &figures);
	ck_assert_int_eq(value(METRIC_COMMANDS_RATE), FIGURE(10));
	ck_assert_int_eq(value(METRIC_WORKERS_UP), FIGURE(1));
}
END_TEST

START_TEST(without_a_batch_the_average_is_that_of_its_life)
{
	was.stats = is.stats = (struct stats_answer){
		.commands = 100, .batches = 10, .sync_us_total = 7000};
	compute();
	ck_assert_int_eq(value(METRIC_BATCH_SIZE), FIGURE(10));
	ck_assert_int_eq(value(METRIC_SYNC), 700);
	/* And with none at all there is none. */
	memset(&was.stats, 0, sizeof(was.stats));
	memset(&is.stats, 0, sizeof(is.stats));
	compute();
	ck_assert_int_eq(value(METRIC_BATCH_SIZE), FIGURE_NONE);
	ck_assert_int_eq(value(METRIC_SYNC), FIGURE_NONE);
}
END_TEST

/* Buckets end at 100, 200, 300, 500, … microseconds. */
START_TEST(percentiles_lie_along_their_bucket)
{
	struct meter_reading *trade = &is.pool_meters[POOL_TRADE];

	trade->took[1] = 50;              /* 100 to 200 */
	trade->took[2] = 40;              /* 200 to 300 */
	trade->took[3] = 10;              /* 300 to 500 */
	is.pool_meters[POOL_API].took[METER_BUCKETS - 1] = 1;
	compute();
	ck_assert_int_eq(value(METRIC_TRADE_P50), 200);
	ck_assert_int_eq(value(METRIC_TRADE_P95), 400);
	ck_assert_int_eq(value(METRIC_TRADE_P99), 480);
	/* Beyond the last bound nothing more is known. */
	ck_assert_int_eq(value(METRIC_PLAIN_P50),
		meter_bounds_us[METER_BOUNDS - 1]);
	ck_assert_int_eq(value(METRIC_EGRESS_P50), FIGURE_NONE);
	/* All pools: the 51st of 101. */
	ck_assert_int_eq(value(METRIC_LATENCY_P50), 202);
	/* Nothing since: those of its life. */
	was.pool_meters[POOL_TRADE] = *trade;
	was.pool_meters[POOL_API] = is.pool_meters[POOL_API];
	compute();
	ck_assert_int_eq(value(METRIC_TRADE_P50), 200);
}
END_TEST

START_TEST(errors_are_a_share)
{
	compute();
	ck_assert_int_eq(value(METRIC_ERROR_SHARE), 0); /* of nothing */
	is.pool_meters[POOL_API].counts[METER_REQUESTS] = 30;
	is.pool_meters[POOL_TRADE].counts[METER_REQUESTS] = 10;
	is.pool_meters[POOL_TRADE].counts[METER_ERRORS_5XX] = 1;
	is.pool_meters[POOL_API].counts[METER_ERRORS_4XX] = 20;
	is.pool_meters[POOL_API].counts[METER_RATE_LIMITED] = 5;
	is.pool_meters[POOL_API].n_workers = 8;
	is.pool_meters[POOL_TRADE].n_workers = 16;
	is.pool_meters[POOL_TRADE].n_busy = 2;
	compute();
	ck_assert_int_eq(value(METRIC_ERROR_SHARE), 2500);
	ck_assert_int_eq(value(METRIC_REQUESTS_RATE), FIGURE(4));
	ck_assert_int_eq(value(METRIC_ERRORS_4XX), FIGURE(20));
	ck_assert_int_eq(value(METRIC_LIMITED_RATE), 500);
	ck_assert_int_eq(value(METRIC_WORKERS), FIGURE(24));
	ck_assert_int_eq(value(METRIC_WORKERS_BUSY), FIGURE(2));
	ck_assert_int_eq(value(METRIC_WORKERS_IDLE), FIGURE(22));
	ck_assert_int_eq(value(METRIC_TRADE_IDLE), FIGURE(14));
	ck_assert_int_eq(value(METRIC_API_UP), FIGURE(1));
	is.pools[POOL_EGRESS].up = false;
	is.pool_meters[POOL_EGRESS].alive = false;
	compute();
	ck_assert_int_eq(value(METRIC_API_UP), FIGURE(0));
	ck_assert_int_eq(value(METRIC_EGRESS_UP), FIGURE(0));
	ck_assert_int_eq(value(METRIC_TRADE_UP), FIGURE(1));
}
END_TEST

START_TEST(a_lag_is_measured_on_both_ends)
{
	is.stats.durable_seq = 100;
	is.applied_seq = 90;
	is.settler_meter.counts[METER_WAITING_SINCE_US] =
		(uint64_t)(NOW_US - 1500000);
	compute();
	ck_assert_int_eq(value(METRIC_SETTLER_LAG), FIGURE(10));
	ck_assert_int_eq(value(METRIC_SETTLER_LAG_TIME), 1500);
	/* Away: since when we have seen it behind. */
	is.settler.up = false;
	is.behind_since_us = NOW_US - 7 * US_PER_SECOND;
	compute();
	ck_assert_int_eq(value(METRIC_SETTLER_UP), FIGURE(0));
	ck_assert_int_eq(value(METRIC_SETTLER_LAG_TIME), FIGURE(7));
	is.applied_seq = 100;
	compute();
	ck_assert_int_eq(value(METRIC_SETTLER_LAG), 0);
	ck_assert_int_eq(value(METRIC_SETTLER_LAG_TIME), 0);
	is.matcher.up = false;
	compute();
	ck_assert_int_eq(value(METRIC_SETTLER_LAG), FIGURE_NONE);
}
END_TEST

START_TEST(what_is_away_has_no_figures)
{
	size_t i;

	memset(&is, 0, sizeof(is));
	is.at_us = NOW_US;
	compute();
	for (i = 0; i < METRICS; i++) {
		if (strcmp(metric_rows[i].name, "up") == 0)
			ck_assert_int_eq(figures.values[i], FIGURE(0));
		if (metric_rows[i].component == COMPONENT_DATABASE ||
			metric_rows[i].component == COMPONENT_CACHE ||
			metric_rows[i].component == COMPONENT_STREAMS)
			ck_assert(strcmp(metric_rows[i].name, "up") == 0 ||
				  figures.values[i] == FIGURE_NONE);
	}
}
END_TEST

/* Every name once a component, and fit for Prometheus and the columns. */
START_TEST(names_are_good)
{
	size_t i, j;

	for (i = 0; i < METRICS; i++) {
		const char *name = metric_rows[i].name;

		ck_assert_uint_eq(strspn(name,
			"abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(name));
		ck_assert_uint_le(strlen(name), 64);
		for (j = 0; j < i; j++)
			ck_assert(metric_rows[j].component !=
					metric_rows[i].component ||
				  strcmp(metric_rows[j].name, name) != 0);
	}
}
END_TEST

/* ---- Rules ----------------------------------------------------------------- */

static struct conf *conf;
static struct rules *rules;
static struct rule_event events[RULES_MAX];

static void
set_rules(void)
{
	char *reason;

	conf = conf_load(NULL, &reason);
	ck_assert_ptr_nonnull(conf);
	rules = rules_new(conf);
	figures_init(&figures, NOW_US);
}

static void
free_rules(void)
{
	rules_free(rules);
	conf_free(conf);
}

/* Look again after SECONDS. */
static size_t
after(int64_t seconds)
{
	figures.at_us += seconds * US_PER_SECOND;
	return rules_judge(rules, &figures, events);
}

/* The defaults: a daemon may be away for 10 s, others' bounds for 30 s. */
START_TEST(away_long_enough_is_an_alert)
{
	figures.values[METRIC_SETTLER_UP] = FIGURE(0);
	ck_assert_uint_eq(after(0), 0);
	ck_assert_uint_eq(after(9), 0);
	ck_assert_uint_eq(figures.n_alarms, 0);
	ck_assert_uint_eq(after(1), 1);
	ck_assert(events[0].raised);
	ck_assert_str_eq(events[0].alert.rule, "away");
	ck_assert_int_eq(events[0].alert.component, COMPONENT_SETTLER);
	ck_assert_int_eq(events[0].alert.severity, ALERT_CRITICAL);
	ck_assert_int_eq(events[0].alert.resolved_us, DB_NO_TIME);
	ck_assert_uint_eq(figures.n_alarms, 1);
	/* Once is enough. */
	ck_assert_uint_eq(after(100), 0);
	/* Back, for too short a time; then for long enough. */
	figures.values[METRIC_SETTLER_UP] = FIGURE(1);
	ck_assert_uint_eq(after(1), 0);
	ck_assert_uint_eq(after(29), 0);
	figures.values[METRIC_SETTLER_UP] = FIGURE(0);
	ck_assert_uint_eq(after(1), 0);
	figures.values[METRIC_SETTLER_UP] = FIGURE(1);
	ck_assert_uint_eq(after(1), 0);
	ck_assert_uint_eq(after(29), 0);
	ck_assert_uint_eq(figures.n_alarms, 1);
	ck_assert_uint_eq(after(1), 1);
	ck_assert(!events[0].raised);
	ck_assert_int_eq(events[0].alert.resolved_us, figures.at_us);
	ck_assert_uint_eq(figures.n_alarms, 0);
}
END_TEST

START_TEST(a_short_absence_is_none)
{
	unsigned i;

	for (i = 0; i < 20; i++) {
		figures.values[METRIC_CACHE_UP] = FIGURE(0);
		ck_assert_uint_eq(after(9), 0);
		figures.values[METRIC_CACHE_UP] = FIGURE(1);
		ck_assert_uint_eq(after(9), 0);
	}
}
END_TEST

START_TEST(each_bound_has_its_side)
{
	static const struct {
		enum metric metric;
		int64_t good, bad;
		const char *rule, *message;
	} cases[] = {
		{METRIC_SETTLER_LAG_TIME, 5000, 5100, "settler_lag",
			"settlement is behind by 5.1 s (the bound is 5 s)"},
		{METRIC_SYNC, 200000, 200100, "sync_time",
			"a sync of the journal takes 200.1 ms "
			"(the bound is 200 ms)"},
		{METRIC_DISK_FREE_SHARE, 10000, 9900, "disk_space",
			"free on the journal's disk: 9.9 % "
			"(the bound is 10 %)"},
		{METRIC_ERROR_SHARE, 5000, 5001, "error_rate",
			"requests that the api could not serve: 5.0 % "
			"(the bound is 5 %)"},
		{METRIC_TASKS_FAILING, 0, 1000, "task_failing",
			"tasks of the workers that fail: 1.0 "
			"(the bound is 0)"},
	};

	figures.values[cases[_i].metric] = cases[_i].good;
	ck_assert_uint_eq(after(0), 0);
	ck_assert_uint_eq(after(1000), 0);
	figures.values[cases[_i].metric] = cases[_i].bad;
	ck_assert_uint_eq(after(1), 0);
	ck_assert_uint_eq(after(29), 0);
	ck_assert_uint_eq(after(1), 1);
	ck_assert_str_eq(events[0].alert.rule, cases[_i].rule);
	ck_assert_str_eq(events[0].alert.message, cases[_i].message);
}
END_TEST
#define BOUNDS 5

START_TEST(what_is_not_known_changes_nothing)
{
	figures.values[METRIC_SETTLE_HALTED] = FIGURE(1);
	ck_assert_uint_eq(after(0), 1); /* without a wait */
	figures.values[METRIC_SETTLE_HALTED] = FIGURE_NONE;
	ck_assert_uint_eq(after(1000), 0);
	ck_assert_uint_eq(after(1000), 0);
	ck_assert_uint_eq(figures.n_alarms, 1);
}
END_TEST

START_TEST(what_is_to_be_written_is_kept)
{
	struct monitor_alert alert;
	struct ident first;

	ck_assert(!rules_unwritten(rules, &alert));
	figures.values[METRIC_DISK_LOW] = FIGURE(1);
	ck_assert_uint_eq(after(0), 1);
	ck_assert(rules_unwritten(rules, &alert));
	first = alert.id;
	ck_assert_int_eq(alert.resolved_us, DB_NO_TIME);
	/* Resolved, and raised again, before anything could be written. */
	figures.values[METRIC_DISK_LOW] = FIGURE(0);
	after(1);
	ck_assert_uint_eq(after(30), 1);
	figures.values[METRIC_DISK_LOW] = FIGURE(1);
	ck_assert_uint_eq(after(1), 1);
	ck_assert(rules_unwritten(rules, &alert));
	ck_assert(ident_equal(alert.id, first));
	ck_assert_int_ne(alert.resolved_us, DB_NO_TIME);
	rules_written(rules, alert.id);
	ck_assert(rules_unwritten(rules, &alert));
	ck_assert(!ident_equal(alert.id, first));
	ck_assert_int_eq(alert.resolved_us, DB_NO_TIME);
	rules_written(rules, alert.id);
	ck_assert(!rules_unwritten(rules, &alert));
}
END_TEST

START_TEST(an_earlier_lifes_alert_goes_on)
{
	struct monitor_alert alert = {.id = ident_random(NOW_US),
		.rule = "away", .component = COMPONENT_CACHE,
		.message = "the cache does not answer",
		.triggered_us = NOW_US - US_PER_HOUR};
	struct monitor_alert unknown = alert;

	ck_assert(rules_adopt(rules, &alert));
	ck_assert(!rules_unwritten(rules, &alert));
	figures.values[METRIC_CACHE_UP] = FIGURE(0);
	ck_assert_uint_eq(after(1000), 0);
	ck_assert_uint_eq(figures.n_alarms, 1);
	ck_assert_int_eq(figures.alarms[0].since_us, NOW_US - US_PER_HOUR);
	figures.values[METRIC_CACHE_UP] = FIGURE(1);
	after(1);
	ck_assert_uint_eq(after(30), 1);
	ck_assert(ident_equal(events[0].alert.id, unknown.id));
	unknown.rule = "of an older version";
	ck_assert(!rules_adopt(rules, &unknown));
}
END_TEST

/* ---- The suite ------------------------------------------------------------- */

Suite *
suite(void)
{
	Suite *s = suite_create("monitor");
	TCase *meters = tcase_create("meters");
	TCase *sources = tcase_create("sources");
	TCase *looks = tcase_create("looks");
	TCase *judging = tcase_create("rules");

	tcase_add_checked_fixture(meters, make_dir, remove_dir);
	tcase_add_test(meters, a_meter_is_read_while_its_program_runs);
	tcase_add_test(meters, a_meter_begins_anew_with_its_program);
	tcase_add_test(meters, a_meter_lives_as_long_as_anybody_who_has_it);
	tcase_add_test(meters, a_meter_that_nobody_sees_counts);
	tcase_add_test(meters, what_is_no_meter_is_not_read);
	tcase_add_test(sources, info_is_read);
	tcase_add_test(sources, a_process_is_seen);
	tcase_add_checked_fixture(looks, set_up, NULL);
	tcase_add_test(looks, what_grows_is_a_rate);
	tcase_add_test(looks, a_new_life_counts_from_its_start);
	tcase_add_test(looks, without_a_batch_the_average_is_that_of_its_life);
	tcase_add_test(looks, percentiles_lie_along_their_bucket);
	tcase_add_test(looks, errors_are_a_share);
	tcase_add_test(looks, a_lag_is_measured_on_both_ends);
	tcase_add_test(looks, what_is_away_has_no_figures);
	tcase_add_test(looks, names_are_good);
	tcase_add_checked_fixture(judging, set_rules, free_rules);
	tcase_add_test(judging, away_long_enough_is_an_alert);
	tcase_add_test(judging, a_short_absence_is_none);
	tcase_add_loop_test(judging, each_bound_has_its_side, 0, BOUNDS);
	tcase_add_test(judging, what_is_not_known_changes_nothing);
	tcase_add_test(judging, what_is_to_be_written_is_kept);
	tcase_add_test(judging, an_earlier_lifes_alert_goes_on);
	suite_add_tcase(s, meters);
	suite_add_tcase(s, sources);
	suite_add_tcase(s, looks);
	suite_add_tcase(s, judging);
	return s;
}
