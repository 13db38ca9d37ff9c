/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order.c - orders as commands.
 */
#include "domain/order.h"

#include <string.h>

#include "auth/session.h"
#include "domain/core.h"
#include "domain/order_link.h"
#include "domain/order_parts.h"
#include "wire/ids.h"

/* Is ID an order of the session's user, as far as can be told from it? */
static bool
is_mine(const struct ctx *ctx, struct ident id)
{
	struct order_name name;

	return order_ident_split(id, &name) && name.user == ctx->session->user;
}

enum status
order_put_client_id(struct ctx *ctx, const char *client_id, uint8_t *length,
	char tail[CLIENT_ID_MAX])
{
	size_t n = strlen(client_id);

	if (n == 0 || n > CLIENT_ID_MAX)
		return core_refused(ctx, REFUSED_BAD_CLIENT_ID);
	*length = (uint8_t)n;
	memcpy(tail, client_id, n);
	return ST_OK;
}

/* ---- A ticket ---------------------------------------------------------- */

static enum status
missing(struct ctx *ctx, const char *field)
{
	ctx->fault.kind = FAULT_MISSING;
	return fail(ctx, ST_INVALID, field, "%s is required", field);
}

static bool
is_given(struct decimal value)
{
	return !decimal_is_none(value);
}

/* A distance in price is the matcher's to judge, a percentage is read here. */
static enum status
check_trail(struct ctx *ctx, const struct order_ticket *ticket)
{
	if (ticket->type != TYPE_TRAILING_STOP) {
		if (is_given(ticket->trail) || is_given(ticket->trail_percent))
			return fail(ctx, ST_INVALID,
				is_given(ticket->trail) ? "trail"
							: "trail_percent",
				"only a trailing stop has a trail");
		return ST_OK;
	}
	if (!is_given(ticket->trail) && !is_given(ticket->trail_percent))
		return missing(ctx, "trail");
	if (is_given(ticket->trail) && is_given(ticket->trail_percent))
		return fail(ctx, ST_INVALID, "trail_percent",
			"give trail or trail_percent, not both");
	if (is_given(ticket->stop_price))
		return fail(ctx, ST_INVALID, "stop_price",
			"the stop price of a trailing stop follows from its "
			"trail");
	if (is_given(ticket->price))
		return fail(ctx, ST_INVALID, "price",
			"a trailing stop becomes a market order: it has no "
			"price");
	return ST_OK;
}

/*
 * What the matcher would only call wrong, but is not there at all; and zeros
 * that it would take for nothing.
 */
static enum status
check_ticket(struct ctx *ctx, const struct order_ticket *ticket)
{
	bool stop = ticket->type == TYPE_STOP_LOSS ||
		    ticket->type == TYPE_TAKE_PROFIT;

	if (ticket->type == TYPE_LIMIT && !is_given(ticket->price))
		return missing(ctx, "price");
	if (stop && !is_given(ticket->stop_price))
		return missing(ctx, "stop_price");
	if (!is_given(ticket->quantity) &&
		(ticket->type != TYPE_MARKET || !is_given(ticket->quote_budget)))
		return missing(ctx, "quantity");
	if (stop && is_given(ticket->price) && ticket->price.units == 0)
		return core_refused(ctx, REFUSED_BAD_PRICE);
	if (is_given(ticket->stop_price) && !stop &&
		ticket->type != TYPE_TRAILING_STOP)
		return fail(ctx, ST_INVALID, "stop_price",
			"only a stop has a stop price");
	return check_trail(ctx, ticket);
}

/* Percent to parts of 10^6; up to 50, which the matcher checks too. */
static enum status
read_percent(struct ctx *ctx, struct decimal percent, uint32_t *rate)
{
	const int64_t unit = order_percent_of(1).units;

	if (percent.units <= 0 || percent.units > 50 * DECIMAL_ONE ||
		percent.units % unit != 0)
		return fail(ctx, ST_INVALID, "trail_percent",
			"trail_percent must be above 0 and at most 50, with at "
			"most 4 places");
	*rate = (uint32_t)(percent.units / unit);
	return ST_OK;
}

/* The parts of COMMAND that not every order has; its size with them. */
static enum status
put_tail(struct ctx *ctx, const struct order_ticket *ticket,
	struct cmd_order_place *command)
{
	command->head.size = ORDER_PLACE_SHORT;
	if (ticket->client_id) {
		TRY(order_put_client_id(ctx, ticket->client_id,
			&command->client_id_length, command->client_id));
		command->head.size = offsetof(struct cmd_order_place, trail);
	}
	if (ticket->type != TYPE_TRAILING_STOP)
		return ST_OK;
	command->head.size = sizeof(*command);
	command->trail = decimal_or_zero(ticket->trail);
	if (is_given(ticket->trail_percent))
		return read_percent(ctx, ticket->trail_percent,
			&command->trail_rate);
	return ST_OK;
}

/* ---- Placing ----------------------------------------------------------- */

/* The matcher knows one trail; its owner may have said it in percent. */
static enum status
place_failed(struct ctx *ctx, const struct order_ticket *ticket,
	enum status status)
{
	struct fault *fault = &ctx->fault;

	if (fault->field && strcmp(fault->field, "trail") == 0 &&
		is_given(ticket->trail_percent))
		fault->field = "trail_percent";
	return status;
}

