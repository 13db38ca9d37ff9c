/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * candle.c - adding candles up in MySQL, and filling the gaps.
 *
 * The house's trades are kept by the minute, the hour and the day, so that at
 * most 15 rows make a candle (7 make a week); imported candles likewise.  What
 * MySQL gives are the intervals in which something happened.
 */
#include "domain/candle.h"

#include <string.h>

#include "base/clock.h"
#include "domain/settled.h"
#include "json/fields.h"

/* The first Monday of Unix time: every interval divides the time since. */
#define MONDAY_US (4 * US_PER_DAY)
#define MONDAY "CAST('1970-01-05' AS DATETIME)"

/* ---- Intervals ------------------------------------------------------------- */

static const struct {
	const char *name;
	int64_t us;
} intervals[INTERVALS] = {
	[INTERVAL_1M] = {"1m", US_PER_MINUTE},
	[INTERVAL_5M] = {"5m", 5 * US_PER_MINUTE},
	[INTERVAL_15M] = {"15m", 15 * US_PER_MINUTE},
	[INTERVAL_1H] = {"1h", US_PER_HOUR},
	[INTERVAL_4H] = {"4h", 4 * US_PER_HOUR},
	[INTERVAL_1D] = {"1d", US_PER_DAY},
	[INTERVAL_1W] = {"1w", 7 * US_PER_DAY},
};

const char *
interval_name(enum interval interval)
{
	return intervals[interval].name;
}

bool
interval_named(const char *name, enum interval *out)
{
	enum interval i;

	for (i = 0; i < INTERVALS; i++)
		if (strcmp(intervals[i].name, name) == 0) {
			*out = i;
			return true;
		}
	return false;
}

int64_t
interval_us(enum interval interval)
{
	return intervals[interval].us;
}

int64_t
interval_open_us(enum interval interval, int64_t time_us)
{
	int64_t us = interval_us(interval);
	int64_t into_us = (time_us - MONDAY_US) % us;

	return time_us - into_us - (into_us < 0 ? us : 0);
}

/* ---- The range ------------------------------------------------------------- */

/* The openings of the first and the last candle. */
struct range {
	int64_t first_us, last_us;
};

/*
 * Cut what there is (RANGE) to what QUERY wants of it; false: nothing is left.
 * Comparisons come before the arithmetic, which the end of time would overflow.
 */
static bool
cut(const struct candle_query *query, struct range *range)
{
	int64_t us = interval_us(query->interval), most_us;
	int64_t start_us = query->start_us, end_us = query->end_us;

	if (end_us != TIME_NONE && end_us < range->last_us) {
		if (end_us < range->first_us)
			return false;
		range->last_us = interval_open_us(query->interval, end_us);
	}
	if (start_us != TIME_NONE && start_us > range->first_us) {
		if (start_us > range->last_us)
			return false;
		range->first_us =
			interval_open_us(query->interval, start_us + us - 1);
	}
	most_us = (query->limit - 1) * us;
	if (range->last_us - range->first_us <= most_us)
		return true;
	if (start_us != TIME_NONE)
		range->last_us = range->first_us + most_us;
	else
		range->first_us = range->last_us - most_us;
	return true;
}

static size_t
count(const struct range *range, enum interval interval)
{
	return (size_t)((range->last_us - range->first_us) /
		       interval_us(interval)) + 1;
}

/* ---- What MySQL gives ------------------------------------------------------ */

struct reading {
	const struct candle_query *query;
	int64_t now_us;
	struct candle_list found;
};

static bool
next_candle(struct db_rows *rows, enum interval interval, struct candle *out)
{
	int64_t bucket;

	if (!db_next(rows,
		    DB_OUT(db_to_i64(&bucket), db_to_decimal(&out->open),
			    db_to_decimal(&out->high),
			    db_to_decimal(&out->low),
			    db_to_decimal(&out->close),
			    db_to_sum(&out->volume))))
		return false;
	out->opened_us = MONDAY_US + bucket * interval_us(interval);
	return true;
}

