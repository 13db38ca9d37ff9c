/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal.c - writing, reopening, segments, space.
 */
#include "t/harness/suite.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "journal/segment.h"
#include "journal/spare.h"
#include "journal/verify.h"
#include "journal/writer_state.h"
#include "t/sim/journal_kit.h"

static struct disk_sim *sim;
static struct disk *disk;
static struct journal_options options;
static struct journal *journal;
static struct kit_replay replay;
static struct reason reason;

static void
setup(void)
{
	sim = disk_sim_new(1);
	disk = disk_sim_disk(sim);
	options = kit_options();
	journal = NULL;
}

static void
teardown(void)
{
	disk_sim_free(sim);
}

static enum status
reopen(void)
{
	kit_replay_init(&replay, NULL, 0);
	return kit_open(disk, &options, &replay, &journal, &reason);
}

static void
must_open(void)
{
	enum status status = reopen();

	ck_assert_msg(status == ST_OK, "%s: %s", status_name(status),
		reason.text);
}

static void
append(unsigned batches, uint32_t n)
{
	while (batches-- > 0)
		ck_assert_int_eq(kit_append(journal, n, 1), ST_OK);
}

/* One round of the helper, in this process. */
static int
help(void)
{
	struct journal_helper_page page = {0};

	return journal_helper_round(disk, &options, &page);
}

static struct segment_list
segments(void)
{
	const struct segment_home home = {disk, KIT_DIR, KIT_ARCHIVE};
	struct segment_list list;

	ck_assert_int_eq(segment_list_load(&home, &list, &reason), ST_OK);
	return list;
}

START_TEST(is_made_when_asked)
{
	options.create = false;
	ck_assert_int_eq(reopen(), ST_NOT_FOUND);
	options.create = true;
	must_open();
	ck_assert_uint_eq(journal_next_seq(journal), 1);
	ck_assert(ident_equal(journal_identity(journal), options.identity));
	ck_assert_int_eq(journal_close(journal), ST_OK);
	/* And keeps its name. */
	options.identity = ident_make(9, 9, 9);
	options.create = false;
	must_open();
	ck_assert(ident_equal(journal_identity(journal), ident_make(1, 2, 3)));
	journal_abandon(journal);
}
END_TEST

START_TEST(comes_back_as_written)
{
	must_open();
	append(10, 7);
	ck_assert_uint_eq(journal_durable_seq(journal), 70);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	must_open();
	ck_assert_uint_eq(replay.first, 1);
	ck_assert_uint_eq(replay.last, 70);
	ck_assert_uint_eq(replay.bad, 0);
	ck_assert_uint_eq(journal_next_seq(journal), 71);
	ck_assert_int_eq(journal_last_time_us(journal), KIT_TIME + 64);
	append(1, 1);
	journal_abandon(journal);
	must_open();
	ck_assert_uint_eq(replay.last, 71);
	ck_assert_uint_eq(replay.bad, 0);
	journal_abandon(journal);
}
END_TEST

START_TEST(goes_on_in_new_segments)
{
	struct segment_list list;

	must_open();
	append(100, 20);
	list = segments();
	ck_assert_uint_gt(list.count, 3);
	ck_assert_uint_eq(list.entries[0].first_seq, 1);
	segment_list_free(&list);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	must_open();
	ck_assert_uint_eq(replay.last, journal_next_seq(journal) - 1);
	ck_assert_uint_eq(replay.bad, 0);
	journal_abandon(journal);
}
END_TEST

START_TEST(has_one_writer)
{
	struct journal *other;

	must_open();
	ck_assert_int_eq(kit_open(disk, &options, &replay, &other, &reason),
		ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(reason.text, "another process"));
	journal_abandon(journal);
}
END_TEST

