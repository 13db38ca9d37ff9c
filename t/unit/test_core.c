/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_core.c - the client against a matcher that misbehaves.
 *
 * The matcher is a thread that reads whole requests from its socket and
 * follows a script, one step a request.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "auth/session.h"
#include "base/clock.h"
#include "domain/core.h"
#include "t/harness/suite.h"

enum step {
	STEP_END, /* the script is over: no more is accepted */
	STEP_DONE,
	STEP_DUPLICATE,
	STEP_DRIP,    /* done, byte by byte */
	STEP_REFUSE,  /* no funds */
	STEP_SILENCE, /* nothing, and the connection stays */
	STEP_HANG_UP, /* nothing, and it is closed */
	STEP_TORN,    /* half an answer, then closed */
	STEP_OTHER_TAG,
	STEP_OTHER_TYPE,
	STEP_BAD_RECORD,
	STEP_BAD_LENGTH,
	STEP_HUGE,
	STEP_GUARD_OK,
	STEP_GUARD_LOCKED,
	STEP_GUARD_REVOKED,
	STEP_NEWER, /* a guard answer with more behind it */
	STEP_DONE_AND_CLOSE
};

struct request {
	struct frame head;
	struct command_envelope who;
	char rest[256];
};

/* A done answer with one command and one event in it. */
struct done {
	struct frame head;
	struct answer_done done;
	struct record record;
	struct cmd_deposit command;
	struct ev_level event;
};

static char dir[] = "/tmp/test-core-XXXXXX";
static char path[64];
static const enum step *script;
static pthread_t thread;
static int listen_fd;
static sem_t closed; /* how many connections the matcher has closed */
static struct request seen[16];
static int n_seen;
static struct ctx ctx;
static struct session session;

/* ---- The matcher ------------------------------------------------------- */

static bool
read_all(int fd, void *buf, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t some = read(fd, (char *)buf + at, n - at);

		if (some <= 0)
			return false;
		at += (size_t)some;
	}
	return true;
}

static void
write_all(int fd, const void *buf, size_t n)
{
	/* The client may have left already. */
	(void)!send(fd, buf, n, MSG_NOSIGNAL);
}

static struct done
make_done(uint64_t tag)
{
	return (struct done){
		.head = {.length = sizeof(struct done),
			.type = FRAME_DONE,
			.tag = tag},
		.done = {.seq = 7},
		.record = {.length = offsetof(struct done, event) +
				     sizeof(struct ev_level) -
				     offsetof(struct done, record),
			.n_events = 1,
			.seq = 7},
		.command = {.head = CORE_COMMAND(DEPOSIT, cmd_deposit, 5)},
		.event = {.head = {.size = sizeof(struct ev_level),
				  .type = EV_LEVEL}},
	};
}

static void
answer_guard(int fd, uint64_t tag, enum guard_verdict verdict, size_t more)
{
	struct {
		struct frame head;
		struct guard_answer guard;
		char more[8];
	} answer = {
		.head = {.length = (uint32_t)(sizeof(struct frame) +
				 sizeof(struct guard_answer) + more),
			.type = FRAME_GUARDED,
			.tag = tag},
		.guard = {.last_seq = 3, .verdict = verdict, .role = ROLE_ADMIN},
	};

	write_all(fd, &answer, answer.head.length);
}

static void
answer_done(int fd, uint64_t tag, enum step step)
{
	struct done done = make_done(tag);
	size_t i, n = sizeof(done);

	done.done.flags = step == STEP_DUPLICATE ? ANSWER_DUPLICATE : 0;
	if (step == STEP_OTHER_TAG)
		done.head.tag++;
	if (step == STEP_OTHER_TYPE)
		done.head.type = FRAME_GUARDED;
	if (step == STEP_BAD_RECORD)
		done.record.n_events = 2;
	if (step == STEP_BAD_LENGTH)
		done.head.length = 12;
	if (step == STEP_HUGE)
		done.head.length = 0xfffffff8;
	if (step == STEP_TORN)
		n /= 2;
	for (i = 0; step == STEP_DRIP && i < n; i++)
		write_all(fd, (char *)&done + i, 1);
	if (step != STEP_DRIP)
		write_all(fd, &done, n);
}

/* Whether the connection goes on. */
static bool
act(int fd, uint64_t tag, enum step step)
{
	struct frame refused = {.length = sizeof(refused),
		.type = FRAME_REFUSED,
		.refusal = REFUSED_NO_FUNDS,
		.tag = tag};

	if (step == STEP_SILENCE)
		return true;
	if (step == STEP_HANG_UP)
		return false;
	if (step == STEP_REFUSE)
		write_all(fd, &refused, sizeof(refused));
	else if (step == STEP_GUARD_OK)
		answer_guard(fd, tag, GUARD_OK, 0);
	else if (step == STEP_NEWER)
		answer_guard(fd, tag, GUARD_OK, 8);
	else if (step == STEP_GUARD_LOCKED)
		answer_guard(fd, tag, GUARD_LOCKED, 0);
	else if (step == STEP_GUARD_REVOKED)
		answer_guard(fd, tag, GUARD_REVOKED, 0);
	else
		answer_done(fd, tag, step);
	return step != STEP_TORN && step != STEP_DONE_AND_CLOSE;
}

