/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - API Interfaces "Market Data": symbols and candles; and, in the
 * same style, tickers, the book and the latest trades.
 *
 * What has "exchange" without needing it means the house's own book.
 */
#include "handlers/market.h"

#include <string.h>

#include "domain/book.h"
#include "domain/ticker.h"
#include "handlers/interfaces/edition.h"

/* ---- Symbols --------------------------------------------------------------- */

struct symbols_in {
	const char *exchange;
	int64_t limit;
};

static const struct field symbols_fields[] = {
	FIELD_TEXT(symbols_in, exchange, OPTIONAL, 1, MARKET_EXCHANGE_MAX),
	FIELD_INT_OR(symbols_in, limit, OPTIONAL, 100, 1, 1000),
	FIELD_END,
};
static const struct shape symbols_shape = SHAPE(symbols_in, symbols_fields);

static enum status
symbols(struct req *req)
{
	const struct symbols_in *in = req->query;
	struct symbol_list list;
	struct reply *r;
	size_t i;

	TRY(market_data_symbols(&req->ctx, in->exchange, in->limit, &list));
	r = req_reply(req);
	reply_array(r, "symbols");
	for (i = 0; i < list.n; i++) {
		const struct venue_symbol *row = &list.rows[i];

		reply_object(r, NULL);
		reply_text(r, "symbol", row->market.symbol);
		reply_text(r, "exchange", row->exchange);
		reply_text(r, "base_currency", row->market.base);
		reply_text(r, "quote_currency", row->market.quote);
		reply_text(r, "status", row->active ? "active" : "inactive");
		reply_end(r);
	}
	reply_end(r);
	return req_done(req);
}

/* ---- Candles --------------------------------------------------------------- */

static const struct field ohlcv_fields[] = {
	CANDLES_FIELDS(REQUIRED, REQUIRED, INTERVAL_1H, 100)};
static const struct shape ohlcv_shape = SHAPE(candles_in, ohlcv_fields);

static enum status
ohlcv(struct req *req)
{
	const struct candles_in *in = req->query;
	struct candles_out out;
	struct reply *r;
	size_t i;

	TRY(market_candles(req, &out));
	r = req_reply(req);
	reply_text(r, "symbol", out.of.market.symbol);
	reply_text(r, "exchange", out.of.exchange);
	reply_text(r, "interval", interval_name(in->interval));
	reply_array(r, "candles");
	for (i = 0; i < out.list.n; i++)
		market_write_candle(r, &out.list.rows[i],
			out.of.market.price_places);
	reply_end(r);
	return req_done(req);
}

/* ---- Tickers --------------------------------------------------------------- */

struct exchange_in {
	const char *exchange;
};

static const struct field exchange_fields[] = {
	FIELD_TEXT(exchange_in, exchange, OPTIONAL, 1, MARKET_EXCHANGE_MAX),
	FIELD_END,
};
static const struct shape exchange_shape = SHAPE(exchange_in, exchange_fields);

static void
write_ticker(struct req *req, struct reply *r, const struct ticker_day *day)
{
	reply_text(r, "symbol", day->market.symbol);
	reply_text(r, "exchange", VENUE_HOUSE);
	reply_dec(r, "price", day->now.price);
	reply_dec(r, "bid", day->now.bid);
	reply_dec(r, "ask", day->now.ask);
	reply_dec(r, "open_24h", day->open);
	reply_dec(r, "high_24h", day->high);
	reply_dec(r, "low_24h", day->low);
	reply_dec(r, "change_24h", day->change);
	reply_dec(r, "change_percent_24h", day->percent);
	reply_sum(r, "volume_24h", day->volume, 0);
	reply_sum(r, "quote_volume_24h", day->quote_volume, 0);
	reply_int(r, "trades_24h", day->trades);
	reply_time(r, "last_trade_at", day->now.time_us);
	reply_time(r, "timestamp", market_now_us(req));
}

static enum status
ticker(struct req *req)
{
	const struct exchange_in *in = req->query;
	struct market market;
	struct ticker_day day;

	TRY(market_of_path(req, in->exchange, &market));
	TRY(ticker_day(&req->ctx, &market, &day));
	write_ticker(req, req_reply(req), &day);
	return req_done(req);
}

