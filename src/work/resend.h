/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * resend.h - keeping what a transaction promised, if who promised it could not.
 *
 * A task: sends the open intents (domain/intent.h) again that are due, and
 * lays aside for an operator those that are too old to be sent safely.
 */
#pragma once

#include "work/schedule.h"

#define RESEND_PERIOD_US (2 * INT64_C(1000000))

/* Needs ctx->db and ctx->core. */
enum status resend_intents(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
