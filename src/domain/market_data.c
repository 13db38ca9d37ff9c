/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market_data.c - venues, symbols, trades; snapshots that hold all trades.
 */
#include "domain/market_data.h"

#include <string.h>
#include <strings.h>

#include "domain/settled.h"

#define PLACES_UNKNOWN 2 /* of a price in a currency that we don't list */

/* ---- Venues ---------------------------------------------------------------- */

static const char *const venues[] = {
	VENUE_HOUSE, "binance", "kraken", "kucoin", "luno", "valr"};

static enum status
no_venue(struct ctx *ctx)
{
	ctx->fault.kind = FAULT_CHOICE;
	return fail(ctx, ST_INVALID, "exchange", "there is no such exchange");
}

const char *
market_data_known_venue(const char *name)
{
	size_t i;

	if (!name)
		return VENUE_HOUSE;
	for (i = 0; i < N_ELEMENTS(venues); i++)
		if (strcasecmp(name, venues[i]) == 0)
			return venues[i];
	return NULL;
}

enum status
market_data_venue(struct ctx *ctx, const char *name, const char **out)
{
	const char *known = market_data_known_venue(name);
	enum status status;

	if (known) {
		*out = known;
		return ST_OK;
	}
	status = db_one(ctx,
		"SELECT exchange FROM candle_series WHERE exchange = LOWER(?) "
		"LIMIT 1",
		DB_IN(db_text(name)), DB_OUT(db_to_text(out)));
	return status == ST_NOT_FOUND ? no_venue(ctx) : status;
}

/* ---- Symbols --------------------------------------------------------------- */

static struct venue_symbol
house_symbol(const struct market *market)
{
	return (struct venue_symbol){
		.exchange = VENUE_HOUSE,
		.house = true,
		.market = *market,
		.active = market->status == MARKET_TRADING,
	};
}

/* A symbol of EXCHANGE; prices look as they do here, if we list it too. */
static struct venue_symbol
outside_symbol(struct ctx *ctx, const char *exchange, const char *symbol)
{
	struct venue_symbol out = {.exchange = exchange};
	struct fault before = ctx->fault;
	size_t base = strcspn(symbol, "/"), quote = base + (symbol[base] != 0);
	struct market market;

	out.market.price_places = PLACES_UNKNOWN;
	if (market_find(ctx, symbol, &market) == ST_OK)
		out.market.price_places = market.price_places;
	ctx->fault = before;
	strncpy(out.market.symbol, symbol, SYMBOL_MAX - 1);
	if (base < ASSET_CODE_MAX && strlen(symbol + quote) < ASSET_CODE_MAX) {
		memcpy(out.market.base, symbol, base);
		memcpy(out.market.quote, symbol + quote,
			strlen(symbol + quote));
	}
	return out;
}

static enum status
find_outside(struct ctx *ctx, const char *exchange, const char *symbol,
	struct venue_symbol *out)
{
	struct fault before = ctx->fault;
	enum status status = ST_NOT_FOUND;
	char key[SYMBOL_MAX];
	struct market market;
	const char *name;

	if (market_key(symbol, key))
		status = db_one(ctx,
			"SELECT symbol FROM candle_series WHERE exchange = ? "
			"AND symbol_key = ? LIMIT 1",
			DB_IN(db_text(exchange), db_text(key)),
			DB_OUT(db_to_text(&name)));
	if (status == ST_NOT_FOUND) {
		/* Nothing was imported, but it is the name of something. */
		status = market_find(ctx, symbol, &market);
		name = market.symbol;
		if (status == ST_INVALID)
			status = ST_NOT_FOUND;
		ctx->fault = before;
	}
	TRY(status);
	*out = outside_symbol(ctx, exchange, name);
	return ST_OK;
}

static enum status
find_house(struct ctx *ctx, const char *symbol, struct venue_symbol *out)
{
	struct fault before = ctx->fault;
	struct market market;
	enum status status = market_find(ctx, symbol, &market);

	if (status == ST_INVALID) {
		ctx->fault = before;
		return ST_NOT_FOUND;
	}
	TRY(status);
	*out = house_symbol(&market);
	return ST_OK;
}

enum status
market_data_find(struct ctx *ctx, const char *exchange, const char *symbol,
	struct venue_symbol *out)
{
	enum status status;

	TRY(market_data_venue(ctx, exchange, &exchange));
	if (strcmp(exchange, VENUE_HOUSE) == 0)
		status = find_house(ctx, symbol, out);
	else
		status = find_outside(ctx, exchange, symbol, out);
	if (status == ST_NOT_FOUND)
		return fail(ctx, status, "symbol", "there is no such symbol");
	return status;
}

static enum status
add_house(struct ctx *ctx, struct venue_symbol *rows, size_t most, size_t *n)
{
	struct market_list list;
	size_t i;

	TRY(market_list(ctx, &list));
	for (i = 0; i < list.n && *n < most; i++)
		rows[(*n)++] = house_symbol(&list.rows[i]);
	return ST_OK;
}

