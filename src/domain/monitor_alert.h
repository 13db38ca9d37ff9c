/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_alert.h - what the monitor's rules have found, as rows.
 *
 * workerd raises and resolves them (work/monitor_rule.h); a rule has one active
 * alert a component at most.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"
#include "domain/alert.h"
#include "domain/metric.h"

#define MONITOR_RULE_MAX 32
#define MONITOR_ALERTS_MAX 500
#define MONITOR_ALERTS_KEPT_US (90 * 24 * 60 * 60 * INT64_C(1000000))

struct monitor_alert {
	struct ident id;
	const char *rule;
	enum component component;
	enum alert_severity severity;
	const char *message;
	int64_t triggered_us;
	int64_t resolved_us; /* DB_NO_TIME: it is active */
};

struct monitor_alerts {
	const struct monitor_alert *rows; /* in the arena */
	size_t n;
};

enum alert_status { ALERT_ACTIVE, ALERT_RESOLVED };

/*
 * The newest, MONITOR_ALERTS_MAX at most.  STATUS is an alert_status or -1 for
 * all, SEVERITY an alert_severity or -1.
 */
enum status monitor_alert_list(struct ctx *ctx, int status, int severity,
	struct monitor_alerts *out) MUST_USE;

/*
 * Write ALERT, new or as it is now; it is known by its id.  ST_CONFLICT when
 * another one is active for its rule and component.
 */
enum status monitor_alert_save(struct ctx *ctx,
	const struct monitor_alert *alert) MUST_USE;

/* Delete what was resolved long ago. */
enum status monitor_alert_prune(struct ctx *ctx) MUST_USE;
