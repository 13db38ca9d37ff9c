/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * login.c - what the log-ins of all editions have in common.
 */
#include "handlers/login.h"

#include "domain/login.h"

struct session_terms
login_terms(const struct req *req, int64_t access_s, bool refreshable)
{
	return (struct session_terms){
		.edition = req->edition->name,
		.user_agent = req_header(req, "User-Agent"),
		.access_s = access_s,
		.refreshable = refreshable,
	};
}

enum status
login_with(struct req *req, const struct session_terms *terms,
	struct tokens *tokens, struct user *user)
{
	const struct login_in *in = req->in;

	return login(&req->ctx,
		&(struct login){
			.name = in->name,
			.password = in->password,
			.code = in->totp_code,
		},
		terms, tokens, user);
}

static const struct field refresh_fields[] = {
	FIELD_TEXT(refresh_in, refresh_token, REQUIRED, 1, 256),
	FIELD_END,
};
const struct shape login_refresh_shape = SHAPE(refresh_in, refresh_fields);

static const struct field logout_fields[] = {
	FIELD_TEXT(refresh_in, refresh_token, OPTIONAL, 0, 256),
	FIELD_END,
};
const struct shape login_logout_shape = SHAPE(refresh_in, logout_fields);

enum status
login_refresh(struct req *req, const struct session_terms *terms,
	struct tokens *tokens)
{
	const struct refresh_in *in = req->in;

	return session_refresh(&req->ctx, in->refresh_token, terms, tokens);
}

enum status
login_out(struct req *req)
{
	const struct refresh_in *in = req->in;

	return session_logout(&req->ctx, in->refresh_token);
}

enum status
login_register(struct req *req, const struct user_new *new,
	const struct session_terms *terms, struct tokens *tokens,
	struct user *user)
{
	TRY(user_register(&req->ctx, new, user));
	if (!user->in_core)
		return fail(&req->ctx, ST_UNAVAILABLE, NULL,
			"you are registered, but cannot log in yet; "
			"try to log in later");
	TRY(session_open(&req->ctx, user, terms, tokens));
	user->last_login_us = session_second(req->ctx.now_us);
	return ST_OK;
}
