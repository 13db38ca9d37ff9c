/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pair.c - two orders of which one cancels the other: a limit order in the
 * book, and a stop that waits.
 *
 * The two share what they hold: the limit order holds what it needs, the stop
 * only what it would need beyond that.
 */
#include <string.h>

#include "engine/place.h"

uint32_t
pair_untie(struct engine *engine, uint32_t slot)
{
	uint32_t other;

	if (!engine->orders[slot].paired)
		return NONE;
	other = engine->stops[slot].pair;
	engine->orders[slot].paired = engine->orders[other].paired = 0;
	return other;
}

void
pair_end_other(struct engine *engine, uint32_t slot)
{
	uint32_t other = pair_untie(engine, slot);

	if (other != NONE)
		order_cancel(engine, other, CLOSE_OCO);
}

/* ---- Placing one --------------------------------------------------------- */

/* As two orders, which all that is known of orders applies to. */
static void
split(const struct cmd_order_oco *cmd, struct cmd_order_place *limit,
	struct cmd_order_place *stop)
{
	*limit = *stop = (struct cmd_order_place){
		.head = {.size = ORDER_PLACE_SHORT,
			.type = CMD_ORDER_PLACE,
			.user = cmd->head.user},
		.instrument = cmd->instrument,
		.side = cmd->side,
		.tif = TIF_GTC,
		.stp = cmd->stp,
		.quantity = cmd->quantity,
	};
	limit->type = TYPE_LIMIT;
	limit->price = cmd->price;
	stop->type = TYPE_STOP_LOSS;
	stop->price = cmd->stop_limit_price;
	stop->stop_price = cmd->stop_price;
	if (cmd->head.size <= ORDER_OCO_SHORT || cmd->client_id_length == 0)
		return;
	limit->head.size = sizeof(*limit);
	limit->client_id_length = cmd->client_id_length;
	memcpy(limit->client_id, cmd->client_id,
		cmd->head.size - ORDER_OCO_SHORT - 1 < CLIENT_ID_MAX
			? cmd->head.size - ORDER_OCO_SHORT - 1
			: CLIENT_ID_MAX);
}

/* The last price lies between the two. */
static enum refusal
check_prices(const struct instrument *at, const struct cmd_order_oco *cmd)
{
	int64_t last = at->last_price != 0 ? at->last_price : at->reference;
	bool between;

	if (last == 0)
		return REFUSED_NO_REFERENCE;
	between = cmd->side == SIDE_SELL
		? cmd->stop_price < last && last < cmd->price
		: cmd->price < last && last < cmd->stop_price;
	return between ? REFUSED_NONE : REFUSED_BAD_OCO;
}

static enum refusal
check_numbers(struct placing *limit, struct placing *stop,
	const struct cmd_order_oco *cmd)
{
	const struct instrument *at = limit->terms.instrument;

	TRY_RULE(check_form_limit(limit));
	if (cmd->stop_price <= 0 ||
		!divide_exactly(at->tick, cmd->stop_price, &stop->stop_ticks))
		return REFUSED_BAD_STOP_PRICE;
	TRY_RULE(check_form_stop(stop));
	TRY_RULE(check_band(at, cmd->price));
	TRY_RULE(check_band(at, cmd->stop_limit_price));
	TRY_RULE(check_prices(at, cmd));
	TRY_RULE(value_limit(limit));
	TRY_RULE(check_value(limit->engine, limit->user, at, limit->value));
	TRY_RULE(value_stop(stop));
	return check_value(stop->engine, stop->user, at, stop->value);
}

static enum refusal
check_funds(const struct placing *limit, const struct placing *stop)
{
	struct exposure buy = placing_exposure(limit);

	if (stop->value > buy.value)
		buy.value = stop->value;
	if (limit->cmd->side == SIDE_BUY)
		TRY_RULE(risk_check(limit->engine, &buy));
	TRY_RULE(check_open_orders(limit, 2));
	return check_available(limit,
		stop->hold > limit->hold ? stop->hold : limit->hold);
}

enum refusal
apply_order_oco(struct engine *engine, const struct cmd_order_oco *cmd,
	uint64_t *done_seq)
{
	struct cmd_order_place commands[2];
	struct placing limit, stop;
	enum refusal refusal;

	split(cmd, &commands[0], &commands[1]);
	placing_begin(&limit, engine, &commands[0], cmd);
	placing_begin(&stop, engine, &commands[1], cmd);
	refusal = check_who(&limit, done_seq);
	if (refusal != REFUSED_NONE || *done_seq != 0)
		return refusal;
	stop.user = limit.user;
	stop.terms.instrument = limit.terms.instrument;
	stop.terms.side = limit.terms.side;
	stop.opposite = limit.opposite;
	TRY_RULE(check_numbers(&limit, &stop, cmd));
	TRY_RULE(check_funds(&limit, &stop));
	if (engine->state->orders.live + 2 >= engine->state->orders.capacity)
		return REFUSED_FULL;
	TRY_RULE(take_slot(&limit));
	TRY_RULE(take_slot(&stop));
	limit.pair = stop.slot;
	stop.pair = limit.slot;
	stop.hold = stop.hold > limit.hold ? stop.hold - limit.hold : 0;
	open_order(&limit);
	open_order(&stop);
	match(engine, limit.slot);
	return REFUSED_NONE;
}
