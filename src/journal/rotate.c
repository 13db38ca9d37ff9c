/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rotate.c - beginning new segments, and knowing that one can be begun.
 */
#include <errno.h>
#include <string.h>

#include "journal/spare.h"
#include "journal/writer_state.h"

/* Free space that is left to everybody else before the disk counts as low. */
#define SPACE_KEPT ((uint64_t)4 << 20)

enum status
journal_survey(struct journal *journal)
{
	uint64_t free_bytes = 0, needed;
	int count = spare_count(journal->disk, journal->dir,
		journal->segment_bytes, NULL);
	int error;

	if (count < 0)
		return journal_fail(journal, count,
			"the directory cannot be read");
	journal->spares = count;
	journal->low = false;
	if (count >= JOURNAL_SPARES)
		return ST_OK;
	error = disk_free_bytes(journal->disk, journal->dir, &free_bytes);
	if (error != 0)
		return journal_fail(journal, error,
			"the free space cannot be read");
	needed = (uint64_t)(JOURNAL_SPARES - count) * journal->segment_bytes;
	/* That the helper has not come to it yet is no shortage. */
	journal->low = free_bytes < needed + SPACE_KEPT ||
		(journal->helper != NULL &&
			journal_helper_error(journal->helper) != 0);
	return ST_OK;
}

enum status
journal_prepare(struct journal *journal)
{
	int error = 0;

	TRY(journal_survey(journal));
	if (journal->spares == 0 &&
		(journal->file == NULL || journal->rotate)) {
		error = spare_make(journal->disk, journal->dir,
			journal->segment_bytes, FILL_ZEROS);
		if (error == 0)
			TRY(journal_survey(journal));
	}
	if (error != 0 && !is_disk_full(error))
		return journal_fail(journal, error, "a segment cannot be made");
	return ST_OK;
}

enum status
journal_reserve(struct journal *journal)
{
	uint64_t needed = sizeof(struct journal_frame) + journal->batch_bytes;
	int error;

	if (journal->spares > 0)
		return ST_OK;
	if (journal->file != NULL && !journal->rotate &&
		journal->segment.bytes - journal->offset >= needed)
		return ST_OK;
	if (journal->reserve_failed)
		return ST_UNAVAILABLE;
	/* The helper may have made some since the last look, and the disk may
	 * be full by now. */
	TRY(journal_survey(journal));
	if (journal->spares > 0)
		return ST_OK;
	/* No time to write zeros: blocks that are reserved will do for now. */
	error = spare_make(journal->disk, journal->dir, journal->segment_bytes,
		FILL_RESERVE);
	if (is_disk_full(error)) {
		journal->reserve_failed = true;
		journal->low = true;
		return ST_UNAVAILABLE;
	}
	if (error != 0)
		return journal_fail(journal, error,
			"a segment cannot be made");
	journal->spares++;
	return ST_OK;
}

/* Give the file its header and, once that is on disk, its name. */
static int
christen(struct journal *journal, struct disk_file *file,
	const struct segment_header *header, const char *spare)
{
	unsigned char bytes[SEGMENT_HEADER_BYTES] = {0};
	char name[JOURNAL_NAME_MAX];
	char from[JOURNAL_PATH_MAX], to[JOURNAL_PATH_MAX];
	int error;

	memcpy(bytes, header, sizeof(*header));
	error = disk_write_all(file, bytes, sizeof(bytes), 0);
	if (error == 0)
		error = disk_fsync(file);
	if (error != 0)
		return error;
	seq_name(name, "", header->first_seq, SEGMENT_SUFFIX);
	journal_path(from, journal->dir, spare);
	journal_path(to, journal->dir, name);
	error = disk_rename(journal->disk, from, to);
	return error != 0 ? error : disk_fsync_dir(journal->disk, journal->dir);
}

static int
open_spare(struct journal *journal, char name[JOURNAL_NAME_MAX],
	struct disk_file **out)
{
	char path[JOURNAL_PATH_MAX];
	int count = spare_count(journal->disk, journal->dir,
		journal->segment_bytes, name);

	if (count <= 0)
		return count < 0 ? count : -ENOENT;
	journal_path(path, journal->dir, name);
	return disk_open(journal->disk, path, DISK_WRITE, out);
}

enum status
journal_rotate(struct journal *journal)
{
	struct segment_header header = {
		.magic = SEGMENT_MAGIC,
		.format = JOURNAL_FORMAT,
		.chain = journal->chain,
		.journal = journal->superblock.journal,
		.segment = journal->segment.segment + 1,
		.first_seq = journal->next_seq,
		.bytes = journal->segment_bytes,
		.created_us = journal->now_us,
	};
	char name[JOURNAL_NAME_MAX];
	struct disk_file *file = NULL;
	int error;

	if (journal->spares == 0)
		TRY(journal_reserve(journal));
	segment_header_seal(&header);
	error = open_spare(journal, name, &file);
	if (error == 0)
		error = christen(journal, file, &header, name);
	if (error != 0) {
		disk_close(file);
		return journal_fail(journal, error,
			"a new segment cannot be begun");
	}
	disk_close(journal->file);
	journal->file = file;
	journal->segment = header;
	journal->offset = SEGMENT_HEADER_BYTES;
	journal->rotate = false;
	TRY(journal_survey(journal));
	if (journal->helper != NULL)
		journal_helper_wake(journal->helper);
	return ST_OK;
}
