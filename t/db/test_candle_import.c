/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_candle_import.c - CSV to candles, and what coarser ones are made of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "domain/market_data_import.h"
#include "json/fields.h"
#include "t/db/server.h"
#include "t/harness/suite.h"

#define DATABASE "imports"
#define OK(expr) ck_assert_int_eq(expr, ST_OK)

static struct ctx *ctx;

static void
set_up(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/nowhere.page", server_dir());
	server_sql(DATABASE, "DELETE FROM imported_candles");
	server_sql(DATABASE, "DELETE FROM candle_series");
	ctx = server_ctx(DATABASE);
	ctx->now_us = INT64_C(1700000000) * US_PER_SECOND;
	/* Without the exchange: an import needs nothing of it. */
	ctx->markets = markets_new(path);
}

static void
tear_down(void)
{
	markets_free(ctx->markets);
	server_ctx_free(ctx);
}

static struct candle_import *
begin(enum interval interval)
{
	struct candle_import *import = NULL;

	OK(candle_import_begin(ctx,
		&(struct candle_import_terms){"binance", "ABC-DEF", interval},
		&import));
	ck_assert_str_eq(candle_import_symbol(import), "ABC/DEF");
	return import;
}

static enum status
line(struct candle_import *import, const char *text)
{
	return candle_import_line(import, text, strlen(text));
}

static void
check_counts(struct candle_import *import, uint64_t fresh, uint64_t replaced,
	uint64_t bad)
{
	struct candle_import_counts counts;

	OK(candle_import_end(import));
	counts = candle_import_counts(import);
	ck_assert_uint_eq(counts.fresh, fresh);
	ck_assert_uint_eq(counts.replaced, replaced);
	ck_assert_uint_eq(counts.bad, bad);
}

static struct candle_list
ask(enum interval interval, int64_t start_us, int64_t end_us, int64_t limit)
{
	struct venue_symbol of = {
		.exchange = "binance", .market = {.symbol = "ABC/DEF"}};
	struct candle_list list = {0};

	OK(candle_list(ctx,
		&(struct candle_query){&of, interval, start_us, end_us, limit},
		&list));
	return list;
}

static struct candle_list
all_of(enum interval interval)
{
	return ask(interval, TIME_NONE, TIME_NONE, CANDLES_MAX);
}

/* ---- Lines ----------------------------------------------------------------- */

static const struct {
	const char *text;
	const char *reason; /* NULL: it is good */
} lines[] = {
	{"2020-01-01T00:00:00Z,5,6,4,5.5,10", NULL},
	{"2020-01-01,5,6,4,5.5,10", NULL},
	{"2020-01-01 05:00:00,5,6,4,5.5,10\r", NULL},
	{"1577836800,5,6,4,5.5,10", NULL},
	{"1577836800.0,5,6,4,5.5,10", NULL},
	{"1577836800000,5,6,4,5.5,10", NULL},
	{"1577836800000000,5,6,4,5.5,10", NULL},
	{" \"1577836800\" , 5,6, 4 ,\"5.5\",10", NULL},
	{"1577836800,5,6,4,5.5,10,and,more,,", NULL},
	{"1577836800,5,5,5,5,0", NULL},
	{"1577836800,5e0,6,4,5.5,1e-8", NULL},
	{"1577836800,5.123456789012,6,4,5.5,0.000000001", NULL},
	{"", NULL},
	{"  \r", NULL},
	{"1577836800,5,6,4,5.5", "volume is missing"},
	{"yesterday,5,6,4,5.5,10", "no time"},
	{",5,6,4,5.5,10", "no time"},
	{"1577836800.5,5,6,4,5.5,10", "no time"},
	{"1577836801,5,6,4,5.5,10", "no candle of 1h opens"},
	{"1700000400,5,6,4,5.5,10", "in the future"},
	{"1970-01-04T23:00:00Z,5,6,4,5.5,10", "before 1970"},
	{"1577836800,NaN,6,4,5.5,10", "open \"NaN\" is no number"},
	{"1577836800,5,inf,4,5.5,10", "high \"inf\" is no number"},
	{"1577836800,5,6,,5.5,10", "low \"\" is no number"},
	{"1577836800,5,6,4,5.5,-", "volume \"-\" is no number"},
	{"1577836800,5,6,4,5.5.5,10", "close \"5.5.5\" is no number"},
	{"1577836800,5,6,4,5.123456789x,10", "is no number"},
	{"1577836800,5,100000000000,4,5.5,10", "is no number in range"},
	{"1577836800,5,4,6,5,10", "high is below low"},
	{"1577836800,3,6,4,5,10", "open is not between"},
	{"1577836800,7,6,4,5,10", "open is not between"},
	{"1577836800,5,6,4,3,10", "close is not between"},
	{"1577836800,5,6,4,7,10", "close is not between"},
	{"1577836800,5,6,0,5,10", "low is not above zero"},
	{"1577836800,5,6,-4,5,10", "low is not above zero"},
	{"1577836800,5,6,4,5,-1", "volume is out of range"},
	{"1577836800,5,6,4,5,1e25", "volume is out of range"},
};

