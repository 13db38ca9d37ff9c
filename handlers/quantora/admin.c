/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * admin.c - Quantora "Admin API": users.
 *
 * An administrator without a second factor can look, not act: what changes
 * something needs a session that has shown one.
 */
#include "auth/session.h"
#include "domain/settled.h"
#include "domain/user.h"
#include "handlers/quantora/edition.h"
#include "handlers/quantora/view.h"
#include "http/request.h"

static const struct word kyc_words[] = {
	{"none", KYC_NONE},
	{"pending", KYC_PENDING},
	{"approved", KYC_APPROVED},
	{"rejected", KYC_REJECTED},
	{NULL, 0},
};

struct user_in {
	struct ident user_id;
	enum kyc_status new_status;
};

static const struct field user_fields[] = {
	FIELD_ID(user_in, user_id, REQUIRED),
	FIELD_END,
};
static const struct shape user_shape = SHAPE(user_in, user_fields);

static const struct field kyc_fields[] = {
	FIELD_ID(user_in, user_id, REQUIRED),
	FIELD_ENUM(user_in, new_status, REQUIRED, kyc_words),
	FIELD_END,
};
static const struct shape kyc_shape = SHAPE(user_in, kyc_fields);

struct reduce_in {
	struct ident user_id;
	bool reduce_only;
};

static const struct field reduce_fields[] = {
	FIELD_ID(reduce_in, user_id, REQUIRED),
	FIELD_BOOL(reduce_in, reduce_only, REQUIRED),
	FIELD_END,
};
static const struct shape reduce_shape = SHAPE(reduce_in, reduce_fields);

void
view_user(struct reply *r, const char *key, const struct user *user)
{
	reply_object(r, key);
	reply_ident(r, "id", user->id);
	reply_text(r, "email", user->email);
	reply_text(r, "username", user->username);
	reply_text(r, "role", role_name(user->role));
	reply_text(r, "kyc_status", kyc_name(user->kyc));
	reply_bool(r, "locked", user->locked);
	reply_bool(r, "reduce_only", user->reduce_only);
	reply_bool(r, "two_factor_enabled", user->totp_enabled);
	reply_time(r, "registered_at", user->created_us);
	reply_end(r);
}

static enum status
answer(struct req *req, const struct user *user)
{
	view_user(req_reply(req), "data", user);
	return req_done(req);
}

/* What is shown of another was decided by anybody, up to now. */
static void
expect_all(struct req *req)
{
	settled_expect(req->ctx.settled, req->guard.global_seq);
}

static enum status
show(struct req *req)
{
	const struct user_in *in = req->in;
	struct user user;

	expect_all(req);
	TRY(user_find(&req->ctx, in->user_id, &user));
	return answer(req, &user);
}

static enum status
lock(struct req *req)
{
	const struct user_in *in = req->in;
	struct user user;

	expect_all(req);
	TRY(user_lock(&req->ctx, in->user_id, true, &user));
	return answer(req, &user);
}

/* The document has no way back; an administrator needs one. */
static enum status
unlock(struct req *req)
{
	const struct user_in *in = req->in;
	struct user user;

	expect_all(req);
	TRY(user_lock(&req->ctx, in->user_id, false, &user));
	return answer(req, &user);
}

/* A loss may have made the account so; an administrator has the last word. */
static enum status
set_reduce_only(struct req *req)
{
	const struct reduce_in *in = req->in;
	struct user user;

	expect_all(req);
	TRY(user_set_reduce_only(
		&req->ctx, in->user_id, in->reduce_only, &user));
	return answer(req, &user);
}

static enum status
override_kyc(struct req *req)
{
	const struct user_in *in = req->in;
	struct user user;

	expect_all(req);
	TRY(kyc_override(&req->ctx, in->user_id, in->new_status, &user));
	return answer(req, &user);
}

/* clang-format off */
const struct route quantora_admin[] = {
	{POST, "/admin/user", show, AUTH_OPERATOR, RATE_READ, POOL_API,
		.body = &user_shape},
	{POST, "/admin/user/lock", lock, AUTH_OPERATOR | AUTH_OTP, RATE_WRITE,
		POOL_API, .body = &user_shape,
		.permission = PERMISSION_MANAGE_USERS},
	{POST, "/admin/user/unlock", unlock, AUTH_OPERATOR | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &user_shape,
		.permission = PERMISSION_MANAGE_USERS},
	{POST, "/admin/user/reduce-only", set_reduce_only,
		AUTH_OPERATOR | AUTH_OTP, RATE_WRITE, POOL_API,
		.body = &reduce_shape,
		.permission = PERMISSION_MANAGE_USERS},
	{POST, "/admin/kyc/override", override_kyc, AUTH_OPERATOR | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &kyc_shape,
		.permission = PERMISSION_MANAGE_USERS},
	ROUTE_END
};
/* clang-format on */
