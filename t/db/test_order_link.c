/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_order_link.c - an order and its strategy or bot, whoever dies between.
 *
 * The matcher is the real one; the settler's rows are written here, and what
 * "placing" does is told by each case.  And how an order is found by what its
 * client called it, which is how a link finds it too.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/session.h"
#include "base/clock.h"
#include "domain/core.h"
#include "domain/order_link.h"
#include "domain/settled.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"

#define OK(expr) ck_assert_int_eq(expr, ST_OK)

static struct ctx *ctx;
static struct session session;
static struct settled_pool pool;
static pid_t matcherd;

/* ---- A stack ----------------------------------------------------------- */

static uint64_t
core_seq(void)
{
	struct stats_answer stats;

	OK(core_stats(ctx, &stats));
	return stats.seq;
}

static void
set_applied(uint64_t seq)
{
	char sql[160];

	snprintf(sql, sizeof(sql),
		"INSERT INTO settle_state VALUES (1, REPEAT('j', 16), %llu, "
		"NOW(6), NOW(6)) ON DUPLICATE KEY UPDATE applied_seq = "
		"VALUES(applied_seq)",
		(unsigned long long)seq);
	server_sql(STACK_DATABASE, sql);
}

/* One whom the core knows. */
static void
make_user(void)
{
	struct cmd_user_create create = {
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create, 7),
		.intent = ident_random(ctx->now_us),
		.public_id = ident_random(ctx->now_us),
	};
	struct guard_request question = {.user = 7};
	struct guard_answer answer;

	OK(core_command(ctx, &create.head, NULL));
	OK(core_ask(ctx, &question, &answer));
	session = (struct session){.id = ident_random(ctx->now_us),
		.user = 7,
		.epoch = answer.epoch};
	ctx->session = &session;
}

static void
set_up(void)
{
	const char *output;
	char path[128];

	stack_reset();
	ck_assert_msg(stack_ctl("migrate", &output) == 0, "%s", output);
	ctx = server_ctx(STACK_DATABASE);
	ctx->now_us = clock_wall_us();
	memset(&pool, 0, sizeof(pool));
	snprintf(path, sizeof(path), "%s/stack/settler", server_dir());
	ctx->settled = settled_new(path, &pool, 8);
	matcherd = stack_matcherd();
	snprintf(path, sizeof(path), "%s/stack/matcher", server_dir());
	ctx->core = core_new(path);
	make_user();
}

static void
tear_down(void)
{
	core_free(ctx->core);
	ck_assert_int_eq(stack_end(matcherd, SIGTERM), 0);
	settled_free(ctx->settled);
	server_ctx_free(ctx);
}

static int64_t
rows(const char *where)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM order_links %s",
		where);
	return server_number(STACK_DATABASE, sql);
}

/* ---- Around an order --------------------------------------------------- */

static struct {
	enum status answer;
	struct ident order;
	char client_id[CLIENT_ID_MAX + 1];
	int64_t rows_meanwhile;
	int calls;
	bool duplicate;
	const char *workerd_does; /* SQL, meanwhile */
} placing;

static enum status
place(struct ctx *c, const struct order_ticket *ticket,
	struct order_receipt *out)
{
	(void)c;
	placing.calls++;
	placing.rows_meanwhile = rows("WHERE order_id IS NULL");
	snprintf(placing.client_id, sizeof(placing.client_id), "%s",
		ticket->client_id);
	if (placing.workerd_does)
		server_sql(STACK_DATABASE, placing.workerd_does);
	if (placing.answer == ST_OK)
		*out = (struct order_receipt){
			.order = {.id = placing.order,
				.opened_us = clock_wall_us()},
			.duplicate = placing.duplicate};
	return placing.answer;
}

static enum status
send(enum status answer, struct ident bot, const char *client_id)
{
	struct order_ticket ticket = {.bot = bot, .client_id = client_id};
	struct order_receipt receipt;

	placing.answer = answer;
	return order_link_around(ctx, &ticket, place, &receipt);
}

