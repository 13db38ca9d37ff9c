/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * meter.h - counters of a running program, for another to read.
 *
 * A program (all workers of a pool together) has one meter: a small file that
 * it maps, adds to with relaxed atomics, and never reads.  No lock, no system
 * call; what is counted may be a moment late, and is never wrong for long.
 *
 * The file is made anew at each start, under a name of its own first, so a
 * reader that still has the old one open sees the old counters and no mixture.
 * Its maker holds a lock on it that ends with him and all that he has forked:
 * who finds the file unlocked knows that its program is away.
 *
 * Without the file (no room, no right) the program counts all the same, and
 * nobody sees it.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define METER_COUNTS 16
#define METER_WORKERS 512

/* What is counted, by program; those without _total are levels, set anew. */
enum meter_api {
	METER_REQUESTS,
	METER_ERRORS_4XX,
	METER_ERRORS_5XX,
	METER_RATE_LIMITED
};

enum meter_settler {
	METER_BATCHES,
	METER_ROWS,
	METER_COMMANDS,
	METER_WAITING_SINCE_US, /* a level; wall clock, 0: nothing waits */
	METER_HALTED            /* a level */
};

enum meter_stream {
	METER_MESSAGES,
	METER_CLOSES,      /* connections that we closed, for any reason */
	METER_SLOW_CLOSES, /* of those: who did not read what was sent */
	METER_CONNECTIONS, /* a level, as are the next */
	METER_SUBSCRIPTIONS,
	METER_QUEUE_BYTES
};

/*
 * How long something took, by fixed bounds: bucket I counts what took at most
 * METER_BOUNDS_US[I] and more than the one before; the last has no bound.
 */
#define METER_BOUNDS 24
#define METER_BUCKETS (METER_BOUNDS + 1)
extern const int64_t meter_bounds_us[METER_BOUNDS];

struct meter;

/*
 * The meter of program NAME in the folder DIR.  Never NULL; *REASON is NULL,
 * or why nobody will see it, to be freed by the caller.
 */
struct meter *meter_open(const char *dir, const char *name, char **reason);
void meter_free(struct meter *meter);

void meter_add(struct meter *meter, unsigned count, uint64_t more);
void meter_set(struct meter *meter, unsigned count, uint64_t level);
void meter_took(struct meter *meter, int64_t took_us);

/*
 * The PLACE of a worker process: who has it (0: nobody, and it is not busy),
 * and a flag that is 1 while it works on something.
 */
void meter_worker(struct meter *meter, unsigned place, int32_t pid);
_Atomic int32_t *meter_busy(struct meter *meter, unsigned place);

/* ---- Reading ---- */

struct meter_reading {
	bool alive; /* its program runs */
	int32_t pid;
	int64_t started_us; /* wall clock; tells one life from the next */
	uint64_t counts[METER_COUNTS];
	uint64_t took[METER_BUCKETS];
	uint64_t took_us; /* the sum */
	unsigned n_workers;
	unsigned n_busy;
	int32_t workers[METER_WORKERS]; /* the first N_WORKERS */
};

/* ST_NOT_FOUND when there is no such file, or it is none of ours. */
enum status meter_read(const char *dir, const char *name,
	struct meter_reading *out) MUST_USE;
