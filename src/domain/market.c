/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.c - a table of instruments over the book page.
 */
#include "domain/market.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"

#define AGE_MAX_US US_PER_SECOND

struct entry {
	char key[SYMBOL_MAX]; /* the symbol as market_key() makes it */
	struct market market;
};

struct markets {
	char *path;
	struct book_page *page; /* NULL: not there yet */
	int64_t loaded_us;
	struct market_day *days; /* ticker.c's */
	size_t n;
	struct entry entries[INSTRUMENTS_MAX];
};

struct markets *
markets_new(const char *path)
{
	struct markets *markets = calloc(1, sizeof(*markets));

	if (!markets)
		abort();
	markets->path = strdup(path);
	if (!markets->path)
		abort();
	return markets;
}

void
markets_free(struct markets *markets)
{
	if (!markets)
		return;
	if (markets->page)
		book_page_close(markets->page);
	free(markets->days);
	free(markets->path);
	free(markets);
}

struct market_day **
markets_days(struct markets *markets)
{
	return &markets->days;
}

bool
market_key(const char *text, char out[SYMBOL_MAX])
{
	bool parted = false;
	size_t n = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		/* One stroke, and between two. */
		if (c == '/' || c == '-') {
			if (parted || n == 0 || !text[1])
				return false;
			parted = true;
			continue;
		}
		if (!isalnum(c) || c >= 0x80 || n == SYMBOL_MAX - 1)
			return false;
		out[n++] = (char)toupper(c);
	}
	out[n] = '\0';
	return n > 0;
}

/* The half of a symbol before its slash, and that behind it. */
static void
split(struct market *market)
{
	size_t base = strcspn(market->symbol, "/");
	const char *quote = market->symbol + base;

	if (*quote)
		quote++;
	if (base >= ASSET_CODE_MAX || strlen(quote) >= ASSET_CODE_MAX)
		return;
	memcpy(market->base, market->symbol, base);
	memcpy(market->quote, quote, strlen(quote) + 1);
}

static struct market
market_of(const struct instrument_terms *terms)
{
	struct market market = {
		.number = terms->instrument,
		.tick = {terms->tick},
		.lot = {terms->lot},
		.min_notional = {terms->min_notional},
		.price_places = decimal_places((struct decimal){terms->tick}),
		.maker_rate = terms->maker_rate,
		.taker_rate = terms->taker_rate,
		.status = terms->status,
	};

	memcpy(market.symbol, terms->symbol, SYMBOL_MAX);
	market.symbol[SYMBOL_MAX - 1] = '\0';
	split(&market);
	return market;
}

static bool
open_page(struct markets *markets)
{
	struct reason reason = {""};

	if (markets->page)
		return book_page_refresh(markets->page) == ST_OK;
	return book_page_open(markets->path, &markets->page, &reason) == ST_OK;
}

static enum status
load(struct ctx *ctx, struct markets *markets)
{
	struct book_slot slot;
	uint16_t i;

	if (!open_page(markets))
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"the exchange is not running");
	markets->n = 0;
	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		struct entry *entry = &markets->entries[markets->n];

		if (book_page_read(markets->page, i, &slot) != ST_OK)
			continue;
		entry->market = market_of(&slot.terms);
		markets->n += market_key(entry->market.symbol, entry->key);
	}
	markets->loaded_us = ctx->now_us;
	return ST_OK;
}

/* The table, loaded anew when it is too old (or the clock was set back). */
static enum status
fresh(struct ctx *ctx, struct markets **out)
{
	struct markets *markets = ctx->markets;
	int64_t age_us = ctx->now_us - markets->loaded_us;

	if (markets->n == 0 || age_us < 0 || age_us > AGE_MAX_US)
		TRY(load(ctx, markets));
	*out = markets;
	return ST_OK;
}

enum status
market_find(struct ctx *ctx, const char *symbol, struct market *out)
{
	struct markets *markets;
	char key[SYMBOL_MAX];
	size_t i;

	if (!symbol)
		symbol = conf_text(ctx->conf, CONF_DEFAULT_MARKET);
	TRY(fresh(ctx, &markets));
	if (market_key(symbol, key))
		for (i = 0; i < markets->n; i++)
			if (strcmp(markets->entries[i].key, key) == 0) {
				*out = markets->entries[i].market;
				return ST_OK;
			}
	ctx->fault.kind = FAULT_VALUE;
	return fail(ctx, ST_INVALID, "symbol", "there is no such symbol");
}

enum status
market_numbered(struct ctx *ctx, uint16_t number, struct market *out)
{
	struct markets *markets;
	size_t i;

	TRY(fresh(ctx, &markets));
	for (i = 0; i < markets->n; i++)
		if (markets->entries[i].market.number == number) {
			*out = markets->entries[i].market;
			return ST_OK;
		}
	return ST_NOT_FOUND;
}

enum status
market_list(struct ctx *ctx, struct market_list *out)
{
	struct markets *markets;
	struct market *rows;
	size_t i, n = 0;

	TRY(fresh(ctx, &markets));
	rows = arena_array(ctx->arena, markets->n, sizeof(*rows));
	for (i = 0; i < markets->n; i++)
		if (markets->entries[i].market.status != MARKET_DELISTED)
			rows[n++] = markets->entries[i].market;
	*out = (struct market_list){rows, n};
	return ST_OK;
}

enum status
market_slot(struct ctx *ctx, uint16_t instrument, struct book_slot *out)
{
	struct markets *markets;

	TRY(fresh(ctx, &markets));
	if (book_page_read(markets->page, instrument, out) == ST_OK)
		return ST_OK;
	return fail(ctx, ST_UNAVAILABLE, NULL,
		"the book cannot be read just now");
}
