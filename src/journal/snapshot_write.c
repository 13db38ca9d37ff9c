/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * snapshot_write.c - writing a snapshot out of a forked child.
 *
 * What the child needs is made before the fork.  In the child there are only
 * system calls: its parent may have threads, and one of them may have held
 * the allocator's lock at the moment of the fork.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "journal/snapshot_format.h"

/* A write of this size does not keep the disk from the matcher for long. */
#define WRITE_PIECE ((size_t)1 << 20)

struct snapshot_writer {
	struct disk *disk;
	struct disk_file *file;
	char dir[JOURNAL_PATH_MAX];
	char temporary[JOURNAL_PATH_MAX];
	struct snapshot_header header;
};

enum status
snapshot_begin(struct disk *disk, const char *dir,
	struct snapshot_writer **out, struct reason *reason)
{
	struct snapshot_writer *writer;
	char name[JOURNAL_NAME_MAX];
	int error;

	TRY(journal_dir_check(dir, reason));
	writer = calloc(1, sizeof(*writer));
	if (writer == NULL)
		return reason_errno(reason, -ENOMEM, "snapshot");
	writer->disk = disk;
	snprintf(writer->dir, sizeof(writer->dir), "%s", dir);
	snprintf(name, sizeof(name), SNAPSHOT_PREFIX "%d" TEMPORARY_SUFFIX,
		(int)getpid());
	journal_path(writer->temporary, dir, name);
	error = disk_unlink(disk, writer->temporary);
	if (error == 0 || error == -ENOENT)
		error = disk_open(disk, writer->temporary, DISK_CREATE,
			&writer->file);
	if (error != 0) {
		reason_errno(reason, error, "%s cannot be made",
			writer->temporary);
		free(writer);
		return ST_INTERNAL;
	}
	*out = writer;
	return ST_OK;
}

static int
write_section(struct snapshot_writer *writer, struct snapshot_section *section,
	const struct snapshot_extent *extent)
{
	const char *bytes = extent->bytes;
	uint64_t done = 0;

	section->length = extent->length;
	while (done < extent->length) {
		size_t piece = extent->length - done < WRITE_PIECE
			? (size_t)(extent->length - done)
			: WRITE_PIECE;
		int error = disk_write_all(writer->file, bytes + done, piece,
			section->offset + done);

		if (error != 0)
			return error;
		section->checksum =
			crc32c(section->checksum, bytes + done, piece);
		done += piece;
	}
	return 0;
}

static int
write_file(struct snapshot_writer *writer, const struct snapshot_info *info,
	const struct snapshot_extent *extents, uint32_t n_extents)
{
	struct snapshot_header *header = &writer->header;
	uint64_t offset = SNAPSHOT_ALIGN;
	int error;

	*header = (struct snapshot_header){
		.magic = SNAPSHOT_MAGIC,
		.format = JOURNAL_FORMAT,
		.n_sections = n_extents,
		.info = *info,
	};
	for (uint32_t i = 0; i < n_extents; i++) {
		header->sections[i].offset = offset;
		error = write_section(writer, &header->sections[i],
			&extents[i]);
		if (error != 0)
			return error;
		offset += extents[i].length + SNAPSHOT_ALIGN - 1;
		offset -= offset % SNAPSHOT_ALIGN;
	}
	header->checksum = snapshot_header_checksum(header);
	/* The header last: without it the file is nothing. */
	error = disk_write_all(writer->file, header, sizeof(*header), 0);
	return error != 0 ? error : disk_fsync(writer->file);
}

enum status
snapshot_write(struct snapshot_writer *writer, const struct snapshot_info *info,
	const struct snapshot_extent *extents, uint32_t n_extents,
	struct reason *reason)
{
	char path[JOURNAL_PATH_MAX], name[JOURNAL_NAME_MAX];
	int error;

	if (n_extents > SNAPSHOT_SECTIONS_MAX)
		return reason_set(reason, ST_INVALID,
			"a snapshot has at most %d sections",
			SNAPSHOT_SECTIONS_MAX);
	seq_name(name, SNAPSHOT_PREFIX, info->seq, SNAPSHOT_SUFFIX);
	journal_path(path, writer->dir, name);
	error = write_file(writer, info, extents, n_extents);
	if (error == 0)
		error = disk_rename(writer->disk, writer->temporary, path);
	if (error == 0)
		error = disk_fsync_dir(writer->disk, writer->dir);
	if (error == 0)
		return ST_OK;
	reason_errno(reason, error, "%s cannot be written", name);
	/* If it cannot be removed either, the next prune does. */
	error = disk_unlink(writer->disk, writer->temporary);
	(void)error;
	return ST_INTERNAL;
}

void
snapshot_end(struct snapshot_writer *writer)
{
	if (writer == NULL)
		return;
	disk_close(writer->file);
	free(writer);
}
