/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_settle.c - what the engine did is in MySQL once, and only once.
 *
 * Records come from the real engine, so the truth is at hand: its balances are
 * compared with those of the tables, and the auditors' own reports must be
 * empty after every kind of mishap.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "settle/mysql_sink.h"
#include "t/db/exchange.h"
#include "t/db/proxy.h"
#include "t/db/server.h"
#include "t/harness/suite.h"
#include "wire/event.h"

#define DATABASE "settle"
#define USERS 40

static struct exchange *exchange;
static struct settle_batch *batch;
static struct ctx *ctx;
static struct settle_sink *sink;
static const struct ident journal = {{1, 2, 3}};

static void
connect_to(const char *database)
{
	ctx = server_ctx(database);
	sink = mysql_sink_new(ctx);
}

static void
disconnect(void)
{
	mysql_sink_free(sink);
	server_ctx_free(ctx);
}

static void
empty(const char *database)
{
	static const char *const tables[] = {"core_users", "core_revocations",
		"core_limits", "core_withdrawals", "assets", "instruments",
		"orders", "order_names", "trades", "ledger", "balances",
		"house_balances",
		"positions", "core_risk", "core_cancel_after",
		"candles_1m", "candles_1h", "candles_1d", "settle_state"};
	char sql[64];
	size_t i;

	for (i = 0; i < N_ELEMENTS(tables); i++) {
		snprintf(sql, sizeof(sql), "TRUNCATE %s", tables[i]);
		server_sql(database, sql);
	}
}

static void
set_up(void)
{
	empty(DATABASE);
	exchange = exchange_new(USERS, 7);
	batch = settle_batch_new();
	connect_to(DATABASE);
}

static void
tear_down(void)
{
	disconnect();
	settle_batch_free(batch);
	exchange_free(exchange);
}

#define OK(expr)                                                               \
	do {                                                                   \
		enum status got_ = (expr);                                     \
		ck_assert_msg(got_ == ST_OK, "%s: %s (%s)", #expr,             \
			status_name(got_), sink->reason(sink));                \
	} while (0)

static int64_t
number(const char *sql)
{
	return server_number(DATABASE, sql);
}

/* Gather N records into an empty batch. */
static void
gather(size_t n)
{
	settle_batch_clear(batch);
	for (; n > 0; n--)
		ck_assert_msg(settle_batch_add(
				      batch, exchange_next(exchange)) == ST_OK,
			"%s", batch->reason);
}

static void
settle(size_t n)
{
	gather(n);
	OK(sink->write(sink, batch));
}

/* ---- The truth -------------------------------------------------------- */

static void
compare_balances(void)
{
	const struct engine *engine = exchange_engine(exchange);
	struct db_rows *rows;
	struct decimal available, held;
	uint32_t user;
	uint16_t asset;
	size_t n = 0;

	OK(db_query(ctx,
		"SELECT user_id, asset_id, available, held FROM balances",
		DB_NOTHING, &rows));
	while (db_next(rows,
		DB_OUT(db_to_u32(&user), db_to_u16(&asset),
			db_to_decimal(&available), db_to_decimal(&held)))) {
		struct balance want = engine_balance(engine, user, asset);

		ck_assert_int_eq(available.units, want.available);
		ck_assert_int_eq(held.units, want.held);
		n++;
	}
	ck_assert_uint_eq(n, USERS * EXCHANGE_ASSETS);
	OK(db_query(ctx,
		"SELECT account, asset_id, balance FROM house_balances",
		DB_NOTHING, &rows));
	while (db_next(rows, DB_OUT(db_to_u32(&user), db_to_u16(&asset),
				     db_to_decimal(&available))))
		ck_assert_int_eq(available.units,
			engine_house(engine, (enum account_kind)user, asset));
}

