/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_monitor.c - figures that are kept, hours, and alerts as rows, with real
 * daemons and an injected clock.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"
#include "domain/metric.h"
#include "domain/monitor_alert.h"
#include "t/db/exchange.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"
#include "work/monitor.h"

#define OK(expr) ck_assert_int_eq(expr, ST_OK)
/* A whole hour. */
#define HOUR_US (INT64_C(1700002800) * US_PER_SECOND)

static struct ctx *ctx;
static struct conf *conf;

static void
set_up(void)
{
	const char *output;
	char *reason;

	stack_reset();
	ck_assert_msg(stack_ctl("migrate", &output) == 0, "%s", output);
	conf = conf_load(stack_conf(), &reason);
	ck_assert_ptr_nonnull(conf);
	ctx = server_ctx(STACK_DATABASE);
	ctx->conf = conf;
	ctx->now_us = HOUR_US;
}

static void
tear_down(void)
{
	server_ctx_free(ctx);
	conf_free(conf);
}

static int64_t
number(const char *sql)
{
	return server_number(STACK_DATABASE, sql);
}

/* ---- Figures that are kept ------------------------------------------------- */

static void
store(enum component component, const char *name, int64_t value, int64_t at_us)
{
	struct metric_point point = {component, name, value, at_us};

	OK(metric_store(ctx, &(struct metric_points){&point, 1, false},
		at_us));
}

static struct metric_points
history(const char *component, const char *name, int64_t from_us,
	int64_t to_us, bool hours)
{
	struct metric_points points;

	OK(metric_history(ctx,
		&(struct metric_query){component, name, from_us, to_us, hours},
		&points));
	return points;
}

START_TEST(what_was_stored_is_found)
{
	struct metric_points found;

	store(COMPONENT_API, "up", FIGURE(1), HOUR_US);
	store(COMPONENT_API, "up", 500, HOUR_US + US_PER_MINUTE);
	store(COMPONENT_CACHE, "up", 0, HOUR_US + US_PER_MINUTE);
	store(COMPONENT_CACHE, "data_bytes", FIGURE(INT64_C(9000000000000)),
		HOUR_US + US_PER_MINUTE);
	/* The same once more takes its place. */
	store(COMPONENT_API, "up", 250, HOUR_US + US_PER_MINUTE);
	found = history(NULL, NULL, HOUR_US, HOUR_US + US_PER_HOUR, false);
	ck_assert_uint_eq(found.n, 4);
	ck_assert(!found.more);
	ck_assert_int_eq(found.points[0].at_us, HOUR_US);
	ck_assert_int_eq(found.points[1].component, COMPONENT_API);
	ck_assert_int_eq(found.points[1].value, 250);
	ck_assert_str_eq(found.points[2].name, "data_bytes");
	ck_assert_int_eq(found.points[2].value,
		FIGURE(INT64_C(9000000000000)));
	ck_assert_uint_eq(history("api", NULL, HOUR_US, HOUR_US + US_PER_HOUR,
				  false).n, 2);
	ck_assert_uint_eq(history(NULL, "up", HOUR_US, HOUR_US + US_PER_HOUR,
				  false).n, 3);
	ck_assert_uint_eq(history("cache", "up", HOUR_US,
				  HOUR_US + US_PER_HOUR, false).n, 1);
	/* Both ends belong to it. */
	ck_assert_uint_eq(history(NULL, NULL, HOUR_US, HOUR_US, false).n, 1);
	ck_assert_uint_eq(history(NULL, NULL, HOUR_US + 1,
				  HOUR_US + US_PER_MINUTE, false).n, 3);
	ck_assert_uint_eq(history(NULL, NULL, HOUR_US, HOUR_US + US_PER_HOUR,
				  true).n, 0);
}
END_TEST

START_TEST(the_newest_are_answered)
{
	static char names[METRIC_POINTS_MAX + 10][16];
	static struct metric_point points[METRIC_POINTS_MAX + 10];
	struct metric_points found;
	size_t i;

	for (i = 0; i < N_ELEMENTS(points); i++) {
		snprintf(names[i], sizeof(names[i]), "n%06zu", i);
		points[i] = (struct metric_point){COMPONENT_API, names[i], 1,
			HOUR_US};
	}
	OK(metric_store(ctx,
		&(struct metric_points){points, N_ELEMENTS(points), false},
		HOUR_US));
	found = history(NULL, NULL, HOUR_US, HOUR_US, false);
	ck_assert(found.more);
	ck_assert_uint_eq(found.n, METRIC_POINTS_MAX);
	ck_assert_str_eq(found.points[0].name, "n000010");
}
END_TEST

