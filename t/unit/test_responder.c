/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_responder.c - the protocol, byte by byte and cut anywhere.
 *
 * The test is the web server at the other end of a socket pair.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http/responder.h"
#include "t/harness/suite.h"

#define REQUEST_ID 0x0102

static struct arena *arena;
static struct responder *responder;
static struct incoming in;
static int ours, theirs;
static unsigned char request[400000];
static size_t length;

static void
setup(void)
{
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	theirs = fds[0];
	ours = fds[1];
	arena = arena_new();
	responder = responder_new(-1);
	length = 0;
}

static void
teardown(void)
{
	responder_free(responder);
	responder_free(NULL);
	arena_free(arena);
	close(theirs);
}

/* ---- The web server ---------------------------------------------------- */

static void
put_record(unsigned id, unsigned type, const void *content, size_t n,
	unsigned padding)
{
	unsigned char header[8] = {1, (unsigned char)type,
		(unsigned char)(id >> 8), (unsigned char)id,
		(unsigned char)(n >> 8), (unsigned char)n,
		(unsigned char)padding, 0};

	memcpy(request + length, header, 8);
	if (n > 0)
		memcpy(request + length + 8, content, n);
	memset(request + length + 8 + n, 0xee, padding);
	length += 8 + n + padding;
}

static void
put_begin(unsigned role, unsigned flags)
{
	unsigned char body[8] = {0, (unsigned char)role, (unsigned char)flags};

	put_record(REQUEST_ID, 1, body, 8, 0);
}

static void
put_text(unsigned char *stream, size_t *n, const char *text)
{
	memcpy(stream + *n, text, strlen(text));
	*n += strlen(text);
}

/* "POST", a long value, an empty one; cut into records of AT MOST bytes. */
static void
put_params(size_t at_most)
{
	static unsigned char stream[1024];
	size_t n = 0, at;

	put_text(stream, &n, "\x0e\x04REQUEST_METHODPOST");
	put_text(stream, &n, "\x0b\x02REQUEST_URI/x");
	/* 300 characters: a length of four bytes */
	memcpy(stream + n, "\x0b\x80\x00\x01\x2c", 5);
	n += 5;
	put_text(stream, &n, "HTTP_X_LONG");
	memset(stream + n, 'v', 300);
	n += 300;
	memcpy(stream + n, "\x0c\x00", 2);
	n += 2;
	put_text(stream, &n, "CONTENT_TYPE");
	for (at = 0; at < n; at += at_most)
		put_record(REQUEST_ID, 4, stream + at,
			n - at < at_most ? n - at : at_most, at % 7);
	put_record(REQUEST_ID, 4, NULL, 0, 0);
}

static void
put_body(const char *text, size_t at_most)
{
	size_t n = strlen(text), at;

	for (at = 0; at < n; at += at_most)
		put_record(REQUEST_ID, 5, text + at,
			n - at < at_most ? n - at : at_most, 3);
	put_record(REQUEST_ID, 5, NULL, 0, 0);
}

/* How the request is sent: in pieces of STEP bytes, from a thread. */
static size_t step;

static void *
send_request(void *arg)
{
	size_t at;

	(void)arg;
	for (at = 0; at < length; at += step)
		if (send(theirs, request + at,
			    length - at < step ? length - at : step,
			    MSG_NOSIGNAL) < 0)
			break;
	return NULL;
}

/* All that comes back until the end, without the records around it. */
static char *
read_reply(size_t *n)
{
	static unsigned char bytes[600000];
	static char content[600000];
	size_t have = 0, at = 0, got = 0;
	ssize_t some;
	int last = 0;

	while ((some = recv(theirs, bytes + have, sizeof(bytes) - have, 0)) > 0)
		have += (size_t)some;
	while (at + 8 <= have) {
		const unsigned char *header = bytes + at;
		size_t size = (size_t)header[4] << 8 | header[5];

		ck_assert_uint_eq(header[0], 1);
		ck_assert_uint_eq(header[2] << 8 | header[3], REQUEST_ID);
		last = header[1];
		if (last == 6) {
			memcpy(content + got, header + 8, size);
			got += size;
		} else {
			ck_assert_int_eq(last, 3);
			ck_assert_uint_eq(size, 8);
			ck_assert_uint_eq(header[8 + 4], 0);
		}
		at += 8 + size + header[6];
	}
	ck_assert_uint_eq(at, have);
	ck_assert_int_eq(last, 3);
	content[got] = '\0';
	*n = got;
	return content;
}

