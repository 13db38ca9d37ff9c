/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * batch.h - the records of a while, as the rows that they end up in.
 *
 * Events carry the values after the change, so the last event about a row is
 * the row: a balance that changes a thousand times in a batch is written once.
 * Legs and trades are history, and all kept.
 *
 * The batch computes nothing but candles, which are sums, and the asset that
 * an order holds, which is its instrument's base or quote.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "settle/row_index.h"
#include "settle/rows.h"
#include "wire/record.h"

/* A growing array of a struct, kept from batch to batch. */
struct rows {
	void *at;
	size_t n, room, size;
};

/* Empty; the caller frees what is at AT. */
void rows_init(struct rows *rows, size_t size);
/* See that there is room for N in all. */
void rows_make_room(struct rows *rows, size_t n);
/* A new row of zeros at the end. */
void *rows_add(struct rows *rows);

#define ROWS_AT(rows, type, i) (&((struct type *)(rows)->at)[i])

/* What has to be known of an instrument to tell which asset an order holds. */
struct market {
	bool known;
	uint16_t base, quote;
};

struct settle_batch {
	uint64_t first_seq; /* 0: empty */
	uint64_t last_seq;
	int64_t first_us; /* times of those commands */
	int64_t last_us;
	size_t n_records;

	struct rows legs;
	struct rows trades;
	struct rows orders;
	struct rows balances;
	struct rows houses;
	struct rows positions;
	struct rows candles;
	struct rows users;
	struct rows revocations;
	struct rows limits;
	struct rows risks;
	struct rows switches;
	struct rows withdrawals;
	struct rows assets;
	struct rows instruments;
	struct rows references;
	struct rows rates;

	struct row_index order_index;
	struct row_index balance_index;
	struct row_index house_index;
	struct row_index position_index;
	struct row_index candle_index;
	struct row_index user_index;
	struct row_index limit_index;
	struct row_index risk_index;
	struct row_index switch_index;
	struct row_index withdrawal_index;

	/* Over all batches; loaded at the start, kept up by their events. */
	struct market markets[INSTRUMENTS_MAX];

	uint16_t next_leg; /* of the record in hand */
	char reason[160];  /* after a failure */
};

struct settle_batch *settle_batch_new(void);
void settle_batch_free(struct settle_batch *batch);

/* Forget the rows, keep the markets. */
void settle_batch_clear(struct settle_batch *batch);

/* Tell of an instrument that was made before the first batch. */
void settle_batch_market(struct settle_batch *batch, uint16_t instrument,
	uint16_t base, uint16_t quote);

/*
 * Add RECORD, which is well-formed and follows the last one.  ST_INTERNAL with
 * a reason when it holds something that cannot be handled: the caller must
 * halt, and may settle what was added before, of which nothing has changed.
 */
enum status settle_batch_add(
	struct settle_batch *batch, const struct record *record) MUST_USE;

/*
 * For who walks a whole journal and is after its end: forget all rows but the
 * balances and the positions, which keep growing.
 */
void settle_batch_keep_balances(struct settle_batch *batch);

/*
 * A position, or the balance of a customer or of the house, as of the batch;
 * NULL: not in it.
 */
const struct position_row *settle_batch_position(
	const struct settle_batch *batch, struct ident id);
const struct balance_row *settle_batch_balance(
	const struct settle_batch *batch, uint32_t user, uint16_t asset);
const struct house_row *settle_batch_house(
	const struct settle_batch *batch, uint8_t account, uint16_t asset);

/* Rows of all kinds: what it will cost. */
size_t settle_batch_size(const struct settle_batch *batch);
