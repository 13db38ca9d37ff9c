/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_ledger.c - "quantoractl ledger verify" and "positions verify" find what
 * was tampered with.
 *
 * One history is settled once; each case damages it in another way, and mends
 * it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settle/mysql_sink.h"
#include "t/db/exchange.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"

#define RECORDS 1500

/* Into the journal and, as one batch, into MySQL. */
static void
make_history(void)
{
	struct exchange *exchange = exchange_new(20, 5);
	struct settle_batch *batch = settle_batch_new();
	struct ctx *ctx = server_ctx(STACK_DATABASE);
	struct settle_sink *sink = mysql_sink_new(ctx);
	const char *output;
	int i;

	stack_reset();
	if (stack_ctl("migrate", &output) != 0) {
		fputs(output, stderr);
		abort();
	}
	stack_journal_open();
	if (sink->adopt(sink, stack_journal_identity()) != ST_OK)
		abort();
	for (i = 0; i < RECORDS; i++) {
		const struct record *record = exchange_next(exchange);

		stack_journal_write(record);
		if (settle_batch_add(batch, record) != ST_OK)
			abort();
	}
	if (sink->write(sink, batch) != ST_OK)
		abort();
	stack_journal_close();
	mysql_sink_free(sink);
	server_ctx_free(ctx);
	settle_batch_free(batch);
	exchange_free(exchange);
}

