/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_risk.c - what is reckoned of users' limits and price alerts, from rows
 * that are put there by hand.
 *
 * The book page is the test's own; the matcher, where one is asked, is the real
 * one and knows nobody.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/session.h"
#include "base/clock.h"
#include "domain/core.h"
#include "domain/market.h"
#include "domain/price_alert.h"
#include "domain/risk.h"
#include "domain/risk_watch.h"
#include "journal/book_page.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"
#include "wire/ids.h"

#define OK(expr) ck_assert_int_eq(expr, ST_OK)
#define USD 0
#define EUR 1
#define BTC 2
#define GAS 3
#define BTC_USD 0
#define GAS_EUR 1

static struct ctx *ctx;
static struct book_page *page;
static pid_t matcherd;
static char page_path[128], matcher_path[128];
static int64_t began_us; /* when the test did */

static void
sql(const char *text)
{
	server_sql(STACK_DATABASE, text);
}

static int64_t
number(const char *text)
{
	return server_number(STACK_DATABASE, text);
}

/* Of the last price. */
static int64_t price_time_us;

static void
set_price(uint16_t instrument, const char *symbol, uint16_t base,
	uint16_t quote, int64_t last)
{
	struct book_slot slot = {
		.terms = {.instrument = instrument,
			.base = base,
			.quote = quote,
			.tick = 1000000,
			.lot = 1000000},
		.last_price = last * DECIMAL_ONE,
		.last_time_us = price_time_us,
		.used = 1,
	};

	strcpy(slot.terms.symbol, symbol);
	book_page_write(page, &slot);
}

static void
btc_at(int64_t price)
{
	set_price(BTC_USD, "BTC/USD", BTC, USD, price);
}

static void
gas_at(int64_t price)
{
	set_price(GAS_EUR, "GAS/EUR", GAS, EUR, price);
}

static void
set_up(void)
{
	struct reason reason;
	const char *output;

	stack_reset();
	ck_assert_msg(stack_ctl("migrate", &output) == 0, "%s", output);
	snprintf(page_path, sizeof(page_path), "%s/risk.page", server_dir());
	snprintf(matcher_path, sizeof(matcher_path), "%s/stack/matcher",
		server_dir());
	unlink(page_path);
	OK(book_page_create(page_path, ident_random(clock_wall_us()), &page,
		&reason));
	btc_at(100);
	gas_at(10);
	book_page_ready(page, clock_wall_us(), 0);
	matcherd = stack_matcherd();
	ctx = server_ctx(STACK_DATABASE);
	ctx->now_us = began_us = clock_wall_us();
	ctx->markets = markets_new(page_path);
	ctx->core = core_new(matcher_path);
	sql("INSERT INTO assets (id, code, seq, usd_rate) VALUES "
	    "(0, 'USD', 1, NULL), (1, 'EUR', 1, 1.1), (2, 'BTC', 1, NULL), "
	    "(3, 'GAS', 1, NULL)");
	sql("INSERT INTO users (id, public_id, email, username, password_hash, "
	    "created_at, updated_at) VALUES "
	    "(1, REPEAT('a', 16), 'a', 'a', '', NOW(6), NOW(6)), "
	    "(2, REPEAT('b', 16), 'b', 'b', '', NOW(6), NOW(6))");
	sql("INSERT INTO settle_state VALUES (1, REPEAT('j', 16), 10, NOW(6), "
	    "NOW(6))");
}

static void
tear_down(void)
{
	markets_free(ctx->markets);
	core_free(ctx->core);
	server_ctx_free(ctx);
	book_page_close(page);
	ck_assert_int_eq(stack_end(matcherd, SIGTERM), 0);
}

/* ---- Limits ------------------------------------------------------------- */

/* One of user 1; its thresholds are 80 and 95. */
static void
add_limit(enum risk_type type, int instrument, const char *value)
{
	char text[320];

	snprintf(text, sizeof(text),
		"INSERT INTO risk_limits (public_id, user_id, type, "
		"instrument_id, value, warning_threshold, critical_threshold, "
		"enabled, created_at, updated_at) VALUES (RANDOM_BYTES(16), 1, "
		"%d, %d, %s, 80, 95, 1, NOW(6), NOW(6))",
		type, instrument, value);
	sql(text);
}

