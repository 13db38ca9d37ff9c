/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * retention_job.h - a task: what is over since long is forgotten; see
 * domain/retention.h.
 */
#pragma once

#include "work/schedule.h"

#define RETENTION_PERIOD_US (3600 * INT64_C(1000000))

/* ARG is a struct retention, zeroed at first.  Needs ctx->db. */
enum status retention_job(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
