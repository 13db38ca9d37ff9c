/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_tally.h - are the legs, trades and orders of MySQL those of the journal,
 * in every column?
 *
 * There may be more rows than there is memory, and the journal makes them in
 * another order than MySQL keeps them in.  So each row is hashed, with a key
 * that nobody knows beforehand, and the hashes are added up, by where a row
 * belongs: the sums are equal when the rows are, whatever their order, and a
 * sum that is not tells where to look.  Only orders that are open for long are
 * kept.  Columns are those of settle/rows.h.
 */
#pragma once

#include "base/ctx.h"
#include "settle/batch.h"

enum tally_table { TALLY_LEGS, TALLY_TRADES, TALLY_ORDERS, TALLY_TABLES };

struct tally;

/* Of a journal that is followed up to LAST_SEQ.  No memory is the end. */
struct tally *tally_new(uint64_t last_seq);
void tally_free(struct tally *tally);

/* Take the rows of BATCH, which follows the one before. */
void tally_take(struct tally *tally, const struct settle_batch *batch);

struct tally_difference {
	uint64_t seen;     /* rows of MySQL */
	size_t wrong;      /* places where something differs */
	const char *first; /* in ctx's arena */
};

/* After the last batch: hold TABLE of MySQL against what was taken. */
enum status tally_compare(struct ctx *ctx, struct tally *tally,
	enum tally_table table, struct tally_difference *out) MUST_USE;
