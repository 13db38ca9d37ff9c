/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_clock.h - the time that commands are stamped with.
 *
 * The wall clock at the start plus the monotonic clock, drawn towards the
 * wall clock by at most half a millisecond a second (as adjtime(3) does), so
 * that a wall clock that is set by an hour reorders nothing.
 */
#pragma once

#include <stdint.h>

struct matcher_clock {
	int64_t offset_us; /* what is added to the monotonic clock */
	int64_t drawn_us;  /* monotonic time of the last correction */
};

void matcher_clock_init(struct matcher_clock *clock);
int64_t matcher_clock_now(struct matcher_clock *clock);
