/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_log.c - lines that are written at once, and lines that wait for others.
 *
 * Check runs each test in a process of its own, so stderr may be a pipe here.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "t/harness/suite.h"

#define PATIENCE_MS 300000

/* Where the lines come out. */
static int
pipe_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	close(ends[1]);
	log_open("test", LOG_LEVEL_INFO);
	return ends[0];
}

/* What one read() gives, or "". */
static const char *
take(int fd)
{
	static char text[16384];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		text++;
		n++;
	}
	return n;
}

START_TEST(a_line_is_written_at_once)
{
	int fd = pipe_stderr();
	const char *text;

	log_info("a\nb %d", 7);
	text = take(fd);
	ck_assert_uint_eq(count_lines(text), 1);
	ck_assert(strncmp(text, "info ", 5) == 0);
	ck_assert_ptr_nonnull(strstr(text, " test a\\x0ab 7\n"));
}
END_TEST

START_TEST(gathered_lines_come_by_themselves)
{
	int fd = pipe_stderr();
	struct pollfd pipe_fd = {.fd = fd, .events = POLLIN};
	const char *text;
	int n;

	log_gather();
	log_info("first");
	log_info("second");
	ck_assert_str_eq(take(fd), "");
	/* Nobody logs any more; the timer's signal ends the poll, too. */
	do
		n = poll(&pipe_fd, 1, PATIENCE_MS);
	while (n < 0);
	ck_assert_int_eq(n, 1);
	text = take(fd);
	ck_assert_uint_eq(count_lines(text), 2);
	ck_assert(strstr(text, "first") < strstr(text, "second"));
	/* And again, once it has rung. */
	log_info("third");
	do
		n = poll(&pipe_fd, 1, PATIENCE_MS);
	while (n < 0);
	ck_assert_int_eq(n, 1);
	ck_assert_ptr_nonnull(strstr(take(fd), "third"));
}
END_TEST

START_TEST(what_is_wrong_does_not_wait)
{
	int fd = pipe_stderr();
	const char *text;

	log_gather();
	log_info("before");
	log_warn("wrong");
	text = take(fd);
	ck_assert_uint_eq(count_lines(text), 2);
	ck_assert(strstr(text, "before") < strstr(text, "wrong"));
	log_info("after");
	ck_assert_str_eq(take(fd), "");
	log_flush();
	ck_assert_ptr_nonnull(strstr(take(fd), "after"));
	log_flush();
	ck_assert_str_eq(take(fd), "");
}
END_TEST

/* More than is gathered: nothing is lost, doubled, cut or out of order. */
START_TEST(many_lines_stay_in_order)
{
	int fd = pipe_stderr();
	static char all[65536];
	size_t length = 0, i;
	const char *at = all;

	log_gather();
	for (i = 0; i < 200; i++) {
		const char *text;

		log_info("number=%zu.", i);
		text = take(fd);
		ck_assert(!*text || text[strlen(text) - 1] == '\n');
		length += (size_t)snprintf(all + length, sizeof(all) - length,
			"%s", text);
	}
	log_flush();
	snprintf(all + length, sizeof(all) - length, "%s", take(fd));
	ck_assert_uint_eq(count_lines(all), 200);
	for (i = 0; i < 200; i++) {
		char want[32];

		snprintf(want, sizeof(want), "number=%zu.\n", i);
		at = strstr(at, want);
		ck_assert_ptr_nonnull(at);
	}
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("log");
	TCase *lines = tcase_create("lines");

	tcase_set_timeout(lines, 60);
	tcase_add_test(lines, a_line_is_written_at_once);
	tcase_add_test(lines, gathered_lines_come_by_themselves);
	tcase_add_test(lines, what_is_wrong_does_not_wait);
	tcase_add_test(lines, many_lines_stay_in_order);
	suite_add_tcase(s, lines);
	return s;
}
