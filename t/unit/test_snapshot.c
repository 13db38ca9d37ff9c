/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_snapshot.c - what is written comes back, or is passed over.
 */
#include "t/harness/suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "journal/snapshot.h"
#include "t/sim/journal_kit.h"

static struct disk_sim *sim;
static struct disk *disk;
static struct journal_options options;
static struct journal *journal;
static struct kit_replay replay;
static struct reason reason;

static void
open_journal(void)
{
	enum status status;

	kit_replay_init(&replay, NULL, 0);
	status = kit_open(disk, &options, &replay, &journal, &reason);
	ck_assert_msg(status == ST_OK, "%s", reason.text);
	ck_assert_uint_eq(replay.bad, 0);
}

static void
setup(void)
{
	sim = disk_sim_new(5);
	disk = disk_sim_disk(sim);
	options = kit_options();
	open_journal();
}

static void
teardown(void)
{
	journal_abandon(journal);
	disk_sim_free(sim);
}

static const char *
path_of(uint64_t seq)
{
	static char path[64];

	snprintf(path, sizeof(path), KIT_DIR "/snapshot-%020llu.snap",
		(unsigned long long)seq);
	return path;
}

/* Five records and a snapshot of them, N times. */
static void
grow(unsigned n)
{
	while (n-- > 0) {
		ck_assert_int_eq(kit_append(journal, 5, 1), ST_OK);
		ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	}
}

static void
restart(void)
{
	journal_abandon(journal);
	open_journal();
}

START_TEST(sections_come_back)
{
	static unsigned char big[3 << 20], back[3 << 20];
	static const char small[] = "small";
	const struct snapshot_extent extents[] = {
		{small, sizeof(small)}, {NULL, 0}, {big, sizeof(big)}};
	struct snapshot_info info = {
		.journal = journal_identity(journal),
		.seq = 77,
		.time_us = KIT_TIME,
		.chain = 12345,
		.layout = 3,
		.state_hash = {1, 2, 3},
	};
	struct snapshot_writer *writer;
	struct snapshot *snapshot;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)(i * 31 >> 3);
	ck_assert_int_eq(snapshot_begin(disk, KIT_DIR, &writer, &reason),
		ST_OK);
	ck_assert_int_eq(snapshot_write(writer, &info, extents, 3, &reason),
		ST_OK);
	snapshot_end(writer);
	ck_assert_int_eq(snapshot_open(disk, KIT_DIR, 77, &snapshot, &reason),
		ST_OK);
	ck_assert_mem_eq(snapshot_info(snapshot), &info, sizeof(info));
	ck_assert_uint_eq(snapshot_sections(snapshot), 3);
	ck_assert_uint_eq(snapshot_section_bytes(snapshot, 2), sizeof(big));
	ck_assert_uint_eq(snapshot_section_bytes(snapshot, 3), 0);
	ck_assert_int_eq(snapshot_load(snapshot, 2, back, sizeof(back),
		&reason), ST_OK);
	ck_assert_mem_eq(back, big, sizeof(big));
	ck_assert_int_eq(snapshot_load(snapshot, 0, back, sizeof(small),
		&reason), ST_OK);
	ck_assert_str_eq((char *)back, small);
	ck_assert_int_eq(snapshot_load(snapshot, 1, back, 0, &reason), ST_OK);
	/* Another length than was written, or no such section. */
	ck_assert_int_eq(snapshot_load(snapshot, 0, back, 5, &reason),
		ST_INVALID);
	ck_assert_int_eq(snapshot_load(snapshot, 3, back, 0, &reason),
		ST_INVALID);
	snapshot_close(snapshot);
	ck_assert_int_eq(snapshot_open(disk, KIT_DIR, 78, &snapshot, &reason),
		ST_NOT_FOUND);
}
END_TEST

START_TEST(two_are_kept)
{
	uint64_t seqs[8];
	size_t count;

	grow(5);
	ck_assert_int_eq(snapshot_list(disk, KIT_DIR, seqs, 8, &count,
		&reason), ST_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(seqs[0], 25);
	ck_assert_uint_eq(seqs[1], 20);
	ck_assert_int_eq(kit_append(journal, 3, 1), ST_OK);
	restart();
	ck_assert_uint_eq(replay.snapshot, 25);
	ck_assert_uint_eq(replay.first, 26);
	ck_assert_uint_eq(replay.last, 28);
	ck_assert_uint_eq(replay.warnings, 0);
}
END_TEST

/* Any byte of the newest, a cut at any length: the older, or none. */
START_TEST(a_damaged_one_is_passed_over)
{
	unsigned char *bytes, *copy;
	size_t size;

	grow(3);
	bytes = disk_sim_bytes(sim, path_of(15), &size);
	copy = malloc(size);
	memcpy(copy, bytes, size);
	for (size_t at = 0; at < size; at += kit_scale(41, 1)) {
		bool matters = at < 80 + 24 || at >= 4096 ||
			(at >= 80 && at < 80 + 64 * 24);

		disk_sim_put(sim, path_of(15), copy, size);
		disk_sim_bytes(sim, path_of(15), &size)[at] ^= 4;
		restart();
		if (matters) {
			ck_assert_uint_eq(replay.snapshot, 10);
			ck_assert_uint_eq(replay.first, 11);
			ck_assert_uint_eq(replay.warnings, 1);
		}
		ck_assert_uint_eq(journal_next_seq(journal), 16);
	}
	for (size_t cut = 0; cut < size; cut += kit_scale(97, 1)) {
		disk_sim_put(sim, path_of(15), copy, size);
		disk_sim_resize(sim, path_of(15), cut);
		restart();
		ck_assert_uint_eq(replay.snapshot, 10);
		ck_assert_uint_eq(journal_next_seq(journal), 16);
	}
	/* Both: the whole journal. */
	disk_sim_resize(sim, path_of(10), 5000 % size);
	disk_sim_bytes(sim, path_of(10), &size)[4096] ^= 1;
	restart();
	ck_assert_uint_eq(replay.snapshot, 0);
	ck_assert_uint_eq(replay.first, 1);
	ck_assert_uint_eq(replay.last, 15);
	ck_assert_uint_eq(replay.warnings, 2);
	free(copy);
}
END_TEST

/* A snapshot is proof that its records were on disk. */
START_TEST(is_as_good_as_a_mark)
{
	struct kit_replay other;
	struct journal *none;

	grow(2);
	journal_abandon(journal);
	disk_sim_resize(sim, kit_segment_path(1), 4096 + 100);
	kit_replay_init(&other, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &other, &none, &reason),
		ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "offset"));
	journal = NULL;
}
END_TEST

