/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_domain.c - reads that wait for the settler, and intents that survive.
 *
 * The settler here is a thread that does what a case tells it to; the matcher
 * is the real one.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/settled.h"
#include "settle/waiters.h"
#include "t/db/server.h"
#include "t/db/stack.h"
#include "t/harness/suite.h"
#include "work/resend.h"

static struct ctx *ctx;

#define OK(expr) ck_assert_int_eq(expr, ST_OK)

/* ---- A settler made to order ------------------------------------------ */

enum manner { SETTLES, SAYS_LATE, SAYS_NOTHING };

struct settler_thread {
	pthread_t thread;
	struct waiters *waiters;
	char path[128];
	enum manner manner;
	_Atomic int questions;
	int stop[2];
};

static struct settler_thread fake;

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

/* It gets as far as 100 when it is first asked. */
static void *
settler_main(void *arg)
{
	struct settler_thread *t = arg;
	struct pollfd fds[WAITERS_MAX + 2];

	for (;;) {
		size_t n = waiters_poll(t->waiters, fds + 1);

		fds[0] = (struct pollfd){t->stop[0], POLLIN, 0};
		if (poll(fds, n + 1, -1) < 0 && errno != EINTR)
			abort();
		if (fds[0].revents)
			return NULL;
		waiters_take(t->waiters, fds + 1, n);
		if (waiters_count(t->waiters) == 0)
			continue;
		t->questions++;
		if (t->manner == SETTLES) {
			set_applied(100);
			waiters_answer(t->waiters, 100, ST_OK);
		} else if (t->manner == SAYS_LATE) {
			waiters_answer(t->waiters, 10, ST_UNAVAILABLE);
		}
	}
}

static void
settler_start(enum manner manner)
{
	fake.manner = manner;
	fake.questions = 0;
	fake.waiters = waiters_new(fake.path);
	ck_assert_ptr_nonnull(fake.waiters);
	ck_assert_int_eq(pipe(fake.stop), 0);
	pthread_create(&fake.thread, NULL, settler_main, &fake);
}

static void
settler_stop(void)
{
	ck_assert_int_eq(write(fake.stop[1], "", 1), 1);
	pthread_join(fake.thread, NULL);
	waiters_free(fake.waiters);
	close(fake.stop[0]);
	close(fake.stop[1]);
}

/* ---- Reads ------------------------------------------------------------ */

static struct settled_pool pool;

static void
set_up(void)
{
	const char *output;

	stack_reset();
	ck_assert_msg(stack_ctl("migrate", &output) == 0, "%s", output);
	snprintf(
		fake.path, sizeof(fake.path), "%s/stack/settler", server_dir());
	ctx = server_ctx(STACK_DATABASE);
	ctx->now_us = clock_wall_us();
	memset(&pool, 0, sizeof(pool));
	ctx->settled = settled_new(fake.path, &pool, 8);
	settled_set_patience(ctx->settled, 60 * US_PER_SECOND);
	set_applied(10);
}

static void
tear_down(void)
{
	settled_free(ctx->settled);
	server_ctx_free(ctx);
}

struct seen {
	int runs;
	uint64_t seq;
};

static enum status
look(struct ctx *c, void *arg)
{
	struct seen *seen = arg;
	int64_t when;

	seen->runs++;
	return settled_position(c, &seen->seq, &when);
}

START_TEST(what_is_there_is_read)
{
	struct seen seen = {0};

	/* Nobody has to answer. */
	OK(settled_read(ctx, look, &seen));
	settled_expect(ctx->settled, 10);
	settled_expect(ctx->settled, 7); /* lower: nothing new */
	OK(settled_read(ctx, look, &seen));
	ck_assert_int_eq(seen.runs, 2);
	ck_assert_uint_eq(seen.seq, 10);
}
END_TEST

START_TEST(what_is_not_is_waited_for)
{
	struct seen seen = {0};

	settler_start(SETTLES);
	settled_expect(ctx->settled, 50);
	OK(settled_read(ctx, look, &seen));
	ck_assert_int_eq(seen.runs, 1); /* not in the snapshot that was old */
	ck_assert_uint_eq(seen.seq, 100);
	ck_assert_int_eq(fake.questions, 1);
	/* It is remembered how far that was. */
	settled_begin(ctx->settled);
	settled_expect(ctx->settled, 99);
	OK(settled_read(ctx, look, &seen));
	OK(settled_wait(ctx, 100));
	ck_assert_int_eq(fake.questions, 1);
	ck_assert_int_eq(pool.places[0], 0);
	settler_stop();
}
END_TEST

