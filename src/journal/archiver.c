/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * archiver.c - moving closed segments into the archive.
 */
#include "journal/archiver.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "journal/cursor.h"
#include "journal/snapshot.h"
#include "journal/superblock.h"

struct places {
	struct frame_place *places;
	size_t count, room;
};

static int
add_place(struct places *places, uint64_t offset, uint64_t first_seq)
{
	if (places->count == places->room) {
		size_t room = places->room == 0 ? 1024 : places->room * 2;
		struct frame_place *grown = realloc(places->places,
			room * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		places->places = grown;
		places->room = room;
	}
	places->places[places->count++] =
		(struct frame_place){offset, first_seq};
	return 0;
}

/* Check all frames of the segment that the cursor is in; END is behind them. */
static int
walk_segment(struct cursor *cursor, uint64_t next_segment,
	struct places *places, struct reason *reason)
{
	enum status status = cursor_look(cursor, reason);

	while (status == ST_OK) {
		int error = add_place(places, cursor->offset,
			cursor->next_seq);

		if (error != 0)
			return error;
		cursor_skip(cursor);
		if (cursor->next_seq == next_segment)
			return 0;
		status = cursor_look(cursor, reason);
	}
	return -EBADMSG;
}

/* Whether the archive at PATH gives back the first USED bytes of SEGMENT. */
static int
compare(struct disk *disk, const char *path, struct segment *segment,
	uint64_t used, struct reason *reason)
{
	unsigned char *one = malloc(ARCHIVE_BLOCK), *two = malloc(ARCHIVE_BLOCK);
	struct archive *archive = NULL;
	int error = one == NULL || two == NULL ? -ENOMEM : 0;

	if (error == 0 &&
		archive_open(disk, path, path, &archive, reason) != ST_OK)
		error = -EIO;
	for (uint64_t at = 0; error == 0 && at < used; at += ARCHIVE_BLOCK) {
		size_t want = used - at < ARCHIVE_BLOCK ? (size_t)(used - at)
							: ARCHIVE_BLOCK;

		if (segment_read(segment, one, want, at) != (ssize_t)want ||
			archive_read(archive, two, want, at) !=
				(ssize_t)want ||
			memcmp(one, two, want) != 0)
			error = -EIO;
	}
	archive_close(archive);
	free(one);
	free(two);
	return error;
}

/* Make the archived form, and only when that is safe remove the plain one. */
static int
replace(struct cursor *cursor, const struct places *places,
	struct reason *reason)
{
	const struct segment_home *home = &cursor->home;
	struct disk *disk = home->disk;
	char plain[JOURNAL_PATH_MAX], path[JOURNAL_PATH_MAX];
	char temporary[JOURNAL_PATH_MAX], name[JOURNAL_NAME_MAX];
	uint64_t first_seq = cursor->segment.header.first_seq;
	int error, cleanup;

	seq_name(name, "", first_seq, ARCHIVE_SUFFIX);
	journal_path(path, home->archive, name);
	snprintf(name, sizeof(name), "archive-%d.tmp", (int)getpid());
	journal_path(temporary, home->archive, name);
	journal_path(plain, home->dir, cursor->segment.name);
	error = disk_unlink(disk, temporary);
	if (error != 0 && error != -ENOENT)
		return error;
	error = archive_make(disk, cursor->segment.file, cursor->offset,
		places->places, places->count, temporary);
	if (error == 0)
		error = compare(disk, temporary, &cursor->segment,
			cursor->offset, reason);
	if (error == 0)
		error = disk_rename(disk, temporary, path);
	if (error != 0) {
		cleanup = disk_unlink(disk, temporary);
		(void)cleanup; /* the next attempt begins with it */
		return error;
	}
	error = disk_fsync_dir(disk, home->archive);
	if (error == 0)
		error = disk_unlink(disk, plain);
	return error != 0 ? error : disk_fsync_dir(disk, home->dir);
}

static int
archive_segment(const struct segment_home *home, uint64_t first_seq,
	uint64_t next_segment, struct reason *reason)
{
	struct superblock superblock;
	struct places places = {0};
	struct cursor cursor;
	int error = -EBADMSG;

	if (superblock_load(home->disk, home->dir, &superblock, reason) !=
		ST_OK)
		return -EIO;
	cursor_init(&cursor, home, superblock.journal);
	if (cursor_jump(&cursor, first_seq, reason) == ST_OK &&
		cursor.segment.file != NULL)
		error = walk_segment(&cursor, next_segment, &places, reason);
	if (error == 0)
		error = replace(&cursor, &places, reason);
	free(places.places);
	cursor_done(&cursor);
	return error;
}

int
archive_next(struct disk *disk, const char *dir, const char *archive,
	struct reason *reason)
{
	const struct segment_home home = {disk, dir, archive};
	uint64_t snapshots[SNAPSHOTS_KEPT], first_seq = 0, next = 0;
	struct segment_list list;
	size_t count;
	int error;

	if (snapshot_list(disk, dir, snapshots, SNAPSHOTS_KEPT, &count,
		    reason) != ST_OK ||
		segment_list_load(&home, &list, reason) != ST_OK)
		return -EIO;
	for (size_t i = 0; count == SNAPSHOTS_KEPT && i + 1 < list.count; i++) {
		next = list.entries[i + 1].first_seq;
		if (next > snapshots[SNAPSHOTS_KEPT - 1] + 1)
			break;
		if (list.entries[i].plain) {
			first_seq = list.entries[i].first_seq;
			break;
		}
	}
	segment_list_free(&list);
	if (first_seq == 0)
		return 0;
	error = archive_segment(&home, first_seq, next, reason);
	return error != 0 ? error : 1;
}