/* The same on a real disk, between two processes; a child does not share it. */
START_TEST(has_one_writer_really)
{
	char path[] = "/tmp/quantora-lock-XXXXXX";
	struct disk_file *lock;
	int status, code;
	pid_t child;

	close(mkstemp(path));
	ck_assert_int_eq(disk_lock(disk_posix(), path, &lock), 0);
	child = fork();
	if (child == 0) {
		code = disk_lock(disk_posix(), path, &lock);
		_exit(code == -EWOULDBLOCK ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	disk_close(lock);
	ck_assert_int_eq(disk_lock(disk_posix(), path, &lock), 0);
	disk_close(lock);
	unlink(path);
}
END_TEST

START_TEST(an_upgraded_engine_begins_a_segment)
{
	struct segment_list list;

	must_open();
	append(3, 2);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	options.engine = 2;
	must_open();
	ck_assert_uint_eq(replay.replay.engine, 1);
	append(1, 1);
	list = segments();
	ck_assert_uint_eq(list.count, 2);
	ck_assert_uint_eq(list.entries[1].first_seq, 7);
	segment_list_free(&list);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	must_open();
	ck_assert_uint_eq(replay.last, 7);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	/* The old engine does not touch what the new one wrote. */
	options.engine = 1;
	ck_assert_int_eq(reopen(), ST_INVALID);
	ck_assert_ptr_nonnull(strstr(reason.text, "version 2 of the engine"));
}
END_TEST

START_TEST(buffers_alternate)
{
	void *one, *same, *two;
	size_t capacity, used;

	must_open();
	ck_assert_int_eq(journal_begin(journal, &one, &capacity), ST_OK);
	ck_assert_uint_eq(capacity, options.batch_bytes);
	ck_assert_int_eq(journal_begin(journal, &same, &capacity), ST_OK);
	ck_assert_ptr_eq(one, same);
	used = kit_record(one, 1, 1);
	ck_assert_int_eq(journal_write(journal, used, 1, 1, KIT_TIME), ST_OK);
	ck_assert_uint_eq(journal_durable_seq(journal), 0);
	/* The next batch can be begun while the sync runs. */
	ck_assert_int_eq(journal_begin(journal, &two, &capacity), ST_OK);
	ck_assert_ptr_ne(one, two);
	ck_assert(kit_is_record(one, 1, 1));
	ck_assert_int_eq(journal_sync(journal), ST_OK);
	ck_assert_uint_eq(journal_durable_seq(journal), 1);
	used = kit_record(two, 2, 1);
	ck_assert_int_eq(journal_commit(journal, used, 1, 2, KIT_TIME), ST_OK);
	ck_assert_uint_eq(journal_durable_seq(journal), 2);
	journal_abandon(journal);
}
END_TEST

/* A batch that is as large as it may be, again and again. */
START_TEST(largest_batches_fit)
{
	options.batch_bytes = SIZE_MAX;
	must_open();
	append(20, UINT32_MAX);
	journal_abandon(journal);
	must_open();
	ck_assert_uint_gt(replay.last, 20 * 50);
	ck_assert_uint_eq(replay.bad, 0);
	journal_abandon(journal);
}
END_TEST

START_TEST(helper_keeps_two_spares)
{
	must_open();
	ck_assert_int_eq(help(), 0);
	ck_assert_int_eq(spare_count(disk, KIT_DIR, KIT_SEGMENT, NULL), 2);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert(!journal_disk_low(journal));
	append(30, 20); /* takes one */
	ck_assert_int_lt(spare_count(disk, KIT_DIR, KIT_SEGMENT, NULL), 2);
	ck_assert_int_eq(help(), 0);
	ck_assert_int_eq(spare_count(disk, KIT_DIR, KIT_SEGMENT, NULL), 2);
	/* Those of another size are of no use any more. */
	ck_assert_int_eq(journal_close(journal), ST_OK);
	options.segment_bytes *= 2;
	must_open();
	ck_assert_int_eq(spare_count(disk, KIT_DIR, KIT_SEGMENT, NULL), 0);
	journal_abandon(journal);
}
END_TEST

/* What is low, what is full, and that both heal. */
START_TEST(a_full_disk_is_not_a_crash)
{
	uint64_t last;
	enum status status;

	/* The first segment and what little else there is; no spares. */
	disk_sim_capacity(sim, 2 * KIT_SEGMENT);
	must_open();
	ck_assert_int_eq(help(), -ENOSPC);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert(journal_disk_low(journal));
	do
		status = kit_append(journal, 20, 1);
	while (status == ST_OK);
	/* Nothing was applied, nothing has failed. */
	ck_assert_int_eq(status, ST_UNAVAILABLE);
	last = journal_next_seq(journal) - 1;
	ck_assert_uint_gt(last, 100);
	ck_assert_uint_eq(journal_durable_seq(journal), last);
	/* Full as it is, it can be started. */
	ck_assert_int_eq(journal_close(journal), ST_OK);
	must_open();
	ck_assert_uint_eq(replay.last, last);
	ck_assert(journal_disk_low(journal));
	ck_assert_int_eq(kit_append(journal, 20, 1), ST_UNAVAILABLE);
	/* Space returns. */
	disk_sim_capacity(sim, 8 << 20);
	ck_assert_int_eq(help(), 0);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert(!journal_disk_low(journal));
	append(1, 20);
	journal_abandon(journal);
	must_open();
	ck_assert_uint_eq(replay.last, last + 20);
	journal_abandon(journal);
}
END_TEST

/* Two spares are 128 KiB of orders that can still be cancelled. */
START_TEST(spares_last_a_while)
{
	unsigned batches = 0;

	disk_sim_capacity(sim, 4 * KIT_SEGMENT);
	must_open();
	append(1, 1);
	ck_assert_int_eq(help(), 0);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert(!journal_disk_low(journal));
	while (!journal_disk_low(journal)) {
		append(1, 20);
		batches++;
	}
	ck_assert_uint_gt(batches, 5);
	for (batches = 0; kit_append(journal, 20, 1) == ST_OK;)
		batches++;
	ck_assert_uint_gt(batches, 20);
	journal_abandon(journal);
	must_open();
	ck_assert_uint_eq(replay.bad, 0);
	journal_abandon(journal);
}
END_TEST

START_TEST(verify_agrees)
{
	struct journal_report report;

	must_open();
	append(100, 10);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert_int_eq(journal_verify(disk, KIT_DIR, KIT_ARCHIVE, &report,
		&reason), ST_OK);
	ck_assert(report.live);
	ck_assert_uint_eq(report.records, 1000);
	append(1, 10);
	journal_abandon(journal);
	ck_assert_int_eq(journal_verify(disk, KIT_DIR, KIT_ARCHIVE, &report,
		&reason), ST_OK);
	ck_assert(!report.live);
	ck_assert_uint_eq(report.records, 1010);
	ck_assert_uint_eq(report.last_seq, 1010);
	ck_assert_uint_eq(report.mark, 1000);
	ck_assert_uint_eq(report.snapshots, 1);
	ck_assert_uint_eq(report.snapshots_bad, 0);
}
END_TEST

/* The process that prepares segments, on a real disk. */
START_TEST(helper_process)
{
	char dir[] = "/tmp/quantora-helper-XXXXXX", archive[64], command[64];
	struct journal_helper helper;
	int status;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(archive, sizeof(archive), "%s/archive", dir);
	options.dir = dir;
	options.archive = archive;
	options.helper = &helper;
	disk = disk_posix();
	ck_assert_int_eq(journal_helper_start(disk, &options, &helper, &reason),
		ST_OK);
	must_open();
	append(50, 20);
	/* It was woken; what it does is seen in the shared page. */
	while (atomic_load(&helper.page->spares_made) < 2)
		usleep(1000);
	ck_assert(journal_helper_alive(&helper));
	ck_assert_int_eq(journal_helper_error(&helper), 0);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	journal_helper_stop(&helper);
	options.helper = NULL;
	must_open();
	ck_assert_uint_eq(replay.bad, 0);
	ck_assert_uint_eq(replay.last, 1000);
	journal_abandon(journal);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(a_batch_must_be_what_it_says)
{
	_Alignas(8) unsigned char record[KIT_RECORD_MAX];
	size_t capacity, used;
	void *buffer;

	must_open();
	ck_assert_int_eq(journal_begin(journal, &buffer, &capacity), ST_OK);
	used = kit_record(record, 2, 1); /* 1 is what must come */
	memcpy(buffer, record, used);
	ck_assert_int_eq(journal_commit(journal, used, 1, 1, KIT_TIME), ST_OK);
}
END_TEST

/*
 * What is on disk is read by programs of other versions: a change of these
 * numbers is a change of the format, and needs a new JOURNAL_FORMAT.
 */
START_TEST(the_format_is_pinned)
{
	static const struct {
		const char *path;
		uint32_t checksum;
	} files[] = {
		{KIT_DIR "/00000000000000000001.seg", 0xb7567bef},
		{KIT_DIR "/superblock", 0xe3ecce64},
		{KIT_DIR "/snapshot-00000000000000000090.snap", 0x729ac416},
	};

	must_open();
	append(3, 30);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	for (size_t i = 0; i < N_ELEMENTS(files); i++) {
		size_t size;
		const unsigned char *bytes =
			disk_sim_bytes(sim, files[i].path, &size);

		ck_assert_ptr_nonnull(bytes);
		ck_assert_msg(crc32c(0, bytes, size) == files[i].checksum,
			"%s: %08x", files[i].path, crc32c(0, bytes, size));
	}
	journal_abandon(journal);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal");
	TCase *writing = tcase_create("writing");
	TCase *space = tcase_create("space");

	tcase_add_checked_fixture(writing, setup, teardown);
	tcase_add_test(writing, is_made_when_asked);
	tcase_add_test(writing, comes_back_as_written);
	tcase_add_test(writing, goes_on_in_new_segments);
	tcase_add_test(writing, has_one_writer);
	tcase_add_test(writing, has_one_writer_really);
	tcase_add_test(writing, an_upgraded_engine_begins_a_segment);
	tcase_add_test(writing, buffers_alternate);
	tcase_add_test(writing, largest_batches_fit);
	tcase_add_test(writing, verify_agrees);
	tcase_add_test(writing, the_format_is_pinned);
	tcase_add_test_raise_signal(writing, a_batch_must_be_what_it_says,
		SIGABRT);
	suite_add_tcase(s, writing);
	tcase_add_checked_fixture(space, setup, teardown);
	tcase_add_test(space, helper_keeps_two_spares);
	tcase_add_test(space, a_full_disk_is_not_a_crash);
	tcase_add_test(space, spares_last_a_while);
	tcase_add_test(space, helper_process);
	suite_add_tcase(s, space);
	return s;
}
