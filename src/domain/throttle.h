/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * throttle.h - counting what went wrong for a name or an account, in MySQL, so
 * that a restart forgives nothing.
 *
 * Subjects are keyed digests, so the table tells nobody who was tried, and a
 * name that does not exist is counted like one that does.
 *
 * A stranger who fails on purpose must not keep out whom the account belongs
 * to.  So log-ins from an address from which its user has logged in within the
 * last 90 days are counted for that address alone, each address for itself;
 * those from everywhere else are counted together.  A log-in that succeeds
 * clears just the counter that it was under.  All in all that many guesses are
 * free: ten, and ten for each address that the user has.
 */
#pragma once

#include <stdint.h>

#include "auth/digest.h"
#include "base/ctx.h"

struct throttle {
	struct digest subject;
	uint32_t free; /* failures in 15 minutes before delays begin */
};

/*
 * Log-ins of USER from where the caller is; or of NAME when USER is 0: there
 * is none of that name.
 */
enum status throttle_login(struct ctx *ctx, uint32_t user, const char *name,
	struct throttle *out) MUST_USE;
/* The password of USER, who is logged in, and is asked for it again. */
struct throttle throttle_confirm(const struct ctx *ctx, uint32_t user);
/* Codes of USER's second factor; of one that he is setting up. */
struct throttle throttle_code(const struct ctx *ctx, uint32_t user);
struct throttle throttle_enrol(const struct ctx *ctx, uint32_t user);

/* ST_RATE_LIMITED, with the time to wait, while a delay runs. */
enum status throttle_check(struct ctx *ctx,
	const struct throttle *throttle) MUST_USE;

/*
 * One more failure; *COUNT, or NULL, is how many there are now.  The delay
 * begins with FREE failures at one second and doubles with each, up to a
 * quarter of an hour.
 */
enum status throttle_fail(struct ctx *ctx, const struct throttle *throttle,
	uint32_t *count) MUST_USE;

/* All is forgiven; in the transaction of what succeeded. */
enum status throttle_clear(struct ctx *ctx,
	const struct throttle *throttle) MUST_USE;