static void
add_position(int instrument, const char *quantity)
{
	char text[320];

	snprintf(text, sizeof(text),
		"INSERT INTO positions VALUES (RANDOM_BYTES(16), 1, %d, %s, 1, "
		"1, 1, 0, NOW(6), NOW(6), NULL, 5)",
		instrument, quantity);
	sql(text);
}

/* status 0 is in the book, 1 waits. */
static void
add_order(int instrument, int side, int status, const char *price,
	const char *stop, const char *quantity, const char *pair)
{
	char text[512];

	snprintf(text, sizeof(text),
		"INSERT INTO orders (id, user_id, instrument_id, side, type, "
		"tif, stp, flags, status, reason, price, quantity, "
		"quote_budget, stop_price, filled, quote, fee, opened_at, "
		"updated_at, seq, pair_id) VALUES (RANDOM_BYTES(16), 1, %d, "
		"%d, 0, 0, 0, 0, %d, 0, %s, %s, 0, %s, 1, 0, 0, NOW(6), NOW(6), "
		"5, %s)",
		instrument, side, status, price, quantity, stop, pair);
	sql(text);
}

static struct risk_turn
look(void)
{
	struct risk_people people;
	struct risk_turn turn;

	OK(risk_watch_pick(ctx, 0, 10, &people));
	OK(risk_watch_look(ctx, &people, &turn));
	return turn;
}

static int64_t
active(void)
{
	return number("SELECT COUNT(*) FROM risk_alerts "
		      "WHERE resolved_at IS NULL");
}

static int64_t
told(void)
{
	return number("SELECT COUNT(*) FROM notices");
}

/* In hundredths, of the gravest active one. */
static int64_t
current(void)
{
	return number("SELECT CAST(current_value * 100 AS SIGNED) "
		      "FROM risk_alerts WHERE resolved_at IS NULL "
		      "ORDER BY level DESC, id DESC LIMIT 1");
}

START_TEST(levels_come_and_go)
{
	add_limit(RISK_POSITION_SIZE, INSTRUMENT_ANY, "1000");
	add_position(BTC_USD, "7.9");
	ck_assert_uint_eq(look().raised, 0);
	ck_assert_int_eq(active(), 0);
	btc_at(102); /* 805.80 */
	ck_assert_uint_eq(look().raised, 1);
	ck_assert_int_eq(active(), 1);
	ck_assert_int_eq(current(), 80580);
	/* It is told once, while its figure follows. */
	btc_at(105);
	ck_assert_uint_eq(look().raised, 0);
	ck_assert_int_eq(current(), 82950);
	btc_at(127); /* 1003.30: two levels at once, of which one is told */
	ck_assert_uint_eq(look().raised, 1);
	ck_assert_int_eq(active(), 3);
	ck_assert_int_eq(told(), 2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM notices WHERE "
				"level = 'critical' AND symbol = 'BTC/USD'"),
		1);
	btc_at(121); /* 955.90 */
	ck_assert_uint_eq(look().raised, 0);
	ck_assert_int_eq(active(), 2);
	btc_at(50);
	look();
	ck_assert_int_eq(active(), 0);
	btc_at(127);
	ck_assert_uint_eq(look().raised, 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM risk_alerts"), 6);
}
END_TEST

START_TEST(exactly_at_a_threshold)
{
	add_limit(RISK_POSITION_SIZE, BTC_USD, "1000");
	add_position(BTC_USD, "7.99999999");
	look();
	ck_assert_int_eq(active(), 0);
	sql("UPDATE positions SET quantity = 8");
	look();
	ck_assert_int_eq(active(), 1);
	sql("UPDATE positions SET quantity = 10");
	look();
	ck_assert_int_eq(active(), 3);
}
END_TEST

