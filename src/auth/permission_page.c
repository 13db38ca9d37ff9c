/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * permission_page.c - two sorted tables in a mapped file.
 *
 * VERSION counts the tables that were put in force; the lowest bit names the
 * one that is.  A table is written again only after the next one is in force,
 * so a reader who finds the version as it was has read a whole table.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/permission.h"
#include "base/clock.h"
#include "base/shared_file.h"

#define FORMAT UINT32_C(0x71700001)
#define HOLD_US (3 * US_PER_SECOND)

/* A row is the user above, what he lacks below. */
struct table {
	_Atomic uint32_t n;
	_Atomic uint64_t rows[PERMISSION_PAGE_ROWS];
};

struct shared {
	uint32_t format;
	_Atomic bool loaded;
	_Atomic uint64_t version; /* 0: nothing was ever put in force */
	pthread_mutex_t writer;
	struct table tables[2];
};

struct permission_page {
	struct shared_file file;
	struct shared *shared;
};

/* ---- The file --------------------------------------------------------------
 */

/* Keep what an earlier run left, if it is ours; whoever held it is gone. */
static bool
prepare(void *at)
{
	struct shared *shared = at;

	if (shared->format != FORMAT) {
		shared->version = 0;
		shared->format = FORMAT;
	}
	shared->loaded = false;
	memset(&shared->writer, 0, sizeof(shared->writer));
	return shared_mutex_init(&shared->writer);
}

struct permission_page *
permission_page_open(const char *path, char **reason)
{
	struct permission_page *page = calloc(1, sizeof(*page));

	if (!page)
		abort();
	if (shared_file_open(&page->file, path, sizeof(*page->shared),
		    SHARED_KEPT, prepare)) {
		page->shared = page->file.at;
		return page;
	}
	if (asprintf(reason, "the permissions' file %s cannot be used: %s",
		    path, strerror(errno)) < 0)
		abort();
	permission_page_free(page);
	return NULL;
}

void
permission_page_free(struct permission_page *page)
{
	if (!page)
		return;
	shared_file_close(&page->file);
	free(page);
}

/* ---- Reading ----------------------------------------------------------------
 */

bool
permission_page_loaded(const struct permission_page *page)
{
	return page->shared->loaded;
}

static uint32_t
search(const struct table *table, uint32_t user)
{
	size_t low = 0,
	       high = atomic_load_explicit(&table->n, memory_order_relaxed);

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t row = atomic_load_explicit(
			&table->rows[middle], memory_order_relaxed);

		if (row >> 32 == user)
			return (uint32_t)row;
		if (row >> 32 < user)
			low = middle + 1;
		else
			high = middle;
	}
	return 0;
}

enum status
permission_page_find(
	const struct permission_page *page, uint32_t user, uint32_t *denied)
{
	const struct shared *shared = page->shared;
	uint64_t before, after;
	uint32_t found;

	do {
		before = atomic_load(&shared->version);
		if (before == 0)
			return ST_UNAVAILABLE;
		found = search(&shared->tables[before & 1], user);
		atomic_thread_fence(memory_order_acquire);
		after = atomic_load(&shared->version);
	} while (after != before);
	*denied = found;
	return ST_OK;
}

/* ---- Writing ----------------------------------------------------------------
 */

/* What who died had not put in force is made anew by the next load. */
enum status
permission_page_hold(struct permission_page *page)
{
	bool died;

	return shared_mutex_try(&page->shared->writer, HOLD_US, &died);
}

enum status
permission_page_try_hold(struct permission_page *page)
{
	bool died;
	enum status status =
		shared_mutex_try(&page->shared->writer, 0, &died);

	return status == ST_UNAVAILABLE ? ST_CONFLICT : status;
}

void
permission_page_release(struct permission_page *page)
{
	pthread_mutex_unlock(&page->shared->writer);
}

void
permission_page_stale(struct permission_page *page)
{
	page->shared->loaded = false;
}

static struct table *
next_table(struct permission_page *page)
{
	return &page->shared->tables[(page->shared->version + 1) & 1];
}

void
permission_page_begin(struct permission_page *page)
{
	next_table(page)->n = 0;
}

enum status
permission_page_add(
	struct permission_page *page, uint32_t user, uint32_t denied)
{
	struct table *table = next_table(page);

	if (table->n == PERMISSION_PAGE_ROWS)
		return ST_UNAVAILABLE;
	table->rows[table->n] = (uint64_t)user << 32 | denied;
	table->n++;
	return ST_OK;
}

void
permission_page_commit(struct permission_page *page)
{
	page->shared->version++;
	page->shared->loaded = true;
}