START_TEST(nobody_to_wait_for)
{
	struct seen seen = {0};

	settled_expect(ctx->settled, 11);
	ck_assert_int_eq(settled_read(ctx, look, &seen), ST_UNAVAILABLE);
	ck_assert_int_eq(seen.runs, 0);
	ck_assert_int_gt(ctx->fault.retry_after_us, 0);
	ck_assert_int_eq(pool.places[0], 0);
}
END_TEST

START_TEST(a_late_settler_says_so)
{
	struct seen seen = {0};

	settler_start(SAYS_LATE);
	settled_expect(ctx->settled, 11);
	ck_assert_int_eq(settled_read(ctx, look, &seen), ST_UNAVAILABLE);
	ck_assert_int_eq(fake.questions, 1);
	ck_assert_int_eq(seen.runs, 0);
	settler_stop();
}
END_TEST

/* An answer that comes too late is not taken for the next one. */
START_TEST(a_silent_settler_is_given_up)
{
	struct seen seen = {0};

	settler_start(SAYS_NOTHING);
	settled_expect(ctx->settled, 11);
	settled_set_patience(ctx->settled, SETTLED_PATIENCE_US);
	ck_assert_int_eq(settled_read(ctx, look, &seen), ST_UNAVAILABLE);
	ck_assert_int_eq(pool.places[0], 0);
	settler_stop();
	settler_start(SETTLES);
	settled_set_patience(ctx->settled, 60 * US_PER_SECOND);
	OK(settled_read(ctx, look, &seen));
	ck_assert_uint_eq(seen.seq, 100);
	settler_stop();
}
END_TEST

START_TEST(few_may_wait)
{
	struct seen seen = {0};

	settler_start(SETTLES);
	settled_expect(ctx->settled, 50);
	pool.places[0] = 1001; /* a quarter of 8 are two */
	pool.places[1] = 1002;
	ck_assert_int_eq(settled_read(ctx, look, &seen), ST_UNAVAILABLE);
	ck_assert_int_eq(fake.questions, 0);
	/* Who died while he waited leaves his place to others. */
	settled_pool_bury(&pool, 1003);
	ck_assert_int_eq(settled_read(ctx, look, &seen), ST_UNAVAILABLE);
	settled_pool_bury(&pool, 1002);
	OK(settled_read(ctx, look, &seen));
	ck_assert_int_eq(pool.places[0], 1001);
	ck_assert_int_eq(pool.places[1], 0);
	settler_stop();
}
END_TEST

/* ---- Intents ---------------------------------------------------------- */

static pid_t matcherd;
static char matcher_path[128];

static void
set_up_intents(void)
{
	set_up();
	matcherd = stack_matcherd();
	snprintf(matcher_path, sizeof(matcher_path), "%s/stack/matcher",
		server_dir());
	ctx->core = core_new(matcher_path);
}

static void
tear_down_intents(void)
{
	core_free(ctx->core);
	if (matcherd)
		ck_assert_int_eq(stack_end(matcherd, SIGTERM), 0);
	tear_down();
}

struct promise {
	struct ident id, reference;
	uint32_t user;
};

static enum status
promise_tx(struct ctx *c, void *arg)
{
	const struct promise *p = arg;
	struct cmd_user_create create = {
		.head = CORE_COMMAND(USER_CREATE, cmd_user_create, p->user),
		.intent = p->id,
		.public_id = p->reference,
	};

	return intent_write(
		c, p->id, "user-create", p->reference, &create.head);
}

static struct promise
promise_user(uint32_t user)
{
	struct promise p = {
		ident_random(ctx->now_us), ident_random(ctx->now_us), user};

	OK(db_tx(ctx, promise_tx, &p));
	return p;
}

static bool
is_state(struct ident id, const char *want)
{
	const char *state = "";

	OK(db_one(ctx, "SELECT state FROM intents WHERE id = ?",
		DB_IN(db_ident(id)), DB_OUT(db_to_text(&state))));
	return strcmp(state, want) == 0;
}

START_TEST(sent_and_done)
{
	struct promise p = promise_user(1);
	uint64_t seq = 0, again = 0;
	struct ident found;

	ck_assert(is_state(p.id, "open"));
	OK(intent_find(ctx, "user-create", p.reference, &found));
	ck_assert(ident_equal(found, p.id));
	OK(intent_send_seq(ctx, p.id, &seq));
	ck_assert_uint_eq(seq, 1);
	ck_assert(is_state(p.id, "done"));
	OK(intent_send_seq(ctx, p.id, &again));
	ck_assert_uint_eq(again, seq);
	/* As after a crash between the answer and the note of it. */
	server_sql(
		STACK_DATABASE, "UPDATE intents SET state = 'open', seq = 0");
	OK(intent_send_seq(ctx, p.id, &again));
	ck_assert_uint_eq(again, seq);
	ck_assert(is_state(p.id, "done"));
}
END_TEST

