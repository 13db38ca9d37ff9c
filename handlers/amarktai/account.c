/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * account.c - one's own password and sessions.
 *
 * No document has these paths; they speak Amarktai's envelope, as all under
 * /api/auth does.
 */
#include "domain/login.h"
#include "domain/session.h"
#include "handlers/amarktai/edition.h"
#include "handlers/login.h"
#include "http/request.h"

struct password_in {
	const char *current_password;
	const char *new_password;
	const char *totp_code;
};

static const struct field password_fields[] = {
	FIELD_TEXT(password_in, current_password, REQUIRED, 0,
		LOGIN_PASSWORD_MAX),
	FIELD_ALIAS("old_password"),
	FIELD_TEXT(password_in, new_password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(password_in, totp_code, OPTIONAL, 0, LOGIN_CODE_MAX),
	FIELD_ALIAS("mfa_token"),
	FIELD_END,
};
static const struct shape password_shape =
	SHAPE(password_in, password_fields);

/* All sessions end, this one too; the reply's token begins a new one. */
static enum status
change_password(struct req *req)
{
	const struct password_in *in = req->in;
	struct session_terms terms = login_terms(req, 0, false);
	struct tokens tokens;
	struct reply *r;

	TRY(login_change_password(&req->ctx,
		&(struct password_change){
			.old_password = in->current_password,
			.new_password = in->new_password,
			.code = in->totp_code,
		},
		&terms, &tokens));
	r = req_reply(req);
	reply_text(r, "message", "Password changed");
	reply_text(r, "token", tokens.access);
	return req_done(req);
}

static enum status
list_sessions(struct req *req)
{
	struct session_list list;
	struct reply *r;
	size_t i;

	TRY(session_list(&req->ctx, &list));
	r = req_reply(req);
	reply_array(r, "sessions");
	for (i = 0; i < list.n; i++) {
		const struct session_row *row = &list.rows[i];

		reply_object(r, NULL);
		reply_ident(r, "id", row->id);
		reply_bool(r, "current",
			ident_equal(row->id, req->ctx.session->id));
		reply_text(r, "edition", row->edition);
		reply_text(r, "ip", row->ip);
		reply_text(r, "user_agent", row->user_agent);
		reply_bool(r, "two_factor", row->otp);
		reply_time(r, "created_at", row->created_us);
		reply_time(r, "last_seen_at", row->last_seen_us);
		reply_time(r, "expires_at", row->expires_us);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", (int64_t)list.n);
	return req_done(req);
}

static enum status
end_session(struct req *req)
{
	struct ident id;
	struct reply *r;

	TRY(req_param_ident(req, "session_id", &id));
	TRY(session_end(&req->ctx, id));
	r = req_reply(req);
	reply_text(r, "message", "Session ended");
	return req_done(req);
}

static enum status
logout(struct req *req)
{
	struct reply *r;

	TRY(session_logout(&req->ctx, NULL));
	r = req_reply(req);
	reply_text(r, "message", "Successfully logged out");
	return req_done(req);
}

/* clang-format off */
const struct route amarktai_account[] = {
	{POST, "/api/auth/password", change_password, AUTH_USER, RATE_WRITE,
		POOL_API, .body = &password_shape},
	{GET, "/api/auth/sessions", list_sessions, AUTH_USER, RATE_READ,
		POOL_API, NO_INPUT},
	{DELETE, "/api/auth/sessions/{session_id}", end_session, AUTH_USER,
		RATE_WRITE, POOL_API, NO_INPUT},
	{POST, "/api/auth/logout", logout, AUTH_USER, RATE_WRITE, POOL_API,
		NO_INPUT},
	ROUTE_END
};
/* clang-format on */
