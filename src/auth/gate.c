/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * gate.c - two robust mutexes in a mapped file.
 *
 * Everyone holds a shared flock on the file while he has it open.  Who gets
 * the exclusive one is alone, so whatever the file says was left behind by
 * the dead (or by a machine that lost its power, whose kernel repaired no
 * mutex): he makes it anew.  The magic number is written last, so a maker who
 * died half-way is noticed.
 */
#include "auth/gate.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shared_file.h"

#define GATE_MAGIC UINT64_C(0x3165746167746e71) /* "qntgate1" */

struct gate_page {
	_Atomic uint64_t magic;
	_Atomic unsigned turn; /* spreads the waiters over the places */
	pthread_mutex_t places[GATE_PLACES];
};

struct gate {
	int fd;
	struct gate_page *page;
};

static void
page_make(struct gate_page *page)
{
	pthread_mutexattr_t attr;
	int i;

	atomic_store(&page->magic, 0);
	atomic_store(&page->turn, 0);
	if (pthread_mutexattr_init(&attr) != 0 ||
		pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) !=
			0 ||
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0)
		abort();
	for (i = 0; i < GATE_PLACES; i++) {
		memset(&page->places[i], 0, sizeof(page->places[i]));
		if (pthread_mutex_init(&page->places[i], &attr) != 0)
			abort();
	}
	pthread_mutexattr_destroy(&attr);
	atomic_store(&page->magic, GATE_MAGIC);
}

static int
lock_file(int fd, int how)
{
	int rc;

	do
		rc = flock(fd, how);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/* Ends with the shared lock held on a file that is ready. */
static int
page_ready(int fd, struct gate_page *page)
{
	for (;;) {
		if (lock_file(fd, LOCK_EX | LOCK_NB) == 0)
			page_make(page);
		else if (errno != EWOULDBLOCK)
			return -1;
		/* From exclusive to shared is no single step; should somebody
		 * come in between, he makes the page once more, unused. */
		if (lock_file(fd, LOCK_SH) != 0)
			return -1;
		if (atomic_load(&page->magic) == GATE_MAGIC)
			return 0;
		if (lock_file(fd, LOCK_UN) != 0)
			return -1;
	}
}

struct gate *
gate_open(const char *path, char **reason)
{
	struct gate *gate = calloc(1, sizeof(*gate));

	if (!gate)
		abort();
	gate->page = MAP_FAILED;
	gate->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	/* It only ever grows: a shorter one would fault who has it mapped. */
	if (gate->fd < 0 ||
		!shared_file_reserve(gate->fd, sizeof(struct gate_page)))
		goto fail;
	gate->page = mmap(NULL, sizeof(*gate->page), PROT_READ | PROT_WRITE,
		MAP_SHARED, gate->fd, 0);
	if (gate->page == MAP_FAILED || page_ready(gate->fd, gate->page) != 0)
		goto fail;
	return gate;
fail:
	if (asprintf(reason, "%s cannot be used: %s", path, strerror(errno)) <
		0)
		abort();
	gate_free(gate);
	return NULL;
}

void
gate_free(struct gate *gate)
{
	if (!gate)
		return;
	if (gate->page != MAP_FAILED)
		munmap(gate->page, sizeof(*gate->page));
	if (gate->fd >= 0)
		close(gate->fd);
	free(gate);
}

/* What a lock call answered: have we got it? */
static int
taken(pthread_mutex_t *place, int rc)
{
	if (rc == EOWNERDEAD) {
		/* Its holder was killed; there is nothing to repair. */
		if (pthread_mutex_consistent(place) != 0)
			abort();
		rc = 0;
	}
	if (rc != 0 && rc != EBUSY && rc != ETIMEDOUT)
		abort();
	return rc == 0;
}

enum status
gate_enter(struct gate *gate, int64_t wait_us, int *place)
{
	struct gate_page *page = gate->page;
	struct timespec until;
	int64_t until_us = clock_monotonic_us() + wait_us;
	unsigned mine;
	int i;

	for (i = 0; i < GATE_PLACES; i++) {
		if (taken(&page->places[i],
			    pthread_mutex_trylock(&page->places[i]))) {
			*place = i;
			return ST_OK;
		}
	}
	/* All stays take the same time, so it matters little for which of the
	 * places one waits, as long as they have equally many waiting. */
	mine = atomic_fetch_add(&page->turn, 1) % GATE_PLACES;
	until.tv_sec = until_us / US_PER_SECOND;
	until.tv_nsec = until_us % US_PER_SECOND * 1000;
	if (!taken(&page->places[mine],
		    pthread_mutex_clocklock(&page->places[mine],
			    CLOCK_MONOTONIC, &until)))
		return ST_RATE_LIMITED;
	*place = (int)mine;
	return ST_OK;
}

void
gate_leave(struct gate *gate, int place)
{
	if (pthread_mutex_unlock(&gate->page->places[place]) != 0)
		abort();
}
