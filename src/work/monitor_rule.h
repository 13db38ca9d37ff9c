/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_rule.h - when a figure is an alert.
 *
 * A rule names a figure, a bound out of the settings (0 turns it off), and how
 * bad it is.  The bound must have been broken at each look for
 * monitor.raise_seconds (of a component that is away, monitor.away_seconds)
 * before the alert is raised, and kept for monitor.resolve_seconds before it
 * is resolved.  Without the figure nothing is known, and all stays as it is.
 *
 * Nothing here knows a clock or MySQL.  What has to be written is asked for
 * and acknowledged one by one, so that what happened while MySQL was away is
 * written when it is back.
 */
#pragma once

#include "base/conf.h"
#include "domain/metric.h"
#include "domain/monitor_alert.h"

struct rules;

struct rules *rules_new(const struct conf *conf);
void rules_free(struct rules *rules);

/* What happened at a look. */
struct rule_event {
	struct monitor_alert alert; /* texts live as long as the rules */
	bool raised;                /* else resolved */
};

#define RULES_MAX 24

/*
 * Judge FIGURES.  Up to RULES_MAX events go to OUT; how many is returned.
 * Alerts that are active are put into FIGURES.
 */
size_t rules_judge(struct rules *rules, struct figures *figures,
	struct rule_event out[RULES_MAX]);

/*
 * The row ALERT is active in MySQL, by an earlier life of ours: go on with it.
 * False when there is no such rule any more; the row should be resolved.
 */
bool rules_adopt(struct rules *rules, const struct monitor_alert *alert);

/*
 * The next row to be written, what is resolved first; false when there is
 * none.  rules_written() says that it was.
 */
bool rules_unwritten(const struct rules *rules, struct monitor_alert *out);
void rules_written(struct rules *rules, struct ident id);
