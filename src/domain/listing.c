/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * listing.c - the tables of the house, and bringing the core to them.
 */
#include "domain/listing.h"

#include <assert.h>
#include <string.h>

#include "base/decimal.h"
#include "db/db.h"
#include "domain/core.h"

#define PER_CENT (DECIMAL_ONE / 100)
#define MILLI (DECIMAL_ONE / 1000)
#define MICRO (DECIMAL_ONE / 1000000)

/* Fees 0.10 % and 0.20 %; a limit price from a fifth to five times the last. */
#define HOUSE_TERMS                                                            \
	.min_notional = DECIMAL_ONE, .maker_rate = 1000, .taker_rate = 2000,   \
	.band_low = 200000, .band_high = 5000000

/* In the order of their numbers.  A new one goes to the end. */
const char *const house_assets[] = {"USD", "EUR", "ZAR", "USDT", "BTC", "ETH",
	"MWH", "REC", "EUA", NULL};

/* clang-format off */
const struct listed house_instruments[] = {
	{"BTC/USD", "BTC", "USD", .tick = PER_CENT, .lot = MICRO,
		.reference = 50000 * DECIMAL_ONE, HOUSE_TERMS},
	{"ETH/USD", "ETH", "USD", .tick = PER_CENT, .lot = MICRO,
		.reference = 2500 * DECIMAL_ONE, HOUSE_TERMS},
	{"BTC/USDT", "BTC", "USDT", .tick = PER_CENT, .lot = MICRO,
		.reference = 50000 * DECIMAL_ONE, HOUSE_TERMS},
	{"ETH/USDT", "ETH", "USDT", .tick = PER_CENT, .lot = MICRO,
		.reference = 2500 * DECIMAL_ONE, HOUSE_TERMS},
	{"BTC/ZAR", "BTC", "ZAR", .tick = DECIMAL_ONE, .lot = MICRO,
		.reference = 900000 * DECIMAL_ONE, HOUSE_TERMS},
	{"ETH/ZAR", "ETH", "ZAR", .tick = DECIMAL_ONE, .lot = MICRO,
		.reference = 45000 * DECIMAL_ONE, HOUSE_TERMS},
	{"USDT/ZAR", "USDT", "ZAR", .tick = PER_CENT, .lot = PER_CENT,
		.reference = 18 * DECIMAL_ONE, HOUSE_TERMS},
	{"MWH/USD", "MWH", "USD", .tick = PER_CENT, .lot = MILLI,
		.reference = 60 * DECIMAL_ONE, HOUSE_TERMS},
	{"REC/USD", "REC", "USD", .tick = PER_CENT, .lot = MILLI,
		.reference = 5 * DECIMAL_ONE, HOUSE_TERMS},
	{"EUA/EUR", "EUA", "EUR", .tick = PER_CENT, .lot = MILLI,
		.reference = 70 * DECIMAL_ONE, HOUSE_TERMS},
	{0},
};
/* clang-format on */

/* ---- What the core has --------------------------------------------------- */

enum status
listing_lock(struct ctx *ctx, unsigned patience_s)
{
	bool got = false;

	TRY(db_one(ctx, "SELECT GET_LOCK('quantora.listing', ?)",
		DB_IN(db_u64(patience_s)), DB_OUT(db_to_bool(&got))));
	return got ? ST_OK
		   : fail(ctx, ST_UNAVAILABLE, NULL,
			     "somebody else is listing at this moment");
}

/* A gap in the numbers, or a text that is too long, is not what we wrote. */
static enum status
broken(struct ctx *ctx, const char *table)
{
	return fail(ctx, ST_INTERNAL, NULL,
		"the rows of %s are not those of the settler", table);
}

static bool
copy_text(char *out, size_t room, const char *text)
{
	size_t length = strlen(text);

	if (length >= room)
		return false;
	memcpy(out, text, length + 1);
	return true;
}

