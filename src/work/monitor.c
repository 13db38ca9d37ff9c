/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor.c - looks, figures, rules, and what is kept of them.
 */
#include "work/monitor.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"

/* Looks that are kept to compare with; a period is at most so many looks. */
#define LOOKS_MAX 64
/* While something is away its return is looked for more often; and most of
 * all when we have just been started, with everything else. */
#define AWAY_LOOK_US US_PER_SECOND
#define YOUNG_US (10 * US_PER_SECOND)
#define YOUNG_LOOK_US (US_PER_SECOND / 5)
#define SLOW_LOOK_US (US_PER_SECOND / 4)

struct monitor {
	const struct conf *conf;
	struct looker *looker;
	struct rules *rules;
	int64_t look_us, period_us;
	int64_t born_us;
	struct look *looks; /* a ring of LOOKS_MAX */
	size_t n_looks;     /* that were made */
	int64_t period;     /* the number of the one that was stored */
	int64_t rolled_us;  /* hours are made up to here; 0: not known */
	bool adopted;       /* the alerts of an earlier life */
	bool troubled;      /* the last writing failed */
};

struct monitor *
monitor_new(const struct conf *conf, struct schedule *schedule, char **reason)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		abort();
	monitor->conf = conf;
	monitor->period_us =
		conf_number(conf, CONF_MONITOR_PERIOD) * US_PER_SECOND;
	monitor->look_us = conf_number(conf, CONF_MONITOR_LOOK) * US_PER_SECOND;
	if (monitor->look_us > monitor->period_us)
		monitor->look_us = monitor->period_us;
	if (monitor->look_us < monitor->period_us / (LOOKS_MAX - 4))
		monitor->look_us = monitor->period_us / (LOOKS_MAX - 4);
	monitor->looks = calloc(LOOKS_MAX, sizeof(*monitor->looks));
	if (!monitor->looks)
		abort();
	monitor->looker = looker_new(conf, schedule, reason);
	if (!monitor->looker) {
		monitor_free(monitor);
		return NULL;
	}
	monitor->rules = rules_new(conf);
	return monitor;
}

void
monitor_free(struct monitor *monitor)
{
	if (!monitor)
		return;
	rules_free(monitor->rules);
	looker_free(monitor->looker);
	free(monitor->looks);
	free(monitor);
}

int64_t
monitor_look_us(const struct monitor *monitor)
{
	return monitor->look_us;
}

/* ---- A look --------------------------------------------------------------- */

/* The earliest look of the last period, but the one just made; or NULL. */
static const struct look *
base_of(const struct monitor *monitor, const struct look *now)
{
	size_t n = monitor->n_looks < LOOKS_MAX ? monitor->n_looks : LOOKS_MAX;
	int64_t from_us =
		now->at_us - monitor->period_us - monitor->look_us / 2;
	const struct look *base = NULL;
	size_t i;

	for (i = 0; i < n; i++) {
		const struct look *look = &monitor->looks[i];

		if (look->at_us >= from_us && look->at_us < now->at_us &&
			(!base || look->at_us < base->at_us))
			base = look;
	}
	return base;
}

static bool
all_up(const struct figures *figures)
{
	return figures->values[METRIC_MATCHER_UP] == FIGURE(1) &&
	       figures->values[METRIC_SETTLER_UP] == FIGURE(1) &&
	       figures->values[METRIC_API_UP] == FIGURE(1) &&
	       figures->values[METRIC_STREAMS_UP] == FIGURE(1) &&
	       figures->values[METRIC_DATABASE_UP] == FIGURE(1) &&
	       figures->values[METRIC_CACHE_UP] == FIGURE(1);
}

static int64_t
again_us(const struct monitor *monitor, const struct figures *figures,
	int64_t took_us)
{
	int64_t most_us = AWAY_LOOK_US;

	/* Who is slow to tell that he is away is not asked all the time. */
	if (all_up(figures) || took_us > SLOW_LOOK_US)
		return monitor->look_us;
	if (figures->at_us - monitor->born_us < YOUNG_US)
		most_us = YOUNG_LOOK_US;
	return monitor->look_us < most_us ? monitor->look_us : most_us;
}

static void
look(struct monitor *monitor, struct ctx *ctx, struct figures *figures)
{
	struct look *now = &monitor->looks[monitor->n_looks % LOOKS_MAX];

	looker_look(monitor->looker, ctx, now);
	monitor->n_looks++;
	figures_init(figures, now->at_us);
	figures->look_us = monitor->look_us;
	figures_of(base_of(monitor, now), now, figures);
}

/* ---- Alerts --------------------------------------------------------------- */

