/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * disk.h - the seam between the journal and the file system.
 *
 * Everything the journal does to files passes through here, so that a test
 * can put a disk in its place that loses what was not synced, tears sectors,
 * and fails at the N-th operation (t/sim/disk_sim.h).
 *
 * A disk speaks errno, as the system does: 0 or a count on success, else a
 * negative errno.  Paths are the caller's; a disk keeps no current directory.
 * An implementation embeds struct disk and struct disk_file.
 *
 * What may be relied on after a crash: bytes after fdatasync or fsync of
 * their file; a name (create, rename, unlink) after fsync_dir of its
 * directory.  Nothing else, and in no order.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"

struct disk;
struct disk_file;

enum disk_open {
	DISK_READ,   /* for reading */
	DISK_WRITE,  /* for reading and writing; must exist */
	DISK_CREATE  /* for reading and writing; must not exist */
};

enum disk_fill {
	FILL_RESERVE, /* blocks are there, and read as zeros (fallocate) */
	FILL_ZEROS    /* zeros are written: later syncs touch no metadata */
};

/* The names in a directory, sorted, without "." and "..". */
struct disk_names {
	char **names;
	size_t count;
};

struct disk_ops {
	int (*open)(struct disk *disk, const char *path, enum disk_open mode,
		struct disk_file **out);
	void (*close)(struct disk_file *file);
	/* May write or read fewer bytes than asked. */
	ssize_t (*pwrite)(struct disk_file *file, const void *bytes,
		size_t length, uint64_t offset);
	ssize_t (*pread)(struct disk_file *file, void *bytes, size_t length,
		uint64_t offset);
	int (*fdatasync)(struct disk_file *file);
	int (*fsync)(struct disk_file *file);
	int (*size)(struct disk_file *file, uint64_t *out);
	/* Make the file LENGTH bytes long, from OFFSET on by FILL. */
	int (*allocate)(struct disk_file *file, uint64_t offset,
		uint64_t length, enum disk_fill fill);
	int (*rename)(struct disk *disk, const char *from, const char *to);
	int (*unlink)(struct disk *disk, const char *path);
	int (*mkdir)(struct disk *disk, const char *path); /* 0 if there */
	int (*list)(struct disk *disk, const char *path,
		struct disk_names *out);
	int (*fsync_dir)(struct disk *disk, const char *path);
	int (*free_bytes)(struct disk *disk, const char *path, uint64_t *out);
	/*
	 * Take PATH for this process until the file is closed or the process
	 * ends; children do not share it.  -EWOULDBLOCK: another has it.
	 */
	int (*lock)(struct disk *disk, const char *path,
		struct disk_file **out);
};

struct disk {
	const struct disk_ops *ops;
};

struct disk_file {
	struct disk *disk;
};

/* The real one; there is nothing to free. */
struct disk *disk_posix(void);

/* As the table says. */
int disk_open(struct disk *disk, const char *path, enum disk_open mode,
	struct disk_file **out) MUST_USE;
void disk_close(struct disk_file *file); /* NULL is fine */
int disk_fdatasync(struct disk_file *file) MUST_USE;
int disk_fsync(struct disk_file *file) MUST_USE;
int disk_size(struct disk_file *file, uint64_t *out) MUST_USE;
int disk_allocate(struct disk_file *file, uint64_t offset, uint64_t length,
	enum disk_fill fill) MUST_USE;
int disk_rename(struct disk *disk, const char *from, const char *to) MUST_USE;
int disk_unlink(struct disk *disk, const char *path) MUST_USE;
int disk_mkdir(struct disk *disk, const char *path) MUST_USE;
int disk_list(struct disk *disk, const char *path,
	struct disk_names *out) MUST_USE;
int disk_fsync_dir(struct disk *disk, const char *path) MUST_USE;
int disk_free_bytes(struct disk *disk, const char *path,
	uint64_t *out) MUST_USE;
int disk_lock(struct disk *disk, const char *path,
	struct disk_file **out) MUST_USE;

/* All LENGTH bytes, or a negative errno; a write that stops is -ENOSPC. */
int disk_write_all(struct disk_file *file, const void *bytes, size_t length,
	uint64_t offset) MUST_USE;
/* Up to LENGTH bytes; fewer only at the end of the file. */
ssize_t disk_read_up_to(struct disk_file *file, void *bytes, size_t length,
	uint64_t offset) MUST_USE;

void disk_names_free(struct disk_names *names);
