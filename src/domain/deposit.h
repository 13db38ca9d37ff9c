/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * deposit.h - money that comes in from the outside world.
 *
 * A deposit is known by its source ("bank", "demo") and its reference there:
 * however often it is asked for, it is made once.  It is promised in MySQL
 * with its audit row (domain/intent.h), and the core makes it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"

struct deposit {
	uint32_t user;
	uint16_t asset;
	struct decimal amount;  /* above zero */
	const char *source;     /* at most 32 characters */
	struct ident reference; /* unique within SOURCE */
};

/*
 * Make it, unless it is made.  *FRESH (may be NULL) tells whether it was not
 * known before.  A refusal's status; ST_CONFLICT when the reference stands for
 * another deposit; ST_UNAVAILABLE and ST_OUTCOME_UNKNOWN as intent_send():
 * once it is promised, workerd sees to it.
 */
enum status deposit_make(struct ctx *ctx, const struct deposit *deposit,
	bool *fresh) MUST_USE;

/*
 * The same of N at once, with two transactions instead of two for each.  A
 * reference that stands for another deposit is passed over.
 */
enum status deposits_make(struct ctx *ctx, const struct deposit *deposits,
	size_t n) MUST_USE;
