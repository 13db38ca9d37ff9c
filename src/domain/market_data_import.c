/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * market_data_import.c - lines of CSV to rows, a batch at a time.
 */
#include "domain/market_data_import.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "db/db.h"

#define BATCH_ROWS 4096
#define CELLS_MAX 32
#define VOLUME_MAX ((__int128)INT64_MAX * 1000000) /* sums of it fit, too */
#define MONDAY_US (4 * US_PER_DAY) /* 1970-01-05, as in candle.c */
#define FIRST_MONDAY "CAST('1970-01-05' AS DATETIME)"

enum column { TIMESTAMP, OPEN, HIGH, LOW, CLOSE, VOLUME, COLUMNS };

/* What files call them; the first is ours. */
static const char *const names[COLUMNS][6] = {
	[TIMESTAMP] = {"timestamp", "time", "date", "datetime", "open_time",
		"unix"},
	[OPEN] = {"open"},
	[HIGH] = {"high"},
	[LOW] = {"low"},
	[CLOSE] = {"close"},
	[VOLUME] = {"volume"},
};

struct row {
	uint32_t series, step_s;
	int64_t opened_us;
	struct decimal open, high, low, close;
	__int128 volume;
};

struct candle_import {
	struct ctx *ctx;
	uint32_t series;
	char symbol[SYMBOL_MAX];
	enum interval interval;
	bool begun; /* the first line that is not empty has been read */
	size_t cells[COLUMNS]; /* where a column stands in a line */
	struct candle_import_counts counts;
	size_t n;
	struct row rows[BATCH_ROWS];
};

/* ---- A line ---------------------------------------------------------------- */

struct cell {
	const char *text;
	size_t length;
};

struct cells {
	struct cell list[CELLS_MAX];
	size_t n;
};

static struct cell
trimmed(const char *text, size_t length)
{
	while (length > 0 && strchr(" \t\r\"", text[length - 1]))
		length--;
	while (length > 0 && strchr(" \t\"", *text)) {
		text++;
		length--;
	}
	return (struct cell){text, length};
}

/* Cells beyond the last that we could want are left out. */
static void
cut(const char *line, size_t length, struct cells *out)
{
	const char *end = line + length, *comma;

	out->n = 0;
	do {
		comma = memchr(line, ',', (size_t)(end - line));
		out->list[out->n++] = trimmed(
			line, (size_t)((comma ? comma : end) - line));
		line = comma ? comma + 1 : end;
	} while (comma && out->n < CELLS_MAX);
}

static bool
is_named(const struct cell *cell, enum column column)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(names[column]) && names[column][i]; i++)
		if (strlen(names[column][i]) == cell->length &&
			strncasecmp(names[column][i], cell->text,
				cell->length) == 0)
			return true;
	return false;
}

/* Find the columns in a first line; false when it names none of them. */
static bool
read_header(struct candle_import *import, const struct cells *cells,
	size_t *missing)
{
	size_t column, i, n = 0;

	*missing = COLUMNS;
	for (column = 0; column < COLUMNS; column++) {
		for (i = 0; i < cells->n; i++)
			if (is_named(&cells->list[i], (enum column)column))
				break;
		if (i < cells->n) {
			import->cells[column] = i;
			n++;
		} else {
			*missing = column;
		}
	}
	if (n == 0)
		for (column = 0; column < COLUMNS; column++)
			import->cells[column] = column;
	return n > 0;
}

static enum status
read_time(const struct cell *cell, int64_t *out)
{
	const char *point = memchr(cell->text, '.', cell->length);
	size_t length = cell->length, whole = length, i;

	/* "1502942400.0", as programs that know only floats write seconds. */
	if (point) {
		whole = (size_t)(point - cell->text);
		for (i = whole + 1; i < length && cell->text[i] == '0'; i++)
			;
		if (i == length &&
			!memchr(cell->text, ':', length))
			length = whole;
	}
	return clock_parse(cell->text, length, out);
}

/*
 * A number as JSON writes them.  What was observed elsewhere is no money of
 * ours, and programs that know only floats write as many places as they can:
 * beyond eight it is rounded, halves up.
 */
