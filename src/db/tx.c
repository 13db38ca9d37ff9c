/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tx.c - transactions that are run again as a whole.
 *
 * Whether the connection or the lock was lost is remembered in the struct db,
 * not taken from what FN returns: a function that overlooks an error must not
 * have half of its work committed.
 */
#include <assert.h>

#include "base/clock.h"
#include "db/private.h"

/* End the unit after a failure; what MySQL still holds of it is dropped. */
static void
roll_back(struct ctx *ctx)
{
	struct db *db = ctx->db;
	enum trouble trouble = db->trouble;

	db->unit = UNIT_NONE;
	db->broken = false;
	/* Should this fail the connection goes, and the transaction with it. */
	if (db->mysql && db_simple(ctx, "ROLLBACK") != ST_OK)
		db_close(db);
	db->trouble = trouble;
}

/* One run of FN.  *COMMITTING tells whether COMMIT was sent. */
static enum status
run_once(struct ctx *ctx, enum unit unit, db_tx_fn *fn, void *arg,
	bool *committing)
{
	struct db *db = ctx->db;
	enum status status;

	*committing = false;
	TRY(db_open(ctx));
	TRY(db_simple(ctx,
		unit == UNIT_TX ? "START TRANSACTION"
				: "START TRANSACTION WITH CONSISTENT SNAPSHOT, "
				  "READ ONLY"));
	db->unit = unit;
	db->broken = false;
	status = fn(ctx, arg);
	if (db->broken && status == ST_OK)
		status = ST_UNAVAILABLE;
	if (status != ST_OK) {
		if (!db->broken)
			db->trouble = TROUBLE_NONE;
		roll_back(ctx);
		return status;
	}
	*committing = true;
	status = db_simple(ctx, "COMMIT");
	if (status != ST_OK)
		roll_back(ctx);
	db->unit = UNIT_NONE;
	return status;
}

/* Whether a COMMIT without an answer was done, after all. */
static enum status
settle_doubt(struct ctx *ctx, db_check_fn *check, void *arg, bool *committed)
{
	if (!check)
		return ST_OUTCOME_UNKNOWN;
	if (check(ctx, arg, committed) != ST_OK)
		return ST_OUTCOME_UNKNOWN;
	return ST_OK;
}

static enum status
run(struct ctx *ctx, enum unit unit, db_tx_fn *fn, db_check_fn *check,
	void *arg)
{
	int64_t began_us = clock_monotonic_us();
	struct db *db = ctx->db;
	unsigned attempt = 1;

	for (;;) {
		bool committing, committed = false;
		enum status status = run_once(ctx, unit, fn, arg, &committing);
		enum trouble trouble = db->trouble;

		if (status == ST_OK)
			return ST_OK;
		if (committing && unit == UNIT_TX &&
			(trouble == TROUBLE_LOST ||
				trouble == TROUBLE_STALLED)) {
			TRY(settle_doubt(ctx, check, arg, &committed));
			if (committed)
				return ST_OK;
			trouble = db->trouble = TROUBLE_AGAIN;
		}
		if (trouble == TROUBLE_NONE || !db_again(ctx, attempt++, began_us))
			return status;
		ctx->fault = (struct fault){0};
	}
}

enum status
db_tx_checked(struct ctx *ctx, db_tx_fn *fn, db_check_fn *check, void *arg)
{
	assert(ctx->db->unit != UNIT_SNAPSHOT);
	if (ctx->db->unit == UNIT_TX)
		return fn(ctx, arg);
	return run(ctx, UNIT_TX, fn, check, arg);
}

enum status
db_tx(struct ctx *ctx, db_tx_fn *fn, void *arg)
{
	return db_tx_checked(ctx, fn, NULL, arg);
}

enum status
db_snapshot(struct ctx *ctx, db_tx_fn *fn, void *arg)
{
	if (ctx->db->unit != UNIT_NONE)
		return fn(ctx, arg);
	return run(ctx, UNIT_SNAPSHOT, fn, NULL, arg);
}