START_TEST(hours_are_averages_and_last_values)
{
	int64_t done_us = 0, i;
	struct metric_points found;

	for (i = 0; i < 60; i++) {
		store(COMPONENT_API, "latency_p50_ms", 1000 + i,
			HOUR_US + i * US_PER_MINUTE);
		/* A counter that began anew half-way. */
		store(COMPONENT_API, "requests_total",
			FIGURE(i < 30 ? 1000 + i : i),
			HOUR_US + i * US_PER_MINUTE);
	}
	/* The hour is not over. */
	ctx->now_us = HOUR_US + US_PER_HOUR - 1;
	OK(metric_roll_up(ctx, &done_us));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 0);
	ctx->now_us = HOUR_US + US_PER_HOUR;
	OK(metric_roll_up(ctx, &done_us));
	ck_assert_int_eq(done_us, HOUR_US + US_PER_HOUR);
	found = history("api", NULL, HOUR_US, HOUR_US, true);
	ck_assert_uint_eq(found.n, 2);
	ck_assert_str_eq(found.points[0].name, "latency_p50_ms");
	ck_assert_int_eq(found.points[0].value, 1030); /* 1029.5, rounded */
	ck_assert_int_eq(found.points[0].at_us, HOUR_US);
	ck_assert_int_eq(found.points[1].value, FIGURE(59));
	/* Again, by who does not know that it was done: the same. */
	done_us = 0;
	OK(metric_roll_up(ctx, &done_us));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 2);
}
END_TEST

START_TEST(hours_that_were_missed_are_made)
{
	int64_t done_us = 0;

	store(COMPONENT_API, "up", FIGURE(1), HOUR_US);
	store(COMPONENT_API, "up", FIGURE(1), HOUR_US + 5 * US_PER_HOUR);
	store(COMPONENT_API, "up", FIGURE(1), HOUR_US + 6 * US_PER_HOUR);
	ctx->now_us = HOUR_US + 6 * US_PER_HOUR + US_PER_MINUTE;
	OK(metric_roll_up(ctx, &done_us));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 2);
	ctx->now_us += US_PER_HOUR;
	OK(metric_roll_up(ctx, &done_us));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 3);
}
END_TEST

START_TEST(what_is_old_goes)
{
	int64_t done_us = 0;

	store(COMPONENT_API, "up", FIGURE(1), HOUR_US);
	store(COMPONENT_API, "up", FIGURE(1), HOUR_US + US_PER_HOUR);
	ctx->now_us = HOUR_US + 3 * US_PER_HOUR;
	OK(metric_roll_up(ctx, &done_us));
	ctx->now_us = HOUR_US + US_PER_DAY;
	OK(metric_prune(ctx));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_minute"), 2);
	ctx->now_us++;
	OK(metric_prune(ctx));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_minute"), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 2);
	ctx->now_us = HOUR_US + 30 * US_PER_DAY + 1;
	OK(metric_prune(ctx));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour"), 1);
}
END_TEST

/* ---- The monitor ----------------------------------------------------------- */

static struct monitor *monitor;
static struct figures figures;
static char note[4096];

static void
start_monitor(void)
{
	char *reason;

	monitor = monitor_new(conf, NULL, &reason);
	ck_assert_ptr_nonnull(monitor);
}

/* A turn after SECONDS; what it found is in FIGURES, what it said in NOTE. */
static void
turn_after(int64_t seconds)
{
	struct turn turn = {.level = LOG_LEVEL_INFO};

	ctx->now_us += seconds * US_PER_SECOND;
	OK(monitor_turn(ctx, monitor, &turn));
	snprintf(note, sizeof(note), "%s", turn.note ? turn.note : "");
	OK(figures_read(conf, ctx->now_us, &figures));
	ck_assert_int_eq(figures.at_us, ctx->now_us);
	arena_reset(ctx->arena);
}

#define ACTIVE(rule, component)                                                \
	number("SELECT COUNT(*) FROM monitor_alerts WHERE active = 1 AND "     \
	       "rule = '" rule "' AND component = '" component "'")