START_TEST(a_line)
{
	struct candle_import *import = begin(INTERVAL_1H);
	enum status status = line(import, lines[_i].text);

	if (!lines[_i].reason) {
		ck_assert_msg(status == ST_OK, "%s: %s", lines[_i].text,
			ctx->fault.reason);
		check_counts(import, strlen(lines[_i].text) > 9, 0, 0);
		return;
	}
	ck_assert_int_eq(status, ST_INVALID);
	ck_assert_msg(strstr(ctx->fault.reason, lines[_i].reason) != NULL,
		"%s", ctx->fault.reason);
	check_counts(import, 0, 0, 1);
	ck_assert_uint_eq(all_of(INTERVAL_1H).n, 0);
}
END_TEST

START_TEST(numbers_are_exact)
{
	struct candle_import *import = begin(INTERVAL_1H);
	struct candle_list list;

	OK(line(import, "1577836800,4625.635714285714,9007199254.74099301,"
			"0.00000001,4.000000005,123456789012.123456785"));
	OK(candle_import_end(import));
	list = all_of(INTERVAL_1D);
	ck_assert_uint_eq(list.n, 1);
	ck_assert_int_eq(list.rows[0].open.units, INT64_C(462563571429));
	ck_assert_int_eq(
		list.rows[0].high.units, INT64_C(900719925474099301));
	ck_assert_int_eq(list.rows[0].low.units, 1);
	ck_assert_int_eq(list.rows[0].close.units, 400000001);
	ck_assert(list.rows[0].volume ==
		  (__int128)INT64_C(12345678901212345) * 1000 + 679);
}
END_TEST

START_TEST(columns_by_name)
{
	static const char *const headers[] = {
		"timestamp,open,high,low,close,volume",
		"\xef\xbb\xbfTimestamp,Open,High,Low,Close,Volume\r",
		"\"time\", \"open\" ,high,low,close,volume,trades",
		"open_time,open,high,low,close,volume,close_time",
	};
	struct candle_import *import;
	size_t i;

	for (i = 0; i < N_ELEMENTS(headers); i++) {
		import = begin(INTERVAL_1H);
		if (i != 1) /* its mark is at the very beginning */
			OK(line(import, ""));
		OK(line(import, headers[i]));
		OK(line(import, "1577836800,5,6,4,5.5,10,9"));
		check_counts(import, i == 0, i != 0, 0);
	}
	import = begin(INTERVAL_1H);
	OK(line(import, "volume,close,x,low,high,open,date"));
	OK(line(import, "10,5.5,?,4,6,5,2020-01-01"));
	check_counts(import, 0, 1, 0);
	ck_assert_int_eq(all_of(INTERVAL_1H).rows[0].open.units, 500000000);
	import = begin(INTERVAL_1H);
	ck_assert_int_eq(line(import, "timestamp,open,high,low,volume"),
		ST_MALFORMED);
	ck_assert_ptr_nonnull(strstr(ctx->fault.reason, "no column close"));
	/* Only a first line can be one. */
	import = begin(INTERVAL_1H);
	OK(line(import, "1577836800,5,6,4,5.5,10"));
	ck_assert_int_eq(line(import, headers[0]), ST_INVALID);
}
END_TEST

START_TEST(names_of_venues_and_symbols)
{
	static const struct {
		const char *exchange, *symbol, *field;
	} cases[] = {
		{"quantora", "BTC/USD", "exchange"},
		{"Binance", "BTC/USD", "exchange"},
		{"", "BTC/USD", "exchange"},
		{"a b", "BTC/USD", "exchange"},
		{"abcdefghijklmnopqrstuvwxyz1234567", "BTC/USD", "exchange"},
		{"binance", "SOLUSD", "symbol"},
		{"binance", "SOL/", "symbol"},
		{"binance", "/USD", "symbol"},
		{"binance", "SOL/US/D", "symbol"},
		{"binance", "SOL USD", "symbol"},
		{"binance", "", "symbol"},
		{"binance", "SOLSOLSOLSOLSOL/USDUSDUSD", "symbol"},
	};
	struct candle_import *import;
	size_t i;

	for (i = 0; i < N_ELEMENTS(cases); i++) {
		ck_assert_int_eq(candle_import_begin(ctx,
					 &(struct candle_import_terms){
						 cases[i].exchange,
						 cases[i].symbol, INTERVAL_1H},
					 &import),
			ST_INVALID);
		ck_assert_str_eq(ctx->fault.field, cases[i].field);
	}
	OK(candle_import_begin(ctx,
		&(struct candle_import_terms){"my-venue_2", "sol-usd",
			INTERVAL_1H}, &import));
	ck_assert_str_eq(candle_import_symbol(import), "SOL/USD");
}
END_TEST

