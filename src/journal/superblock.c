/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * superblock.c - two copies, written by turns.
 */
#include "journal/superblock.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "base/crc32c.h"
#include "journal/format.h"

#define TEMPORARY SUPERBLOCK_NAME ".tmp"

static uint32_t
checksum(const struct superblock *block)
{
	return crc32c(0, block, offsetof(struct superblock, checksum));
}

static int
is_whole(const struct superblock *block)
{
	return block->magic == SUPERBLOCK_MAGIC &&
		block->checksum == checksum(block);
}

static int
write_copy(struct disk_file *file, struct superblock *block)
{
	unsigned char bytes[SUPERBLOCK_BYTES] = {0};

	block->checksum = checksum(block);
	memcpy(bytes, block, sizeof(*block));
	return disk_write_all(file, bytes, sizeof(bytes),
		block->generation % 2 * SUPERBLOCK_BYTES);
}

static int
create_file(struct disk *disk, const char *dir, const char *temporary,
	struct superblock *block)
{
	char path[JOURNAL_PATH_MAX];
	struct disk_file *file;
	int error = disk_open(disk, temporary, DISK_CREATE, &file);

	if (error != 0)
		return error;
	error = write_copy(file, block);
	block->generation++;
	if (error == 0)
		error = write_copy(file, block);
	if (error == 0)
		error = disk_fsync(file);
	disk_close(file);
	if (error != 0)
		return error;
	journal_path(path, dir, SUPERBLOCK_NAME);
	error = disk_rename(disk, temporary, path);
	return error != 0 ? error : disk_fsync_dir(disk, dir);
}

enum status
superblock_create(struct disk *disk, const char *dir, struct ident journal,
	int64_t now_us, struct reason *reason)
{
	struct superblock block = {
		.magic = SUPERBLOCK_MAGIC,
		.format = JOURNAL_FORMAT,
		.journal = journal,
		.generation = 1,
		.time_us = now_us,
	};
	char temporary[JOURNAL_PATH_MAX];
	int error;

	journal_path(temporary, dir, TEMPORARY);
	error = disk_unlink(disk, temporary);
	if (error == 0 || error == -ENOENT)
		error = create_file(disk, dir, temporary, &block);
	return error != 0 ? reason_errno(reason, error,
				    "%s/" SUPERBLOCK_NAME
				    " cannot be made", dir)
			  : ST_OK;
}

enum status
superblock_load(struct disk *disk, const char *dir, struct superblock *out,
	struct reason *reason)
{
	unsigned char bytes[2 * SUPERBLOCK_BYTES] = {0};
	struct superblock copy, best = {.generation = 0};
	char path[JOURNAL_PATH_MAX];
	struct disk_file *file;
	ssize_t n;
	int error;

	journal_path(path, dir, SUPERBLOCK_NAME);
	error = disk_open(disk, path, DISK_READ, &file);
	if (error == -ENOENT)
		return reason_set(reason, ST_NOT_FOUND,
			"there is no journal in %s", dir);
	if (error != 0)
		return reason_errno(reason, error, "%s cannot be opened", path);
	n = disk_read_up_to(file, bytes, sizeof(bytes), 0);
	disk_close(file);
	if (n < 0)
		return reason_errno(reason, (int)n, "%s cannot be read", path);
	for (int i = 0; i < 2; i++) {
		memcpy(&copy, bytes + i * SUPERBLOCK_BYTES, sizeof(copy));
		if (is_whole(&copy) && copy.generation > best.generation)
			best = copy;
	}
	if (best.generation == 0)
		return reason_set(reason, ST_INTERNAL,
			"%s: both copies of the durable mark are damaged",
			path);
	if (best.format != JOURNAL_FORMAT)
		return reason_set(reason, ST_INVALID,
			"%s: format %" PRIu32 " is not known to this program",
			path, best.format);
	*out = best;
	return ST_OK;
}

int
superblock_store(struct disk_file *file, struct superblock *last,
	uint64_t durable_seq, int64_t now_us)
{
	struct superblock next = *last;
	int error;

	next.generation++;
	next.durable_seq = durable_seq;
	next.time_us = now_us;
	error = write_copy(file, &next);
	if (error == 0)
		error = disk_fdatasync(file);
	if (error == 0)
		*last = next;
	return error;
}