#define RESOLVED(rule, component)                                              \
	number("SELECT COUNT(*) FROM monitor_alerts WHERE active IS NULL "     \
	       "AND resolved_at IS NOT NULL AND rule = '" rule                 \
	       "' AND component = '" component "'")

START_TEST(figures_are_kept_by_the_minute)
{
	start_monitor();
	ctx->now_us += 30 * US_PER_SECOND;
	turn_after(0);
	ck_assert_int_eq(figures.values[METRIC_DATABASE_UP], FIGURE(1));
	ck_assert_int_ge(figures.values[METRIC_DB_CONNECTIONS], FIGURE(1));
	ck_assert_int_eq(figures.values[METRIC_MATCHER_UP], FIGURE(0));
	ck_assert_int_eq(figures.values[METRIC_CACHE_UP], FIGURE(0));
	turn_after(29);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_minute"), 0);
	turn_after(1);
	ck_assert_int_eq(number("SELECT COUNT(DISTINCT at) FROM metrics_minute"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_minute "
				"WHERE metric = 'up'"), 7);
	ck_assert_int_eq(number("SELECT value FROM metrics_minute WHERE "
				"component = 'database' AND metric = 'up'"), 1);
	ck_assert_int_eq(number("SELECT UNIX_TIMESTAMP(CONVERT_TZ(MIN(at), "
				"'+00:00', @@session.time_zone)) "
				"FROM metrics_minute"),
		HOUR_US / US_PER_SECOND + 60);
	turn_after(5);
	turn_after(60);
	ck_assert_int_eq(number("SELECT COUNT(DISTINCT at) FROM metrics_minute"),
		2);
	/* The end of the hour comes. */
	turn_after(3600);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM metrics_hour "
				"WHERE metric = 'up'"), 7);
	monitor_free(monitor);
}
END_TEST

START_TEST(a_killed_settler_is_an_alert_until_it_is_back)
{
	struct exchange *exchange = exchange_new(5, 3);
	pid_t settlerd;
	int i;

	ctx->now_us = clock_wall_us();
	exchange_set_time(exchange, ctx->now_us);
	stack_journal_open();
	for (i = 0; i < 50; i++)
		stack_journal_write(exchange_next(exchange));
	settlerd = stack_settlerd();
	stack_settlerd_ready();
	start_monitor();
	turn_after(0);
	ck_assert_int_eq(figures.values[METRIC_SETTLER_UP], FIGURE(1));
	ck_assert_int_gt(figures.values[METRIC_SETTLER_MEMORY], FIGURE(4096));
	turn_after(60);
	ck_assert_int_eq(ACTIVE("away", "settler"), 0);

	ck_assert_int_eq(stack_end(settlerd, SIGKILL), -SIGKILL);
	turn_after(1);
	ck_assert_int_eq(figures.values[METRIC_SETTLER_UP], FIGURE(0));
	ck_assert_int_eq(ACTIVE("away", "settler"), 0);
	turn_after(10);
	ck_assert_int_eq(ACTIVE("away", "settler"), 1);
	ck_assert_ptr_nonnull(strstr(note,
		"alert raised rule=away component=settler severity=critical"));
	turn_after(10);
	ck_assert_ptr_null(strstr(note, "component=settler"));
	/* Nor does another monitor raise it once more. */
	monitor_free(monitor);
	start_monitor();
	turn_after(1);
	turn_after(60);
	ck_assert_int_eq(ACTIVE("away", "settler"), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM monitor_alerts "
				"WHERE component = 'settler'"), 1);

	settlerd = stack_settlerd();
	stack_settlerd_ready();
	turn_after(1);
	ck_assert_int_eq(figures.values[METRIC_SETTLER_UP], FIGURE(1));
	ck_assert_int_eq(ACTIVE("away", "settler"), 1);
	turn_after(30);
	ck_assert_int_eq(ACTIVE("away", "settler"), 0);
	ck_assert_int_eq(RESOLVED("away", "settler"), 1);
	ck_assert_ptr_nonnull(
		strstr(note, "alert resolved rule=away component=settler"));
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
	/* The next time is another alert. */
	turn_after(1);
	turn_after(10);
	ck_assert_int_eq(ACTIVE("away", "settler"), 1);
	ck_assert_int_eq(RESOLVED("away", "settler"), 1);
	monitor_free(monitor);
	stack_journal_close();
	exchange_free(exchange);
}
END_TEST