static void
compare_counts(void)
{
	const struct engine *engine = exchange_engine(exchange);

	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"),
		(int64_t)engine_trades(engine));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders WHERE status < 2"),
		(int64_t)engine_open_orders(engine));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM core_users"), USERS);
	ck_assert_int_eq(number("SELECT applied_seq FROM settle_state"),
		(int64_t)engine_seq(engine));
	ck_assert_int_eq(number("SELECT SUM(trades) FROM candles_1m"),
		(int64_t)engine_trades(engine));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM (SELECT SUM(volume) v, "
				"(SELECT SUM(quantity) FROM trades) q FROM "
				"candles_1m) x "
				"WHERE v <> q"),
		0);
}

/* Whatever was bought is in one position, once. */
static void
compare_positions(void)
{
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM (SELECT SUM(quantity) AS q, "
		       "SUM(quote) AS v FROM trades) t JOIN "
		       "(SELECT SUM(bought) AS q, SUM(bought_quote) AS v "
		       "FROM positions) p ON p.q = t.q AND p.v = t.v"),
		1);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM positions WHERE "
		       "(closed_at IS NULL) <> (quantity > 0) OR "
		       "(quantity = 0 AND cost <> 0)"),
		0);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM (SELECT COUNT(*) AS n FROM "
		       "positions WHERE closed_at IS NULL "
		       "GROUP BY user_id, instrument_id HAVING n > 1) x"),
		0);
}

static void
check_reports(void)
{
	ck_assert_int_eq(number("SELECT COUNT(*) FROM report_asset_sums"),
		EXCHANGE_ASSETS);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM report_asset_sums "
				"WHERE difference <> 0"),
		0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM "
				"report_unbalanced_postings"),
		0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM "
				"report_balance_differences"),
		0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM "
				"report_order_differences"),
		0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM "
				"report_trade_differences"),
		0);
}

static void
check_all(void)
{
	compare_balances();
	compare_counts();
	compare_positions();
	check_reports();
}

static void
begin(void)
{
	OK(sink->adopt(sink, journal));
	settle(exchange_beginning(exchange));
}

/* ---- Rows ------------------------------------------------------------- */

START_TEST(all_is_there)
{
	begin();
	settle(3000);
	settle(1);
	settle(2000);
	check_all();
	/* The stream had all kinds of them, or this proves little. */
	ck_assert_int_gt(number("SELECT COUNT(*) FROM trades"), 500);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM core_withdrawals "
				"WHERE state = 1"),
		0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM core_withdrawals "
				"WHERE state = 2"),
		0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM core_limits"), 0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM core_revocations"), 0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM orders WHERE "
				"client_id LIKE 'client%'"),
		0);
	ck_assert_int_gt(
		number("SELECT COUNT(*) FROM ledger WHERE cause = 13"), 0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM instruments WHERE "
				"reference_price = 50000 AND base_id = id + 1 "
				"AND quote_id = 0 "
				"AND tick = 0.01 AND lot = 0.000001 AND "
				"maker_rate = 1000"),
		EXCHANGE_INSTRUMENTS);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM assets WHERE "
				"code IN ('USD', 'BTC', 'ETH')"),
		EXCHANGE_ASSETS);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM orders WHERE type = 4 "
				"AND triggered_at IS NOT NULL"),
		0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM orders a JOIN orders b "
				"ON b.id = a.pair_id AND a.id = b.pair_id "
				"WHERE a.reason = 11"),
		0);
	ck_assert_int_gt(
		number("SELECT COUNT(*) FROM core_risk WHERE watched = 1"), 0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM core_cancel_after"), 0);
	ck_assert_int_gt(number("SELECT COUNT(*) FROM assets "
				"WHERE usd_rate > 0"),
		0);
}
END_TEST

