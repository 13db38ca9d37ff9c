/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_retention.c - what is forgotten after 30 days, and what is not.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/retention.h"
#include "domain/risk_core.h"
#include "t/db/server.h"
#include "t/harness/suite.h"
#include "wire/command.h"

#define OK(expr) ck_assert_int_eq(expr, ST_OK)
#define DATABASE "retention"

static struct ctx *ctx;
static struct retention at;

static void
sql(const char *text)
{
	server_sql(DATABASE, text);
}

static int64_t
number(const char *text)
{
	return server_number(DATABASE, text);
}

static void
set_up(void)
{
	server_schema(DATABASE);
	ctx = server_ctx(DATABASE);
	ctx->now_us = clock_wall_us();
	at = (struct retention){.after = IDENT_NONE};
	sql("INSERT INTO users (id, public_id, email, username, password_hash, "
	    "created_at, updated_at) VALUES "
	    "(1, REPEAT('a', 16), 'a', 'a', '', NOW(6), NOW(6)), "
	    "(2, REPEAT('b', 16), 'b', 'b', '', NOW(6), NOW(6))");
}

static void
tear_down(void)
{
	server_ctx_free(ctx);
}

/* A whole round, and how many turns it took. */
static unsigned
forget(void)
{
	unsigned turns = 0;
	bool more;

	do {
		OK(retention_turn(ctx, &at, &more));
		turns++;
	} while (more);
	return turns;
}

/* USER's limit of TYPE was set DAYS ago, and is in STATE now. */
static void
promise(uint32_t user, uint8_t type, int days, const char *state)
{
	int64_t now_us = ctx->now_us;
	struct ident id = ident_random(now_us - days * US_PER_DAY);
	struct cmd_limit_set set = {
		.head = CORE_COMMAND(LIMIT_SET, cmd_limit_set, user),
		.intent = id,
		.instrument = 3,
		.type = type,
	};

	ctx->now_us -= days * US_PER_DAY;
	OK(intent_write(ctx, id, RISK_SOURCE, id, &set.head));
	ctx->now_us = now_us;
	OK(db_exec(ctx, "UPDATE intents SET state = ? WHERE id = ?",
		DB_IN(db_text(state), db_ident(id)), NULL));
}

START_TEST(alerts_that_are_over)
{
	sql("INSERT INTO risk_alerts SELECT NULL, RANDOM_BYTES(16), 1, "
	    "REPEAT('l', 16), 0, 1, '', '', 1, 1, NOW(6) - INTERVAL 90 DAY, "
	    "r.at FROM (SELECT NULL AS at UNION ALL "
	    "SELECT UTC_TIMESTAMP(6) - INTERVAL 29 DAY UNION ALL "
	    "SELECT UTC_TIMESTAMP(6) - INTERVAL 31 DAY) r");
	sql("INSERT INTO price_alerts SELECT NULL, RANDOM_BYTES(16), 1, 0, 0, "
	    "1, p.at IS NOT NULL, NOW(6) - INTERVAL 90 DAY, p.at, NULL "
	    "FROM (SELECT NULL AS at UNION ALL "
	    "SELECT UTC_TIMESTAMP(6) - INTERVAL 29 DAY UNION ALL "
	    "SELECT UTC_TIMESTAMP(6) - INTERVAL 31 DAY) p");
	ck_assert_uint_eq(forget(), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM risk_alerts"), 2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM price_alerts"), 2);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM risk_alerts WHERE "
				"resolved_at < NOW(6) - INTERVAL 30 DAY"),
		0);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM price_alerts WHERE "
				"triggered_at < NOW(6) - INTERVAL 30 DAY"),
		0);
}
END_TEST

START_TEST(promises_that_were_followed)
{
	promise(1, LIMIT_DAILY_LOSS, 50, "done");    /* goes */
	promise(1, LIMIT_DAILY_LOSS, 45, "refused"); /* goes */
	promise(1, LIMIT_DAILY_LOSS, 44, "stale");   /* an operator's */
	promise(1, LIMIT_DAILY_LOSS, 43, "open");
	promise(1, LIMIT_DAILY_LOSS, 40, "done"); /* of its limit the last */
	promise(1, LIMIT_DRAWDOWN, 39, "done");   /* goes */
	promise(1, LIMIT_DRAWDOWN, 29, "done");   /* young */
	promise(2, LIMIT_DAILY_LOSS, 50, "done"); /* of its user the last */
	ck_assert_uint_eq(forget(), 1);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents"), 5);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents "
				"WHERE user_id = 1 AND created_at < "
				"UTC_TIMESTAMP(6) - INTERVAL 44 DAY "
				"AND state <> 'stale'"),
		0);
	ck_assert_int_eq(
		number("SELECT COUNT(*) FROM intents WHERE user_id = 2"), 1);
	forget();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents"), 5);
}
END_TEST

/* What else was promised is not touched, however old. */
START_TEST(only_limits)
{
	promise(1, LIMIT_DAILY_LOSS, 50, "done");
	promise(1, LIMIT_DAILY_LOSS, 45, "done");
	sql("UPDATE intents SET source = 'deposit'");
	forget();
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents"), 2);
}
END_TEST

START_TEST(many_take_turns)
{
	int i;

	for (i = 0; i < 250; i++)
		promise(1 + (uint32_t)i % 2, LIMIT_ORDER_SIZE, 300 - i, "done");
	/* The youngest is 51 days old; the last of either user stays. */
	ck_assert_uint_eq(forget(), 3);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM intents"), 2);
	ck_assert(ident_is_none(at.after));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("retention");
	TCase *all = tcase_create("all");

	server_start();
	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, alerts_that_are_over);
	tcase_add_test(all, promises_that_were_followed);
	tcase_add_test(all, only_limits);
	tcase_add_test(all, many_take_turns);
	suite_add_tcase(s, all);
	return s;
}
