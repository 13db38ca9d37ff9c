/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * disk_posix.c - the disk that the system gives us.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "journal/disk.h"

#define FILE_MODE 0640
#define DIR_MODE 0750

/* Zeros are written in pieces, each synced, so that a large file made beside
 * the journal never stands between the matcher and its own sync for long. */
#define FILL_CHUNK ((size_t)1 << 20)

struct posix_file {
	struct disk_file file;
	int fd;
};

static int
fd_of(struct disk_file *file)
{
	return ((struct posix_file *)(void *)file)->fd;
}

static int
adopt(struct disk *disk, int fd, struct disk_file **out)
{
	struct posix_file *file = malloc(sizeof(*file));

	if (file == NULL) {
		close(fd);
		return -ENOMEM;
	}
	file->file.disk = disk;
	file->fd = fd;
	*out = &file->file;
	return 0;
}

static int
posix_open(struct disk *disk, const char *path, enum disk_open mode,
	struct disk_file **out)
{
	static const int flags[] = {
		[DISK_READ] = O_RDONLY,
		[DISK_WRITE] = O_RDWR,
		[DISK_CREATE] = O_RDWR | O_CREAT | O_EXCL,
	};
	int fd = open(path, flags[mode] | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

	return fd < 0 ? -errno : adopt(disk, fd, out);
}

static void
posix_close(struct disk_file *file)
{
	/* Nothing depends on close: what had to be on disk was synced. */
	close(fd_of(file));
	free(file);
}

static ssize_t
posix_pwrite(struct disk_file *file, const void *bytes, size_t length,
	uint64_t offset)
{
	ssize_t n;

	do
		n = pwrite(fd_of(file), bytes, length, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static ssize_t
posix_pread(struct disk_file *file, void *bytes, size_t length, uint64_t offset)
{
	ssize_t n;

	do
		n = pread(fd_of(file), bytes, length, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int
posix_fdatasync(struct disk_file *file)
{
	return fdatasync(fd_of(file)) != 0 ? -errno : 0;
}

static int
posix_fsync(struct disk_file *file)
{
	return fsync(fd_of(file)) != 0 ? -errno : 0;
}

static int
posix_size(struct disk_file *file, uint64_t *out)
{
	struct stat st;

	if (fstat(fd_of(file), &st) != 0)
		return -errno;
	*out = (uint64_t)st.st_size;
	return 0;
}

static int
write_zeros(struct disk_file *file, uint64_t offset, uint64_t end)
{
	static const char zeros[FILL_CHUNK];

	while (offset < end) {
		size_t n = end - offset < FILL_CHUNK ? (size_t)(end - offset)
						     : FILL_CHUNK;
		int error = disk_write_all(file, zeros, n, offset);

		if (error == 0)
			error = posix_fdatasync(file);
		if (error != 0)
			return error;
		offset += n;
	}
	return 0;
}

static int
posix_allocate(struct disk_file *file, uint64_t offset, uint64_t length,
	enum disk_fill fill)
{
	if (offset >= length)
		return 0;
	/* Reserving first says ENOSPC before a minute of writing does. */
	if (fallocate(fd_of(file), 0, (off_t)offset,
		    (off_t)(length - offset)) == 0) {
		if (fill == FILL_RESERVE)
			return 0;
	} else if (errno != EOPNOTSUPP && errno != ENOSYS) {
		return -errno;
	}
	return write_zeros(file, offset, length);
}

static int
posix_rename(struct disk *disk, const char *from, const char *to)
{
	(void)disk;
	return rename(from, to) != 0 ? -errno : 0;
}

static int
posix_unlink(struct disk *disk, const char *path)
{
	(void)disk;
	return unlink(path) != 0 ? -errno : 0;
}

static int
posix_fsync_dir(struct disk *disk, const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int error = 0;

	(void)disk;
	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		error = -errno;
	close(fd);
	return error;
}

/* A directory that is lost takes along what was synced in it. */
static int
posix_mkdir(struct disk *disk, const char *path)
{
	char *copy;
	int error;

	if (mkdir(path, DIR_MODE) != 0)
		return errno == EEXIST ? 0 : -errno;
	copy = strdup(path);
	if (copy == NULL)
		return -ENOMEM;
	error = posix_fsync_dir(disk, dirname(copy));
	free(copy);
	return error;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
append_name(struct disk_names *names, size_t *room, const char *name)
{
	if (names->count == *room) {
		size_t more = *room == 0 ? 64 : *room * 2;
		char **grown = realloc(names->names, more * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		names->names = grown;
		*room = more;
	}
	names->names[names->count] = strdup(name);
	if (names->names[names->count] == NULL)
		return -ENOMEM;
	names->count++;
	return 0;
}

static int
posix_list(struct disk *disk, const char *path, struct disk_names *out)
{
	struct disk_names names = {0};
	size_t room = 0;
	struct dirent *entry;
	DIR *dir = opendir(path);
	int error = 0;

	(void)disk;
	if (dir == NULL)
		return -errno;
	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (entry == NULL) {
			error = -errno;
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0)
			continue;
		error = append_name(&names, &room, entry->d_name);
		if (error != 0)
			break;
	}
	closedir(dir);
	if (error != 0) {
		disk_names_free(&names);
		return error;
	}
	if (names.count > 0)
		qsort(names.names, names.count, sizeof(char *), by_bytes);
	*out = names;
	return 0;
}

static int
posix_free_bytes(struct disk *disk, const char *path, uint64_t *out)
{
	struct statvfs st;

	(void)disk;
	if (statvfs(path, &st) != 0)
		return -errno;
	*out = (uint64_t)st.f_bavail * st.f_frsize;
	return 0;
}

/* A record lock, not flock: children must not keep it alive. */
static int
posix_lock(struct disk *disk, const char *path, struct disk_file **out)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		FILE_MODE);

	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_SETLK, &whole) != 0) {
		int error = errno == EACCES || errno == EAGAIN ? -EWOULDBLOCK
							       : -errno;

		close(fd);
		return error;
	}
	return adopt(disk, fd, out);
}

struct disk *
disk_posix(void)
{
	static const struct disk_ops ops = {
		.open = posix_open,
		.close = posix_close,
		.pwrite = posix_pwrite,
		.pread = posix_pread,
		.fdatasync = posix_fdatasync,
		.fsync = posix_fsync,
		.size = posix_size,
		.allocate = posix_allocate,
		.rename = posix_rename,
		.unlink = posix_unlink,
		.mkdir = posix_mkdir,
		.list = posix_list,
		.fsync_dir = posix_fsync_dir,
		.free_bytes = posix_free_bytes,
		.lock = posix_lock,
	};
	static struct disk disk = {.ops = &ops};

	return &disk;
}
