/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_rule.c - the table of the rules, and the state of each.
 */
#include "work/monitor_rule.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/db.h"

/* Resolved alerts that wait for MySQL; the oldest go when there are more. */
#define FINISHED_MAX 64

enum bound { ABOVE, BELOW };
#define NO_HOLD CONF_N /* at the first look */
#define FIXED CONF_N   /* the bound is 0 */

struct rule {
	const char *name;
	enum metric metric;
	enum bound bound;
	enum conf_key limit;
	enum conf_key hold;
	enum alert_severity severity;
	const char *what; /* "settlement is behind by", "… is away" */
	const char *unit; /* NULL: WHAT says all of it */
};

#define AWAY(component, severity, what)                                        \
	{                                                                      \
		"away", METRIC_##component##_UP, BELOW, CONF_MONITOR_AWAY,     \
			CONF_MONITOR_AWAY, severity, what, NULL                \
	}

static const struct rule table[] = {
	AWAY(MATCHER, ALERT_CRITICAL, "the matcher does not answer"),
	AWAY(SETTLER, ALERT_CRITICAL, "the settler does not answer"),
	AWAY(API, ALERT_CRITICAL, "a pool of the api's workers is away"),
	AWAY(STREAMS, ALERT_CRITICAL, "the streams' server is away"),
	AWAY(DATABASE, ALERT_CRITICAL, "the database does not answer"),
	AWAY(CACHE, ALERT_WARNING, "the cache does not answer"),
	{"settler_lag", METRIC_SETTLER_LAG_TIME, ABOVE,
		CONF_MONITOR_SETTLER_LAG, CONF_MONITOR_RAISE, ALERT_WARNING,
		"settlement is behind by", " s"},
	{"settler_halted", METRIC_SETTLE_HALTED, ABOVE, FIXED, NO_HOLD,
		ALERT_CRITICAL,
		"settlement has halted; see the settler's log", NULL},
	{"sync_time", METRIC_SYNC, ABOVE, CONF_MONITOR_SYNC, CONF_MONITOR_RAISE,
		ALERT_WARNING, "a sync of the journal takes", " ms"},
	{"disk_low", METRIC_DISK_LOW, ABOVE, FIXED, NO_HOLD, ALERT_CRITICAL,
		"the journal's disk is full: only cancels are accepted", NULL},
	{"disk_space", METRIC_DISK_FREE_SHARE, BELOW, CONF_MONITOR_DISK,
		CONF_MONITOR_RAISE, ALERT_WARNING,
		"free on the journal's disk:", " %"},
	{"disk_space", METRIC_RUN_FREE_SHARE, BELOW, CONF_MONITOR_DISK,
		CONF_MONITOR_RAISE, ALERT_WARNING,
		"free on the run directory's disk:", " %"},
	{"error_rate", METRIC_ERROR_SHARE, ABOVE, CONF_MONITOR_ERRORS,
		CONF_MONITOR_RAISE, ALERT_WARNING,
		"requests that the api could not serve:", " %"},
	{"task_failing", METRIC_TASKS_FAILING, ABOVE, FIXED, CONF_MONITOR_RAISE,
		ALERT_INFO, "tasks of the workers that fail:", ""},
};

_Static_assert(N_ELEMENTS(table) <= RULES_MAX, "room for all");
_Static_assert(RULES_MAX <= FIGURE_ALARMS_MAX, "room for all");

struct state {
	bool active;
	bool written;     /* as active */
	int64_t since_us; /* that the look is not as the state says; 0: it is */
	struct ident id;
	int64_t raised_us;
	char message[ALARM_MESSAGE_MAX];
};

struct finished {
	const struct rule *rule;
	struct ident id;
	int64_t raised_us, resolved_us;
	char message[ALARM_MESSAGE_MAX];
};

struct rules {
	const struct conf *conf;
	struct state states[N_ELEMENTS(table)];
	struct finished finished[FINISHED_MAX];
	size_t n_finished;
};

struct rules *
rules_new(const struct conf *conf)
{
	struct rules *rules = calloc(1, sizeof(*rules));

	if (!rules)
		abort();
	rules->conf = conf;
	return rules;
}

void
rules_free(struct rules *rules)
{
	free(rules);
}

/* ---- One rule ------------------------------------------------------------- */

static int64_t
hold_us(const struct rules *rules, const struct rule *rule)
{
	return rule->hold == NO_HOLD
		       ? 0
		       : conf_number(rules->conf, rule->hold) * US_PER_SECOND;
}

static bool
is_off(const struct rules *rules, const struct rule *rule)
{
	return rule->limit != FIXED &&
	       conf_number(rules->conf, rule->limit) == 0;
}

/* The bound in thousandths; of a component that is away: up is below 1. */
static int64_t
limit_of(const struct rules *rules, const struct rule *rule)
{
	if (rule->limit == CONF_MONITOR_AWAY)
		return FIGURE(1);
	return rule->limit == FIXED
		       ? 0
		       : FIGURE(conf_number(rules->conf, rule->limit));
}

static void
describe(const struct rules *rules, const struct rule *rule, int64_t value,
	char out[ALARM_MESSAGE_MAX])
{
	int64_t limit = limit_of(rules, rule);

	if (!rule->unit)
		snprintf(out, ALARM_MESSAGE_MAX, "%s", rule->what);
	else
		snprintf(out, ALARM_MESSAGE_MAX,
			"%s %lld.%01lld%s (the bound is %lld%s)", rule->what,
			(long long)(value / 1000),
			(long long)(value % 1000 / 100), rule->unit,
			(long long)(limit / 1000), rule->unit);
}