/* How the stream is cut into batches must not show in the rows. */
START_TEST(batches_do_not_show)
{
	static const char *const tables[] = {"core_users", "core_revocations",
		"core_limits", "core_withdrawals", "assets", "instruments",
		"orders", "trades", "ledger", "balances", "house_balances",
		"positions", "core_risk", "core_cancel_after",
		"candles_1m", "candles_1h", "candles_1d"};
	uint64_t left;
	char sql[128];
	size_t i;

	begin();
	settle(800);
	server_database("again");
	server_schema("again");
	disconnect();
	exchange_free(exchange);
	exchange = exchange_new(USERS, 7);
	ctx = server_ctx_with(&(struct db_options){.socket = server_socket(),
		.database = "again",
		.user = "root",
		.answer_s = 30,
		.plain_bulk = _i == 1});
	sink = mysql_sink_new(ctx);
	OK(sink->adopt(sink, journal));
	left = exchange_beginning(exchange) + 800;
	for (i = 1; left > 0; left -= i, i = i % 7 + 1) {
		if (i > left)
			i = left;
		settle(i);
	}
	for (i = 0; i < N_ELEMENTS(tables); i++) {
		struct db_rows *rows;
		int64_t first, second;

		snprintf(sql, sizeof(sql),
			"CHECKSUM TABLE settle.%s, again.%s EXTENDED",
			tables[i], tables[i]);
		OK(db_query(ctx, sql, DB_NOTHING, &rows));
		ck_assert(
			db_next(rows, DB_OUT(db_to_skip(), db_to_i64(&first))));
		ck_assert(db_next(
			rows, DB_OUT(db_to_skip(), db_to_i64(&second))));
		ck_assert_msg(first == second, "%s differs", tables[i]);
	}
	disconnect();
	connect_to(DATABASE);
}
END_TEST

/* ---- Exactly once ----------------------------------------------------- */

START_TEST(a_new_process_goes_on)
{
	struct ident found = IDENT_NONE;
	uint64_t applied = 0;
	int i;

	ck_assert_int_eq(
		sink->position(sink, &found, &applied, batch), ST_NOT_FOUND);
	begin();
	for (i = 0; i < 10; i++) {
		gather(100);
		if (i % 2)
			OK(sink->write(sink, batch));
		/* The process dies here, having written or not. */
		disconnect();
		connect_to(DATABASE);
		OK(sink->position(sink, &found, &applied, batch));
		ck_assert(ident_equal(found, journal));
		ck_assert_uint_eq(applied,
			i % 2 ? batch->last_seq : batch->first_seq - 1);
		OK(sink->write(sink, batch));
		OK(sink->write(sink, batch)); /* it may not know that it did */
	}
	check_all();
}
END_TEST

/* A sink that lost its answers writes again until it has one. */
static void
settle_stubbornly(size_t n)
{
	enum status status;

	gather(n);
	do {
		status = sink->write(sink, batch);
		ck_assert_msg(status == ST_OK || status == ST_OUTCOME_UNKNOWN ||
				      status == ST_UNAVAILABLE,
			"%s: %s", status_name(status), sink->reason(sink));
	} while (status != ST_OK);
}

START_TEST(lost_commits)
{
	struct proxy *proxy;
	int i;

	begin();
	disconnect();
	proxy = proxy_start((enum cut)_i, 2, 100);
	ctx = server_ctx_with(&(struct db_options){.socket = proxy_path(proxy),
		.database = DATABASE,
		.user = "root",
		.answer_s = 30});
	sink = mysql_sink_new(ctx);
	for (i = 0; i < 100; i++)
		settle_stubbornly(20);
	ck_assert_int_ge(proxy_cuts(proxy), 60);
	disconnect();
	proxy_stop(proxy);
	connect_to(DATABASE);
	check_all();
}
END_TEST

START_TEST(the_server_is_killed)
{
	int i;

	begin();
	for (i = 0; i < 3; i++) {
		settle(200);
		server_end(SIGKILL);
		gather(200);
		ck_assert_int_eq(sink->write(sink, batch), ST_UNAVAILABLE);
		server_again();
		OK(sink->write(sink, batch));
	}
	check_all();
}
END_TEST

/* ---- What must not be ------------------------------------------------- */

