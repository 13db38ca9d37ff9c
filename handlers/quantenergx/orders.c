/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - QuantEnergX "Trading": orders, as its Trade model.
 *
 * A price makes an order a limit order where no type is given.  Whatever is
 * neither filled nor cancelled is "pending".  created_at is to the
 * millisecond, as the order's id has it, so that an amendment can tell it too.
 */
#include "auth/session.h"
#include "domain/order.h"
#include "handlers/orders.h"
#include "handlers/quantenergx/edition.h"

static const char *
status_word(const struct order *order)
{
	switch (order->status) {
	case ORDER_OPEN:
	case ORDER_WAITING:
		return "pending";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

/* Of a market order, what it was done at. */
static struct decimal
price_of(const struct order *order)
{
	return decimal_is_none(order->price) ? order_average(order)
					     : order->price;
}

/* The document's model. */
static void
write_trade(struct req *req, struct reply *r, const struct order *order)
{
	reply_ident(r, "id", order->id);
	reply_ident(r, "user_id", req->ctx.session->public_id);
	reply_text(r, "symbol", order->symbol);
	reply_dec(r, "quantity", order->quantity);
	reply_dec(r, "price", price_of(order));
	reply_text(r, "side", order_word(order_sides, order->side));
	reply_text(r, "status", status_word(order));
	reply_time_ms(r, "created_at", order->opened_us);
	reply_dec(r, "filled_quantity", order->filled);
	reply_dec(r, "average_price", order_average(order));
	reply_dec(r, "fee", order->fee);
	reply_time(r, "updated_at", order->updated_us);
}

static void
write_more(struct reply *r, const struct order *order)
{
	reply_text(r, "type", order_word(order_types, order->type));
	reply_dec(r, "stop_price", order->stop_price);
	reply_dec(r, "trail", order->trail);
	reply_dec(r, "trail_percent", order->trail_percent);
	reply_text(r, "time_in_force", order_word(order_tifs, order->tif));
	reply_bool(r, "post_only", order->post_only);
	reply_text(r, "client_order_id", order->client_id);
	reply_ident(r, "strategy_id", order->strategy);
	reply_ident(r, "bot_id", order->bot);
	reply_ident(r, "pair_order_id", order->pair);
	reply_text(r, "close_reason", order_reason_word(order->reason));
	reply_time(r, "triggered_at", order->triggered_us);
	reply_time(r, "closed_at", order->closed_us);
}

static void
write_order(struct req *req, const struct order *order)
{
	write_trade(req, &req->reply, order);
	write_more(&req->reply, order);
}

/* ---- Create -------------------------------------------------------------- */

static const struct field place_fields[] = {ORDER_FIELDS(OPTIONAL, "type")};
static const struct shape place_shape = SHAPE(order_in, place_fields);

static enum status
place(struct req *req)
{
	struct order_receipt receipt;

	TRY(order_in_place(req, &receipt));
	req_created(req);
	(void)req_reply(req);
	write_order(req, &receipt.order);
	return req_done(req);
}

/* ---- Show, list ---------------------------------------------------------- */

static const struct word shown[] = {
	{"pending", SHOWN_LIVE},
	{"filled", SHOWN_FILLED},
	{"cancelled", SHOWN_CANCELLED},
	{NULL, 0},
};

static const struct field list_fields[] = {ORDER_LIST_FIELDS(shown)};
static const struct shape list_shape = SHAPE(order_list_in, list_fields);

static enum status
list(struct req *req)
{
	return order_reply_list(req, "orders", write_order);
}

static enum status
show(struct req *req)
{
	return order_reply_one(req, "id", write_order);
}

/* ---- Update, cancel ------------------------------------------------------ */

static enum status
update(struct req *req)
{
	const struct order_change_in *in = req->in;
	struct order_receipt receipt;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(order_amend(&req->ctx, id, in->price, in->quantity, &receipt));
	write_trade(req, req_reply(req), &receipt.order);
	return req_done(req);
}

static enum status
cancel(struct req *req)
{
	struct order_end end;
	struct ident id;
	struct reply *r;

	TRY(req_param_ident(req, "id", &id));
	TRY(order_cancel(&req->ctx, id, &end));
	r = req_reply(req);
	reply_ident(r, "id", end.id);
	reply_text(r, "status", "cancelled");
	reply_dec(r, "filled_quantity", end.filled);
	reply_time(r, "cancelled_at", end.time_us);
	return req_done(req);
}

/* clang-format off */
const struct route quantenergx_orders[] = {
	{POST, "/v1/trading/orders", place, AUTH_USER, RATE_TRADE, POOL_TRADE,
		.body = &place_shape, .flags = ROUTE_COMMAND},
	{GET, "/v1/trading/orders", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &list_shape},
	{GET, "/v1/trading/orders/{id}", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PUT, "/v1/trading/orders/{id}", update, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .body = &order_change_shape,
		.flags = ROUTE_COMMAND},
	{DELETE, "/v1/trading/orders/{id}", cancel, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .flags = ROUTE_COMMAND},
	ROUTE_END
};
/* clang-format on */
