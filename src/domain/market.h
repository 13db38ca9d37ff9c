/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market.h - the instruments, and by what names people know them.
 *
 * All of it is read from the shared book page: no round trip, no MySQL.  A
 * process keeps a table of the instruments' terms, not older than a second.
 *
 * "BTC/USD", "BTC-USD", "BTCUSD" and "btc/usd" are the same instrument.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "journal/book_page.h"
#include "wire/message.h"
#include "wire/order.h"

struct markets;

/* PATH is the book page's; it need not exist yet. */
struct markets *markets_new(const char *path);
void markets_free(struct markets *markets);

/* What ticker.c keeps between requests; NULL at first, freed with MARKETS. */
struct market_day **markets_days(struct markets *markets);

struct market {
	uint16_t number;
	char symbol[SYMBOL_MAX]; /* "BTC/USD" */
	char base[ASSET_CODE_MAX];
	char quote[ASSET_CODE_MAX];
	struct decimal tick;
	struct decimal lot;
	struct decimal min_notional;
	int price_places; /* what a price has, as the tick does */
	uint32_t maker_rate; /* parts of 10^6 */
	uint32_t taker_rate;
	enum instrument_status status;
};

/*
 * "btc-usd" as "BTCUSD", which is how a symbol is found.  False when TEXT can
 * be none.
 */
bool market_key(const char *text, char out[SYMBOL_MAX]);

/*
 * The instrument that is called SYMBOL; NULL: the configured default market.
 * ST_INVALID, with the fault at "symbol", when there is none;
 * ST_UNAVAILABLE when the page cannot be read.
 */
enum status market_find(struct ctx *ctx, const char *symbol,
	struct market *out) MUST_USE;

/* The one of that number; ST_NOT_FOUND. */
enum status market_numbered(struct ctx *ctx, uint16_t number,
	struct market *out) MUST_USE;

struct market_list {
	const struct market *rows; /* in the arena, by number */
	size_t n;
};

/* All that are not delisted. */
enum status market_list(struct ctx *ctx, struct market_list *out) MUST_USE;

/* The page's slot of INSTRUMENT as it is now; ST_UNAVAILABLE. */
enum status market_slot(struct ctx *ctx, uint16_t instrument,
	struct book_slot *out) MUST_USE;