/* Of another venue there are none. */
static enum status
tickers(struct req *req)
{
	const struct symbols_in *in = req->query;
	struct ticker_list list = {0};
	const char *exchange;
	struct reply *r;
	size_t i;

	TRY(market_data_venue(&req->ctx, in->exchange, &exchange));
	if (strcmp(exchange, VENUE_HOUSE) == 0)
		TRY(ticker_list(&req->ctx, &list));
	r = req_reply(req);
	reply_array(r, "tickers");
	for (i = 0; i < list.n && i < (size_t)in->limit; i++) {
		reply_object(r, NULL);
		write_ticker(req, r, &list.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	return req_done(req);
}

/* ---- The book and the trades ----------------------------------------------- */

struct depth_in {
	const char *exchange;
	int64_t limit;
};

static const struct field depth_fields[] = {
	FIELD_TEXT(depth_in, exchange, OPTIONAL, 1, MARKET_EXCHANGE_MAX),
	FIELD_INT_OR(depth_in, limit, OPTIONAL, BOOK_PAGE_LEVELS, 1,
		BOOK_PAGE_LEVELS),
	FIELD_END,
};
static const struct shape depth_shape = SHAPE(depth_in, depth_fields);

static void
write_levels(struct reply *r, const char *key, const struct book_level *levels,
	size_t n, int64_t most)
{
	size_t i;

	reply_array(r, key);
	for (i = 0; i < n && i < (size_t)most; i++) {
		reply_array(r, NULL);
		reply_dec(r, NULL, (struct decimal){levels[i].price});
		reply_dec(r, NULL, (struct decimal){levels[i].quantity});
		reply_end(r);
	}
	reply_end(r);
}

static enum status
depth(struct req *req)
{
	const struct depth_in *in = req->query;
	const struct book_slot *slot;
	struct market market;
	struct reply *r;

	TRY(market_of_path(req, in->exchange, &market));
	TRY(book_depth(&req->ctx, &market, &slot));
	r = req_reply(req);
	reply_text(r, "symbol", market.symbol);
	reply_text(r, "exchange", VENUE_HOUSE);
	reply_int(r, "sequence", (int64_t)slot->seq);
	write_levels(r, "bids", slot->bids, slot->n_bids, in->limit);
	write_levels(r, "asks", slot->asks, slot->n_asks, in->limit);
	reply_time(r, "timestamp", market_now_us(req));
	return req_done(req);
}

static enum status
trades(struct req *req)
{
	const struct symbols_in *in = req->query;
	struct public_trade_list list;
	struct market market;
	struct reply *r;
	size_t i;

	TRY(market_of_path(req, in->exchange, &market));
	TRY(market_data_trades(&req->ctx, &market, in->limit, &list));
	r = req_reply(req);
	reply_text(r, "symbol", market.symbol);
	reply_text(r, "exchange", VENUE_HOUSE);
	reply_array(r, "trades");
	for (i = 0; i < list.n; i++) {
		const struct public_trade *trade = &list.rows[i];

		reply_object(r, NULL);
		reply_ident(r, "id", trade->id);
		reply_dec(r, "price", trade->price);
		reply_dec(r, "quantity", trade->quantity);
		reply_text(r, "side",
			trade->side == SIDE_BUY ? "buy" : "sell");
		reply_time(r, "timestamp", trade->executed_us);
		reply_end(r);
	}
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_market[] = {
	{GET, "/api/v1/market-data/symbols", symbols, AUTH_USER, RATE_READ,
		POOL_API, .query = &symbols_shape},
	{GET, "/api/v1/market-data/symbols/{symbol}/ohlcv", ohlcv, AUTH_USER,
		RATE_READ, POOL_API, .query = &ohlcv_shape},
	{GET, "/api/v1/market-data/symbols/{symbol}/ticker", ticker, AUTH_USER,
		RATE_READ, POOL_API, .query = &exchange_shape},
	{GET, "/api/v1/market-data/symbols/{symbol}/depth", depth, AUTH_USER,
		RATE_READ, POOL_API, .query = &depth_shape},
	{GET, "/api/v1/market-data/symbols/{symbol}/trades", trades, AUTH_USER,
		RATE_READ, POOL_API, .query = &symbols_shape},
	{GET, "/api/v1/market-data/tickers", tickers, AUTH_USER, RATE_READ,
		POOL_API, .query = &symbols_shape},
	ROUTE_END
};
/* clang-format on */
