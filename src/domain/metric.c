/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * metric.c - the names of the figures, and the file of those of now.
 *
 * The file is written under another name and then given its own, so whoever
 * reads it has one look's figures and no mixture.
 */
#include "domain/metric.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"

#define MAGIC 0x31474651
/* Without a new look for so many, and a bit, workerd is taken to be away. */
#define LOOKS_MISSED 3
#define LOOK_GRACE_US (5 * US_PER_SECOND)

static const char *const names[COMPONENTS] = {
	[COMPONENT_MATCHER] = "matcher",
	[COMPONENT_SETTLER] = "settler",
	[COMPONENT_API] = "api",
	[COMPONENT_STREAMS] = "streams",
	[COMPONENT_DATABASE] = "database",
	[COMPONENT_CACHE] = "cache",
	[COMPONENT_WORKERS] = "workers",
};

const struct metric_row metric_rows[METRICS] = {
#define X(sym, component, name, help)                                          \
	[METRIC_##sym] = {COMPONENT_##component, name, help},
	METRIC_LIST(X)
#undef X
};

const char *
component_name(enum component component)
{
	return names[component];
}

bool
component_find(const char *name, enum component *out)
{
	enum component i;

	for (i = 0; i < COMPONENTS; i++)
		if (strcmp(names[i], name) == 0) {
			*out = i;
			return true;
		}
	return false;
}

bool
metric_is_counter(const char *name)
{
	static const char suffix[] = "_total";
	size_t length = strlen(name), more = sizeof(suffix) - 1;

	return length > more && strcmp(name + length - more, suffix) == 0;
}

/* ---- The file ------------------------------------------------------------- */

void
figures_init(struct figures *figures, int64_t at_us)
{
	size_t i;

	memset(figures, 0, sizeof(*figures));
	figures->magic = MAGIC;
	figures->size = sizeof(*figures);
	figures->at_us = at_us;
	for (i = 0; i < METRICS; i++)
		figures->values[i] = FIGURE_NONE;
}

static bool
write_whole(int fd, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t some = write(fd, bytes, n);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return false;
		bytes += some;
		n -= (size_t)some;
	}
	return true;
}

enum status
figures_write(const struct conf *conf, const struct figures *figures)
{
	const char *path = conf_text(conf, CONF_PATHS_FIGURES);
	char fresh[4096];
	int fd, n = snprintf(fresh, sizeof(fresh), "%s.new", path);
	bool good;

	if (n < 0 || (size_t)n >= sizeof(fresh))
		return ST_UNAVAILABLE;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd < 0)
		return ST_UNAVAILABLE;
	good = write_whole(fd, (const char *)figures, sizeof(*figures));
	good = close(fd) == 0 && good && rename(fresh, path) == 0;
	return good ? ST_OK : ST_UNAVAILABLE;
}

static bool
read_whole(int fd, char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t some = read(fd, bytes, n);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return false;
		bytes += some;
		n -= (size_t)some;
	}
	return true;
}

bool
figures_are_old(const struct figures *figures, int64_t now_us)
{
	return now_us - figures->at_us >
	       LOOKS_MISSED * figures->look_us + LOOK_GRACE_US;
}

enum status
figures_read(const struct conf *conf, int64_t now_us, struct figures *out)
{
	int fd = open(conf_text(conf, CONF_PATHS_FIGURES),
		O_RDONLY | O_CLOEXEC);
	bool good;

	if (fd < 0)
		return ST_UNAVAILABLE;
	good = read_whole(fd, (char *)out, sizeof(*out)) &&
	       out->magic == MAGIC && out->size == sizeof(*out) &&
	       out->n_tasks <= FIGURE_TASKS_MAX &&
	       out->n_alarms <= FIGURE_ALARMS_MAX;
	close(fd);
	if (!good)
		return ST_UNAVAILABLE;
	if (figures_are_old(out, now_us))
		out->values[METRIC_WORKERS_UP] = FIGURE(0);
	return ST_OK;
}

/* ---- One by one ----------------------------------------------------------- */

static const char *
task_metric(struct arena *arena, const struct figure_task *task,
	const char *what)
{
	char *name = arena_printf(arena, "task_%s_%s", task->name, what), *c;

	for (c = name; *c; c++)
		if (*c == '-')
			*c = '_';
	return name;
}

void
figures_points(struct arena *arena, const struct figures *figures,
	struct metric_points *out)
{
	struct metric_point *points = arena_array(arena,
		METRICS + 2 * (size_t)figures->n_tasks, sizeof(*points));
	size_t i, n = 0;

	for (i = 0; i < METRICS; i++)
		if (figures->values[i] != FIGURE_NONE)
			points[n++] = (struct metric_point){
				metric_rows[i].component, metric_rows[i].name,
				figures->values[i], figures->at_us};
	for (i = 0; i < figures->n_tasks; i++) {
		const struct figure_task *task = &figures->tasks[i];

		points[n++] = (struct metric_point){COMPONENT_WORKERS,
			task_metric(arena, task, "runs_total"),
			FIGURE(task->runs), figures->at_us};
		points[n++] = (struct metric_point){COMPONENT_WORKERS,
			task_metric(arena, task, "failures_total"),
			FIGURE(task->failures), figures->at_us};
	}
	*out = (struct metric_points){points, n, false};
}