static enum status
read_number(const struct cell *cell, __int128 *out)
{
	const char *point = memchr(cell->text, '.', cell->length);
	size_t kept = point ? (size_t)(point - cell->text) + 1 + DECIMAL_PLACES
			    : cell->length;
	size_t i;

	if (cell->length <= kept)
		return decimal_parse_sum(cell->text, cell->length, out);
	for (i = kept; i < cell->length; i++)
		if (cell->text[i] < '0' || cell->text[i] > '9')
			return decimal_parse_sum(cell->text, cell->length, out);
	TRY(decimal_parse_sum(cell->text, kept, out));
	if (cell->text[kept] >= '5')
		*out += *cell->text == '-' ? -1 : 1;
	return ST_OK;
}

static enum status
read_numbers(struct candle_import *import, const struct cells *cells,
	struct row *row)
{
	struct decimal *const targets[COLUMNS] = {[OPEN] = &row->open,
		[HIGH] = &row->high,
		[LOW] = &row->low,
		[CLOSE] = &row->close};
	size_t column;

	for (column = OPEN; column < COLUMNS; column++) {
		const struct cell *cell = &cells->list[import->cells[column]];
		__int128 units = 0;
		enum status status = read_number(cell, &units);

		if (column == VOLUME)
			row->volume = units;
		else if (units > INT64_MAX || units < -INT64_MAX)
			status = ST_INVALID;
		else
			targets[column]->units = (int64_t)units;
		if (status != ST_OK)
			return fail(import->ctx, ST_INVALID, NULL,
				"%s \"%.*s\" is no number in range",
				names[column][0],
				(int)(cell->length < 40 ? cell->length : 40),
				cell->text);
	}
	return ST_OK;
}

/* Numbers that can be those of a candle. */
static enum status
check(struct candle_import *import, const struct row *row)
{
	struct ctx *ctx = import->ctx;

	if (row->opened_us < MONDAY_US)
		return fail(ctx, ST_INVALID, NULL,
			"the timestamp is before 1970-01-05");
	if (row->opened_us > ctx->now_us)
		return fail(ctx, ST_INVALID, NULL,
			"the timestamp is in the future");
	if (interval_open_us(import->interval, row->opened_us) !=
		row->opened_us)
		return fail(ctx, ST_INVALID, NULL,
			"no candle of %s opens at that time",
			interval_name(import->interval));
	if (row->low.units <= 0)
		return fail(ctx, ST_INVALID, NULL, "low is not above zero");
	if (row->high.units < row->low.units)
		return fail(ctx, ST_INVALID, NULL, "high is below low");
	if (row->open.units < row->low.units ||
		row->open.units > row->high.units)
		return fail(ctx, ST_INVALID, NULL,
			"open is not between low and high");
	if (row->close.units < row->low.units ||
		row->close.units > row->high.units)
		return fail(ctx, ST_INVALID, NULL,
			"close is not between low and high");
	if (row->volume < 0 || row->volume > VOLUME_MAX)
		return fail(ctx, ST_INVALID, NULL, "volume is out of range");
	return ST_OK;
}

static enum status
read_candle(struct candle_import *import, const struct cells *cells,
	struct row *row)
{
	const struct cell *time;
	size_t column;

	for (column = 0; column < COLUMNS; column++)
		if (import->cells[column] >= cells->n)
			return fail(import->ctx, ST_INVALID, NULL,
				"%s is missing", names[column][0]);
	time = &cells->list[import->cells[TIMESTAMP]];
	*row = (struct row){.series = import->series};
	if (read_time(time, &row->opened_us) != ST_OK)
		return fail(import->ctx, ST_INVALID, NULL,
			"timestamp \"%.*s\" is no time",
			(int)(time->length < 40 ? time->length : 40),
			time->text);
	TRY(read_numbers(import, cells, row));
	return check(import, row);
}

/* ---- A batch --------------------------------------------------------------- */

static const struct db_column columns[] = {
	DB_COLUMN(U64, row, series),
	DB_COLUMN(U64, row, step_s),
	DB_COLUMN(TIME, row, opened_us),
	DB_COLUMN(DECIMAL, row, open),
	DB_COLUMN(DECIMAL, row, high),
	DB_COLUMN(DECIMAL, row, low),
	DB_COLUMN(DECIMAL, row, close),
	DB_COLUMN(SUM, row, volume),
};

#define INSERT_INTO                                                            \
	"INSERT INTO imported_candles (series_id, step_s, opened_at, open, "   \
	"high, low, close, volume) "