static const struct ident bot = {"the first bot .."};
static const struct ident other_bot = {"the other bot .."};

START_TEST(a_promise_is_kept)
{
	placing.order = ident_random(ctx->now_us);
	OK(send(ST_OK, bot, NULL));
	/* It was written before, under a client id that was made for it. */
	ck_assert_int_eq(placing.rows_meanwhile, 1);
	ck_assert_uint_eq(strlen(placing.client_id), 36);
	ck_assert_int_eq(rows("WHERE bot_id = 'the first bot ..' "
			      "AND order_id IS NOT NULL AND user_id = 7"),
		1);
	ck_assert_int_eq(pool.places[0], 0);
}
END_TEST

START_TEST(a_refusal_leaves_nothing)
{
	ck_assert_int_eq(send(ST_NO_FUNDS, bot, "a"), ST_NO_FUNDS);
	ck_assert_int_eq(placing.rows_meanwhile, 1);
	ck_assert_int_eq(rows(""), 0);
}
END_TEST

START_TEST(what_is_unknown_stays_open)
{
	ck_assert_int_eq(
		send(ST_OUTCOME_UNKNOWN, bot, "a"), ST_OUTCOME_UNKNOWN);
	ck_assert_int_eq(rows("WHERE order_id IS NULL AND client_id = 'a'"), 1);
}
END_TEST

START_TEST(the_same_again_is_the_same)
{
	placing.order = ident_random(ctx->now_us);
	OK(send(ST_OK, bot, "a"));
	placing.duplicate = true;
	OK(send(ST_OK, bot, "a"));
	ck_assert_int_eq(rows(""), 1);
	ck_assert_int_eq(send(ST_OK, other_bot, "a"), ST_CONFLICT);
	ck_assert_str_eq(ctx->fault.field, "client_order_id");
	ck_assert_int_eq(rows("WHERE bot_id = 'the first bot ..'"), 1);
	ck_assert_int_eq(rows(""), 1);
}
END_TEST

/* Its first time was not by way of us. */
START_TEST(an_order_of_none_gets_no_link)
{
	placing.order = ident_random(ctx->now_us);
	placing.duplicate = true;
	ck_assert_int_eq(send(ST_OK, bot, "a"), ST_CONFLICT);
	ck_assert_str_eq(ctx->fault.field, "client_order_id");
	ck_assert_int_eq(rows(""), 0);
}
END_TEST

/* The first time's answer was lost, so its row is open still. */
START_TEST(the_same_again_before_the_first_is_known)
{
	placing.order = ident_random(ctx->now_us);
	ck_assert_int_eq(
		send(ST_OUTCOME_UNKNOWN, bot, "a"), ST_OUTCOME_UNKNOWN);
	placing.duplicate = true;
	ck_assert_int_eq(send(ST_OK, other_bot, "a"), ST_CONFLICT);
	ck_assert_int_eq(rows(""), 1);
	ck_assert_int_eq(send(ST_OK, bot, "b"), ST_CONFLICT);
	OK(send(ST_OK, bot, "a"));
	ck_assert_int_eq(rows("WHERE bot_id = 'the first bot ..' "
			      "AND order_id IS NOT NULL"),
		1);
}
END_TEST

/* We stood still so long that the promise was given up. */
START_TEST(a_promise_that_was_dropped_is_made_again)
{
	placing.order = ident_random(ctx->now_us);
	placing.workerd_does = "DELETE FROM order_links";
	OK(send(ST_OK, bot, "a"));
	ck_assert_int_eq(rows("WHERE bot_id = 'the first bot ..' "
			      "AND order_id IS NOT NULL AND user_id = 7 "
			      "AND client_id = 'a'"),
		1);
}
END_TEST

