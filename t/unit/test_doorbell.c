/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_doorbell.c - rings are cheap, and may be lost; the last is not.
 */
#include "t/harness/suite.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/doorbell.h"

static char dir[64];
static struct doorbells *bells;
static struct reason reason;

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/quantora-bell-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(doorbells_open(dir, &bells, &reason), ST_OK);
}

static void
teardown(void)
{
	doorbells_close(bells);
	ck_assert_int_eq(rmdir(dir), 0);
}

static int
bind_bell(const char *name)
{
	int fd = -1;

	ck_assert_msg(doorbell_bind(dir, name, &fd, &reason) == ST_OK, "%s",
		reason.text);
	return fd;
}

START_TEST(rings)
{
	int one = bind_bell("one"), two = bind_bell("two");
	uint64_t seq;

	doorbells_ring(bells, 1); /* nobody is known */
	doorbells_scan(bells);
	ck_assert_uint_eq(doorbells_count(bells), 2);
	doorbells_scan(bells); /* and known once */
	ck_assert_uint_eq(doorbells_count(bells), 2);
	ck_assert_int_eq(doorbell_take(one, &seq), ST_NOT_FOUND);
	doorbells_ring(bells, 5);
	doorbells_ring(bells, 6);
	ck_assert_int_eq(doorbell_take(one, &seq), ST_OK);
	ck_assert_uint_eq(seq, 6);
	ck_assert_int_eq(doorbell_take(one, &seq), ST_NOT_FOUND);
	ck_assert_int_eq(doorbell_take(two, &seq), ST_OK);
	ck_assert_uint_eq(seq, 6);
	doorbell_unbind(dir, "one", one);
	doorbell_unbind(dir, "two", two);
}
END_TEST

/* Nobody takes them: the matcher does not wait, and goes on when he does. */
START_TEST(a_full_socket_is_skipped)
{
	int fd = bind_bell("slow");
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	uint64_t seq;

	doorbells_scan(bells);
	for (uint64_t i = 1; i <= 100000; i++)
		doorbells_ring(bells, i);
	ck_assert_uint_eq(doorbells_count(bells), 1);
	/* He is woken, drains, and then looks how far it goes. */
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 1);
	ck_assert_int_eq(doorbell_take(fd, &seq), ST_OK);
	ck_assert_uint_ge(seq, 1);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);
	doorbells_ring(bells, 100001);
	ck_assert_int_eq(doorbell_take(fd, &seq), ST_OK);
	ck_assert_uint_eq(seq, 100001);
	doorbell_unbind(dir, "slow", fd);
}
END_TEST

/* A follower that died is forgotten, and found when it is back. */
START_TEST(the_dead_are_forgotten)
{
	int fd = bind_bell("settlerd"), other = bind_bell("other");
	uint64_t seq;

	doorbells_scan(bells);
	close(fd); /* and the name stays behind */
	doorbells_ring(bells, 7);
	ck_assert_uint_eq(doorbells_count(bells), 1);
	ck_assert_int_eq(doorbell_take(other, &seq), ST_OK);
	fd = bind_bell("settlerd");
	doorbells_scan(bells);
	doorbells_ring(bells, 8);
	ck_assert_int_eq(doorbell_take(fd, &seq), ST_OK);
	ck_assert_uint_eq(seq, 8);
	doorbell_unbind(dir, "settlerd", fd);
	doorbells_ring(bells, 9); /* ENOENT */
	ck_assert_uint_eq(doorbells_count(bells), 1);
	doorbell_unbind(dir, "other", other);
}
END_TEST

START_TEST(names_that_are_too_long)
{
	char name[120];
	int fd;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(doorbell_bind(dir, name, &fd, &reason), ST_INVALID);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("doorbell");
	TCase *sockets = tcase_create("sockets");

	tcase_add_checked_fixture(sockets, setup, teardown);
	tcase_add_test(sockets, rings);
	tcase_add_test(sockets, a_full_socket_is_skipped);
	tcase_add_test(sockets, the_dead_are_forgotten);
	tcase_add_test(sockets, names_that_are_too_long);
	suite_add_tcase(s, sockets);
	return s;
}
