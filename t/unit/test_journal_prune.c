/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal_prune.c - what may be removed; and quantoractl's view of it all.
 */
#include "t/harness/suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/helper.h"
#include "journal/prune.h"
#include "journal/reader.h"
#include "journal/verify.h"
#include "t/sim/journal_kit.h"

static char dir[64], archive[80], conf[80];
static struct disk *disk;
static struct journal_options options;
static struct journal *journal;
static struct reason reason;

/* A journal on the real disk: 1800 records, two thirds of them archived. */
static void
setup(void)
{
	struct journal_helper_page page = {0};
	struct kit_replay replay;
	FILE *file;

	snprintf(dir, sizeof(dir), "/tmp/quantora-prune-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(archive, sizeof(archive), "%s/archive", dir);
	snprintf(conf, sizeof(conf), "%s/quantora.ini", dir);
	file = fopen(conf, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "[paths]\njournal = %s\narchive = %s\n", dir, archive);
	fclose(file);
	disk = disk_posix();
	options = kit_options();
	options.dir = dir;
	options.archive = archive;
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_OK);
	for (int i = 0; i < 90; i++) {
		ck_assert_int_eq(kit_append(journal, 20, 1), ST_OK);
		if (i % 30 == 29)
			ck_assert_int_eq(kit_snapshot(disk, dir, journal),
				ST_OK);
	}
	ck_assert_int_eq(journal_helper_round(disk, &options, &page), 0);
	ck_assert_uint_gt(page.archived, 1);
	ck_assert_int_eq(journal_close(journal), ST_OK);
}

static void
teardown(void)
{
	char command[96];
	int status;

	snprintf(command, sizeof(command), "rm -r %s", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
}

/* What quantoractl prints; its exit code in *CODE. */
static const char *
run(const char *arguments, int *code)
{
	static char output[1 << 16];
	char command[512];
	size_t n;
	FILE *pipe;

	snprintf(command, sizeof(command), "./quantoractl -c %s journal %s 2>&1",
		conf, arguments);
	pipe = popen(command, "r");
	ck_assert_ptr_nonnull(pipe);
	n = fread(output, 1, sizeof(output) - 1, pipe);
	output[n] = '\0';
	*code = pclose(pipe);
	return output;
}

START_TEST(only_what_no_backup_needs)
{
	struct journal_report report;
	struct journal_prune done;

	/* Without a backup the journal is all there is. */
	ck_assert_int_eq(journal_prune(disk, dir, archive, 100, false, &done,
		&reason), ST_CONFLICT);
	ck_assert_int_eq(journal_backup_note(disk, archive, 1000, &reason),
		ST_OK);
	ck_assert_int_eq(journal_backup_note(disk, archive, 500, &reason),
		ST_OK);
	ck_assert_int_eq(journal_backup_note(disk, archive, 500, &reason),
		ST_OK);
	ck_assert_int_eq(journal_prune(disk, dir, archive, 502, false, &done,
		&reason), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(reason.text,
		"oldest backup of sequence 500"));
	ck_assert_int_eq(journal_prune(disk, dir, archive, 501, true, &done,
		&reason), ST_OK);
	ck_assert_uint_gt(done.segments, 0);
	ck_assert_uint_le(done.first_seq, 501);
	/* That was dry. */
	ck_assert_int_eq(journal_verify(disk, dir, archive, &report, &reason),
		ST_OK);
	ck_assert_uint_eq(report.first_seq, 1);
	ck_assert_int_eq(journal_prune(disk, dir, archive, 501, false, &done,
		&reason), ST_OK);
	ck_assert_int_eq(journal_verify(disk, dir, archive, &report, &reason),
		ST_OK);
	ck_assert_uint_eq(report.first_seq, done.first_seq);
	ck_assert_uint_gt(report.first_seq, 1);
	ck_assert_uint_eq(report.last_seq, 1800);
	/* The older backup is thrown away; now a snapshot is in the way. */
	ck_assert_int_eq(journal_backup_forget(disk, archive, 500, &reason),
		ST_OK);
	ck_assert_int_eq(journal_backup_forget(disk, archive, 500, &reason),
		ST_NOT_FOUND);
	ck_assert_int_eq(journal_backup_forget(disk, archive, 1000, &reason),
		ST_OK);
	ck_assert_int_eq(journal_backup_note(disk, archive, 1700, &reason),
		ST_OK);
	ck_assert_int_eq(journal_prune(disk, dir, archive, 1500, false, &done,
		&reason), ST_CONFLICT);
	ck_assert_ptr_nonnull(strstr(reason.text,
		"older snapshot of sequence 1200"));
	ck_assert_int_eq(journal_prune(disk, dir, archive, 1201, false, &done,
		&reason), ST_OK);
}
END_TEST

START_TEST(a_pruned_journal_starts)
{
	struct journal_reader *reader;
	struct journal_prune done;
	struct kit_replay replay;
	char command[128];
	int status;

	ck_assert_int_eq(journal_backup_note(disk, archive, 1300, &reason),
		ST_OK);
	ck_assert_int_eq(journal_prune(disk, dir, archive, 1201, false, &done,
		&reason), ST_OK);
	ck_assert_uint_gt(done.segments, 0);
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_OK);
	ck_assert_uint_eq(replay.snapshot, 1800);
	ck_assert_int_eq(kit_append(journal, 20, 1), ST_OK);
	ck_assert_int_eq(journal_close(journal), ST_OK);
	/* Who wants what is gone is told so. */
	ck_assert_int_eq(journal_reader_open(disk, dir, archive, 0, &reader,
		&reason), ST_NOT_FOUND);
	ck_assert_int_eq(journal_reader_open(disk, dir, archive,
		done.first_seq - 2, &reader, &reason), ST_NOT_FOUND);
	ck_assert_int_eq(journal_reader_open(disk, dir, archive,
		done.first_seq - 1, &reader, &reason), ST_OK);
	journal_reader_close(reader);
	/* And without its snapshots it does not. */
	snprintf(command, sizeof(command), "rm %s/snapshot-*", dir);
	status = system(command);
	ck_assert_int_eq(status, 0);
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_INTERNAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "no segment"));
}
END_TEST