/* Or kept, by somebody else. */
START_TEST(a_promise_that_was_kept_stays)
{
	placing.order = (struct ident){"the first order."};
	placing.workerd_does =
		"UPDATE order_links SET order_id = 'the first order.'";
	OK(send(ST_OK, bot, "a"));
	ck_assert_int_eq(rows("WHERE order_id = 'the first order.'"), 1);
	ck_assert_int_eq(rows(""), 1);
}
END_TEST

START_TEST(another_ones_strategy_is_none)
{
	struct order_ticket ticket = {.strategy = ident_random(ctx->now_us)};
	struct order_receipt receipt;

	ck_assert_int_eq(order_link_around(ctx, &ticket, place, &receipt),
		ST_INVALID);
	ck_assert_str_eq(ctx->fault.field, "strategy_id");
	ck_assert_int_eq(placing.calls, 0);
	ck_assert_int_eq(rows(""), 0);
}
END_TEST

START_TEST(an_ended_session_writes_nothing)
{
	session.epoch++;
	ck_assert_int_eq(send(ST_OK, bot, "a"), ST_UNAUTHENTICATED);
	ck_assert_int_eq(placing.calls, 0);
	ck_assert_int_eq(rows(""), 0);
}
END_TEST

/* Of 8 workers 2 may wait for MySQL, and they do. */
START_TEST(only_a_few_at_a_time)
{
	pool.places[0] = 1001;
	pool.places[1] = 1002;
	ck_assert_int_eq(send(ST_OK, bot, "a"), ST_UNAVAILABLE);
	ck_assert_int_eq(placing.calls, 0);
	settled_pool_bury(&pool, 1002);
	OK(send(ST_OK, bot, "a"));
	ck_assert_int_eq(pool.places[1], 0);
}
END_TEST

/* ---- What was left open ------------------------------------------------ */

#define AGE_US (40 * US_PER_SECOND)

/* An order of ours, opened so long before the open row was written. */
static struct ident
settled_order(const char *client_id, uint32_t user, int64_t before_us)
{
	int64_t opened_us = clock_wall_us() - AGE_US - before_us;
	struct ident id = ident_random(opened_us);

	OK(db_exec(ctx,
		"INSERT INTO orders VALUES (?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 1, "
		"1, 0, 0, 0, 0, 0, ?, ?, NULL, NULL, ?, 1, NULL, NULL, NULL)",
		DB_IN(db_ident(id), db_u64(user), db_text(client_id),
			db_time(opened_us), db_time(opened_us)),
		NULL));
	OK(db_exec(ctx, "INSERT INTO order_names VALUES (?, ?, ?)",
		DB_IN(db_u64(user), db_text(client_id), db_ident(id)), NULL));
	return id;
}

static void
open_row(const char *client_id)
{
	OK(db_exec(ctx,
		"INSERT INTO order_links VALUES (?, 7, ?, NULL, NULL, ?, ?)",
		DB_IN(db_ident(ident_random(ctx->now_us)), db_text(client_id),
			db_ident(bot), db_time(clock_wall_us() - AGE_US)),
		NULL));
}

static void
settle(size_t want)
{
	size_t n = 99;

	ctx->now_us = clock_wall_us();
	OK(order_links_settle(ctx, &n));
	ck_assert_uint_eq(n, want);
}

START_TEST(an_open_row_finds_its_order)
{
	struct ident id = settled_order("a", 7, 0);
	struct ident found;

	settled_order("b", 7, 0);           /* another name */
	settled_order("a", 8, 0);           /* another user */
	settled_order("a", 7, US_PER_HOUR); /* the name's use before */
	open_row("a");
	open_row("a"); /* it was sent twice */
	set_applied(core_seq());
	settle(2);
	ck_assert_int_eq(rows(""), 1);
	OK(db_one(ctx, "SELECT order_id FROM order_links", DB_NOTHING,
		DB_OUT(db_to_ident(&found))));
	ck_assert(ident_equal(found, id));
	settle(0);
}
END_TEST

