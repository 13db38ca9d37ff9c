/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events.c - one function for each event.
 *
 * An event that is unknown, or shorter than what we need of it, cannot be
 * skipped: a balance might hang on it.  Fields that are appended later are not
 * read; message_read() cuts them off.
 */
#include "settle/events.h"

#include <string.h>

#include "base/clock.h"
#include "wire/event.h"
#include "wire/order.h"

/* ---- Finding the row -------------------------------------------------------- */

static struct row_key
key_of_ident(struct ident id)
{
	struct row_key key;

	memcpy(&key, id.bytes, sizeof(key));
	return key;
}

/* The row of KEY in ROWS, made if it is not there. */
static void *
row_of(struct rows *rows, struct row_index *index, struct row_key key, int *is_new)
{
	uint32_t row = row_index_find(index, key, (uint32_t)rows->n, is_new);

	if (*is_new)
		return rows_add(rows);
	return (char *)rows->at + row * rows->size;
}

static void
set_balance(struct settle_batch *batch, const struct record *record,
	uint32_t user, uint16_t asset, struct balance after)
{
	int is_new;
	struct balance_row *row = row_of(&batch->balances,
		&batch->balance_index, (struct row_key){user, asset},
		&is_new);

	*row = (struct balance_row){
		.user = user,
		.asset = asset,
		.available = after.available,
		.held = after.held,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

static void
set_house(struct settle_batch *batch, const struct record *record,
	uint8_t account, uint16_t asset, int64_t balance)
{
	int is_new;
	struct house_row *row = row_of(&batch->houses, &batch->house_index,
		(struct row_key){account, asset}, &is_new);

	*row = (struct house_row){
		.account = account,
		.asset = asset,
		.balance = balance,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

/*
 * The order's row, to be changed.  One that was opened before this batch
 * begins with nothing known but who and where.
 */
static struct order_row *
change_order(struct settle_batch *batch, const struct record *record,
	struct ident id, uint32_t user, uint16_t instrument, uint8_t side)
{
	int is_new;
	struct order_row *row = row_of(&batch->orders, &batch->order_index,
		key_of_ident(id), &is_new);

	if (is_new)
		*row = (struct order_row){
			.id = id,
			.user = user,
			.instrument = instrument,
			.side = side,
			.status = ROW_KEEP_NUMBER,
			.price = ROW_KEEP,
			.quantity = ROW_KEEP,
			.filled = ROW_KEEP,
			.quote = ROW_KEEP,
			.fee = ROW_KEEP,
			.opened_us = record->time_us, /* never written */
			.triggered_us = DB_NO_TIME,
			.closed_us = DB_NO_TIME,
		};
	row->updated_us = record->time_us;
	row->seq = record->seq;
	return row;
}

/* What a buy sets aside is quote, a sell base. */
static uint16_t
held_asset(const struct settle_batch *batch, uint16_t instrument, uint8_t side)
{
	const struct market *market = &batch->markets[instrument];

	return side == SIDE_BUY ? market->quote : market->base;
}

static void
add_leg(struct settle_batch *batch, const struct record *record,
	const struct leg_row *leg)
{
	struct leg_row *row = rows_add(&batch->legs);

	*row = *leg;
	row->seq = record->seq;
	row->leg = batch->next_leg++;
	row->posted_us = record->time_us;
}

/* ---- Trades ------------------------------------------------------------------ */

static void
add_candle(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade)
{
	int64_t minute_us = record->time_us - record->time_us % US_PER_MINUTE;
	int is_new;
	struct candle_row *row = row_of(&batch->candles, &batch->candle_index,
		(struct row_key){trade->instrument, (uint64_t)minute_us},
		&is_new);

	if (is_new)
		*row = (struct candle_row){
			.instrument = trade->instrument,
			.minute_us = minute_us,
			.open = trade->price,
			.high = trade->price,
			.low = trade->price,
		};
	if (trade->price > row->high)
		row->high = trade->price;
	if (trade->price < row->low)
		row->low = trade->price;
	row->close = trade->price;
	row->volume += trade->quantity;
	row->quote_volume += trade->quote;
	row->trades++;
}

static void
fill_order(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade, const struct trade_side *side,
	uint8_t which)
{
	struct order_row *row = change_order(batch, record, side->order,
		side->user, trade->instrument, which);

	row->filled = side->filled;
	row->quote = side->quote;
	row->fee = side->fees;
}

static int64_t
total(struct balance balance)
{
	return balance.available + balance.held;
}

/* The five legs, in the order that the reports rely on. */
static void
add_trade_legs(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *t, const struct trade_side *buyer,
	const struct trade_side *seller)
{
	const struct leg_row legs[] = {
		{.user = buyer->user, .asset = t->base,
			.amount = t->quantity,
			.balance_after = total(buyer->base_after)},
		{.user = buyer->user, .asset = t->quote_asset,
			.amount = -(t->quote + buyer->fee),
			.balance_after = total(buyer->quote_after)},
		{.user = seller->user, .asset = t->base,
			.amount = -t->quantity,
			.balance_after = total(seller->base_after)},
		{.user = seller->user, .asset = t->quote_asset,
			.amount = t->quote - seller->fee,
			.balance_after = total(seller->quote_after)},
		{.account = ACCOUNT_FEES, .asset = t->quote_asset,
			.amount = buyer->fee + seller->fee,
			.balance_after = t->fees_after},
	};
	size_t i;

	for (i = 0; i < N_ELEMENTS(legs); i++) {
		struct leg_row leg = legs[i];

		leg.reference = t->trade;
		add_leg(batch, record, &leg);
	}
}

static void
add_trade_row(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade)
{
	struct trade_row *row = rows_add(&batch->trades);

	*row = (struct trade_row){
		.id = trade->trade,
		.seq = record->seq,
		.instrument = trade->instrument,
		.taker_side = trade->taker_side,
		.maker_user = trade->maker.user,
		.taker_user = trade->taker.user,
		.price = trade->price,
		.quantity = trade->quantity,
		.quote = trade->quote,
		.maker_order = trade->maker.order,
		.taker_order = trade->taker.order,
		.maker_fee = trade->maker.fee,
		.taker_fee = trade->taker.fee,
		.executed_us = record->time_us,
	};
}

static void
take_trade(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	const struct trade_side *sides[2];
	struct ev_trade t;
	uint8_t maker_side;
	size_t i;

	message_read(event, &t, sizeof(t));
	maker_side = t.taker_side == SIDE_BUY ? SIDE_SELL : SIDE_BUY;
	/* The maker's balances first: of a self-trade the taker's are last. */
	sides[0] = &t.maker;
	sides[1] = &t.taker;
	for (i = 0; i < 2; i++) {
		set_balance(batch, record, sides[i]->user, t.base,
			sides[i]->base_after);
		set_balance(batch, record, sides[i]->user, t.quote_asset,
			sides[i]->quote_after);
	}
	set_house(batch, record, ACCOUNT_FEES, t.quote_asset, t.fees_after);
	fill_order(batch, record, &t, &t.maker, maker_side);
	fill_order(batch, record, &t, &t.taker, t.taker_side);
	add_trade_row(batch, record, &t);
	add_candle(batch, record, &t);
	if (t.taker_side == SIDE_BUY)
		add_trade_legs(batch, record, &t, &t.taker, &t.maker);
	else
		add_trade_legs(batch, record, &t, &t.maker, &t.taker);
}

/* ---- Orders ------------------------------------------------------------------ */

static void
take_order_opened(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_opened e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(batch, record, e.order, e.head.user, e.instrument,
		e.side);
	row->opened = true;
	row->type = e.type;
	row->tif = e.tif;
	row->stp = e.stp;
	row->flags = e.flags;
	row->status = e.status;
	row->price = e.price;
	row->quantity = e.quantity;
	row->quote_budget = e.quote_budget;
	row->stop_price = e.stop_price;
	row->filled = 0;
	row->quote = 0;
	row->fee = 0;
	row->opened_us = record->time_us;
	memcpy(row->client_id, e.client_id,
		e.client_id_length <= CLIENT_ID_MAX ? e.client_id_length : 0);
	set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}

static void
take_order_amended(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_amended e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(batch, record, e.order, e.head.user, e.instrument,
		e.side);
	row->price = e.price;
	row->quantity = e.quantity;
	row->filled = e.filled;
	set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}

static void
take_order_triggered(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_triggered e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(batch, record, e.order, e.head.user, e.instrument,
		e.side);
	row->status = ORDER_OPEN;
	row->triggered_us = record->time_us;
}

static void
take_order_closed(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_closed e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(batch, record, e.order, e.head.user, e.instrument,
		e.side);
	row->status = e.status;
	row->reason = e.reason;
	row->quantity = e.quantity;
	row->filled = e.filled;
	row->quote = e.quote;
	row->fee = e.fee;
	row->closed_us = record->time_us;
	set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}

/* ---- Money from outside ------------------------------------------------------- */

static void
take_posting(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_posting e;

	message_read(event, &e, sizeof(e));
	if (e.account == ACCOUNT_CUSTOMER)
		set_balance(batch, record, e.head.user, e.asset, e.after);
	else
		set_house(batch, record, e.account, e.asset, e.after.available);
	/* A change of a hold alone is no posting. */
	if (e.amount == 0)
		return;
	add_leg(batch, record,
		&(struct leg_row){
			.account = e.account,
			.cause = (uint8_t)record_command(record)->type,
			.asset = e.asset,
			.user = e.head.user,
			.amount = e.amount,
			.balance_after = total(e.after),
			.reference = e.reference,
		});
}

static void
take_withdrawal(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_withdrawal e;
	struct withdrawal_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = row_of(&batch->withdrawals, &batch->withdrawal_index,
		key_of_ident(e.withdrawal), &is_new);
	*row = (struct withdrawal_row){
		.id = e.withdrawal,
		.user = e.head.user,
		.asset = e.asset,
		.state = e.state,
		.amount = e.amount,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

/* ---- Users and markets --------------------------------------------------------- */

static void
take_user(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_user e;
	struct user_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = row_of(&batch->users, &batch->user_index,
		(struct row_key){e.head.user, 0}, &is_new);
	*row = (struct user_row){
		.user = e.head.user,
		.public_id = e.public_id,
		.role = e.role,
		.locked = e.locked,
		.reduce_only = e.reduce_only,
		.epoch = e.epoch,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

static void
take_session_revoked(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct revocation_row *row = rows_add(&batch->revocations);
	struct ev_session_revoked e;

	message_read(event, &e, sizeof(e));
	row->session = e.session;
	row->user = e.head.user;
	row->expires_us = e.expires_us;
	row->seq = record->seq;
}

static void
take_limit(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_limit e;
	struct limit_row *row;
	int is_new;

	message_read(event, &e, sizeof(e));
	row = row_of(&batch->limits, &batch->limit_index,
		(struct row_key){e.head.user,
			(uint64_t)e.type << 16 | e.instrument},
		&is_new);
	*row = (struct limit_row){
		.user = e.head.user,
		.type = e.type,
		.instrument = e.instrument,
		.value = e.type == LIMIT_OPEN_ORDERS ? e.value * DECIMAL_ONE
						     : e.value,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
}

static void
take_asset(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct asset_row *row = rows_add(&batch->assets);
	struct ev_asset e;

	message_read(event, &e, sizeof(e));
	row->asset = e.asset;
	memcpy(row->code, e.code, sizeof(row->code));
	row->seq = record->seq;
}

static void
take_instrument(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct instrument_row *row = rows_add(&batch->instruments);
	const struct instrument_terms *terms;
	struct ev_instrument e;

	message_read(event, &e, sizeof(e));
	terms = &e.terms;
	*row = (struct instrument_row){
		.instrument = terms->instrument,
		.base = terms->base,
		.quote = terms->quote,
		.fee_asset = terms->fee_asset,
		.tick = terms->tick,
		.lot = terms->lot,
		.min_notional = terms->min_notional,
		.maker_rate = terms->maker_rate,
		.taker_rate = terms->taker_rate,
		.band_low = terms->band_low,
		.band_high = terms->band_high,
		.collar = terms->collar,
		.status = terms->status,
		.seq = record->seq,
		.updated_us = record->time_us,
	};
	memcpy(row->symbol, terms->symbol, sizeof(row->symbol));
	event_learn_market(batch, event);
}

static void
take_reference_price(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct reference_row *row = rows_add(&batch->references);
	struct ev_reference_price e;

	(void)record;
	message_read(event, &e, sizeof(e));
	row->instrument = e.instrument;
	row->price = e.price;
}

/* A book is not kept in MySQL. */
static void
take_level(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	(void)batch;
	(void)record;
	(void)event;
}

/* ---- The table ------------------------------------------------------------------ */

struct handler {
	void (*take)(struct settle_batch *batch, const struct record *record,
		const struct message *event);
	size_t size_min;
};

static const struct handler handlers[] = {
	[EV_ASSET] = {take_asset, sizeof(struct ev_asset)},
	[EV_INSTRUMENT] = {take_instrument, sizeof(struct ev_instrument)},
	[EV_REFERENCE_PRICE] = {take_reference_price,
		sizeof(struct ev_reference_price)},
	[EV_USER] = {take_user, sizeof(struct ev_user)},
	[EV_SESSION_REVOKED] = {take_session_revoked,
		sizeof(struct ev_session_revoked)},
	[EV_LIMIT] = {take_limit, sizeof(struct ev_limit)},
	[EV_POSTING] = {take_posting, sizeof(struct ev_posting)},
	[EV_WITHDRAWAL] = {take_withdrawal, sizeof(struct ev_withdrawal)},
	[EV_ORDER_OPENED] = {take_order_opened, ORDER_OPENED_SHORT},
	[EV_ORDER_AMENDED] = {take_order_amended,
		sizeof(struct ev_order_amended)},
	[EV_ORDER_TRIGGERED] = {take_order_triggered,
		sizeof(struct ev_order_triggered)},
	[EV_ORDER_CLOSED] = {take_order_closed, sizeof(struct ev_order_closed)},
	[EV_TRADE] = {take_trade, sizeof(struct ev_trade)},
	[EV_LEVEL] = {take_level, sizeof(struct ev_level)},
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
	settle_batch_market(batch, e.terms.instrument, e.terms.base,
		e.terms.quote);
}

void
event_take(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	handlers[event->type].take(batch, record, event);
}