/* ---- The worker -------------------------------------------------------- */

static const size_t steps[] = {1, 7, 8, 9, 64, 100000};

START_TEST(reads_a_request_cut_anywhere)
{
	char body[64] = "";
	pthread_t thread;
	size_t n;

	step = steps[_i];
	put_begin(1, 1);
	put_params(step < 64 ? 50 : 5000);
	put_body("{\"price\": 1.5}", step < 64 ? 4 : 5000);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_request, NULL), 0);
	ck_assert_int_eq(responder_take(responder, ours, arena, &in), ST_OK);
	ck_assert_str_eq(in.method, "POST");
	ck_assert_str_eq(in.uri, "/x");
	ck_assert_ptr_null(in.content_type);
	ck_assert_uint_eq(strlen(incoming_header(&in, "X-Long")), 300);
	ck_assert_ptr_null(incoming_header(&in, "X-Lon"));
	ck_assert_ptr_null(incoming_header(&in, "X-Longer"));
	ck_assert_uint_eq(in.read_body(in.source, body, 5), 5);
	ck_assert_str_eq(body, "{\"pri");
	ck_assert_uint_eq(in.read_body(in.source, body, 60), 9);
	ck_assert_str_eq(body, "ce\": 1.5}");
	ck_assert_uint_eq(in.read_body(in.source, body, 60), 0);
	ck_assert(responder_answer(responder, arena,
		(struct responder_text){"head\r\n\r\n", 8},
		(struct responder_text){"body", 4}));
	pthread_join(thread, NULL);
	ck_assert_str_eq(read_reply(&n), "head\r\n\r\nbody");
}
END_TEST

START_TEST(answers_before_the_body_was_read)
{
	static char body[300001];
	pthread_t thread;
	size_t n;

	/* More than the socket holds: the server is still sending. */
	memset(body, 'b', sizeof(body) - 1);
	step = sizeof(request);
	put_begin(1, 0);
	put_params(5000);
	put_body(body, 60000);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_request, NULL), 0);
	ck_assert_int_eq(responder_take(responder, ours, arena, &in), ST_OK);
	ck_assert(responder_answer(responder, arena,
		(struct responder_text){"early", 5},
		(struct responder_text){"", 0}));
	/* It closes its end when it has the answer; here, when all is sent. */
	pthread_join(thread, NULL);
	ck_assert_str_eq(read_reply(&n), "early");
}
END_TEST

static const size_t sizes[] = {0, 1, 65530, 65531, 65535, 65536, 200000};

START_TEST(answers_of_any_size)
{
	char *body = malloc(sizes[_i] + 1), *reply;
	size_t n;

	memset(body, 'x', sizes[_i]);
	step = sizeof(request);
	put_begin(1, 0);
	put_params(5000);
	put_body("", 1);
	/* Room for all of it, since nobody reads before it is sent. */
	ck_assert_int_eq(setsockopt(ours, SOL_SOCKET, SO_SNDBUF,
				 &(int){1 << 20}, sizeof(int)),
		0);
	send_request(NULL);
	ck_assert_int_eq(responder_take(responder, ours, arena, &in), ST_OK);
	ck_assert(responder_answer(responder, arena,
		(struct responder_text){"head\n", 5},
		(struct responder_text){body, sizes[_i]}));
	reply = read_reply(&n);
	ck_assert_uint_eq(n, sizes[_i] + 5);
	ck_assert_mem_eq(reply + 5, body, sizes[_i]);
	free(body);
}
END_TEST

