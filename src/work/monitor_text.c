/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_text.c - one family after the other.
 */
#include "work/monitor_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "domain/alert.h"

/* VALUE of 10^-PLACES units without trailing zeros. */
static void
put_decimal(FILE *out, int64_t value, int places)
{
	int64_t unit = 1, rest;
	int i;

	for (i = 0; i < places; i++)
		unit *= 10;
	if (value < 0) {
		fputc('-', out);
		value = -value;
	}
	fprintf(out, "%" PRId64, value / unit);
	rest = value % unit;
	if (rest == 0)
		return;
	for (; rest % 10 == 0; rest /= 10)
		places--;
	fprintf(out, ".%0*" PRId64, places, rest);
}

static void
put_family(FILE *out, const char *name, const char *help, const char *type)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
put_figure(FILE *out, const struct metric_row *row, int64_t value)
{
	char name[128];

	snprintf(name, sizeof(name), "quantora_%s_%s",
		component_name(row->component), row->name);
	put_family(out, name, row->help,
		metric_is_counter(row->name) ? "counter" : "gauge");
	fprintf(out, "%s ", name);
	put_decimal(out, value, 3);
	fputc('\n', out);
}

/* The names of pools and tasks are our own, and need no escapes. */
static void
put_pools(FILE *out, const struct figures *figures)
{
	static const char name[] = "quantora_api_request_duration_seconds";
	size_t i, bucket;

	put_family(out, name, "how long requests took", "histogram");
	for (i = 0; i < FIGURE_POOLS; i++) {
		const struct figure_pool *pool = &figures->pools[i];
		uint64_t n = 0;

		for (bucket = 0; bucket < METER_BUCKETS; bucket++) {
			n += pool->took[bucket];
			fprintf(out, "%s_bucket{pool=\"%s\",le=\"", name,
				pool->name);
			if (bucket < METER_BOUNDS)
				put_decimal(out, meter_bounds_us[bucket], 6);
			else
				fputs("+Inf", out);
			fprintf(out, "\"} %" PRIu64 "\n", n);
		}
		fprintf(out, "%s_sum{pool=\"%s\"} ", name, pool->name);
		put_decimal(out, (int64_t)pool->took_us, 6);
		fprintf(out, "\n%s_count{pool=\"%s\"} %" PRIu64 "\n", name,
			pool->name, n);
	}
}

static void
put_tasks(FILE *out, const struct figures *figures)
{
	size_t i;

	if (figures->n_tasks == 0)
		return;
	put_family(out, "quantora_workers_task_runs_total",
		"turns of a task of the schedule", "counter");
	for (i = 0; i < figures->n_tasks; i++)
		fprintf(out,
			"quantora_workers_task_runs_total{task=\"%s\"} "
			"%" PRIu64 "\n",
			figures->tasks[i].name, figures->tasks[i].runs);
	put_family(out, "quantora_workers_task_failures_total",
		"turns that failed", "counter");
	for (i = 0; i < figures->n_tasks; i++)
		fprintf(out,
			"quantora_workers_task_failures_total{task=\"%s\"} "
			"%" PRIu64 "\n",
			figures->tasks[i].name, figures->tasks[i].failures);
}

static void
put_alarms(FILE *out, const struct figures *figures)
{
	size_t i;

	put_family(out, "quantora_alerts_active",
		"how many alerts are active", "gauge");
	fprintf(out, "quantora_alerts_active %" PRIu32 "\n", figures->n_alarms);
	if (figures->n_alarms == 0)
		return;
	put_family(out, "quantora_alert", "an alert that is active", "gauge");
	for (i = 0; i < figures->n_alarms; i++) {
		const struct figure_alarm *alarm = &figures->alarms[i];

		fprintf(out,
			"quantora_alert{rule=\"%s\",component=\"%s\","
			"severity=\"%s\"} 1\n",
			alarm->rule, component_name(alarm->component),
			alert_severity_name(alarm->severity));
	}
}

char *
monitor_text(const struct figures *figures, int64_t now_us, size_t *length)
{
	static const char age[] = "quantora_look_age_seconds";
	char *text = NULL;
	FILE *out = open_memstream(&text, length);
	size_t i;

	if (!out)
		return NULL;
	put_family(out, age, "how old these figures are", "gauge");
	fprintf(out, "%s ", age);
	put_decimal(out, now_us > figures->at_us ? now_us - figures->at_us : 0,
		6);
	fputc('\n', out);
	for (i = 0; i < METRICS; i++)
		if (figures->values[i] != FIGURE_NONE)
			put_figure(out, &metric_rows[i], figures->values[i]);
	put_pools(out, figures);
	put_tasks(out, figures);
	put_alarms(out, figures);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
