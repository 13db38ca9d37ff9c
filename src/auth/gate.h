/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * gate.h - at most two at once on this machine, over all processes.
 *
 * Two robust mutexes in a file that all programs map.  Who is killed inside
 * gives his place back: the kernel tells the next one.  The file means
 * nothing when nobody has it open, so the first to open it makes it anew, and
 * a restart of the machine leaves no stale lock.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"

#define GATE_PLACES 2

struct gate;

/* NULL and a sentence in *REASON, which the caller frees. */
struct gate *gate_open(const char *path, char **reason) MUST_USE;
void gate_free(struct gate *gate);

/*
 * Wait up to WAIT_US for a place; its number in *PLACE.  ST_RATE_LIMITED when
 * none came free in time.
 */
enum status gate_enter(struct gate *gate, int64_t wait_us,
	int *place) MUST_USE;
void gate_leave(struct gate *gate, int place);
