/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal_reader.c - following, looking up, and reading the archive.
 */
#include "t/harness/suite.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/archiver.h"
#include "journal/lookup.h"
#include "journal/reader.h"
#include "journal/segment.h"
#include "t/sim/journal_kit.h"

static struct disk_sim *sim;
static struct disk *disk;
static struct journal_options options;
static struct journal *journal;
static struct journal_reader *reader;
static struct journal_lookup *lookup;
static struct reason reason;

static void
open_journal(void)
{
	struct kit_replay replay;
	enum status status;

	kit_replay_init(&replay, NULL, 0);
	status = kit_open(disk, &options, &replay, &journal, &reason);
	ck_assert_msg(status == ST_OK, "%s", reason.text);
	ck_assert_uint_eq(replay.bad, 0);
}

static void
setup(void)
{
	sim = disk_sim_new(3);
	disk = disk_sim_disk(sim);
	options = kit_options();
	journal = NULL;
	reader = NULL;
	lookup = NULL;
	open_journal();
}

static void
teardown(void)
{
	journal_reader_close(reader);
	journal_lookup_close(lookup);
	journal_abandon(journal);
	disk_sim_free(sim);
}

static void
append(unsigned batches, uint32_t n)
{
	while (batches-- > 0)
		ck_assert_int_eq(kit_append(journal, n, 1), ST_OK);
}

static void
open_reader(uint64_t after)
{
	journal_reader_close(reader);
	reader = NULL;
	ck_assert_msg(journal_reader_open(disk, options.dir, options.archive,
			      after, &reader, &reason) == ST_OK,
		"after %lu: %s", (unsigned long)after, reason.text);
}

/* Read on from AFTER; it must end with LAST, at the limit. */
static void
read_to(uint64_t after, uint64_t last)
{
	const struct record *record;
	enum status status;

	while ((status = journal_reader_next(reader, &record)) == ST_OK)
		ck_assert(kit_is_record(record, ++after, 1));
	ck_assert_msg(status == ST_NOT_FOUND, "%s",
		journal_reader_reason(reader));
	ck_assert_uint_eq(after, last);
	ck_assert_uint_eq(journal_reader_seq(reader), last);
}

/* Snapshots of the present, so that all closed segments may go. */
static void
archive_all(void)
{
	int n;

	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	append(1, 1);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	append(1, 1);
	while ((n = archive_next(disk, options.dir, options.archive,
			&reason)) == 1)
		;
	ck_assert_int_eq(n, 0);
}

static struct segment_list
segments(void)
{
	const struct segment_home home = {disk, options.dir, options.archive};
	struct segment_list list;

	ck_assert_int_eq(segment_list_load(&home, &list, &reason), ST_OK);
	return list;
}

START_TEST(reads_no_further_than_its_limit)
{
	const struct record *record;

	append(40, 10);
	open_reader(0);
	ck_assert_int_eq(journal_reader_next(reader, &record), ST_NOT_FOUND);
	for (uint64_t limit = 1; limit <= 400; limit += 7) {
		journal_reader_limit(reader, limit);
		read_to(limit < 8 ? 0 : limit - 7, limit);
		/* A lower limit takes nothing back. */
		journal_reader_limit(reader, limit / 2);
		ck_assert_int_eq(journal_reader_next(reader, &record),
			ST_NOT_FOUND);
	}
	ck_assert(ident_equal(journal_reader_identity(reader),
		options.identity));
}
END_TEST

START_TEST(stands_behind_any_sequence)
{
	struct journal_reader *none;

	append(30, 13);
	for (uint64_t after = 0; after <= 390; after++) {
		open_reader(after);
		journal_reader_limit(reader, 390);
		read_to(after, 390);
	}
	ck_assert_int_eq(journal_reader_open(disk, KIT_DIR, KIT_ARCHIVE, 391,
		&none, &reason), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(reason.text, "ends with sequence 390"));
}
END_TEST

