/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ticker.c - the figures of a day, remembered until they change.
 *
 * They change with a trade or when a minute falls out of the day, so what was
 * read is known by the last trade that the book page shows, and the minute.
 */
#include "domain/ticker.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "domain/market_data.h"
#include "json/fields.h"

#define PERCENT_UNIT (DECIMAL_ONE / 10000)

/* Which day of an instrument was read. */
struct day_key {
	int64_t minute_us; /* the running one */
	int64_t last_us, last_price, last_quantity; /* of the last trade */
};

struct market_day {
	bool known;
	struct day_key key;
	struct decimal open, high, low; /* DECIMAL_NONE: no trade in it */
	struct decimal before;          /* the last close before it */
	__int128 volume, quote_volume;
	int64_t trades;
};

/* A day that is wanted, or has been found. */
struct wanted {
	uint16_t instrument;
	struct day_key key;
	struct market_day day;
};

struct reading {
	struct wanted *days;
	size_t n;
};

static struct market_day *
remembered(struct ctx *ctx, uint16_t instrument)
{
	struct market_day **days = markets_days(ctx->markets);

	if (!*days)
		*days = calloc(INSTRUMENTS_MAX, sizeof(**days));
	if (!*days)
		abort();
	return &(*days)[instrument];
}

static bool
same_key(const struct day_key *a, const struct day_key *b)
{
	return a->minute_us == b->minute_us && a->last_us == b->last_us &&
	       a->last_price == b->last_price &&
	       a->last_quantity == b->last_quantity;
}

/* ---- Reading --------------------------------------------------------------- */

#define DAY                                                                    \
	"FROM candles_1m WHERE instrument_id = ? AND minute >= ? "

static enum status
read_day(struct ctx *ctx, struct wanted *wanted)
{
	struct db_value number = db_u64(wanted->instrument);
	struct db_value from = db_time(wanted->key.minute_us - US_PER_DAY);
	struct market_day day = {.open = DECIMAL_NONE, .before = DECIMAL_NONE};
	enum status status;

	TRY(db_one(ctx,
		"SELECT MAX(high), MIN(low), COALESCE(SUM(volume), 0), "
		"COALESCE(SUM(quote_volume), 0), "
		"CAST(COALESCE(SUM(trades), 0) AS SIGNED) " DAY,
		DB_IN(number, from),
		DB_OUT(db_to_decimal(&day.high), db_to_decimal(&day.low),
			db_to_sum(&day.volume), db_to_sum(&day.quote_volume),
			db_to_i64(&day.trades))));
	status = db_one(ctx, "SELECT open " DAY "ORDER BY minute LIMIT 1",
		DB_IN(number, from), DB_OUT(db_to_decimal(&day.open)));
	if (status != ST_NOT_FOUND)
		TRY(status);
	status = db_one(ctx,
		"SELECT close FROM candles_1m WHERE instrument_id = ? "
		"AND minute < ? ORDER BY minute DESC LIMIT 1",
		DB_IN(number, from), DB_OUT(db_to_decimal(&day.before)));
	if (status != ST_NOT_FOUND)
		TRY(status);
	day.known = true;
	day.key = wanted->key;
	wanted->day = day;
	return ST_OK;
}

static enum status
read_days(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;
	size_t i;

	for (i = 0; i < reading->n; i++)
		TRY(read_day(ctx, &reading->days[i]));
	return ST_OK;
}

/* ---- Telling --------------------------------------------------------------- */

/* 100 × CHANGE / OPEN to four places, halves away from zero. */
static struct decimal
percent(struct decimal change, struct decimal open)
{
	__int128 whole = (__int128)change.units * 100 * DECIMAL_ONE;
	__int128 unit = (__int128)open.units * PERCENT_UNIT;
	__int128 half = change.units < 0 ? -unit / 2 : unit / 2;
	__int128 n = (whole + half) / unit;

	if (n > INT64_MAX / PERCENT_UNIT)
		n = INT64_MAX / PERCENT_UNIT;
	return (struct decimal){(int64_t)n * PERCENT_UNIT};
}

