/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * shared_file.c - a mapped file, the lock on it, and mutexes in it.
 */
#include "base/shared_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* ---- The file ------------------------------------------------------------ */

static bool
is_whole(const struct shared_file *file)
{
	struct stat st;

	return fstat(file->fd, &st) == 0 && st.st_size == (off_t)file->size;
}

bool
shared_file_reserve(int fd, size_t size)
{
	struct stat st;

	if (size <= SHARED_RESERVED) {
		errno = posix_fallocate(fd, 0, (off_t)size);
		return errno == 0;
	}
	return fstat(fd, &st) == 0 && (st.st_size >= (off_t)size ||
					      ftruncate(fd, (off_t)size) == 0);
}

static bool
size_it(const struct shared_file *file, enum shared_past past)
{
	if ((past == SHARED_ANEW || !is_whole(file)) &&
		ftruncate(file->fd, 0) != 0)
		return false;
	return shared_file_reserve(file->fd, file->size);
}

static bool
map(struct shared_file *file)
{
	void *at = mmap(NULL, file->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		file->fd, 0);

	if (at == MAP_FAILED)
		return false;
	file->at = at;
	return true;
}

/* Who gets the lock alone is the first. */
static bool
enter(struct shared_file *file, enum shared_past past,
	bool (*prepare)(void *at))
{
	if (flock(file->fd, LOCK_EX | LOCK_NB) == 0)
		return size_it(file, past) && map(file) && prepare(file->at) &&
		       flock(file->fd, LOCK_SH) == 0;
	return errno == EWOULDBLOCK && flock(file->fd, LOCK_SH) == 0 &&
	       map(file);
}

bool
shared_file_open(struct shared_file *file, const char *path, size_t size,
	enum shared_past past, bool (*prepare)(void *at))
{
	int error;

	*file = (struct shared_file){
		.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			0660),
		.size = size,
	};
	if (file->fd >= 0 && enter(file, past, prepare))
		return true;
	error = errno;
	shared_file_close(file);
	errno = error;
	return false;
}

void
shared_file_close(struct shared_file *file)
{
	if (file->at)
		munmap(file->at, file->size);
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct shared_file){.fd = -1};
}

/* ---- Mutexes ------------------------------------------------------------- */

bool
shared_mutex_init(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;
	int error = pthread_mutexattr_init(&attr);

	if (error == 0) {
		error = pthread_mutexattr_setpshared(
			&attr, PTHREAD_PROCESS_SHARED);
		if (error == 0)
			error = pthread_mutexattr_setrobust(
				&attr, PTHREAD_MUTEX_ROBUST);
		if (error == 0)
			error = pthread_mutex_init(mutex, &attr);
		pthread_mutexattr_destroy(&attr);
	}
	errno = error;
	return error == 0;
}

/* ERROR is what locking said.  Anything else than these is a bug of ours. */
static bool
has_died(pthread_mutex_t *mutex, int error)
{
	if (error != 0 && (error != EOWNERDEAD ||
				  pthread_mutex_consistent(mutex) != 0))
		abort();
	return error == EOWNERDEAD;
}

bool
shared_mutex_lock(pthread_mutex_t *mutex)
{
	return has_died(mutex, pthread_mutex_lock(mutex));
}

enum status
shared_mutex_try(pthread_mutex_t *mutex, int64_t patience_us, bool *died)
{
	int64_t until_us = clock_monotonic_us() + patience_us;
	struct timespec until = {.tv_sec = until_us / US_PER_SECOND,
		.tv_nsec = until_us % US_PER_SECOND * 1000};
	int error = pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);

	if (error == ETIMEDOUT)
		return ST_UNAVAILABLE;
	*died = has_died(mutex, error);
	return ST_OK;
}