/*
 * ROWS are the candles of RANGE in which something happened, CLOSE is the last
 * one before it, or none; fill the gaps.
 */
static void
fill(struct ctx *ctx, struct reading *reading, const struct range *range,
	struct db_rows *rows, struct decimal close)
{
	enum interval interval = reading->query->interval;
	struct candle_list list = {
		.rows = arena_array(ctx->arena, count(range, interval),
			sizeof(*list.rows)),
	};
	struct candle next;
	bool more = next_candle(rows, interval, &next);
	int64_t at_us = range->first_us;

	for (; at_us <= range->last_us; at_us += interval_us(interval)) {
		struct candle *candle = &list.rows[list.n];

		if (more && next.opened_us == at_us) {
			*candle = next;
			close = next.close;
			more = next_candle(rows, interval, &next);
		} else if (decimal_is_none(close)) {
			continue; /* before the first of all */
		} else {
			*candle = (struct candle){.opened_us = at_us,
				.open = close,
				.high = close,
				.low = close,
				.close = close};
		}
		list.n++;
	}
	reading->found = list;
}

/*
 * Candles of TABLE, whose rows open at AT, and of which those are meant that
 * OWN(prefix) picks, added up to the interval of the first value, in seconds.
 */
#define ADD_UP(table, at, OWN)                                                 \
	"SELECT g.bucket, f.open, g.high, g.low, l.close, g.volume FROM "      \
	"(SELECT TIMESTAMPDIFF(SECOND, " MONDAY ", " at ") DIV ? AS bucket, "  \
	"MIN(" at ") AS opened, MAX(" at ") AS closed, MAX(high) AS high, "    \
	"MIN(low) AS low, SUM(volume) AS volume FROM " table                   \
	" WHERE " OWN("") " AND " at " >= ? AND " at " < ? GROUP BY bucket) g " \
	"JOIN " table " f ON " OWN("f.") " AND f." at " = g.opened "           \
	"JOIN " table " l ON " OWN("l.") " AND l." at " = g.closed "           \
	"ORDER BY g.bucket"
#define OF_HOUSE(prefix) prefix "instrument_id = ?"
#define OF_SERIES(prefix) prefix "series_id = ? AND " prefix "step_s = ?"

/* A first close that is not there is no failure. */
static enum status
or_none(enum status status)
{
	return status == ST_NOT_FOUND ? ST_OK : status;
}

/* ---- The house's ----------------------------------------------------------- */

static const char *
house_sql(enum interval interval)
{
	if (interval >= INTERVAL_1D)
		return ADD_UP("candles_1d", "day", OF_HOUSE);
	if (interval >= INTERVAL_1H)
		return ADD_UP("candles_1h", "hour", OF_HOUSE);
	return ADD_UP("candles_1m", "minute", OF_HOUSE);
}

/* From the first trade to now, or to a trade that our clock is behind of. */
static enum status
house_range(struct ctx *ctx, const struct reading *reading, bool *any,
	struct range *out)
{
	enum interval interval = reading->query->interval;
	int64_t first_us, last_us;

	TRY(db_one(ctx,
		"SELECT MIN(minute), MAX(minute) FROM candles_1m "
		"WHERE instrument_id = ?",
		DB_IN(db_u64(reading->query->of->market.number)),
		DB_OUT(db_to_time(&first_us), db_to_time(&last_us))));
	*any = first_us != DB_NO_TIME;
	if (!*any)
		return ST_OK;
	if (last_us < reading->now_us)
		last_us = reading->now_us;
	*out = (struct range){interval_open_us(interval, first_us),
		interval_open_us(interval, last_us)};
	return ST_OK;
}