static const struct damage {
	const char *what;
	const char *harm;
	const char *mend;
	const char *told; /* a line of the output begins so */
} damages[] = {
	{"an amount",
		"UPDATE ledger SET amount = amount + 0.00000001 "
		"WHERE cause = 9 AND leg = 0 ORDER BY seq LIMIT 1",
		"UPDATE ledger SET amount = amount - 0.00000001 "
		"WHERE cause = 9 AND leg = 0 ORDER BY seq LIMIT 1",
		"WRONG  the legs of an asset sum to zero"},
	{"an amount moved between two postings",
		"UPDATE ledger SET amount = amount + IF(seq = 61, -1, 1) "
		"WHERE seq IN (60, 61) AND leg = 0",
		"UPDATE ledger SET amount = amount - IF(seq = 61, -1, 1) "
		"WHERE seq IN (60, 61) AND leg = 0",
		"WRONG  the legs of a posting sum to zero"},
	{"a posting that is gone",
		"CREATE TABLE kept AS SELECT * FROM ledger WHERE seq = 60; "
		"DELETE FROM ledger WHERE seq = 60",
		"INSERT INTO ledger SELECT * FROM kept; DROP TABLE kept",
		"WRONG  balances are the sum of their legs"},
	{"a first leg that is gone",
		"CREATE TABLE kept AS SELECT * FROM ledger WHERE seq = 60 AND "
		"leg = 0; DELETE FROM ledger WHERE seq = 60 AND leg = 0",
		"INSERT INTO ledger SELECT * FROM kept; DROP TABLE kept",
		"WRONG  the legs of a posting are all there"},
	{"a balance",
		"UPDATE balances SET available = available + 1 "
		"WHERE user_id = 3 AND asset_id = 1",
		"UPDATE balances SET available = available - 1 "
		"WHERE user_id = 3 AND asset_id = 1",
		"WRONG  balances are the sum of their legs"},
	{"the house's balance",
		"UPDATE house_balances SET balance = balance + 1 "
		"WHERE account = 1 AND asset_id = 0",
		"UPDATE house_balances SET balance = balance - 1 "
		"WHERE account = 1 AND asset_id = 0",
		"WRONG  balances are the sum of their legs"},
	{"a hold, with the total unchanged",
		"UPDATE balances SET available = available - 1, "
		"held = held + 1 WHERE user_id = 3 AND asset_id = 1",
		"UPDATE balances SET available = available + 1, "
		"held = held - 1 WHERE user_id = 3 AND asset_id = 1",
		"WRONG  balances are the matcher's"},
	{"a balance below zero",
		"UPDATE balances SET held = held + available + 1, "
		"available = -1 WHERE user_id = 3 AND asset_id = 1",
		"UPDATE balances b JOIN (SELECT * FROM all_balances) k ON "
		"b.user_id = k.user_id AND b.asset_id = k.asset_id SET "
		"b.held = k.held, b.available = k.available",
		"WRONG  no customer is below zero"},
	{"money out of nothing, well booked",
		"INSERT INTO ledger SELECT 1, leg, account, user_id, asset_id, "
		"amount, balance_after, cause, reference, posted_at FROM "
		"ledger "
		"WHERE seq = 60; "
		"UPDATE balances b JOIN ledger l ON l.seq = 1 AND l.account = "
		"0 "
		"AND b.user_id = l.user_id AND b.asset_id = l.asset_id "
		"SET b.available = b.available + l.amount; "
		"UPDATE house_balances h JOIN ledger l ON l.seq = 1 AND "
		"l.account = h.account AND h.asset_id = l.asset_id "
		"SET h.balance = h.balance + l.amount",
		"UPDATE balances b JOIN ledger l ON l.seq = 1 AND l.account = "
		"0 "
		"AND b.user_id = l.user_id AND b.asset_id = l.asset_id "
		"SET b.available = b.available - l.amount; "
		"UPDATE house_balances h JOIN ledger l ON l.seq = 1 AND "
		"l.account = h.account AND h.asset_id = l.asset_id "
		"SET h.balance = h.balance - l.amount; "
		"DELETE FROM ledger WHERE seq = 1",
		"WRONG  the ledger is complete"},
	{"a trade's quantity",
		"UPDATE trades SET quantity = quantity + 1 ORDER BY id LIMIT 1",
		"UPDATE trades SET quantity = quantity - 1 ORDER BY id LIMIT 1",
		"WRONG  a trade has its five legs"},
	{"a trade that is gone",
		"CREATE TABLE kept AS SELECT * FROM trades ORDER BY id LIMIT "
		"1; "
		"DELETE FROM trades ORDER BY id LIMIT 1",
		"INSERT INTO trades SELECT * FROM kept; DROP TABLE kept",
		"WRONG  a trade has its five legs"},
	{"what an order has filled",
		"UPDATE orders SET filled = filled + 1 ORDER BY id LIMIT 1",
		"UPDATE orders SET filled = filled - 1 ORDER BY id LIMIT 1",
		"WRONG  orders are the sum of their trades"},
	{"an order that is gone",
		"CREATE TABLE kept AS SELECT * FROM orders WHERE filled = 0 "
		"ORDER BY id LIMIT 1; DELETE FROM orders WHERE filled = 0 "
		"ORDER BY id LIMIT 1",
		"INSERT INTO orders SELECT * FROM kept; DROP TABLE kept",
		"WRONG  the orders are complete"},
	{"what an account had after a leg",
		"UPDATE ledger SET balance_after = balance_after + 1 "
		"WHERE seq = 60 AND leg = 0",
		"UPDATE ledger SET balance_after = balance_after - 1 "
		"WHERE seq = 60 AND leg = 0",
		"WRONG  the ledger is the journal's"},
	{"when it was posted",
		"UPDATE ledger SET posted_at = posted_at + INTERVAL 1 "
		"MICROSECOND WHERE seq = 60 AND leg = 0",
		"UPDATE ledger SET posted_at = posted_at - INTERVAL 1 "
		"MICROSECOND WHERE seq = 60 AND leg = 0",
		"WRONG  the ledger is the journal's"},
	{"a trade's price",
		"UPDATE trades SET price = price + 0.01 ORDER BY id LIMIT 1",
		"UPDATE trades SET price = price - 0.01 ORDER BY id LIMIT 1",
		"WRONG  the trades are the journal's"},
	{"whose trade it was",
		"UPDATE trades SET maker_user = maker_user + 1 ORDER BY id "
		"LIMIT 1",
		"UPDATE trades SET maker_user = maker_user - 1 ORDER BY id "
		"LIMIT 1",
		"WRONG  the trades are the journal's"},
	{"an order's price",
		"UPDATE orders SET price = price + 0.01 ORDER BY id LIMIT 1",
		"UPDATE orders SET price = price - 0.01 ORDER BY id LIMIT 1",
		"WRONG  the orders are the journal's"},
	{"the quantity of the newest order",
		"UPDATE orders SET quantity = quantity + 1 ORDER BY id DESC "
		"LIMIT 1",
		"UPDATE orders SET quantity = quantity - 1 ORDER BY id DESC "
		"LIMIT 1",
		"WRONG  the orders are the journal's"},
	{"an order that is open again",
		"CREATE TABLE kept AS SELECT id FROM orders WHERE status = 3 "
		"LIMIT 1; UPDATE orders SET status = 0 WHERE id = "
		"(SELECT id FROM kept)",
		"UPDATE orders SET status = 3 WHERE id = (SELECT id FROM "
		"kept); DROP TABLE kept",
		"WRONG  the orders are the journal's"},
	{"the name of an order that is gone",
		"CREATE TABLE kept AS SELECT * FROM order_names LIMIT 1; "
		"DELETE FROM order_names LIMIT 1",
		"INSERT INTO order_names SELECT * FROM kept; DROP TABLE kept",
		"WRONG  orders are found by their names"},
	{"a name that no order has",
		"INSERT INTO order_names VALUES (3, 'nobody', REPEAT('x', 16))",
		"DELETE FROM order_names WHERE client_id = 'nobody'",
		"WRONG  orders are found by their names"},
	{"a candle", "UPDATE candles_1m SET volume = volume + 1 LIMIT 1",
		"UPDATE candles_1m SET volume = volume - 1 LIMIT 1",
		"WRONG  candles are the sum of their trades"},
	{"an hour", "UPDATE candles_1h SET trades = trades + 1 LIMIT 1",
		"UPDATE candles_1h SET trades = trades - 1 LIMIT 1",
		"WRONG  candles are the sum of their trades"},
	{"a day", "UPDATE candles_1d SET volume = volume + 1 LIMIT 1",
		"UPDATE candles_1d SET volume = volume - 1 LIMIT 1",
		"WRONG  candles are the sum of their trades"},
	{"what a position cost",
		"UPDATE positions SET cost = cost + 1 ORDER BY id LIMIT 1",
		"UPDATE positions SET cost = cost - 1 ORDER BY id LIMIT 1",
		"WRONG  positions are the matcher's"},
	{"a position that is gone",
		"CREATE TABLE kept AS SELECT * FROM positions ORDER BY id "
		"LIMIT 1; DELETE FROM positions ORDER BY id LIMIT 1",
		"INSERT INTO positions SELECT * FROM kept; DROP TABLE kept",
		"WRONG  positions are the matcher's"},
	{"the position",
		"UPDATE settle_state SET applied_seq = applied_seq - 100",
		"UPDATE settle_state SET applied_seq = applied_seq + 100",
		"WRONG  nothing is ahead of the position"},
};

