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

/* ---- Reporting ------------------------------------------------------------
 */

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
	return audit_write(
		ctx, &(struct audit_event){
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
		.user = ctx->session->public_id,
		.severity = severity,
		.message = message,
		.created_us = ctx->now_us,
		.resolved_us = DB_NO_TIME,
	};

	TRY(db_tx(ctx, report_tx, &alert));
	*out = alert;
	return ST_OK;
}

/* ---- Reading ---------------------------------------------------------------
 */

/* An ENUM counts from 1. */
#define SELECT_ALERT                                                           \
	"SELECT a.public_id, u.public_id, a.severity + 0, a.message, "         \
	"a.created_at, a.resolved_at FROM security_alerts a "                  \
	"JOIN users u ON u.id = a.user_id "

#define TO_ROW(row, severity)                                                  \
	DB_OUT(db_to_ident(&(row)->id), db_to_ident(&(row)->user),             \
		db_to_u8(severity), db_to_text(&(row)->message),               \
		db_to_time(&(row)->created_us),                                \
		db_to_time(&(row)->resolved_us))

/* Whose alerts the caller sees; 0: everybody's. */
static uint32_t
scope_of(const struct ctx *ctx)
{
	return ctx->session->role == ROLE_ADMIN ? 0 : ctx->session->user;
}

struct listing {
	const struct alert_filter *filter;
	struct alert_list list;
};

/* The filters, each with a value that lets everything through. */
#define WHERE_ALERT                                                            \
	"WHERE (? = 0 OR a.user_id = ?) AND (? = 0 OR a.severity = ?) "        \
	"AND (? < 0 OR (a.resolved_at IS NOT NULL) = ?) "

static enum status
list_tx(struct ctx *ctx, void *arg)
{
	struct listing *l = arg;
	const struct alert_filter *f = l->filter;
	struct db_value user = db_u64(scope_of(ctx));
	struct db_value severity = db_i64(f->severity + 1);
	struct db_value resolved = db_i64(f->resolved);
	struct security_alert row;
	struct db_rows *rows;
	uint8_t number;

	TRY(db_one(ctx, "SELECT COUNT(*) FROM security_alerts a " WHERE_ALERT,
		DB_IN(user, user, severity, severity, resolved, resolved),
		DB_OUT(db_to_u64(&l->list.total))));
	TRY(db_query(ctx,
		SELECT_ALERT WHERE_ALERT "ORDER BY a.id DESC LIMIT ? OFFSET ?",
		DB_IN(user, user, severity, severity, resolved, resolved,
			db_i64(f->limit), db_i64(f->offset)),
		&rows));
	l->list.n = 0;
	l->list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows, TO_ROW(&row, &number))) {
		row.severity = (enum alert_severity)(number - 1);
		l->list.rows[l->list.n++] = row;
	}
	return ST_OK;
}

enum status
alert_list(struct ctx *ctx, const struct alert_filter *filter,
	struct alert_list *out)
{
	struct listing l = {.filter = filter};

	TRY(db_snapshot(ctx, list_tx, &l));
	*out = l.list;
	return ST_OK;
}

/* ---- Resolving -------------------------------------------------------------
 */

struct resolving {
	struct ident id;
	struct security_alert row;
};

static enum status
resolve_tx(struct ctx *ctx, void *arg)
{
	struct resolving *r = arg;
	struct db_value user = db_u64(scope_of(ctx));
	uint32_t reporter;
	uint8_t number;

	TRY(db_one(ctx,
		"SELECT user_id FROM security_alerts WHERE public_id = ? "
		"AND (? = 0 OR user_id = ?) FOR UPDATE",
		DB_IN(db_ident(r->id), user, user),
		DB_OUT(db_to_u32(&reporter))));
	TRY(db_one(ctx, SELECT_ALERT "WHERE a.public_id = ?",
		DB_IN(db_ident(r->id)), TO_ROW(&r->row, &number)));
	r->row.severity = (enum alert_severity)(number - 1);
	if (r->row.resolved_us != DB_NO_TIME)
		return fail(ctx, ST_CONFLICT, NULL,
			"the alert is resolved already");
	r->row.resolved_us = ctx->now_us;
	TRY(db_exec(ctx,
		"UPDATE security_alerts SET resolved_at = ? "
		"WHERE public_id = ?",
		DB_IN(db_time(ctx->now_us), db_ident(r->id)), NULL));
	return audit_write(ctx, &(struct audit_event){
					.action = "security.alert_resolved",
					.outcome = AUDIT_OK,
					.user = reporter,
					.subject = r->id,
				});
}

enum status
alert_resolve(struct ctx *ctx, struct ident id, struct security_alert *out)
{
	struct resolving r = {.id = id};

	TRY(db_tx(ctx, resolve_tx, &r));
	*out = r.row;
	return ST_OK;
}
