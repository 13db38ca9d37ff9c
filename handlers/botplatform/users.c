/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * users.c - Trading Bot Platform "User Management": one's own profile.
 */
#include <string.h>

#include "auth/session.h"
#include "domain/user.h"
#include "handlers/botplatform/edition.h"
#include "http/request.h"

struct profile_in {
	const char *full_name;
	json_t *preferences;
};

static const struct field profile_fields[] = {
	FIELD_TEXT(profile_in, full_name, OPTIONAL, 1, USER_TEXT_MAX),
	FIELD_OBJECT(profile_in, preferences, OPTIONAL),
	FIELD_END,
};
static const struct shape profile_shape = SHAPE(profile_in, profile_fields);

static enum status
answer(struct req *req, const struct user *user)
{
	struct reply *r = req_reply(req);

	reply_ident(r, "id", user->id);
	reply_text(r, "username", user->username);
	reply_text(r, "email", user->email);
	reply_text(r, "full_name", user->full_name);
	reply_bool(r, "is_active", !user->locked);
	reply_raw(r, "preferences", user->preferences,
		strlen(user->preferences));
	reply_time(r, "created_at", user->created_us);
	return req_done(req);
}

static enum status
show(struct req *req)
{
	struct user user;

	TRY(user_by_number(&req->ctx, req->ctx.session->user, &user));
	return answer(req, &user);
}

static enum status
change(struct req *req)
{
	const struct profile_in *in = req->in;
	struct profile_change wanted = {.full_name = in->full_name};
	struct user user;

	if (in->preferences)
		wanted.preferences =
			json_text(req->ctx.arena, in->preferences, NULL);
	TRY(user_update(&req->ctx, &wanted, &user));
	return answer(req, &user);
}

/* clang-format off */
const struct route botplatform_users[] = {
	{GET, "/api/v1/users/me", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PATCH, "/api/v1/users/me", change, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &profile_shape},
	ROUTE_END
};
/* clang-format on */
