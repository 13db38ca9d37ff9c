/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order.c - orders as commands, and what the matcher's records say of them.
 */
#include "domain/order.h"

#include <string.h>

#include "auth/session.h"
#include "domain/core.h"
#include "json/fields.h"
#include "wire/ids.h"

static struct decimal
or_none(int64_t units)
{
	return units == 0 ? DECIMAL_NONE : (struct decimal){units};
}

static int64_t
or_zero(struct decimal value)
{
	return decimal_is_none(value) ? 0 : value.units;
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

/* Is ID an order of the session's user, as far as can be told from it? */
static bool
is_mine(const struct ctx *ctx, struct ident id)
{
	struct order_name name;

	return order_ident_split(id, &name) && name.user == ctx->session->user;
}

/* ---- Reading a record -------------------------------------------------- */

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
	order->price = or_none(ev.price);
	order->quantity.units = ev.quantity;
	order->quote_budget = or_none(ev.quote_budget);
	order->stop_price = or_none(ev.stop_price);
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
	order->price = or_none(ev.price);
	order->quantity.units = ev.quantity;
	order->filled.units = ev.filled;
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
	/* closed, amended and triggered alike; their order stands first. */
	struct ev_order_triggered ev;

	message_read(message, &ev, sizeof(ev));
	return ident_equal(ev.order, order->id);
}

/*
 * Go through RECORD for what it says of RECEIPT's order.  The first
 * ORDER_OPENED names the order of a placement; after an amendment the id is
 * there already.
 */
