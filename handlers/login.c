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
	user->last_login_us = req->ctx.now_us;
	return ST_OK;
}
