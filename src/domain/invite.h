/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * invite.h - codes that let people register (auth.invites).
 *
 * Stored as keyed digests; shown once, when they are made.
 */
#pragma once

#include <stdint.h>

#include "auth/digest.h"
#include "base/ctx.h"

struct invite_new {
	uint32_t uses;      /* how often it is good */
	int64_t expires_us; /* DB_NO_TIME: never */
	const char *note;   /* "" for none */
};

/* Make one; its text goes to CODE of RANDOM_TOKEN_MAX bytes. */
enum status invite_create(struct ctx *ctx, const struct invite_new *new,
	char *code) MUST_USE;

/*
 * Use CODE, in the transaction of a registration.  ST_FORBIDDEN about
 * "invite_code" when it is unknown, over or used up.
 */
enum status invite_use_tx(struct ctx *ctx, const char *code) MUST_USE;
