/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal_kill.c - SIGKILL on a real disk, with helper and snapshots.
 *
 * A process appends, and says in shared memory what has been acknowledged.
 * It is killed at some moment; the next one has to find all of that.
 */
#include "t/harness/suite.h"
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/reader.h"
#include "journal/verify.h"
#include "t/sim/journal_kit.h"

struct shared {
	_Atomic uint64_t acknowledged;
	_Atomic uint64_t recovered; /* what the last start has found */
};

static char dir[64], archive[80];
static struct shared *shared;
static struct journal_options options;
static struct reason reason;

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/quantora-kill-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(archive, sizeof(archive), "%s/archive", dir);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	options = kit_options();
	options.dir = dir;
	options.archive = archive;
}

static void
teardown(void)
{
	char command[96];
	int status;

	munmap(shared, sizeof(*shared));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}

/* A matcher without an engine: never returns. */
static void
live(void)
{
	struct journal_helper helper;
	struct kit_replay replay;
	struct journal *journal;

	options.helper = &helper;
	kit_replay_init(&replay, NULL, 0);
	if (journal_helper_start(disk_posix(), &options, &helper, &reason) !=
			ST_OK ||
		kit_open(disk_posix(), &options, &replay, &journal, &reason) !=
			ST_OK ||
		replay.bad != 0) {
		fprintf(stderr, "%s\n", reason.text);
		_exit(2);
	}
	atomic_store(&shared->recovered, journal_next_seq(journal) - 1);
	for (unsigned i = 0;; i++) {
		if (kit_append(journal, i % 37 + 1, 1) != ST_OK)
			_exit(3);
		atomic_store(&shared->acknowledged,
			journal_durable_seq(journal));
		if (i % 20 == 7 && journal_tick(journal, KIT_TIME) != ST_OK)
			_exit(4);
		if (i % 50 == 20 && kit_snapshot(disk_posix(), dir, journal) !=
				ST_OK)
			_exit(5);
	}
}

START_TEST(again_and_again)
{
	struct journal_report report;
	uint64_t acknowledged = 0;

	for (uint64_t i = 0; i < kit_scale(40, 1000); i++) {
		uint64_t until = acknowledged + i * 97 % 1500;
		pid_t child = fork();
		int status;

		if (child == 0)
			live();
		while (atomic_load(&shared->acknowledged) <= until &&
			waitpid(child, &status, WNOHANG) == 0)
			sched_yield();
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		ck_assert(WIFSIGNALED(status));
		ck_assert_uint_ge(atomic_load(&shared->recovered),
			acknowledged);
		acknowledged = atomic_load(&shared->acknowledged);
	}
	options.helper = NULL;
	ck_assert_msg(journal_verify(disk_posix(), dir, archive, &report,
			      &reason) == ST_OK, "%s", reason.text);
	ck_assert_uint_ge(report.last_seq, acknowledged);
	ck_assert_uint_eq(report.first_seq, 1);
	ck_assert_uint_eq(report.records, report.last_seq);
	ck_assert_uint_gt(report.archived, 0);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal kill");
	TCase *kills = tcase_create("kills");

	tcase_add_checked_fixture(kills, setup, teardown);
	tcase_set_timeout(kills, 600); /* the long form */
	tcase_add_test(kills, again_and_again);
	suite_add_tcase(s, kills);
	return s;
}