#define REPLACING                                                              \
	"ON DUPLICATE KEY UPDATE open = VALUES(open), high = VALUES(high), "   \
	"low = VALUES(low), close = VALUES(close), volume = VALUES(volume)"

static const struct db_bulk bulk = {INSERT_INTO, REPLACING, columns,
	N_ELEMENTS(columns), sizeof(struct row), NULL};

struct batch {
	struct candle_import *import;
	int64_t first_us, last_us;
	uint64_t fresh;
};

static enum status
count(struct ctx *ctx, const struct batch *batch, int64_t *out)
{
	return db_one(ctx,
		"SELECT COUNT(*) FROM imported_candles WHERE series_id = ? "
		"AND step_s = 0 AND opened_at BETWEEN ? AND ?",
		DB_IN(db_u64(batch->import->series), db_time(batch->first_us),
			db_time(batch->last_us)),
		DB_OUT(db_to_i64(out)));
}

/* Add up anew each candle of INTERVAL that the batch reaches into. */
static enum status
add_up(struct ctx *ctx, const struct batch *batch, enum interval interval)
{
	int64_t us = interval_us(interval);
	struct db_value series = db_u64(batch->import->series);
	struct db_value step = db_i64(us / US_PER_SECOND);

	if (interval_us(batch->import->interval) >= us)
		return ST_OK;
	return db_exec(ctx,
		INSERT_INTO
		"SELECT ?, ?, " FIRST_MONDAY " + INTERVAL (g.bucket * ?) SECOND, "
		"f.open, g.high, g.low, l.close, g.volume FROM "
		"(SELECT TIMESTAMPDIFF(SECOND, " FIRST_MONDAY ", opened_at) "
		"DIV ? AS bucket, MIN(opened_at) AS opened, "
		"MAX(opened_at) AS closed, MAX(high) AS high, MIN(low) AS low, "
		"SUM(volume) AS volume FROM imported_candles "
		"WHERE series_id = ? AND step_s = 0 AND opened_at >= ? "
		"AND opened_at < ? GROUP BY bucket) g "
		"JOIN imported_candles f ON f.series_id = ? AND f.step_s = 0 "
		"AND f.opened_at = g.opened "
		"JOIN imported_candles l ON l.series_id = ? AND l.step_s = 0 "
		"AND l.opened_at = g.closed " REPLACING,
		DB_IN(series, step, step, step, series,
			db_time(interval_open_us(interval, batch->first_us)),
			db_time(interval_open_us(interval, batch->last_us) +
				us),
			series, series),
		NULL);
}

static enum status
write_batch(struct ctx *ctx, void *arg)
{
	struct batch *batch = arg;
	struct candle_import *import = batch->import;
	int64_t before, after;

	/* Whoever else imports the same waits here for the end of our batch. */
	TRY(db_exec(ctx,
		"UPDATE candle_series SET updated_at = ? WHERE id = ?",
		DB_IN(db_time(ctx->now_us), db_u64(import->series)), NULL));
	TRY(count(ctx, batch, &before));
	TRY(db_bulk_insert(ctx, &bulk, import->rows, import->n, NULL));
	TRY(count(ctx, batch, &after));
	batch->fresh = (uint64_t)(after - before);
	TRY(add_up(ctx, batch, INTERVAL_1H));
	return add_up(ctx, batch, INTERVAL_1D);
}

enum status
candle_import_end(struct candle_import *import)
{
	struct batch batch = {.import = import,
		.first_us = INT64_MAX,
		.last_us = INT64_MIN};
	size_t i;

	if (import->n == 0)
		return ST_OK;
	for (i = 0; i < import->n; i++) {
		if (import->rows[i].opened_us < batch.first_us)
			batch.first_us = import->rows[i].opened_us;
		if (import->rows[i].opened_us > batch.last_us)
			batch.last_us = import->rows[i].opened_us;
	}
	TRY(db_tx(import->ctx, write_batch, &batch));
	import->counts.fresh += batch.fresh;
	import->counts.replaced += import->n - batch.fresh;
	import->n = 0;
	return ST_OK;
}

/* ---- The import ------------------------------------------------------------ */

