/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_monitor.c - "quantoractl monitor": the figures of now, for people.
 *
 * Read from the file that workerd writes, so it needs neither MySQL nor the
 * matcher.  The exit code is 1 while an alert is active or the figures are old.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "daemons/ctl.h"
#include "domain/alert.h"
#include "domain/metric.h"

#define COLUMNS 3
#define COLUMN_ROOM 128

/* Thousandths; what is large is shown in thousands of thousands. */
static void
write_value(int64_t value, char out[32])
{
	static const char units[] = " kMGT";
	size_t unit = 0;

	while (value >= FIGURE(100000) && units[unit + 1] != '\0') {
		value /= 1000;
		unit++;
	}
	if (value % 1000 == 0)
		snprintf(out, 32, "%" PRId64, value / 1000);
	else if (unit > 0)
		snprintf(out, 32, "%" PRId64 ".%" PRId64, value / 1000,
			value % 1000 / 100);
	else
		snprintf(out, 32, "%" PRId64 ".%03" PRId64, value / 1000,
			value % 1000);
	if (unit > 0) {
		size_t length = strlen(out);

		out[length] = units[unit];
		out[length + 1] = '\0';
	}
}

static void
print_component(enum component component, const struct metric_points *points)
{
	unsigned column = 0;
	size_t i;

	printf("%s\n", component_name(component));
	for (i = 0; i < points->n; i++) {
		const struct metric_point *point = &points->points[i];
		char value[32], text[COLUMN_ROOM];

		if (point->component != component)
			continue;
		write_value(point->value, value);
		snprintf(text, sizeof(text), "%s %s", point->name, value);
		printf("  %-36s", text);
		if (++column % COLUMNS == 0)
			putchar('\n');
	}
	if (column % COLUMNS != 0)
		putchar('\n');
}

static void
print_alarms(const struct figures *figures)
{
	char since[CLOCK_TEXT_MAX];
	size_t i;

	for (i = 0; i < figures->n_alarms; i++) {
		const struct figure_alarm *alarm = &figures->alarms[i];

		clock_format(alarm->since_us, 0, since);
		printf("ALERT %s %s since %s: %s\n",
			alert_severity_name(alarm->severity),
			component_name(alarm->component), since,
			alarm->message);
	}
}

static int
monitor(struct ctl *ctl, int argc, char **argv)
{
	struct figures figures;
	struct metric_points points;
	enum component only = COMPONENTS, component;
	char at[CLOCK_TEXT_MAX];
	bool old;

	if (argc > 2)
		return CTL_USAGE;
	if (argc == 2 && !component_find(argv[1], &only))
		return ctl_complain("components are " COMPONENT_NAMES);
	if (figures_read(ctl->conf, ctl->ctx.now_us, &figures) != ST_OK)
		return ctl_complain("there are no figures at %s: does workerd "
				    "run?",
			conf_text(ctl->conf, CONF_PATHS_FIGURES));
	figures_points(ctl->ctx.arena, &figures, &points);
	clock_format(figures.at_us, 0, at);
	printf("as of %s\n", at);
	for (component = 0; component < COMPONENTS; component++)
		if (only == COMPONENTS || only == component)
			print_component(component, &points);
	print_alarms(&figures);
	old = figures_are_old(&figures, ctl->ctx.now_us);
	if (old)
		return ctl_complain("these figures are old: workerd is away");
	return figures.n_alarms > 0 ? CTL_FAILED : CTL_OK;
}

const struct ctl_command ctl_monitor_commands[] = {
	{"monitor", NULL, "[COMPONENT]",
		"the figures of now, and the alerts that are active", 0, 0,
		monitor},
	CTL_END,
};
