/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_candle.c - candles and tickers against a naive recomputation.
 *
 * Trades of six weeks, with gaps of days, stand in an array; what the tables
 * would hold of them is put there, the hours and days by the migrations' own
 * statements.  Then thousands of questions are asked, of any interval, range
 * and limit, at any time, and each answer is made again from the array.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "domain/candle.h"
#include "domain/settled.h"
#include "domain/ticker.h"
#include "journal/book_page.h"
#include "json/fields.h"
#include "t/db/server.h"
#include "t/harness/suite.h"

#define DATABASE "candles"
#define INSTRUMENT 3
#define OTHER 4 /* has never traded */

/* A Wednesday, a week before the end of February of a leap year. */
#define FIRST_US (INT64_C(1582156800) * US_PER_SECOND + 13 * US_PER_HOUR)
#define TRADES 6000
#define QUESTIONS 1500


struct made_trade {
	int64_t at_us, price, quantity;
};

#define OK(expr) ck_assert_int_eq(expr, ST_OK)

/* For what is done once, before Check runs anything. */
#define MUST(fact)                                                             \
	do {                                                                   \
		if (!(fact))                                                   \
			abort();                                               \
	} while (0)

static struct made_trade trades[TRADES];
static int64_t last_us;
static struct book_page *page;
static struct ctx *ctx;
static struct venue_symbol market;

/* ---- The trades ------------------------------------------------------------ */

static uint64_t seed = 1;

static int64_t
upto(int64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((seed >> 33) % (uint64_t)n);
}

/* Bursts, quiet hours, a few quiet days; exactly on edges now and then. */
static void
make_trades(void)
{
	int64_t at_us = FIRST_US, price = 1000000;
	size_t i;

	for (i = 0; i < TRADES; i++) {
		int64_t kind = upto(1000);

		price += upto(2001) - 1000;
		trades[i] = (struct made_trade){at_us, price * 10000,
			(1 + upto(5000)) * 100};
		if (kind < 900)
			at_us += upto(20 * US_PER_MINUTE);
		else if (kind < 970)
			at_us += US_PER_HOUR - at_us % US_PER_HOUR;
		else if (kind < 998)
			at_us += upto(9 * US_PER_HOUR);
		else
			at_us += upto(4 * US_PER_DAY);
	}
	last_us = trades[TRADES - 1].at_us;
}

static enum status
put_minutes(struct ctx *c, void *arg)
{
	size_t i, j;

	(void)arg;
	for (i = 0; i < TRADES; i = j) {
		int64_t minute_us =
			trades[i].at_us - trades[i].at_us % US_PER_MINUTE;
		int64_t high = 0, low = INT64_MAX;
		__int128 volume = 0;

		for (j = i; j < TRADES &&
			trades[j].at_us < minute_us + US_PER_MINUTE; j++) {
			if (trades[j].price > high)
				high = trades[j].price;
			if (trades[j].price < low)
				low = trades[j].price;
			volume += trades[j].quantity;
		}
		TRY(db_exec(c,
			"INSERT INTO candles_1m VALUES "
			"(?, ?, ?, ?, ?, ?, ?, ?, ?)",
			DB_IN(db_u64(INSTRUMENT), db_time(minute_us),
				db_decimal((struct decimal){trades[i].price}),
				db_decimal((struct decimal){high}),
				db_decimal((struct decimal){low}),
				db_decimal(
					(struct decimal){trades[j - 1].price}),
				db_sum(volume), db_sum(volume * 2),
				db_u64(j - i)),
			NULL));
	}
	return ST_OK;
}

/* What the migration does with a database that has minutes already. */
static void
apply_again(const char *name)
{
	const char *top = getenv("srcdir");
	char path[512], text[8192];
	size_t length;
	FILE *file;

	snprintf(path, sizeof(path), "%s/sql/%s", top ? top : TOP_DIR, name);
	file = fopen(path, "re");
	MUST(file != NULL);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	server_sql(DATABASE, strstr(text, "INSERT"));
}

