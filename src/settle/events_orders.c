/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events_orders.c - trades, and what happens to orders.
 */
#include "settle/events.h"

#include <string.h>

#include "base/clock.h"
#include "wire/order.h"

/*
 * The order's row, to be changed.  One that was opened before this batch
 * begins with nothing known but who and where.
 */
static struct order_row *
change_order(struct settle_batch *batch, const struct record *record,
	struct ident id, uint32_t user, uint16_t instrument, uint8_t side)
{
	int is_new;
	struct order_row *row = event_row(
		&batch->orders, &batch->order_index, event_key(id), &is_new);

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

/* ---- Trades ----------------------------------------------------------- */

static void
add_candle(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade)
{
	int64_t minute_us = record->time_us - record->time_us % US_PER_MINUTE;
	int is_new;
	struct candle_row *row = event_row(&batch->candles,
		&batch->candle_index,
		(struct row_key){trade->instrument, (uint64_t)minute_us},
		&is_new);

	if (is_new)
		*row = (struct candle_row){
			.instrument = trade->instrument,
			.minute_us = minute_us,
			.hour_us = record->time_us -
				record->time_us % US_PER_HOUR,
			.day_us = record->time_us -
				record->time_us % US_PER_DAY,
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

/* The five legs, in the order that the reports rely on. */
static void
add_trade_legs(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *t, const struct trade_side *buyer,
	const struct trade_side *seller)
{
	const struct leg_row legs[] = {
		{.user = buyer->user,
			.asset = t->base,
			.amount = t->quantity,
			.balance_after = balance_total(buyer->base_after)},
		{.user = buyer->user,
			.asset = t->quote_asset,
			.amount = -(t->quote + buyer->fee),
			.balance_after = balance_total(buyer->quote_after)},
		{.user = seller->user,
			.asset = t->base,
			.amount = -t->quantity,
			.balance_after = balance_total(seller->base_after)},
		{.user = seller->user,
			.asset = t->quote_asset,
			.amount = t->quote - seller->fee,
			.balance_after = balance_total(seller->quote_after)},
		{.account = ACCOUNT_FEES,
			.asset = t->quote_asset,
			.amount = buyer->fee + seller->fee,
			.balance_after = t->fees_after},
	};
	size_t i;

	for (i = 0; i < N_ELEMENTS(legs); i++) {
		struct leg_row leg = legs[i];

		leg.reference = t->trade;
		event_add_leg(batch, record, &leg);
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

void
event_take_trade(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	const struct trade_side *sides[2];
	struct ev_trade t;
	uint8_t maker_side;
	size_t i;

	message_read(event, &t, sizeof(t));
	maker_side = t.taker_side == SIDE_BUY ? SIDE_SELL : SIDE_BUY;
	/* The maker's side first: of a self-trade the taker's is the last. */
	sides[0] = &t.maker;
	sides[1] = &t.taker;
	for (i = 0; i < 2; i++) {
		event_set_balance(batch, record, sides[i]->user, t.base,
			sides[i]->base_after);
		event_set_balance(batch, record, sides[i]->user, t.quote_asset,
			sides[i]->quote_after);
	}
	event_set_house(
		batch, record, ACCOUNT_FEES, t.quote_asset, t.fees_after);
	fill_order(batch, record, &t, &t.maker, maker_side);
	fill_order(batch, record, &t, &t.taker, t.taker_side);
	event_set_position(
		batch, record, &t, t.maker.user, &t.maker_position);
	event_set_position(
		batch, record, &t, t.taker.user, &t.taker_position);
	add_trade_row(batch, record, &t);
	add_candle(batch, record, &t);
	if (t.taker_side == SIDE_BUY)
		add_trade_legs(batch, record, &t, &t.taker, &t.maker);
	else
		add_trade_legs(batch, record, &t, &t.maker, &t.taker);
}

/* ---- Orders ----------------------------------------------------------- */

void
event_take_order_opened(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_opened e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(
		batch, record, e.order, e.head.user, e.instrument, e.side);
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
	row->trail = e.trail;
	row->trail_rate = e.trail_rate;
	row->pair = e.pair;
	row->filled = 0;
	row->quote = 0;
	row->fee = 0;
	row->opened_us = record->time_us;
	memcpy(row->client_id, e.client_id,
		e.client_id_length <= CLIENT_ID_MAX ? e.client_id_length : 0);
	event_set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}

void
event_take_order_amended(struct settle_batch *batch,
	const struct record *record, const struct message *event)
{
	struct ev_order_amended e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(
		batch, record, e.order, e.head.user, e.instrument, e.side);
	row->price = e.price;
	row->quantity = e.quantity;
	row->filled = e.filled;
	event_set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}

void
event_take_order_triggered(struct settle_batch *batch,
	const struct record *record, const struct message *event)
{
	struct ev_order_triggered e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(
		batch, record, e.order, e.head.user, e.instrument, e.side);
	row->status = ORDER_OPEN;
	row->triggered_us = record->time_us;
	/* The first version did not tell the balance. */
	if (event->size >= sizeof(e))
		event_set_balance(batch, record, e.head.user,
			held_asset(batch, e.instrument, e.side), e.after);
}

void
event_take_order_closed(struct settle_batch *batch, const struct record *record,
	const struct message *event)
{
	struct ev_order_closed e;
	struct order_row *row;

	message_read(event, &e, sizeof(e));
	row = change_order(
		batch, record, e.order, e.head.user, e.instrument, e.side);
	row->status = e.status;
	row->reason = e.reason;
	row->quantity = e.quantity;
	row->filled = e.filled;
	row->quote = e.quote;
	row->fee = e.fee;
	row->closed_us = record->time_us;
	event_set_balance(batch, record, e.head.user,
		held_asset(batch, e.instrument, e.side), e.after);
}
