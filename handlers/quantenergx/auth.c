/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - QuantEnergX "Authentication".
 *
 * The document gives paths and a User model; log-in and registration answer
 * {access_token, refresh_token, expires_in, user}.
 */
#include "handlers/login.h"
#include "handlers/quantenergx/edition.h"
#include "http/request.h"

struct register_in {
	const char *email;
	const char *password;
	const char *name;
	const char *invite_code;
};

static const struct field register_fields[] = {
	FIELD_TEXT(register_in, email, REQUIRED, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(register_in, name, OPTIONAL, 0, USER_TEXT_MAX),
	FIELD_TEXT(register_in, invite_code, OPTIONAL, 0, 128),
	FIELD_END,
};
static const struct shape register_shape =
	SHAPE(register_in, register_fields);

static const struct field login_fields[] = {LOGIN_FIELDS("email", "username")};
static const struct shape login_shape = SHAPE(login_in, login_fields);

static void
write_tokens(struct reply *r, const struct tokens *tokens)
{
	reply_text(r, "access_token", tokens->access);
	reply_text(r, "refresh_token", tokens->refresh);
	reply_int(r, "expires_in", tokens->expires_in_s);
}

static enum status
answer(struct req *req, const struct tokens *tokens, const struct user *user)
{
	struct reply *r = req_reply(req);

	write_tokens(r, tokens);
	reply_object(r, "user");
	reply_ident(r, "id", user->id);
	reply_text(r, "email", user->email);
	reply_text(r, "name",
		*user->full_name ? user->full_name : user->username);
	reply_text(r, "role", role_name(user->role));
	reply_time(r, "created_at", user->created_us);
	reply_time(r, "last_login", user->last_login_us);
	reply_end(r);
	return req_done(req);
}

static enum status
do_register(struct req *req)
{
	const struct register_in *in = req->in;
	struct session_terms terms = login_terms(req, 0, true);
	struct tokens tokens;
	struct user user;

	TRY(login_register(req,
		&(struct user_new){
			.email = in->email,
			.password = in->password,
			.full_name = in->name,
			.invite = in->invite_code,
		},
		&terms, &tokens, &user));
	req_created(req);
	return answer(req, &tokens, &user);
}

static enum status
do_login(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, true);
	struct tokens tokens;
	struct user user;

	TRY(login_with(req, &terms, &tokens, &user));
	return answer(req, &tokens, &user);
}

static enum status
do_refresh(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, true);
	struct tokens tokens;

	TRY(login_refresh(req, &terms, &tokens));
	write_tokens(req_reply(req), &tokens);
	return req_done(req);
}

static enum status
do_logout(struct req *req)
{
	TRY(login_out(req));
	reply_text(req_reply(req), "message", "Successfully logged out");
	return req_done(req);
}

/* clang-format off */
const struct route quantenergx_auth[] = {
	{POST, "/v1/auth/login", do_login, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &login_shape},
	{POST, "/v1/auth/register", do_register, AUTH_NONE, RATE_WRITE,
		POOL_API, .body = &register_shape},
	{POST, "/v1/auth/refresh", do_refresh, AUTH_NONE, RATE_WRITE,
		POOL_EGRESS, .body = &login_refresh_shape},
	{POST, "/v1/auth/logout", do_logout, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &login_logout_shape},
	ROUTE_END
};
/* clang-format on */
