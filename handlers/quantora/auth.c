/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - Quantora "Authentication": register, log in.
 */
#include "domain/login.h"
#include "handlers/login.h"
#include "handlers/quantora/edition.h"
#include "handlers/quantora/view.h"
#include "http/request.h"

struct register_in {
	const char *email;
	const char *password;
	const char *username;
	const char *invite_code;
};

static const struct field register_fields[] = {
	FIELD_TEXT(register_in, email, REQUIRED, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(register_in, username, OPTIONAL, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, invite_code, OPTIONAL, 0, 128),
	FIELD_END,
};
static const struct shape register_shape =
	SHAPE(register_in, register_fields);

static const struct field login_fields[] = {LOGIN_FIELDS("email", "username")};
static const struct shape login_shape = SHAPE(login_in, login_fields);

static enum status
do_register(struct req *req)
{
	const struct register_in *in = req->in;
	struct user user;

	TRY(user_register(&req->ctx,
		&(struct user_new){
			.email = in->email,
			.username = in->username,
			.password = in->password,
			.invite = in->invite_code,
		},
		&user));
	view_user(req_reply(req), "data", &user);
	return req_done(req);
}

/* "data" is the token itself. */
static enum status
do_login(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, false);
	struct tokens tokens;
	struct user user;

	TRY(login_with(req, &terms, &tokens, &user));
	reply_text(req_reply(req), "data", tokens.access);
	return req_done(req);
}

/* clang-format off */
const struct route quantora_auth[] = {
	{POST, "/api/register", do_register, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &register_shape},
	{POST, "/api/login", do_login, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &login_shape},
	ROUTE_END
};
/* clang-format on */