START_TEST(from_the_command_line)
{
	const char *output;
	int code;

	output = run("verify", &code);
	ck_assert_msg(code == 0, "%s", output);
	ck_assert_ptr_nonnull(strstr(output, "records    1800"));
	ck_assert_ptr_nonnull(strstr(output, "\nsound\n"));
	output = run("dump 1799", &code);
	ck_assert_int_eq(code, 0);
	ck_assert_ptr_nonnull(strstr(output, "1799 2025-06-15T"));
	ck_assert_ptr_nonnull(strstr(output, "\n1800 2025-"));
	ck_assert_ptr_nonnull(strstr(output, " DEPOSIT user="));
	output = run("dump 7 7", &code);
	ck_assert_ptr_eq(strchr(output, '\n'), output + strlen(output) - 1);
	output = run("dump 0", &code);
	ck_assert_int_ne(code, 0);
	output = run("prune --before 400", &code);
	ck_assert_int_ne(code, 0);
	ck_assert_ptr_nonnull(strstr(output, "no backup is noted"));
	output = run("backup note 1300", &code);
	ck_assert_int_eq(code, 0);
	output = run("prune --before 1201 --dry-run", &code);
	ck_assert_msg(code == 0, "%s", output);
	ck_assert_ptr_nonnull(strstr(output, "would be removed"));
	output = run("prune --before 1201", &code);
	ck_assert_ptr_nonnull(strstr(output, "were removed"));
	output = run("verify", &code);
	ck_assert_msg(code == 0, "%s", output);
	ck_assert_ptr_null(strstr(output, "records    1800"));
}
END_TEST

/* A bit of any segment, plain or archived: named, and the exit code says so. */
START_TEST(damage_is_named)
{
	char path[128], command[400];
	const char *output;
	int code;

	snprintf(path, sizeof(path), "%s/%020d.seg.zst", archive, 1);
	snprintf(command, sizeof(command),
		"printf '\\377\\377' | dd of=%s bs=1 seek=3000 conv=notrunc "
		"2>/dev/null", path);
	ck_assert_int_eq(system(command), 0);
	output = run("verify", &code);
	ck_assert_int_ne(code, 0);
	ck_assert_ptr_nonnull(strstr(output, "not sound"));
	ck_assert_ptr_nonnull(strstr(output, "00000000000000000001.seg.zst"));
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal prune");
	TCase *files = tcase_create("files");

	tcase_add_checked_fixture(files, setup, teardown);
	tcase_add_test(files, only_what_no_backup_needs);
	tcase_add_test(files, a_pruned_journal_starts);
	tcase_add_test(files, from_the_command_line);
	tcase_add_test(files, damage_is_named);
	suite_add_tcase(s, files);
	return s;
}
