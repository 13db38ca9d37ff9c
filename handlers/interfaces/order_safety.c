/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_safety.c - beyond the document, in its words: pairs of which one order
 * cancels the other, and the switch that cancels all when nobody is there.
 */
#include "domain/cancel_after.h"
#include "domain/order.h"
#include "handlers/interfaces/edition.h"
#include "handlers/orders.h"

/* ---- Pairs --------------------------------------------------------------- */

struct pair_in {
	const char *symbol;
	const char *exchange;
	enum side side;
	struct decimal quantity;
	struct decimal price;
	struct decimal stop_price;
	struct decimal stop_limit_price;
	const char *client_order_id;
	enum stp self_trade_prevention;
};

static const struct field pair_fields[] = {
	FIELD_TEXT(pair_in, symbol, REQUIRED, 1, ORDER_SYMBOL_MAX),
	FIELD_TEXT(pair_in, exchange, OPTIONAL, 1, ORDER_EXCHANGE_MAX),
	FIELD_WORD(pair_in, side, REQUIRED, 0, order_sides),
	FIELD_DEC(pair_in, quantity, REQUIRED),
	FIELD_DEC(pair_in, price, REQUIRED),
	FIELD_DEC(pair_in, stop_price, REQUIRED),
	FIELD_DEC(pair_in, stop_limit_price, OPTIONAL),
	FIELD_TEXT(pair_in, client_order_id, OPTIONAL, 1, CLIENT_ID_MAX),
	FIELD_WORD(pair_in, self_trade_prevention, OPTIONAL, STP_TAKER,
		order_stps),
	FIELD_END,
};
static const struct shape pair_shape = SHAPE(pair_in, pair_fields);

static void
write_leg(struct reply *r, const struct order *order)
{
	reply_object(r, NULL);
	reply_ident(r, "order_id", order->id);
	reply_text(r, "type", order_word(order_types, order->type));
	reply_dec(r, "price", order->price);
	reply_dec(r, "stop_price", order->stop_price);
	reply_dec(r, "filled_quantity", order->filled);
	reply_text(r, "client_order_id", order->client_id);
	reply_end(r);
}

/* The limit order, then the stop. */
static enum status
place_pair(struct req *req)
{
	const struct pair_in *in = req->in;
	struct order_pair_receipt receipt;
	const char *client_id;
	struct reply *r;

	TRY(order_exchange_is_ours(&req->ctx, in->exchange));
	TRY(req_idempotency_key(req, in->client_order_id, &client_id));
	TRY(order_place_pair(&req->ctx,
		&(struct order_pair_ticket){
			.symbol = in->symbol,
			.side = in->side,
			.stp = in->self_trade_prevention,
			.quantity = in->quantity,
			.price = in->price,
			.stop_price = in->stop_price,
			.stop_limit_price = in->stop_limit_price,
			.client_id = client_id,
		},
		&receipt));
	r = req_reply(req);
	reply_text(r, "status", "placed");
	reply_time(r, "placed_at", receipt.limit.order.opened_us);
	reply_array(r, "orders");
	write_leg(r, &receipt.limit.order);
	write_leg(r, &receipt.stop.order);
	reply_end(r);
	return req_done(req);
}

/* ---- The switch ---------------------------------------------------------- */

struct switch_in {
	int64_t seconds;
};

static const struct field switch_fields[] = {
	FIELD_INT(switch_in, seconds, REQUIRED, 0, CANCEL_AFTER_MAX_S),
	FIELD_END,
};
static const struct shape switch_shape = SHAPE(switch_in, switch_fields);

static enum status
answer_switch(struct req *req, int64_t due_us)
{
	reply_time(req_reply(req), "cancel_at", due_us);
	return req_done(req);
}

static enum status
set_switch(struct req *req)
{
	const struct switch_in *in = req->in;
	int64_t due_us;

	TRY(cancel_after_set(&req->ctx, in->seconds, &due_us));
	return answer_switch(req, due_us);
}

static enum status
show_switch(struct req *req)
{
	int64_t due_us;

	TRY(cancel_after_get(&req->ctx, &due_us));
	return answer_switch(req, due_us);
}

/* clang-format off */
const struct route interfaces_order_safety[] = {
	{POST, "/api/v1/trading/orders/oco", place_pair, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .body = &pair_shape, .flags = ROUTE_COMMAND},
	{POST, "/api/v1/trading/cancel-after", set_switch, AUTH_USER,
		RATE_TRADE, POOL_TRADE, .body = &switch_shape,
		.flags = ROUTE_COMMAND | ROUTE_CANCELS},
	{GET, "/api/v1/trading/cancel-after", show_switch, AUTH_USER, RATE_READ,
		POOL_API, NO_INPUT},
	ROUTE_END
};
/* clang-format on */