static enum status
read_house(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;
	const struct candle_query *query = reading->query;
	struct db_value number = db_u64(query->of->market.number);
	int64_t us = interval_us(query->interval);
	struct decimal close = DECIMAL_NONE;
	struct db_rows *rows;
	struct range range;
	bool any;

	reading->found = (struct candle_list){0};
	TRY(house_range(ctx, reading, &any, &range));
	if (!any || !cut(query, &range))
		return ST_OK;
	TRY(or_none(db_one(ctx,
		"SELECT close FROM candles_1m WHERE instrument_id = ? "
		"AND minute < ? ORDER BY minute DESC LIMIT 1",
		DB_IN(number, db_time(range.first_us)),
		DB_OUT(db_to_decimal(&close)))));
	TRY(db_query(ctx, house_sql(query->interval),
		DB_IN(db_i64(us / US_PER_SECOND), number,
			db_time(range.first_us), db_time(range.last_us + us),
			number, number),
		&rows));
	fill(ctx, reading, &range, rows, close);
	return ST_OK;
}

static enum status
list_house(struct ctx *ctx, struct reading *reading)
{
	struct page_mark mark = {0};
	struct book_slot slot;

	TRY(market_slot(ctx, reading->query->of->market.number, &slot));
	page_mark_add(&mark, &slot);
	return market_data_read(ctx, &mark, read_house, reading, NULL);
}

/* ---- Imported ones --------------------------------------------------------- */

/* What was imported of a symbol at one interval. */
struct series {
	uint32_t id;
	int64_t us; /* the interval */
	struct range range; /* of the candles that are asked for */
};

struct series_list {
	struct series *rows; /* the coarsest first */
	size_t n;
};

static enum status
list_series(struct ctx *ctx, const struct candle_query *query,
	struct series_list *out)
{
	char key[SYMBOL_MAX] = "";
	struct db_rows *rows;
	int64_t first_us, last_us;
	struct series s;

	(void)market_key(query->of->market.symbol, key);
	TRY(db_query(ctx,
		"SELECT s.id, s.interval_s * 1000000, "
		"(SELECT opened_at FROM imported_candles c "
		"WHERE c.series_id = s.id AND c.step_s = 0 "
		"ORDER BY opened_at LIMIT 1), "
		"(SELECT opened_at FROM imported_candles c "
		"WHERE c.series_id = s.id AND c.step_s = 0 "
		"ORDER BY opened_at DESC LIMIT 1) "
		"FROM candle_series s WHERE s.exchange = ? "
		"AND s.symbol_key = ? AND ? % s.interval_s = 0 "
		"ORDER BY s.interval_s DESC",
		DB_IN(db_text(query->of->exchange), db_text(key),
			db_i64(interval_us(query->interval) / US_PER_SECOND)),
		&rows));
	out->n = 0;
	out->rows = arena_array(ctx->arena, db_count(rows), sizeof(s));
	while (db_next(rows,
		DB_OUT(db_to_u32(&s.id), db_to_i64(&s.us),
			db_to_time(&first_us), db_to_time(&last_us)))) {
		if (first_us == DB_NO_TIME)
			continue;
		s.range.first_us = interval_open_us(query->interval, first_us);
		s.range.last_us = interval_open_us(query->interval, last_us);
		out->rows[out->n++] = s;
	}
	return ST_OK;
}

/*
 * Where the wanted candles are: from the first that there is of the range on,
 * or back from the last; as far as the limit goes.
 */
static struct range
wanted_range(const struct candle_query *query, const struct series_list *list)
{
	int64_t most_us = (query->limit - 1) * interval_us(query->interval);
	struct range all = {INT64_MAX, INT64_MIN};
	size_t i;

	for (i = 0; i < list->n; i++) {
		struct range one = list->rows[i].range;

		if ((query->start_us != TIME_NONE &&
			    one.last_us < query->start_us) ||
			(query->end_us != TIME_NONE &&
				one.first_us > query->end_us))
			continue;
		if (query->start_us != TIME_NONE &&
			one.first_us < query->start_us)
			one.first_us = query->start_us;
		if (query->end_us != TIME_NONE && one.last_us > query->end_us)
			one.last_us = query->end_us;
		if (one.first_us < all.first_us)
			all.first_us = one.first_us;
		if (one.last_us > all.last_us)
			all.last_us = one.last_us;
	}
	if (all.first_us > all.last_us || all.last_us - all.first_us < most_us)
		return all;
	if (query->start_us != TIME_NONE)
		all.last_us = all.first_us + most_us;
	else
		all.first_us = all.last_us - most_us;
	return all;
}