START_TEST(open_buys_are_in_it)
{
	add_limit(RISK_POSITION_SIZE, BTC_USD, "1000");
	add_position(BTC_USD, "4");
	/* One of each was filled before. */
	add_order(BTC_USD, SIDE_BUY, ORDER_OPEN, "90", "0", "3", "NULL");
	add_order(BTC_USD, SIDE_BUY, ORDER_WAITING, "0", "110", "2", "NULL");
	add_order(BTC_USD, SIDE_BUY, ORDER_WAITING, "115", "110", "2", "NULL");
	/* A pair's stop, a sale, what has ended, and another market. */
	add_order(BTC_USD, SIDE_BUY, ORDER_WAITING, "0", "110", "9",
		"REPEAT('p', 16)");
	add_order(BTC_USD, SIDE_SELL, ORDER_OPEN, "110", "0", "9", "NULL");
	add_order(BTC_USD, SIDE_BUY, ORDER_FILLED, "110", "0", "9", "NULL");
	add_order(GAS_EUR, SIDE_BUY, ORDER_OPEN, "110", "0", "9", "NULL");
	look(); /* 400 + 180 + 110 + 115 */
	ck_assert_int_eq(active(), 1);
	ck_assert_int_eq(current(), 80500);
}
END_TEST

START_TEST(a_value_in_dollars)
{
	add_limit(RISK_POSITION_VALUE, INSTRUMENT_ANY, "1000");
	add_position(BTC_USD, "7");
	add_position(GAS_EUR, "80"); /* 800 EUR are 880 USD */
	look();
	ck_assert_int_eq(active(), 1);
	ck_assert_int_eq(current(), 88000);
	ck_assert_int_eq(number("SELECT instrument_id FROM risk_alerts"),
		GAS_EUR);
}
END_TEST

START_TEST(all_open_orders_count)
{
	add_limit(RISK_OPEN_ORDERS, INSTRUMENT_ANY, "3");
	add_order(BTC_USD, SIDE_SELL, ORDER_OPEN, "110", "0", "9", "NULL");
	add_order(GAS_EUR, SIDE_BUY, ORDER_OPEN, "110", "0", "9", "NULL");
	look();
	ck_assert_int_eq(active(), 0);
	add_order(BTC_USD, SIDE_BUY, ORDER_WAITING, "0", "110", "9",
		"REPEAT('p', 16)");
	look();
	ck_assert_int_eq(active(), 3);
	ck_assert_int_eq(current(), 300);
}
END_TEST

/* User 1 had 10000 this morning, of which DAY; his peak was 20000. */
static void
watch(int64_t day, int reduce_only)
{
	char text[320];

	snprintf(text, sizeof(text),
		"INSERT INTO core_risk VALUES (1, 9000, 20000, 10000, %lld, 1, "
		"5, NOW(6))",
		(long long)day);
	sql(text);
	snprintf(text, sizeof(text),
		"INSERT INTO core_users VALUES (1, REPEAT('a', 16), 0, 0, %d, "
		"1, 5, NOW(6))",
		reduce_only);
	sql(text);
	/* 100 EUR are 110; 90 BTC are 9000. */
	sql("INSERT INTO balances VALUES (1, 0, 40, 50, 5, NOW(6)), "
	    "(1, 1, 100, 0, 5, NOW(6)), (1, 2, 80, 10, 5, NOW(6))");
}

START_TEST(losses)
{
	watch(ctx->now_us / US_PER_DAY, REDUCE_NO);
	add_limit(RISK_DAILY_LOSS, INSTRUMENT_ANY, "1000");
	add_limit(RISK_MAX_DRAWDOWN, INSTRUMENT_ANY, "0.6");
	ck_assert_uint_eq(look().checked, 1);
	/* 9200 are left: 800 lost, and 54 % of the peak. */
	ck_assert_int_eq(active(), 2);
	ck_assert_int_eq(number("SELECT CAST(current_value AS SIGNED) FROM "
				"risk_alerts WHERE alert_type = "
				"'DAILY_LOSS_WARNING'"),
		800);
	ck_assert_int_eq(number("SELECT CAST(current_value * 100 AS SIGNED) "
				"FROM risk_alerts WHERE alert_type = "
				"'MAX_DRAWDOWN_WARNING'"),
		54);
	/* A new day has not lost yet; the peak is of all days. */
	sql("UPDATE core_risk SET day = day - 1");
	look();
	ck_assert_int_eq(active(), 1);
	btc_at(300);
	look();
	ck_assert_int_eq(active(), 0);
}
END_TEST