/* ---- Coarser ones ---------------------------------------------------------- */

#define MINUTES 20000
#define BEGIN_US (INT64_C(1582502400) * US_PER_SECOND - 3 * US_PER_HOUR)

static struct candle made[MINUTES]; /* volume 0 at opened_us 0: not there */
static uint64_t seed = 3;

static int64_t
upto(int64_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)((seed >> 33) % (uint64_t)n);
}

static void
make(size_t i)
{
	int64_t a = 1000 + upto(1000), b = a + upto(50);

	made[i] = (struct candle){
		.opened_us = BEGIN_US + (int64_t)i * US_PER_MINUTE,
		.low = {a * 10000},
		.high = {b * 10000},
		.open = {(a + upto(b - a + 1)) * 10000},
		.close = {(a + upto(b - a + 1)) * 10000},
		.volume = 1 + upto(100000),
	};
}

static void
send(struct candle_import *import, size_t i)
{
	char o[32], h[32], l[32], c[32], v[48], text[256];

	decimal_format(made[i].open, 0, o);
	decimal_format(made[i].high, 0, h);
	decimal_format(made[i].low, 0, l);
	decimal_format(made[i].close, 0, c);
	decimal_format_sum(made[i].volume, 0, v);
	snprintf(text, sizeof(text), "%lld,%s,%s,%s,%s,%s",
		(long long)(made[i].opened_us / 1000), o, h, l, c, v);
	OK(line(import, text));
}

/* Every candle of INTERVAL, made anew out of all minutes. */
static void
compare_with_minutes(enum interval interval)
{
	struct candle_list list = all_of(interval);
	struct candle want = {0};
	size_t i, at = 0;
	int64_t opened_us;

	for (i = 0; i < MINUTES; i++) {
		const struct candle *m = &made[i];

		if (m->opened_us == 0)
			continue;
		opened_us = interval_open_us(interval, m->opened_us);
		if (want.volume == 0 || opened_us != want.opened_us) {
			/* What is between the two is flat. */
			for (; at < list.n &&
				list.rows[at].opened_us < opened_us; at++) {
				bool same = list.rows[at].opened_us ==
					    want.opened_us;

				ck_assert_int_eq(list.rows[at].close.units,
					want.close.units);
				ck_assert_int_eq(list.rows[at].high.units,
					same ? want.high.units
					     : want.close.units);
				ck_assert_int_eq(list.rows[at].low.units,
					same ? want.low.units
					     : want.close.units);
				ck_assert_int_eq(list.rows[at].open.units,
					same ? want.open.units
					     : want.close.units);
				ck_assert(list.rows[at].volume ==
					  (same ? want.volume : 0));
			}
			want = *m;
			want.opened_us = opened_us;
			continue;
		}
		if (m->high.units > want.high.units)
			want.high = m->high;
		if (m->low.units < want.low.units)
			want.low = m->low;
		want.close = m->close;
		want.volume += m->volume;
	}
	ck_assert_uint_eq(at, list.n - 1);
	ck_assert_int_eq(list.rows[at].opened_us, want.opened_us);
	ck_assert(list.rows[at].volume == want.volume);
}

/* In no order, in several batches, with holes; then a part of it again. */
START_TEST(minutes_make_all)
{
	static size_t order[MINUTES];
	struct candle_import *import = begin(INTERVAL_1M);
	enum interval interval;
	size_t i, j, n = 0;

	for (i = 0; i < MINUTES; i++) {
		if (i > 5000 && i < 8000)
			continue; /* two days of nothing */
		if (upto(10) == 0 && i != 0)
			continue;
		make(i);
		order[n++] = i;
	}
	for (i = n - 1; _i == 1 && i > 0; i--) {
		size_t with = (size_t)upto((int64_t)i + 1), kept = order[i];

		order[i] = order[with];
		order[with] = kept;
	}
	for (i = 0; i < n; i++)
		send(import, order[i]);
	check_counts(import, n, 0, 0);
	for (interval = 0; interval < INTERVALS; interval++)
		compare_with_minutes(interval);
	import = begin(INTERVAL_1M);
	for (i = 0, j = 0; i < n; i += 3, j++) {
		make(order[i]);
		send(import, order[i]);
	}
	check_counts(import, 0, j, 0);
	for (interval = 0; interval < INTERVALS; interval++)
		compare_with_minutes(interval);
}
END_TEST

