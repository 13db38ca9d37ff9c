/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_shared.c - what processes share: a mapped file, its mutexes, a socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/shared_file.h"
#include "base/unix_listen.h"
#include "t/harness/suite.h"

struct page {
	pthread_mutex_t mutex;
	int prepared; /* how often */
	int value;
};

static char dir[] = "/tmp/test-shared-XXXXXX";
static char path[64];

static void
set_up(void)
{
	strcpy(dir, "/tmp/test-shared-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/it", dir);
}

static void
tear_down(void)
{
	unlink(path);
	rmdir(dir);
}

/* ---- The file ------------------------------------------------------------ */

static bool
prepare(void *at)
{
	struct page *page = at;

	page->prepared++;
	return shared_mutex_init(&page->mutex);
}

static struct page *
open_page(struct shared_file *file, enum shared_past past)
{
	ck_assert(shared_file_open(
		file, path, sizeof(struct page), past, prepare));
	return file->at;
}

START_TEST(the_first_prepares_it)
{
	struct shared_file one, two;
	struct page *mine = open_page(&one, SHARED_ANEW);
	struct page *yours = open_page(&two, SHARED_ANEW);

	mine->value = 7;
	ck_assert_int_eq(yours->value, 7);
	ck_assert_int_eq(yours->prepared, 1);
	shared_file_close(&one);
	/* The other one has it still, so a third finds it as it is. */
	mine = open_page(&one, SHARED_ANEW);
	ck_assert_int_eq(mine->value, 7);
	shared_file_close(&one);
	shared_file_close(&two);
}
END_TEST

START_TEST(what_was_left_is_kept_or_not)
{
	struct shared_file file;

	open_page(&file, SHARED_KEPT)->value = 7;
	shared_file_close(&file);
	ck_assert_int_eq(open_page(&file, SHARED_KEPT)->value, 7);
	shared_file_close(&file);
	ck_assert_int_eq(open_page(&file, SHARED_ANEW)->value, 0);
	shared_file_close(&file);
	/* Another version's. */
	open_page(&file, SHARED_KEPT)->value = 7;
	shared_file_close(&file);
	ck_assert_int_eq(truncate(path, sizeof(struct page) + 1), 0);
	ck_assert_int_eq(open_page(&file, SHARED_KEPT)->value, 0);
	shared_file_close(&file);
}
END_TEST

/* A write that finds no room on the disk would be a SIGBUS. */
START_TEST(its_room_is_taken_beforehand)
{
	const size_t size = 1 << 20;
	struct shared_file file;
	struct stat st;

	ck_assert(shared_file_open(&file, path, size, SHARED_ANEW, prepare));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_size, size);
	ck_assert_uint_ge((uint64_t)st.st_blocks * 512, size);
	shared_file_close(&file);
	ck_assert(shared_file_open(
		&file, path, size / 2, SHARED_KEPT, prepare));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_size, size / 2);
	shared_file_close(&file);
}
END_TEST

START_TEST(what_cannot_be_opened_says_why)
{
	struct shared_file file;

	ck_assert(!shared_file_open(&file, "/nonexistent/it",
		sizeof(struct page), SHARED_ANEW, prepare));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(symlink("/etc/hostname", path), 0);
	ck_assert(!shared_file_open(
		&file, path, sizeof(struct page), SHARED_ANEW, prepare));
	ck_assert_int_eq(errno, ELOOP);
	shared_file_close(&file);
}
END_TEST

START_TEST(the_next_is_told_who_died)
{
	struct shared_file file;
	struct page *page = open_page(&file, SHARED_ANEW);
	bool died = true;
	pid_t child;

	child = fork();
	if (child == 0) {
		shared_mutex_lock(&page->mutex);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(shared_mutex_lock(&page->mutex));
	pthread_mutex_unlock(&page->mutex);
	ck_assert_int_eq(shared_mutex_try(&page->mutex, 0, &died), ST_OK);
	ck_assert(!died);
	child = fork();
	if (child == 0)
		_exit(shared_mutex_try(&page->mutex, 0, &died) !=
			ST_UNAVAILABLE);
	ck_assert_int_eq(waitpid(child, &page->value, 0), child);
	ck_assert_int_eq(page->value, 0);
	pthread_mutex_unlock(&page->mutex);
	shared_file_close(&file);
}
END_TEST

/* ---- The socket ---------------------------------------------------------- */

START_TEST(nobody_takes_anothers_socket)
{
	struct stat st;
	int fd = unix_listen(path, 8, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_int_eq(unix_listen(path, 8, 0), -1);
	ck_assert_int_eq(errno, EADDRINUSE);
	/* Whoever ended has left his, and it is nobody's. */
	close(fd);
	fd = unix_listen(path, 8, SOCK_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(accept(fd, NULL, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	close(fd);
}
END_TEST

START_TEST(a_name_may_be_too_long)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(unix_listen(name, 8, 0), -1);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("shared");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(files, set_up, tear_down);
	tcase_add_test(files, the_first_prepares_it);
	tcase_add_test(files, what_was_left_is_kept_or_not);
	tcase_add_test(files, its_room_is_taken_beforehand);
	tcase_add_test(files, what_cannot_be_opened_says_why);
	tcase_add_test(files, the_next_is_told_who_died);
	tcase_add_test(files, nobody_takes_anothers_socket);
	tcase_add_test(files, a_name_may_be_too_long);
	suite_add_tcase(s, files);
	return s;
}