START_TEST(an_account_that_may_only_sell)
{
	watch(ctx->now_us / US_PER_DAY, REDUCE_RISK);
	sql("INSERT INTO core_limits VALUES (1, 3, 65535, 900, 5, NOW(6))");
	btc_at(300); /* it all came back, and changes nothing today */
	ck_assert_uint_eq(look().raised, 1);
	ck_assert_int_eq(active(), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM risk_alerts WHERE "
				"alert_type = 'REDUCE_ONLY' AND "
				"current_value = 1000 AND limit_value = 900"),
		1);
	ck_assert_uint_eq(look().raised, 0);
	/* With the limit lifted it is still so, and still told why. */
	sql("DELETE FROM core_limits");
	ck_assert_uint_eq(look().raised, 0);
	ck_assert_int_eq(active(), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM risk_alerts WHERE "
				"alert_type = 'REDUCE_ONLY' AND "
				"current_value = 1000 AND limit_value = 900"),
		1);
	sql("UPDATE core_users SET reduce_only = 0");
	look();
	ck_assert_int_eq(active(), 0);
}
END_TEST

START_TEST(alerts_end_with_their_limit)
{
	add_limit(RISK_POSITION_SIZE, INSTRUMENT_ANY, "1000");
	add_position(BTC_USD, "9");
	look();
	ck_assert_int_eq(active(), 1);
	sql("DELETE FROM risk_limits");
	look();
	ck_assert_int_eq(active(), 0);
}
END_TEST

START_TEST(people_come_in_turns)
{
	struct risk_people people;

	add_limit(RISK_OPEN_ORDERS, INSTRUMENT_ANY, "3");
	sql("INSERT INTO core_risk VALUES (2, 1, 1, 1, 1, 1, 5, NOW(6)), "
	    "(9, 1, 1, 1, 1, 0, 5, NOW(6))");
	sql("INSERT INTO core_limits VALUES (3, 1, 65535, 7, 5, NOW(6)), "
	    "(4, 1, 65535, 0, 5, NOW(6))");
	OK(risk_watch_pick(ctx, 0, 2, &people));
	ck_assert_uint_eq(people.n, 2);
	ck_assert_uint_eq(people.users[0], 1);
	ck_assert_uint_eq(people.users[1], 2);
	OK(risk_watch_pick(ctx, 2, 2, &people));
	ck_assert_uint_eq(people.n, 1);
	ck_assert_uint_eq(people.users[0], 3);
}
END_TEST

