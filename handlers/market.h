/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.h - what the market data sections of the documents have in common.
 *
 * Their routes have a {symbol} in the path, in any of its spellings.
 */
#pragma once

#include "domain/candle.h"
#include "domain/market_data.h"
#include "http/request.h"

#define MARKET_EXCHANGE_MAX 32

/* "1m", "5m", "15m", "1h", "4h", "1d", "1w" */
extern const struct word market_intervals[];

/* ---- Candles --------------------------------------------------------------- */

/* A query for candles. */
struct candles_in {
	const char *exchange;
	enum interval interval;
	int64_t start_time, end_time;
	int64_t limit;
};

/* INTERVAL_OR: which, when it is optional and not there; LIMIT_OR likewise. */
#define CANDLES_FIELDS(exchange_need, interval_need, interval_or, limit_or)    \
	FIELD_TEXT(candles_in, exchange, exchange_need, 1,                     \
		MARKET_EXCHANGE_MAX),                                          \
		FIELD_ENUM_OR(candles_in, interval, interval_need,             \
			interval_or, market_intervals),                        \
		FIELD_TIME(candles_in, start_time, OPTIONAL),                  \
		FIELD_TIME(candles_in, end_time, OPTIONAL),                    \
		FIELD_INT_OR(candles_in, limit, OPTIONAL, limit_or, 1, 1000),  \
		FIELD_END

struct candles_out {
	struct venue_symbol of;
	struct candle_list list;
};

/* What the query, a struct candles_in, asks for of the path's symbol. */
enum status market_candles(struct req *req, struct candles_out *out) MUST_USE;

/* {timestamp, open, high, low, close, volume} */
void market_write_candle(struct reply *reply, const struct candle *candle,
	int price_places);

/* ---- The house's own book -------------------------------------------------- */

/*
 * The path's symbol, of which EXCHANGE (or NULL) must be the house: of another
 * venue there are only candles, ST_NOT_FOUND.
 */
enum status market_of_path(struct req *req, const char *exchange,
	struct market *out) MUST_USE;

/* "BTC/USD" as "BTCUSD", in the arena. */
const char *market_plain_symbol(struct req *req, const char *symbol);

/* The whole second that the request came in. */
int64_t market_now_us(const struct req *req);