START_TEST(one_without_an_order_goes)
{
	settled_order("a", 7, US_PER_MINUTE);
	open_row("a");
	set_applied(core_seq());
	settle(1);
	ck_assert_int_eq(rows(""), 0);
}
END_TEST

/* The order may be among what the settler has not read yet. */
START_TEST(nothing_is_decided_before_all_is_settled)
{
	open_row("a");
	set_applied(core_seq() - 1);
	settle(0);
	ck_assert_int_eq(rows("WHERE order_id IS NULL"), 1);
}
END_TEST

START_TEST(a_young_row_is_left_alone)
{
	ck_assert_int_eq(
		send(ST_OUTCOME_UNKNOWN, bot, "a"), ST_OUTCOME_UNKNOWN);
	set_applied(core_seq());
	settle(0);
	ck_assert_int_eq(rows(""), 1);
}
END_TEST

/* ---- By its client's name ---------------------------------------------- */

#define ORDERS 2000

/* THOUSANDS of user 7, all filled, "mine-1" and so on. */
static void
write_orders(int thousands)
{
	char text[800];

	server_sql(STACK_DATABASE,
		"INSERT INTO instruments VALUES "
		"(1, 'A/B', 1, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, NULL, 1, "
		"NOW(6))");
	snprintf(text, sizeof(text),
		"INSERT INTO orders (id, user_id, instrument_id, side, type, "
		"tif, stp, flags, status, reason, price, quantity, "
		"quote_budget, stop_price, filled, quote, fee, client_id, "
		"opened_at, updated_at, seq) WITH RECURSIVE n (i) AS "
		"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
		"SELECT UNHEX(LPAD(HEX(a.i * 1000 + b.i), 32, '0')), 7, 1, 0, "
		"0, 0, 0, 0, 2, 1, 1, 1, 0, 0, 1, 1, 0, "
		"CONCAT('mine-', (a.i - 1) * 1000 + b.i), NOW(6), NOW(6), 1 "
		"FROM n a JOIN n b WHERE a.i <= %d",
		thousands);
	server_sql(STACK_DATABASE, text);
	server_sql(STACK_DATABASE,
		"INSERT INTO order_names SELECT user_id, client_id, id "
		"FROM orders");
	server_sql(STACK_DATABASE, "ANALYZE TABLE orders");
	ck_assert_int_eq(server_number(STACK_DATABASE,
				 "SELECT COUNT(*) FROM orders"),
		thousands * 1000);
}

/* What this connection has read of tables and indexes so far. */
static uint64_t
entries_read(void)
{
	const char *name, *value;
	struct db_rows *found;
	uint64_t sum = 0;

	OK(db_query(ctx,
		"SHOW SESSION STATUS WHERE Variable_name IN "
		"('Handler_read_key', 'Handler_read_next', "
		"'Handler_read_prev', 'Handler_read_rnd_next')",
		DB_NOTHING, &found));
	ck_assert_uint_eq(db_count(found), 4);
	while (db_next(found, DB_OUT(db_to_text(&name), db_to_text(&value))))
		sum += strtoull(value, NULL, 10);
	return sum;
}

/* Nor does he who asks for what there is not keep others waiting. */
START_TEST(a_name_is_found_without_reading_the_others)
{
	struct order order;
	uint64_t before;

	write_orders(ORDERS / 1000);
	set_applied(core_seq());
	before = entries_read();
	OK(order_get_client(ctx, "mine-1", &order));
	ck_assert_str_eq(order.client_id, "mine-1");
	ck_assert_int_eq(order_get_client(ctx, "nobody's", &order),
		ST_NOT_FOUND);
	ck_assert_uint_lt(entries_read() - before, ORDERS / 10);
}
END_TEST

/* ---- Lists ------------------------------------------------------------- */

/* Twice as far as a list goes back. */
#define MANY (2 * ORDER_LIST_MOST)

