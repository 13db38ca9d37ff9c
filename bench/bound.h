/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * bound.h - what the machine allows at this moment: the sync of a write, and a
 * round trip over a Unix socket.
 */
#pragma once

#include <stdint.h>

struct bound {
	int64_t p50_us;
	int64_t p99_us;
};

/*
 * The time of each of N times 4 KiB and fdatasync, one after the other, in a
 * preallocated file of DIR.  -1 with errno.
 */
int bound_sync(const char *dir, unsigned n, int64_t *times_us);

/*
 * The same of N times REQUEST bytes there and ANSWER bytes back, between two
 * processes that block.  -1 with errno.
 */
int bound_socket(unsigned n, unsigned request, unsigned answer,
	int64_t *times_us);

/* Sorts TIMES_US. */
struct bound bound_of(int64_t *times_us, unsigned n);