static void
each_statement(const char *text)
{
	char one[2048];
	const char *end;

	for (; *text; text = *end ? end + 2 : end) {
		end = strstr(text, "; ");
		if (!end)
			end = text + strlen(text);
		snprintf(one, sizeof(one), "%.*s", (int)(end - text), text);
		server_sql(STACK_DATABASE, one);
	}
}

START_TEST(a_good_ledger)
{
	const char *output;

	ck_assert_msg(stack_ctl("ledger verify", &output) == 0, "%s", output);
	ck_assert_ptr_null(strstr(output, "WRONG"));
	ck_assert_ptr_nonnull(strstr(output, "all 20 checks are good"));
	ck_assert_ptr_nonnull(strstr(output, "1500 sequences"));
}
END_TEST

START_TEST(a_damaged_ledger)
{
	const struct damage *damage = &damages[_i];
	const char *output;
	int code;

	each_statement(damage->harm);
	code = stack_ctl("ledger verify", &output);
	ck_assert_msg(
		code == 1, "%s: exit code %d\n%s", damage->what, code, output);
	ck_assert_msg(strstr(output, damage->told) != NULL, "%s:\n%s",
		damage->what, output);
	each_statement(damage->mend);
	ck_assert_msg(stack_ctl("ledger verify", &output) == 0,
		"%s, mended:\n%s", damage->what, output);
}
END_TEST

