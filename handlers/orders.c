/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.c - words, bodies and lists that the editions' order sections share.
 */
#include "handlers/orders.h"

#include <string.h>

#include "domain/market_data.h"

/* clang-format off */
const struct word order_sides[] = {
	{"buy", SIDE_BUY},
	{"sell", SIDE_SELL},
	{NULL, 0},
};

const struct word order_types[] = {
	{"market", TYPE_MARKET},
	{"limit", TYPE_LIMIT},
	{"stop_loss", TYPE_STOP_LOSS},
	{"take_profit", TYPE_TAKE_PROFIT},
	{"trailing_stop", TYPE_TRAILING_STOP},
	{NULL, 0},
};

const struct word order_tifs[] = {
	{"gtc", TIF_GTC},
	{"ioc", TIF_IOC},
	{"fok", TIF_FOK},
	{NULL, 0},
};

const struct word order_stps[] = {
	{"taker", STP_TAKER},
	{"maker", STP_MAKER},
	{"both", STP_BOTH},
	{"none", STP_NONE},
	{NULL, 0},
};
/* clang-format on */

const char *
order_word(const struct word *words, int value)
{
	for (; words->text; words++)
		if (words->value == value)
			return words->text;
	return NULL;
}

const char *
order_reason_word(enum close_reason reason)
{
	switch (reason) {
	case CLOSE_NONE:
		break;
	case CLOSE_FILLED:
		return "filled";
	case CLOSE_USER:
		return "user";
	case CLOSE_REMAINDER:
		return "remainder";
	case CLOSE_UNFILLABLE:
		return "unfillable";
	case CLOSE_SELF_TRADE:
		return "self_trade";
	case CLOSE_LOCK:
		return "lock";
	case CLOSE_AMENDED:
		return "amended";
	case CLOSE_FILL_LIMIT:
		return "fill_limit";
	case CLOSE_OPERATOR:
		return "operator";
	case CLOSE_NO_FUNDS:
		return "no_funds";
	case CLOSE_OCO:
		return "oco";
	case CLOSE_DEADLINE:
		return "cancel_after";
	case CLOSE_RISK:
		return "risk";
	}
	return NULL;
}

enum status
order_exchange_is_ours(struct ctx *ctx, const char *exchange)
{
	const char *venue = market_data_known_venue(exchange);

	if (venue && strcmp(venue, VENUE_HOUSE) == 0)
		return ST_OK;
	if (venue)
		return fail(ctx, ST_INVALID, "exchange",
			"%s is not connected yet; "
			"\"" VENUE_HOUSE "\" is the house's own book",
			venue);
	ctx->fault.kind = FAULT_CHOICE;
	return fail(ctx, ST_INVALID, "exchange", "there is no such exchange");
}

/* ---- Placing ------------------------------------------------------------- */

static enum order_type
type_of(const struct order_in *in)
{
	if (in->type != WORD_NONE)
		return (enum order_type)in->type;
	return decimal_is_none(in->price) ? TYPE_MARKET : TYPE_LIMIT;
}

enum status
order_in_place(struct req *req, struct order_receipt *out)
{
	const struct order_in *in = req->in;
	const char *client_id;

	TRY(order_exchange_is_ours(&req->ctx, in->exchange));
	TRY(req_idempotency_key(req, in->client_order_id, &client_id));
	return order_place(&req->ctx,
		&(struct order_ticket){
			.symbol = in->symbol,
			.side = in->side,
			.type = type_of(in),
			.tif = in->time_in_force,
			.stp = in->self_trade_prevention,
			.post_only = in->post_only,
			.price = in->price,
			.quantity = in->quantity,
			.quote_budget = DECIMAL_NONE,
			.stop_price = in->stop_price,
			.trail = in->trail,
			.trail_percent = in->trail_percent,
			.client_id = client_id,
			.strategy = in->strategy_id,
			.bot = in->bot_id,
		},
		out);
}

static const struct field change_fields[] = {
	FIELD_DEC(order_change_in, quantity, OPTIONAL),
	FIELD_DEC(order_change_in, price, OPTIONAL),
	FIELD_END,
};
const struct shape order_change_shape = SHAPE(order_change_in, change_fields);

/* ---- Listing ------------------------------------------------------------- */

static void
filter_shown(enum order_shown shown, struct order_filter *filter)
{
	static const struct {
		unsigned statuses;
		enum order_partly partly;
	} rows[] = {
		[SHOWN_ANY] = {ORDER_ANY, PARTLY_ANY},
		[SHOWN_LIVE] = {ORDER_LIVE, PARTLY_ANY},
		[SHOWN_UNTOUCHED] = {ORDER_LIVE, PARTLY_NOT},
		[SHOWN_PARTLY] = {ORDER_IS(ORDER_OPEN), PARTLY_FILLED},
		[SHOWN_WAITING] = {ORDER_IS(ORDER_WAITING), PARTLY_ANY},
		[SHOWN_FILLED] = {ORDER_IS(ORDER_FILLED), PARTLY_ANY},
		[SHOWN_CANCELLED] = {ORDER_IS(ORDER_CANCELLED), PARTLY_ANY},
		[SHOWN_NEVER] = {ORDER_NEVER, PARTLY_ANY},
	};

	filter->statuses = rows[shown].statuses;
	filter->partly = rows[shown].partly;
}

/* The latest of that name, or none. */
static enum status
read_named(struct req *req, const char *client_id, struct order_list *out)
{
	struct order *order = arena_alloc(req->ctx.arena, sizeof(*order));
	enum status status = order_get_client(&req->ctx, client_id, order);

	if (status != ST_OK && status != ST_NOT_FOUND)
		return status;
	*out = (struct order_list){.rows = order,
		.n = status == ST_OK,
		.total = status == ST_OK};
	return ST_OK;
}

static enum status
read_list(struct req *req, struct order_list *out)
{
	const struct order_list_in *in = req->query;
	struct order_filter filter = {
		.strategy = in->strategy_id,
		.bot = in->bot_id,
		.limit = in->limit,
		.offset = in->offset,
	};
	struct market market;

	if (in->client_order_id)
		return read_named(req, in->client_order_id, out);
	if (in->symbol) {
		TRY(market_find(&req->ctx, in->symbol, &market));
		filter.market = &market;
	}
	filter_shown(in->status, &filter);
	return order_list(&req->ctx, &filter, out);
}

enum status
order_reply_list(struct req *req, const char *key, order_writer *write)
{
	const struct order_list_in *in = req->query;
	struct order_list found;
	struct reply *r;
	size_t i;

	TRY(read_list(req, &found));
	r = req_reply(req);
	reply_array(r, key);
	for (i = 0; i < found.n; i++) {
		reply_object(r, NULL);
		write(req, &found.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", found.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

enum status
order_reply_one(struct req *req, const char *param, order_writer *write)
{
	struct order order;
	struct ident id;

	TRY(req_param_ident(req, param, &id));
	TRY(order_get(&req->ctx, id, &order));
	(void)req_reply(req);
	write(req, &order);
	return req_done(req);
}
