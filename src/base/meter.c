/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * meter.c - counters in a file that is mapped.
 */
#include "base/meter.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shared_file.h"

#define MAGIC 0x5152544d /* a page of another layout is none of ours */
#define LAYOUT 1
#define PATH_ROOM 4096

const int64_t meter_bounds_us[METER_BOUNDS] = {100, 200, 300, 500, 700, 1000,
	1500, 2000, 3000, 5000, 7000, 10000, 15000, 20000, 30000, 50000, 70000,
	100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000};

struct worker {
	_Atomic int32_t pid;
	_Atomic int32_t busy;
};

struct page {
	uint32_t magic;
	uint32_t version;
	int32_t pid;
	uint32_t spare;
	int64_t started_us;
	_Atomic uint64_t counts[METER_COUNTS];
	_Atomic uint64_t took[METER_BUCKETS];
	_Atomic uint64_t took_us;
	struct worker workers[METER_WORKERS];
};

struct meter {
	struct page *page;
	int fd; /* holds the lock; -1: nobody sees the page */
};

static bool
path_of(const char *dir, const char *name, const char *more,
	char out[PATH_ROOM])
{
	int n = snprintf(out, PATH_ROOM, "%s/%s.meter%s", dir, name, more);

	return n > 0 && n < PATH_ROOM;
}

/* ---- Its program --------------------------------------------------------- */

/* Map the new file of FD, and lock it for as long as anybody has FD. */
static struct page *
map_new(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct page *page;

	if (!shared_file_reserve(fd, sizeof(*page)) ||
		fcntl(fd, F_OFD_SETLK, &lock) != 0)
		return NULL;
	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		0);
	return page == MAP_FAILED ? NULL : page;
}

static void
describe(struct page *page)
{
	page->magic = MAGIC;
	page->version = LAYOUT;
	page->pid = (int32_t)getpid();
	page->started_us = clock_wall_us();
}

/* Zero, or an error number; then nothing is left behind. */
static int
open_file(struct meter *meter, const char *dir, const char *name)
{
	char path[PATH_ROOM], fresh[PATH_ROOM];
	int error = ENAMETOOLONG;

	meter->fd = -1;
	if (!path_of(dir, name, "", path) ||
		!path_of(dir, name, ".new", fresh))
		return error;
	unlink(fresh);
	meter->fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (meter->fd < 0)
		return errno;
	meter->page = map_new(meter->fd);
	if (meter->page) {
		describe(meter->page);
		if (rename(fresh, path) == 0)
			return 0;
	}
	error = errno;
	if (meter->page)
		munmap(meter->page, sizeof(*meter->page));
	close(meter->fd);
	unlink(fresh);
	meter->fd = -1;
	return error;
}

struct meter *
meter_open(const char *dir, const char *name, char **reason)
{
	struct meter *meter = calloc(1, sizeof(*meter));
	int error;

	if (!meter)
		abort();
	*reason = NULL;
	error = open_file(meter, dir, name);
	if (error == 0)
		return meter;
	if (asprintf(reason, "the counters %s/%s.meter cannot be shown: %s",
		    dir, name, strerror(error)) < 0)
		abort();
	meter->page = mmap(NULL, sizeof(*meter->page), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (meter->page == MAP_FAILED)
		abort();
	return meter;
}

/* The file stays, unlocked: so its program is known to be away. */
void
meter_free(struct meter *meter)
{
	if (!meter)
		return;
	munmap(meter->page, sizeof(*meter->page));
	if (meter->fd >= 0)
		close(meter->fd);
	free(meter);
}

void
meter_add(struct meter *meter, unsigned count, uint64_t more)
{
	assert(count < METER_COUNTS);
	atomic_fetch_add_explicit(
		&meter->page->counts[count], more, memory_order_relaxed);
}

void
meter_set(struct meter *meter, unsigned count, uint64_t level)
{
	assert(count < METER_COUNTS);
	atomic_store_explicit(
		&meter->page->counts[count], level, memory_order_relaxed);
}

void
meter_took(struct meter *meter, int64_t took_us)
{
	unsigned i = 0;

	while (i < METER_BOUNDS && took_us > meter_bounds_us[i])
		i++;
	atomic_fetch_add_explicit(
		&meter->page->took[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&meter->page->took_us,
		took_us > 0 ? (uint64_t)took_us : 0, memory_order_relaxed);
}

void
meter_worker(struct meter *meter, unsigned place, int32_t pid)
{
	struct worker *worker = &meter->page->workers[place];

	assert(place < METER_WORKERS);
	atomic_store_explicit(&worker->busy, 0, memory_order_relaxed);
	atomic_store_explicit(&worker->pid, pid, memory_order_relaxed);
}

_Atomic int32_t *
meter_busy(struct meter *meter, unsigned place)
{
	assert(place < METER_WORKERS);
	return &meter->page->workers[place].busy;
}

/* ---- Who reads ------------------------------------------------------------ */

/* Does anybody hold the lock that map_new() took? */
static bool
is_locked(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

static void
copy_counts(const struct page *page, struct meter_reading *out)
{
	size_t i;

	for (i = 0; i < METER_COUNTS; i++)
		out->counts[i] = atomic_load_explicit(
			&page->counts[i], memory_order_relaxed);
	for (i = 0; i < METER_BUCKETS; i++)
		out->took[i] = atomic_load_explicit(
			&page->took[i], memory_order_relaxed);
	out->took_us =
		atomic_load_explicit(&page->took_us, memory_order_relaxed);
}

static void
copy_workers(const struct page *page, struct meter_reading *out)
{
	size_t i;

	for (i = 0; i < METER_WORKERS; i++) {
		const struct worker *worker = &page->workers[i];
		int32_t pid = atomic_load_explicit(
			&worker->pid, memory_order_relaxed);

		if (pid == 0)
			continue;
		out->workers[out->n_workers++] = pid;
		out->n_busy += atomic_load_explicit(&worker->busy,
				       memory_order_relaxed) != 0;
	}
}

enum status
meter_read(const char *dir, const char *name, struct meter_reading *out)
{
	enum status status = ST_NOT_FOUND;
	char path[PATH_ROOM];
	struct stat facts;
	struct page *page;
	int fd;

	if (!path_of(dir, name, "", path))
		return ST_NOT_FOUND;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ST_NOT_FOUND;
	if (fstat(fd, &facts) == 0 && facts.st_size == sizeof(*page) &&
		(page = mmap(NULL, sizeof(*page), PROT_READ, MAP_SHARED, fd,
			 0)) != MAP_FAILED) {
		if (page->magic == MAGIC && page->version == LAYOUT) {
			*out = (struct meter_reading){.alive = is_locked(fd),
				.pid = page->pid,
				.started_us = page->started_us};
			copy_counts(page, out);
			copy_workers(page, out);
			status = ST_OK;
		}
		munmap(page, sizeof(*page));
	}
	close(fd);
	return status;
}
