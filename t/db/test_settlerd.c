/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_settlerd.c - the settler as a program: what it waits for, what it
 * survives, what it refuses, and whom it answers.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "t/db/exchange.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"
#include "wire/event.h"

#define USERS 20

static struct exchange *exchange;
static uint64_t last_seq;
static pid_t settlerd;

static void
set_up(void)
{
	const char *output;

	stack_reset();
	ck_assert_msg(stack_ctl("migrate", &output) == 0, "%s", output);
	exchange = exchange_new(USERS, 11);
	/* Settling must not look late. */
	exchange_set_time(exchange, clock_wall_us());
	stack_journal_open();
}

static void
tear_down(void)
{
	stack_journal_close();
	exchange_free(exchange);
}

static void
write_records(size_t n)
{
	for (; n > 0; n--) {
		const struct record *record = exchange_next(exchange);

		stack_journal_write(record);
		last_seq = record->seq;
	}
}

static void
start(void)
{
	settlerd = stack_settlerd();
	stack_settlerd_ready();
}

/* Whoever is late asks again; a daemon that starts is not there yet. */
static void
wait_settled(void)
{
	struct settle_answer answer;

	while (stack_ask(last_seq, &answer) != ST_OK ||
		answer.status == ST_UNAVAILABLE)
		;
	ck_assert_uint_eq(answer.status, ST_OK);
	ck_assert_uint_ge(answer.applied_seq, last_seq);
}

static int64_t
number(const char *sql)
{
	return server_number(STACK_DATABASE, sql);
}

static void
check_books(void)
{
	const char *output;

	ck_assert_int_eq(number("SELECT applied_seq FROM settle_state"),
		(int64_t)last_seq);
	ck_assert_int_eq(number("SELECT COUNT(*) FROM trades"),
		(int64_t)engine_trades(exchange_engine(exchange)));
	ck_assert_msg(stack_ctl("ledger verify", &output) == 0, "%s", output);
}

START_TEST(follows_and_ends_in_order)
{
	start();
	write_records(exchange_beginning(exchange) + 300);
	wait_settled();
	check_books();
	write_records(1);
	wait_settled();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
	/* It goes on where it was. */
	write_records(50);
	start();
	wait_settled();
	check_books();
	ck_assert_int_eq(stack_end(settlerd, SIGINT), 0);
}
END_TEST

START_TEST(waits_for_a_journal)
{
	/* Nobody has migrated, and the matcher was never started. */
	tear_down();
	stack_reset();
	settlerd = stack_settlerd();
	while (!strstr(stack_log(), "waiting to start"))
		;
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
	settlerd = stack_settlerd();
	set_up();
	stack_settlerd_ready();
	write_records(10);
	wait_settled();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
}
END_TEST

START_TEST(survives_its_own_death)
{
	int i;

	write_records(exchange_beginning(exchange));
	for (i = 0; i < 12; i++) {
		settlerd = stack_settlerd();
		if (i % 3)
			stack_settlerd_ready();
		write_records(150);
		ck_assert_int_eq(stack_end(settlerd, SIGKILL), -SIGKILL);
	}
	start();
	wait_settled();
	check_books();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
}
END_TEST

START_TEST(survives_the_death_of_mysql)
{
	struct settle_answer answer;
	int i;

	start();
	write_records(exchange_beginning(exchange));
	for (i = 0; i < 3; i++) {
		write_records(100);
		server_end(i % 2 ? SIGTERM : SIGKILL);
		write_records(100);
		while (!strstr(stack_log(), "settlement waits"))
			;
		/* It still answers for what is there. */
		ck_assert_int_eq(stack_ask(0, &answer), ST_OK);
		server_again();
		wait_settled();
	}
	check_books();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
}
END_TEST

/* MySQL that stands still delays the settling, and nothing else. */
START_TEST(is_not_held_by_a_stalled_mysql)
{
	struct settle_answer answer;

	start();
	write_records(exchange_beginning(exchange));
	wait_settled();
	server_signal(SIGSTOP);
	write_records(10);
	ck_assert_int_eq(stack_ask(0, &answer), ST_OK);
	ck_assert_uint_eq(answer.status, ST_OK);
	/* In the end it says that it is too far behind, without being asked
	 * for long: the question waits until then. */
	ck_assert_int_eq(stack_ask(last_seq, &answer), ST_OK);
	ck_assert_uint_eq(answer.status, ST_UNAVAILABLE);
	server_signal(SIGCONT);
	wait_settled();
	check_books();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
}
END_TEST

START_TEST(refuses_another_journal)
{
	start();
	write_records(20);
	wait_settled();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
	stack_journal_close();
	stack_journal_replace();
	exchange_free(exchange);
	exchange = exchange_new(USERS, 12);
	write_records(20 + (size_t)_i * 30 - 10); /* shorter, and longer */
	settlerd = stack_settlerd();
	ck_assert_int_eq(stack_end(settlerd, 0), 1);
	ck_assert_msg(strstr(stack_log(), "cannot start: ") != NULL, "%s",
		stack_log());
	ck_assert_int_eq(number("SELECT applied_seq FROM settle_state"), 20);
}
END_TEST

START_TEST(halts_at_what_it_does_not_know)
{
	struct {
		struct record head;
		struct cmd_tick command;
		struct message event[2];
	} forged = {0};
	struct settle_answer answer;

	start();
	write_records(30);
	forged.head.length = sizeof(forged);
	forged.head.n_events = 1;
	forged.head.seq = last_seq + 1;
	forged.head.time_us = engine_time_us(exchange_engine(exchange));
	forged.command.head =
		(struct message){sizeof(struct cmd_tick), CMD_TICK, 0};
	forged.event[0] = (struct message){sizeof(forged.event), EV_END, 0};
	stack_journal_write(&forged.head);
	ck_assert_int_eq(stack_ask(last_seq + 1, &answer), ST_OK);
	ck_assert_uint_eq(answer.status, ST_INTERNAL);
	ck_assert_uint_eq(answer.applied_seq, last_seq);
	ck_assert_msg(
		strstr(stack_log(), "ALERT settlement has halted") != NULL,
		"%s", stack_log());
	/* What came before it is there, and it still says so. */
	wait_settled();
	ck_assert_int_eq(stack_end(settlerd, SIGTERM), 0);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("settlerd");
	TCase *tc = tcase_create("settlerd");

	server_start();
	stack_start();
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, follows_and_ends_in_order);
	tcase_add_test(tc, waits_for_a_journal);
	tcase_add_test(tc, survives_its_own_death);
	tcase_add_test(tc, survives_the_death_of_mysql);
	tcase_add_test(tc, is_not_held_by_a_stalled_mysql);
	tcase_add_loop_test(tc, refuses_another_journal, 0, 2);
	tcase_add_test(tc, halts_at_what_it_does_not_know);
	suite_add_tcase(s, tc);
	return s;
}
