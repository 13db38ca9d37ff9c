/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * prune.c - what may go, and what must stay.
 */
#include "journal/prune.h"

#include <errno.h>
#include <inttypes.h>

#include "journal/segment.h"
#include "journal/snapshot.h"

#define BACKUP_PREFIX "backup-"

static void
backup_path(char path[JOURNAL_PATH_MAX], const char *archive, uint64_t seq)
{
	char name[JOURNAL_NAME_MAX];

	seq_name(name, BACKUP_PREFIX, seq, "");
	journal_path(path, archive, name);
}

enum status
journal_backup_note(struct disk *disk, const char *archive, uint64_t seq,
	struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];
	struct disk_file *file;
	int error;

	TRY(journal_dir_check(archive, reason));
	backup_path(path, archive, seq);
	error = disk_open(disk, path, DISK_CREATE, &file);
	if (error == -EEXIST)
		return ST_OK;
	if (error == 0) {
		error = disk_fsync(file);
		disk_close(file);
	}
	if (error == 0)
		error = disk_fsync_dir(disk, archive);
	return error != 0 ? reason_errno(reason, error, "%s", path) : ST_OK;
}

enum status
journal_backup_forget(struct disk *disk, const char *archive, uint64_t seq,
	struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];
	int error;

	TRY(journal_dir_check(archive, reason));
	backup_path(path, archive, seq);
	error = disk_unlink(disk, path);
	if (error == -ENOENT)
		return reason_set(reason, ST_NOT_FOUND,
			"no backup of sequence %" PRIu64 " is noted", seq);
	if (error == 0)
		error = disk_fsync_dir(disk, archive);
	return error != 0 ? reason_errno(reason, error, "%s", path) : ST_OK;
}

enum status
journal_backup_oldest(struct disk *disk, const char *archive, uint64_t *seq,
	struct reason *reason)
{
	struct disk_names names;
	uint64_t found = 0;
	bool any = false;
	int error;

	TRY(journal_dir_check(archive, reason));
	error = disk_list(disk, archive, &names);
	if (error != 0)
		return reason_errno(reason, error, "%s cannot be listed",
			archive);
	/* The names are sorted, and so are the numbers in them. */
	for (size_t i = 0; i < names.count && !any; i++)
		any = seq_of_name(names.names[i], BACKUP_PREFIX, "", &found);
	disk_names_free(&names);
	if (!any)
		return reason_set(reason, ST_NOT_FOUND,
			"no backup is noted in %s", archive);
	*seq = found;
	return ST_OK;
}

/* What is needed after a backup, or a snapshot, is what follows it. */
static enum status
check_need(uint64_t before, uint64_t seq, const char *what,
	struct reason *reason)
{
	if (before <= seq + 1)
		return ST_OK;
	return reason_set(reason, ST_CONFLICT,
		"%s of sequence %" PRIu64 " needs the journal from %" PRIu64
		" on, so nothing behind that can be removed",
		what, seq, seq + 1);
}

static enum status
check_needs(struct disk *disk, const char *dir, const char *archive,
	uint64_t before, struct reason *reason)
{
	uint64_t snapshots[SNAPSHOTS_KEPT], backup;
	size_t count;
	enum status status;

	status = journal_backup_oldest(disk, archive, &backup, reason);
	if (status == ST_NOT_FOUND)
		return reason_set(reason, ST_CONFLICT,
			"no backup is noted, so the journal is the only way "
			"to rebuild the database");
	TRY(status);
	TRY(check_need(before, backup, "the oldest backup", reason));
	TRY(snapshot_list(disk, dir, snapshots, SNAPSHOTS_KEPT, &count,
		reason));
	if (count < SNAPSHOTS_KEPT)
		return reason_set(reason, ST_CONFLICT,
			"there are not two snapshots to start from");
	return check_need(before, snapshots[SNAPSHOTS_KEPT - 1],
		"the older snapshot", reason);
}

static int
remove_segment(const struct segment_home *home, uint64_t first_seq)
{
	char path[JOURNAL_PATH_MAX], name[JOURNAL_NAME_MAX];

	seq_name(name, "", first_seq, ARCHIVE_SUFFIX);
	journal_path(path, home->archive, name);
	return disk_unlink(home->disk, path);
}

/* From the oldest on, so that what is left is without a gap at any moment. */
static int
remove_below(const struct segment_home *home, const struct segment_list *list,
	uint64_t before, bool dry, struct journal_prune *done)
{
	int error = 0;

	done->first_seq = list->count > 0 ? list->entries[0].first_seq : 0;
	for (size_t i = 0; i + 1 < list->count && error == 0; i++) {
		uint64_t next = list->entries[i + 1].first_seq;

		if (next > before || list->entries[i].plain)
			break;
		if (!dry)
			error = remove_segment(home,
				list->entries[i].first_seq);
		if (error != 0)
			break;
		done->segments++;
		done->first_seq = next;
	}
	if (error == 0 && done->segments > 0 && !dry)
		error = disk_fsync_dir(home->disk, home->archive);
	return error;
}

enum status
journal_prune(struct disk *disk, const char *dir, const char *archive,
	uint64_t before, bool dry, struct journal_prune *out,
	struct reason *reason)
{
	const struct segment_home home = {disk, dir, archive};
	struct journal_prune done = {0};
	struct segment_list list;
	int error;

	TRY(journal_dir_check(dir, reason));
	TRY(journal_dir_check(archive, reason));
	TRY(check_needs(disk, dir, archive, before, reason));
	TRY(segment_list_load(&home, &list, reason));
	error = remove_below(&home, &list, before, dry, &done);
	segment_list_free(&list);
	if (error != 0)
		return reason_errno(reason, error, "%s", archive);
	*out = done;
	return ST_OK;
}
