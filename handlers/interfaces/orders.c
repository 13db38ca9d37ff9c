/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - API Interfaces "Trading API": place, show, amend, cancel orders.
 *
 * A reply to a placement says "placed" of whatever was accepted, also of what
 * is over by then (an IOC that found nothing): "rejected" is a 4xx here.  What
 * has become of it stands beside, in order_status.  Listing and amending are
 * additions in the document's words.
 */
#include "domain/market_data.h"
#include "domain/order.h"

#include "handlers/interfaces/edition.h"
#include "handlers/orders.h"

/* A stop that waits is placed. */
static const char *
status_word(const struct order *order)
{
	switch (order->status) {
	case ORDER_OPEN:
	case ORDER_WAITING:
		return order->filled.units > 0 ? "partially_filled" : "placed";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

/* ---- Place --------------------------------------------------------------- */

static const struct field place_fields[] = {ORDER_FIELDS(REQUIRED, "type")};
static const struct shape place_shape = SHAPE(order_in, place_fields);

static enum status
place(struct req *req)
{
	struct order_receipt receipt;
	const struct order *order = &receipt.order;
	struct reply *r;

	TRY(order_in_place(req, &receipt));
	r = req_reply(req);
	reply_ident(r, "order_id", order->id);
	reply_text(r, "status", "placed");
	reply_time(r, "placed_at", order->opened_us);
	reply_text(r, "order_status", status_word(order));
	reply_dec(r, "filled_quantity", order->filled);
	reply_dec(r, "avg_fill_price", order_average(order));
	reply_dec(r, "fees", order->fee);
	reply_text(r, "client_order_id", order->client_id);
	reply_ident(r, "strategy_id", order->strategy);
	return req_done(req);
}

/* ---- List, show ---------------------------------------------------------- */

static void
write_terms(struct reply *r, const struct order *order)
{
	reply_ident(r, "order_id", order->id);
	reply_text(r, "symbol", order->symbol);
	reply_text(r, "exchange", VENUE_HOUSE);
	reply_text(r, "side", order_word(order_sides, order->side));
	reply_text(r, "type", order_word(order_types, order->type));
	reply_dec(r, "quantity", order->quantity);
	reply_dec(r, "price", order->price);
	reply_dec(r, "stop_price", order->stop_price);
	reply_dec(r, "trail", order->trail);
	reply_dec(r, "trail_percent", order->trail_percent);
	reply_text(r, "time_in_force", order_word(order_tifs, order->tif));
	reply_bool(r, "post_only", order->post_only);
	reply_text(r, "self_trade_prevention",
		order_word(order_stps, order->stp));
	reply_text(r, "client_order_id", order->client_id);
	reply_ident(r, "pair_order_id", order->pair);
	reply_ident(r, "strategy_id", order->strategy);
	reply_ident(r, "bot_id", order->bot);
}

static void
write_state(struct reply *r, const struct order *order)
{
	reply_text(r, "status", status_word(order));
	reply_bool(r, "waiting", order->status == ORDER_WAITING);
	reply_dec(r, "filled_quantity", order->filled);
	reply_dec(r, "avg_fill_price", order_average(order));
	reply_dec(r, "fees", order->fee);
	reply_text(r, "close_reason", order_reason_word(order->reason));
	reply_time(r, "placed_at", order->opened_us);
	reply_time(r, "updated_at", order->updated_us);
	reply_time(r, "triggered_at", order->triggered_us);
	reply_time(r, "closed_at", order->closed_us);
}

static void
write_order(struct req *req, const struct order *order)
{
	write_terms(&req->reply, order);
	write_state(&req->reply, order);
}

static const struct word shown[] = {
	{"placed", SHOWN_UNTOUCHED},
	{"filled", SHOWN_FILLED},
	{"partially_filled", SHOWN_PARTLY},
	{"cancelled", SHOWN_CANCELLED},
	{"rejected", SHOWN_NEVER},
	{"open", SHOWN_LIVE},
	{"all", SHOWN_ANY},
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
	return order_reply_one(req, "order_id", write_order);
}

/* ---- Amend --------------------------------------------------------------- */

/* What the change tells; the rest of the order is as it was. */
static enum status
amend(struct req *req)
{
	const struct order_change_in *in = req->in;
	struct order_receipt receipt;
	const struct order *order = &receipt.order;
	struct ident id;
	struct reply *r;

	TRY(req_param_ident(req, "order_id", &id));
	TRY(order_amend(&req->ctx, id, in->price, in->quantity, &receipt));
	r = req_reply(req);
	reply_ident(r, "order_id", order->id);
	reply_text(r, "symbol", order->symbol);
	reply_text(r, "side", order_word(order_sides, order->side));
	reply_dec(r, "quantity", order->quantity);
	reply_dec(r, "price", order->price);
	reply_text(r, "status", status_word(order));
	reply_dec(r, "filled_quantity", order->filled);
	reply_dec(r, "avg_fill_price", order_average(order));
	reply_dec(r, "fees", order->fee);
	reply_time(r, "updated_at", order->updated_us);
	return req_done(req);
}

/* ---- Cancel -------------------------------------------------------------- */

static void
write_end(struct reply *r, const struct order_end *end)
{
	reply_ident(r, "order_id", end->id);
	reply_text(r, "status", "cancelled");
	reply_time(r, "cancelled_at", end->time_us);
	reply_dec(r, "filled_quantity", end->filled);
	reply_dec(r, "fees", end->fee);
}

static enum status
cancel(struct req *req)
{
	struct order_end end;
	struct ident id;

	TRY(req_param_ident(req, "order_id", &id));
	TRY(order_cancel(&req->ctx, id, &end));
	write_end(req_reply(req), &end);
	return req_done(req);
}

struct cancel_all_in {
	const char *symbol;
	int side;
	const char *client_order_id;
};

static const struct field cancel_all_fields[] = {
	FIELD_TEXT(cancel_all_in, symbol, OPTIONAL, 1, ORDER_SYMBOL_MAX),
	FIELD_WORD(cancel_all_in, side, OPTIONAL, SIDE_BOTH, order_sides),
	FIELD_TEXT(cancel_all_in, client_order_id, OPTIONAL, 1, CLIENT_ID_MAX),
	FIELD_END,
};
static const struct shape cancel_all_shape =
	SHAPE(cancel_all_in, cancel_all_fields);

/* Who has had no answer to an order knows only what he called it. */
static enum status
cancel_named(struct req *req, const char *client_id)
{
	struct order_end end;

	TRY(order_cancel_client(&req->ctx, client_id, &end));
	write_end(req_reply(req), &end);
	reply_int(&req->reply, "cancelled", 1);
	return req_done(req);
}

static enum status
cancel_all(struct req *req)
{
	const struct cancel_all_in *in = req->query;
	struct market market;
	size_t n;

	if (in->client_order_id)
		return cancel_named(req, in->client_order_id);
	if (in->symbol)
		TRY(market_find(&req->ctx, in->symbol, &market));
	TRY(order_cancel_all(&req->ctx, in->symbol ? &market : NULL, in->side,
		&n));
	reply_int(req_reply(req), "cancelled", (int64_t)n);
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_orders[] = {
	{POST, "/api/v1/trading/orders", place, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .body = &place_shape, .flags = ROUTE_COMMAND},
	{GET, "/api/v1/trading/orders", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &list_shape},
	{DELETE, "/api/v1/trading/orders", cancel_all, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .query = &cancel_all_shape, .flags = ROUTE_COMMAND},
	{GET, "/api/v1/trading/orders/{order_id}", show, AUTH_USER, RATE_READ,
		POOL_API, NO_INPUT},
	{PUT, "/api/v1/trading/orders/{order_id}", amend, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .body = &order_change_shape,
		.flags = ROUTE_COMMAND},
	{DELETE, "/api/v1/trading/orders/{order_id}", cancel, AUTH_USER,
		RATE_TRADE, POOL_TRADE, .flags = ROUTE_COMMAND},
	ROUTE_END
};
/* clang-format on */