START_TEST(waits_for_a_journal)
{
	struct ident identity;
	uint64_t mark;

	ck_assert_int_eq(journal_reader_open(disk, "/nowhere", NULL, 0, &reader,
		&reason), ST_NOT_FOUND);
	ck_assert_int_eq(journal_mark(disk, "/nowhere", &identity, &mark,
		&reason), ST_NOT_FOUND);
	/* There is one, but nothing in it, not even a segment. */
	open_reader(0);
	append(3, 3);
	journal_reader_limit(reader, 9);
	read_to(0, 9);
	ck_assert_int_eq(journal_tick(journal, KIT_TIME), ST_OK);
	ck_assert_int_eq(journal_mark(disk, KIT_DIR, &identity, &mark,
		&reason), ST_OK);
	ck_assert_uint_eq(mark, 9);
}
END_TEST

/* Step by step behind the writer, across many segments. */
START_TEST(follows_across_segments)
{
	struct segment_list list;

	open_reader(0);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t before = journal_reader_seq(reader);

		append(1, i % 25 + 1);
		journal_reader_limit(reader, journal_durable_seq(journal));
		read_to(before, journal_durable_seq(journal));
	}
	list = segments();
	ck_assert_uint_gt(list.count, 5);
	segment_list_free(&list);
}
END_TEST

/* What lies behind the limit may be half written: it is looked at again. */
START_TEST(does_not_remember_what_was_unfinished)
{
	const char *path = kit_segment_path(1);
	unsigned char *bytes, saved;
	size_t size;

	append(2, 5);
	bytes = disk_sim_bytes(sim, path, &size);
	bytes += SEGMENT_HEADER_BYTES;
	bytes += ((struct journal_frame *)(void *)bytes)->length + 100;
	saved = *bytes;
	*bytes ^= 0xff;
	open_reader(0);
	journal_reader_limit(reader, 5);
	read_to(0, 5);
	*bytes = saved;
	journal_reader_limit(reader, 10);
	read_to(5, 10);
}
END_TEST

START_TEST(says_what_is_missing)
{
	const struct record *record;

	append(3, 5);
	open_reader(0);
	journal_reader_limit(reader, 16);
	while (journal_reader_next(reader, &record) == ST_OK)
		;
	ck_assert_uint_eq(journal_reader_seq(reader), 15);
	ck_assert_ptr_nonnull(strstr(journal_reader_reason(reader),
		"sequence 16 should be here"));
}
END_TEST

START_TEST(reads_the_archive)
{
	struct segment_list list;
	uint64_t last;
	size_t plain = 0;

	append(150, 15);
	archive_all();
	last = journal_durable_seq(journal);
	list = segments();
	for (size_t i = 0; i < list.count; i++)
		plain += list.entries[i].plain;
	ck_assert_uint_eq(plain, 1); /* the one that is written */
	ck_assert_uint_gt(list.count, 4);
	segment_list_free(&list);
	for (uint64_t after = 0; after < last; after += 97) {
		open_reader(after);
		journal_reader_limit(reader, last);
		read_to(after, last);
	}
	/* A start without snapshots reads all of it, too. */
	journal_abandon(journal);
	for (uint64_t seq = 1; seq <= last; seq++) {
		char path[64];

		snprintf(path, sizeof(path), KIT_DIR "/snapshot-%020llu.snap",
			(unsigned long long)seq);
		disk_sim_remove(sim, path);
	}
	open_journal();
	ck_assert_uint_eq(journal_next_seq(journal), last + 1);
}
END_TEST

/* A reader in a segment that is archived meanwhile goes on. */
START_TEST(archiving_does_not_disturb)
{
	uint64_t last;

	append(100, 15);
	open_reader(0);
	journal_reader_limit(reader, 100);
	read_to(0, 100);
	archive_all();
	last = journal_durable_seq(journal);
	journal_reader_limit(reader, last);
	read_to(100, last);
}
END_TEST