START_TEST(skips_what_is_of_no_request)
{
	step = sizeof(request);
	put_record(0, 9, "GET_VALUES", 10, 5);
	put_begin(1, 0);
	put_record(0, 9, "", 0, 0);
	put_params(100);
	send_request(NULL);
	ck_assert_int_eq(responder_take(responder, ours, arena, &in), ST_OK);
	ck_assert_str_eq(in.method, "POST");
}
END_TEST

START_TEST(keeps_the_needed_of_very_many)
{
	char text[40];
	int i;

	incoming_init(&in);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "HTTP_X_%d", i);
		incoming_add(&in, arena_strdup(arena, text), strlen(text), "1");
	}
	incoming_add(&in, "REQUEST_METHOD", 14, "GET");
	incoming_add(&in, "HTTP_AUTHORIZATION", 18, "bearer  x");
	ck_assert_str_eq(in.method, "GET");
	ck_assert_str_eq(incoming_token(&in), "x");
	ck_assert_str_eq(incoming_header(&in, "X-7"), "1");
}
END_TEST

/* ---- What is no request ------------------------------------------------ */

enum bad {
	BAD_NOTHING,
	BAD_VERSION,
	BAD_ROLE,
	BAD_BEGIN_LENGTH,
	BAD_NO_BEGIN,
	BAD_BODY_FIRST,
	BAD_CUT_PARAMS,
	BAD_OTHER_REQUEST,
	BAD_ABORT,
	BAD_NAME_TOO_LONG,
	BAD_LENGTH_CUT,
	BAD_HUGE_LENGTH,
	BADS
};

static void
put_bad(enum bad bad)
{
	if (bad == BAD_NOTHING)
		return;
	if (bad == BAD_BEGIN_LENGTH)
		put_record(REQUEST_ID, 1, "1234", 4, 0);
	else if (bad != BAD_NO_BEGIN)
		put_begin(bad == BAD_ROLE ? 2 : 1, 0);
	if (bad == BAD_VERSION)
		request[0] = 2;
	if (bad == BAD_BODY_FIRST)
		put_record(REQUEST_ID, 5, "x", 1, 0);
	if (bad == BAD_OTHER_REQUEST)
		put_record(REQUEST_ID + 1, 4, "x", 1, 0);
	if (bad == BAD_ABORT)
		put_record(REQUEST_ID, 2, NULL, 0, 0);
	if (bad == BAD_NAME_TOO_LONG)
		put_record(REQUEST_ID, 4, "\x05\x01" "abc", 5, 0);
	if (bad == BAD_LENGTH_CUT)
		put_record(REQUEST_ID, 4, "\x80\x00", 2, 0);
	if (bad == BAD_HUGE_LENGTH)
		put_record(REQUEST_ID, 4, "\xff\xff\xff\xff\xff\xff\xff\xff", 8,
			0);
	put_params(200);
	if (bad == BAD_CUT_PARAMS)
		length -= 20;
}

START_TEST(hangs_up_on)
{
	char byte;

	step = sizeof(request);
	put_bad((enum bad)_i);
	send_request(NULL);
	shutdown(theirs, SHUT_WR);
	ck_assert_int_eq(responder_take(responder, ours, arena, &in),
		ST_MALFORMED);
	ck_assert_int_le(recv(theirs, &byte, 1, 0), 0);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("responder");
	TCase *c = tcase_create("responder");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, reads_a_request_cut_anywhere, 0,
		N_ELEMENTS(steps));
	tcase_add_test(c, answers_before_the_body_was_read);
	tcase_add_loop_test(c, answers_of_any_size, 0, N_ELEMENTS(sizes));
	tcase_add_test(c, skips_what_is_of_no_request);
	tcase_add_test(c, keeps_the_needed_of_very_many);
	tcase_add_loop_test(c, hangs_up_on, 0, BADS);
	suite_add_tcase(s, c);
	return s;
}
