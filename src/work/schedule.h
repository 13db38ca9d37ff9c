/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * schedule.h - named tasks, each done again and again, one at a time.
 *
 * A schedule knows no clock: who runs it hands in the time (microseconds of
 * any clock that never goes back) and learns when it wants to be asked again.
 * So it never waits, and a test can live through a day at once.
 *
 * What is most overdue goes first, so a slow task delays the others and
 * starves none.  A task that fails is done again later and later, up to
 * SCHEDULE_PAUSE_MAX_US, until it succeeds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/log.h"

#define SCHEDULE_TASKS_MAX 64
#define SCHEDULE_PAUSE_MAX_US (60 * INT64_C(1000000))

/* What a task has to say about one turn of it. */
struct turn {
	int64_t now_us;   /* when it began, by the schedule's clock */
	int64_t again_us; /* until the next; the task's period if not changed */
	const char *note; /* for the log, in the arena; NULL: nothing */
	enum log_level level; /* of the note; LOG_LEVEL_INFO if not changed */
};

struct task {
	const char *name;
	int64_t period_us; /* from one beginning to the next, > 0 */
	/* The arena is emptied after each turn.  MUST NOT wait for long. */
	enum status (*run)(struct ctx *ctx, void *arg, struct turn *turn);
	void *arg;
};

struct schedule;

struct schedule *schedule_new(void);
void schedule_free(struct schedule *schedule);

/* TASK is copied; its first turn is at FIRST_US.  Its name and arg stay. */
void schedule_add(struct schedule *schedule, const struct task *task,
	int64_t first_us);

/* When the next turn is due; INT64_MAX without tasks. */
int64_t schedule_next_us(const struct schedule *schedule);

/* What a task has done so far. */
struct task_stats {
	const char *name;
	uint64_t runs;
	uint64_t failures;     /* of them all */
	unsigned failing;      /* in a row, up to now */
	int64_t late_us_max;   /* since the last time that this was asked */
};

/* Of each task, in the order they were added; how many there are. */
size_t schedule_stats(struct schedule *schedule,
	struct task_stats out[SCHEDULE_TASKS_MAX]);

/* How a turn ended, for the log. */
struct outcome {
	const char *task;
	enum status status;
	unsigned failures; /* in a row, this one included; 0: it went well */
	unsigned healed;   /* failures that this success put an end to */
	struct turn turn;
};

/*
 * Do the turn that is most overdue at NOW_US.  False when none is due.  OUT
 * is written on true; ctx->fault then tells of a failure, and the caller
 * resets the arena.
 */
bool schedule_step(struct schedule *schedule, struct ctx *ctx, int64_t now_us,
	struct outcome *out);
