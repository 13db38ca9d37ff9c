/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * shared_file.h - memory that the processes of one machine share, in a file.
 *
 * Who opens the file while nobody has it open is the first of this run, and
 * prepares it; whoever comes meanwhile waits.  All keep a lock on it, which
 * their children inherit, so that it ends with the last of them.
 *
 * The mutexes in it are robust: who dies while he holds one leaves it to the
 * next, who is told so.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct shared_file {
	int fd; /* -1: it is not open */
	void *at;
	size_t size;
};

/* What the first one does with what an earlier run left. */
enum shared_past {
	SHARED_ANEW, /* all bytes are 0 */
	SHARED_KEPT  /* as it was, if it is of this size */
};

/*
 * Map SIZE bytes of PATH, made if missing, and have the first one PREPARE them.
 * False with errno; FILE is then not open.
 */
bool shared_file_open(struct shared_file *file, const char *path, size_t size,
	enum shared_past past, bool (*prepare)(void *at)) MUST_USE;
void shared_file_close(struct shared_file *file);

/*
 * Have FD's file be SIZE bytes long at least, with room on the disk for them: a
 * page that finds none when it is first written to ends its process.  What is
 * larger than SHARED_RESERVED gets the length alone.  False with errno.
 */
#define SHARED_RESERVED ((size_t)8 << 20)
bool shared_file_reserve(int fd, size_t size) MUST_USE;

/* To be called by who prepares the file.  False with errno. */
bool shared_mutex_init(pthread_mutex_t *mutex) MUST_USE;

/* Returns whether who held it last has died. */
bool shared_mutex_lock(pthread_mutex_t *mutex);
/* The same within PATIENCE_US (0: at once), else ST_UNAVAILABLE. */
enum status shared_mutex_try(pthread_mutex_t *mutex, int64_t patience_us,
	bool *died) MUST_USE;
