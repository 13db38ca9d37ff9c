/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * retention.h - forgetting what is over since 30 days, some rows at a time.
 *
 * Of risk alerts those that were resolved, of price alerts those that were
 * met, and of the promised limits (intents of RISK_SOURCE) those that the core
 * has done or refused.  For each limit of a user the last promise stays,
 * however old: by it a limit in the core is known as one of ours
 * (risk_repair()).
 */
#pragma once

#include <stdbool.h>

#include "base/clock.h"
#include "base/ctx.h"
#include "base/ident.h"

#define RETENTION_KEPT_US (30 * US_PER_DAY)

/* Where a round is; zeroed at first. */
struct retention {
	struct ident after; /* promises up to here have been looked at */
};

/* *MORE: it has not seen all yet. */
enum status retention_turn(
	struct ctx *ctx, struct retention *at, bool *more) MUST_USE;