/* A limit of the core that nobody here has set is not ours to lift. */
START_TEST(what_is_anothers_stays)
{
	struct risk_turn turn;

	sql("INSERT INTO core_limits VALUES (1, 1, 65535, 7, 5, NOW(6))");
	turn = look();
	ck_assert_uint_eq(turn.raised, 0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents"), 0);
}
END_TEST

/* ---- Price alerts ---------------------------------------------------------- */

static uint64_t seq;

static void
trade_at(const char *price, int64_t at_us)
{
	struct ident id = trade_ident(at_us, ++seq, 0);

	OK(db_exec(ctx,
		"INSERT INTO trades VALUES (?, 1, 0, 0, ?, 1, 1, 2, "
		"REPEAT('m', 16), 0, 2, REPEAT('t', 16), 0, ?)",
		DB_IN(db_ident(id), db_text(price), db_time(at_us)), NULL));
}

/* AGO_US before the test began, as all of the times here: it may be slow. */
static void
trade(const char *price, int64_t ago_us)
{
	trade_at(price, began_us - ago_us);
}

static void
alert(bool above, const char *price, int64_t ago_us)
{
	OK(db_exec(ctx,
		"INSERT INTO price_alerts (public_id, user_id, instrument_id, "
		"above, price, created_at) "
		"VALUES (RANDOM_BYTES(16), 1, 0, ?, ?, ?)",
		DB_IN(db_bool(above), db_text(price),
			db_time(began_us - ago_us)),
		NULL));
}

static unsigned
look_at_prices(void)
{
	unsigned n;
	bool more;

	ctx->now_us = clock_wall_us();
	OK(price_alerts_look(ctx, &n, &more));
	ck_assert(!more);
	return n;
}

START_TEST(a_price_is_met_once)
{
	alert(true, "110", US_PER_MINUTE);
	alert(false, "90", US_PER_MINUTE);
	trade("109.99", 50 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 0);
	trade("110", 40 * US_PER_SECOND);
	trade("100", 39 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 1);
	trade("120", 30 * US_PER_SECOND);
	trade("89", 29 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 1);
	ck_assert_uint_eq(look_at_prices(), 0);
	ck_assert_int_eq(told(), 2);
	ck_assert_int_eq(number("SELECT CAST(SUM(triggered_price) AS SIGNED) "
				"FROM price_alerts"),
		110 + 89);
	/* Whoever begins anew begins where it was. */
	sql("UPDATE price_alerts SET triggered = 0");
	ck_assert_uint_eq(look_at_prices(), 0);
}
END_TEST

START_TEST(only_what_came_after_it)
{
	trade("120", 50 * US_PER_SECOND);
	alert(true, "110", 40 * US_PER_SECOND);
	trade("100", 30 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 0);
	trade("111", 20 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 1);
}
END_TEST

/* It is seen after the trade that meets it was already looked at. */
START_TEST(one_that_came_into_sight_late)
{
	trade("120", US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 0);
	alert(true, "110", 2 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 1);
	alert(true, "110", US_PER_SECOND / 2);
	ck_assert_uint_eq(look_at_prices(), 0);
}
END_TEST

static void
add_alert(bool above, int64_t price)
{
	static struct session session = {.user = 1};
	struct price_alert out;

	ctx->session = &session;
	OK(price_alert_add(ctx, "BTC/USD", above,
		(struct decimal){price * DECIMAL_ONE}, &out));
	ck_assert(!out.triggered);
}

/* A trade's time is of before it was on disk; the page has it afterwards. */
START_TEST(one_that_was_under_way_counts)
{
	int64_t seen_us = clock_wall_us() - US_PER_MINUTE;
	int64_t made_us;

	price_time_us = seen_us;
	btc_at(100);
	trade_at("100", seen_us);
	made_us = clock_wall_us();
	add_alert(true, 110);
	trade_at("120", made_us - US_PER_SECOND / 2);
	trade_at("100", made_us);
	ck_assert_uint_eq(look_at_prices(), 1);
}
END_TEST

/* But not one that was to be seen, or went before that. */
START_TEST(one_that_was_seen_does_not_count)
{
	price_time_us = clock_wall_us();
	trade_at("120", price_time_us - 1);
	trade_at("100", price_time_us);
	btc_at(100);
	add_alert(true, 110);
	add_alert(false, 90);
	ck_assert_uint_eq(look_at_prices(), 0);
	trade_at("120", price_time_us + 1);
	ck_assert_uint_eq(look_at_prices(), 1);
}
END_TEST

START_TEST(more_than_are_read_at_once)
{
	int i;

	for (i = 0; i < 600; i++)
		alert(i % 2 == 0, i % 2 == 0 ? "110" : "120", US_PER_MINUTE);
	trade("115", 20 * US_PER_SECOND);
	ck_assert_uint_eq(look_at_prices(), 600);
	ck_assert_int_eq(told(), 600);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("risk");
	TCase *limits = tcase_create("limits");
	TCase *prices = tcase_create("prices");

	server_start();
	stack_start();
	tcase_add_checked_fixture(limits, set_up, tear_down);
	tcase_set_timeout(limits, 60);
	tcase_add_test(limits, levels_come_and_go);
	tcase_add_test(limits, exactly_at_a_threshold);
	tcase_add_test(limits, open_buys_are_in_it);
	tcase_add_test(limits, a_value_in_dollars);
	tcase_add_test(limits, all_open_orders_count);
	tcase_add_test(limits, losses);
	tcase_add_test(limits, an_account_that_may_only_sell);
	tcase_add_test(limits, alerts_end_with_their_limit);
	tcase_add_test(limits, people_come_in_turns);
	tcase_add_test(limits, what_is_anothers_stays);
	suite_add_tcase(s, limits);
	tcase_add_checked_fixture(prices, set_up, tear_down);
	tcase_set_timeout(prices, 60);
	tcase_add_test(prices, a_price_is_met_once);
	tcase_add_test(prices, only_what_came_after_it);
	tcase_add_test(prices, one_that_came_into_sight_late);
	tcase_add_test(prices, one_that_was_under_way_counts);
	tcase_add_test(prices, one_that_was_seen_does_not_count);
	tcase_add_test(prices, more_than_are_read_at_once);
	suite_add_tcase(s, prices);
	return s;
}