START_TEST(archives_only_what_is_sound)
{
	unsigned char *bytes;
	size_t size;

	append(100, 15);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	ck_assert_int_eq(archive_next(disk, KIT_DIR, KIT_ARCHIVE, &reason), 0);
	append(1, 1);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	bytes = disk_sim_bytes(sim, kit_segment_path(1), &size);
	bytes[30000] ^= 1;
	ck_assert_int_lt(archive_next(disk, KIT_DIR, KIT_ARCHIVE, &reason), 0);
	ck_assert_ptr_nonnull(disk_sim_bytes(sim, kit_segment_path(1), &size));
	bytes[30000] ^= 1;
	ck_assert_int_eq(archive_next(disk, KIT_DIR, KIT_ARCHIVE, &reason), 1);
	ck_assert_ptr_null(disk_sim_bytes(sim, kit_segment_path(1), &size));
}
END_TEST

/* Each byte of an archived segment: found, or of no meaning. */
START_TEST(damaged_archives)
{
	char path[64];
	unsigned char *bytes;
	size_t size;
	uint64_t last;

	append(60, 15);
	archive_all();
	last = journal_durable_seq(journal);
	snprintf(path, sizeof(path), KIT_ARCHIVE "/%020d.seg.zst", 1);
	bytes = disk_sim_bytes(sim, path, &size);
	ck_assert_ptr_nonnull(bytes);
	for (size_t at = 0; at < size; at += kit_scale(23, 1)) {
		const struct record *record;
		uint64_t seq = 0;
		enum status status;

		bytes[at] ^= 0x20;
		status = journal_reader_open(disk, KIT_DIR, KIT_ARCHIVE, 0,
			&reader, &reason);
		if (status == ST_OK) {
			journal_reader_limit(reader, last);
			while ((status = journal_reader_next(reader,
					&record)) == ST_OK)
				ck_assert(kit_is_record(record, ++seq, 1));
			journal_reader_close(reader);
		}
		reader = NULL;
		ck_assert(status == ST_INTERNAL || status == ST_INVALID ||
			(status == ST_NOT_FOUND && seq == last));
		bytes[at] ^= 0x20;
	}
}
END_TEST

/* Many blocks: read through, found at any place, and by the index. */
START_TEST(archives_of_many_blocks)
{
	struct archive *archive;
	struct frame_place place;
	const struct record *record;
	uint64_t last, before = 0, far = 0;

	journal_abandon(journal);
	disk_sim_free(sim);
	sim = disk_sim_new(4);
	disk = disk_sim_disk(sim);
	options.segment_bytes = 8 * ARCHIVE_BLOCK + 3 * SEGMENT_HEADER_BYTES;
	open_journal();
	append(900, 40);
	archive_all();
	last = journal_durable_seq(journal);
	open_reader(0);
	journal_reader_limit(reader, last);
	read_to(0, last);
	ck_assert_int_eq(journal_lookup_open(disk, KIT_DIR, KIT_ARCHIVE,
		&lookup, &reason), ST_OK);
	for (uint64_t seq = 1; seq <= last; seq += 101) {
		ck_assert_int_eq(journal_lookup_find(lookup, seq, &record,
			&reason), ST_OK);
		ck_assert(kit_is_record(record, seq, 1));
	}
	/* The places are in order, and none is far from its sequence. */
	ck_assert_int_eq(archive_open(disk,
		KIT_ARCHIVE "/00000000000000000001.seg.zst", "first", &archive,
		&reason), ST_OK);
	ck_assert_int_eq(archive_place(archive, 0, &place), 0);
	for (uint64_t seq = 1; seq < 9000; seq++) {
		ck_assert_int_eq(archive_place(archive, seq, &place), 1);
		ck_assert_uint_le(place.first_seq, seq);
		ck_assert_uint_ge(place.offset, before);
		if (place.offset > before)
			far++;
		before = place.offset;
	}
	ck_assert_uint_ge(far, 4);
	archive_close(archive);
}
END_TEST