/* The one that covers most of what is wanted; ST_NOT_FOUND. */
static enum status
choose_series(struct ctx *ctx, const struct candle_query *query,
	struct series *out)
{
	struct series_list list;
	struct range want;
	int64_t best_us = -1;
	size_t i;

	TRY(list_series(ctx, query, &list));
	want = wanted_range(query, &list);
	for (i = 0; i < list.n; i++) {
		struct range one = list.rows[i].range;

		if (one.first_us < want.first_us)
			one.first_us = want.first_us;
		if (one.last_us > want.last_us)
			one.last_us = want.last_us;
		if (one.first_us > one.last_us ||
			one.last_us - one.first_us <= best_us)
			continue;
		best_us = one.last_us - one.first_us;
		*out = list.rows[i];
	}
	return best_us < 0 ? ST_NOT_FOUND : ST_OK;
}

/* The step of the rows that are added up; 0: the imported ones. */
static int64_t
step_us(const struct candle_query *query, const struct series *s)
{
	if (query->interval >= INTERVAL_1D && s->us < US_PER_DAY)
		return US_PER_DAY;
	if (query->interval >= INTERVAL_1H && s->us < US_PER_HOUR)
		return US_PER_HOUR;
	return 0;
}

static enum status
read_imported(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;
	const struct candle_query *query = reading->query;
	int64_t us = interval_us(query->interval);
	struct decimal close = DECIMAL_NONE;
	struct db_value id, step;
	struct db_rows *rows;
	struct range range;
	struct series s;
	enum status status;

	reading->found = (struct candle_list){0};
	status = choose_series(ctx, query, &s);
	if (status != ST_OK)
		return status == ST_NOT_FOUND ? ST_OK : status;
	range = s.range;
	if (!cut(query, &range))
		return ST_OK;
	id = db_u64(s.id);
	step = db_i64(step_us(query, &s) / US_PER_SECOND);
	TRY(or_none(db_one(ctx,
		"SELECT close FROM imported_candles "
		"WHERE series_id = ? AND step_s = 0 "
		"AND opened_at < ? ORDER BY opened_at DESC LIMIT 1",
		DB_IN(id, db_time(range.first_us)),
		DB_OUT(db_to_decimal(&close)))));
	TRY(db_query(ctx,
		ADD_UP("imported_candles", "opened_at", OF_SERIES),
		DB_IN(db_i64(us / US_PER_SECOND), id, step,
			db_time(range.first_us), db_time(range.last_us + us),
			id, step, id, step),
		&rows));
	fill(ctx, reading, &range, rows, close);
	return ST_OK;
}

/* ---- Either ---------------------------------------------------------------- */

/* Nothing opens before 1970, so what is asked of that time needs no care. */
static int64_t
from_1970(int64_t time_us)
{
	return time_us == TIME_NONE || time_us >= 0 ? time_us : 0;
}

enum status
candle_list(struct ctx *ctx, const struct candle_query *query,
	struct candle_list *out)
{
	struct candle_query asked = *query;
	struct reading reading = {.query = &asked, .now_us = ctx->now_us};

	if (query->start_us != TIME_NONE && query->end_us != TIME_NONE &&
		query->end_us < query->start_us)
		return fail(ctx, ST_INVALID, "end_time",
			"end_time must not be before start_time");
	asked.start_us = from_1970(query->start_us);
	asked.end_us = from_1970(query->end_us);
	if (asked.limit > CANDLES_MAX)
		asked.limit = CANDLES_MAX;
	if (asked.of->house)
		TRY(list_house(ctx, &reading));
	else
		TRY(db_snapshot(ctx, read_imported, &reading));
	*out = reading.found;
	return ST_OK;
}
