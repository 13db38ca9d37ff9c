/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - Trading Bot Platform "Order Management": place, list, show,
 * cancel.
 *
 * Words in capitals, symbols without a slash, numbers as strings: prices with
 * the tick's places, money with two, quantities with what they need.
 */
#include "domain/order.h"

#include "handlers/botplatform/edition.h"
#include "handlers/orders.h"

static const struct word sides[] = {
	{"BUY", SIDE_BUY},
	{"SELL", SIDE_SELL},
	{NULL, 0},
};

static const struct word types[] = {
	{"MARKET", TYPE_MARKET},
	{"LIMIT", TYPE_LIMIT},
	{"STOP_LOSS", TYPE_STOP_LOSS},
	{"TAKE_PROFIT", TYPE_TAKE_PROFIT},
	{"TRAILING_STOP", TYPE_TRAILING_STOP},
	{NULL, 0},
};

static const struct word tifs[] = {
	{"GTC", TIF_GTC},
	{"IOC", TIF_IOC},
	{"FOK", TIF_FOK},
	{NULL, 0},
};

static const char *
status_word(const struct order *order)
{
	switch (order->status) {
	case ORDER_OPEN:
	case ORDER_WAITING:
		return order->filled.units > 0 ? "partially_filled" : "pending";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

/* "BTC/USDT" is BTCUSDT here. */
static void
write_symbol(struct reply *r, const char *symbol)
{
	char key[SYMBOL_MAX];

	reply_text(r, "symbol", market_key(symbol, key) ? key : symbol);
}

static void
write_price(struct reply *r, const char *key, const struct order *order,
	struct decimal price)
{
	reply_dec_places(r, key, price, order->price_places);
}

static void
write_order(struct req *req, const struct order *order)
{
	struct reply *r = &req->reply;

	reply_ident(r, "id", order->id);
	reply_ident(r, "bot_id", order->bot);
	write_symbol(r, order->symbol);
	reply_text(r, "side", order_word(sides, order->side));
	reply_text(r, "order_type", order_word(types, order->type));
	reply_dec(r, "quantity", order->quantity);
	write_price(r, "price", order, order->price);
	reply_text(r, "status", status_word(order));
	reply_time(r, "created_at", order->opened_us);
	reply_time(r, "updated_at", order->updated_us);
	write_price(r, "stop_price", order, order->stop_price);
	write_price(r, "trail", order, order->trail);
	reply_dec(r, "trail_percent", order->trail_percent);
	reply_text(r, "time_in_force", order_word(tifs, order->tif));
	reply_bool(r, "post_only", order->post_only);
	reply_dec(r, "filled_quantity", order->filled);
	write_price(r, "average_price", order, order_average(order));
	reply_money(r, "fee", order->fee);
	reply_text(r, "client_order_id", order->client_id);
	reply_ident(r, "strategy_id", order->strategy);
	reply_ident(r, "pair_order_id", order->pair);
	reply_text(r, "close_reason", order_reason_word(order->reason));
	reply_time(r, "triggered_at", order->triggered_us);
	reply_time(r, "closed_at", order->closed_us);
}

/* ---- Place --------------------------------------------------------------- */

static const struct field place_fields[] = {
	ORDER_FIELDS(REQUIRED, "order_type")};
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

/* ---- List, show ---------------------------------------------------------- */

static const struct word shown[] = {
	{"pending", SHOWN_UNTOUCHED},
	{"partially_filled", SHOWN_PARTLY},
	{"filled", SHOWN_FILLED},
	{"cancelled", SHOWN_CANCELLED},
	{"rejected", SHOWN_NEVER},
	{NULL, 0},
};

static const struct field list_fields[] = {ORDER_LIST_FIELDS(shown)};
static const struct shape list_shape = SHAPE(order_list_in, list_fields);

static enum status
list(struct req *req)
{
	return order_reply_list(req, "items", write_order);
}

static enum status
show(struct req *req)
{
	return order_reply_one(req, "order_id", write_order);
}

/* ---- Cancel -------------------------------------------------------------- */

static enum status
cancel(struct req *req)
{
	struct order_end end;
	struct ident id;
	struct reply *r;

	TRY(req_param_ident(req, "order_id", &id));
	TRY(order_cancel(&req->ctx, id, &end));
	r = req_reply(req);
	reply_text(r, "message", "Order cancelled successfully");
	reply_ident(r, "order_id", end.id);
	reply_text(r, "status", "cancelled");
	reply_dec(r, "filled_quantity", end.filled);
	reply_time(r, "cancelled_at", end.time_us);
	return req_done(req);
}

/* clang-format off */
const struct route botplatform_orders[] = {
	{POST, "/api/v1/orders", place, AUTH_USER, RATE_TRADE, POOL_TRADE,
		.body = &place_shape, .flags = ROUTE_COMMAND},
	{GET, "/api/v1/orders", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &list_shape},
	{GET, "/api/v1/orders/{order_id}", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{DELETE, "/api/v1/orders/{order_id}", cancel, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .flags = ROUTE_COMMAND},
	ROUTE_END
};
/* clang-format on */
