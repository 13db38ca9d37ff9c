/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events.c - the table of events, and what its functions share.
 *
 * An event that is unknown, or shorter than what we need of it, cannot be
 * skipped: a balance might hang on it.  Fields that are appended later are not
 * read; message_read() cuts them off.  What an event has grown by since its
 * first version is not needed of it: an older journal is settled as well.
 */
#include "settle/events.h"

#include <string.h>

#include "wire/event.h"

/* ---- Shared ----------------------------------------------------------- */

struct row_key
event_key(struct ident id)
{
	struct row_key key;

	memcpy(&key, id.bytes, sizeof(key));
	return key;
}

void *
event_row(struct rows *rows, struct row_index *index, struct row_key key,
	int *is_new)
{
	uint32_t row = row_index_find(index, key, (uint32_t)rows->n, is_new);

	if (*is_new)
		return rows_add(rows);
	return (char *)rows->at + row * rows->size;
}

void
event_set_balance(struct settle_batch *batch, const struct record *record,
	uint32_t user, uint16_t asset, struct balance after)
{
	int is_new;
	struct balance_row *row = event_row(&batch->balances,
		&batch->balance_index, (struct row_key){user, asset}, &is_new);

	*row = (struct balance_row){
		.user = user,
		.asset = asset,
		.available = after.available,
		.held = after.held,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_set_house(struct settle_batch *batch, const struct record *record,
	uint8_t account, uint16_t asset, int64_t balance)
{
	int is_new;
	struct house_row *row = event_row(&batch->houses, &batch->house_index,
		(struct row_key){account, asset}, &is_new);

	*row = (struct house_row){
		.account = account,
		.asset = asset,
		.balance = balance,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

void
event_set_position(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade, uint32_t user,
	const struct position *position)
{
	struct position_row *row;
	int is_new;

	if (ident_is_none(position->id))
		return;
	row = event_row(&batch->positions, &batch->position_index,
		event_key(position->id), &is_new);
	if (is_new)
		*row = (struct position_row){
			.id = position->id,
			.user = user,
			.instrument = trade->instrument,
			.opened = ident_equal(position->id, trade->trade),
			.opened_us = record->time_us,
		};
	row->quantity = position->quantity;
	row->cost = position->cost;
	row->bought = position->bought;
	row->bought_quote = position->bought_quote;
	row->realised = event_amount(position->realised);
	row->updated_us = record->time_us;
	row->closed_us = position->quantity == 0 ? record->time_us : DB_NO_TIME;
	row->seq = record->seq;
}

void
event_add_leg(struct settle_batch *batch, const struct record *record,
	const struct leg_row *leg)
{
	struct leg_row *row = rows_add(&batch->legs);

	*row = *leg;
	row->seq = record->seq;
	row->leg = batch->next_leg++;
	row->posted_us = record->time_us;
}

/* ---- The table -------------------------------------------------------- */

/* A book is not kept in MySQL. */
static void
take_level(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	(void)batch;
	(void)record;
	(void)event;
}

struct handler {
	event_taker *take;
	size_t size_min;
};

static const struct handler handlers[] = {
	[EV_ASSET] = {event_take_asset, sizeof(struct ev_asset)},
	[EV_INSTRUMENT] = {event_take_instrument, sizeof(struct ev_instrument)},
	[EV_REFERENCE_PRICE] = {event_take_reference_price,
		sizeof(struct ev_reference_price)},
	[EV_USER] = {event_take_user, sizeof(struct ev_user)},
	[EV_SESSION_REVOKED] = {event_take_session_revoked,
		sizeof(struct ev_session_revoked)},
	[EV_LIMIT] = {event_take_limit, sizeof(struct ev_limit)},
	[EV_POSTING] = {event_take_posting, sizeof(struct ev_posting)},
	[EV_WITHDRAWAL] = {event_take_withdrawal, sizeof(struct ev_withdrawal)},
	[EV_ORDER_OPENED] = {event_take_order_opened, ORDER_OPENED_SHORT},
	[EV_ORDER_AMENDED] = {event_take_order_amended,
		offsetof(struct ev_order_amended, quote)},
	[EV_ORDER_TRIGGERED] = {event_take_order_triggered,
		offsetof(struct ev_order_triggered, hold)},
	[EV_ORDER_CLOSED] = {event_take_order_closed,
		sizeof(struct ev_order_closed)},
	[EV_TRADE] = {event_take_trade,
		offsetof(struct ev_trade, maker_position)},
	[EV_LEVEL] = {take_level, sizeof(struct ev_level)},
	[EV_CANCEL_AFTER] = {event_take_cancel_after,
		sizeof(struct ev_cancel_after)},
	[EV_RISK] = {event_take_risk, sizeof(struct ev_risk)},
	[EV_ASSET_RATE] = {event_take_asset_rate, sizeof(struct ev_asset_rate)},
};

_Static_assert(N_ELEMENTS(handlers) == EV_END, "an event has no handler");

/* The instrument of an event that cannot be taken without it; -1: of none. */
static int
instrument_of(const struct message *event)
{
	switch ((int)event->type) {
	case EV_ORDER_OPENED:
		return ((const struct ev_order_opened *)event)->instrument;
	case EV_ORDER_AMENDED:
		return ((const struct ev_order_amended *)event)->instrument;
	case EV_ORDER_TRIGGERED:
		return ((const struct ev_order_triggered *)event)->instrument;
	case EV_ORDER_CLOSED:
		return ((const struct ev_order_closed *)event)->instrument;
	default:
		return -1;
	}
}

const char *
event_fault(const struct settle_batch *batch, const struct message *event)
{
	int instrument;

	if (event->type >= N_ELEMENTS(handlers) || !handlers[event->type].take)
		return "this version does not know such an event";
	if (event->size < handlers[event->type].size_min)
		return "the event is too short";
	if (event->type == EV_INSTRUMENT &&
		((const struct ev_instrument *)event)->terms.instrument >=
			INSTRUMENTS_MAX)
		return "there cannot be so many instruments";
	instrument = instrument_of(event);
	if (instrument >= 0 && (instrument >= INSTRUMENTS_MAX ||
				       !batch->markets[instrument].known))
		return "of an instrument that was never made";
	return NULL;
}

void
event_learn_market(struct settle_batch *batch, const struct message *event)
{
	struct ev_instrument e;

	message_read(event, &e, sizeof(e));
	settle_batch_market(
		batch, e.terms.instrument, e.terms.base, e.terms.quote);
}

void
event_take(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	handlers[event->type].take(batch, record, event);
}