static void *
matcher(void *arg)
{
	const enum step *step = script;

	(void)arg;
	while (*step != STEP_END) {
		int fd = accept(listen_fd, NULL, NULL);
		bool open = fd >= 0;

		if (!open)
			break;
		while (open && *step != STEP_END) {
			struct request *request = &seen[n_seen];

			if (!read_all(fd, request, sizeof(request->head)) ||
				!read_all(fd, &request->who,
					request->head.length -
						sizeof(request->head)))
				break;
			n_seen++;
			open = act(fd, request->head.tag, *step++);
		}
		if (open && *step == STEP_END)
			continue; /* the client closes it */
		close(fd);
		sem_post(&closed);
	}
	return NULL;
}

static void
start(const enum step *steps)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/matcher", dir);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listen_fd, (struct sockaddr *)&address,
				 sizeof(address)),
		0);
	ck_assert_int_eq(listen(listen_fd, 8), 0);
	sem_init(&closed, 0, 0);
	script = steps;
	ck_assert_int_eq(pthread_create(&thread, NULL, matcher, NULL), 0);
	session = (struct session){
		.id = {{1, 2, 3}},
		.user = 5,
		.epoch = 9,
	};
	ctx = (struct ctx){.arena = arena_new(),
		.session = &session,
		.core = core_new(path)};
	/* The matcher is a thread, which on a slow machine takes its time. */
	core_set_patience(ctx.core, US_PER_MINUTE);
}

static void
stop(void)
{
	core_free(ctx.core);
	arena_free(ctx.arena);
	pthread_join(thread, NULL);
	close(listen_fd);
	unlink(path);
	rmdir(dir);
}

static enum status
deposit(struct core_answer *out)
{
	struct cmd_deposit command = {
		.head = CORE_COMMAND(DEPOSIT, cmd_deposit, 5)};

	return core_submit(&ctx, &command.head, out);
}

/* ---- The client -------------------------------------------------------- */

START_TEST(says_who_asks)
{
	static const enum step steps[] = {STEP_DONE, STEP_DUPLICATE, STEP_END};
	struct core_answer answer;
	const struct message *event;

	start(steps);
	ck_assert_int_eq(deposit(&answer), ST_OK);
	ck_assert_uint_eq(answer.seq, 7);
	ck_assert(!answer.duplicate);
	event = core_event(answer.record, NULL);
	ck_assert_ptr_nonnull(event);
	ck_assert_uint_eq(event->type, EV_LEVEL);
	ck_assert_ptr_null(core_event(answer.record, event));
	ctx.session = NULL;
	ck_assert_int_eq(deposit(&answer), ST_OK);
	ck_assert(answer.duplicate);
	stop();
	ck_assert_int_eq(n_seen, 2);
	ck_assert_uint_eq(seen[0].head.type, FRAME_COMMAND);
	ck_assert_uint_eq(seen[0].who.user, 5);
	ck_assert_uint_eq(seen[0].who.epoch, 9);
	ck_assert(ident_equal(seen[0].who.session, session.id));
	ck_assert_int_gt(seen[0].who.not_after_us, 0);
	ck_assert_uint_eq(seen[1].who.user, 0);
	ck_assert(ident_is_none(seen[1].who.session));
}
END_TEST

/* Steps after which nothing is known, but the next command works. */
static const enum step lost_steps[] = {STEP_HANG_UP, STEP_TORN, STEP_OTHER_TAG,
	STEP_OTHER_TYPE, STEP_BAD_RECORD, STEP_BAD_LENGTH, STEP_HUGE};

START_TEST(does_not_know)
{
	enum step steps[] = {lost_steps[_i], STEP_DONE, STEP_END};

	start(steps);
	ck_assert_int_eq(deposit(NULL), ST_OUTCOME_UNKNOWN);
	ck_assert_int_eq(deposit(NULL), ST_OK);
	stop();
	/* and it was not sent again */
	ck_assert_int_eq(n_seen, 2);
}
END_TEST

START_TEST(waits_no_longer_than_it_says)
{
	static const enum step steps[] = {STEP_SILENCE, STEP_DONE, STEP_END};

	start(steps);
	core_set_patience(ctx.core, US_PER_SECOND / 2);
	ck_assert_int_eq(deposit(NULL), ST_OUTCOME_UNKNOWN);
	core_set_patience(ctx.core, US_PER_MINUTE);
	ck_assert_int_eq(deposit(NULL), ST_OK);
	stop();
	ck_assert_int_eq(n_seen, 2);
}
END_TEST