START_TEST(twice_in_one_file)
{
	struct candle_import *import = begin(INTERVAL_1H);

	OK(line(import, "1577836800,5,6,4,5.5,10"));
	OK(line(import, "1577836800,5,6,4,5.5,11"));
	check_counts(import, 1, 1, 0);
	ck_assert(all_of(INTERVAL_1H).rows[0].volume ==
		  (__int128)11 * DECIMAL_ONE);
}
END_TEST

START_TEST(the_interval_that_covers_most)
{
	struct candle_import *hours = begin(INTERVAL_1H);
	struct candle_import *days = begin(INTERVAL_1D);
	int64_t day_us = INT64_C(1577836800) * US_PER_SECOND; /* 2020-01-01 */
	char text[64];
	int i;

	/* Hours of ten days; days of the first two, and of ten before. */
	for (i = 0; i < 240; i++) {
		snprintf(text, sizeof(text), "%d,5,5,5,5,1",
			1577836800 + i * 3600);
		OK(line(hours, text));
	}
	for (i = -10; i < 2; i++) {
		snprintf(text, sizeof(text), "%d,7,7,7,7,100",
			1577836800 + i * 86400);
		OK(line(days, text));
	}
	OK(candle_import_end(hours));
	OK(candle_import_end(days));
	/* The latest of all are made of hours, what is older is of days. */
	ck_assert(ask(INTERVAL_1D, TIME_NONE, TIME_NONE, 3).rows[2].volume ==
		  (__int128)24 * DECIMAL_ONE);
	ck_assert(ask(INTERVAL_1D, TIME_NONE, day_us, 3).rows[2].volume ==
		  (__int128)100 * DECIMAL_ONE);
	ck_assert(ask(INTERVAL_1D, day_us - US_PER_DAY, TIME_NONE, 2)
			  .rows[0].volume == (__int128)100 * DECIMAL_ONE);
	ck_assert(ask(INTERVAL_1D, day_us, TIME_NONE, 9).rows[8].volume ==
		  (__int128)24 * DECIMAL_ONE);
	ck_assert_uint_eq(ask(INTERVAL_1H, TIME_NONE, day_us - 1, 9).n, 0);
	ck_assert_uint_eq(ask(INTERVAL_15M, TIME_NONE, TIME_NONE, 9).n, 0);
	/* Of equals the coarsest. */
	ck_assert(ask(INTERVAL_1D, day_us, day_us + US_PER_DAY, 9)
			  .rows[0].volume == (__int128)100 * DECIMAL_ONE);
	ck_assert_uint_eq(ask(INTERVAL_1W, day_us + 30 * US_PER_DAY, TIME_NONE,
				  9).n, 0);
	/* What there is begins far behind a start, or ended far before an end. */
	ck_assert_int_eq(ask(INTERVAL_1D, 0, TIME_NONE, 3).rows[0].opened_us,
		day_us - 10 * US_PER_DAY);
	ck_assert_int_eq(ask(INTERVAL_1H, 0, TIME_NONE, 3).rows[0].opened_us,
		day_us);
	ck_assert_int_eq(ask(INTERVAL_1H, TIME_NONE, day_us * 2, 3)
				 .rows[2].opened_us,
		day_us + 239 * US_PER_HOUR);
	/* A week that opens before the first of its days. */
	ck_assert_uint_eq(ask(INTERVAL_1W, TIME_NONE,
				  interval_open_us(INTERVAL_1W,
					  day_us - 10 * US_PER_DAY), 9).n, 1);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("candle import");
	TCase *c = tcase_create("candle import");

	server_start();
	server_database(DATABASE);
	server_schema(DATABASE);
	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, a_line, 0, N_ELEMENTS(lines));
	tcase_add_test(c, numbers_are_exact);
	tcase_add_test(c, columns_by_name);
	tcase_add_test(c, names_of_venues_and_symbols);
	tcase_add_loop_test(c, minutes_make_all, 0, 2);
	tcase_add_test(c, twice_in_one_file);
	tcase_add_test(c, the_interval_that_covers_most);
	suite_add_tcase(s, c);
	return s;
}
