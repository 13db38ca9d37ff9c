/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_limit.c - the N+1st request is refused, over all processes, exactly.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/limit.h"
#include "t/harness/suite.h"

#define NOW (INT64_C(1736856000) * US_PER_SECOND)

static const struct limit_rule two = {
	.id = 1,
	.windows = {{US_PER_MINUTE, CONF_RATE_BOTPLATFORM_MINUTE, 0},
		{US_PER_SECOND, CONF_RATE_BOTPLATFORM_SECOND, 0}},
};
static const struct limit_rule big = {
	.id = 2,
	.windows = {{US_PER_HOUR, CONF_RATE_QUANTENERGX_HOUR, 0}},
};
/* A window for class 2 alone. */
static const struct limit_rule classes = {
	.id = 3,
	.windows = {{US_PER_MINUTE, CONF_RATE_BOTPLATFORM_SECOND, 1u << 2},
		{US_PER_MINUTE, CONF_RATE_BOTPLATFORM_MINUTE, 0}},
};

static char path[] = "/tmp/test-limit-XXXXXX";
static struct conf *conf;
static struct limiter *limiter;

static void
setup(void)
{
	char *reason;
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	close(fd);
	conf = conf_load(NULL, &reason);
	limiter = limiter_open(path, &reason);
	ck_assert_ptr_nonnull(limiter);
}

static void
teardown(void)
{
	limiter_free(limiter);
	limiter_free(NULL);
	conf_free(conf);
	unlink(path);
}

static enum status
ask(const struct limit_rule *rule, unsigned class, uint32_t user,
	int64_t now_us, struct limit_state *out)
{
	struct limit_charge charge = {rule, class, user, now_us};

	return limiter_charge(limiter, conf, &charge, out);
}

static enum status
charge(uint32_t user, int64_t now_us, struct limit_state *out)
{
	return ask(&two, 0, user, now_us, out);
}

START_TEST(counts_both_windows)
{
	struct limit_state state;
	int i;

	/* Ten within a second, and no more; the clock makes no difference. */
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(charge(7, NOW + i * 1000, &state), ST_OK);
	ck_assert_int_eq(state.limit, 100);
	ck_assert_int_eq(state.remaining, 90);
	ck_assert_int_eq(state.reset_us, NOW + US_PER_MINUTE);
	ck_assert_int_eq(charge(7, NOW + 999999, &state), ST_RATE_LIMITED);
	ck_assert_int_eq(state.retry_after_us, 1);
	ck_assert_int_eq(state.remaining, 0);
	ck_assert_int_eq(state.reset_us, NOW + US_PER_SECOND);
	/* The window began with the first request, not with the refusal. */
	ck_assert_int_eq(charge(7, NOW + US_PER_SECOND, &state), ST_OK);
	ck_assert_int_eq(state.remaining, 89);
	/* Another user has his own. */
	ck_assert_int_eq(charge(8, NOW, &state), ST_OK);
	ck_assert_int_eq(state.remaining, 99);
}
END_TEST

START_TEST(refuses_until_the_minute_is_over)
{
	struct limit_state state;
	int i;

	for (i = 0; i < 100; i++)
		ck_assert_int_eq(charge(7, NOW + i * US_PER_SECOND / 2, &state),
			ST_OK);
	ck_assert_int_eq(state.remaining, 0);
	ck_assert_int_eq(charge(7, NOW + 59 * US_PER_SECOND, &state),
		ST_RATE_LIMITED);
	ck_assert_int_eq(state.retry_after_us, US_PER_SECOND);
	ck_assert_int_eq(charge(7, NOW + US_PER_MINUTE, &state), ST_OK);
	ck_assert_int_eq(state.remaining, 99);
}
END_TEST