/* ---- The page -------------------------------------------------------------- */

static void
put_slot(uint16_t instrument, const char *symbol, int64_t price,
	int64_t time_us, uint64_t seq)
{
	struct book_slot slot = {
		.terms = {.instrument = instrument,
			.tick = DECIMAL_ONE / 100,
			.lot = 1,
			.status = MARKET_TRADING},
		.seq = seq,
		.last_price = price,
		.last_quantity = price ? 100 : 0,
		.last_time_us = time_us,
		.reference_price = 5 * DECIMAL_ONE,
		.used = 1,
	};

	snprintf(slot.terms.symbol, SYMBOL_MAX, "%s", symbol);
	book_page_write(page, &slot);
}

static void
set_settled(uint64_t seq, int64_t at_us)
{
	OK(db_exec(ctx,
		"INSERT INTO settle_state VALUES (1, REPEAT('j', 16), ?, ?, "
		"NOW(6)) ON DUPLICATE KEY UPDATE applied_seq = VALUES("
		"applied_seq), applied_at = VALUES(applied_at)",
		DB_IN(db_u64(seq), db_time(at_us)), NULL));
}

static void
set_up_once(void)
{
	server_start();
	server_database(DATABASE);
	server_schema(DATABASE);
	make_trades();
	ctx = server_ctx(DATABASE);
	MUST(db_tx(ctx, put_minutes, NULL) == ST_OK);
	apply_again("0035_candles_1h.sql");
	apply_again("0036_candles_1d.sql");
	server_ctx_free(ctx);
}

static void
set_up(void)
{
	char path[128];
	struct reason reason;

	snprintf(path, sizeof(path), "%s/book.page", server_dir());
	OK(book_page_create(path, (struct ident){{1}}, &page, &reason));
	put_slot(INSTRUMENT, "BTC/USD", trades[TRADES - 1].price, last_us, 77);
	put_slot(OTHER, "ETH/USD", 0, 0, 78);
	book_page_ready(page, last_us, 78);
	ctx = server_ctx(DATABASE);
	ctx->now_us = last_us + US_PER_HOUR;
	ctx->markets = markets_new(path);
	set_settled(78, last_us);
	OK(market_data_find(ctx, NULL, "btc-usd", &market));
}

static void
tear_down(void)
{
	markets_free(ctx->markets);
	settled_free(ctx->settled);
	server_ctx_free(ctx);
	book_page_close(page);
}

/* ---- Naively --------------------------------------------------------------- */

static int64_t
naive_open(enum interval interval, int64_t time_us)
{
	static const int64_t minutes[] = {1, 5, 15, 60, 240, 1440, 10080};
	/* 2020-02-17 was a Monday. */
	int64_t monday_us = INT64_C(1581897600) * US_PER_SECOND;
	int64_t us = minutes[interval] * US_PER_MINUTE, at_us = monday_us;

	while (at_us > time_us)
		at_us -= us;
	return at_us + (time_us - at_us) / us * us;
}

/* The candle that opens at AT_US; false: it is before the first trade. */
static bool
naive_candle(enum interval interval, int64_t at_us, struct candle *out)
{
	size_t i;

	*out = (struct candle){.opened_us = at_us, .close = DECIMAL_NONE};
	for (i = 0; i < TRADES; i++) {
		struct decimal price = {trades[i].price};
		int64_t in_us = naive_open(interval, trades[i].at_us);

		if (in_us > at_us)
			break;
		if (in_us < at_us || out->volume == 0) {
			out->open = out->high = out->low = price;
		} else {
			if (price.units > out->high.units)
				out->high = price;
			if (price.units < out->low.units)
				out->low = price;
		}
		out->close = price;
		if (in_us == at_us)
			out->volume += trades[i].quantity;
	}
	return !decimal_is_none(out->close);
}