START_TEST(finds_any_record)
{
	const struct record *record;
	uint64_t last;

	append(150, 15);
	archive_all();
	append(60, 15);
	last = journal_durable_seq(journal);
	ck_assert_int_eq(journal_lookup_open(disk, KIT_DIR, KIT_ARCHIVE,
		&lookup, &reason), ST_OK);
	for (uint64_t i = 0; i < 5000; i++) {
		uint64_t seq = i * 2654435761 % last + 1;
		enum status status = journal_lookup_find(lookup, seq, &record,
			&reason);

		ck_assert_msg(status == ST_OK, "%s", reason.text);
		ck_assert(kit_is_record(record, seq, 1));
		/* The journal grows meanwhile. */
		if (i % 100 == 0) {
			append(1, 11);
			last = journal_durable_seq(journal);
			ck_assert_int_eq(journal_lookup_find(lookup, last,
				&record, &reason), ST_OK);
			ck_assert(kit_is_record(record, last, 1));
		}
	}
	ck_assert_int_eq(journal_lookup_find(lookup, last + 1, &record,
		&reason), ST_NOT_FOUND);
	ck_assert_int_eq(journal_lookup_find(lookup, 0, &record, &reason),
		ST_NOT_FOUND);
}
END_TEST

/* ---- on a real disk, from another process ---- */

struct shared {
	_Atomic uint64_t durable;
	_Atomic uint64_t read;
	_Atomic bool done;
};

/* The follower: everything up to what is durable, as soon as it is. */
static int
follow(const char *dir, struct shared *shared)
{
	const struct record *record;
	struct journal_reader *mine;
	struct reason why;
	uint64_t seq = 0;
	bool done;

	if (journal_reader_open(disk_posix(), dir, options.archive, 0, &mine,
		    &why) != ST_OK)
		return 2;
	do {
		enum status status;

		done = atomic_load(&shared->done);
		journal_reader_limit(mine, atomic_load(&shared->durable));
		while ((status = journal_reader_next(mine, &record)) == ST_OK)
			if (!kit_is_record(record, ++seq, 1))
				return 3;
		if (status != ST_NOT_FOUND) {
			fprintf(stderr, "%s\n", journal_reader_reason(mine));
			return 4;
		}
		atomic_store(&shared->read, seq);
	} while (!done);
	journal_reader_close(mine);
	return seq == atomic_load(&shared->durable) ? 0 : 5;
}

START_TEST(follows_another_process)
{
	char dir[] = "/tmp/quantora-reader-XXXXXX", archive[64], command[64];
	struct shared *shared = mmap(NULL, sizeof(*shared),
		PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(archive, sizeof(archive), "%s/archive", dir);
	journal_abandon(journal);
	disk = disk_posix();
	options.dir = dir;
	options.archive = archive;
	open_journal();
	child = fork();
	if (child == 0)
		_exit(follow(dir, shared));
	for (unsigned i = 0; i < 400; i++) {
		append(1, i % 40 + 1);
		atomic_store(&shared->durable, journal_durable_seq(journal));
		/* Segments move away under the follower. */
		if (i % 100 == 99) {
			int n = archive_next(disk, dir, archive, &reason);

			ck_assert_msg(n >= 0, "%s", reason.text);
		}
		if (i % 50 == 49) {
			ck_assert_int_eq(kit_snapshot(disk, dir, journal),
				ST_OK);
		}
	}
	atomic_store(&shared->done, true);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(atomic_load(&shared->read),
		journal_durable_seq(journal));
	munmap(shared, sizeof(*shared));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal reader");
	TCase *following = tcase_create("following");
	TCase *archive = tcase_create("archive");

	tcase_add_checked_fixture(following, setup, teardown);
	tcase_set_timeout(following, 120);
	tcase_add_test(following, reads_no_further_than_its_limit);
	tcase_add_test(following, stands_behind_any_sequence);
	tcase_add_test(following, waits_for_a_journal);
	tcase_add_test(following, follows_across_segments);
	tcase_add_test(following, does_not_remember_what_was_unfinished);
	tcase_add_test(following, says_what_is_missing);
	tcase_add_test(following, follows_another_process);
	suite_add_tcase(s, following);
	tcase_add_checked_fixture(archive, setup, teardown);
	tcase_set_timeout(archive, 600); /* the long form */
	tcase_add_test(archive, reads_the_archive);
	tcase_add_test(archive, archiving_does_not_disturb);
	tcase_add_test(archive, archives_only_what_is_sound);
	tcase_add_test(archive, damaged_archives);
	tcase_add_test(archive, archives_of_many_blocks);
	tcase_add_test(archive, finds_any_record);
	suite_add_tcase(s, archive);
	return s;
}
