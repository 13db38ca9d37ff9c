/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream.c - Quantora "WebSocket": the book and the trades of one market.
 *
 *	{"type":"OrderBookSnapshot","payload":{"seq","bids":[[price,qty]],"asks"}}
 *	{"type":"OrderBookUpdate", the same; qty 0 for a level that is gone}
 *	{"type":"Trade","payload":{"price","qty","side","executed_at"}}
 *
 * The snapshot comes at once, and an update's seq is one more than that of the
 * message before it about the book.  The document's heartbeat is WebSocket's
 * own ping and pong, and it names nothing that a client would send: whatever
 * does come counts as a sign of life.
 */
#include "handlers/streams.h"

static void
write_levels(struct reply *reply, const char *key,
	const struct book_level *levels, size_t n)
{
	size_t i;

	reply_array(reply, key);
	for (i = 0; i < n; i++) {
		reply_array(reply, NULL);
		reply_dec(reply, NULL, (struct decimal){levels[i].price});
		reply_dec(reply, NULL, (struct decimal){levels[i].quantity});
		reply_end(reply);
	}
	reply_end(reply);
}

static void
open_message(struct reply *reply, const char *type)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", type);
	reply_object(reply, "payload");
}

static void
close_message(struct reply *reply)
{
	reply_end(reply);
	reply_end(reply);
}

static bool
snapshot(struct reply *reply, const struct market_view *view)
{
	const struct book_slot *slot = view->slot;

	open_message(reply, "OrderBookSnapshot");
	reply_int(reply, "seq", (int64_t)view->seq);
	write_levels(reply, "bids", slot->bids, slot->n_bids);
	write_levels(reply, "asks", slot->asks, slot->n_asks);
	close_message(reply);
	return true;
}

static bool
update(struct reply *reply, const struct market_change *change)
{
	open_message(reply, "OrderBookUpdate");
	reply_int(reply, "seq", (int64_t)change->view.seq);
	write_levels(reply, "bids", change->bids, change->n_bids);
	write_levels(reply, "asks", change->asks, change->n_asks);
	close_message(reply);
	return true;
}

/* The side is the taker's. */
static bool
trade(struct reply *reply, const struct market_trade *told)
{
	const struct ev_trade *fill = told->trade;

	open_message(reply, "Trade");
	reply_dec(reply, "price", (struct decimal){fill->price});
	reply_dec(reply, "qty", (struct decimal){fill->quantity});
	reply_text(reply, "side",
		fill->taker_side == SIDE_BUY ? "buy" : "sell");
	reply_time(reply, "executed_at", told->time_us);
	close_message(reply);
	return true;
}

const struct spelling quantora_stream = {
	.edition = "quantora",
	.path = "/ws",
	.door = DOOR_OPEN,
	.numbers = NUMBERS_JSON,
	.market = true,
	.snapshot = snapshot,
	.update = update,
	.trade = trade,
};