static struct order_list
listed(struct order_filter filter)
{
	struct order_list list;

	filter.limit = filter.limit ? filter.limit : 10;
	OK(order_list(ctx, &filter, &list));
	return list;
}

/* The N oldest of the many: LIVE again, and of instrument 2 and BOT. */
static void
revive(int n)
{
	char text[160];

	server_sql(STACK_DATABASE,
		"INSERT INTO instruments VALUES "
		"(2, 'C/B', 3, 2, 2, 1, 1, 1, 0, 0, 0, 0, 0, 0, NULL, 1, "
		"NOW(6))");
	snprintf(text, sizeof(text),
		"UPDATE orders SET status = 0, instrument_id = 2 "
		"ORDER BY id LIMIT %d",
		n);
	server_sql(STACK_DATABASE, text);
	server_sql(STACK_DATABASE,
		"INSERT INTO order_links SELECT id, 7, client_id, id, NULL, "
		"'the first bot ..', NOW(6) FROM orders "
		"WHERE status = 0 OR client_id IN ('mine-99999', 'mine-100000')");
}

/*
 * However many one has, and however few of them are looked for: a list is of
 * the newest, and no reading of the others goes before it.
 */
START_TEST(a_list_goes_only_so_far_back)
{
	struct market other = {.number = 2};
	struct order_list list;

	write_orders(MANY / 1000);
	revive(3);
	set_applied(core_seq());
	list = listed((struct order_filter){.limit = 10});
	ck_assert_int_eq(list.total, ORDER_LIST_MOST);
	ck_assert_str_eq(list.rows[0].client_id, "mine-100000");
	list = listed((struct order_filter){.offset = ORDER_LIST_MOST - 1});
	ck_assert_uint_eq(list.n, 1);
	ck_assert_str_eq(list.rows[0].client_id, "mine-50001");
	list = listed((struct order_filter){
		.statuses = ORDER_IS(ORDER_FILLED), .partly = PARTLY_FILLED});
	ck_assert_int_eq(list.total, ORDER_LIST_MOST);
	list = listed((struct order_filter){.market = &other});
	ck_assert_int_eq(list.total, 0);
	ck_assert_uint_eq(list.n, 0);
	list = listed((struct order_filter){.bot = bot});
	ck_assert_int_eq(list.total, 2);
	ck_assert_str_eq(list.rows[1].client_id, "mine-99999");
	list = listed((struct order_filter){.statuses = ORDER_NEVER});
	ck_assert_int_eq(list.total, 0);
}
END_TEST

/*
 * What a list may read: an index once for the oldest that counts, once more for
 * a total that is neither that bound nor seen on the page, and what stands
 * before the page; and then the page.
 */
#define A_PAGE 100

static const struct market one = {.number = 1};
static const struct market nobodys = {.number = 2};
static const struct {
	struct order_filter filter;
	int64_t total;
	uint64_t walks; /* of ORDER_LIST_MOST entries */
} costs[] = {
	{{0}, ORDER_LIST_MOST, 1},
	{{.offset = ORDER_LIST_MOST - 20}, ORDER_LIST_MOST, 2},
	{{.statuses = ORDER_IS(ORDER_FILLED)}, ORDER_LIST_MOST, 2},
	{{.statuses = ORDER_IS(ORDER_CANCELLED)}, 0, 1},
	{{.statuses = ORDER_NEVER}, 0, 1},
	{{.market = &one}, ORDER_LIST_MOST, 2},
	{{.market = &nobodys}, 0, 2},
	{{.statuses = ORDER_IS(ORDER_FILLED), .market = &one}, ORDER_LIST_MOST,
		2},
	{{.bot = {"the first bot .."}}, ORDER_LIST_MOST, 2},
	{{.strategy = {"the first plan ."}}, ORDER_LIST_MOST, 2},
	{{.bot = {"the other bot .."}}, 0, 1},
	{{.statuses = ORDER_LIVE}, 0, 0},
	{{.statuses = ORDER_LIVE, .bot = {"the first bot .."}}, 0, 0},
};

