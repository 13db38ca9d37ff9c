/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market_data_import.h - candles of outside venues, out of CSV.
 *
 * A line is a candle: timestamp, open, high, low, close, volume (of the base
 * asset), with or without a first line that names the columns, which may then
 * stand in any order and among others.  A timestamp is when the candle opens:
 * ISO 8601, or Unix seconds, milliseconds or microseconds.  Numbers are exact
 * to eight places; what has more is rounded, halves up.
 *
 * A good candle opens where one of its interval does, not before 1970-01-05
 * and not in the future; its prices are above zero, low and high enclose open
 * and close, and its volume is not negative.  The order of the lines does not
 * matter.  A candle that is there already is replaced.
 *
 * Lines are written in batches, each in a transaction, together with the hours
 * and days that they change: killed at any moment, an import has left whole
 * batches and may be run again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "domain/candle.h"

struct candle_import;

struct candle_import_terms {
	const char *exchange; /* a name of 1 to 32 of a-z 0-9 _ - */
	const char *symbol;   /* BASE/QUOTE, or any spelling of a listed one */
	enum interval interval;
};

/*
 * ST_INVALID, with the fault at "exchange" or "symbol": the house's own book is
 * no venue to import for, and a symbol that is not listed needs its slash.
 * OUT is in ctx->arena, which must outlive it.
 */
enum status candle_import_begin(struct ctx *ctx,
	const struct candle_import_terms *terms,
	struct candle_import **out) MUST_USE;

/* How the series calls the symbol. */
const char *candle_import_symbol(const struct candle_import *import);

/*
 * Take the next line, without its end.  ST_INVALID for a bad one, with the
 * reason in ctx->fault: it is counted, and the import goes on.  ST_MALFORMED:
 * the first line names columns, but not all that are needed.  Anything else is
 * MySQL's: the batch is not there, those before are.
 */
enum status candle_import_line(struct candle_import *import, const char *line,
	size_t length) MUST_USE;

/* Write what is left. */
enum status candle_import_end(struct candle_import *import) MUST_USE;

struct candle_import_counts {
	uint64_t lines; /* read so far, with the header and empty ones */
	uint64_t fresh, replaced; /* candles that were written */
	uint64_t bad;
};

struct candle_import_counts candle_import_counts(
	const struct candle_import *import);
