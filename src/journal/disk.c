/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * disk.c - what is the same on every disk.
 */
#include "journal/disk.h"

#include <errno.h>
#include <stdlib.h>

int
disk_open(struct disk *disk, const char *path, enum disk_open mode,
	struct disk_file **out)
{
	return disk->ops->open(disk, path, mode, out);
}

void
disk_close(struct disk_file *file)
{
	if (file != NULL)
		file->disk->ops->close(file);
}

int
disk_fdatasync(struct disk_file *file)
{
	return file->disk->ops->fdatasync(file);
}

int
disk_fsync(struct disk_file *file)
{
	return file->disk->ops->fsync(file);
}

int
disk_size(struct disk_file *file, uint64_t *out)
{
	return file->disk->ops->size(file, out);
}

int
disk_allocate(struct disk_file *file, uint64_t offset, uint64_t length,
	enum disk_fill fill)
{
	return file->disk->ops->allocate(file, offset, length, fill);
}

int
disk_rename(struct disk *disk, const char *from, const char *to)
{
	return disk->ops->rename(disk, from, to);
}

int
disk_unlink(struct disk *disk, const char *path)
{
	return disk->ops->unlink(disk, path);
}

int
disk_mkdir(struct disk *disk, const char *path)
{
	return disk->ops->mkdir(disk, path);
}

int
disk_list(struct disk *disk, const char *path, struct disk_names *out)
{
	return disk->ops->list(disk, path, out);
}

int
disk_fsync_dir(struct disk *disk, const char *path)
{
	return disk->ops->fsync_dir(disk, path);
}

int
disk_free_bytes(struct disk *disk, const char *path, uint64_t *out)
{
	return disk->ops->free_bytes(disk, path, out);
}

int
disk_lock(struct disk *disk, const char *path, struct disk_file **out)
{
	return disk->ops->lock(disk, path, out);
}

int
disk_write_all(struct disk_file *file, const void *bytes, size_t length,
	uint64_t offset)
{
	const char *at = bytes;

	while (length > 0) {
		ssize_t n = file->disk->ops->pwrite(file, at, length, offset);

		if (n < 0)
			return (int)n;
		if (n == 0)
			return -ENOSPC;
		at += n;
		offset += (uint64_t)n;
		length -= (size_t)n;
	}
	return 0;
}

ssize_t
disk_read_up_to(struct disk_file *file, void *bytes, size_t length,
	uint64_t offset)
{
	char *at = bytes;
	size_t done = 0;

	while (done < length) {
		ssize_t n = file->disk->ops->pread(file, at + done,
			length - done, offset + done);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

void
disk_names_free(struct disk_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
	*names = (struct disk_names){0};
}
