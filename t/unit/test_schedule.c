/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_schedule.c - which task is next, and when.
 */
#include "t/harness/suite.h"
#include "work/schedule.h"

#define SECOND INT64_C(1000000)

static struct ctx ctx;

/* A task that notes its turns and does as it is told. */
struct script {
	enum status status;
	int64_t again_us; /* 0: the task's period */
	unsigned turns;
	int64_t last_us;
};

static enum status
follow(struct ctx *unused, void *arg, struct turn *turn)
{
	struct script *script = arg;

	ck_assert_ptr_eq(unused, &ctx);
	script->turns++;
	script->last_us = turn->now_us;
	if (script->again_us != 0)
		turn->again_us = script->again_us;
	return script->status;
}

static void
add(struct schedule *schedule, struct script *script, const char *name,
	int64_t period_us, int64_t first_us)
{
	schedule_add(schedule,
		&(struct task){name, period_us, follow, script}, first_us);
}

START_TEST(nothing_to_do)
{
	struct schedule *schedule = schedule_new();
	struct script script = {0};
	struct outcome outcome;

	ck_assert_int_eq(schedule_next_us(schedule), INT64_MAX);
	ck_assert(!schedule_step(schedule, &ctx, 5, &outcome));
	add(schedule, &script, "a", SECOND, 10);
	ck_assert_int_eq(schedule_next_us(schedule), 10);
	ck_assert(!schedule_step(schedule, &ctx, 9, &outcome));
	ck_assert_uint_eq(script.turns, 0);
	schedule_free(schedule);
}
END_TEST

START_TEST(most_overdue_first)
{
	struct schedule *schedule = schedule_new();
	struct script a = {0}, b = {0};
	struct outcome outcome;

	add(schedule, &a, "a", SECOND, 20);
	add(schedule, &b, "b", SECOND, 10);
	ck_assert(schedule_step(schedule, &ctx, 30, &outcome));
	ck_assert_str_eq(outcome.task, "b");
	ck_assert(schedule_step(schedule, &ctx, 30, &outcome));
	ck_assert_str_eq(outcome.task, "a");
	ck_assert(!schedule_step(schedule, &ctx, 30, &outcome));
	/* Each again a period after its turn, not after when it was due. */
	ck_assert_int_eq(schedule_next_us(schedule), 30 + SECOND);
	schedule_free(schedule);
}
END_TEST

/* A task that is always late leaves the others their turns. */
START_TEST(nobody_starves)
{
	struct schedule *schedule = schedule_new();
	struct script greedy = {.again_us = 1}, modest = {0};
	struct outcome outcome;
	int64_t now_us = 0;
	int i;

	add(schedule, &greedy, "greedy", SECOND, 0);
	add(schedule, &modest, "modest", 100, 0);
	for (i = 0; i < 1000; i++) {
		ck_assert(schedule_step(schedule, &ctx, now_us, &outcome));
		now_us += 50;
	}
	ck_assert_uint_ge(modest.turns, 300);
	ck_assert_uint_eq(modest.turns + greedy.turns, 1000);
	schedule_free(schedule);
}
END_TEST

START_TEST(says_when_again)
{
	struct schedule *schedule = schedule_new();
	struct script script = {.again_us = 3 * SECOND};
	struct outcome outcome;

	add(schedule, &script, "a", SECOND, 0);
	ck_assert(schedule_step(schedule, &ctx, 0, &outcome));
	ck_assert_int_eq(schedule_next_us(schedule), 3 * SECOND);
	script.again_us = 0;
	ck_assert(schedule_step(schedule, &ctx, 3 * SECOND, &outcome));
	ck_assert_int_eq(schedule_next_us(schedule), 4 * SECOND);
	schedule_free(schedule);
}
END_TEST

START_TEST(failures_come_later_and_later)
{
	static const int64_t pauses[] = {2, 4, 8, 16, 32, 60, 60, 60};
	struct schedule *schedule = schedule_new();
	struct script script = {.status = ST_UNAVAILABLE};
	struct outcome outcome;
	int64_t now_us = 0;
	size_t i;

	add(schedule, &script, "a", SECOND, 0);
	for (i = 0; i < N_ELEMENTS(pauses); i++) {
		ck_assert(schedule_step(schedule, &ctx, now_us, &outcome));
		ck_assert_int_eq(outcome.status, ST_UNAVAILABLE);
		ck_assert_uint_eq(outcome.failures, i + 1);
		ck_assert_int_eq(schedule_next_us(schedule),
			now_us + pauses[i] * SECOND);
		now_us = schedule_next_us(schedule);
	}
	script.status = ST_OK;
	ck_assert(schedule_step(schedule, &ctx, now_us, &outcome));
	ck_assert_uint_eq(outcome.failures, 0);
	ck_assert_uint_eq(outcome.healed, N_ELEMENTS(pauses));
	ck_assert_int_eq(schedule_next_us(schedule), now_us + SECOND);
	schedule_free(schedule);
}
END_TEST

/* What is done once an hour is not done more often because it failed. */
START_TEST(a_long_period_stays_long)
{
	struct schedule *schedule = schedule_new();
	struct script script = {.status = ST_INTERNAL};
	struct outcome outcome;

	add(schedule, &script, "a", 3600 * SECOND, 0);
	ck_assert(schedule_step(schedule, &ctx, 0, &outcome));
	ck_assert_int_eq(schedule_next_us(schedule), 3600 * SECOND);
	schedule_free(schedule);
}
END_TEST

/* A turn begins without the last one's explanation. */
START_TEST(faults_are_forgotten)
{
	struct schedule *schedule = schedule_new();
	struct script script = {0};
	struct outcome outcome;

	ctx.fault.reason = "old";
	add(schedule, &script, "a", SECOND, 0);
	ck_assert(schedule_step(schedule, &ctx, 0, &outcome));
	ck_assert_ptr_null(ctx.fault.reason);
	schedule_free(schedule);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("schedule");
	TCase *turns = tcase_create("turns");

	tcase_add_test(turns, nothing_to_do);
	tcase_add_test(turns, most_overdue_first);
	tcase_add_test(turns, nobody_starves);
	tcase_add_test(turns, says_when_again);
	tcase_add_test(turns, failures_come_later_and_later);
	tcase_add_test(turns, a_long_period_stays_long);
	tcase_add_test(turns, faults_are_forgotten);
	suite_add_tcase(s, turns);
	return s;
}
