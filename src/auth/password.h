/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * password.h - what may be a password, and proving that one is known.
 *
 * Argon2id with auth.password_mib, 64 MiB, and two passes: about 55 ms, and as
 * much memory, so no more than two run at once on a machine, however many
 * workers it has (see gate.h).  Unknown users cost the same hash, so that time says nothing.
 */
#pragma once

#include <stdbool.h>

#include "auth/gate.h"
#include "base/ctx.h"

#define PASSWORD_CHARS_MIN 8
#define PASSWORD_CHARS_MAX 128
#define PASSWORD_HASH_MAX 128 /* with NUL */

/*
 * May PASSWORD be chosen?  8 to 128 characters of valid UTF-8 and not one of
 * the commonest 3,000.  ST_INVALID about FIELD when not.
 */
enum status password_acceptable(struct ctx *ctx, const char *field,
	const char *password) MUST_USE;

/* Hash PASSWORD into BUF of PASSWORD_HASH_MAX bytes.  ST_RATE_LIMITED when no
 * turn came in time. */
enum status password_hash(struct ctx *ctx, struct gate *gate,
	const char *password, char *buf) MUST_USE;

/*
 * Is PASSWORD that of HASH?  HASH NULL: there is no such user; it costs as
 * much and is never true.  ST_RATE_LIMITED when no turn came in time;
 * ST_UNAUTHENTICATED when it is not; *STALE says that the hash was made with
 * other parameters than today's.
 */
enum status password_verify(struct ctx *ctx, struct gate *gate,
	const char *password, const char *hash, bool *stale) MUST_USE;