static bool
belongs(const struct candle_query *query, int64_t at_us)
{
	return (query->start_us == TIME_NONE || at_us >= query->start_us) &&
	       (query->end_us == TIME_NONE || at_us <= query->end_us);
}

/* All openings that the question is about; as many as there are. */
static size_t
naive_openings(const struct candle_query *query, int64_t *out, size_t room)
{
	int64_t us = interval_us(query->interval);
	int64_t at_us = naive_open(query->interval, FIRST_US);
	size_t n = 0;

	for (; at_us <= ctx->now_us; at_us += us)
		if (belongs(query, at_us)) {
			ck_assert_uint_lt(n, room);
			out[n++] = at_us;
		}
	return n;
}

static void
compare(const struct candle *got, const struct candle *want)
{
	ck_assert_int_eq(got->opened_us, want->opened_us);
	ck_assert_int_eq(got->open.units, want->open.units);
	ck_assert_int_eq(got->high.units, want->high.units);
	ck_assert_int_eq(got->low.units, want->low.units);
	ck_assert_int_eq(got->close.units, want->close.units);
	ck_assert(got->volume == want->volume);
}

static int64_t openings[400000];

static size_t
ask(const struct candle_query *query)
{
	size_t n = naive_openings(query, openings, N_ELEMENTS(openings));
	size_t most = (size_t)query->limit, from = 0, i;
	struct candle_list list;
	struct candle want;

	OK(candle_list(ctx, query, &list));
	if (n > most) {
		from = query->start_us == TIME_NONE ? n - most : 0;
		n = most;
	}
	ck_assert_uint_eq(list.n, n);
	/* The ends, and some between. */
	for (i = 0; i < n; i += i < 3 || i + 4 > n ? 1 : 1 + n / 7) {
		ck_assert(naive_candle(query->interval, openings[from + i],
			&want));
		compare(&list.rows[i], &want);
	}
	for (i = 1; i < n; i++)
		ck_assert_int_eq(list.rows[i].opened_us -
				list.rows[i - 1].opened_us,
			interval_us(query->interval));
	return n;
}

/* ---- Questions ------------------------------------------------------------- */

/* A moment in and around the trades, often exactly an edge. */
static int64_t
some_time(enum interval interval)
{
	int64_t at_us = FIRST_US - 10 * US_PER_DAY +
			upto(last_us - FIRST_US + 20 * US_PER_DAY);

	if (upto(3) == 0)
		at_us = naive_open(interval, at_us);
	else if (upto(3) == 0)
		at_us = naive_open(interval, at_us) - 1;
	return at_us;
}

START_TEST(any_question)
{
	size_t i, answered = 0;

	seed = 2 + (uint64_t)_i;
	for (i = 0; i < QUESTIONS / 10; i++) {
		enum interval interval = (enum interval)upto(INTERVALS);
		struct candle_query query = {.of = &market,
			.interval = interval,
			.start_us = TIME_NONE,
			.end_us = TIME_NONE,
			.limit = upto(4) == 0 ? 1 + upto(1000) : 1 + upto(9)};

		/* The last trade is always in the past. */
		ctx->now_us = last_us + upto(3) * upto(9 * US_PER_DAY);
		if (upto(2))
			query.start_us = some_time(interval);
		if (upto(2))
			query.end_us = some_time(interval);
		if (query.start_us != TIME_NONE && query.end_us != TIME_NONE &&
			query.start_us > query.end_us)
			query.end_us = query.start_us;
		answered += ask(&query) > 0;
		arena_reset(ctx->arena);
	}
	ck_assert_uint_gt(answered, QUESTIONS / 30);
}
END_TEST

START_TEST(all_of_an_interval)
{
	struct candle_query query = {.of = &market,
		.interval = (enum interval)_i,
		.start_us = TIME_NONE,
		.end_us = TIME_NONE,
		.limit = CANDLES_MAX};
	struct candle_list list;
	__int128 volume = 0, want = 0;
	size_t i;

	ask(&query);
	OK(candle_list(ctx, &query, &list));
	for (i = 0; i < list.n; i++)
		volume += list.rows[i].volume;
	for (i = 0; i < TRADES; i++)
		want += trades[i].quantity;
	ck_assert(volume == want);
}
END_TEST

