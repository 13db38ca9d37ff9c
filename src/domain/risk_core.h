/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_core.h - from a user's limits to those that the core enforces.
 *
 * Several rows may bound the same: the core gets the strictest.  It takes a
 * limit of one instrument in place of that for any, so where there is one of
 * the instrument, the strictest of both kinds is what it gets there.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "domain/risk.h"

/* What the core is to be told, or was; VALUE as in CMD_LIMIT_SET. */
struct risk_bound {
	uint8_t type; /* enum limit_type */
	uint16_t instrument;
	int64_t value; /* 0: lifted */
};

struct risk_bounds {
	struct risk_bound rows[RISK_ROWS_MAX];
	size_t n;
};

/* Of the enabled ones of LIMITS, at most RISK_ROWS_MAX of them. */
struct risk_bounds risk_bounds_of(const struct risk_limits *limits);

/* What has to be set, and lifted, to come from BEFORE to AFTER. */
struct risk_steps {
	struct risk_bound rows[2 * RISK_ROWS_MAX];
	size_t n;
};
struct risk_steps risk_steps_between(
	const struct risk_bounds *before, const struct risk_bounds *after);

/* What the intents of limits are from. */
#define RISK_SOURCE "risk.limit"

/* Promise STEPS for USER; in a transaction.  IDS has room for all of them. */
enum status risk_promise(struct ctx *ctx, uint32_t user,
	const struct risk_steps *steps, struct ident *ids) MUST_USE;

/*
 * Send N promised ones, each in its turn (intent.h).  A refusal's status;
 * ST_OUTCOME_UNKNOWN for what will be sent again.
 */
enum status risk_keep(
	struct ctx *ctx, const struct ident *ids, size_t n) MUST_USE;

/*
 * A promise may have been refused, or grown too old to be kept.  Bring USER's
 * limits in the core, CORE as they are settled, to those of LIMITS, once all is
 * kept and settled.  A limit that never came from here is left alone.  LIMITS
 * may be older than the table.  That the core refuses is no failure; it is tried
 * again about once a minute.
 */
enum status risk_repair(struct ctx *ctx, uint32_t user,
	const struct risk_limits *limits,
	const struct risk_bounds *core) MUST_USE;
