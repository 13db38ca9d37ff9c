/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * login.h - what the log-ins of all editions have in common.
 */
#pragma once

#include "domain/session.h"
#include "http/request.h"

/* Longer than any e-mail address or username. */
#define LOGIN_NAME_MAX 254
/* Of what is typed, before it is judged: a limit, and no rule. */
#define LOGIN_PASSWORD_MAX 1024
#define LOGIN_CODE_MAX 32

/*
 * The fields of a log-in, whatever a document calls them: either of e-mail
 * and username holds either, and a code is read under both of its names.
 */
struct login_in {
	const char *name;
	const char *password;
	const char *totp_code;
};

/* FIRST is the document's word for the name, SECOND the other. */
#define LOGIN_FIELDS(first, second)                                            \
	FIELD_TEXT(login_in, name, REQUIRED, 1, LOGIN_NAME_MAX),               \
		FIELD_SPELLED(first), FIELD_ALIAS(second),                     \
		FIELD_TEXT(login_in, password, REQUIRED, 1,                    \
			LOGIN_PASSWORD_MAX),                                   \
		FIELD_TEXT(login_in, totp_code, OPTIONAL, 0, LOGIN_CODE_MAX),  \
		FIELD_ALIAS("mfa_token"), FIELD_END

/* ACCESS_S 0: as configured. */
struct session_terms login_terms(const struct req *req, int64_t access_s,
	bool refreshable);

/* Log in with the request's body, a struct login_in. */
enum status login_with(struct req *req, const struct session_terms *terms,
	struct tokens *tokens, struct user *user) MUST_USE;

/* The body of a refresh, and of a log-out that names its refresh token. */
struct refresh_in {
	const char *refresh_token;
};
extern const struct shape login_refresh_shape; /* required */
extern const struct shape login_logout_shape;  /* optional */

/* New tokens for the request's body, a struct refresh_in. */
enum status login_refresh(struct req *req, const struct session_terms *terms,
	struct tokens *tokens) MUST_USE;

/* End the caller's session, and that of the refresh token in the body. */
enum status login_out(struct req *req) MUST_USE;

/*
 * Register, and log in: for the documents whose registration answers with
 * tokens.  ST_UNAVAILABLE when the core could not be told of the user: he is
 * registered, and can log in once it is back.
 */
enum status login_register(struct req *req, const struct user_new *new,
	const struct session_terms *terms, struct tokens *tokens,
	struct user *user) MUST_USE;