START_TEST(a_list_reads_a_page_and_counts_in_an_index)
{
	struct order_list list;
	uint64_t before;
	size_t i;

	write_orders(3 * ORDER_LIST_MOST / 1000);
	server_sql(STACK_DATABASE,
		"INSERT INTO order_links SELECT id, 7, client_id, id, "
		"'the first plan .', 'the first bot ..', NOW(6) FROM orders "
		"ORDER BY id DESC LIMIT 60000");
	set_applied(core_seq());
	for (i = 0; i < N_ELEMENTS(costs); i++) {
		before = entries_read();
		list = listed(costs[i].filter);
		ck_assert_msg(entries_read() - before <
				      costs[i].walks * ORDER_LIST_MOST + A_PAGE,
			"list %zu reads %llu", i,
			(unsigned long long)(entries_read() - before));
		ck_assert_msg(list.total == costs[i].total, "list %zu has %lld",
			i, (long long)list.total);
		ck_assert_uint_eq(list.n, list.total > 0 ? 10 : 0);
	}
}
END_TEST

/* Those that still live are listed however old, and found at once. */
START_TEST(live_ones_are_listed_however_old)
{
	struct market other = {.number = 2};
	struct order_filter ask[] = {
		{.statuses = ORDER_LIVE},
		{.statuses = ORDER_IS(ORDER_OPEN)},
		{.statuses = ORDER_LIVE, .market = &other},
		{.statuses = ORDER_IS(ORDER_OPEN), .partly = PARTLY_FILLED},
		{.statuses = ORDER_LIVE, .bot = bot},
	};
	struct order_list list;
	uint64_t before;
	size_t i;

	write_orders(MANY / 1000);
	revive(3);
	set_applied(core_seq());
	before = entries_read();
	for (i = 0; i < N_ELEMENTS(ask); i++) {
		list = listed(ask[i]);
		ck_assert_int_eq(list.total, 3);
		ck_assert_uint_eq(list.n, 3);
		ck_assert_str_eq(list.rows[0].client_id, "mine-3");
	}
	ck_assert_int_eq(
		listed((struct order_filter){.statuses = ORDER_LIVE,
			.partly = PARTLY_NOT}).total,
		0);
	ck_assert_uint_lt(entries_read() - before, MANY / 10);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("order link");
	TCase *links = tcase_create("links");

	server_start();
	stack_start();
	tcase_add_checked_fixture(links, set_up, tear_down);
	tcase_set_timeout(links, 60);
	tcase_add_test(links, a_promise_is_kept);
	tcase_add_test(links, a_refusal_leaves_nothing);
	tcase_add_test(links, what_is_unknown_stays_open);
	tcase_add_test(links, the_same_again_is_the_same);
	tcase_add_test(links, an_order_of_none_gets_no_link);
	tcase_add_test(links, the_same_again_before_the_first_is_known);
	tcase_add_test(links, a_promise_that_was_dropped_is_made_again);
	tcase_add_test(links, a_promise_that_was_kept_stays);
	tcase_add_test(links, another_ones_strategy_is_none);
	tcase_add_test(links, an_ended_session_writes_nothing);
	tcase_add_test(links, only_a_few_at_a_time);
	tcase_add_test(links, an_open_row_finds_its_order);
	tcase_add_test(links, one_without_an_order_goes);
	tcase_add_test(links, nothing_is_decided_before_all_is_settled);
	tcase_add_test(links, a_young_row_is_left_alone);
	tcase_add_test(links, a_name_is_found_without_reading_the_others);
	tcase_add_test(links, a_list_goes_only_so_far_back);
	tcase_add_test(links, a_list_reads_a_page_and_counts_in_an_index);
	tcase_add_test(links, live_ones_are_listed_however_old);
	suite_add_tcase(s, links);
	return s;
}