/* Ends of time, a range that is empty, one that is upside down. */
START_TEST(edges_of_a_range)
{
	struct candle_query query = {.of = &market, .limit = 5};
	struct candle_list list;
	static const int64_t far[] = {INT64_MIN + 1, -1, 0, INT64_MAX};
	size_t i, j;

	for (i = 0; i < N_ELEMENTS(far); i++)
		for (j = i; j < N_ELEMENTS(far); j++) {
			query.start_us = far[i];
			query.end_us = far[j];
			for (query.interval = 0; query.interval < INTERVALS;
				query.interval++) {
				OK(candle_list(ctx, &query, &list));
				ck_assert_uint_eq(list.n,
					far[i] <= 0 && far[j] > 0 ? 5 : 0);
			}
		}
	query.interval = INTERVAL_1H;
	query.start_us = query.end_us = naive_open(INTERVAL_1H, last_us);
	ck_assert_uint_eq(ask(&query), 1);
	query.start_us++;
	ck_assert_int_eq(candle_list(ctx, &query, &list), ST_INVALID);
	ck_assert_str_eq(ctx->fault.field, "end_time");
	query.end_us = query.start_us;
	ck_assert_uint_eq(ask(&query), 0);
}
END_TEST

/* The running candle, in the minute of a trade, just before and after. */
START_TEST(the_running_candle)
{
	struct candle_query query = {.of = &market,
		.start_us = TIME_NONE,
		.end_us = TIME_NONE,
		.limit = 1};
	struct candle_list list;
	enum interval i;

	for (i = 0; i < INTERVALS; i++) {
		query.interval = i;
		ctx->now_us = naive_open(i, last_us) + interval_us(i) - 1;
		ask(&query);
		OK(candle_list(ctx, &query, &list));
		ck_assert(list.rows[0].volume > 0);
		ctx->now_us++;
		ask(&query);
		OK(candle_list(ctx, &query, &list));
		ck_assert(list.rows[0].volume == 0);
		/* A clock that is behind does not hide what has happened. */
		ctx->now_us = last_us - interval_us(i);
		OK(candle_list(ctx, &query, &list));
		ck_assert_int_eq(list.rows[0].opened_us,
			naive_open(i, last_us));
	}
}
END_TEST

START_TEST(weeks_begin_on_monday)
{
	static const struct {
		const char *at, *week;
	} cases[] = {
		{"2020-02-24T00:00:00Z", "2020-02-24"},
		{"2020-02-23T23:59:59.999999Z", "2020-02-17"},
		{"2020-03-01", "2020-02-24"},
		{"2024-12-31", "2024-12-30"},
		{"1970-01-04", "1969-12-29"},
		{"1970-01-05", "1970-01-05"},
		{"1969-12-28T23:59:59Z", "1969-12-22"},
	};
	int64_t at_us, week_us;
	size_t i;

	for (i = 0; i < N_ELEMENTS(cases); i++) {
		OK(clock_parse(cases[i].at, strlen(cases[i].at), &at_us));
		OK(clock_parse(cases[i].week, strlen(cases[i].week),
			&week_us));
		ck_assert_int_eq(
			interval_open_us(INTERVAL_1W, at_us), week_us);
	}
}
END_TEST

START_TEST(before_the_first_trade)
{
	struct candle_query query = {.of = &market,
		.start_us = TIME_NONE,
		.end_us = TIME_NONE,
		.limit = 1000};
	struct venue_symbol other;
	struct candle_list list;

	OK(market_data_find(ctx, "QUANTORA", "ETHUSD", &other));
	for (query.interval = 0; query.interval < INTERVALS;
		query.interval++) {
		query.of = &other;
		OK(candle_list(ctx, &query, &list));
		ck_assert_uint_eq(list.n, 0);
		query.of = &market;
		query.end_us = naive_open(query.interval, FIRST_US);
		ck_assert_uint_eq(ask(&query), 1);
		query.end_us--;
		ck_assert_uint_eq(ask(&query), 0);
		query.end_us = TIME_NONE;
	}
}
END_TEST

