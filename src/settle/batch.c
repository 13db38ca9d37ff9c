/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * batch.c - making, emptying and walking a batch.
 *
 * A record is walked twice: first to see that every event is one that we can
 * handle, then to take them in.  So a record that cannot be handled leaves the
 * batch as it was.
 */
#include "settle/batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settle/events.h"
#include "wire/event.h"

#define ROOM_FIRST 256

void
rows_init(struct rows *rows, size_t size)
{
	*rows = (struct rows){.size = size};
	rows_make_room(rows, ROOM_FIRST);
}

void
rows_make_room(struct rows *rows, size_t n)
{
	if (n <= rows->room)
		return;
	rows->room = n > rows->room * 2 ? n : rows->room * 2;
	rows->at = reallocarray(rows->at, rows->room, rows->size);
	if (!rows->at)
		abort();
}

void *
rows_add(struct rows *rows)
{
	void *row;

	rows_make_room(rows, rows->n + 1);
	row = (char *)rows->at + rows->n++ * rows->size;
	memset(row, 0, rows->size);
	return row;
}

/* Every table of the batch: X(rows, struct). */
#define TABLES(X)                                                              \
	X(legs, leg_row)                                                       \
	X(trades, trade_row)                                                   \
	X(orders, order_row)                                                   \
	X(balances, balance_row)                                               \
	X(houses, house_row)                                                   \
	X(positions, position_row)                                             \
	X(candles, candle_row)                                                 \
	X(users, user_row)                                                     \
	X(revocations, revocation_row)                                         \
	X(limits, limit_row)                                                   \
	X(risks, risk_row)                                                     \
	X(switches, switch_row)                                                \
	X(withdrawals, withdrawal_row)                                         \
	X(assets, asset_row)                                                   \
	X(instruments, instrument_row)                                         \
	X(references, reference_row)                                           \
	X(rates, rate_row)

#define INDEXES(X)                                                             \
	X(order_index)                                                         \
	X(balance_index)                                                       \
	X(house_index)                                                         \
	X(position_index)                                                      \
	X(candle_index)                                                        \
	X(user_index)                                                          \
	X(limit_index)                                                         \
	X(risk_index)                                                          \
	X(switch_index)                                                        \
	X(withdrawal_index)

struct settle_batch *
settle_batch_new(void)
{
	struct settle_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		abort();
#define X(rows, type) rows_init(&batch->rows, sizeof(struct type));
	TABLES(X)
#undef X
#define X(index) row_index_init(&batch->index);
	INDEXES(X)
#undef X
	return batch;
}

void
settle_batch_free(struct settle_batch *batch)
{
	if (!batch)
		return;
#define X(rows, type) free(batch->rows.at);
	TABLES(X)
#undef X
#define X(index) row_index_done(&batch->index);
	INDEXES(X)
#undef X
	free(batch);
}

void
settle_batch_clear(struct settle_batch *batch)
{
	batch->first_seq = 0;
	batch->last_seq = 0;
	batch->n_records = 0;
	batch->reason[0] = '\0';
#define X(rows, type) batch->rows.n = 0;
	TABLES(X)
#undef X
#define X(index) row_index_clear(&batch->index);
	INDEXES(X)
#undef X
}

void
settle_batch_keep_balances(struct settle_batch *batch)
{
	struct rows balances = batch->balances, houses = batch->houses;
	struct rows positions = batch->positions;

#define X(rows, type) batch->rows.n = 0;
	TABLES(X)
#undef X
	batch->balances = balances;
	batch->houses = houses;
	batch->positions = positions;
	row_index_clear(&batch->order_index);
	row_index_clear(&batch->candle_index);
	row_index_clear(&batch->user_index);
	row_index_clear(&batch->limit_index);
	row_index_clear(&batch->risk_index);
	row_index_clear(&batch->switch_index);
	row_index_clear(&batch->withdrawal_index);
}

const struct position_row *
settle_batch_position(const struct settle_batch *batch, struct ident id)
{
	uint32_t row;

	if (!row_index_has(&batch->position_index, event_key(id), &row))
		return NULL;
	return ROWS_AT(&batch->positions, position_row, row);
}

const struct balance_row *
settle_batch_balance(
	const struct settle_batch *batch, uint32_t user, uint16_t asset)
{
	uint32_t row;

	if (!row_index_has(
		    &batch->balance_index, (struct row_key){user, asset}, &row))
		return NULL;
	return ROWS_AT(&batch->balances, balance_row, row);
}

const struct house_row *
settle_batch_house(
	const struct settle_batch *batch, uint8_t account, uint16_t asset)
{
	uint32_t row;

	if (!row_index_has(&batch->house_index,
		    (struct row_key){account, asset}, &row))
		return NULL;
	return ROWS_AT(&batch->houses, house_row, row);
}

size_t
settle_batch_size(const struct settle_batch *batch)
{
	size_t n = 0;

#define X(rows, type) n += batch->rows.n;
	TABLES(X)
#undef X
	return n;
}

void
settle_batch_market(struct settle_batch *batch, uint16_t instrument,
	uint16_t base, uint16_t quote)
{
	batch->markets[instrument] = (struct market){true, base, quote};
}

/* ---- Records ---------------------------------------------------------- */

static enum status
refuse(struct settle_batch *batch, const struct record *record,
	const struct message *event, const char *why)
{
	snprintf(batch->reason, sizeof(batch->reason),
		"sequence %llu, event %u (%s): %s",
		(unsigned long long)record->seq, event->type,
		event_name(event->type), why);
	return ST_INTERNAL;
}

static enum status
check_record(struct settle_batch *batch, const struct record *record)
{
	const struct message *event = record_events(record);
	uint32_t i;

	for (i = 0; i < record->n_events; i++, event = message_next(event)) {
		const char *why = event_fault(batch, event);

		if (why)
			return refuse(batch, record, event, why);
		/* The market of an order may have been made just before it. */
		if (event->type == EV_INSTRUMENT)
			event_learn_market(batch, event);
	}
	return ST_OK;
}

enum status
settle_batch_add(struct settle_batch *batch, const struct record *record)
{
	const struct message *event = record_events(record);
	uint32_t i;

	if (batch->last_seq != 0 && record->seq != batch->last_seq + 1) {
		snprintf(batch->reason, sizeof(batch->reason),
			"sequence %llu follows %llu",
			(unsigned long long)record->seq,
			(unsigned long long)batch->last_seq);
		return ST_INTERNAL;
	}
	TRY(check_record(batch, record));
	batch->next_leg = 0;
	for (i = 0; i < record->n_events; i++, event = message_next(event))
		event_take(batch, record, event);
	if (batch->first_seq == 0) {
		batch->first_seq = record->seq;
		batch->first_us = record->time_us;
	}
	batch->last_seq = record->seq;
	batch->last_us = record->time_us;
	batch->n_records++;
	return ST_OK;
}