static const char *
tell(struct ctx *ctx, const char *note, const struct rule_event *event)
{
	const struct monitor_alert *alert = &event->alert;

	return arena_printf(ctx->arena,
		"%s%salert %s rule=%s component=%s severity=%s message=\"%s\"",
		note ? note : "", note ? "; " : "",
		event->raised ? "raised" : "resolved", alert->rule,
		component_name(alert->component),
		alert_severity_name(alert->severity), alert->message);
}

static void
judge(struct monitor *monitor, struct ctx *ctx, struct figures *figures,
	struct turn *turn)
{
	struct rule_event events[RULES_MAX];
	size_t i, n = rules_judge(monitor->rules, figures, events);

	for (i = 0; i < n; i++) {
		turn->note = tell(ctx, turn->note, &events[i]);
		if (!events[i].raised)
			continue;
		if (events[i].alert.severity == ALERT_CRITICAL)
			turn->level = LOG_LEVEL_ERROR;
		else if (turn->level != LOG_LEVEL_ERROR)
			turn->level = LOG_LEVEL_WARN;
	}
}

static enum status
adopt(struct monitor *monitor, struct ctx *ctx)
{
	struct monitor_alerts found;
	size_t i;

	if (monitor->adopted)
		return ST_OK;
	TRY(monitor_alert_list(ctx, ALERT_ACTIVE, -1, &found));
	for (i = 0; i < found.n; i++) {
		struct monitor_alert alert = found.rows[i];

		if (rules_adopt(monitor->rules, &alert))
			continue;
		alert.resolved_us = ctx->now_us;
		TRY(monitor_alert_save(ctx, &alert));
	}
	monitor->adopted = true;
	return ST_OK;
}

static enum status
write_alerts(struct monitor *monitor, struct ctx *ctx)
{
	struct monitor_alert alert;

	TRY(adopt(monitor, ctx));
	while (rules_unwritten(monitor->rules, &alert)) {
		TRY(monitor_alert_save(ctx, &alert));
		rules_written(monitor->rules, alert.id);
	}
	return ST_OK;
}

/* ---- What is kept --------------------------------------------------------- */

static enum status
keep(struct monitor *monitor, struct ctx *ctx, const struct figures *figures)
{
	int64_t period = ctx->now_us / monitor->period_us;
	struct metric_points points;

	if (monitor->period == period)
		return ST_OK;
	/* The first period is one that we have not seen the beginning of. */
	if (monitor->period != 0) {
		figures_points(ctx->arena, figures, &points);
		TRY(metric_store(ctx, &points, period * monitor->period_us));
	}
	monitor->period = period;
	TRY(metric_roll_up(ctx, &monitor->rolled_us));
	TRY(metric_prune(ctx));
	return monitor_alert_prune(ctx);
}

static enum status
write_rows(struct monitor *monitor, struct ctx *ctx,
	const struct figures *figures)
{
	struct ctx own = *ctx;
	enum status status;

	own.db = looker_db(monitor->looker);
	status = write_alerts(monitor, &own);
	if (status == ST_OK)
		status = keep(monitor, &own, figures);
	return status;
}

static void
note_trouble(struct monitor *monitor, struct ctx *ctx, bool troubled,
	struct turn *turn)
{
	if (troubled && !monitor->troubled && !turn->note) {
		turn->level = LOG_LEVEL_WARN;
		turn->note = arena_printf(ctx->arena,
			"figures cannot be kept reason=\"%s\"",
			db_error(looker_db(monitor->looker)));
	}
	monitor->troubled = troubled;
}

enum status
monitor_turn(struct ctx *ctx, void *arg, struct turn *turn)
{
	struct monitor *monitor = arg;
	struct figures *figures =
		arena_alloc(ctx->arena, sizeof(struct figures));
	int64_t began_us = clock_monotonic_us();
	enum status written = ST_OK;

	if (monitor->born_us == 0)
		monitor->born_us = ctx->now_us;
	look(monitor, ctx, figures);
	judge(monitor, ctx, figures, turn);
	if (figures_write(monitor->conf, figures) != ST_OK)
		written = ST_UNAVAILABLE;
	/* An alert says that it is away; there is no use in trying. */
	if (figures->values[METRIC_DATABASE_UP] == FIGURE(1) &&
		write_rows(monitor, ctx, figures) != ST_OK)
		written = ST_UNAVAILABLE;
	note_trouble(monitor, ctx, written != ST_OK, turn);
	turn->again_us = again_us(
		monitor, figures, clock_monotonic_us() - began_us);
	/* What is away is no failure of this task. */
	ctx->fault = (struct fault){0};
	return ST_OK;
}