/* ---- Tickers --------------------------------------------------------------- */

static void
compare_day(const struct ticker_day *day)
{
	int64_t from_us = ctx->now_us - ctx->now_us % US_PER_MINUTE -
			  US_PER_DAY;
	struct decimal high = day->now.price, low = high, open = DECIMAL_NONE;
	__int128 volume = 0;
	int64_t n = 0;
	size_t i;

	for (i = 0; i < TRADES; i++) {
		struct decimal price = {trades[i].price};

		if (trades[i].at_us < from_us) {
			open = price;
			continue;
		}
		if (decimal_is_none(open))
			open = price;
		if (price.units > high.units)
			high = price;
		if (price.units < low.units)
			low = price;
		volume += trades[i].quantity;
		n++;
	}
	ck_assert_int_eq(day->now.price.units, trades[TRADES - 1].price);
	ck_assert_int_eq(day->open.units, open.units);
	ck_assert_int_eq(day->high.units, high.units);
	ck_assert_int_eq(day->low.units, low.units);
	ck_assert_int_eq(day->change.units, day->now.price.units - open.units);
	ck_assert(day->volume == volume && day->quote_volume == 2 * volume);
	ck_assert_int_eq(day->trades, n);
}

START_TEST(a_day)
{
	struct ticker_day day;
	int i;

	seed = 9;
	for (i = 0; i < 200; i++) {
		/* Up to two days later, an exact minute now and then. */
		ctx->now_us = last_us + upto(2 * US_PER_DAY);
		if (i % 3 == 0)
			ctx->now_us -= ctx->now_us % US_PER_MINUTE;
		if (ctx->now_us < last_us)
			ctx->now_us = last_us;
		OK(ticker_day(ctx, &market.market, &day));
		compare_day(&day);
		arena_reset(ctx->arena);
	}
}
END_TEST

START_TEST(a_percentage)
{
	static const struct {
		int64_t before, now, percent; /* whole, whole, 10^-4 */
	} cases[] = {{100, 150, 500000}, {100, 50, -500000}, {3, 4, 333333},
		{3, 5, 666667}, {3, 2, -333333}, {3, 1, -666667}, {7, 7, 0},
		{1, 90000000000, INT64_C(89999999999000000)},
		{80000000, 80000001, 0}, {20000000, 20000001, 0},
		{2000000, 2000001, 1}, {2000000, 1999999, -1}};
	struct ticker_day day;
	size_t i;

	for (i = 0; i < N_ELEMENTS(cases); i++) {
		int64_t now_us = last_us + (int64_t)i * US_PER_DAY * 3;
		int64_t wanted = cases[i].percent;

		OK(db_exec(ctx, "DELETE FROM candles_1m WHERE instrument_id = "
				"?", DB_IN(db_u64(OTHER)), NULL));
		OK(db_exec(ctx,
			"INSERT INTO candles_1m VALUES (?, ?, 1, 1, 1, ?, 1, "
			"1, 1)",
			DB_IN(db_u64(OTHER), db_time(now_us - 2 * US_PER_DAY),
				db_i64(cases[i].before)),
			NULL));
		put_slot(OTHER, "ETH/USD", cases[i].now * DECIMAL_ONE, now_us,
			80 + i);
		set_settled(100, now_us);
		ctx->now_us = now_us;
		OK(market_find(ctx, "ETH/USD", &market.market));
		OK(ticker_day(ctx, &market.market, &day));
		if (wanted > INT64_MAX / 10000)
			wanted = INT64_MAX / 10000;
		ck_assert_int_eq(day.percent.units, wanted * 10000);
	}
	OK(db_exec(ctx, "DELETE FROM candles_1m WHERE instrument_id = ?",
		DB_IN(db_u64(OTHER)), NULL));
}
END_TEST

