/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * sink.h - where batches go: MySQL, or what a simulation puts in its place.
 *
 * A sink keeps one position, the identity of a journal and a sequence in it,
 * in the same transaction as the rows.  So a batch is in it wholly, once, or
 * not at all, whatever happens on the way.
 */
#pragma once

#include "base/ident.h"
#include "base/status.h"
#include "settle/batch.h"

struct settle_sink {
	/*
	 * Where the sink is, and what it knows of the markets (into BATCH).
	 * ST_NOT_FOUND: nothing was ever settled.
	 */
	enum status (*position)(struct settle_sink *sink, struct ident *journal,
		uint64_t *applied_seq, struct settle_batch *batch);

	/* Begin with JOURNAL, at 0.  Only after ST_NOT_FOUND. */
	enum status (*adopt)(struct settle_sink *sink, struct ident journal);

	/*
	 * Write BATCH.  ST_OK: it is there, from now or from an earlier try.
	 * ST_UNAVAILABLE, ST_OUTCOME_UNKNOWN, ST_INTERNAL: try it again.
	 * ST_CONFLICT: never try again; the sink is not where the batch
	 * begins, or does not hold what it must hold there.
	 */
	enum status (*write)(
		struct settle_sink *sink, const struct settle_batch *batch);

	/* What went wrong, for the log. */
	const char *(*reason)(struct settle_sink *sink);
};