enum status
candle_import_line(struct candle_import *import, const char *line,
	size_t length)
{
	struct cells cells;
	size_t missing;
	enum status status;

	if (import->counts.lines++ == 0 && length >= 3 &&
		memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3; /* the byte order mark of other systems */
		length -= 3;
	}
	if (trimmed(line, length).length == 0)
		return ST_OK;
	cut(line, length, &cells);
	if (!import->begun && read_header(import, &cells, &missing)) {
		import->begun = true;
		if (missing == COLUMNS)
			return ST_OK;
		return fail(import->ctx, ST_MALFORMED, NULL,
			"the first line names no column %s",
			names[missing][0]);
	}
	import->begun = true;
	status = read_candle(import, &cells, &import->rows[import->n]);
	if (status != ST_OK) {
		import->counts.bad++;
		return status;
	}
	return ++import->n == BATCH_ROWS ? candle_import_end(import) : ST_OK;
}

static bool
is_venue_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-");

	return n > 0 && n < VENUE_NAME_MAX && name[n] == '\0' &&
	       strcmp(name, VENUE_HOUSE) != 0;
}

/* "btc-usdt" as "BTC/USDT"; false when it does not say where it is cut. */
static bool
write_symbol(const char *text, char out[SYMBOL_MAX])
{
	size_t base = strcspn(text, "/-"), i;

	if (base == 0 || !text[base] || !text[base + 1] ||
		strlen(text) >= SYMBOL_MAX || strpbrk(text + base + 1, "/-"))
		return false;
	for (i = 0; text[i]; i++)
		out[i] = (char)(text[i] >= 'a' && text[i] <= 'z'
					? text[i] - 'a' + 'A'
					: text[i]);
	out[base] = '/';
	out[i] = '\0';
	return true;
}

/* The house's spelling if the symbol is listed, else the caller's own. */
static enum status
name_symbol(struct ctx *ctx, const char *symbol, const char *key,
	char out[SYMBOL_MAX])
{
	const char *listed;
	enum status status = db_one(ctx,
		"SELECT symbol FROM instruments "
		"WHERE REPLACE(symbol, '/', '') = ? LIMIT 1",
		DB_IN(db_text(key)), DB_OUT(db_to_text(&listed)));

	if (status == ST_OK && write_symbol(listed, out))
		return ST_OK;
	if (status != ST_OK && status != ST_NOT_FOUND)
		return status;
	if (write_symbol(symbol, out))
		return ST_OK;
	return fail(ctx, ST_INVALID, "symbol",
		"%s is not listed: write it as BASE/QUOTE", symbol);
}

static enum status
find_series(struct ctx *ctx, const struct candle_import_terms *terms,
	const char *key, struct candle_import *import)
{
	struct db_value exchange = db_text(terms->exchange);
	struct db_value interval =
		db_i64(interval_us(terms->interval) / US_PER_SECOND);

	TRY(db_exec(ctx,
		"INSERT IGNORE INTO candle_series (exchange, symbol, "
		"symbol_key, interval_s, created_at, updated_at) "
		"VALUES (?, ?, ?, ?, ?, ?)",
		DB_IN(exchange, db_text(import->symbol), db_text(key), interval,
			db_time(ctx->now_us), db_time(ctx->now_us)),
		NULL));
	return db_one(ctx,
		"SELECT id FROM candle_series WHERE exchange = ? "
		"AND symbol_key = ? AND interval_s = ?",
		DB_IN(exchange, db_text(key), interval),
		DB_OUT(db_to_u32(&import->series)));
}

enum status
candle_import_begin(struct ctx *ctx, const struct candle_import_terms *terms,
	struct candle_import **out)
{
	struct candle_import *import = arena_alloc(ctx->arena, sizeof(*import));
	char key[SYMBOL_MAX];

	if (!is_venue_name(terms->exchange))
		return fail(ctx, ST_INVALID, "exchange",
			"%s is no name of an outside venue", terms->exchange);
	if (!market_key(terms->symbol, key))
		return fail(ctx, ST_INVALID, "symbol", "%s is no symbol",
			terms->symbol);
	TRY(name_symbol(ctx, terms->symbol, key, import->symbol));
	import->ctx = ctx;
	import->interval = terms->interval;
	TRY(find_series(ctx, terms, key, import));
	*out = import;
	return ST_OK;
}

const char *
candle_import_symbol(const struct candle_import *import)
{
	return import->symbol;
}

struct candle_import_counts
candle_import_counts(const struct candle_import *import)
{
	return import->counts;
}