/* ---- positions verify -------------------------------------------------- */

#define POSITIONS "WRONG  positions are what the trades say"
#define CANDLES "WRONG  candles are what the trades say"

/* The last position, so that it is not the one that they begin with. */
static const struct damage folds[] = {
	{"what was left of a position",
		"UPDATE positions SET quantity = quantity + 0.00000001 "
		"ORDER BY id DESC LIMIT 1",
		"UPDATE positions SET quantity = quantity - 0.00000001 "
		"ORDER BY id DESC LIMIT 1",
		POSITIONS},
	{"what it brought",
		"UPDATE positions SET realised = realised - 0.00000001 "
		"ORDER BY id DESC LIMIT 1",
		"UPDATE positions SET realised = realised + 0.00000001 "
		"ORDER BY id DESC LIMIT 1",
		POSITIONS},
	{"when it was opened",
		"UPDATE positions SET opened_at = opened_at - INTERVAL 1 "
		"SECOND ORDER BY id DESC LIMIT 1",
		"UPDATE positions SET opened_at = opened_at + INTERVAL 1 "
		"SECOND ORDER BY id DESC LIMIT 1",
		POSITIONS},
	{"that it is closed",
		"CREATE TABLE kept AS SELECT id FROM positions WHERE closed_at "
		"IS NULL ORDER BY id DESC LIMIT 1; UPDATE positions SET "
		"closed_at = updated_at WHERE id = (SELECT id FROM kept)",
		"UPDATE positions SET closed_at = NULL WHERE id = "
		"(SELECT id FROM kept); DROP TABLE kept",
		POSITIONS},
	{"whose it is",
		"UPDATE positions SET user_id = user_id + 100 "
		"ORDER BY id DESC LIMIT 1",
		"UPDATE positions SET user_id = user_id - 100 "
		"ORDER BY id DESC LIMIT 1",
		POSITIONS},
	{"one that is gone",
		"CREATE TABLE kept AS SELECT * FROM positions ORDER BY id DESC "
		"LIMIT 1; DELETE FROM positions ORDER BY id DESC LIMIT 1",
		"INSERT INTO positions SELECT * FROM kept; DROP TABLE kept",
		POSITIONS},
	{"one of no trade",
		"INSERT INTO positions SELECT REPEAT('x', 16), user_id, "
		"instrument_id, quantity, cost, bought, bought_quote, "
		"realised, opened_at, updated_at, closed_at, seq "
		"FROM positions ORDER BY id DESC LIMIT 1",
		"DELETE FROM positions WHERE id = REPEAT('x', 16)", POSITIONS},
	{"a candle's last price",
		"UPDATE candles_1m SET close = close + 0.01 LIMIT 1",
		"UPDATE candles_1m SET close = close - 0.01 LIMIT 1", CANDLES},
	{"a candle's highest price",
		"UPDATE candles_1m SET high = high + 0.01 LIMIT 1",
		"UPDATE candles_1m SET high = high - 0.01 LIMIT 1", CANDLES},
	{"a candle that is gone",
		"CREATE TABLE kept AS SELECT * FROM candles_1m LIMIT 1; "
		"DELETE FROM candles_1m LIMIT 1",
		"INSERT INTO candles_1m SELECT * FROM kept; DROP TABLE kept",
		CANDLES},
	{"a candle of another minute",
		"UPDATE candles_1m SET minute = minute + INTERVAL 1 DAY "
		"LIMIT 1",
		"UPDATE candles_1m SET minute = minute - INTERVAL 1 DAY "
		"ORDER BY minute DESC LIMIT 1",
		CANDLES},
};

