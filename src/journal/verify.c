/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * verify.c - the whole journal, from its first segment on.
 */
#include "journal/verify.h"

#include <errno.h>

#include "journal/reader.h"
#include "journal/recover.h"
#include "journal/superblock.h"

#define SNAPSHOTS_CHECKED 16

/* Whether a process holds the journal's lock; it is let go at once. */
static bool
is_live(struct disk *disk, const char *dir)
{
	char path[JOURNAL_PATH_MAX];
	struct disk_file *lock;

	journal_path(path, dir, "lock");
	if (disk_lock(disk, path, &lock) != 0)
		return true;
	disk_close(lock);
	return false;
}

static enum status
count_segments(const struct segment_home *home, struct journal_report *report,
	struct reason *reason)
{
	struct segment_list list;

	TRY(segment_list_load(home, &list, reason));
	report->segments = list.count;
	if (list.count > 0)
		report->first_seq = list.entries[0].first_seq;
	for (size_t i = 0; i < list.count; i++)
		report->archived += !list.entries[i].plain;
	segment_list_free(&list);
	return ST_OK;
}

static enum status
check_snapshots(struct disk *disk, const char *dir,
	struct journal_report *report, struct reason *reason)
{
	uint64_t seqs[SNAPSHOTS_CHECKED];
	struct snapshot *snapshot;
	size_t count;

	TRY(snapshot_list(disk, dir, seqs, SNAPSHOTS_CHECKED, &count, reason));
	for (size_t i = 0; i < count; i++) {
		enum status status = snapshot_open(disk, dir, seqs[i],
			&snapshot, &report->snapshot);

		if (status == ST_NOT_FOUND)
			continue; /* a newer one has taken its place */
		if (status == ST_OK) {
			status = snapshot_check(snapshot, &report->snapshot);
			if (report->mark < seqs[i])
				report->mark = seqs[i];
			snapshot_close(snapshot);
		}
		if (status == ST_OK)
			report->snapshots++;
		else
			report->snapshots_bad++;
	}
	return ST_OK;
}

/* As far as the mark; what is behind it may be half written. */
static enum status
verify_live(const struct segment_home *home, struct journal_report *report,
	struct reason *reason)
{
	struct journal_reader *reader;
	const struct record *record;
	enum status status = journal_reader_open(home->disk, home->dir,
		home->archive, report->first_seq > 0 ? report->first_seq - 1 : 0,
		&reader, reason);

	if (status != ST_OK)
		return ST_INTERNAL;
	journal_reader_limit(reader, report->mark);
	while ((status = journal_reader_next(reader, &record)) == ST_OK)
		report->records++;
	report->last_seq = journal_reader_seq(reader);
	if (status != ST_NOT_FOUND)
		status = reason_set(reason, ST_INTERNAL, "%s",
			journal_reader_reason(reader));
	journal_reader_close(reader);
	return status == ST_NOT_FOUND ? ST_OK : status;
}

/* As a start would do it, but for the engine. */
static enum status
verify_still(const struct segment_home *home, struct journal_report *report,
	struct reason *reason)
{
	struct recovery recovery = {
		.engine = UINT16_MAX,
		.mark = report->mark,
		.snapshot_seq = report->first_seq > 0 ? report->first_seq - 1
						      : 0,
		.snapshot_checked = true,
	};
	enum status status;

	cursor_init(&recovery.cursor, home, report->journal);
	status = recover(&recovery, reason);
	report->records = recovery.records;
	report->last_seq = recovery.cursor.next_seq - 1;
	report->torn = recovery.torn;
	cursor_done(&recovery.cursor);
	return status;
}

enum status
journal_verify(struct disk *disk, const char *dir, const char *archive,
	struct journal_report *out, struct reason *reason)
{
	const struct segment_home home = {disk, dir, archive};
	struct journal_report report = {.records = 0};
	enum status status;

	TRY(journal_dir_check(dir, reason));
	report.live = is_live(disk, dir);
	TRY(journal_mark(disk, dir, &report.journal, &report.mark, reason));
	TRY(count_segments(&home, &report, reason));
	TRY(check_snapshots(disk, dir, &report, reason));
	status = report.live ? verify_live(&home, &report, reason)
			     : verify_still(&home, &report, reason);
	/* If somebody has opened it meanwhile the end was not still at all. */
	if (status != ST_OK && !report.live && is_live(disk, dir)) {
		report.live = true;
		status = verify_live(&home, &report, reason);
	}
	*out = report;
	return status;
}
