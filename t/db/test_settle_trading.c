/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_settle_trading.c - positions, stops, pairs, risk and the dead-man
 * switch: one event, and what it leaves in MySQL.
 *
 * The records are of our own making, so that each event stands alone and says
 * what no engine would; test_settle.c has the engine's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "settle/mysql_sink.h"
#include "t/db/server.h"
#include "t/harness/suite.h"
#include "wire/event.h"

#define DATABASE "trading"
#define BEGINNING_US INT64_C(1750000000000000)
#define ONE DECIMAL_ONE

static struct settle_batch *batch;
static struct ctx *ctx;
static struct settle_sink *sink;

/* The record in hand. */
static union {
	struct record head;
	char bytes[16384];
} record;
static size_t used;

#define OK(expr)                                                               \
	do {                                                                   \
		enum status got_ = (expr);                                     \
		ck_assert_msg(got_ == ST_OK, "%s: %s (%s%s)", #expr,           \
			status_name(got_), sink->reason(sink),                 \
			batch->reason);                                        \
	} while (0)

/* ---- Records ---------------------------------------------------------- */

/* The next one, a second after the last. */
static void
begin_record(void)
{
	uint64_t seq = record.head.seq + 1;
	struct cmd_tick tick = {{sizeof(tick), CMD_TICK, 0}};

	memset(record.bytes, 0, sizeof(record.bytes));
	record.head.seq = seq;
	record.head.time_us = BEGINNING_US + (int64_t)seq * US_PER_SECOND;
	memcpy(record.bytes + sizeof(record.head), &tick, sizeof(tick));
	used = sizeof(record.head) + sizeof(tick);
}

/* EVENT, of which only SIZE bytes are written. */
static void
add_event(void *event, size_t size, uint16_t type, uint32_t user)
{
	struct message head = {(uint16_t)size, type, user};

	memcpy(record.bytes + used, event, size);
	memcpy(record.bytes + used, &head, sizeof(head));
	used += size;
	record.head.n_events++;
	record.head.length = (uint32_t)used;
	ck_assert(record_well_formed(&record.head, used));
}

#define ADD(type, user, ...)                                                   \
	ADD_SHORT(sizeof(__VA_ARGS__), type, user, __VA_ARGS__)