static struct ticker_day
day_of(const struct market *market, const struct ticker *now,
	const struct market_day *day)
{
	struct ticker_day out = {
		.market = *market,
		.now = *now,
		.open = DECIMAL_NONE,
		.high = DECIMAL_NONE,
		.low = DECIMAL_NONE,
		.change = DECIMAL_NONE,
		.percent = DECIMAL_NONE,
		.volume = day->volume,
		.quote_volume = day->quote_volume,
		.trades = day->trades,
	};

	out.open = decimal_is_none(day->before) ? day->open : day->before;
	if (now->time_us == TIME_NONE || decimal_is_none(out.open))
		return out;
	/* The price is of the day if any is, and may not be settled yet. */
	out.high = out.low = now->price;
	if (!decimal_is_none(day->high) && day->high.units > out.high.units)
		out.high = day->high;
	if (!decimal_is_none(day->low) && day->low.units < out.low.units)
		out.low = day->low;
	out.change.units = now->price.units - out.open.units;
	out.percent = percent(out.change, out.open);
	return out;
}

/* ---- One or all ------------------------------------------------------------ */

static struct day_key
key_of(const struct ctx *ctx, const struct book_slot *slot)
{
	/* Our clock may be a little behind the matcher's. */
	int64_t now_us = slot->last_time_us > ctx->now_us ? slot->last_time_us
							  : ctx->now_us;

	return (struct day_key){
		.minute_us = now_us - now_us % US_PER_MINUTE,
		.last_us = slot->last_time_us,
		.last_price = slot->last_price,
		.last_quantity = slot->last_quantity,
	};
}

static enum status
find_days(struct ctx *ctx, const struct page_mark *mark,
	struct reading *reading)
{
	bool whole;
	size_t i;

	if (reading->n == 0)
		return ST_OK;
	TRY(market_data_read(ctx, mark, read_days, reading, &whole));
	for (i = 0; i < reading->n; i++)
		if (whole)
			*remembered(ctx, reading->days[i].instrument) =
				reading->days[i].day;
	return ST_OK;
}

static enum status
tell(struct ctx *ctx, const struct market *markets, size_t n,
	struct ticker_day *out)
{
	struct reading reading = {
		.days = arena_array(ctx->arena, n, sizeof(*reading.days))};
	struct ticker *now = arena_array(ctx->arena, n, sizeof(*now));
	struct market_day *known = arena_array(ctx->arena, n, sizeof(*known));
	struct page_mark mark = {0};
	struct book_slot slot;
	size_t i, next = 0;

	for (i = 0; i < n; i++) {
		struct day_key key;

		TRY(market_slot(ctx, markets[i].number, &slot));
		now[i] = book_ticker_of(&slot);
		key = key_of(ctx, &slot);
		known[i] = *remembered(ctx, markets[i].number);
		known[i].known &= same_key(&known[i].key, &key);
		if (known[i].known)
			continue;
		page_mark_add(&mark, &slot);
		reading.days[reading.n++] = (struct wanted){
			.instrument = markets[i].number, .key = key};
	}
	TRY(find_days(ctx, &mark, &reading));
	for (i = 0; i < n; i++)
		out[i] = day_of(&markets[i], &now[i],
			known[i].known ? &known[i]
				       : &reading.days[next++].day);
	return ST_OK;
}

enum status
ticker_day(struct ctx *ctx, const struct market *market,
	struct ticker_day *out)
{
	return tell(ctx, market, 1, out);
}

enum status
ticker_list(struct ctx *ctx, struct ticker_list *out)
{
	struct market_list list;
	struct ticker_list found;

	TRY(market_list(ctx, &list));
	found.n = list.n;
	found.rows = arena_array(ctx->arena, list.n, sizeof(*found.rows));
	TRY(tell(ctx, list.rows, list.n, found.rows));
	*out = found;
	return ST_OK;
}
