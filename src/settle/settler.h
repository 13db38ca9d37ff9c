/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settler.h - from the journal into the sink, batch after batch.
 *
 * No thread, socket or clock: the caller says how far the journal is durable
 * and calls settler_step() until there is nothing left.  A batch is all that
 * has gathered since the last one, up to a bound; so batches grow with the
 * load, and a lone order does not wait for company.
 *
 * A batch that could not be written is kept, and written again by the next
 * step: the place is never lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/disk.h"
#include "journal/reason.h"
#include "settle/sink.h"

/*
 * Most of a batch: large ones write a row that changes often only once, and
 * their transaction takes some hundred milliseconds at most.
 */
#define SETTLE_RECORDS_MAX 20000
#define SETTLE_ROWS_MAX 150000

struct settler;

/*
 * Find the sink's place in the journal of DIR.  A sink that is new takes the
 * journal's identity.  ST_NOT_FOUND: there is no journal yet, nor was one ever
 * settled.  ST_UNAVAILABLE: the sink is away.  ST_CONFLICT: the journal is not
 * the sink's, or is shorter than what was settled.  ST_INTERNAL: damage.
 * SINK stays the caller's.
 */
enum status settler_open(struct disk *disk, const char *dir,
	const char *archive, struct settle_sink *sink, struct settler **out,
	struct reason *reason) MUST_USE;
void settler_free(struct settler *settler);

/*
 * Gather a batch of what is durable up to DURABLE_SEQ; one that was not taken
 * stays as it is.  ST_NOT_FOUND: there is nothing.  Anything else: halt, and
 * look at the reason; every later call says the same.
 */
enum status settler_gather(
	struct settler *settler, uint64_t durable_seq) MUST_USE;

/*
 * Write the batch.  ST_UNAVAILABLE: the sink did not take it (or did, and its
 * answer was lost): call again after a while.  ST_CONFLICT: halt.
 */
enum status settler_deliver(struct settler *settler) MUST_USE;

/* Both. */
enum status settler_step(
	struct settler *settler, uint64_t durable_seq) MUST_USE;

/* Everything up to here is in the sink. */
uint64_t settler_applied_seq(const struct settler *settler);

/* The journal that is followed. */
struct ident settler_journal(const struct settler *settler);

/* The time of the oldest command in a batch not yet taken; 0: there is none. */
int64_t settler_waiting_since_us(const struct settler *settler);

/* Of the batch that is gathered: its records, and the rows they come to. */
size_t settler_batch_records(const struct settler *settler);
size_t settler_batch_rows(const struct settler *settler);

const char *settler_reason(const struct settler *settler);