START_TEST(promised_once)
{
	struct promise p = promise_user(1);

	p.id = ident_random(ctx->now_us);
	ck_assert_int_eq(db_tx(ctx, promise_tx, &p), ST_CONFLICT);
}
END_TEST

START_TEST(refused_for_good)
{
	struct promise first = promise_user(1), second = promise_user(1);
	struct intent_list open;

	OK(intent_send(ctx, first.id));
	ck_assert_int_eq(intent_send(ctx, second.id), ST_CONFLICT);
	ck_assert(is_state(second.id, "refused"));
	ck_assert_str_eq(ctx->fault.reason, "the user already exists");
	/* It is not sent again, and says the same. */
	ctx->fault = (struct fault){0};
	core_free(ctx->core);
	ctx->core = core_new("/nowhere");
	ck_assert_int_eq(intent_send(ctx, second.id), ST_CONFLICT);
	ck_assert_str_eq(ctx->fault.reason, "the user already exists");
	OK(intent_open(ctx, 0, INT64_MAX / 2, 10, &open));
	ck_assert_uint_eq(open.n, 0);
}
END_TEST

START_TEST(sent_again_when_it_can_be)
{
	struct promise p = promise_user(5);
	struct intent_list open;
	int64_t later = ctx->now_us + US_PER_HOUR;

	ck_assert_int_eq(stack_end(matcherd, SIGKILL), -SIGKILL);
	ck_assert_int_eq(intent_send(ctx, p.id), ST_UNAVAILABLE);
	ck_assert(is_state(p.id, "open"));
	OK(intent_open(ctx, 5, later, 10, &open));
	ck_assert_uint_eq(open.n, 1);
	ck_assert(ident_equal(open.intents[0].id, p.id));
	ck_assert_str_eq(open.intents[0].source, "user-create");
	ck_assert_uint_eq(open.intents[0].attempts, 1);
	ck_assert_uint_eq(open.intents[0].command->type, CMD_USER_CREATE);
	OK(intent_open(ctx, 6, later, 10, &open));
	ck_assert_uint_eq(open.n, 0);
	/* One that was tried just now is left alone for a while. */
	OK(intent_open(ctx, 0, ctx->now_us - 1, 10, &open));
	ck_assert_uint_eq(open.n, 0);
	matcherd = stack_matcherd();
	OK(intent_send(ctx, p.id));
	ck_assert(is_state(p.id, "done"));
}
END_TEST

START_TEST(too_old_to_be_sent)
{
	struct promise p;
	uint64_t retired = 0;

	/* A matcher that is past its beginning knows what it has forgotten. */
	OK(intent_send(ctx, promise_user(1).id));
	ctx->now_us -= 30 * US_PER_HOUR;
	p = promise_user(2);
	ctx->now_us += 30 * US_PER_HOUR;
	ck_assert_int_eq(intent_send(ctx, p.id), ST_CONFLICT);
	ck_assert(is_state(p.id, "stale"));
	server_sql(STACK_DATABASE, "UPDATE intents SET state = 'open'");
	OK(intent_retire(ctx, &retired));
	ck_assert_uint_eq(retired, 1);
	ck_assert(is_state(p.id, "stale"));
}
END_TEST

/* ---- In turn ------------------------------------------------------------ */

/* VALUE for the open orders of USER, promised as somebody's change does. */
static struct ident
promise_limit(uint32_t user, int64_t value)
{
	struct cmd_limit_set set = {
		.head = CORE_COMMAND(LIMIT_SET, cmd_limit_set, user),
		.intent = ident_random(ctx->now_us),
		.instrument = INSTRUMENT_ANY,
		.type = LIMIT_OPEN_ORDERS,
		.value = value,
	};

	OK(intent_write(ctx, set.intent, "risk.limit", set.intent, &set.head));
	return set.intent;
}

static uint64_t
seq_of(struct ident id)
{
	uint64_t seq = 0;

	OK(db_one(ctx, "SELECT seq FROM intents WHERE id = ?",
		DB_IN(db_ident(id)), DB_OUT(db_to_u64(&seq))));
	return seq;
}

