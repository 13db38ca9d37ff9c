/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * alert.c - rows of security_alerts.
 */
#include "domain/alert.h"

#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"

static const char *const names[] = {
	[ALERT_INFO] = "info",
	[ALERT_WARNING] = "warning",
	[ALERT_CRITICAL] = "critical",
};

const char *
alert_severity_name(enum alert_severity severity)
{
	return names[severity];
}

static enum status
report_tx(struct ctx *ctx, void *arg)
{
	const struct security_alert *alert = arg;

	TRY(db_exec(ctx,
		"INSERT INTO security_alerts "
		"(public_id, user_id, severity, message, created_at) "
		"VALUES (?, ?, ?, ?, ?)",
		DB_IN(db_ident(alert->id), db_u64(ctx->session->user),
			db_text(alert_severity_name(alert->severity)),
			db_text(alert->message), db_time(alert->created_us)),
		NULL));
	return audit_write(ctx,
		&(struct audit_event){
			.action = "security.alert",
			.outcome = AUDIT_OK,
			.user = ctx->session->user,
			.subject = alert->id,
			.details = arena_printf(ctx->arena, "severity=%s",
				alert_severity_name(alert->severity)),
		});
}

enum status
alert_report(struct ctx *ctx, enum alert_severity severity, const char *message,
	struct security_alert *out)
{
	struct security_alert alert = {
		.id = ident_random(ctx->now_us),
		.severity = severity,
		.message = message,
		.created_us = ctx->now_us,
	};

	TRY(db_tx(ctx, report_tx, &alert));
	*out = alert;
	return ST_OK;
}
