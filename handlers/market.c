/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - candles for all documents.
 */
#include "handlers/market.h"

#include "base/clock.h"

const struct word market_intervals[] = {
	{"1m", INTERVAL_1M},
	{"5m", INTERVAL_5M},
	{"15m", INTERVAL_15M},
	{"1h", INTERVAL_1H},
	{"4h", INTERVAL_4H},
	{"1d", INTERVAL_1D},
	{"1w", INTERVAL_1W},
	{NULL, 0},
};

enum status
market_candles(struct req *req, struct candles_out *out)
{
	const struct candles_in *in = req->query;

	TRY(market_data_find(&req->ctx, in->exchange,
		req_param(req, "symbol"), &out->of));
	return candle_list(&req->ctx,
		&(struct candle_query){
			.of = &out->of,
			.interval = in->interval,
			.start_us = in->start_time,
			.end_us = in->end_time,
			.limit = in->limit,
		},
		&out->list);
}

void
market_write_candle(struct reply *reply, const struct candle *candle,
	int price_places)
{
	reply_object(reply, NULL);
	reply_time(reply, "timestamp", candle->opened_us);
	reply_dec_places(reply, "open", candle->open, price_places);
	reply_dec_places(reply, "high", candle->high, price_places);
	reply_dec_places(reply, "low", candle->low, price_places);
	reply_dec_places(reply, "close", candle->close, price_places);
	reply_sum(reply, "volume", candle->volume, 0);
	reply_end(reply);
}

enum status
market_of_path(struct req *req, const char *exchange, struct market *out)
{
	struct venue_symbol of;

	TRY(market_data_find(&req->ctx, exchange, req_param(req, "symbol"),
		&of));
	if (!of.house)
		return fail(&req->ctx, ST_NOT_FOUND, "exchange",
			"of that exchange there are only candles");
	*out = of.market;
	return ST_OK;
}

const char *
market_plain_symbol(struct req *req, const char *symbol)
{
	char key[SYMBOL_MAX];

	return arena_strdup(
		req->ctx.arena, market_key(symbol, key) ? key : symbol);
}

int64_t
market_now_us(const struct req *req)
{
	return req->ctx.now_us - req->ctx.now_us % US_PER_SECOND;
}
