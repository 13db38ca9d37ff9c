/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_text.h - the figures as Prometheus reads them.
 *
 * Its text format, version 0.0.4: each family with HELP and TYPE, counters
 * named _total, latencies as histograms with cumulative buckets in seconds.
 */
#pragma once

#include <stddef.h>

#include "domain/metric.h"

#define MONITOR_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* To be freed by the caller; NULL without memory. */
char *monitor_text(const struct figures *figures, int64_t now_us,
	size_t *length);
