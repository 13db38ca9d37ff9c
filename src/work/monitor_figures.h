/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_figures.h - two looks at everything, as figures.
 *
 * What only grows becomes a rate over the time between the looks.  Of a
 * program that was started in between, or with no earlier look (BASE NULL),
 * it is the rate since its start; so there are figures from the first look
 * on.  Averages and percentiles of what did not happen in that time are those
 * since the start, and a share of nothing is no figure, but for the share of
 * errors, which is then 0.
 */
#pragma once

#include "domain/metric.h"
#include "work/monitor_look.h"

/* OUT has been figures_init()ed. */
void figures_of(const struct look *base, const struct look *now,
	struct figures *out);
