/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_permission.c - the names of permissions, and the page of who lacks one.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/permission.h"
#include "base/ctx.h"
#include "domain/permission.h"
#include "t/harness/suite.h"

#define TRADE PERMISSION_BIT(PERMISSION_TRADE)
#define WITHDRAW PERMISSION_BIT(PERMISSION_WITHDRAW)

START_TEST(names_are_read_back)
{
	enum permission p, found;

	for (p = PERMISSION_NONE + 1; p < PERMISSIONS; p++) {
		ck_assert(permission_parse(permission_name(p), &found));
		ck_assert_int_eq(found, p);
	}
	ck_assert(!permission_parse("", &found));
	ck_assert(!permission_parse("Trade", &found));
	ck_assert_int_le(PERMISSIONS, 32); /* bits of a set */
}
END_TEST

START_TEST(a_higher_role_brings_more)
{
	uint32_t user = permissions_of_role(ROLE_USER);
	uint32_t operator= permissions_of_role(ROLE_OPERATOR);
	uint32_t admin = permissions_of_role(ROLE_ADMIN);

	ck_assert(user & TRADE);
	ck_assert(!(user & PERMISSION_BIT(PERMISSION_MANAGE_USERS)));
	ck_assert(operator& PERMISSION_BIT(PERMISSION_MANAGE_USERS));
	ck_assert_uint_eq(user & ~operator, 0);
	ck_assert_uint_eq(operator& ~admin, 0);
	ck_assert(!(admin & PERMISSION_BIT(PERMISSION_NONE)));
}
END_TEST

/* ---- The page
 * ---------------------------------------------------------------- */

static char path[64];
static struct permission_page *page;

static struct permission_page *
open_page(void)
{
	char *reason = NULL;
	struct permission_page *opened = permission_page_open(path, &reason);

	ck_assert_msg(opened != NULL, "%s", reason);
	return opened;
}

static void
setup(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/quantora-may.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	page = open_page();
}

static void
teardown(void)
{
	permission_page_free(page);
	unlink(path);
}

/* Users FIRST, FIRST + 2, … lack DENIED. */
static void
put_in_force(uint32_t first, uint32_t n, uint32_t denied)
{
	ck_assert_int_eq(permission_page_hold(page), ST_OK);
	permission_page_stale(page);
	permission_page_begin(page);
	for (uint32_t i = 0; i < n; i++)
		ck_assert_int_eq(
			permission_page_add(page, first + 2 * i, denied),
			ST_OK);
	permission_page_commit(page);
	permission_page_release(page);
}

static uint32_t
denied_of(uint32_t user)
{
	uint32_t denied = ~UINT32_C(0);

	ck_assert_int_eq(permission_page_find(page, user, &denied), ST_OK);
	return denied;
}

START_TEST(nobody_knows_before_it_was_made)
{
	uint32_t denied;

	ck_assert(!permission_page_loaded(page));
	ck_assert_int_eq(
		permission_page_find(page, 1, &denied), ST_UNAVAILABLE);
	put_in_force(1, 0, 0);
	ck_assert(permission_page_loaded(page));
	ck_assert_uint_eq(denied_of(1), 0);
}
END_TEST

START_TEST(finds_all_and_no_others)
{
	for (uint32_t n = 1; n < 40; n++) {
		put_in_force(10, n, TRADE);
		for (uint32_t user = 0; user < 100; user++)
			ck_assert_uint_eq(denied_of(user),
				user >= 10 && user < 10 + 2 * n && user % 2 == 0
					? TRADE
					: 0);
	}
}
END_TEST

START_TEST(what_is_being_made_is_not_in_force)
{
	put_in_force(10, 1, TRADE);
	ck_assert_int_eq(permission_page_hold(page), ST_OK);
	permission_page_stale(page);
	ck_assert(!permission_page_loaded(page));
	permission_page_begin(page);
	ck_assert_int_eq(permission_page_add(page, 10, WITHDRAW), ST_OK);
	ck_assert_uint_eq(denied_of(10), TRADE);
	permission_page_commit(page);
	ck_assert_uint_eq(denied_of(10), WITHDRAW);
	permission_page_release(page);
}
END_TEST

