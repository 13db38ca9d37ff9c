/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clock.h - time in microseconds since 1970, UTC, and its text.
 *
 * Programs hand a clock in; nothing below the daemons asks the system.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)

/* CLOCK_REALTIME, and CLOCK_MONOTONIC for intervals. */
int64_t clock_wall_us(void);
int64_t clock_monotonic_us(void);

/*
 * ISO 8601 in UTC: "2025-01-14T12:00:00Z", with a fraction of PLACES digits
 * (0, 3 or 6): "2025-01-14T12:00:00.123Z".  BUF holds CLOCK_TEXT_MAX bytes.
 * Returns the length.  Years 0 to 9999.
 */
#define CLOCK_TEXT_MAX 32
size_t clock_format(int64_t time_us, int places, char *buf);

/*
 * ISO 8601 (a date alone is midnight UTC; 'T' or a space; up to 6 places of
 * fraction; "Z", an offset, or nothing, which is UTC), or digits alone: Unix
 * seconds up to 10 digits, milliseconds from 11 to 13, microseconds beyond.
 * ST_INVALID otherwise.
 */
enum status clock_parse(const char *text, size_t length,
	int64_t *time_us) MUST_USE;
