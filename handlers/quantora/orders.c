/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - Quantora "Orders": place an order, show the book, cancel, list.
 *
 * The document names no symbol: the configured default market is meant, and an
 * optional "symbol" picks another.
 */
#include "domain/book.h"
#include "domain/order.h"
#include "handlers/orders.h"
#include "handlers/quantora/edition.h"
#include "http/request.h"

static const char *
status_word(enum order_status status, struct decimal filled)
{
	switch (status) {
	case ORDER_OPEN:
		return filled.units > 0 ? "partially_filled" : "open";
	case ORDER_WAITING:
		return "waiting";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

/* ---- Place ------------------------------------------------------------- */

struct place_in {
	struct ident user_id;
	enum side side;
	enum order_type order_type;
	struct decimal price;
	struct decimal qty;
	struct decimal stop_price;
	struct decimal trail;
	struct decimal trail_percent;
	const char *symbol;
	enum time_in_force time_in_force;
	const char *client_order_id;
	bool post_only;
};

static const struct field place_fields[] = {
	FIELD_ID(place_in, user_id, REQUIRED),
	FIELD_ENUM(place_in, side, REQUIRED, order_sides),
	FIELD_ENUM(place_in, order_type, REQUIRED, order_types),
	FIELD_DEC(place_in, price, OPTIONAL), /* absent or null: market */
	FIELD_DEC(place_in, qty, REQUIRED),
	/* The document has limit and market; its book has stops as well. */
	FIELD_DEC(place_in, stop_price, OPTIONAL),
	FIELD_DEC(place_in, trail, OPTIONAL),
	FIELD_DEC(place_in, trail_percent, OPTIONAL),
	FIELD_TEXT(place_in, symbol, OPTIONAL, 1, 32),
	FIELD_ENUM_OR(place_in, time_in_force, OPTIONAL, TIF_GTC, order_tifs),
	FIELD_TEXT(place_in, client_order_id, OPTIONAL, 1, CLIENT_ID_MAX),
	FIELD_BOOL(place_in, post_only, OPTIONAL),
	FIELD_END,
};
static const struct shape place_shape = SHAPE(place_in, place_fields);

static void
write_fill(struct reply *r, const struct trade *fill)
{
	reply_object(r, NULL);
	reply_ident(r, "trade_id", fill->id);
	reply_dec(r, "price", fill->price);
	reply_dec(r, "qty", fill->quantity);
	reply_text(r, "side", order_word(order_sides, fill->side));
	reply_dec(r, "fee", fill->fee);
	reply_time(r, "executed_at", fill->executed_us);
	reply_end(r);
}

/* "data" is the list of fills; the order itself stands beside it. */
static enum status
place(struct req *req)
{
	const struct place_in *in = req->in;
	struct order_receipt receipt;
	const struct order *order = &receipt.order;
	const char *client_id;
	struct reply *r;
	size_t i;

	TRY(req_self(req, in->user_id));
	TRY(req_idempotency_key(req, in->client_order_id, &client_id));
	TRY(order_place(&req->ctx,
		&(struct order_ticket){
			.symbol = in->symbol,
			.side = in->side,
			.type = in->order_type,
			.tif = in->time_in_force,
			.post_only = in->post_only,
			.price = in->price,
			.quantity = in->qty,
			.quote_budget = DECIMAL_NONE,
			.stop_price = in->stop_price,
			.trail = in->trail,
			.trail_percent = in->trail_percent,
			.client_id = client_id,
		},
		&receipt));
	r = req_reply(req);
	reply_array(r, "data");
	for (i = 0; i < receipt.n_fills; i++)
		write_fill(r, &receipt.fills[i]);
	reply_end(r);
	reply_ident(r, "order_id", order->id);
	reply_text(r, "order_status",
		status_word(order->status, order->filled));
	reply_dec(r, "filled_qty", order->filled);
	reply_text(r, "client_order_id", order->client_id);
	return req_done(req);
}

/* ---- The book ---------------------------------------------------------- */

struct book_in {
	const char *symbol;
	int64_t depth;
};

static const struct field book_fields[] = {
	FIELD_TEXT(book_in, symbol, OPTIONAL, 1, 32),
	FIELD_INT_OR(book_in, depth, OPTIONAL, BOOK_PAGE_LEVELS, 1,
		BOOK_PAGE_LEVELS),
	FIELD_END,
};
static const struct shape book_shape = SHAPE(book_in, book_fields);

static void
write_levels(struct reply *r, const struct book_level *levels, size_t n)
{
	size_t i;

	reply_array(r, NULL);
	for (i = 0; i < n; i++) {
		reply_array(r, NULL);
		reply_dec(r, NULL, (struct decimal){levels[i].price});
		reply_dec(r, NULL, (struct decimal){levels[i].quantity});
		reply_end(r);
	}
	reply_end(r);
}

static size_t
at_most(size_t n, int64_t most)
{
	return n < (size_t)most ? n : (size_t)most;
}

static enum status
book(struct req *req)
{
	const struct book_in *in = req->query;
	const struct book_slot *slot;
	struct market market;
	struct reply *r;

	TRY(market_find(&req->ctx, in->symbol, &market));
	TRY(book_depth(&req->ctx, &market, &slot));
	r = req_reply(req);
	reply_array(r, "data");
	write_levels(r, slot->bids, at_most(slot->n_bids, in->depth));
	write_levels(r, slot->asks, at_most(slot->n_asks, in->depth));
	reply_end(r);
	reply_text(r, "symbol", market.symbol);
	reply_int(r, "seq", (int64_t)slot->seq);
	return req_done(req);
}

/* ---- Cancel ------------------------------------------------------------ */

static enum status
cancel(struct req *req)
{
	struct order_end end;
	struct ident id;
	struct reply *r;

	TRY(req_param_ident(req, "order_id", &id));
	TRY(order_cancel(&req->ctx, id, &end));
	r = req_reply(req);
	reply_object(r, "data");
	reply_ident(r, "order_id", end.id);
	reply_text(r, "order_status", status_word(end.status, end.filled));
	reply_dec(r, "filled_qty", end.filled);
	reply_time(r, "cancelled_at", end.time_us);
	reply_end(r);
	return req_done(req);
}

/* ---- List -------------------------------------------------------------- */

enum list_status { LIST_ANY, LIST_OPEN, LIST_PARTLY, LIST_WAITING, LIST_FILLED,
	LIST_CANCELLED };

static const struct word list_statuses[] = {
	{"open", LIST_OPEN},
	{"partially_filled", LIST_PARTLY},
	{"waiting", LIST_WAITING},
	{"filled", LIST_FILLED},
	{"cancelled", LIST_CANCELLED},
	{NULL, 0},
};

struct list_in {
	const char *symbol;
	enum list_status status;
	int64_t limit;
	int64_t offset;
};

static const struct field list_fields[] = {
	FIELD_TEXT(list_in, symbol, OPTIONAL, 1, 32),
	FIELD_ENUM_OR(list_in, status, OPTIONAL, LIST_ANY, list_statuses),
	FIELD_INT_OR(list_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(list_in, offset, OPTIONAL, 0, 1000000000),
	FIELD_END,
};
static const struct shape list_shape = SHAPE(list_in, list_fields);

/* "open" is whatever can still trade, filled in part or not. */
static void
filter_status(enum list_status status, struct order_filter *filter)
{
	static const unsigned statuses[] = {
		[LIST_ANY] = 0,
		[LIST_OPEN] = ORDER_IS(ORDER_OPEN),
		[LIST_PARTLY] = ORDER_IS(ORDER_OPEN),
		[LIST_WAITING] = ORDER_IS(ORDER_WAITING),
		[LIST_FILLED] = ORDER_IS(ORDER_FILLED),
		[LIST_CANCELLED] = ORDER_IS(ORDER_CANCELLED),
	};

	filter->statuses = statuses[status];
	filter->partly = status == LIST_PARTLY ? PARTLY_FILLED : PARTLY_ANY;
}

static void
write_order(struct reply *r, const struct order *order)
{
	reply_object(r, NULL);
	reply_ident(r, "order_id", order->id);
	reply_text(r, "client_order_id", order->client_id);
	reply_text(r, "symbol", order->symbol);
	reply_text(r, "side", order_word(order_sides, order->side));
	reply_text(r, "order_type", order_word(order_types, order->type));
	reply_text(r, "time_in_force", order_word(order_tifs, order->tif));
	reply_bool(r, "post_only", order->post_only);
	reply_dec(r, "price", order->price);
	reply_dec(r, "stop_price", order->stop_price);
	reply_dec(r, "trail", order->trail);
	reply_dec(r, "trail_percent", order->trail_percent);
	reply_dec(r, "qty", order->quantity);
	reply_dec(r, "filled_qty", order->filled);
	reply_dec(r, "avg_price", order_average(order));
	reply_dec(r, "fee", order->fee);
	reply_text(r, "order_status",
		status_word(order->status, order->filled));
	reply_time(r, "created_at", order->opened_us);
	reply_time(r, "updated_at", order->updated_us);
	reply_end(r);
}

static enum status
list(struct req *req)
{
	const struct list_in *in = req->query;
	struct order_filter filter = {.limit = in->limit,
		.offset = in->offset};
	struct order_list found;
	struct market market;
	struct reply *r;
	size_t i;

	if (in->symbol) {
		TRY(market_find(&req->ctx, in->symbol, &market));
		filter.market = &market;
	}
	filter_status(in->status, &filter);
	TRY(order_list(&req->ctx, &filter, &found));
	r = req_reply(req);
	reply_array(r, "data");
	for (i = 0; i < found.n; i++)
		write_order(r, &found.rows[i]);
	reply_end(r);
	reply_int(r, "total", found.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

/* clang-format off */
const struct route quantora_orders[] = {
	{POST, "/api/order", place, AUTH_USER, RATE_TRADE, POOL_TRADE,
		&place_shape, .flags = ROUTE_COMMAND},
	{DELETE, "/api/order/{order_id}", cancel, AUTH_USER, RATE_TRADE,
		POOL_TRADE, .flags = ROUTE_COMMAND},
	{GET, "/api/orderbook", book, AUTH_NONE, RATE_READ, POOL_TRADE,
		.query = &book_shape},
	{GET, "/api/orders", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &list_shape},
	ROUTE_END
};
/* clang-format on */