/* As if it had been tried so often, the last time just now. */
static void
tried(struct ident id, unsigned attempts)
{
	OK(db_exec(ctx,
		"UPDATE intents SET attempts = ?, tried_at = ? WHERE id = ?",
		DB_IN(db_u64(attempts), db_time(ctx->now_us), db_ident(id)),
		NULL));
}

static void
resend(void)
{
	struct turn turn = {0};

	OK(resend_intents(ctx, NULL, &turn));
}

/*
 * Two changes in a row without an answer.  The first has been tried with each
 * of them, so its pause is the longer.
 */
START_TEST(the_last_word_is_said_last)
{
	struct ident first, second;

	OK(intent_send(ctx, promise_user(1).id));
	first = promise_limit(1, 8);
	second = promise_limit(1, 9);
	ctx->now_us += 10 * US_PER_SECOND;
	tried(first, 8);
	resend();
	ck_assert(is_state(first, "done"));
	ck_assert(is_state(second, "done"));
	ck_assert_uint_lt(seq_of(first), seq_of(second));
}
END_TEST

/* Whose request came first may have waited for the other's lock. */
START_TEST(the_order_is_that_of_the_promises)
{
	struct ident first, second;

	OK(intent_send(ctx, promise_user(1).id));
	first = promise_limit(1, 8);
	ctx->now_us -= US_PER_SECOND;
	second = promise_limit(1, 9);
	OK(intent_send_in_turn(ctx, second));
	ck_assert_uint_gt(seq_of(first), 0);
	ck_assert_uint_lt(seq_of(first), seq_of(second));
}
END_TEST

/* One that has no answer holds those of its kind back, and no others. */
START_TEST(nobody_overtakes)
{
	struct ident first, second, other;

	OK(intent_send(ctx, promise_user(1).id));
	first = promise_limit(1, 8);
	second = promise_limit(1, 9);
	ck_assert_int_eq(stack_end(matcherd, SIGKILL), -SIGKILL);
	ck_assert_int_eq(
		intent_send_in_turn(ctx, second), ST_OUTCOME_UNKNOWN);
	ck_assert_int_eq(server_number(STACK_DATABASE,
				 "SELECT COUNT(*) FROM intents "
				 "WHERE state = 'open' AND attempts = 1"),
		2);
	matcherd = stack_matcherd();
	other = promise_user(2).id;
	OK(intent_send_in_turn(ctx, other));
	ck_assert(is_state(first, "open"));
	OK(intent_send_in_turn(ctx, second));
	ck_assert_uint_lt(seq_of(first), seq_of(second));
}
END_TEST

/* A refusal is an answer; and another's promises are his own. */
START_TEST(a_refusal_holds_nobody_back)
{
	struct ident first, second, anothers;

	OK(intent_send(ctx, promise_user(1).id));
	anothers = promise_limit(2, 8);
	first = promise_limit(1, -8);
	second = promise_limit(1, 9);
	OK(intent_send_in_turn(ctx, second));
	ck_assert(is_state(first, "refused"));
	ck_assert(is_state(second, "done"));
	ck_assert(is_state(anothers, "open"));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("domain");
	TCase *reads = tcase_create("reads");
	TCase *intents = tcase_create("intents");

	server_start();
	stack_start();
	tcase_add_checked_fixture(reads, set_up, tear_down);
	tcase_set_timeout(reads, 60);
	tcase_add_test(reads, what_is_there_is_read);
	tcase_add_test(reads, what_is_not_is_waited_for);
	tcase_add_test(reads, nobody_to_wait_for);
	tcase_add_test(reads, a_late_settler_says_so);
	tcase_add_test(reads, a_silent_settler_is_given_up);
	tcase_add_test(reads, few_may_wait);
	suite_add_tcase(s, reads);
	tcase_add_checked_fixture(intents, set_up_intents, tear_down_intents);
	tcase_set_timeout(intents, 60);
	tcase_add_test(intents, sent_and_done);
	tcase_add_test(intents, promised_once);
	tcase_add_test(intents, refused_for_good);
	tcase_add_test(intents, sent_again_when_it_can_be);
	tcase_add_test(intents, too_old_to_be_sent);
	tcase_add_test(intents, the_last_word_is_said_last);
	tcase_add_test(intents, the_order_is_that_of_the_promises);
	tcase_add_test(intents, nobody_overtakes);
	tcase_add_test(intents, a_refusal_holds_nobody_back);
	suite_add_tcase(s, intents);
	return s;
}