static enum status
read_assets(struct ctx *ctx, struct catalogue *catalogue)
{
	struct db_rows *rows;
	const char *code;
	uint16_t number;

	TRY(db_query(ctx, "SELECT id, code FROM assets ORDER BY id LIMIT 1000",
		DB_NOTHING, &rows));
	while (db_next(rows, DB_OUT(db_to_u16(&number), db_to_text(&code)))) {
		if (number != catalogue->n_assets || number >= ASSETS_MAX ||
			!copy_text(catalogue->assets[number], ASSET_CODE_MAX,
				code))
			return broken(ctx, "assets");
		catalogue->n_assets++;
	}
	return ST_OK;
}

static enum status
read_instruments(struct ctx *ctx, struct catalogue *catalogue)
{
	struct instrument_terms terms = {0};
	struct decimal tick, lot, least, reference;
	struct db_rows *rows;
	const char *symbol;

	TRY(db_query(ctx,
		"SELECT id, symbol, base_id, quote_id, fee_asset_id, tick, "
		"lot, min_notional, maker_rate, taker_rate, band_low, "
		"band_high, collar, status, reference_price FROM instruments "
		"ORDER BY id LIMIT 1000",
		DB_NOTHING, &rows));
	while (db_next(rows,
		DB_OUT(db_to_u16(&terms.instrument), db_to_text(&symbol),
			db_to_u16(&terms.base), db_to_u16(&terms.quote),
			db_to_u16(&terms.fee_asset), db_to_decimal(&tick),
			db_to_decimal(&lot), db_to_decimal(&least),
			db_to_u32(&terms.maker_rate),
			db_to_u32(&terms.taker_rate),
			db_to_u32(&terms.band_low), db_to_u32(&terms.band_high),
			db_to_u32(&terms.collar), db_to_u8(&terms.status),
			db_to_decimal(&reference)))) {
		unsigned n = catalogue->n_instruments;

		memset(terms.symbol, 0, sizeof(terms.symbol));
		if (terms.instrument != n || n >= INSTRUMENTS_MAX ||
			!copy_text(terms.symbol, SYMBOL_MAX, symbol))
			return broken(ctx, "instruments");
		terms.tick = tick.units;
		terms.lot = lot.units;
		terms.min_notional = least.units;
		catalogue->terms[n] = terms;
		catalogue->references[n] =
			decimal_is_none(reference) ? 0 : reference.units;
		catalogue->n_instruments++;
	}
	return ST_OK;
}

enum status
listing_read(struct ctx *ctx, struct catalogue **out)
{
	struct catalogue *catalogue =
		arena_alloc(ctx->arena, sizeof(*catalogue));

	TRY(read_assets(ctx, catalogue));
	TRY(read_instruments(ctx, catalogue));
	*out = catalogue;
	return ST_OK;
}

bool
catalogue_asset(const struct catalogue *catalogue, const char *code,
	uint16_t *number)
{
	unsigned i;

	for (i = 0; i < catalogue->n_assets; i++)
		if (strcmp(catalogue->assets[i], code) == 0) {
			*number = (uint16_t)i;
			return true;
		}
	return false;
}

bool
catalogue_instrument(const struct catalogue *catalogue, const char *symbol,
	uint16_t *number)
{
	unsigned i;

	for (i = 0; i < catalogue->n_instruments; i++)
		if (strcmp(catalogue->terms[i].symbol, symbol) == 0) {
			*number = (uint16_t)i;
			return true;
		}
	return false;
}

/* ---- Bringing it to the tables ------------------------------------------- */

enum status
listing_asset(struct ctx *ctx, struct catalogue *catalogue, const char *code,
	struct listing_changes *changes)
{
	uint16_t number = (uint16_t)catalogue->n_assets;
	struct cmd_asset_set set = {
		.head = CORE_COMMAND(ASSET_SET, cmd_asset_set, USER_HOUSE),
		.asset = number,
	};

