/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market_data.h - what can be looked at, at which venue, and the latest trades.
 *
 * The house's own book is the venue "quantora".  Of outside venues there is
 * what was imported (market_data_import.h): candles, and no market that could
 * be traded on here, so their symbols are not active.  The venues that
 * Quantora knows may be asked about also when nothing was imported of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "db/db.h"
#include "domain/market.h"
#include "wire/order.h"

#define VENUE_HOUSE "quantora"
#define VENUE_NAME_MAX 33 /* with its NUL */

/*
 * The venue called NAME, in any case, of those that Quantora knows whatever was
 * imported: its name as it is written here, or NULL.  NAME NULL is the house.
 */
const char *market_data_known_venue(const char *name);

/*
 * The venue called NAME, in any case; NULL is the house.  ST_INVALID with the
 * fault at "exchange" when there is none; OUT is in the arena or static.
 */
enum status market_data_venue(struct ctx *ctx, const char *name,
	const char **out) MUST_USE;

/* One symbol at one venue. */
struct venue_symbol {
	const char *exchange;
	bool house;           /* then MARKET is it */
	struct market market; /* else only symbol, base, quote, price_places */
	bool active;          /* it trades, here and now */
};

/*
 * SYMBOL of the venue EXCHANGE (NULL: the house).  ST_INVALID as above;
 * ST_NOT_FOUND when neither the house nor an import of that venue knows it.
 */
enum status market_data_find(struct ctx *ctx, const char *exchange,
	const char *symbol, struct venue_symbol *out) MUST_USE;

struct symbol_list {
	const struct venue_symbol *rows; /* the house's first, by number */
	size_t n;
};

/* At most LIMIT, of EXCHANGE or (NULL) of all venues.  Delisted ones go. */
enum status market_data_symbols(struct ctx *ctx, const char *exchange,
	int64_t limit, struct symbol_list *out) MUST_USE;

/* ---- Trades --------------------------------------------------------------- */

/* A trade as everybody may see it. */
struct public_trade {
	struct ident id;
	enum side side; /* the taker's */
	struct decimal price;
	struct decimal quantity;
	int64_t executed_us;
};

struct public_trade_list {
	struct public_trade *rows; /* the newest first */
	size_t n;
};

/* The latest LIMIT trades of MARKET. */
enum status market_data_trades(struct ctx *ctx, const struct market *market,
	int64_t limit, struct public_trade_list *out) MUST_USE;

/* ---- Reading what all users have done ------------------------------------- */

/* The last thing that the book page knows of an instrument, or of several. */
struct page_mark {
	uint64_t seq;    /* of the last command that changed a slot */
	int64_t last_us; /* of the last trade; 0: none */
};

/* Widen MARK to what SLOT says. */
void page_mark_add(struct page_mark *mark, const struct book_slot *slot);

/*
 * Call FN inside a snapshot that holds every trade up to MARK, and what this
 * request has to see in any case (domain/settled.h).  FN may be run again.
 *
 * The settler is waited for only if a trade may be missing.  When too many
 * wait already, or the wait is in vain, a snapshot that is at most
 * SETTLED_LAG_MAX_US behind the last trade will do, and *WHOLE (may be NULL)
 * is false; else ST_UNAVAILABLE.
 */
enum status market_data_read(struct ctx *ctx, const struct page_mark *mark,
	db_tx_fn *fn, void *arg, bool *whole) MUST_USE;
