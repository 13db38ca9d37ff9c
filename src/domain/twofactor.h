/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twofactor.h - the second factor: setting it up, showing a code of it,
 * taking it away.
 *
 * A code is good for one use: the step that it belongs to is stored by a
 * conditional update in the transaction of what it allows, so that of many
 * log-ins with the same code one wins.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "auth/recovery.h"
#include "base/ctx.h"
#include "domain/session.h"
#include "domain/user.h"

/* ---- Showing a code ------------------------------------------------------ */

/* A code that is right, and not used yet as far as we have seen. */
struct shown_code {
	bool recovery;
	int64_t step;         /* of a TOTP code */
	struct digest digest; /* of a recovery code */
};

/*
 * Check CODE (NULL: none was given) of USER, who has a second factor.
 * ST_TOTP_REQUIRED when it is missing or wrong; a wrong one is counted, and
 * after five ST_RATE_LIMITED until a delay is over.
 */
enum status twofactor_check(struct ctx *ctx, const struct user *user,
	const char *code, struct shown_code *out) MUST_USE;

/*
 * Use it up, in the transaction of what it allows.  ST_TOTP_REQUIRED when
 * somebody was faster.
 */
enum status twofactor_use_tx(struct ctx *ctx, uint32_t user,
	const struct shown_code *code) MUST_USE;

/* ---- Setting up ---------------------------------------------------------- */

struct enrolment {
	const char *secret; /* base32 */
	const char *uri;
	const char *qr; /* "data:image/png;base64,…" */
};

/*
 * Begin: a new secret, pending until verified.  Who has a second factor
 * already shows PASSWORD and CODE of it; others need neither (NULL).  ISSUER
 * is what the authenticator shows.
 */
enum status twofactor_enrol(struct ctx *ctx, const char *password,
	const char *code, const char *issuer, struct enrolment *out) MUST_USE;

struct recovery_codes {
	char codes[RECOVERY_CODES][RECOVERY_TEXT_MAX];
};

/*
 * Finish: CODE is of the pending secret, which is the user's from now on.  His
 * other sessions end; TOKENS is for the present one, which has now shown a
 * second factor.  Replacing one blocks withdrawals for a time.  ST_CONFLICT
 * without an enrolment; ST_INVALID about "totp_code" when it is wrong, and
 * after five wrong ones the enrolment is over.
 */
enum status twofactor_verify(struct ctx *ctx, const char *code,
	struct recovery_codes *recovery, struct tokens *tokens) MUST_USE;

/* Take it away: needs the password and a code, and ends other sessions. */
enum status twofactor_disable(struct ctx *ctx, const char *password,
	const char *code) MUST_USE;

/* New recovery codes for old; needs password and code. */
enum status twofactor_new_recovery(struct ctx *ctx, const char *password,
	const char *code, struct recovery_codes *out) MUST_USE;

/*
 * Give USER the second factor SECRET, for quantoractl: who can run that may.
 */
struct totp_secret;
enum status twofactor_set(struct ctx *ctx, const struct user *user,
	const struct totp_secret *secret) MUST_USE;