#define ADD_SHORT(size, type, user, ...)                                       \
	add_event(&(__VA_ARGS__), size, EV_##type, user)

static enum status
take(void)
{
	return settle_batch_add(batch, &record.head);
}

static void
write_batch(void)
{
	OK(sink->write(sink, batch));
	settle_batch_clear(batch);
}

static void
take_and_write(void)
{
	OK(take());
	write_batch();
}

static struct ident
name(uint64_t number)
{
	return ident_make(1750000000000, 0, number);
}

static int64_t
number(const char *sql)
{
	return server_number(DATABASE, sql);
}

static void
set_up(void)
{
	static const char *const tables[] = {"core_users", "core_limits",
		"core_risk", "core_cancel_after", "assets", "instruments",
		"orders", "order_names", "trades", "ledger", "balances",
		"house_balances",
		"positions", "candles_1m", "settle_state"};
	struct ev_instrument market = {.terms = {.base = 1,
		.symbol = "BTC/USD", .tick = ONE / 100, .lot = ONE / 1000}};
	char sql[64];
	size_t i;

	for (i = 0; i < N_ELEMENTS(tables); i++) {
		snprintf(sql, sizeof(sql), "TRUNCATE %s", tables[i]);
		server_sql(DATABASE, sql);
	}
	batch = settle_batch_new();
	ctx = server_ctx(DATABASE);
	sink = mysql_sink_new(ctx);
	record.head.seq = 0;
	OK(sink->adopt(sink, name(1)));
	begin_record();
	ADD(ASSET, 0, (struct ev_asset){.asset = 0, .code = "USD"});
	ADD(ASSET, 0, (struct ev_asset){.asset = 1, .code = "BTC"});
	add_event(&market, sizeof(market), EV_INSTRUMENT, 0);
	take_and_write();
}

static void
tear_down(void)
{
	mysql_sink_free(sink);
	server_ctx_free(ctx);
	settle_batch_free(batch);
}

/* ---- Positions -------------------------------------------------------- */

/* Orders 100 and 101 of users 7 and 8, which all trades here are of. */
static void
open_orders(void)
{
	uint32_t user;

	begin_record();
	for (user = 7; user < 9; user++)
		ADD(ORDER_OPENED, user,
			(struct ev_order_opened){.order = name(93 + user),
				.side = user == 7 ? SIDE_BUY : SIDE_SELL,
				.price = 10 * ONE,
				.quantity = 100 * ONE});
	take_and_write();
}

/* A trade TRADE of one coin between the two, 7 being the taker. */
static struct ev_trade
trade_of(uint64_t trade, enum side side)
{
	return (struct ev_trade){.trade = name(trade),
		.base = 1,
		.taker_side = (uint8_t)side,
		.price = 10 * ONE,
		.quantity = ONE,
		.quote = 10 * ONE,
		.maker = {.order = name(101), .user = 8},
		.taker = {.order = name(100), .user = 7}};
}

/* A record with a trade after which the taker has this. */
static void
take_trade(uint64_t trade, enum side side, struct position position)
{
	struct ev_trade t = trade_of(trade, side);

	begin_record();
	t.taker_position = position;
	ADD(TRADE, 7, t);
	OK(take());
}

#define POSITION(id_, quantity_, cost_, bought_, bought_quote_, realised_)     \
	(struct position){.id = name(id_),                                     \
		.quantity = (quantity_) * ONE,                                 \
		.cost = (cost_) * ONE,                                         \
		.bought = (bought_) * ONE,                                     \
		.bought_quote = (bought_quote_) * ONE,                         \
		.realised = (realised_) * ONE}

/* Written one by one, or all at once: the same rows. */
START_TEST(a_position_lives_and_ends)
{
	open_orders();
	take_trade(1, SIDE_BUY, POSITION(1, 1, 10, 1, 10, 0));
	if (_i == 0)
		write_batch();
	take_trade(2, SIDE_BUY, POSITION(1, 2, 20, 2, 20, 0));
	if (_i == 0)
		write_batch();
	take_trade(3, SIDE_SELL, POSITION(1, 1, 10, 2, 20, 3));
	if (_i == 0)
		write_batch();
	take_trade(4, SIDE_SELL, POSITION(1, 0, 0, 2, 20, -4));
	if (_i == 0)
		write_batch();
	take_trade(5, SIDE_BUY, POSITION(5, 1, 10, 1, 10, 0));
	write_batch();
	/* Records 3 to 7 are the trades 1 to 5. */
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions"), 2);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM positions p "
		       "JOIN trades o ON o.id = p.id "
		       "JOIN trades c ON c.seq = p.seq "
		       "WHERE p.user_id = 7 AND p.instrument_id = 0 AND "
		       "p.quantity = 0 AND p.cost = 0 AND p.bought = 2 AND "
		       "p.bought_quote = 20 AND p.realised = -4 AND p.seq = 6 "
		       "AND p.opened_at = o.executed_at AND "
		       "p.updated_at = c.executed_at AND "
		       "p.closed_at = c.executed_at AND "
		       "p.opened_at < p.closed_at"),
		1);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM positions p "
		       "JOIN trades o ON o.id = p.id WHERE p.quantity = 1 AND "
		       "p.cost = 10 AND p.closed_at IS NULL AND p.seq = 7 AND "
		       "p.opened_at = o.executed_at AND "
		       "p.updated_at = o.executed_at"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"), 5);
}
END_TEST

/* The taker's side is booked last, also where he is the maker as well. */
START_TEST(a_trade_with_oneself)
{
	struct ev_trade t = trade_of(1, SIDE_SELL);

	open_orders();
	begin_record();
	ADD(ORDER_OPENED, 7,
		(struct ev_order_opened){.order = name(102),
			.side = SIDE_BUY,
			.price = 10 * ONE,
			.quantity = 100 * ONE});
	take_and_write();
	begin_record();
	t.maker.order = name(102);
	t.maker.user = 7;
	t.maker_position = POSITION(1, 1, 10, 1, 10, 0);
	t.taker_position = POSITION(1, 0, 0, 1, 10, 0);
	ADD(TRADE, 7, t);
	take_and_write();
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM positions WHERE quantity = 0 AND "
		       "cost = 0 AND bought = 1 AND opened_at = closed_at"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions"), 1);
}
END_TEST

START_TEST(each_side_has_its_own)
{
	struct ev_trade t = trade_of(2, SIDE_SELL);

	open_orders();
	take_trade(1, SIDE_BUY, POSITION(1, 1, 10, 1, 10, 0));
	begin_record();
	t.taker_position = POSITION(1, 0, 0, 1, 10, 0);
	t.maker_position = POSITION(2, 1, 10, 1, 10, 0);
	ADD(TRADE, 7, t);
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions WHERE "
				"user_id = 7 AND closed_at IS NOT NULL"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions WHERE "
				"user_id = 8 AND closed_at IS NULL"),
		1);
}
END_TEST

