/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streams.c - all streams that are served.
 */
#include "handlers/streams.h"

#include "base/clock.h"
#include "handlers/orders.h"

const struct spelling *const stream_spellings[] = {
	&quantora_stream,
	&interfaces_stream,
	&botplatform_market_stream,
	&botplatform_order_stream,
	NULL,
};

static const char *const causes[] = {
	[UPDATE_OPENED] = "opened",
	[UPDATE_AMENDED] = "amended",
	[UPDATE_TRIGGERED] = "triggered",
	[UPDATE_FILL] = "fill",
	[UPDATE_CLOSED] = "closed",
};

struct decimal
stream_average(const struct order_update *update)
{
	struct decimal average;

	if (update->filled <= 0 || update->quote == INT64_MIN ||
		decimal_div_down((struct decimal){update->quote},
			(struct decimal){update->filled}, &average) != ST_OK)
		return DECIMAL_NONE;
	return average;
}

static int
price_places(const struct instrument_terms *terms)
{
	return terms ? decimal_places((struct decimal){terms->tick}) : 0;
}

static void
write_fill(struct reply *reply, const struct update_view *view)
{
	const struct order_update *update = view->update;

	if (update->cause != UPDATE_FILL) {
		reply_null(reply, "fill");
		return;
	}
	reply_object(reply, "fill");
	reply_ident(reply, "trade_id", update->trade);
	reply_dec_places(reply, "price", stream_decimal(update->fill_price),
		price_places(view->terms));
	reply_dec(reply, "quantity", stream_decimal(update->fill_quantity));
	reply_money(reply, "fee", stream_decimal(update->fill_fee));
	reply_text(reply, "liquidity", update->maker ? "maker" : "taker");
	reply_end(reply);
}

void
stream_update_more(struct reply *reply, const struct update_view *view,
	const char *symbol, const char *side)
{
	const struct order_update *update = view->update;

	reply_int(reply, "seq", (int64_t)update->number);
	reply_text(reply, "event", causes[update->cause]);
	reply_text(reply, "symbol", symbol);
	reply_text(reply, "side", side);
	reply_dec(reply, "quantity", stream_decimal(update->quantity));
	reply_money(reply, "fees", stream_decimal(update->fees));
	reply_text(reply, "reason",
		order_reason_word((enum close_reason)update->reason));
	write_fill(reply, view);
}

void
stream_gap(struct reply *reply, const struct update_gap *gap, const char *path)
{
	reply_object(reply, NULL);
	reply_text(reply, "type", "resync");
	reply_int(reply, "after_seq", (int64_t)gap->after);
	reply_int(reply, "seq", (int64_t)gap->now);
	reply_text(reply, "reason", gap->reason);
	reply_text(reply, "orders", path);
	reply_time_ms(reply, "timestamp", clock_wall_us());
	reply_end(reply);
}