START_TEST(it_has_an_end)
{
	uint32_t n = 0;

	put_in_force(10, 1, TRADE);
	permission_page_begin(page);
	while (permission_page_add(page, n + 1, WITHDRAW) == ST_OK)
		n++;
	ck_assert_uint_ge(n, 65536);
	/* What does not fit whole does not come into force. */
	ck_assert_uint_eq(denied_of(10), TRADE);
}
END_TEST

/* Until it is loaded again, the next run believes the last. */
START_TEST(outlives_its_run)
{
	put_in_force(10, 3, TRADE);
	permission_page_free(page);
	page = open_page();
	ck_assert(!permission_page_loaded(page));
	ck_assert_uint_eq(denied_of(12), TRADE);
	put_in_force(12, 1, WITHDRAW);
	ck_assert_uint_eq(denied_of(10), 0);
	ck_assert_uint_eq(denied_of(12), WITHDRAW);
}
END_TEST

START_TEST(is_not_believed_when_it_is_something_else)
{
	FILE *file;
	uint32_t denied;

	put_in_force(10, 3, TRADE);
	permission_page_free(page);
	file = fopen(path, "r+");
	ck_assert_ptr_nonnull(file);
	fputs("what is this", file);
	fclose(file);
	page = open_page();
	ck_assert_int_eq(
		permission_page_find(page, 10, &denied), ST_UNAVAILABLE);
}
END_TEST

/* A writer that is killed leaves the page as it was, and to be loaded. */
START_TEST(survives_its_writer)
{
	pid_t child;
	int status;

	put_in_force(10, 1, TRADE);
	child = fork();
	if (child == 0) {
		if (permission_page_hold(page) != ST_OK)
			_exit(1);
		permission_page_stale(page);
		permission_page_begin(page);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert(!permission_page_loaded(page));
	ck_assert_uint_eq(denied_of(10), TRADE);
	put_in_force(10, 1, WITHDRAW);
	ck_assert_uint_eq(denied_of(10), WITHDRAW);
}
END_TEST

/* Who finds another at it goes on with what he has to do. */
START_TEST(a_load_does_not_wait_for_another)
{
	struct auth auth = {.permissions = page};
	struct ctx ctx = {.auth = &auth}; /* without a database */
	int ready[2], status;
	pid_t child;
	char byte;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (permission_page_hold(page) != ST_OK ||
			write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(permission_page_try_hold(page), ST_CONFLICT);
	ck_assert_int_eq(permissions_load(&ctx, false), ST_OK);
	ck_assert(!permission_page_loaded(page));
	ck_assert_int_eq(permissions_load(&ctx, true), ST_UNAVAILABLE);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	/* Of one who died it is taken over. */
	ck_assert_int_eq(permission_page_try_hold(page), ST_OK);
	permission_page_release(page);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* Whoever looks while tables change finds what one of them says. */
START_TEST(readers_see_whole_tables)
{
	pid_t child = fork();
	uint32_t i, denied;
	int status;

	if (child == 0) {
		for (i = 0; i < 200000; i++) {
			permission_page_begin(page);
			if (permission_page_add(page, 10,
				    i % 2 ? TRADE : WITHDRAW) != ST_OK)
				_exit(1);
			permission_page_commit(page);
		}
		_exit(0);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		if (permission_page_find(page, 10, &denied) != ST_OK)
			continue;
		ck_assert(denied == TRADE || denied == WITHDRAW);
	}
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(denied_of(10), TRADE);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("permission");
	TCase *names = tcase_create("names");
	TCase *pages = tcase_create("page");

	tcase_add_test(names, names_are_read_back);
	tcase_add_test(names, a_higher_role_brings_more);
	suite_add_tcase(s, names);
	tcase_add_checked_fixture(pages, setup, teardown);
	tcase_add_test(pages, nobody_knows_before_it_was_made);
	tcase_add_test(pages, finds_all_and_no_others);
	tcase_add_test(pages, what_is_being_made_is_not_in_force);
	tcase_add_test(pages, it_has_an_end);
	tcase_add_test(pages, outlives_its_run);
	tcase_add_test(pages, is_not_believed_when_it_is_something_else);
	tcase_add_test(pages, survives_its_writer);
	tcase_add_test(pages, a_load_does_not_wait_for_another);
	tcase_add_test(pages, readers_see_whole_tables);
	suite_add_tcase(s, pages);
	return s;
}