static struct settle_batch *
batch_of(const struct record *record)
{
	struct settle_batch *own = settle_batch_new();

	memcpy(own->markets, batch->markets, sizeof(own->markets));
	ck_assert_int_eq(settle_batch_add(own, record), ST_OK);
	return own;
}

START_TEST(a_gap_is_refused)
{
	struct settle_batch *own;
	int64_t before;

	begin();
	before = number("SELECT COUNT(*) FROM ledger");
	exchange_next(exchange); /* lost */
	own = batch_of(exchange_next(exchange));
	ck_assert_int_eq(sink->write(sink, own), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(sink->reason(sink), "another settler"));
	ck_assert_int_eq(number("SELECT COUNT(*) FROM ledger"), before);
	settle_batch_free(own);
	/* Within a batch as well. */
	ck_assert_int_eq(
		settle_batch_add(batch, exchange_next(exchange)), ST_INTERNAL);
}
END_TEST

/* A record of our own making. */
struct forged {
	struct record head;
	struct cmd_tick command;
	union {
		struct message head;
		struct ev_order_closed closed;
		struct ev_order_triggered triggered;
		struct ev_posting posting;
		char bytes[128];
	} event;
};

static const struct record *
forge(struct forged *forged, uint16_t type, size_t size)
{
	forged->command.head =
		(struct message){sizeof(forged->command), CMD_TICK, 0};
	forged->event.head.type = type;
	forged->event.head.size = (uint16_t)size;
	forged->head.n_events = 1;
	forged->head.seq = engine_seq(exchange_engine(exchange)) + 1;
	forged->head.time_us = engine_time_us(exchange_engine(exchange));
	forged->head.length = (uint32_t)(sizeof(forged->head) +
					 sizeof(forged->command) + size);
	ck_assert(record_well_formed(&forged->head, forged->head.length));
	return &forged->head;
}

START_TEST(an_unknown_event_halts)
{
	struct forged forged = {0};
	size_t rows;

	begin();
	gather(50);
	rows = settle_batch_size(batch);
	ck_assert_int_eq(settle_batch_add(batch, forge(&forged, EV_END, 16)),
		ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(batch->reason, "event 18"));
	ck_assert_int_eq(
		settle_batch_add(batch, forge(&forged, 0, 16)), ST_INTERNAL);
	/* One that is too short to hold what we need. */
	ck_assert_int_eq(
		settle_batch_add(batch, forge(&forged, EV_POSTING, 48)),
		ST_INTERNAL);
	/* One of a market that was never made. */
	forged.event.closed.instrument = 99;
	ck_assert_int_eq(settle_batch_add(batch,
				 forge(&forged, EV_ORDER_CLOSED,
					 sizeof(struct ev_order_closed))),
		ST_INTERNAL);
	/* What came before is untouched, and can be settled. */
	ck_assert_uint_eq(settle_batch_size(batch), rows);
	OK(sink->write(sink, batch));
	check_all();
}
END_TEST

/* An event that tells little of a row leaves the rest of it alone. */
START_TEST(a_trigger_changes_two_columns)
{
	struct forged forged = {0};
	struct ev_order_triggered *e = &forged.event.triggered;

	begin();
	settle(200);
	OK(db_one(ctx,
		"SELECT id, user_id, instrument_id, side FROM orders "
		"WHERE status = 0 AND filled > 0 LIMIT 1",
		DB_NOTHING,
		DB_OUT(db_to_ident(&e->order), db_to_u32(&e->head.user),
			db_to_u16(&e->instrument), db_to_u8(&e->side))));
	server_sql(DATABASE, "CREATE OR REPLACE TABLE before_it AS "
			     "SELECT * FROM orders");
	server_sql(DATABASE, "UPDATE orders SET status = 1 WHERE status = 0");
	settle_batch_clear(batch);
	OK(settle_batch_add(
		batch, forge(&forged, EV_ORDER_TRIGGERED,
			   offsetof(struct ev_order_triggered, hold))));
	OK(sink->write(sink, batch));
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM orders o JOIN before_it b "
		       "ON o.id = b.id WHERE o.status = 0 AND o.triggered_at = "
		       "o.updated_at AND o.seq = (SELECT applied_seq FROM "
		       "settle_state)"),
		1);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM orders o JOIN before_it b "
		       "ON o.id = b.id AND o.user_id = b.user_id AND o.price = "
		       "b.price "
		       "AND o.quantity = b.quantity AND o.filled = b.filled "
		       "AND "
		       "o.quote = b.quote AND o.fee = b.fee AND o.opened_at = "
		       "b.opened_at AND o.closed_at <=> b.closed_at AND o.type "
		       "= "
		       "b.type AND o.client_id <=> b.client_id AND o.reason = "
		       "b.reason "
		       "AND o.quote_budget = b.quote_budget"),
		number("SELECT COUNT(*) FROM orders"));
	compare_balances();
}
END_TEST

