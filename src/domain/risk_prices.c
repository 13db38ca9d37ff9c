/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_prices.c - what assets are worth in money of account, to the core.
 *
 * The core values an asset by the first of its books against money of account,
 * and else by the rate that it was told, which is from here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/market.h"
#include "domain/rate.h"
#include "domain/risk_watch.h"

#define ACCOUNT_CODE "USD"
/* Cheap assets are converted in bulk, for the places that one would lose. */
#define RATE_BULK INT64_C(1000000)
#define MOVED_PART 100

static enum status
read_assets(struct ctx *ctx, struct risk_prices *prices)
{
	struct decimal rate;
	struct db_rows *rows;
	const char *code;
	uint16_t asset;

	prices->account = ASSETS_MAX;
	TRY(db_query(ctx,
		"SELECT id, code, usd_rate FROM assets WHERE id < ? "
		"ORDER BY id LIMIT ?",
		DB_IN(db_u64(ASSETS_MAX), db_u64(ASSETS_MAX)), &rows));
	while (db_next(rows,
		DB_OUT(db_to_u16(&asset), db_to_text(&code),
			db_to_decimal(&rate)))) {
		strncpy(prices->codes[asset], code, ASSET_CODE_MAX - 1);
		prices->rates[asset] = decimal_is_none(rate) ? 0 : rate.units;
		if (prices->account == ASSETS_MAX &&
			strcmp(code, ACCOUNT_CODE) == 0)
			prices->account = asset;
	}
	return ST_OK;
}

static enum status
read_books(struct ctx *ctx, struct risk_prices *prices)
{
	struct market_list list;
	struct book_slot slot;
	size_t i;

	TRY(market_list(ctx, &list));
	for (i = 0; i < list.n; i++) {
		TRY(market_slot(ctx, list.rows[i].number, &slot));
		prices->of[prices->n++] = (struct risk_price){
			.instrument = list.rows[i].number,
			.base = slot.terms.base,
			.quote = slot.terms.quote,
			.price = slot.last_price ? slot.last_price
						 : slot.reference_price,
		};
	}
	return ST_OK;
}

enum status
risk_prices_read(struct ctx *ctx, struct risk_prices *out)
{
	size_t i;

	memset(out, 0, sizeof(*out));
	TRY(read_assets(ctx, out));
	TRY(read_books(ctx, out));
	for (i = 0; i < out->n; i++) {
		const struct risk_price *of = &out->of[i];

		if (of->quote != out->account || of->price == 0 ||
			of->base >= ASSETS_MAX || out->by_book[of->base])
			continue;
		out->rates[of->base] = of->price;
		out->by_book[of->base] = true;
	}
	if (out->account < ASSETS_MAX) {
		out->rates[out->account] = DECIMAL_ONE;
		out->by_book[out->account] = true;
	}
	return ST_OK;
}

/* ---- Telling --------------------------------------------------------------- */

/* *RATE is 0 when nothing connects the two. */
static enum status
rate_of(struct ctx *ctx, const char *code, int64_t *rate)
{
	struct decimal bulk = {RATE_BULK * DECIMAL_ONE}, worth;
	enum status status = rate_convert(ctx, bulk, code, ACCOUNT_CODE, &worth);

	if (status == ST_INVALID) {
		/* A million of it is more than there is: one will do. */
		bulk.units = DECIMAL_ONE;
		status = rate_convert(ctx, bulk, code, ACCOUNT_CODE, &worth);
	}
	if (status == ST_NOT_FOUND || status == ST_INVALID) {
		*rate = 0;
		return ST_OK;
	}
	TRY(status);
	*rate = worth.units / (bulk.units / DECIMAL_ONE);
	return ST_OK;
}

static bool
has_moved(int64_t from, int64_t to)
{
	if (from == 0 || to == 0)
		return from != to;
	return (__int128)llabs(to - from) * MOVED_PART > from;
}

static enum status
tell(struct ctx *ctx, uint16_t asset, int64_t rate)
{
	struct cmd_asset_rate set = {
		.head = CORE_COMMAND(ASSET_RATE, cmd_asset_rate, USER_HOUSE),
		.intent = ident_random(clock_wall_us()),
		.asset = asset,
		.rate = rate,
	};

	return core_command(ctx, &set.head, NULL);
}

enum status
risk_rates_tell(struct ctx *ctx, unsigned *out)
{
	struct risk_prices *prices = arena_alloc(ctx->arena, sizeof(*prices));
	uint16_t asset;
	int64_t rate;

	*out = 0;
	TRY(risk_prices_read(ctx, prices));
	for (asset = 0; asset < ASSETS_MAX; asset++) {
		if (!*prices->codes[asset] || prices->by_book[asset])
			continue;
		TRY(rate_of(ctx, prices->codes[asset], &rate));
		/* What cannot be valued now keeps what it was worth. */
		if (rate == 0 || !has_moved(prices->rates[asset], rate))
			continue;
		TRY(tell(ctx, asset, rate));
		++*out;
	}
	return ST_OK;
}