/* Of coins that were deposited, and of journals from before positions. */
START_TEST(a_trade_without_positions)
{
	struct ev_trade t = trade_of(1, SIDE_BUY);

	open_orders();
	begin_record();
	if (_i == 0)
		ADD(TRADE, 7, t);
	else
		ADD_SHORT(offsetof(struct ev_trade, maker_position), TRADE, 7,
			t);
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions"), 0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM ledger"), 5);
}
END_TEST

START_TEST(numbers_at_their_ends)
{
	struct position p = {.id = name(1),
		.quantity = INT64_MAX,
		.cost = INT64_MAX,
		.bought = INT64_MAX,
		.bought_quote = INT64_MAX,
		.realised = INT64_MIN};

	open_orders();
	take_trade(1, SIDE_BUY, p);
	write_batch();
	/* The lowest number is kept for "none", and stands one higher. */
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM positions WHERE "
		       "quantity = 92233720368.54775807 AND "
		       "cost = quantity AND bought = quantity AND "
		       "bought_quote = quantity AND "
		       "realised = -92233720368.54775807"),
		1);
}
END_TEST

/* A batch that is written again changes nothing. */
START_TEST(once_is_enough)
{
	open_orders();
	take_trade(1, SIDE_BUY, POSITION(1, 1, 10, 1, 10, 0));
	OK(sink->write(sink, batch));
	write_batch();
	take_trade(2, SIDE_BUY, POSITION(1, 2, 20, 2, 20, 0));
	OK(sink->write(sink, batch));
	write_batch();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions "
				"WHERE quantity = 2 AND seq = 4"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"), 2);
}
END_TEST

START_TEST(a_position_out_of_nowhere_halts)
{
	open_orders();
	take_trade(2, SIDE_BUY, POSITION(1, 2, 20, 2, 20, 0));
	ck_assert_int_eq(sink->write(sink, batch), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(sink->reason(sink), "a position"));
	/* Nothing of the batch is kept. */
	ck_assert_int_eq(number("SELECT COUNT(*) FROM positions"), 0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"), 0);
	ck_assert_int_eq(number("SELECT applied_seq FROM settle_state"), 2);
}
END_TEST

/* ---- Orders ----------------------------------------------------------- */

START_TEST(orders_of_all_kinds)
{
	static const struct ev_order_opened stop = {.type = TYPE_STOP_LOSS,
		.side = SIDE_SELL,
		.status = ORDER_WAITING,
		.stop_price = 9 * ONE,
		.quantity = ONE};
	struct ev_order_opened e = stop;

	open_orders(); /* which are to change in the same batch */
	begin_record();
	e.order = name(200);
	e.pair = name(201);
	ADD(ORDER_OPENED, 7, e);
	e.order = name(201);
	e.pair = name(200);
	ADD(ORDER_OPENED, 7, e);
	e = stop;
	e.order = name(202);
	e.type = TYPE_TRAILING_STOP;
	e.trail = ONE / 2;
	ADD(ORDER_OPENED, 7, e);
	e.order = name(203);
	e.trail = 0;
	e.trail_rate = 5000;
	ADD(ORDER_OPENED, 7, e);
	e = stop;
	e.order = name(204);
	ADD(ORDER_OPENED, 7, e);
	/* As written before there were pairs. */
	e.order = name(205);
	e.client_id_length = 2;
	memcpy(e.client_id, "me", 2);
	ADD_SHORT(offsetof(struct ev_order_opened, pair), ORDER_OPENED, 7, e);
	e.order = name(206);
	ADD_SHORT(ORDER_OPENED_SHORT, ORDER_OPENED, 7, e);
	ADD(ORDER_CLOSED, 8,
		(struct ev_order_closed){.order = name(101),
			.status = ORDER_CANCELLED,
			.reason = CLOSE_OCO,
			.quantity = ONE});
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders"), 9);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM orders a JOIN orders b "
		       "ON a.pair_id = b.id AND b.pair_id = a.id WHERE "
		       "a.trail IS NULL AND a.trail_rate IS NULL"),
		2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders WHERE type = 4 "
				"AND pair_id IS NULL AND ((trail = 0.5 AND "
				"trail_rate = 0) OR (trail = 0 AND "
				"trail_rate = 5000))"),
		2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders WHERE status = 1 "
				"AND stop_price = 9 AND trail IS NULL AND "
				"trail_rate IS NULL AND pair_id IS NULL"),
		3);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders "
				"WHERE client_id = 'me'"),
		1);
	ck_assert_int_eq(number("SELECT reason FROM orders WHERE status = 3"),
		CLOSE_OCO);
}
END_TEST

