/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * security.c - QuantEnergX "Security": audit logs, alerts, permissions.
 *
 * A user sees what he did and what was done to him; an admin sees all.  The
 * document only creates alerts; listing and resolving them is ours.
 */
#include "auth/session.h"
#include "domain/alert.h"
#include "domain/audit.h"
#include "domain/permission.h"
#include "domain/settled.h"
#include "domain/user.h"
#include "handlers/quantenergx/edition.h"
#include "http/request.h"

/* ---- Logs ---------------------------------------------------------------- */

struct logs_in {
	int64_t limit, offset;
};

static const struct field logs_fields[] = {
	FIELD_INT_OR(logs_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(logs_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape logs_shape = SHAPE(logs_in, logs_fields);

static void
write_row(struct reply *r, const struct audit_row *row)
{
	reply_object(r, NULL);
	reply_int(r, "id", (int64_t)row->id);
	reply_text(r, "action", row->action);
	reply_text(r, "outcome", row->outcome);
	reply_text(r, "actor", row->actor);
	reply_ident(r, "user_id", row->user);
	reply_text(r, "subject", row->subject);
	reply_text(r, "ip_address", row->ip);
	reply_text(r, "details", row->details);
	reply_time(r, "timestamp", row->at_us);
	reply_end(r);
}

static enum status
list_logs(struct req *req)
{
	const struct logs_in *in = req->query;
	const struct session *session = req->ctx.session;
	struct audit_list list;
	struct reply *r;
	size_t i;

	TRY(audit_list(&req->ctx,
		session->role == ROLE_ADMIN ? 0 : session->user, in->limit,
		in->offset, &list));
	r = req_reply(req);
	reply_array(r, "logs");
	for (i = 0; i < list.n; i++)
		write_row(r, &list.rows[i]);
	reply_end(r);
	reply_int(r, "total", (int64_t)list.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

/* ---- Alerts -------------------------------------------------------------- */

static const struct word severities[] = {
	{"info", ALERT_INFO},
	{"warning", ALERT_WARNING},
	{"critical", ALERT_CRITICAL},
	{NULL, 0},
};

struct alert_in {
	enum alert_severity severity;
	const char *message;
};

static const struct field alert_fields[] = {
	FIELD_ENUM(alert_in, severity, REQUIRED, severities),
	FIELD_TEXT(alert_in, message, REQUIRED, 1, ALERT_MESSAGE_MAX),
	FIELD_END,
};
static const struct shape alert_shape = SHAPE(alert_in, alert_fields);

static void
write_alert(struct reply *r, const struct security_alert *alert)
{
	bool active = alert->resolved_us == TIME_NONE;

	reply_ident(r, "id", alert->id);
	reply_ident(r, "user_id", alert->user);
	reply_text(r, "severity", alert_severity_name(alert->severity));
	reply_text(r, "message", alert->message);
	reply_text(r, "status", active ? "active" : "resolved");
	reply_time(r, "created_at", alert->created_us);
	reply_time(r, "resolved_at", alert->resolved_us);
}

static enum status
report(struct req *req)
{
	const struct alert_in *in = req->in;
	struct security_alert alert;

	TRY(alert_report(&req->ctx, in->severity, in->message, &alert));
	req_created(req);
	write_alert(req_reply(req), &alert);
	return req_done(req);
}

static const struct word alert_states[] = {
	{"active", 0},
	{"resolved", 1},
	{NULL, 0},
};

struct alerts_in {
	int status;
	int severity;
	int64_t limit, offset;
};

static const struct field alerts_fields[] = {
	FIELD_ENUM(alerts_in, status, OPTIONAL, alert_states),
	FIELD_ENUM(alerts_in, severity, OPTIONAL, severities),
	FIELD_INT_OR(alerts_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(alerts_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape alerts_shape = SHAPE(alerts_in, alerts_fields);

_Static_assert(WORD_NONE == -1, "no word is the filter that lets all through");

static enum status
list_alerts(struct req *req)
{
	const struct alerts_in *in = req->query;
	struct alert_filter filter = {
		.severity = in->severity,
		.resolved = in->status,
		.limit = in->limit,
		.offset = in->offset,
	};
	struct alert_list list;
	struct reply *r;
	size_t i;

	TRY(alert_list(&req->ctx, &filter, &list));
	r = req_reply(req);
	reply_array(r, "alerts");
	for (i = 0; i < list.n; i++) {
		reply_object(r, NULL);
		write_alert(r, &list.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", (int64_t)list.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

static enum status
resolve(struct req *req)
{
	struct security_alert alert;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(alert_resolve(&req->ctx, id, &alert));
	write_alert(req_reply(req), &alert);
	return req_done(req);
}

/* ---- Permissions --------------------------------------------------------- */

/* What his role brings and was not taken from him. */
static enum status
answer(struct req *req, const struct user *user)
{
	uint32_t has = permissions_of_role(user->role), denied;
	struct reply *r;
	enum permission p;

	TRY(permission_denied(&req->ctx, user->number, &denied));
	r = req_reply(req);
	reply_ident(r, "user_id", user->id);
	reply_text(r, "role", role_name(user->role));
	reply_array(r, "permissions");
	for (p = PERMISSION_NONE + 1; p < PERMISSIONS; p++)
		if (has & ~denied & PERMISSION_BIT(p))
			reply_text(r, NULL, permission_name(p));
	reply_end(r);
	return req_done(req);
}

static enum status
show(struct req *req)
{
	struct user user;

	TRY(user_by_number(&req->ctx, req->ctx.session->user, &user));
	user.role = req->ctx.session->role; /* the guard's word is the newest */
	return answer(req, &user);
}

static const struct word roles[] = {
	{"user", ROLE_USER},
	{"operator", ROLE_OPERATOR},
	{"admin", ROLE_ADMIN},
	{NULL, 0},
};

struct permissions_in {
	struct ident user_id;
	int role;
	json_t *permissions;
};

static const struct field permissions_fields[] = {
	FIELD_ID(permissions_in, user_id, REQUIRED),
	FIELD_ENUM(permissions_in, role, OPTIONAL, roles),
	FIELD_ARRAY(permissions_in, permissions, OPTIONAL),
	FIELD_END,
};
static const struct shape permissions_shape =
	SHAPE(permissions_in, permissions_fields);

static const char *
all_names(struct req *req)
{
	const char *text = permission_name(PERMISSION_NONE + 1);
	enum permission p;

	for (p = PERMISSION_NONE + 2; p < PERMISSIONS; p++)
		text = arena_printf(req->ctx.arena, "%s, %s", text,
			permission_name(p));
	return text;
}

static enum status
read_permissions(struct req *req, const json_t *list, uint32_t *out)
{
	enum permission p;
	size_t i;

	*out = 0;
	for (i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_text(json_array_get(list, i));

		if (!name || !permission_parse(name, &p))
			return fail(&req->ctx, ST_INVALID, "permissions",
				"each must be one of %s", all_names(req));
		*out |= PERMISSION_BIT(p);
	}
	return ST_OK;
}

/* The role first: what it brings is what can be given. */
static enum status
update(struct req *req)
{
	const struct permissions_in *in = req->in;
	struct ctx *ctx = &req->ctx;
	struct user user;
	uint32_t granted = 0;

	if (in->role == WORD_NONE && !in->permissions)
		return fail(ctx, ST_INVALID, "role",
			"give a role or permissions");
	if (in->permissions)
		TRY(read_permissions(req, in->permissions, &granted));
	settled_expect(ctx->settled, req->guard.global_seq);
	if (in->role != WORD_NONE) {
		if (in->permissions)
			TRY(permission_fits(ctx, (enum user_role)in->role,
				granted));
		TRY(user_set_role(ctx, in->user_id, (enum user_role)in->role,
			&user));
	}
	if (in->permissions)
		TRY(permission_set(ctx, in->user_id, granted, &user));
	return answer(req, &user);
}

/* clang-format off */
const struct route quantenergx_security[] = {
	{GET, "/v1/security/logs", list_logs, AUTH_USER, RATE_READ, POOL_API,
		.query = &logs_shape, .permission = PERMISSION_READ_AUDIT},
	{POST, "/v1/security/alerts", report, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &alert_shape, .permission = PERMISSION_REPORT_ALERTS},
	{GET, "/v1/security/alerts", list_alerts, AUTH_USER, RATE_READ,
		POOL_API, .query = &alerts_shape},
	{POST, "/v1/security/alerts/{id}/resolve", resolve, AUTH_USER,
		RATE_WRITE, POOL_API, .permission = PERMISSION_REPORT_ALERTS},
	{GET, "/v1/security/permissions", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PUT, "/v1/security/permissions", update, AUTH_ADMIN | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &permissions_shape,
		.permission = PERMISSION_MANAGE_USERS},
	ROUTE_END
};
/* clang-format on */