	if (catalogue_asset(catalogue, code, &number))
		return ST_OK;
	if (number >= ASSETS_MAX)
		return fail(ctx, ST_CONFLICT, "asset",
			"there is no room for another asset");
	if (!copy_text(set.code, sizeof(set.code), code))
		return fail(ctx, ST_INVALID, "asset",
			"an asset's code has at most 11 characters");
	TRY(core_command(ctx, &set.head, NULL));
	memcpy(catalogue->assets[number], set.code, sizeof(set.code));
	catalogue->n_assets++;
	changes->assets++;
	return ST_OK;
}

enum status
listing_set(struct ctx *ctx, struct catalogue *catalogue,
	const struct instrument_terms *terms)
{
	struct cmd_instrument_set set = {
		.head = CORE_COMMAND(INSTRUMENT_SET, cmd_instrument_set,
			USER_HOUSE),
		.terms = *terms,
	};

	assert(terms->instrument <= catalogue->n_instruments);
	TRY(core_command(ctx, &set.head, NULL));
	catalogue->terms[terms->instrument] = *terms;
	if (terms->instrument == catalogue->n_instruments)
		catalogue->n_instruments++;
	return ST_OK;
}

enum status
listing_reference(struct ctx *ctx, struct catalogue *catalogue,
	uint16_t instrument, int64_t price)
{
	struct cmd_reference_price set = {
		.head = CORE_COMMAND(REFERENCE_PRICE, cmd_reference_price,
			USER_HOUSE),
		.instrument = instrument,
		.price = price,
	};

	TRY(core_command(ctx, &set.head, NULL));
	catalogue->references[instrument] = price;
	return ST_OK;
}

/* The terms that WANT asks for, under the number and status that there are. */
static enum status
wanted_terms(struct ctx *ctx, const struct catalogue *catalogue,
	const struct listed *want, uint32_t collar,
	struct instrument_terms *out)
{
	uint16_t number = (uint16_t)catalogue->n_instruments;
	struct instrument_terms terms = {
		.tick = want->tick,
		.lot = want->lot,
		.min_notional = want->min_notional,
		.maker_rate = want->maker_rate,
		.taker_rate = want->taker_rate,
		.band_low = want->band_low,
		.band_high = want->band_high,
		.collar = collar,
		.status = MARKET_TRADING,
	};

	if (catalogue_instrument(catalogue, want->symbol, &number))
		terms.status = catalogue->terms[number].status;
	if (number >= INSTRUMENTS_MAX)
		return fail(ctx, ST_CONFLICT, "symbol",
			"there is no room for another instrument");
	if (!catalogue_asset(catalogue, want->base, &terms.base) ||
		!catalogue_asset(catalogue, want->quote, &terms.quote))
		return fail(ctx, ST_INVALID, "symbol",
			"the assets of %s are not known", want->symbol);
	terms.instrument = number;
	terms.fee_asset = terms.quote;
	if (!copy_text(terms.symbol, sizeof(terms.symbol), want->symbol))
		return fail(ctx, ST_INVALID, "symbol",
			"a symbol has at most 23 characters");
	*out = terms;
	return ST_OK;
}

enum status
listing_instrument(struct ctx *ctx, struct catalogue *catalogue,
	const struct listed *want, uint32_t collar,
	struct listing_changes *changes)
{
	struct instrument_terms terms;
	uint16_t number;

	TRY(wanted_terms(ctx, catalogue, want, collar, &terms));
	number = terms.instrument;
	if (number == catalogue->n_instruments ||
		memcmp(&catalogue->terms[number], &terms, sizeof(terms)) != 0) {
		TRY(listing_set(ctx, catalogue, &terms));
		changes->instruments++;
	}
	if (want->reference == 0 || catalogue->references[number] != 0)
		return ST_OK;
	TRY(listing_reference(ctx, catalogue, number, want->reference));
	changes->references++;
	return ST_OK;
}
