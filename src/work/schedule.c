/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * schedule.c - which task is next, and when.
 *
 * There are a few dozen tasks at most, so the next one is found by looking at
 * all of them.
 */
#include "work/schedule.h"

#include <assert.h>
#include <stdlib.h>

struct entry {
	struct task task;
	int64_t next_us;
	unsigned failures; /* in a row */
	struct task_stats stats;
};

struct schedule {
	struct entry entries[SCHEDULE_TASKS_MAX];
	unsigned n;
};

struct schedule *
schedule_new(void)
{
	struct schedule *schedule = calloc(1, sizeof(*schedule));

	if (!schedule)
		abort();
	return schedule;
}

void
schedule_free(struct schedule *schedule)
{
	free(schedule);
}

void
schedule_add(struct schedule *schedule, const struct task *task,
	int64_t first_us)
{
	assert(schedule->n < SCHEDULE_TASKS_MAX && task->period_us > 0);
	schedule->entries[schedule->n++] =
		(struct entry){.task = *task, .next_us = first_us};
}

size_t
schedule_stats(struct schedule *schedule,
	struct task_stats out[SCHEDULE_TASKS_MAX])
{
	unsigned i;

	for (i = 0; i < schedule->n; i++) {
		struct entry *entry = &schedule->entries[i];

		out[i] = entry->stats;
		out[i].name = entry->task.name;
		out[i].failing = entry->failures;
		entry->stats.late_us_max = 0;
	}
	return schedule->n;
}

static struct entry *
most_overdue(struct schedule *schedule)
{
	struct entry *first = NULL;
	unsigned i;

	for (i = 0; i < schedule->n; i++)
		if (!first || schedule->entries[i].next_us < first->next_us)
			first = &schedule->entries[i];
	return first;
}

int64_t
schedule_next_us(const struct schedule *schedule)
{
	int64_t next_us = INT64_MAX;
	unsigned i;

	for (i = 0; i < schedule->n; i++)
		if (schedule->entries[i].next_us < next_us)
			next_us = schedule->entries[i].next_us;
	return next_us;
}

/* What a task wants, doubled for each failure in a row. */
static int64_t
pause_us(const struct entry *entry, int64_t again_us)
{
	unsigned i;

	for (i = 0; i < entry->failures && again_us < SCHEDULE_PAUSE_MAX_US;
		i++)
		again_us *= 2;
	if (entry->failures > 0 && again_us > SCHEDULE_PAUSE_MAX_US &&
		entry->task.period_us < SCHEDULE_PAUSE_MAX_US)
		again_us = SCHEDULE_PAUSE_MAX_US;
	return again_us;
}

bool
schedule_step(struct schedule *schedule, struct ctx *ctx, int64_t now_us,
	struct outcome *out)
{
	struct entry *entry = most_overdue(schedule);
	struct turn turn = {.now_us = now_us, .level = LOG_LEVEL_INFO};
	enum status status;

	if (!entry || entry->next_us > now_us)
		return false;
	turn.again_us = entry->task.period_us;
	if (now_us - entry->next_us > entry->stats.late_us_max)
		entry->stats.late_us_max = now_us - entry->next_us;
	ctx->fault = (struct fault){0};
	status = entry->task.run(ctx, entry->task.arg, &turn);
	*out = (struct outcome){.task = entry->task.name,
		.status = status,
		.turn = turn};
	if (status == ST_OK)
		out->healed = entry->failures;
	entry->failures = status == ST_OK ? 0 : entry->failures + 1;
	out->failures = entry->failures;
	entry->stats.runs++;
	entry->stats.failures += status != ST_OK;
	entry->next_us = now_us + pause_us(entry, turn.again_us);
	return true;
}