START_TEST(of_another_journal_or_history)
{
	struct snapshot_info info = {
		.journal = ident_make(7, 7, 7), .seq = 12, .layout = 1};
	struct snapshot_writer *writer;
	struct kit_replay other;
	struct journal *none;

	grow(2);
	ck_assert_int_eq(kit_append(journal, 2, 1), ST_OK);
	ck_assert_int_eq(snapshot_begin(disk, KIT_DIR, &writer, &reason),
		ST_OK);
	ck_assert_int_eq(snapshot_write(writer, &info, NULL, 0, &reason),
		ST_OK);
	snapshot_end(writer);
	restart();
	ck_assert_uint_eq(replay.snapshot, 10);
	ck_assert_uint_eq(replay.warnings, 1);
	/* Ours, but the frame before it was another one. */
	disk_sim_remove(sim, path_of(12));
	disk_sim_remove(sim, path_of(10));
	disk_sim_remove(sim, path_of(5));
	ck_assert_int_eq(kit_append(journal, 2, 1), ST_OK);
	ck_assert_int_eq(kit_snapshot(disk, KIT_DIR, journal), ST_OK);
	journal_abandon(journal);
	for (uint64_t seq = 1; seq < 14; seq++)
		disk_sim_remove(sim, kit_segment_path(seq));
	disk_sim_remove(sim, KIT_DIR "/superblock");
	{
		size_t size;
		unsigned char *bytes = disk_sim_bytes(sim, path_of(14), &size);
		unsigned char *copy = malloc(size);

		memcpy(copy, bytes, size);
		disk_sim_remove(sim, path_of(14));
		kit_replay_init(&other, NULL, 0);
		ck_assert_int_eq(kit_open(disk, &options, &other, &journal,
			&reason), ST_OK);
		for (int i = 0; i < 7; i++)
			ck_assert_int_eq(kit_append(journal, 2, 99), ST_OK);
		journal_abandon(journal);
		disk_sim_put(sim, path_of(14), copy, size);
		free(copy);
	}
	ck_assert_int_eq(kit_open(disk, &options, &other, &none, &reason),
		ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "not made from this journal"));
	journal = NULL;
}
END_TEST

/* The child that writes it dies, or its disk is full: nothing has happened. */
START_TEST(fails_without_harm)
{
	grow(2);
	for (uint64_t n = 1;; n++) {
		enum status status;

		disk_sim_fail(sim, n, n % 2 ? FAULT_ENOSPC : FAULT_EIO, true);
		status = kit_snapshot(disk, KIT_DIR, journal);
		disk_sim_fail(sim, 0, FAULT_EIO, false);
		restart();
		ck_assert_uint_eq(replay.snapshot, 10);
		if (status == ST_OK) {
			ck_assert_uint_gt(n, 5);
			break;
		}
	}
}
END_TEST

/* As matcherd does it: parent opens, child writes. */
START_TEST(out_of_a_child)
{
	char dir[] = "/tmp/quantora-snapshot-XXXXXX", command[64];
	char memory[] = "the state at the fork";
	const struct snapshot_extent extent = {memory, sizeof(memory)};
	const struct snapshot_info info = {.seq = 5};
	struct snapshot_writer *writer;
	struct snapshot *snapshot;
	int status;
	pid_t child;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(snapshot_begin(disk_posix(), dir, &writer, &reason),
		ST_OK);
	child = fork();
	if (child == 0)
		_exit(snapshot_write(writer, &info, &extent, 1, &reason) ==
				ST_OK
			? 0
			: 1);
	snapshot_end(writer);
	memset(memory, '-', sizeof(memory)); /* the parent goes on */
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(snapshot_open(disk_posix(), dir, 5, &snapshot,
		&reason), ST_OK);
	ck_assert_int_eq(snapshot_load(snapshot, 0, memory, sizeof(memory),
		&reason), ST_OK);
	ck_assert_str_eq(memory, "the state at the fork");
	snapshot_close(snapshot);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("snapshot");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(files, setup, teardown);
	tcase_set_timeout(files, 600); /* the long form */
	tcase_add_test(files, sections_come_back);
	tcase_add_test(files, two_are_kept);
	tcase_add_test(files, a_damaged_one_is_passed_over);
	tcase_add_test(files, is_as_good_as_a_mark);
	tcase_add_test(files, of_another_journal_or_history);
	tcase_add_test(files, fails_without_harm);
	tcase_add_test(files, out_of_a_child);
	suite_add_tcase(s, files);
	return s;
}
