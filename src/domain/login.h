/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * login.h - proving who one is.
 *
 * An unknown name, a wrong password and a locked account get the same answer
 * and cost the same hash.  Failures are counted in MySQL, for names that
 * exist and for those that do not: from the tenth in 15 minutes on each one
 * doubles the time in which nothing is tried (ST_RATE_LIMITED).  Strangers'
 * failures do not delay whom the account belongs to (throttle.h).  Five wrong
 * codes behind a right password do the same.  None of this touches sessions
 * that run.
 *
 * The epoch is read before the password is checked, and the password's hash
 * is looked at again when the session is written: who changes a password
 * ends every log-in that was under way with the old one.
 */
#pragma once

#include "base/ctx.h"
#include "domain/session.h"
#include "domain/user.h"

struct login {
	const char *name; /* e-mail or username */
	const char *password;
	const char *code; /* of the second factor, or a recovery code; NULL */
};

/*
 * ST_UNAUTHENTICATED; ST_TOTP_REQUIRED when the password was right and a code
 * is missing or wrong; ST_RATE_LIMITED.  On ST_OK a session has begun.
 */
enum status login(struct ctx *ctx, const struct login *login,
	const struct session_terms *terms, struct tokens *tokens,
	struct user *user) MUST_USE;

/*
 * Is PASSWORD that of the caller?  For what asks for it again: wrong ones are
 * counted, and delay, like failed log-ins.  ST_FORBIDDEN about "password" when not, so
 * that a client does not take it for the end of his session.
 */
enum status login_confirm(struct ctx *ctx, const char *password) MUST_USE;

/*
 * Change the caller's password.  All his sessions end, and TOKENS begins a new
 * one; withdrawals are blocked for a time.  Who has a second factor also shows
 * a CODE of it.
 */
struct password_change {
	const char *old_password, *new_password, *code;
};
enum status login_change_password(struct ctx *ctx,
	const struct password_change *change, const struct session_terms *terms,
	struct tokens *tokens) MUST_USE;
