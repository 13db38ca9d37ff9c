/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * security.c - QuantEnergX "Security": audit logs, alerts, permissions.
 *
 * A user sees what he did and what was done to him; an admin sees all.
 */
#include <string.h>

#include "auth/session.h"
#include "domain/alert.h"
#include "domain/audit.h"
#include "domain/settled.h"
#include "domain/user.h"
#include "handlers/quantenergx/edition.h"
#include "http/request.h"

#define PERMISSIONS_MAX 64
#define PERMISSION_CHARS_MAX 64

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

static enum status
report(struct req *req)
{
	const struct alert_in *in = req->in;
	struct security_alert alert;
	struct reply *r;

	TRY(alert_report(&req->ctx, in->severity, in->message, &alert));
	req_created(req);
	r = req_reply(req);
	reply_ident(r, "id", alert.id);
	reply_text(r, "severity", alert_severity_name(alert.severity));
	reply_text(r, "message", alert.message);
	reply_text(r, "status", "active");
	reply_time(r, "created_at", alert.created_us);
	return req_done(req);
}

/* ---- Permissions --------------------------------------------------------- */

static enum status
answer(struct req *req, const struct user *user)
{
	struct reply *r = req_reply(req);

	reply_ident(r, "user_id", user->id);
	reply_text(r, "role", role_name(user->role));
	reply_raw(r, "permissions", user->permissions,
		strlen(user->permissions));
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

/* Names such as "reports:read". */
static enum status
check_permissions(struct req *req, const json_t *permissions)
{
	size_t i, n = json_array_size(permissions);

	if (n > PERMISSIONS_MAX)
		return fail(&req->ctx, ST_INVALID, "permissions",
			"at most %d permissions", PERMISSIONS_MAX);
	for (i = 0; i < n; i++) {
		const char *name =
			json_string_text(json_array_get(permissions, i));
		size_t length = name ? strlen(name) : 0;

		if (length == 0 || length > PERMISSION_CHARS_MAX ||
			strspn(name, "abcdefghijklmnopqrstuvwxyz"
				     "0123456789_.:*-") != length)
			return fail(&req->ctx, ST_INVALID, "permissions",
				"a permission is a name of small letters, "
				"digits and ._:*-");
	}
	return ST_OK;
}

static enum status
update(struct req *req)
{
	const struct permissions_in *in = req->in;
	struct user user;

	if (in->role == WORD_NONE && !in->permissions)
		return fail(&req->ctx, ST_INVALID, "role",
			"give a role or permissions");
	if (in->permissions)
		TRY(check_permissions(req, in->permissions));
	settled_expect(req->ctx.settled, req->guard.global_seq);
	if (in->role != WORD_NONE)
		TRY(user_set_role(&req->ctx, in->user_id,
			(enum user_role)in->role, &user));
	if (in->permissions)
		TRY(user_set_permissions(&req->ctx, in->user_id,
			json_text(req->ctx.arena, in->permissions, NULL),
			&user));
	return answer(req, &user);
}

/* clang-format off */
const struct route quantenergx_security[] = {
	{GET, "/v1/security/logs", list_logs, AUTH_USER, RATE_READ, POOL_API,
		.query = &logs_shape},
	{POST, "/v1/security/alerts", report, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &alert_shape},
	{GET, "/v1/security/permissions", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PUT, "/v1/security/permissions", update, AUTH_ADMIN | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &permissions_shape},
	ROUTE_END
};
/* clang-format on */
