/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * auth.c - Amarktai "Authentication": register, log in, second factor.
 *
 * Every account sets its second factor up here.
 */
#include "base/conf.h"
#include "domain/login.h"
#include "domain/twofactor.h"
#include "handlers/amarktai/edition.h"
#include "handlers/login.h"
#include "http/request.h"

struct register_in {
	const char *email;
	const char *password;
	const char *first_name;
	const char *invite_code;
};

static const struct field register_fields[] = {
	FIELD_TEXT(register_in, email, REQUIRED, 1, LOGIN_NAME_MAX),
	FIELD_TEXT(register_in, password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(register_in, first_name, REQUIRED, 1, USER_TEXT_MAX),
	FIELD_TEXT(register_in, invite_code, OPTIONAL, 0, 128),
	FIELD_END,
};
static const struct shape register_shape =
	SHAPE(register_in, register_fields);

static const struct field login_fields[] = {LOGIN_FIELDS("email", "username")};
static const struct shape login_shape = SHAPE(login_in, login_fields);

/* ---- Register, log in ---------------------------------------------------- */

static enum status
do_register(struct req *req)
{
	const struct register_in *in = req->in;
	struct session_terms terms = login_terms(req, 0, false);
	struct tokens tokens;
	struct user user;
	struct reply *r;

	TRY(login_register(req,
		&(struct user_new){
			.email = in->email,
			.password = in->password,
			.first_name = in->first_name,
			.invite = in->invite_code,
		},
		&terms, &tokens, &user));
	r = req_reply_plain(req);
	reply_object(r, NULL);
	reply_text(r, "token", tokens.access);
	reply_object(r, "user");
	reply_ident(r, "id", user.id);
	reply_text(r, "email", user.email);
	reply_text(r, "first_name", user.first_name);
	reply_text(r, "currency", user.currency);
	reply_text(r, "system_mode", user.mode);
	reply_bool(r, "two_factor_enabled", user.totp_enabled);
	reply_end(r);
	reply_end(r);
	return ST_OK;
}

static enum status
do_login(struct req *req)
{
	struct session_terms terms = login_terms(req, 0, false);
	struct tokens tokens;
	struct user user;
	struct reply *r;

	TRY(login_with(req, &terms, &tokens, &user));
	r = req_reply_plain(req);
	reply_object(r, NULL);
	reply_text(r, "token", tokens.access);
	reply_object(r, "user");
	reply_ident(r, "id", user.id);
	reply_text(r, "email", user.email);
	reply_text(r, "first_name", user.first_name);
	reply_end(r);
	reply_end(r);
	return ST_OK;
}

/* ---- The second factor --------------------------------------------------- */

/* Only who has one already gives a password and a code of it. */
struct enroll_in {
	const char *password;
	const char *totp_code;
};

static const struct field enroll_fields[] = {
	FIELD_TEXT(enroll_in, password, OPTIONAL, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(enroll_in, totp_code, OPTIONAL, 0, LOGIN_CODE_MAX),
	FIELD_ALIAS("mfa_token"),
	FIELD_END,
};
static const struct shape enroll_shape = SHAPE(enroll_in, enroll_fields);

struct verify_in {
	const char *totp_code;
};

static const struct field verify_fields[] = {
	FIELD_TEXT(verify_in, totp_code, REQUIRED, 0, LOGIN_CODE_MAX),
	FIELD_ALIAS("mfa_token"),
	FIELD_END,
};
static const struct shape verify_shape = SHAPE(verify_in, verify_fields);

struct confirm_in {
	const char *password;
	const char *totp_code;
};

static const struct field confirm_fields[] = {
	FIELD_TEXT(confirm_in, password, REQUIRED, 0, LOGIN_PASSWORD_MAX),
	FIELD_TEXT(confirm_in, totp_code, REQUIRED, 0, LOGIN_CODE_MAX),
	FIELD_ALIAS("mfa_token"),
	FIELD_END,
};
static const struct shape confirm_shape = SHAPE(confirm_in, confirm_fields);

static enum status
enroll(struct req *req)
{
	const struct enroll_in *in = req->in;
	struct enrolment enrolment;
	struct reply *r;

	TRY(twofactor_enrol(&req->ctx, in->password, in->totp_code,
		conf_text(req->ctx.conf, CONF_AUTH_TOTP_ISSUER), &enrolment));
	r = req_reply(req);
	reply_text(r, "secret", enrolment.secret);
	reply_text(r, "provisioning_uri", enrolment.uri);
	reply_text(r, "qr_code", enrolment.qr);
	return req_done(req);
}

static void
write_recovery(struct reply *r, const struct recovery_codes *recovery)
{
	int i;

	reply_array(r, "recovery_codes");
	for (i = 0; i < RECOVERY_CODES; i++)
		reply_text(r, NULL, recovery->codes[i]);
	reply_end(r);
}

/*
 * The present session goes on with the token that it has; the new one beside
 * it has shown the second factor.
 */
static enum status
verify(struct req *req)
{
	const struct verify_in *in = req->in;
	struct recovery_codes recovery;
	struct tokens tokens;
	struct reply *r;

	TRY(twofactor_verify(&req->ctx, in->totp_code, &recovery, &tokens));
	r = req_reply(req);
	reply_text(r, "message", "2FA enabled successfully");
	reply_text(r, "token", tokens.access);
	write_recovery(r, &recovery);
	return req_done(req);
}

static enum status
disable(struct req *req)
{
	const struct confirm_in *in = req->in;
	struct reply *r;

	TRY(twofactor_disable(&req->ctx, in->password, in->totp_code));
	r = req_reply(req);
	reply_text(r, "message", "2FA disabled");
	return req_done(req);
}

static enum status
new_recovery(struct req *req)
{
	const struct confirm_in *in = req->in;
	struct recovery_codes recovery;

	TRY(twofactor_new_recovery(&req->ctx, in->password, in->totp_code,
		&recovery));
	write_recovery(req_reply(req), &recovery);
	return req_done(req);
}

/* clang-format off */
const struct route amarktai_auth[] = {
	{POST, "/api/auth/register", do_register, AUTH_NONE, RATE_WRITE,
		POOL_API, .body = &register_shape},
	{POST, "/api/auth/login", do_login, AUTH_NONE, RATE_WRITE, POOL_API,
		.body = &login_shape},
	{POST, "/api/auth/2fa/enroll", enroll, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &enroll_shape},
	{POST, "/api/auth/2fa/verify", verify, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &verify_shape},
	{POST, "/api/auth/2fa/disable", disable, AUTH_USER, RATE_WRITE,
		POOL_API, .body = &confirm_shape},
	{POST, "/api/auth/2fa/recovery-codes", new_recovery, AUTH_USER,
		RATE_WRITE, POOL_API, .body = &confirm_shape},
	ROUTE_END
};
/* clang-format on */
