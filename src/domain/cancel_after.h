/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cancel_after.h - the dead-man switch: ctx->session's user's open orders go
 * at a time, unless he says before it that he is still there.
 *
 * The switch is the core's, and so is the clock by which it is due.
 */
#pragma once

#include <stdint.h>

#include "base/ctx.h"
#include "wire/command.h"

#define CANCEL_AFTER_MAX_S (CANCEL_AFTER_MAX_US / 1000000)

/*
 * All his open orders are cancelled SECONDS from now; 0 turns the switch off.
 * *DUE_US is when, or TIME_NONE.  A locked user may.
 */
enum status cancel_after_set(struct ctx *ctx, int64_t seconds,
	int64_t *due_us) MUST_USE;

/* How it stands, behind the settled mark; TIME_NONE: off. */
enum status cancel_after_get(struct ctx *ctx, int64_t *due_us) MUST_USE;
