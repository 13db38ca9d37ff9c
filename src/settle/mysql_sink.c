/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * mysql_sink.c - one transaction a batch.
 *
 * The position is taken first, and must be the one before the batch: so a
 * batch whose COMMIT got no answer is simply written again, and finds itself
 * done or not.  Whatever the rows themselves tell to be wrong (a key that is
 * taken, an order that is not there) is a broken invariant: nothing of the
 * batch is kept.
 */
#include "settle/mysql_sink.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "db/db.h"
#include "settle/tables.h"
#include "settle/user_sort.h"
#include "wire/order.h"

/* Which statement writes an order (tables.c). */
enum order_kind {
	ORDERS_RESTING,
	ORDERS_PLAIN,
	ORDERS_TRAILING,
	ORDERS_PAIRED,
	ORDERS_FILLED, /* from here on: opened in an earlier batch */
	ORDERS_ENDED,
	ORDERS_CHANGED,
	ORDERS_KINDS
};

struct mysql_sink {
	struct settle_sink sink; /* first */
	struct ctx *ctx;
	char reason[256];
	/* Orders of the batch: kind by kind, those of each user by user. */
	struct user_sort sort;
	struct rows orders, named;
};

static struct mysql_sink *
self_of(struct settle_sink *sink)
{
	return (struct mysql_sink *)(void *)sink;
}

/* Keep why, also of what MySQL said, and drop what the arena held. */
static enum status
end(struct mysql_sink *self, enum status status)
{
	const char *reason = self->ctx->fault.reason;

	if (status != ST_OK)
		snprintf(self->reason, sizeof(self->reason), "%s",
			reason ? reason : db_error(self->ctx->db));
	self->ctx->fault = (struct fault){0};
	arena_reset(self->ctx->arena);
	return status;
}

static const char *
reason(struct settle_sink *sink)
{
	return self_of(sink)->reason;
}

/* ---- Where we are ----------------------------------------------------- */

static enum status
load_markets(struct ctx *ctx, struct settle_batch *batch)
{
	uint16_t instrument, base, quote;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT id, base_id, quote_id FROM instruments LIMIT 65536",
		DB_NOTHING, &rows));
	while (db_next(rows, DB_OUT(db_to_u16(&instrument), db_to_u16(&base),
				     db_to_u16(&quote)))) {
		if (instrument >= INSTRUMENTS_MAX)
			return fail(ctx, ST_CONFLICT, NULL,
				"the instruments in MySQL are not ours");
		settle_batch_market(batch, instrument, base, quote);
	}
	return ST_OK;
}

static enum status
position(struct settle_sink *sink, struct ident *journal, uint64_t *applied_seq,
	struct settle_batch *batch)
{
	struct mysql_sink *self = self_of(sink);
	struct ctx *ctx = self->ctx;
	enum status status = load_markets(ctx, batch);

	if (status == ST_OK)
		status = db_one(ctx,
			"SELECT journal_id, applied_seq FROM settle_state "
			"WHERE id = 1",
			DB_NOTHING,
			DB_OUT(db_to_ident(journal), db_to_u64(applied_seq)));
	return end(self, status);
}

static enum status
adopt(struct settle_sink *sink, struct ident journal)
{
	struct mysql_sink *self = self_of(sink);
	int64_t now_us = clock_wall_us();

	return end(self, db_exec(self->ctx,
				 "INSERT INTO settle_state (id, journal_id, "
				 "applied_seq, applied_at, updated_at) "
				 "VALUES (1, ?, 0, ?, ?)",
				 DB_IN(db_ident(journal), db_time(now_us),
					 db_time(now_us)),
				 NULL));
}

/* ---- A batch ---------------------------------------------------------- */

struct writing {
	struct mysql_sink *self;
	const struct settle_batch *batch;
	size_t n_orders[ORDERS_KINDS];
};

static enum status
insert(struct ctx *ctx, const struct db_bulk *bulk, const struct rows *rows)
{
	return rows->n == 0
		       ? ST_OK
		       : db_bulk_insert(ctx, bulk, rows->at, rows->n, NULL);
}

static enum order_kind
kind_of_opened(const struct order_row *row)
{
	if (!ident_is_none(row->pair))
		return ORDERS_PAIRED;
	if (row->trail != 0 || row->trail_rate != 0)
		return ORDERS_TRAILING;
	return row->status == ORDER_OPEN && row->reason == 0 &&
			row->quote_budget == 0 && row->stop_price == 0 &&
			row->filled == 0 && row->quote == 0 && row->fee == 0 &&
			row->client_id[0] == '\0' &&
			row->triggered_us == DB_NO_TIME &&
			row->closed_us == DB_NO_TIME
		? ORDERS_RESTING
		: ORDERS_PLAIN;
}