/* Remembered until the page shows another trade, or the minute ends. */
START_TEST(figures_are_remembered)
{
	struct ticker_list list;
	struct ticker_day day;

	ctx->now_us = last_us - last_us % US_PER_MINUTE + US_PER_MINUTE;
	OK(ticker_list(ctx, &list));
	ck_assert_uint_eq(list.n, 2);
	compare_day(&list.rows[0]);
	ck_assert(decimal_is_none(list.rows[1].open));
	ck_assert_int_eq(list.rows[1].now.price.units, 5 * DECIMAL_ONE);
	server_sql(DATABASE, "UPDATE candles_1m SET trades = trades + 1000 "
			     "ORDER BY minute DESC LIMIT 1");
	OK(ticker_day(ctx, &market.market, &day));
	ck_assert_int_eq(day.trades, list.rows[0].trades);
	ctx->now_us += US_PER_MINUTE;
	OK(ticker_day(ctx, &market.market, &day));
	ck_assert_int_eq(day.trades / 1000, 1);
	server_sql(DATABASE, "UPDATE candles_1m SET trades = trades - 1000 "
			     "ORDER BY minute DESC LIMIT 1");
	put_slot(INSTRUMENT, "BTC/USD", trades[TRADES - 1].price, last_us + 1,
		79);
	set_settled(79, last_us + 1);
	OK(ticker_day(ctx, &market.market, &day));
	ck_assert_int_eq(day.trades / 1000, 0);
}
END_TEST

/* ---- Behind the page ------------------------------------------------------- */

START_TEST(a_settler_that_is_behind)
{
	struct candle_query query = {.of = &market,
		.interval = INTERVAL_1M,
		.start_us = TIME_NONE,
		.end_us = TIME_NONE,
		.limit = 3};
	struct candle_list list;
	struct ticker_day day;

	/* Nobody to wait for: a little behind will do, much will not. */
	ctx->settled = settled_new("/nowhere", NULL, 8);
	put_slot(INSTRUMENT, "BTC/USD", trades[TRADES - 1].price + 1,
		last_us + SETTLED_LAG_MAX_US, 90);
	set_settled(78, last_us);
	OK(candle_list(ctx, &query, &list));
	ck_assert_uint_eq(list.n, 3);
	OK(ticker_day(ctx, &market.market, &day));
	ck_assert_int_ge(day.high.units, day.now.price.units);
	ck_assert_ptr_null(ctx->fault.reason);
	put_slot(INSTRUMENT, "BTC/USD", trades[TRADES - 1].price,
		last_us + SETTLED_LAG_MAX_US + 1, 91);
	ck_assert_int_eq(candle_list(ctx, &query, &list), ST_UNAVAILABLE);
	ck_assert_int_eq(
		ticker_day(ctx, &market.market, &day), ST_UNAVAILABLE);
	/* What was not whole has not been remembered either. */
	set_settled(91, last_us + SETTLED_LAG_MAX_US);
	OK(candle_list(ctx, &query, &list));
	OK(ticker_day(ctx, &market.market, &day));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("candle");
	TCase *c = tcase_create("candle");

	set_up_once();
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, any_question, 0, 10);
	tcase_add_loop_test(c, all_of_an_interval, 0, INTERVALS);
	tcase_add_test(c, edges_of_a_range);
	tcase_add_test(c, the_running_candle);
	tcase_add_test(c, weeks_begin_on_monday);
	tcase_add_test(c, before_the_first_trade);
	tcase_add_test(c, a_day);
	tcase_add_test(c, a_percentage);
	tcase_add_test(c, figures_are_remembered);
	tcase_add_test(c, a_settler_that_is_behind);
	suite_add_tcase(s, c);
	return s;
}
