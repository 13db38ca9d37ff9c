/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_job.h - tasks that look after the limits of users, and tell the core
 * what assets are worth; see domain/risk_watch.h.
 *
 * A turn looks at some users; once all have been looked at it rests until a
 * period has gone since it began with the first.
 */
#pragma once

#include "work/schedule.h"

#define RISK_PERIOD_US (1 * INT64_C(1000000))
#define RATES_PERIOD_US (5 * INT64_C(1000000))

/* Where a round is. */
struct risk_round {
	uint32_t after;   /* users up to here have been looked at */
	int64_t begun_us; /* by the schedule's clock */
};

/* ARG is a struct risk_round, zeroed at first.  Needs ctx->db, core, markets. */
enum status risk_job(struct ctx *ctx, void *arg, struct turn *turn) MUST_USE;

/* ARG is not used. */
enum status rates_job(struct ctx *ctx, void *arg, struct turn *turn) MUST_USE;
