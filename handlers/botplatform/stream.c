/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream.c - Trading Bot Platform "WebSocket Streaming".
 *
 *	/api/v1/ws/market/{symbol}
 *	{"type":"ticker","symbol","price","timestamp"} at once, then with trades.
 *	Before a market's first trade the price is null.
 *
 *	/api/v1/ws/orders
 *	{"type":"order_update","order_id","status","filled_quantity","timestamp"}
 *	and what handlers/streams.h tells; ?after_seq= resumes.
 *
 * The token is in the query (?token=, ?ticket=) or the header.  Whatever a
 * client says counts as a sign of life.
 */
#include "base/clock.h"
#include "domain/market.h"
#include "handlers/streams.h"

static void
write_symbol(struct reply *reply, const char *symbol)
{
	char key[SYMBOL_MAX];

	reply_text(reply, "symbol", market_key(symbol, key) ? key : symbol);
}

/* ---- The market -------------------------------------------------------- */

static void
write_ticker(struct reply *reply, const struct instrument_terms *terms,
	int64_t price, int64_t time_us)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "ticker");
	write_symbol(reply, terms->symbol);
	reply_dec_places(reply, "price",
		decimal_or_none(price),
		decimal_places((struct decimal){terms->tick}));
	reply_time_ms(reply, "timestamp", time_us);
	reply_end(reply);
}

static bool
snapshot(struct reply *reply, const struct market_view *view)
{
	const struct book_slot *slot = view->slot;

	write_ticker(reply, &slot->terms, slot->last_price,
		slot->last_time_us != 0 ? slot->last_time_us
					: clock_wall_us());
	return true;
}

static bool
tick(struct reply *reply, const struct market_tick *tick)
{
	write_ticker(reply, tick->terms, tick->price, tick->time_us);
	return true;
}

const struct spelling botplatform_market_stream = {
	.edition = "botplatform",
	.path = "/api/v1/ws/market/{symbol}",
	.door = DOOR_TOKEN,
	.numbers = NUMBERS_STRING,
	.market = true,
	.snapshot = snapshot,
	.tick = tick,
};

/* ---- Orders ------------------------------------------------------------ */

/* As in the document's orders. */
static const char *
status_word(const struct order_update *update)
{
	switch ((enum order_status)update->status) {
	case ORDER_OPEN:
	case ORDER_WAITING:
		return update->filled > 0 ? "partially_filled" : "pending";
	case ORDER_FILLED:
		return "filled";
	case ORDER_CANCELLED:
		return "cancelled";
	}
	return NULL;
}

static bool
update_own(struct reply *reply, const struct update_view *view)
{
	const struct order_update *update = view->update;
	const struct instrument_terms *terms = view->terms;
	const char *symbol = terms ? terms->symbol : NULL;
	char key[SYMBOL_MAX];

	if (symbol && market_key(symbol, key))
		symbol = key;
	reply_object(reply, NULL);
	reply_text(reply, "type", "order_update");
	reply_ident(reply, "order_id", update->order);
	reply_text(reply, "status", status_word(update));
	reply_dec(reply, "filled_quantity", stream_decimal(update->filled));
	reply_dec_places(reply, "avg_fill_price", stream_average(update),
		terms ? decimal_places((struct decimal){terms->tick}) : 0);
	reply_time_ms(reply, "timestamp", update->time_us);
	stream_update_more(reply, view, symbol,
		update->side == SIDE_BUY ? "BUY" : "SELL");
	reply_end(reply);
	return true;
}

static bool
gap(struct reply *reply, const struct update_gap *gap)
{
	stream_gap(reply, gap, "/api/v1/orders");
	return true;
}

const struct spelling botplatform_order_stream = {
	.edition = "botplatform",
	.path = "/api/v1/ws/orders",
	.door = DOOR_TOKEN,
	.numbers = NUMBERS_STRING,
	.own = OWN_UPDATES,
	.update_own = update_own,
	.gap = gap,
};