/* The first version told that it triggered, and no more. */
START_TEST(a_stop_is_triggered)
{
	struct ev_order_triggered e = {.order = name(300),
		.side = SIDE_SELL,
		.last_price = 8 * ONE,
		.hold = ONE,
		.after = {5 * ONE, ONE}};

	begin_record();
	ADD(ORDER_OPENED, 7,
		(struct ev_order_opened){.order = name(300),
			.type = TYPE_STOP_LOSS,
			.side = SIDE_SELL,
			.status = ORDER_WAITING,
			.stop_price = 9 * ONE,
			.quantity = ONE,
			.after = {3 * ONE, 2 * ONE}});
	take_and_write();
	begin_record();
	ADD_SHORT(_i == 0 ? sizeof(e)
			  : offsetof(struct ev_order_triggered, hold),
		ORDER_TRIGGERED, 7, e);
	take_and_write();
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM orders WHERE status = 0 AND "
		       "triggered_at = updated_at AND opened_at < updated_at "
		       "AND stop_price = 9 AND quantity = 1 AND type = 2 AND "
		       "closed_at IS NULL AND seq = 3"),
		1);
	ck_assert_int_eq(number("SELECT available + 10 * held FROM balances "
				"WHERE user_id = 7 AND asset_id = 1"),
		_i == 0 ? 15 : 23);
	/* It holds nothing of the quote asset. */
	ck_assert_int_eq(number("SELECT COUNT(*) FROM balances"), 1);
}
END_TEST

/* Its trades have told what its fills were worth; so both sizes will do. */
START_TEST(an_order_is_amended)
{
	struct ev_order_amended e = {.order = name(100),
		.side = SIDE_BUY,
		.price = 11 * ONE,
		.quantity = 50 * ONE,
		.filled = 2 * ONE,
		.after = {5 * ONE, 528 * ONE},
		.quote = 20 * ONE,
		.fee = ONE / 50};
	struct ev_trade t = trade_of(1, SIDE_BUY);

	open_orders();
	begin_record();
	t.taker.filled = 2 * ONE;
	t.taker.quote = 20 * ONE;
	t.taker.fees = ONE / 50;
	ADD(TRADE, 7, t);
	take_and_write();
	begin_record();
	ADD_SHORT(_i == 0 ? sizeof(e)
			  : offsetof(struct ev_order_amended, quote),
		ORDER_AMENDED, 7, e);
	take_and_write();
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM orders WHERE price = 11 AND "
		       "quantity = 50 AND filled = 2 AND quote = 20 AND "
		       "fee = 0.02 AND status = 0 AND seq = 4"),
		1);
	ck_assert_int_eq(number("SELECT available + held FROM balances "
				"WHERE user_id = 7 AND asset_id = 0"),
		533);
}
END_TEST

/* ---- Users ------------------------------------------------------------ */

START_TEST(risk)
{
	struct ev_risk e = {.equity = 900 * ONE,
		.peak = 1000 * ONE,
		.day_equity = 950 * ONE,
		.day = 20254,
		.watched = 1};

	begin_record();
	ADD(RISK, 7, e);
	e.day_equity = INT64_MIN;
	ADD(RISK, 8, e);
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_risk WHERE "
				"user_id = 7 AND equity = 900 AND peak = 1000 "
				"AND day_equity = 950 AND day = 20254 AND "
				"watched = 1 AND seq = 2"),
		1);
	begin_record();
	e.equity = 800 * ONE;
	ADD(RISK, 7, e);
	ADD(USER, 7,
		(struct ev_user){.public_id = name(7),
			.reduce_only = REDUCE_RISK});
	ADD(RISK, 8, (struct ev_risk){.equity = 0});
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_risk WHERE "
				"user_id = 7 AND equity = 800 AND seq = 3"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_risk WHERE "
				"user_id = 8 AND equity = 0 AND peak = 0 AND "
				"day_equity = 0 AND day = 0 AND watched = 0"),
		1);
	ck_assert_int_eq(number("SELECT reduce_only FROM core_users"),
		REDUCE_RISK);
}
END_TEST

START_TEST(limits_of_all_types)
{
	struct ev_limit e = {.instrument = INSTRUMENT_ANY};

	begin_record();
	for (e.type = 0; e.type < LIMIT_TYPES; e.type++) {
		e.value = e.type == LIMIT_OPEN_ORDERS ? 25
			  : e.type == LIMIT_DRAWDOWN  ? ONE / 5
						      : 1000 * ONE;
		ADD(LIMIT, 7, e);
	}
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_limits WHERE "
				"value = CASE type WHEN 1 THEN 25 "
				"WHEN 4 THEN 0.2 ELSE 1000 END AND "
				"instrument_id = 65535"),
		LIMIT_TYPES);
}
END_TEST