START_TEST(a_class_has_its_own_window)
{
	struct limit_state state;
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(ask(&classes, 2, 7, NOW, &state), ST_OK);
	ck_assert_int_eq(state.limit, 10);
	ck_assert_int_eq(ask(&classes, 2, 7, NOW, &state), ST_RATE_LIMITED);
	/* Others go on, and what was counted counts for them too. */
	ck_assert_int_eq(ask(&classes, 0, 7, NOW, &state), ST_OK);
	ck_assert_int_eq(state.limit, 100);
	ck_assert_int_eq(state.remaining, 89);
}
END_TEST

START_TEST(a_clock_that_was_set_back)
{
	struct limit_state state;
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(charge(7, NOW, &state), ST_OK);
	/* A little: another worker's clock.  A lot: a new window. */
	ck_assert_int_eq(charge(7, NOW - 1000, &state), ST_RATE_LIMITED);
	ck_assert_int_eq(charge(7, NOW - US_PER_HOUR, &state), ST_OK);
}
END_TEST

#define PROCESSES 8
#define TRIES 300

/* Each child maps the file itself, as the pools do. */
static void
child(_Atomic int *accepted)
{
	char *reason;
	struct limiter *own = limiter_open(path, &reason);
	struct limit_charge charge_one = {&big, 0, 99, NOW};
	struct limit_state state;
	int i;

	for (i = 0; i < TRIES; i++)
		if (limiter_charge(own, conf, &charge_one, &state) == ST_OK)
			(*accepted)++;
	limiter_free(own);
	_exit(0);
}

START_TEST(is_exact_over_processes)
{
	_Atomic int *accepted = mmap(NULL, sizeof(*accepted),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status;

	for (i = 0; i < PROCESSES; i++)
		if (fork() == 0)
			child(accepted);
	for (i = 0; i < PROCESSES; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	/* 2,400 were tried; the rule says 1,000. */
	ck_assert_int_eq(*accepted, 1000);
}
END_TEST

START_TEST(survives_a_worker_that_dies_inside)
{
	struct limit_state state;
	pid_t pid;
	int i;

	/* Killed at random points, mostly inside a lock that it takes always. */
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (pid == 0)
			for (;;)
				(void)!ask(&big, 0, 5, NOW, &state);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		(void)!ask(&big, 0, 5, NOW, &state);
	}
	ck_assert_int_eq(ask(&big, 0, 6, NOW, &state), ST_OK);
}
END_TEST

START_TEST(a_new_run_begins_anew)
{
	struct limit_state state;
	char *reason;
	int i;

	for (i = 0; i < 10; i++)
		ck_assert_int_eq(charge(7, NOW, &state), ST_OK);
	ck_assert_int_eq(charge(7, NOW, &state), ST_RATE_LIMITED);
	limiter_free(limiter);
	limiter = limiter_open(path, &reason);
	ck_assert_ptr_nonnull(limiter);
	ck_assert_int_eq(charge(7, NOW, &state), ST_OK);
	ck_assert_ptr_null(limiter_open("/nonexistent/rate", &reason));
	free(reason);
}
END_TEST

/* More users than a bucket has places never fail, and keep their counts. */
START_TEST(holds_many_users)
{
	struct limit_state state;
	uint32_t user;

	for (user = 1; user <= 20000; user++)
		ck_assert_int_eq(charge(user, NOW + user, &state), ST_OK);
	for (user = 20000; user > 19000; user--) {
		ck_assert_int_eq(charge(user, NOW + 30000, &state), ST_OK);
		ck_assert_int_eq(state.remaining, 98);
	}
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("limit");
	TCase *c = tcase_create("limit");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, counts_both_windows);
	tcase_add_test(c, refuses_until_the_minute_is_over);
	tcase_add_test(c, a_class_has_its_own_window);
	tcase_add_test(c, a_clock_that_was_set_back);
	tcase_add_test(c, is_exact_over_processes);
	tcase_add_test(c, survives_a_worker_that_dies_inside);
	tcase_add_test(c, a_new_run_begins_anew);
	tcase_add_test(c, holds_many_users);
	suite_add_tcase(s, c);
	return s;
}