static void
read_record(struct ctx *ctx, const struct record *record,
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
			ident_is_none(order->id)) {
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
static void
put_names(struct ctx *ctx, const struct market *market,
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

static struct order_receipt
empty_receipt(void)
{
	return (struct order_receipt){
		.order = {.triggered_us = TIME_NONE,
			.closed_us = TIME_NONE,
			.price = DECIMAL_NONE,
			.quote_budget = DECIMAL_NONE,
			.stop_price = DECIMAL_NONE},
	};
}

/* ---- Writing ----------------------------------------------------------- */

static enum status
missing(struct ctx *ctx, const char *field)
{
	ctx->fault.kind = FAULT_MISSING;
	return fail(ctx, ST_INVALID, field, "%s is required", field);
}

/* What the matcher would only call wrong, but is not there at all. */
static enum status
check_ticket(struct ctx *ctx, const struct order_ticket *ticket)
{
	bool stop = ticket->type == TYPE_STOP_LOSS ||
		    ticket->type == TYPE_TAKE_PROFIT;

	if (ticket->type == TYPE_LIMIT && decimal_is_none(ticket->price))
		return missing(ctx, "price");
	if (stop && decimal_is_none(ticket->stop_price))
		return missing(ctx, "stop_price");
	if (decimal_is_none(ticket->quantity) &&
		(ticket->type != TYPE_MARKET ||
			decimal_is_none(ticket->quote_budget)))
		return missing(ctx, "quantity");
	return ST_OK;
}

/* CLIENT_ID into a message's tail; its new size, or the fault. */
static enum status
put_client_id(struct ctx *ctx, const char *client_id, uint8_t *length,
	char tail[CLIENT_ID_MAX])
{
	size_t n = strlen(client_id);

	if (n == 0 || n > CLIENT_ID_MAX)
		return core_refused(ctx, REFUSED_BAD_CLIENT_ID);
	*length = (uint8_t)n;
	memcpy(tail, client_id, n);
	return ST_OK;
}

enum status
order_place(struct ctx *ctx, const struct order_ticket *ticket,
	struct order_receipt *out)
{
	struct cmd_order_place command = {
		.head = {.size = ORDER_PLACE_SHORT,
			.type = CMD_ORDER_PLACE,
			.user = ctx->session->user},
		.side = ticket->side,
		.type = ticket->type,
		.tif = ticket->tif,
		.stp = ticket->stp,
		.flags = ticket->post_only ? ORDER_POST_ONLY : 0,
		.quantity = or_zero(ticket->quantity),
		.quote_budget = or_zero(ticket->quote_budget),
		.stop_price = or_zero(ticket->stop_price),
	};
	struct order_receipt receipt = empty_receipt();
	struct core_answer answer;
	struct market market;

	TRY(check_ticket(ctx, ticket));
	TRY(market_find(ctx, ticket->symbol, &market));
	command.instrument = market.number;
	if (ticket->type != TYPE_MARKET)
		command.price = or_zero(ticket->price);
	if (ticket->client_id) {
		TRY(put_client_id(ctx, ticket->client_id,
			&command.client_id_length, command.client_id));
		command.head.size = sizeof(command);
	}
	TRY(core_submit(ctx, &command.head, &answer));
	receipt.duplicate = answer.duplicate;
	read_record(ctx, answer.record, &receipt);
	put_names(ctx, &market, &receipt);
	*out = receipt;
	return ST_OK;
}

static enum status
send_cancel(struct ctx *ctx, const struct cmd_order_cancel *command,
	struct order_end *out)
{
	const struct record *record;
	const struct message *message = NULL;

	TRY(core_command(ctx, &command->head, &record));
	/* The first order to end is the one that was cancelled. */
	while ((message = core_event(record, message)) != NULL) {
		struct ev_order_closed ev;

		if (message->type != EV_ORDER_CLOSED)
			continue;
		message_read(message, &ev, sizeof(ev));
		*out = (struct order_end){
			.id = ev.order,
			.status = ev.status,
			.reason = ev.reason,
			.quantity = {ev.quantity},
			.filled = {ev.filled},
			.quote = {ev.quote},
			.fee = {ev.fee},
			.time_us = record->time_us,
		};
		return ST_OK;
	}
	return fail(ctx, ST_INTERNAL, NULL, "a cancel that ended nothing");
}

enum status
order_cancel(struct ctx *ctx, struct ident id, struct order_end *out)
{
	struct cmd_order_cancel command = {
		.head = {.size = ORDER_CANCEL_SHORT,
			.type = CMD_ORDER_CANCEL,
			.user = ctx->session->user},
		.order = id,
	};

	if (!is_mine(ctx, id))
		return ST_NOT_FOUND;
	return send_cancel(ctx, &command, out);
}

enum status
order_cancel_client(struct ctx *ctx, const char *client_id,
	struct order_end *out)
{
	struct cmd_order_cancel command = {
		.head = CORE_COMMAND(ORDER_CANCEL, cmd_order_cancel,
			ctx->session->user),
	};

	TRY(put_client_id(ctx, client_id, &command.client_id_length,
		command.client_id));
	return send_cancel(ctx, &command, out);
}

enum status
order_cancel_all(struct ctx *ctx, const struct market *market, int side,
	size_t *n)
{
	struct cmd_order_cancel_all command = {
		.head = CORE_COMMAND(ORDER_CANCEL_ALL, cmd_order_cancel_all,
			ctx->session->user),
		.instrument = market ? market->number : INSTRUMENT_ANY,
		.side = (uint8_t)side,
	};
	const struct message *message = NULL;
	const struct record *record;
	size_t ended = 0;

	TRY(core_command(ctx, &command.head, &record));
	while ((message = core_event(record, message)) != NULL)
		ended += message->type == EV_ORDER_CLOSED;
	*n = ended;
	return ST_OK;
}

enum status
order_amend(struct ctx *ctx, struct ident id, struct decimal price,
	struct decimal quantity, struct order_receipt *out)
{
	struct cmd_order_amend command = {
		.head = CORE_COMMAND(ORDER_AMEND, cmd_order_amend,
			ctx->session->user),
		.order = id,
		.price = or_zero(price),
		.quantity = or_zero(quantity),
	};
	struct order_receipt receipt = empty_receipt();
	const struct record *record;
	struct market market;

	if (!is_mine(ctx, id))
		return ST_NOT_FOUND;
	/* What is given as zero would mean "keep it" to the matcher. */
	if (!decimal_is_none(price) && price.units <= 0)
		return core_refused(ctx, REFUSED_BAD_PRICE);
	if (!decimal_is_none(quantity) && quantity.units <= 0)
		return core_refused(ctx, REFUSED_BAD_QUANTITY);
	TRY(core_command(ctx, &command.head, &record));
	receipt.order.id = id;
	receipt.order.user = ctx->session->user;
	read_record(ctx, record, &receipt);
	/* It is done, whatever else; a name is nothing to fail for. */
	if (market_numbered(ctx, receipt.order.instrument, &market) == ST_OK)
		put_names(ctx, &market, &receipt);
	*out = receipt;
	return ST_OK;
}