static enum status
add_outside(struct ctx *ctx, const char *exchange, struct venue_symbol *rows,
	size_t most, size_t *n)
{
	struct db_rows *found;
	const char *name, *symbol;

	TRY(db_query(ctx,
		"SELECT DISTINCT exchange, symbol FROM candle_series "
		"WHERE ? IS NULL OR exchange = ? "
		"ORDER BY exchange, symbol LIMIT ?",
		DB_IN(db_text(exchange), db_text(exchange),
			db_u64(most - *n)),
		&found));
	while (db_next(found, DB_OUT(db_to_text(&name), db_to_text(&symbol))))
		rows[(*n)++] = outside_symbol(ctx, name, symbol);
	return ST_OK;
}

enum status
market_data_symbols(struct ctx *ctx, const char *exchange, int64_t limit,
	struct symbol_list *out)
{
	struct venue_symbol *rows =
		arena_array(ctx->arena, (size_t)limit, sizeof(*rows));
	bool house = true;
	size_t n = 0;

	if (exchange) {
		TRY(market_data_venue(ctx, exchange, &exchange));
		house = strcmp(exchange, VENUE_HOUSE) == 0;
	}
	if (house)
		TRY(add_house(ctx, rows, (size_t)limit, &n));
	if (!exchange || !house)
		TRY(add_outside(ctx, exchange, rows, (size_t)limit, &n));
	*out = (struct symbol_list){rows, n};
	return ST_OK;
}

/* ---- Reading behind the page ----------------------------------------------- */

void
page_mark_add(struct page_mark *mark, const struct book_slot *slot)
{
	if (slot->last_price == 0)
		return; /* no trade could be missing */
	if (slot->seq > mark->seq)
		mark->seq = slot->seq;
	if (slot->last_time_us > mark->last_us)
		mark->last_us = slot->last_time_us;
}

struct reading {
	const struct page_mark *mark;
	db_tx_fn *fn;
	void *arg;
	bool whole; /* the snapshot has all of MARK */
	int64_t behind_us;
};

static enum status
read_and_look(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;
	uint64_t seq;
	int64_t at_us;

	TRY(settled_position(ctx, &seq, &at_us));
	/*
	 * Commands may share a microsecond, so only what is later than the
	 * last trade proves that it was settled.
	 */
	reading->whole = seq >= reading->mark->seq ||
			 at_us > reading->mark->last_us;
	reading->behind_us = reading->mark->last_us - at_us;
	return reading->fn(ctx, reading->arg);
}

enum status
market_data_read(struct ctx *ctx, const struct page_mark *mark, db_tx_fn *fn,
	void *arg, bool *whole)
{
	struct reading reading = {mark, fn, arg, false, 0};
	struct fault before = ctx->fault;
	enum status status;

	TRY(settled_read(ctx, read_and_look, &reading));
	if (!reading.whole) {
		status = settled_wait(ctx, mark->seq);
		if (status == ST_OK)
			status = settled_read(ctx, read_and_look, &reading);
		else if (reading.behind_us <= SETTLED_LAG_MAX_US)
			status = ST_OK;
		TRY(status);
		ctx->fault = before;
	}
	if (whole)
		*whole = reading.whole;
	return ST_OK;
}

/* ---- Trades ---------------------------------------------------------------- */

struct trades_read {
	const struct market *market;
	int64_t limit;
	struct public_trade_list found;
};

static enum status
read_trades(struct ctx *ctx, void *arg)
{
	struct trades_read *read = arg;
	struct public_trade_list found = {0};
	struct public_trade trade;
	struct db_rows *rows;
	uint8_t side;

	TRY(db_query(ctx,
		"SELECT id, taker_side, price, quantity, executed_at "
		"FROM trades WHERE instrument_id = ? ORDER BY id DESC LIMIT ?",
		DB_IN(db_u64(read->market->number), db_i64(read->limit)),
		&rows));
	found.rows = arena_array(
		ctx->arena, db_count(rows), sizeof(*found.rows));
	while (db_next(rows,
		DB_OUT(db_to_ident(&trade.id), db_to_u8(&side),
			db_to_decimal(&trade.price),
			db_to_decimal(&trade.quantity),
			db_to_time(&trade.executed_us)))) {
		trade.side = side;
		found.rows[found.n++] = trade;
	}
	read->found = found;
	return ST_OK;
}

enum status
market_data_trades(struct ctx *ctx, const struct market *market, int64_t limit,
	struct public_trade_list *out)
{
	struct trades_read read = {.market = market, .limit = limit};
	struct page_mark mark = {0};
	struct book_slot slot;

	TRY(market_slot(ctx, market->number, &slot));
	page_mark_add(&mark, &slot);
	TRY(market_data_read(ctx, &mark, read_trades, &read, NULL));
	*out = read.found;
	return ST_OK;
}
