/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_record.c - what the matcher's records say of an order.
 */
#include "domain/core.h"
#include "domain/order_parts.h"
#include "json/fields.h"

/* A rate is parts of 10^6, so a percent of it is 10^4. */
#define UNITS_OF_RATE (DECIMAL_ONE / 10000)

struct decimal
order_percent_of(uint32_t rate)
{
	return decimal_or_none((int64_t)rate * UNITS_OF_RATE);
}

struct decimal
order_average(const struct order *order)
{
	struct decimal average;

	if (order->filled.units == 0 ||
		decimal_div_down(order->quote, order->filled, &average) !=
			ST_OK)
		return DECIMAL_NONE;
	return average;
}

static void
take_opened(struct ctx *ctx, const struct message *message, struct order *order)
{
	struct ev_order_opened ev;
	size_t length;

	message_read(message, &ev, sizeof(ev));
	order->id = ev.order;
	order->user = ev.head.user;
	order->instrument = ev.instrument;
	order->side = ev.side;
	order->type = ev.type;
	order->tif = ev.tif;
	order->stp = ev.stp;
	order->post_only = (ev.flags & ORDER_POST_ONLY) != 0;
	order->status = ev.status;
	order->price = decimal_or_none(ev.price);
	order->quantity.units = ev.quantity;
	order->quote_budget = decimal_or_none(ev.quote_budget);
	order->stop_price = decimal_or_none(ev.stop_price);
	order->trail = decimal_or_none(ev.trail);
	order->trail_percent = order_percent_of(ev.trail_rate);
	order->pair = ev.pair;
	length = ev.client_id_length <= CLIENT_ID_MAX ? ev.client_id_length
						      : CLIENT_ID_MAX;
	if (length > 0)
		order->client_id =
			arena_strndup(ctx->arena, ev.client_id, length);
}

static void
take_amended(const struct message *message, struct order *order)
{
	struct ev_order_amended ev;

	message_read(message, &ev, sizeof(ev));
	order->instrument = ev.instrument;
	order->side = ev.side;
	order->status = ORDER_OPEN;
	order->price = decimal_or_none(ev.price);
	order->quantity.units = ev.quantity;
	order->filled.units = ev.filled;
	order->quote.units = ev.quote;
	order->fee.units = ev.fee;
}

static void
take_closed(const struct message *message, struct order *order, int64_t time_us)
{
	struct ev_order_closed ev;

	message_read(message, &ev, sizeof(ev));
	order->instrument = ev.instrument;
	order->side = ev.side;
	order->status = ev.status;
	order->reason = ev.reason;
	order->quantity.units = ev.quantity;
	order->filled.units = ev.filled;
	order->quote.units = ev.quote;
	order->fee.units = ev.fee;
	order->closed_us = time_us;
}

static void
take_trade(const struct ev_trade *ev, struct order_receipt *receipt,
	int64_t time_us)
{
	struct order *order = &receipt->order;
	bool maker = ident_equal(ev->maker.order, order->id);
	const struct trade_side *own = maker ? &ev->maker : &ev->taker;

	if (!maker && !ident_equal(ev->taker.order, order->id))
		return;
	order->filled.units = own->filled;
	order->quote.units = own->quote;
	order->fee.units = own->fees;
	receipt->fills[receipt->n_fills++] = (struct trade){
		.id = ev->trade,
		.order = own->order,
		.instrument = ev->instrument,
		.side = order->side,
		.maker = maker,
		.price = {ev->price},
		.quantity = {ev->quantity},
		.quote = {ev->quote},
		.fee = {own->fee},
		.executed_us = time_us,
	};
}

/* Whether an event that begins with head and order is about ORDER. */
static bool
is_about(const struct message *message, const struct order *order)
{
	/* opened, closed, amended, triggered alike: their order is first. */
	struct ev_order_triggered ev;

	message_read(message, &ev, sizeof(ev));
	return ident_equal(ev.order, order->id);
}

void
order_read_record(struct ctx *ctx, const struct record *record,
	struct order_receipt *receipt)
{
	struct order *order = &receipt->order;
	const struct message *message = NULL;
	struct ev_trade trade;

	receipt->fills = arena_array(ctx->arena, record->n_events,
		sizeof(*receipt->fills));
	order->updated_us = record->time_us;
	while ((message = core_event(record, message)) != NULL) {
		if (message->type == EV_ORDER_OPENED &&
			(ident_is_none(order->id) ||
				is_about(message, order))) {
			take_opened(ctx, message, order);
			order->opened_us = record->time_us;
		} else if (message->type == EV_TRADE) {
			message_read(message, &trade, sizeof(trade));
			take_trade(&trade, receipt, record->time_us);
		} else if (message->type == EV_ORDER_AMENDED &&
			   is_about(message, order)) {
			take_amended(message, order);
		} else if (message->type == EV_ORDER_CLOSED &&
			   is_about(message, order)) {
			take_closed(message, order, record->time_us);
		} else if (message->type == EV_ORDER_TRIGGERED &&
			   is_about(message, order)) {
			order->status = ORDER_OPEN;
			order->triggered_us = record->time_us;
		}
	}
}

/* Order and fills are all of one market. */
void
order_put_names(struct ctx *ctx, const struct market *market,
	struct order_receipt *receipt)
{
	size_t i;

	receipt->order.symbol = arena_strdup(ctx->arena, market->symbol);
	receipt->order.price_places = market->price_places;
	for (i = 0; i < receipt->n_fills; i++) {
		receipt->fills[i].symbol = receipt->order.symbol;
		receipt->fills[i].price_places = market->price_places;
	}
}

struct order_receipt
order_receipt_empty(void)
{
	return (struct order_receipt){
		.order = {.triggered_us = TIME_NONE,
			.closed_us = TIME_NONE,
			.price = DECIMAL_NONE,
			.quote_budget = DECIMAL_NONE,
			.stop_price = DECIMAL_NONE,
			.trail = DECIMAL_NONE,
			.trail_percent = DECIMAL_NONE},
	};
}
