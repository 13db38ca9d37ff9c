/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitoring.c - API Interfaces "Monitoring API": figures and alerts.
 *
 * Without times: the figures of now.  With start_time or end_time: those that
 * were kept; by the minute if all of the time is of the last day, else by the
 * hour.  A start alone goes up to now; an end alone begins a day before it, but
 * with the oldest minute if that still is before the end.  The reply says which
 * ("resolution"), the most rows that there can be ("limit"), and whether older
 * ones were left out for that ("truncated").
 */
#include <string.h>

#include "base/clock.h"
#include "domain/metric.h"
#include "domain/monitor_alert.h"
#include "handlers/interfaces/edition.h"
#include "http/request.h"

#define UNITS_PER_THOUSANDTH 100000 /* of a decimal */

/* ---- Figures -------------------------------------------------------------- */

struct metrics_in {
	const char *component;
	const char *metric;
	int64_t start_time;
	int64_t end_time;
};

static const struct field metrics_fields[] = {
	FIELD_TEXT(metrics_in, component, OPTIONAL, 1, 64),
	FIELD_TEXT(metrics_in, metric, OPTIONAL, 1, 64),
	FIELD_TIME(metrics_in, start_time, OPTIONAL),
	FIELD_TIME(metrics_in, end_time, OPTIONAL),
	FIELD_END,
};
static const struct shape metrics_shape = SHAPE(metrics_in, metrics_fields);

static enum status
current(struct req *req, const struct metrics_in *in,
	struct metric_points *out)
{
	struct figures *figures =
		arena_alloc(req->ctx.arena, sizeof(struct figures));
	struct metric_points all;
	struct metric_point *kept;
	size_t i;

	if (figures_read(req->ctx.conf, req->ctx.now_us, figures) != ST_OK)
		return fail(&req->ctx, ST_UNAVAILABLE, NULL,
			"there are no figures yet");
	figures_points(req->ctx.arena, figures, &all);
	kept = arena_array(req->ctx.arena, all.n, sizeof(*kept));
	*out = (struct metric_points){kept, 0, false};
	for (i = 0; i < all.n; i++) {
		const struct metric_point *point = &all.points[i];

		if (in->component &&
			strcmp(component_name(point->component),
				in->component) != 0)
			continue;
		if (!in->metric || strcmp(point->name, in->metric) == 0)
			kept[out->n++] = *point;
	}
	return ST_OK;
}

static enum status
history(struct req *req, const struct metrics_in *in,
	struct metric_points *out, bool *hours)
{
	int64_t now_us = req->ctx.now_us;
	int64_t kept_us = now_us - METRIC_MINUTES_KEPT_US;
	struct metric_query query = {.component = in->component,
		.name = in->metric,
		.from_us = in->start_time,
		.to_us = in->end_time == TIME_NONE ? now_us : in->end_time};

	if (query.from_us == TIME_NONE) {
		query.from_us = query.to_us - US_PER_DAY;
		if (query.from_us < kept_us && query.to_us > kept_us)
			query.from_us = kept_us;
	}
	if (query.from_us > query.to_us)
		return fail(&req->ctx, ST_INVALID, "end_time",
			"end_time is before start_time");
	query.hours = query.from_us < kept_us;
	*hours = query.hours;
	return metric_history(&req->ctx, &query, out);
}

static void
write_points(struct reply *r, const struct metric_points *points)
{
	size_t i;

	reply_array(r, "metrics");
	for (i = 0; i < points->n; i++) {
		const struct metric_point *point = &points->points[i];

		reply_object(r, NULL);
		reply_text(r, "component", component_name(point->component));
		reply_text(r, "metric", point->name);
		reply_sum(r, "value",
			(__int128)point->value * UNITS_PER_THOUSANDTH, 0);
		reply_time(r, "timestamp", point->at_us);
		reply_end(r);
	}
	reply_end(r);
}

static enum status
metrics(struct req *req)
{
	const struct metrics_in *in = req->query;
	bool past = in->start_time != TIME_NONE || in->end_time != TIME_NONE;
	struct metric_points points;
	enum component component;
	bool hours = false;
	struct reply *r;

	if (in->component && !component_find(in->component, &component))
		return fail(&req->ctx, ST_INVALID, "component",
			"component must be one of " COMPONENT_NAMES);
	if (past)
		TRY(history(req, in, &points, &hours));
	else
		TRY(current(req, in, &points));
	r = req_reply(req);
	write_points(r, &points);
	reply_text(r, "resolution", hours ? "hour" : past ? "minute" : "now");
	reply_int(r, "limit", METRIC_POINTS_MAX);
	reply_bool(r, "truncated", points.more);
	return req_done(req);
}

/* ---- Alerts --------------------------------------------------------------- */

static const struct word statuses[] = {
	{"active", ALERT_ACTIVE},
	{"resolved", ALERT_RESOLVED},
	{NULL, 0},
};

static const struct word severities[] = {
	{"info", ALERT_INFO},
	{"warning", ALERT_WARNING},
	{"critical", ALERT_CRITICAL},
	{NULL, 0},
};

struct alerts_in {
	int status;
	int severity;
};

static const struct field alerts_fields[] = {
	FIELD_ENUM(alerts_in, status, OPTIONAL, statuses),
	FIELD_ENUM(alerts_in, severity, OPTIONAL, severities),
	FIELD_END,
};
static const struct shape alerts_shape = SHAPE(alerts_in, alerts_fields);

static enum status
alerts(struct req *req)
{
	const struct alerts_in *in = req->query;
	struct monitor_alerts list;
	struct reply *r;
	size_t i;

	TRY(monitor_alert_list(&req->ctx, in->status, in->severity, &list));
	r = req_reply(req);
	reply_array(r, "alerts");
	for (i = 0; i < list.n; i++) {
		const struct monitor_alert *alert = &list.rows[i];

		reply_object(r, NULL);
		reply_ident(r, "id", alert->id);
		reply_text(r, "component", component_name(alert->component));
		reply_text(r, "severity", alert_severity_name(alert->severity));
		reply_text(r, "message", alert->message);
		reply_text(r, "status",
			statuses[alert->resolved_us == TIME_NONE
					 ? ALERT_ACTIVE
					 : ALERT_RESOLVED]
				.text);
		reply_time(r, "triggered_at", alert->triggered_us);
		reply_time(r, "resolved_at", alert->resolved_us);
		reply_text(r, "rule", alert->rule);
		reply_end(r);
	}
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_monitoring[] = {
	{GET, "/api/v1/monitoring/metrics", metrics, AUTH_USER, RATE_READ,
		POOL_API, .query = &metrics_shape,
		.permission = PERMISSION_VIEW_MONITORING},
	{GET, "/api/v1/monitoring/alerts", alerts, AUTH_USER, RATE_READ,
		POOL_API, .query = &alerts_shape,
		.permission = PERMISSION_VIEW_MONITORING},
	ROUTE_END
};
/* clang-format on */
