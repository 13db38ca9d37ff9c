/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * spare.c - making and counting spare segments.
 */
#include "journal/spare.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".tmp"

int
is_disk_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT || error == -EFBIG;
}

static int
is_temporary(const char *name)
{
	size_t length = strlen(name);

	return length >= sizeof(TEMPORARY_SUFFIX) - 1 &&
		strcmp(name + length - (sizeof(TEMPORARY_SUFFIX) - 1),
			TEMPORARY_SUFFIX) == 0;
}

static int
is_spare(const char *name)
{
	return strncmp(name, SPARE_PREFIX, sizeof(SPARE_PREFIX) - 1) == 0 &&
		!is_temporary(name);
}

static int
size_of(struct disk *disk, const char *path, uint64_t *out)
{
	struct disk_file *file;
	int error = disk_open(disk, path, DISK_READ, &file);

	if (error != 0)
		return error;
	error = disk_size(file, out);
	disk_close(file);
	return error;
}

int
spare_count(struct disk *disk, const char *dir, uint64_t segment_bytes,
	char name[JOURNAL_NAME_MAX])
{
	struct disk_names names;
	int count = 0, error = disk_list(disk, dir, &names);

	if (error != 0)
		return error;
	for (size_t i = 0; i < names.count && error == 0; i++) {
		char path[JOURNAL_PATH_MAX];
		uint64_t bytes;

		if (!is_spare(names.names[i]) ||
			strlen(names.names[i]) >= JOURNAL_NAME_MAX)
			continue;
		journal_path(path, dir, names.names[i]);
		error = size_of(disk, path, &bytes);
		if (error == -ENOENT) /* it has just become a segment */
			error = 0;
		else if (error == 0 && bytes == segment_bytes &&
			count++ == 0 && name != NULL)
			memcpy(name, names.names[i],
				strlen(names.names[i]) + 1);
	}
	disk_names_free(&names);
	return error != 0 ? error : count;
}

static int
fill_file(struct disk *disk, const char *path, uint64_t bytes,
	enum disk_fill fill)
{
	struct disk_file *file;
	int error = disk_open(disk, path, DISK_CREATE, &file);

	if (error != 0)
		return error;
	error = disk_allocate(file, 0, bytes, fill);
	if (error == 0)
		error = disk_fsync(file);
	disk_close(file);
	return error;
}

int
spare_make(struct disk *disk, const char *dir, uint64_t segment_bytes,
	enum disk_fill fill)
{
	char path[JOURNAL_PATH_MAX], temporary[JOURNAL_PATH_MAX];
	char name[JOURNAL_NAME_MAX];
	struct disk_file *file;
	int error = 0, cleanup;

	/* A name that nobody has: the helper and the matcher both make some. */
	for (unsigned n = 1; error == 0; n++) {
		snprintf(name, sizeof(name), SPARE_PREFIX "%d-%u",
			(int)getpid(), n);
		journal_path(path, dir, name);
		error = disk_open(disk, path, DISK_READ, &file);
		if (error == 0)
			disk_close(file);
	}
	if (error != -ENOENT)
		return error;
	journal_path(temporary, dir, name);
	if (strlen(temporary) + sizeof(TEMPORARY_SUFFIX) > sizeof(temporary))
		return -ENAMETOOLONG;
	memcpy(temporary + strlen(temporary), TEMPORARY_SUFFIX,
		sizeof(TEMPORARY_SUFFIX));
	error = disk_unlink(disk, temporary);
	if (error != 0 && error != -ENOENT)
		return error;
	error = fill_file(disk, temporary, segment_bytes, fill);
	if (error == 0)
		error = disk_rename(disk, temporary, path);
	if (error == 0)
		return disk_fsync_dir(disk, dir);
	/* On a full disk every block counts; if this fails the sweep does it. */
	cleanup = disk_unlink(disk, temporary);
	(void)cleanup;
	return error;
}

int
spare_sweep(struct disk *disk, const char *dir, uint64_t segment_bytes)
{
	struct disk_names names;
	int error = disk_list(disk, dir, &names);

	if (error != 0)
		return error;
	for (size_t i = 0; i < names.count && error == 0; i++) {
		char path[JOURNAL_PATH_MAX];
		uint64_t bytes = segment_bytes;

		if (strlen(names.names[i]) >= JOURNAL_NAME_MAX)
			continue;
		journal_path(path, dir, names.names[i]);
		if (is_spare(names.names[i]))
			error = size_of(disk, path, &bytes);
		if (error == 0 && (is_temporary(names.names[i]) ||
				bytes != segment_bytes))
			error = disk_unlink(disk, path);
		if (error == -ENOENT)
			error = 0;
	}
	disk_names_free(&names);
	return error;
}