/* What its events said of it, and so what it may be told to keep. */
static enum order_kind
kind_of(const struct order_row *row)
{
	if (row->opened)
		return kind_of_opened(row);
	if (row->price != ROW_KEEP || row->filled == ROW_KEEP ||
		row->quote == ROW_KEEP || row->fee == ROW_KEEP ||
		row->triggered_us != DB_NO_TIME)
		return ORDERS_CHANGED;
	if (row->status == ROW_KEEP_NUMBER)
		return row->quantity == ROW_KEEP ? ORDERS_FILLED : ORDERS_CHANGED;
	return row->quantity != ROW_KEEP && row->closed_us != DB_NO_TIME
		? ORDERS_ENDED
		: ORDERS_CHANGED;
}

/*
 * Orders lie user by user and are written so: neighbours share the pages that
 * they go to.  A user's keep their order, which is that of time.
 */
static void
sort_orders(struct writing *w)
{
	struct mysql_sink *self = w->self;
	const struct rows *rows = &w->batch->orders;
	const uint32_t *by_user = user_sort(
		&self->sort, rows, offsetof(struct order_row, user));
	size_t i, kind, sum = 0, at[ORDERS_KINDS];

	for (i = 0; i < rows->n; i++)
		w->n_orders[kind_of(ROWS_AT(rows, order_row, i))]++;
	for (kind = 0; kind < ORDERS_KINDS; kind++) {
		at[kind] = sum;
		sum += w->n_orders[kind];
	}
	rows_make_room(&self->orders, rows->n);
	self->named.n = 0;
	for (i = 0; i < rows->n; i++) {
		const struct order_row *row =
			ROWS_AT(rows, order_row, by_user[i]);

		*ROWS_AT(&self->orders, order_row, at[kind_of(row)]++) = *row;
		if (row->client_id[0] != '\0')
			*(struct order_row *)rows_add(&self->named) = *row;
	}
}

static enum status
write_orders(struct ctx *ctx, const struct writing *w)
{
	static const struct db_bulk *const bulks[] = {
		[ORDERS_RESTING] = &bulk_orders_resting,
		[ORDERS_PLAIN] = &bulk_orders_opened,
		[ORDERS_TRAILING] = &bulk_orders_trailing,
		[ORDERS_PAIRED] = &bulk_orders_paired,
		[ORDERS_FILLED] = &bulk_orders_filled,
		[ORDERS_ENDED] = &bulk_orders_ended,
		[ORDERS_CHANGED] = &bulk_orders_changed,
	};
	const struct order_row *orders = w->self->orders.at;
	uint64_t affected;
	size_t kind;

	for (kind = 0; kind < ORDERS_KINDS; kind++) {
		if (w->n_orders[kind] == 0)
			continue;
		TRY(db_bulk_insert(ctx, bulks[kind], orders, w->n_orders[kind],
			&affected));
		orders += w->n_orders[kind];
		/* Two for each that was there and changed; seq always does. */
		if (kind >= ORDERS_FILLED && affected != 2 * w->n_orders[kind])
			return fail(ctx, ST_CONFLICT, NULL,
				"an order that changed was never opened here");
	}
	return ST_OK;
}

/*
 * One for each that was opened, two for each that was there and changed.  One
 * that is opened cannot be there: its trade, which has the same key, was new.
 */
static enum status
write_positions(struct ctx *ctx, const struct rows *rows)
{
	uint64_t affected, want = 0;
	size_t i;

	if (rows->n == 0)
		return ST_OK;
	for (i = 0; i < rows->n; i++)
		want += ROWS_AT(rows, position_row, i)->opened ? 1 : 2;
	TRY(db_bulk_insert(
		ctx, &bulk_positions, rows->at, rows->n, &affected));
	if (affected != want)
		return fail(ctx, ST_CONFLICT, NULL,
			"a position that changed was never opened here");
	return ST_OK;
}

