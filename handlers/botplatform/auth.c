/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - Trading Bot Platform "Authentication Endpoints".
 *
 * Its access tokens live 30 minutes, its refresh tokens as configured (7
 * days).
 */
#include "handlers/botplatform/edition.h"
#include "handlers/login.h"
#include "http/request.h"

#define ACCESS_S 1800

struct register_in {
	const char *username;
	const char *email;
	const char *password;
	const char *full_name;
	const char *invite_code;
};

static const struct field register_fields[] = {
	FIELD_TEXT(register_in, username, REQUIRED, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, email, REQUIRED, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(register_in, full_name, OPTIONAL, 0, USER_TEXT_MAX),
	FIELD_TEXT(register_in, invite_code, OPTIONAL, 0, 128),
	FIELD_END,
};
static const struct shape register_shape =
	SHAPE(register_in, register_fields);

static const struct field login_fields[] = {LOGIN_FIELDS("username", "email")};
static const struct shape login_shape = SHAPE(login_in, login_fields);

static enum status
answer(struct req *req, const struct tokens *tokens, const struct user *user)
{
	struct reply *r = req_reply(req);

	reply_text(r, "access_token", tokens->access);
	reply_text(r, "refresh_token", tokens->refresh);
	reply_text(r, "token_type", "bearer");
	reply_int(r, "expires_in", tokens->expires_in_s);
	reply_object(r, "user");
	reply_ident(r, "id", user->id);
	reply_text(r, "username", user->username);
	reply_text(r, "email", user->email);
	reply_text(r, "full_name", user->full_name);
	reply_bool(r, "is_active", !user->locked);
	reply_end(r);
	return req_done(req);
}

static enum status
do_register(struct req *req)
{
	const struct register_in *in = req->in;
	struct session_terms terms = login_terms(req, ACCESS_S, true);
	struct tokens tokens;
	struct user user;

	TRY(login_register(req,
		&(struct user_new){
			.username = in->username,
			.email = in->email,
			.password = in->password,
			.full_name = in->full_name,
			.invite = in->invite_code,
		},
		&terms, &tokens, &user));
	req_created(req);
	return answer(req, &tokens, &user);
}

static enum status
do_login(struct req *req)
{
	struct session_terms terms = login_terms(req, ACCESS_S, true);
	struct tokens tokens;
	struct user user;

	TRY(login_with(req, &terms, &tokens, &user));
	return answer(req, &tokens, &user);
}

static enum status
do_refresh(struct req *req)
{
	struct session_terms terms = login_terms(req, ACCESS_S, true);
	struct tokens tokens;
	struct reply *r;

	TRY(login_refresh(req, &terms, &tokens));
	r = req_reply(req);
	reply_text(r, "access_token", tokens.access);
	reply_text(r, "token_type", "bearer");
	reply_text(r, "refresh_token", tokens.refresh);
	reply_int(r, "expires_in", tokens.expires_in_s);
	return req_done(req);
}

/* clang-format off */
const struct route botplatform_auth[] = {
	{POST, "/api/v1/auth/register", do_register, AUTH_NONE, RATE_WRITE,
		POOL_API, .body = &register_shape},
	{POST, "/api/v1/auth/login", do_login, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &login_shape},
	{POST, "/api/v1/auth/refresh", do_refresh, AUTH_NONE, RATE_WRITE,
		POOL_EGRESS, .body = &login_refresh_shape},
	ROUTE_END
};
/* clang-format on */