START_TEST(the_dead_man_switch)
{
	begin_record();
	ADD(CANCEL_AFTER, 7,
		(struct ev_cancel_after){
			.due_us = BEGINNING_US + US_PER_HOUR});
	ADD(CANCEL_AFTER, 8, (struct ev_cancel_after){.due_us = 1});
	ADD(CANCEL_AFTER, 8, (struct ev_cancel_after){.due_us = 0});
	take_and_write();
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM core_cancel_after WHERE "
		       "user_id = 7 AND due_at = '2025-06-15 16:06:40' AND "
		       "updated_at = '2025-06-15 15:06:42' AND seq = 2"),
		1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_cancel_after WHERE "
				"user_id = 8 AND due_at IS NULL"),
		1);
	begin_record();
	ADD(CANCEL_AFTER, 7, (struct ev_cancel_after){.due_us = 0});
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_cancel_after WHERE "
				"due_at IS NULL"),
		2);
}
END_TEST

START_TEST(what_an_asset_is_worth)
{
	ck_assert_int_eq(number("SELECT COUNT(*) FROM assets WHERE "
				"usd_rate IS NULL"),
		2);
	begin_record();
	ADD(ASSET, 0, (struct ev_asset){.asset = 2, .code = "ZAR"});
	ADD(ASSET_RATE, 0, (struct ev_asset_rate){.asset = 2, .rate = 1});
	ADD(ASSET_RATE, 0,
		(struct ev_asset_rate){.asset = 2, .rate = 5500000});
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM assets WHERE id = 2 AND "
				"usd_rate = 0.055"),
		1);
	begin_record();
	ADD(ASSET_RATE, 0, (struct ev_asset_rate){.asset = 2, .rate = 0});
	take_and_write();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM assets WHERE "
				"usd_rate = 0"),
		1);
}
END_TEST

/* ---- What cannot be taken --------------------------------------------- */

static const struct {
	uint16_t type;
	size_t size; /* eight bytes less than what is needed */
} cut[] = {
	{EV_CANCEL_AFTER, sizeof(struct ev_cancel_after) - 8},
	{EV_RISK, sizeof(struct ev_risk) - 8},
	{EV_ASSET_RATE, sizeof(struct ev_asset_rate) - 8},
	{EV_TRADE, offsetof(struct ev_trade, maker_position) - 8},
	{EV_ORDER_TRIGGERED, offsetof(struct ev_order_triggered, hold) - 8},
	{EV_ORDER_AMENDED, offsetof(struct ev_order_amended, quote) - 8},
};

START_TEST(an_event_that_is_cut_halts)
{
	static char nothing[512];
	size_t rows = settle_batch_size(batch);

	begin_record();
	add_event(nothing, cut[_i].size, cut[_i].type, 7);
	ck_assert_int_eq(take(), ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(batch->reason, "too short"));
	ck_assert_uint_eq(settle_batch_size(batch), rows);
}
END_TEST

START_TEST(a_stop_of_no_market_halts)
{
	begin_record();
	ADD(ORDER_TRIGGERED, 7, (struct ev_order_triggered){.instrument = 9});
	ck_assert_int_eq(take(), ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(batch->reason, "never made"));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("settle_trading");
	TCase *tc = tcase_create("trading");

	server_start();
	server_schema(DATABASE);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_position_lives_and_ends, 0, 2);
	tcase_add_test(tc, a_trade_with_oneself);
	tcase_add_test(tc, each_side_has_its_own);
	tcase_add_loop_test(tc, a_trade_without_positions, 0, 2);
	tcase_add_test(tc, numbers_at_their_ends);
	tcase_add_test(tc, once_is_enough);
	tcase_add_test(tc, a_position_out_of_nowhere_halts);
	tcase_add_test(tc, orders_of_all_kinds);
	tcase_add_loop_test(tc, a_stop_is_triggered, 0, 2);
	tcase_add_loop_test(tc, an_order_is_amended, 0, 2);
	tcase_add_test(tc, risk);
	tcase_add_test(tc, limits_of_all_types);
	tcase_add_test(tc, the_dead_man_switch);
	tcase_add_test(tc, what_an_asset_is_worth);
	tcase_add_loop_test(
		tc, an_event_that_is_cut_halts, 0, N_ELEMENTS(cut));
	tcase_add_test(tc, a_stop_of_no_market_halts);
	suite_add_tcase(s, tc);
	return s;
}
