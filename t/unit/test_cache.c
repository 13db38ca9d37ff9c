/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_cache.c - the client of Redis against one that comes, goes and misbehaves.
 *
 * Redis is a thread that takes connections one after the other, and of each
 * reads a command at a time and does the next step of a script.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/cache.h"
#include "t/harness/suite.h"

enum step {
	STEP_END, /* the script is over: nothing more is accepted */
	STEP_TOLD_TWO,
	STEP_PONG,
	STEP_ERROR,
	STEP_OTHER_KIND,
	STEP_SILENCE,  /* until the other side hangs up */
	STEP_HANG_UP,  /* instead of an answer */
	STEP_TOLD_AND_CLOSE
};

static const char *const answers[] = {
	[STEP_TOLD_TWO] = ":2\r\n",
	[STEP_PONG] = "+PONG\r\n",
	[STEP_ERROR] = "-LOADING the dataset\r\n",
	[STEP_OTHER_KIND] = "$1\r\nx\r\n",
	[STEP_TOLD_AND_CLOSE] = ":0\r\n",
};

static char dir[] = "/tmp/test-cache-XXXXXX";
static char path[64];
static const enum step *script;
static char heard[4096]; /* all that came, in order */
static int listener = -1;
static unsigned connections;
static pthread_t thread;
static struct cache *cache;

static void
serve(int fd)
{
	char text[1024];

	for (; *script != STEP_END; script++) {
		ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
		const char *answer = answers[*script];

		if (n <= 0)
			return;
		text[n] = '\0';
		strncat(heard, text, sizeof(heard) - strlen(heard) - 1);
		if (*script == STEP_SILENCE) {
			script++;
			/* Until he has gone. */
			while (recv(fd, text, sizeof(text), 0) > 0)
				;
			return;
		}
		if (answer)
			ck_assert_int_eq(send(fd, answer, strlen(answer),
						 MSG_NOSIGNAL),
				(ssize_t)strlen(answer));
		if (*script == STEP_HANG_UP || *script == STEP_TOLD_AND_CLOSE) {
			script++;
			return;
		}
	}
}

static void *
redis_main(void *arg)
{
	(void)arg;
	while (*script != STEP_END) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			break;
		connections++;
		serve(fd);
		close(fd);
	}
	return NULL;
}

static void
redis_starts(const enum step *steps)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	script = steps;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address,
				 sizeof(address)),
		0);
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, redis_main, NULL), 0);
}

static void
redis_ends(void)
{
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
	unlink(path);
}

static void
set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/redis", dir);
	signal(SIGPIPE, SIG_IGN);
	cache = cache_new(path);
	/* Who answers is a thread, which on a slow machine takes its time. */
	cache_set_patience(cache, US_PER_MINUTE, CACHE_PAUSE_MIN_US);
}

static void
tear_down(void)
{
	cache_free(cache);
	unlink(path);
	rmdir(dir);
}

#define OK(expr) ck_assert_int_eq(expr, ST_OK)
#define AWAY(expr) ck_assert_int_eq(expr, ST_UNAVAILABLE)

/* Until its pause is over; it is not asked before. */
static enum status
ping_patiently(void)
{
	enum status status;

	while ((status = cache_ping(cache)) != ST_OK &&
		strstr(cache_reason(cache), "No such file"))
		;
	return status;
}

START_TEST(publishes)
{
	static const enum step steps[] = {
		STEP_TOLD_TWO, STEP_TOLD_TWO, STEP_PONG, STEP_END};
	/* Whatever is in it, it is counted and not read. */
	static const char text[] = "{\"a\":\"\r\n$5 \xc3\xa9\"}";
	uint64_t n = 0;

	redis_starts(steps);
	OK(cache_publish(cache, "c", text, strlen(text), &n));
	ck_assert_uint_eq(n, 2);
	OK(cache_notice_publish(cache, "{}", 2));
	OK(cache_ping(cache));
	ck_assert_str_eq(heard,
		"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$15\r\n"
		"{\"a\":\"\r\n$5 \xc3\xa9\"}\r\n"
		"*3\r\n$7\r\nPUBLISH\r\n$16\r\nquantora:notices\r\n"
		"$2\r\n{}\r\n"
		"*1\r\n$4\r\nPING\r\n");
	ck_assert_uint_eq(connections, 1);
	ck_assert_str_eq(cache_reason(cache), "");
	redis_ends();
}
END_TEST

START_TEST(is_away_and_comes)
{
	static const enum step steps[] = {STEP_PONG, STEP_PONG, STEP_END};

	AWAY(cache_ping(cache));
	ck_assert_str_ne(cache_reason(cache), "");
	redis_starts(steps);
	OK(ping_patiently());
	OK(cache_ping(cache));
	ck_assert_uint_eq(connections, 1);
	redis_ends();
}
END_TEST

/* For a while it is not even looked for. */
START_TEST(is_left_alone_for_a_while)
{
	static const enum step steps[] = {STEP_PONG, STEP_END};

	cache_set_patience(cache, US_PER_MINUTE, US_PER_HOUR);
	AWAY(cache_ping(cache));
	redis_starts(steps);
	AWAY(cache_ping(cache));
	redis_ends();
	ck_assert_uint_eq(connections, 0);
}
END_TEST

START_TEST(one_that_was_restarted)
{
	static const enum step before[] = {STEP_TOLD_AND_CLOSE, STEP_END};
	static const enum step after[] = {STEP_TOLD_TWO, STEP_END};
	uint64_t n = 7;

	redis_starts(before);
	OK(cache_publish(cache, "c", "x", 1, &n));
	ck_assert_uint_eq(n, 0);
	redis_ends();
	redis_starts(after);
	/* The connection is dead, and nobody notices but us. */
	OK(cache_publish(cache, "c", "x", 1, &n));
	ck_assert_uint_eq(n, 2);
	redis_ends();
}
END_TEST

/* What it says, and how it is dealt with: each is a failure. */
static const enum step bad[][3] = {
	{STEP_ERROR, STEP_END},
	{STEP_OTHER_KIND, STEP_END},
	{STEP_SILENCE, STEP_END},
	{STEP_HANG_UP, STEP_END},
};

START_TEST(no_answer_is_a_failure)
{
	uint64_t n = 7;

	/* Long enough for the thread to see it come. */
	cache_set_patience(cache,
		bad[_i][0] == STEP_SILENCE ? 8 * US_PER_SECOND : US_PER_MINUTE,
		US_PER_HOUR);
	redis_starts(bad[_i]);
	AWAY(cache_publish(cache, "c", "x", 1, &n));
	ck_assert_uint_eq(n, 7);
	ck_assert_str_ne(cache_reason(cache), "");
	/* It is given up, and not asked again at once. */
	AWAY(cache_publish(cache, "c", "x", 1, &n));
	ck_assert_uint_eq(connections, 1);
	redis_ends();
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("cache");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, set_up, tear_down);
	tcase_set_timeout(all, 60);
	tcase_add_test(all, publishes);
	tcase_add_test(all, is_away_and_comes);
	tcase_add_test(all, is_left_alone_for_a_while);
	tcase_add_test(all, one_that_was_restarted);
	tcase_add_loop_test(all, no_answer_is_a_failure, 0, N_ELEMENTS(bad));
	suite_add_tcase(s, all);
	return s;
}