static enum status
write_rare(struct ctx *ctx, const struct settle_batch *batch)
{
	size_t i;

	TRY(insert(ctx, &bulk_assets, &batch->assets));
	TRY(insert(ctx, &bulk_instruments, &batch->instruments));
	TRY(insert(ctx, &bulk_users, &batch->users));
	TRY(insert(ctx, &bulk_revocations, &batch->revocations));
	TRY(insert(ctx, &bulk_limits, &batch->limits));
	TRY(insert(ctx, &bulk_risks, &batch->risks));
	TRY(insert(ctx, &bulk_switches, &batch->switches));
	TRY(insert(ctx, &bulk_withdrawals, &batch->withdrawals));
	for (i = 0; i < batch->references.n; i++) {
		const struct reference_row *row =
			ROWS_AT(&batch->references, reference_row, i);

		TRY(db_exec(ctx,
			"UPDATE instruments SET reference_price = ? "
			"WHERE id = ?",
			DB_IN(db_decimal((struct decimal){row->price}),
				db_u64(row->instrument)),
			NULL));
	}
	for (i = 0; i < batch->rates.n; i++) {
		const struct rate_row *row =
			ROWS_AT(&batch->rates, rate_row, i);

		TRY(db_exec(ctx, "UPDATE assets SET usd_rate = ? WHERE id = ?",
			DB_IN(db_decimal((struct decimal){row->rate}),
				db_u64(row->asset)),
			NULL));
	}
	return ST_OK;
}

static enum status
write_rows(struct ctx *ctx, const struct writing *w)
{
	const struct settle_batch *batch = w->batch;

	TRY(write_rare(ctx, batch));
	TRY(write_orders(ctx, w));
	TRY(insert(ctx, &bulk_order_names, &w->self->named));
	TRY(insert(ctx, &bulk_trades, &batch->trades));
	TRY(insert(ctx, &bulk_legs, &batch->legs));
	TRY(insert(ctx, &bulk_balances, &batch->balances));
	TRY(insert(ctx, &bulk_houses, &batch->houses));
	TRY(write_positions(ctx, &batch->positions));
	TRY(insert(ctx, &bulk_candles, &batch->candles));
	TRY(insert(ctx, &bulk_hours, &batch->candles));
	return insert(ctx, &bulk_days, &batch->candles);
}

/* The position was not the one before the batch: is it the one behind it? */
static enum status
explain_position(struct ctx *ctx, const struct settle_batch *batch)
{
	uint64_t applied_seq;
	enum status status = db_one(ctx,
		"SELECT applied_seq FROM settle_state WHERE id = 1 FOR UPDATE",
		DB_NOTHING, DB_OUT(db_to_u64(&applied_seq)));

	if (status == ST_NOT_FOUND)
		return fail(ctx, ST_CONFLICT, NULL,
			"the settler's position is gone from MySQL");
	TRY(status);
	/* An earlier try has done it, whose answer was lost. */
	if (applied_seq == batch->last_seq)
		return ST_OK;
	return fail(ctx, ST_CONFLICT, NULL,
		"MySQL is at sequence %llu, and the batch begins at %llu: does "
		"another settler run?",
		(unsigned long long)applied_seq,
		(unsigned long long)batch->first_seq);
}

/*
 * One statement asks for the position, locks it and advances it: each costs a
 * round trip.  The rows follow in the same transaction.
 */
static enum status
write_tx(struct ctx *ctx, void *arg)
{
	const struct writing *w = arg;
	const struct settle_batch *batch = w->batch;
	struct db_done done;

	TRY(db_exec(ctx,
		"UPDATE settle_state SET applied_seq = ?, applied_at = ?, "
		"updated_at = ? WHERE id = 1 AND applied_seq = ?",
		DB_IN(db_u64(batch->last_seq), db_time(batch->last_us),
			db_time(clock_wall_us()), db_u64(batch->first_seq - 1)),
		&done));
	if (done.affected != 1)
		return explain_position(ctx, batch);
	return write_rows(ctx, w);
}

static enum status
write_batch(struct settle_sink *sink, const struct settle_batch *batch)
{
	struct mysql_sink *self = self_of(sink);
	struct writing w = {.self = self, .batch = batch};

	assert(batch->first_seq != 0);
	sort_orders(&w);
	return end(self, db_tx(self->ctx, write_tx, &w));
}

struct settle_sink *
mysql_sink_new(struct ctx *ctx)
{
	struct mysql_sink *self = calloc(1, sizeof(*self));

	if (!self)
		abort();
	self->sink = (struct settle_sink){
		.position = position,
		.adopt = adopt,
		.write = write_batch,
		.reason = reason,
	};
	self->ctx = ctx;
	rows_init(&self->orders, sizeof(struct order_row));
	rows_init(&self->named, sizeof(struct order_row));
	return &self->sink;
}

void
mysql_sink_free(struct settle_sink *sink)
{
	struct mysql_sink *self = self_of(sink);

	if (!self)
		return;
	user_sort_done(&self->sort);
	free(self->orders.at);
	free(self->named.at);
	free(self);
}
