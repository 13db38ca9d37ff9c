/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - API Interfaces "Authentication API": log in, log out, refresh.
 */
#include "handlers/interfaces/edition.h"
#include "handlers/login.h"
#include "http/request.h"

static const struct field login_fields[] = {LOGIN_FIELDS("username", "email")};
static const struct shape login_shape = SHAPE(login_in, login_fields);

/* Here alone a user's id is a number. */
static enum status
do_login(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, true);
	struct tokens tokens;
	struct user user;
	struct reply *r;

	TRY(login_with(req, &terms, &tokens, &user));
	r = req_reply(req);
	reply_text(r, "access_token", tokens.access);
	reply_text(r, "refresh_token", tokens.refresh);
	reply_int(r, "expires_in", tokens.expires_in_s);
	reply_object(r, "user");
	reply_int(r, "id", user.number);
	reply_text(r, "username", user.username);
	reply_text(r, "email", user.email);
	reply_end(r);
	return req_done(req);
}

static enum status
do_logout(struct req *req)
{
	TRY(login_out(req));
	reply_text(req_reply(req), "message", "Successfully logged out");
	return req_done(req);
}

/* The document answers no new refresh token; the old one is used up. */
static enum status
do_refresh(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, true);
	struct tokens tokens;
	struct reply *r;

	TRY(login_refresh(req, &terms, &tokens));
	r = req_reply(req);
	reply_text(r, "access_token", tokens.access);
	reply_int(r, "expires_in", tokens.expires_in_s);
	reply_text(r, "refresh_token", tokens.refresh);
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_auth[] = {
	{POST, "/api/v1/auth/login", do_login, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &login_shape},
	{POST, "/api/v1/auth/logout", do_logout, AUTH_USER, RATE_WRITE,
		POOL_API, .body = &login_logout_shape},
	{POST, "/api/v1/auth/refresh", do_refresh, AUTH_NONE, RATE_WRITE,
		POOL_EGRESS, .body = &login_refresh_shape},
	ROUTE_END
};
/* clang-format on */