static struct monitor_alert
alert_of(const struct rule *rule, const struct state *state)
{
	return (struct monitor_alert){
		.id = state->id,
		.rule = rule->name,
		.component = metric_rows[rule->metric].component,
		.severity = rule->severity,
		.message = state->message,
		.triggered_us = state->raised_us,
		.resolved_us = DB_NO_TIME,
	};
}

static void
finish(struct rules *rules, const struct rule *rule, const struct state *state,
	int64_t now_us)
{
	struct finished *to;

	if (rules->n_finished == FINISHED_MAX) {
		memmove(rules->finished, rules->finished + 1,
			(FINISHED_MAX - 1) * sizeof(*to));
		rules->n_finished--;
	}
	to = &rules->finished[rules->n_finished++];
	*to = (struct finished){rule, state->id, state->raised_us, now_us, ""};
	memcpy(to->message, state->message, sizeof(to->message));
}

/* Whether it has been BROKEN (or not) for long enough to become so. */
static bool
turns(struct state *state, bool broken, int64_t now_us, int64_t wait_us)
{
	if (broken == state->active) {
		state->since_us = 0;
		return false;
	}
	/* A clock that was set back begins anew. */
	if (state->since_us == 0 || state->since_us > now_us)
		state->since_us = now_us;
	return now_us - state->since_us >= wait_us;
}

/* True when something happened, which OUT tells. */
static bool
judge(struct rules *rules, size_t i, const struct figures *figures,
	struct rule_event *out)
{
	const struct rule *rule = &table[i];
	struct state *state = &rules->states[i];
	int64_t value = figures->values[rule->metric];
	int64_t limit = limit_of(rules, rule), now_us = figures->at_us;
	bool broken = rule->bound == ABOVE ? value > limit : value < limit;
	int64_t wait_us = state->active
				  ? conf_number(rules->conf,
					    CONF_MONITOR_RESOLVE) *
					    US_PER_SECOND
				  : hold_us(rules, rule);

	if (value == FIGURE_NONE || !turns(state, broken, now_us, wait_us))
		return false;
	state->since_us = 0;
	state->active = !state->active;
	if (state->active) {
		state->id = ident_random(now_us);
		state->raised_us = now_us;
		state->written = false;
		describe(rules, rule, value, state->message);
	} else {
		finish(rules, rule, state, now_us);
	}
	out->alert = alert_of(rule, state);
	out->raised = state->active;
	if (!state->active)
		out->alert.resolved_us = now_us;
	return true;
}

/* ---- All of them ---------------------------------------------------------- */

static void
show(const struct rule *rule, const struct state *state,
	struct figures *figures)
{
	struct figure_alarm *to = &figures->alarms[figures->n_alarms++];

	snprintf(to->rule, sizeof(to->rule), "%s", rule->name);
	to->component = metric_rows[rule->metric].component;
	to->severity = rule->severity;
	to->since_us = state->raised_us;
	memcpy(to->message, state->message, sizeof(to->message));
}

size_t
rules_judge(struct rules *rules, struct figures *figures,
	struct rule_event out[RULES_MAX])
{
	size_t i, n = 0;

	figures->n_alarms = 0;
	for (i = 0; i < N_ELEMENTS(table); i++) {
		if (is_off(rules, &table[i]))
			continue;
		n += judge(rules, i, figures, &out[n]);
		if (rules->states[i].active)
			show(&table[i], &rules->states[i], figures);
	}
	return n;
}

bool
rules_adopt(struct rules *rules, const struct monitor_alert *alert)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(table); i++) {
		struct state *state = &rules->states[i];

		if (strcmp(table[i].name, alert->rule) != 0 ||
			metric_rows[table[i].metric].component !=
				alert->component)
			continue;
		if (is_off(rules, &table[i]))
			return false;
		state->active = true;
		state->written = true;
		state->since_us = 0;
		state->id = alert->id;
		state->raised_us = alert->triggered_us;
		snprintf(state->message, sizeof(state->message), "%s",
			alert->message);
		return true;
	}
	return false;
}

bool
rules_unwritten(const struct rules *rules, struct monitor_alert *out)
{
	size_t i;

	if (rules->n_finished > 0) {
		const struct finished *first = &rules->finished[0];

		*out = (struct monitor_alert){
			.id = first->id,
			.rule = first->rule->name,
			.component = metric_rows[first->rule->metric].component,
			.severity = first->rule->severity,
			.message = first->message,
			.triggered_us = first->raised_us,
			.resolved_us = first->resolved_us,
		};
		return true;
	}
	for (i = 0; i < N_ELEMENTS(table); i++)
		if (rules->states[i].active && !rules->states[i].written) {
			*out = alert_of(&table[i], &rules->states[i]);
			return true;
		}
	return false;
}

void
rules_written(struct rules *rules, struct ident id)
{
	size_t i;

	if (rules->n_finished > 0 &&
		ident_equal(rules->finished[0].id, id)) {
		rules->n_finished--;
		memmove(rules->finished, rules->finished + 1,
			rules->n_finished * sizeof(rules->finished[0]));
		return;
	}
	for (i = 0; i < N_ELEMENTS(table); i++)
		if (rules->states[i].active &&
			ident_equal(rules->states[i].id, id))
			rules->states[i].written = true;
}
