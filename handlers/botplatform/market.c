/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - Trading Bot Platform "Market Data": the price, and candles.
 *
 * The ticker is read from shared memory alone, so it asks for no pool with
 * MySQL.  "exchange" is an addition: it picks another venue's candles.
 */
#include "handlers/market.h"

#include "domain/book.h"
#include "handlers/botplatform/edition.h"

static enum status
ticker(struct req *req)
{
	struct market market;
	struct ticker now;
	struct reply *r;

	TRY(market_of_path(req, NULL, &market));
	TRY(book_ticker(&req->ctx, &market, &now));
	r = req_reply(req);
	reply_text(r, "symbol", market_plain_symbol(req, market.symbol));
	reply_dec_places(r, "price", now.price, market.price_places);
	reply_dec_places(r, "bid", now.bid, market.price_places);
	reply_dec_places(r, "ask", now.ask, market.price_places);
	reply_time(r, "timestamp", market_now_us(req));
	return req_done(req);
}

static const struct field klines_fields[] = {
	CANDLES_FIELDS(OPTIONAL, REQUIRED, INTERVAL_1H, 500)};
static const struct shape klines_shape = SHAPE(candles_in, klines_fields);

static enum status
klines(struct req *req)
{
	const struct candles_in *in = req->query;
	struct candles_out out;
	struct reply *r;
	size_t i;

	TRY(market_candles(req, &out));
	r = req_reply(req);
	reply_text(r, "symbol",
		market_plain_symbol(req, out.of.market.symbol));
	reply_text(r, "interval", interval_name(in->interval));
	reply_array(r, "data");
	for (i = 0; i < out.list.n; i++)
		market_write_candle(r, &out.list.rows[i],
			out.of.market.price_places);
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route botplatform_market[] = {
	{GET, "/api/v1/market/ticker/{symbol}", ticker, AUTH_USER, RATE_READ,
		POOL_TRADE, NO_INPUT},
	{GET, "/api/v1/market/klines/{symbol}", klines, AUTH_USER, RATE_READ,
		POOL_API, .query = &klines_shape},
	ROUTE_END
};
/* clang-format on */
