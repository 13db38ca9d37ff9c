/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert_job.h - tasks: prices that users wait for, and the notices that
 * come of these and of other alerts.
 */
#pragma once

#include "work/schedule.h"

#define PRICE_ALERT_PERIOD_US INT64_C(250000)
#define NOTICE_PERIOD_US INT64_C(200000)
#define NOTICE_PRUNE_PERIOD_US (60 * INT64_C(1000000))

/* Needs ctx->db and ctx->markets. */
enum status price_alert_job(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;

/*
 * Publish what is to be told.  Needs ctx->db and ctx->cache.  That Redis is
 * away is no failure of the task, which tries again all the time, and a line
 * of the log when it begins and ends; ARG is a struct notice_state.
 */
struct notice_state {
	unsigned failures; /* in a row */
};
enum status notice_job(struct ctx *ctx, void *arg, struct turn *turn) MUST_USE;

/* Forget those that were published long ago. */
enum status notice_prune_job(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