START_TEST(what_is_settled_is_counted)
{
	struct exchange *exchange = exchange_new(5, 3);
	struct settle_answer answer;
	const struct record *record;
	pid_t settlerd;
	uint64_t seq = 0;
	int i;

	ctx->now_us = clock_wall_us();
	exchange_set_time(exchange, ctx->now_us);
	stack_journal_open();
	settlerd = stack_settlerd();
	stack_settlerd_ready();
	start_monitor();
	turn_after(0);
	for (i = 0; i < 40; i++) {
		record = exchange_next(exchange);
		seq = record->seq;
		stack_journal_write(record);
	}
	OK(stack_ask(seq, &answer));
	turn_after(10);
	ck_assert_int_eq(figures.values[METRIC_SETTLE_COMMANDS], FIGURE(40));
	ck_assert_int_eq(figures.values[METRIC_SETTLE_COMMANDS_RATE],
		FIGURE(4));
	ck_assert_int_ge(figures.values[METRIC_SETTLE_BATCHES], FIGURE(1));
	ck_assert_int_ge(figures.values[METRIC_SETTLE_ROWS], FIGURE(40));
	ck_assert_int_eq(figures.values[METRIC_SETTLE_HALTED], FIGURE(0));
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
	monitor_free(monitor);
	stack_journal_close();
	exchange_free(exchange);
}
END_TEST

START_TEST(the_matcher_tells_of_itself)
{
	pid_t matcherd = stack_matcherd();

	ctx->now_us = clock_wall_us();
	start_monitor();
	turn_after(0);
	ck_assert_int_eq(figures.values[METRIC_MATCHER_UP], FIGURE(1));
	ck_assert_int_eq(figures.values[METRIC_MATCHER_LAG], FIGURE(0));
	ck_assert_int_gt(figures.values[METRIC_MATCHER_MEMORY], FIGURE(4096));
	ck_assert_int_ge(figures.values[METRIC_MATCHER_CONNECTIONS], FIGURE(0));
	ck_assert_int_gt(figures.values[METRIC_DISK_FREE], 0);
	stack_end(matcherd, SIGKILL);
	turn_after(1);
	ck_assert_int_eq(figures.values[METRIC_MATCHER_UP], FIGURE(0));
	ck_assert_int_eq(figures.values[METRIC_COMMANDS], FIGURE_NONE);
	monitor_free(monitor);
}
END_TEST

START_TEST(a_database_that_was_away_hears_of_it)
{
	start_monitor();
	turn_after(0);
	server_end(SIGKILL);
	turn_after(1);
	ck_assert_int_eq(figures.values[METRIC_DATABASE_UP], FIGURE(0));
	turn_after(10);
	ck_assert_ptr_nonnull(
		strstr(note, "alert raised rule=away component=database"));
	ck_assert_uint_ge(figures.n_alarms, 1);
	server_again();
	turn_after(1);
	ck_assert_int_eq(figures.values[METRIC_DATABASE_UP], FIGURE(1));
	ck_assert_int_eq(ACTIVE("away", "database"), 1);
	turn_after(30);
	ck_assert_int_eq(RESOLVED("away", "database"), 1);
	monitor_free(monitor);
}
END_TEST

/* ---- Alerts as rows -------------------------------------------------------- */

static struct monitor_alert
an_alert(const char *rule, enum alert_severity severity, int64_t at_us)
{
	return (struct monitor_alert){.id = ident_random(at_us),
		.rule = rule,
		.component = COMPONENT_API,
		.severity = severity,
		.message = "it is so",
		.triggered_us = at_us,
		.resolved_us = DB_NO_TIME};
}

static size_t
count(int status, int severity)
{
	struct monitor_alerts found;

	OK(monitor_alert_list(ctx, status, severity, &found));
	return found.n;
}

