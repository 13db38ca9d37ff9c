/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor.h - the task that watches all of it.
 *
 * Each turn is a look: figures to the file of those of now, rules judged,
 * alerts written.  At each end of a period the figures also go to MySQL, and
 * old ones become hours or go.  A turn fails for nobody: what is away is what
 * it is there to tell.
 */
#pragma once

#include "work/monitor_figures.h"
#include "work/monitor_rule.h"
#include "work/schedule.h"

struct monitor;

/* SCHEDULE is watched too; NULL: none.  NULL with *REASON to be freed. */
struct monitor *monitor_new(const struct conf *conf, struct schedule *schedule,
	char **reason) MUST_USE;
void monitor_free(struct monitor *monitor);

/* From one look to the next, when nothing is away. */
int64_t monitor_look_us(const struct monitor *monitor);

/* A turn of a task; ARG is the monitor. */
enum status monitor_turn(struct ctx *ctx, void *arg,
	struct turn *turn) MUST_USE;
