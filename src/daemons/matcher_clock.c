/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_clock.c - a clock that is slewed and never stepped.
 */
#include "matcher_clock.h"

#include "base/clock.h"

#define SLEW_US_PER_SECOND 500

void
matcher_clock_init(struct matcher_clock *clock)
{
	clock->drawn_us = clock_monotonic_us();
	clock->offset_us = clock_wall_us() - clock->drawn_us;
}

int64_t
matcher_clock_now(struct matcher_clock *clock)
{
	int64_t monotonic = clock_monotonic_us();
	int64_t elapsed = monotonic - clock->drawn_us, most, error;

	if (elapsed >= US_PER_SECOND) {
		most = SLEW_US_PER_SECOND * elapsed / US_PER_SECOND;
		error = clock_wall_us() - monotonic - clock->offset_us;
		if (error > most)
			error = most;
		if (error < -most)
			error = -most;
		clock->offset_us += error;
		clock->drawn_us = monotonic;
	}
	return monotonic + clock->offset_us;
}