START_TEST(alerts_are_rows)
{
	struct monitor_alert first = an_alert("a", ALERT_WARNING, HOUR_US);
	struct monitor_alert again = an_alert("a", ALERT_WARNING, HOUR_US + 1);
	struct monitor_alert other = an_alert("b", ALERT_INFO, HOUR_US + 2);
	struct monitor_alerts found;

	OK(monitor_alert_save(ctx, &first));
	OK(monitor_alert_save(ctx, &first)); /* as it was */
	OK(monitor_alert_save(ctx, &other));
	/* One that is active a rule and component. */
	ck_assert_int_eq(monitor_alert_save(ctx, &again), ST_CONFLICT);
	ck_assert_uint_eq(count(-1, -1), 2);
	first.resolved_us = HOUR_US + US_PER_MINUTE;
	OK(monitor_alert_save(ctx, &first));
	OK(monitor_alert_save(ctx, &again));
	ck_assert_uint_eq(count(-1, -1), 3);
	ck_assert_uint_eq(count(ALERT_ACTIVE, -1), 2);
	ck_assert_uint_eq(count(ALERT_RESOLVED, -1), 1);
	ck_assert_uint_eq(count(ALERT_ACTIVE, ALERT_INFO), 1);
	ck_assert_uint_eq(count(ALERT_RESOLVED, ALERT_WARNING), 1);
	ck_assert_uint_eq(count(-1, ALERT_CRITICAL), 0);
	OK(monitor_alert_list(ctx, -1, -1, &found));
	ck_assert_str_eq(found.rows[0].rule, "b"); /* the newest first */
	ck_assert_int_eq(found.rows[2].resolved_us, first.resolved_us);
	/* One that was resolved before it could be written at all. */
	other = an_alert("c", ALERT_CRITICAL, HOUR_US);
	other.resolved_us = HOUR_US + 1;
	OK(monitor_alert_save(ctx, &other));
	ck_assert_uint_eq(count(ALERT_RESOLVED, ALERT_CRITICAL), 1);
	ctx->now_us = HOUR_US + US_PER_MINUTE + MONITOR_ALERTS_KEPT_US;
	OK(monitor_alert_prune(ctx));
	ck_assert_uint_eq(count(-1, -1), 3);
	ctx->now_us++;
	OK(monitor_alert_prune(ctx));
	ck_assert_uint_eq(count(-1, -1), 2); /* what is active stays */
}
END_TEST

/* The accounts have what they need, and no more. */
START_TEST(accounts_may_what_they_need)
{
	static const struct {
		enum db_account account;
		bool may_write;
	} cases[] = {{DB_AS_WORKER, true}, {DB_AS_API, false},
		{DB_AS_AUDITOR, false}};
	size_t i;

	for (i = 0; i < N_ELEMENTS(cases); i++) {
		char *reason;
		struct ctx own = *ctx;
		struct monitor_alert alert =
			an_alert("x", ALERT_INFO, HOUR_US);

		own.db = db_new_as(conf, cases[i].account, NULL, &reason);
		ck_assert_ptr_nonnull(own.db);
		ck_assert_int_eq(monitor_alert_save(&own, &alert) == ST_OK,
			cases[i].may_write);
		ck_assert_int_eq(metric_prune(&own) == ST_OK,
			cases[i].may_write);
		OK(monitor_alert_list(&own, -1, -1,
			&(struct monitor_alerts){.n = 0}));
		db_free(own.db);
	}
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("monitor");
	TCase *kept = tcase_create("kept");
	TCase *turns = tcase_create("turns");
	TCase *rows = tcase_create("rows");

	server_start();
	stack_start();
	tcase_add_checked_fixture(kept, set_up, tear_down);
	tcase_set_timeout(kept, 60);
	tcase_add_test(kept, what_was_stored_is_found);
	tcase_add_test(kept, the_newest_are_answered);
	tcase_add_test(kept, hours_are_averages_and_last_values);
	tcase_add_test(kept, hours_that_were_missed_are_made);
	tcase_add_test(kept, what_is_old_goes);
	suite_add_tcase(s, kept);
	tcase_add_checked_fixture(turns, set_up, tear_down);
	tcase_set_timeout(turns, 60);
	tcase_add_test(turns, figures_are_kept_by_the_minute);
	tcase_add_test(turns, a_killed_settler_is_an_alert_until_it_is_back);
	tcase_add_test(turns, what_is_settled_is_counted);
	tcase_add_test(turns, the_matcher_tells_of_itself);
	tcase_add_test(turns, a_database_that_was_away_hears_of_it);
	suite_add_tcase(s, turns);
	tcase_add_checked_fixture(rows, set_up, tear_down);
	tcase_set_timeout(rows, 60);
	tcase_add_test(rows, alerts_are_rows);
	tcase_add_test(rows, accounts_may_what_they_need);
	suite_add_tcase(s, rows);
	return s;
}