/* A later version's field at the end is none of our business. */
START_TEST(a_longer_event_is_read)
{
	struct forged forged = {0};

	begin();
	settle(50);
	settle_batch_clear(batch);
	forged.event.posting = (struct ev_posting){
		.account = ACCOUNT_FEES, .asset = 2, .after = {77, 0}};
	OK(settle_batch_add(batch,
		forge(&forged, EV_POSTING, sizeof(struct ev_posting) + 8)));
	OK(sink->write(sink, batch));
	ck_assert_int_eq(
		number("SELECT balance * 100000000 FROM "
		       "house_balances WHERE account = 1 AND asset_id = 2"),
		77);
}
END_TEST

START_TEST(an_order_out_of_nowhere_halts)
{
	struct forged forged = {0};
	int64_t orders;

	begin();
	settle(200);
	orders = number("SELECT COUNT(*) FROM orders");
	settle_batch_clear(batch);
	forged.event.closed.order = ident_random(clock_wall_us());
	forged.event.closed.status = ORDER_CANCELLED;
	OK(settle_batch_add(batch, forge(&forged, EV_ORDER_CLOSED,
					   sizeof(struct ev_order_closed))));
	ck_assert_int_eq(sink->write(sink, batch), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(sink->reason(sink), "never opened"));
	/* Nothing of the batch is kept. */
	ck_assert_int_eq(number("SELECT COUNT(*) FROM orders"), orders);
	check_all();
}
END_TEST

START_TEST(a_leg_that_is_there_halts)
{
	char sql[160];

	begin();
	gather(100);
	snprintf(sql, sizeof(sql),
		"INSERT INTO ledger VALUES (%llu, 0, 0, 1, 0, 1, 1, 0, "
		"REPEAT('x', 16), NOW())",
		(unsigned long long)((struct leg_row *)batch->legs.at)->seq);
	server_sql(DATABASE, sql);
	ck_assert_int_eq(sink->write(sink, batch), ST_CONFLICT);
	ck_assert_int_eq(number("SELECT applied_seq FROM settle_state"),
		(int64_t)batch->first_seq - 1);
}
END_TEST

static void
add_cases(TCase *tc)
{
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, all_is_there);
	tcase_add_loop_test(tc, batches_do_not_show, 0, 2);
	tcase_add_test(tc, a_new_process_goes_on);
	tcase_add_loop_test(tc, lost_commits, 0, 3);
	tcase_add_test(tc, a_gap_is_refused);
	tcase_add_test(tc, an_unknown_event_halts);
	tcase_add_test(tc, a_longer_event_is_read);
	tcase_add_test(tc, a_trigger_changes_two_columns);
	tcase_add_test(tc, an_order_out_of_nowhere_halts);
	tcase_add_test(tc, a_leg_that_is_there_halts);
	tcase_add_test(tc, the_server_is_killed);
}

Suite *
suite(void)
{
	Suite *s = suite_create("settle");
	TCase *tc = tcase_create("settle");

	server_start();
	server_schema(DATABASE);
	add_cases(tc);
	suite_add_tcase(s, tc);
	return s;
}