START_TEST(good_positions)
{
	const char *output;

	ck_assert_msg(
		stack_ctl("positions verify", &output) == 0, "%s", output);
	ck_assert_ptr_null(strstr(output, "WRONG"));
	ck_assert_ptr_nonnull(strstr(output, "positions: good"));
	ck_assert_ptr_null(strstr(output, "by 0 trades"));
	/* Positions were closed, and others are open, or this proves little. */
	ck_assert_int_gt(server_number(STACK_DATABASE,
				 "SELECT COUNT(*) FROM positions WHERE "
				 "closed_at IS NOT NULL AND realised < 0"),
		0);
	ck_assert_int_gt(server_number(STACK_DATABASE,
				 "SELECT COUNT(*) FROM positions WHERE "
				 "closed_at IS NULL AND realised > 0"),
		0);
}
END_TEST

START_TEST(damaged_positions)
{
	const struct damage *damage = &folds[_i];
	const char *output;
	int code;

	each_statement(damage->harm);
	code = stack_ctl("positions verify", &output);
	ck_assert_msg(
		code == 1, "%s: exit code %d\n%s", damage->what, code, output);
	ck_assert_msg(strstr(output, damage->told) != NULL, "%s:\n%s",
		damage->what, output);
	each_statement(damage->mend);
	ck_assert_msg(stack_ctl("positions verify", &output) == 0,
		"%s, mended:\n%s", damage->what, output);
}
END_TEST

START_TEST(positions_of_one_user)
{
	const char *output;

	ck_assert_msg(stack_ctl("positions verify --user 3", &output) == 0,
		"%s", output);
	ck_assert_ptr_nonnull(strstr(output, "positions: good"));
	ck_assert_ptr_null(strstr(output, "candles"));
	server_sql(STACK_DATABASE, "UPDATE positions SET bought = bought + 1 "
				   "WHERE user_id = 3");
	ck_assert_int_eq(stack_ctl("positions verify --user 3", &output), 1);
	ck_assert_int_eq(stack_ctl("positions verify --user 4", &output), 0);
	server_sql(STACK_DATABASE, "UPDATE positions SET bought = bought - 1 "
				   "WHERE user_id = 3");
	ck_assert_int_eq(
		stack_ctl("positions verify --user x@example.com", &output), 1);
	ck_assert_ptr_nonnull(strstr(output, "there is no user"));
	ck_assert_int_eq(stack_ctl("positions verify 3", &output), 2);
}
END_TEST

START_TEST(without_a_journal)
{
	const char *output;
	char hidden[128], shown[128];

	snprintf(shown, sizeof(shown), "%s/stack/journal", server_dir());
	snprintf(hidden, sizeof(hidden), "%s/stack/hidden", server_dir());
	ck_assert_int_eq(rename(shown, hidden), 0);
	ck_assert_msg(stack_ctl("ledger verify", &output) == 0, "%s", output);
	ck_assert_ptr_nonnull(strstr(output, "not compared with the journal"));
	ck_assert_int_eq(rename(hidden, shown), 0);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("ledger");
	TCase *tc = tcase_create("ledger");

	server_start();
	stack_start();
	make_history();
	server_sql(STACK_DATABASE,
		"CREATE TABLE all_balances AS SELECT * FROM balances");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_good_ledger);
	tcase_add_loop_test(tc, a_damaged_ledger, 0, N_ELEMENTS(damages));
	tcase_add_test(tc, without_a_journal);
	tcase_add_test(tc, good_positions);
	tcase_add_loop_test(tc, damaged_positions, 0, N_ELEMENTS(folds));
	tcase_add_test(tc, positions_of_one_user);
	suite_add_tcase(s, tc);
	return s;
}
