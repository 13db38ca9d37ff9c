/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_alert.c - rows of monitor_alerts.
 */
#include "domain/monitor_alert.h"

#include <string.h>

#include "db/db.h"

#define PRUNE_ROWS 1000

static enum alert_severity
severity_of(const char *name)
{
	enum alert_severity severity = ALERT_INFO;

	while (severity < ALERT_CRITICAL &&
		strcmp(alert_severity_name(severity), name) != 0)
		severity++;
	return severity;
}

enum status
monitor_alert_list(struct ctx *ctx, int status, int severity,
	struct monitor_alerts *out)
{
	const char *word, *component;
	struct monitor_alert *rows;
	struct db_rows *found;
	size_t n = 0;

	/* A NULL is equal to nothing, so each filter stands in a pair. */
	TRY(db_query(ctx,
		"SELECT public_id, rule, component, severity, message, "
		"triggered_at, resolved_at FROM monitor_alerts "
		"WHERE (? < 0 OR (active IS NULL) = ?) "
		"AND (? < 0 OR severity = ?) "
		"ORDER BY triggered_at DESC, id DESC LIMIT ?",
		DB_IN(db_i64(status), db_i64(status), db_i64(severity),
			db_text(severity < 0 ? ""
					     : alert_severity_name(
						       (unsigned)severity)),
			db_i64(MONITOR_ALERTS_MAX)),
		&found));
	rows = arena_array(ctx->arena, db_count(found), sizeof(*rows));
	while (db_next(found,
		DB_OUT(db_to_ident(&rows[n].id), db_to_text(&rows[n].rule),
			db_to_text(&component), db_to_text(&word),
			db_to_text(&rows[n].message),
			db_to_time(&rows[n].triggered_us),
			db_to_time(&rows[n].resolved_us)))) {
		rows[n].severity = severity_of(word);
		if (!component_find(component, &rows[n].component))
			return fail(ctx, ST_INTERNAL, NULL,
				"an alert of a component that there is not");
		n++;
	}
	*out = (struct monitor_alerts){rows, n};
	return ST_OK;
}

enum status
monitor_alert_save(struct ctx *ctx, const struct monitor_alert *alert)
{
	bool active = alert->resolved_us == DB_NO_TIME;
	struct db_done done;

	/* Not an upsert: that would take another's active row for this one. */
	TRY(db_exec(ctx,
		"UPDATE monitor_alerts SET severity = ?, message = ?, "
		"resolved_at = ?, active = ? WHERE public_id = ?",
		DB_IN(db_text(alert_severity_name(alert->severity)),
			db_text(alert->message), db_time(alert->resolved_us),
			active ? db_i64(1) : db_null(), db_ident(alert->id)),
		&done));
	if (done.affected > 0)
		return ST_OK;
	return db_exec(ctx,
		"INSERT INTO monitor_alerts (public_id, rule, component, "
		"severity, message, triggered_at, resolved_at, active) "
		"SELECT ?, ?, ?, ?, ?, ?, ?, ? FROM DUAL WHERE NOT EXISTS "
		"(SELECT 1 FROM monitor_alerts WHERE public_id = ?)",
		DB_IN(db_ident(alert->id), db_text(alert->rule),
			db_text(component_name(alert->component)),
			db_text(alert_severity_name(alert->severity)),
			db_text(alert->message), db_time(alert->triggered_us),
			db_time(alert->resolved_us),
			active ? db_i64(1) : db_null(), db_ident(alert->id)),
		NULL);
}

enum status
monitor_alert_prune(struct ctx *ctx)
{
	return db_exec(ctx,
		"DELETE FROM monitor_alerts WHERE resolved_at < ? LIMIT ?",
		DB_IN(db_time(ctx->now_us - MONITOR_ALERTS_KEPT_US),
			db_i64(PRUNE_ROWS)),
		NULL);
}