static enum status
place(struct ctx *ctx, const struct order_ticket *ticket,
	struct order_receipt *out)
{
	struct cmd_order_place command = {
		.head = {.type = CMD_ORDER_PLACE, .user = ctx->session->user},
		.side = ticket->side,
		.type = ticket->type,
		.tif = ticket->tif,
		.stp = ticket->stp,
		.flags = ticket->post_only ? ORDER_POST_ONLY : 0,
		.quantity = decimal_or_zero(ticket->quantity),
		.quote_budget = decimal_or_zero(ticket->quote_budget),
		.stop_price = decimal_or_zero(ticket->stop_price),
	};
	struct order_receipt receipt = order_receipt_empty();
	struct core_answer answer;
	struct market market;
	enum status status;

	TRY(market_find(ctx, ticket->symbol, &market));
	command.instrument = market.number;
	if (ticket->type != TYPE_MARKET)
		command.price = decimal_or_zero(ticket->price);
	TRY(put_tail(ctx, ticket, &command));
	status = core_submit(ctx, &command.head, &answer);
	if (status != ST_OK)
		return place_failed(ctx, ticket, status);
	receipt.duplicate = answer.duplicate;
	receipt.order.strategy = ticket->strategy;
	receipt.order.bot = ticket->bot;
	order_read_record(ctx, answer.record, &receipt);
	order_put_names(ctx, &market, &receipt);
	*out = receipt;
	return ST_OK;
}

enum status
order_place(struct ctx *ctx, const struct order_ticket *ticket,
	struct order_receipt *out)
{
	TRY(check_ticket(ctx, ticket));
	if (ident_is_none(ticket->strategy) && ident_is_none(ticket->bot))
		return place(ctx, ticket, out);
	return order_link_around(ctx, ticket, place, out);
}

/* The limit at which the stop of a pair would trade. */
static enum status
check_stop_limit(struct ctx *ctx, const struct order_pair_ticket *ticket,
	const struct market *market)
{
	if (!is_given(ticket->stop_limit_price))
		return ST_OK;
	if (ticket->stop_limit_price.units <= 0)
		return fail(ctx, ST_INVALID, "stop_limit_price",
			"the price must be above zero");
	if (ticket->stop_limit_price.units % market->tick.units != 0)
		return fail(ctx, ST_INVALID, "stop_limit_price",
			"the price is not a multiple of the tick");
	return ST_OK;
}

enum status
order_place_pair(struct ctx *ctx, const struct order_pair_ticket *ticket,
	struct order_pair_receipt *out)
{
	struct cmd_order_oco command = {
		.head = {.size = ORDER_OCO_SHORT,
			.type = CMD_ORDER_OCO,
			.user = ctx->session->user},
		.side = ticket->side,
		.stp = ticket->stp,
		.price = decimal_or_zero(ticket->price),
		.quantity = decimal_or_zero(ticket->quantity),
		.stop_price = decimal_or_zero(ticket->stop_price),
		.stop_limit_price = decimal_or_zero(ticket->stop_limit_price),
	};
	struct order_pair_receipt receipt = {order_receipt_empty(),
		order_receipt_empty()};
	struct core_answer answer;
	struct market market;

	TRY(market_find(ctx, ticket->symbol, &market));
	TRY(check_stop_limit(ctx, ticket, &market));
	command.instrument = market.number;
	if (ticket->client_id) {
		TRY(order_put_client_id(ctx, ticket->client_id,
			&command.client_id_length, command.client_id));
		command.head.size = sizeof(command);
	}
	TRY(core_submit(ctx, &command.head, &answer));
	/* The limit order is opened first, and names the other. */
	order_read_record(ctx, answer.record, &receipt.limit);
	receipt.stop.order.id = receipt.limit.order.pair;
	order_read_record(ctx, answer.record, &receipt.stop);
	receipt.limit.duplicate = answer.duplicate;
	receipt.stop.duplicate = answer.duplicate;
	order_put_names(ctx, &market, &receipt.limit);
	order_put_names(ctx, &market, &receipt.stop);
	*out = receipt;
	return ST_OK;
}

/* ---- Cancelling and amending ------------------------------------------- */

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

	TRY(order_put_client_id(ctx, client_id, &command.client_id_length,
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
		.price = decimal_or_zero(price),
		.quantity = decimal_or_zero(quantity),
	};
	struct order_receipt receipt = order_receipt_empty();
	const struct record *record;
	struct order_name name;
	struct market market;

	if (!order_ident_split(id, &name) || name.user != ctx->session->user)
		return ST_NOT_FOUND;
	if (!is_given(price) && !is_given(quantity))
		return missing(ctx, "quantity");
	/* What is given as zero would mean "keep it" to the matcher. */
	if (!decimal_is_none(price) && price.units <= 0)
		return core_refused(ctx, REFUSED_BAD_PRICE);
	if (!decimal_is_none(quantity) && quantity.units <= 0)
		return core_refused(ctx, REFUSED_BAD_QUANTITY);
	TRY(core_command(ctx, &command.head, &record));
	receipt.order.id = id;
	receipt.order.user = ctx->session->user;
	receipt.order.opened_us = (int64_t)name.time_ms * 1000;
	order_read_record(ctx, record, &receipt);
	/* It is done, whatever else; a name is nothing to fail for. */
	if (market_numbered(ctx, receipt.order.instrument, &market) == ST_OK)
		order_put_names(ctx, &market, &receipt);
	*out = receipt;
	return ST_OK;
}