START_TEST(takes_an_answer_in_pieces)
{
	static const enum step steps[] = {STEP_DRIP, STEP_DRIP, STEP_END};

	start(steps);
	ck_assert_int_eq(deposit(NULL), ST_OK);
	ck_assert_int_eq(deposit(NULL), ST_OK);
	stop();
}
END_TEST

START_TEST(tells_why_it_was_refused)
{
	static const enum step steps[] = {STEP_REFUSE, STEP_DONE, STEP_END};

	start(steps);
	ck_assert_int_eq(deposit(NULL), ST_NO_FUNDS);
	ck_assert_str_eq(ctx.fault.reason, "insufficient funds");
	ck_assert_int_eq(deposit(NULL), ST_OK);
	stop();
}
END_TEST

START_TEST(finds_a_matcher_that_was_restarted)
{
	static const enum step steps[] = {STEP_DONE_AND_CLOSE, STEP_DONE,
		STEP_END};

	start(steps);
	ck_assert_int_eq(deposit(NULL), ST_OK);
	sem_wait(&closed);
	/* Nothing of it can have arrived, so that it is sent anew is safe. */
	ck_assert_int_eq(deposit(NULL), ST_OK);
	stop();
	ck_assert_int_eq(n_seen, 2);
}
END_TEST

START_TEST(cannot_reach_it)
{
	ctx = (struct ctx){.arena = arena_new(),
		.session = &session,
		.core = core_new("/nonexistent/matcher")};
	ck_assert_int_eq(deposit(NULL), ST_UNAVAILABLE);
	core_free(ctx.core);
	ctx.core = core_new("/a/path/that/is/longer/than/what/a/unix/socket/"
			    "may/have/and/so/can/never/be/connected/to/as/it/"
			    "would/otherwise/have/to/be/cut");
	ck_assert_int_eq(deposit(NULL), ST_UNAVAILABLE);
	core_free(ctx.core);
	core_free(NULL);
	arena_free(ctx.arena);
}
END_TEST

START_TEST(asks_the_guard)
{
	static const enum step steps[] = {STEP_GUARD_OK, STEP_GUARD_LOCKED,
		STEP_GUARD_REVOKED, STEP_NEWER, STEP_HANG_UP, STEP_GUARD_OK,
		STEP_END};
	struct guard_answer answer;

	start(steps);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_OK);
	ck_assert_uint_eq(answer.role, ROLE_ADMIN);
	ck_assert_uint_eq(answer.last_seq, 3);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_LOCKED);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_UNAUTHENTICATED);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_OK);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_UNAVAILABLE);
	ck_assert_int_eq(core_guard(&ctx, &answer), ST_OK);
	stop();
	ck_assert_uint_eq(seen[0].head.type, FRAME_GUARD);
}
END_TEST

START_TEST(sends_many_at_once)
{
	static const enum step steps[] = {STEP_DONE, STEP_REFUSE, STEP_DRIP,
		STEP_DUPLICATE, STEP_HANG_UP, STEP_END};
	struct cmd_deposit command = {
		.head = CORE_COMMAND(DEPOSIT, cmd_deposit, 5)};
	struct command_envelope who = {.user = 0};
	struct core_reply reply;
	int i;

	start(steps);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(core_send(ctx.core, &who, &command.head),
			ST_OK);
	ck_assert_int_eq(core_flush(ctx.core), ST_OK);
	ck_assert_int_eq(core_receive(ctx.core, 1000000, &reply), ST_OK);
	ck_assert_uint_eq(reply.seq, 7);
	ck_assert_uint_eq(reply.record->n_events, 1);
	ck_assert_int_eq(core_receive(ctx.core, 1000000, &reply), ST_OK);
	ck_assert_uint_eq(reply.refusal, REFUSED_NO_FUNDS);
	ck_assert_int_eq(core_receive(ctx.core, 1000000, &reply), ST_OK);
	ck_assert_int_eq(core_receive(ctx.core, 1000000, &reply), ST_OK);
	ck_assert(reply.duplicate);
	ck_assert_int_eq(core_receive(ctx.core, 1000000, &reply),
		ST_OUTCOME_UNKNOWN);
	stop();
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("core");
	TCase *c = tcase_create("core");

	tcase_add_test(c, says_who_asks);
	tcase_add_loop_test(c, does_not_know, 0, N_ELEMENTS(lost_steps));
	tcase_add_test(c, waits_no_longer_than_it_says);
	tcase_add_test(c, takes_an_answer_in_pieces);
	tcase_add_test(c, tells_why_it_was_refused);
	tcase_add_test(c, finds_a_matcher_that_was_restarted);
	tcase_add_test(c, cannot_reach_it);
	tcase_add_test(c, asks_the_guard);
	tcase_add_test(c, sends_many_at_once);
	suite_add_tcase(s, c);
	return s;
}
