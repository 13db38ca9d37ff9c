/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settled.h - reading from MySQL what one has just done in the core.
 *
 * The core answers before the settler has turned its events into rows.  So
 * orders, trades, balances, positions and withdrawals are read inside
 * settled_read(): one snapshot, whose first read is how far the settler has
 * come.  If that is short of what this request has to see, the snapshot is
 * dropped and the settler asked to tell when it is there.
 *
 * What a request has to see is what settled_expect() was told: by the
 * dispatcher, the last sequence of the user that the guard knows; by a
 * command, its own.  A list over all users expects the guard's global
 * sequence.
 *
 * Nobody waits for long, and not everybody: 250 ms, a quarter of the pool's
 * workers, and not at all when the settler is 2 s behind.  Then the answer is
 * ST_UNAVAILABLE.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/ctx.h"
#include "db/db.h"

#define SETTLED_PATIENCE_US INT64_C(250000)
#define SETTLED_LAG_MAX_US INT64_C(2000000)

struct settled;

/*
 * The places of those of a pool's workers that may wait at a time; in their
 * shared memory, zeroed.  A place holds the process that has it.
 */
#define SETTLED_PLACES_MAX 64
struct settled_pool {
	_Atomic int32_t places[SETTLED_PLACES_MAX];
};

/* PID has died, and may have been waiting: for the parent to call. */
void settled_pool_bury(struct settled_pool *pool, int32_t pid);

/*
 * PATH is the settler's socket; nothing is connected yet.  POOL may be NULL:
 * then nobody counts.  WORKERS is the size of the pool.
 */
struct settled *settled_new(
	const char *path, struct settled_pool *pool, unsigned workers);
void settled_free(struct settled *settled);

/* Another patience than SETTLED_PATIENCE_US, for tests. */
void settled_set_patience(struct settled *settled, int64_t patience_us);

/* A new request: nothing is expected yet.  NULL is fine here and below. */
void settled_begin(struct settled *settled);

/* From now on this request's reads see SEQ; a lower one than before: ignored.
 */
void settled_expect(struct settled *settled, uint64_t seq);

/*
 * Call FN inside a snapshot that holds all that is expected.  FN only reads,
 * and may be run again.  Without ctx->settled any snapshot will do.
 */
enum status settled_read(struct ctx *ctx, db_tx_fn *fn, void *arg) MUST_USE;

/*
 * Wait until SEQ is in MySQL, for what reads there without a snapshot.
 * ST_UNAVAILABLE when it does not come in time.
 */
enum status settled_wait(struct ctx *ctx, uint64_t seq) MUST_USE;

/*
 * Of a pool's workers only a quarter may be held up by MySQL at a time, where
 * the others have better to do: be one of them until settled_leave(), or
 * ST_UNAVAILABLE.  *PLACE may be NULL, where nobody counts; leaving takes that.
 */
enum status settled_enter(struct ctx *ctx, _Atomic int32_t **place) MUST_USE;
void settled_leave(_Atomic int32_t *place);

/* How far the settler has come, and when the core did that. */
enum status settled_position(
	struct ctx *ctx, uint64_t *applied_seq, int64_t *applied_us) MUST_USE;
