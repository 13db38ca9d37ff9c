/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * book_page.c - sequence locks over an mmap'd file.
 *
 * A slot's words are atomic, stored with release and loaded with acquire
 * order.  That makes the lock correct without fences: who sees one new word
 * sees the odd number that was stored before it, and tries again.  On x86
 * both are plain moves.
 */
#include "journal/book_page.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/shared_file.h"

#define PAGE_MAGIC UINT64_C(0x314547504b4f4f42) /* "BOOKPGE1" */
#define PAGE_VERSION 1
#define PAGE_MODE 0640
#define CACHE_LINE 64

/* Tries of a reader: at once, after others have run, after a short sleep. */
#define TRIES_BUSY 32
#define TRIES_YIELD 128
#define TRIES_SLEEP 228
#define SLEEP_NS 100000

#define HEAD_WORDS (offsetof(struct book_slot, bids) / 8)
#define LEVEL_WORDS (sizeof(struct book_level) / 8)
#define SLOT_WORDS (sizeof(struct book_slot) / 8)
#define BIDS_WORD HEAD_WORDS
#define ASKS_WORD (offsetof(struct book_slot, asks) / 8)
#define SEQ_WORD (offsetof(struct book_slot, seq) / 8)

_Static_assert(sizeof(struct book_slot) % 8 == 0, "copied as words");
_Static_assert(offsetof(struct book_slot, bids) % 8 == 0, "copied as words");
_Static_assert(sizeof(_Atomic uint64_t) == 8, "as in memory");

struct shared_slot {
	_Alignas(CACHE_LINE) _Atomic uint64_t lock; /* odd: being written */
	_Atomic uint64_t words[SLOT_WORDS];
};

struct shared_page {
	uint64_t magic;
	uint32_t version;
	uint32_t spare;
	_Alignas(CACHE_LINE) _Atomic uint64_t durable_seq;
	_Alignas(CACHE_LINE) _Atomic int64_t beat_us;
	_Atomic int64_t started_us;
	_Atomic uint64_t journal[2];
	_Atomic int64_t ahead_us; /* of CLOCK_MONOTONIC; 0: not known */
	struct shared_slot slots[INSTRUMENTS_MAX];
};

struct book_page {
	struct shared_page *shared;
	dev_t device;
	ino_t inode;
	char path[];
};

/* ---- the lock ---- */

static void
store_words(struct shared_slot *slot, size_t at, const void *from, size_t count)
{
	const char *bytes = from;
	uint64_t word;

	for (size_t i = 0; i < count; i++) {
		memcpy(&word, bytes + i * 8, 8);
		atomic_store_explicit(&slot->words[at + i], word,
			memory_order_release);
	}
}

static void
load_words(const struct shared_slot *slot, size_t at, void *to, size_t count)
{
	char *bytes = to;
	uint64_t word;

	for (size_t i = 0; i < count; i++) {
		word = atomic_load_explicit(&slot->words[at + i],
			memory_order_acquire);
		memcpy(bytes + i * 8, &word, 8);
	}
}

static void
write_slot(struct shared_slot *slot, const struct book_slot *from)
{
	/* A writer that died here has left it odd, which does as well. */
	uint64_t odd = atomic_load_explicit(&slot->lock,
			       memory_order_relaxed) | 1;

	atomic_store_explicit(&slot->lock, odd, memory_order_relaxed);
	store_words(slot, 0, from, HEAD_WORDS);
	store_words(slot, BIDS_WORD, from->bids, from->n_bids * LEVEL_WORDS);
	store_words(slot, ASKS_WORD, from->asks, from->n_asks * LEVEL_WORDS);
	atomic_store_explicit(&slot->lock, odd + 1, memory_order_release);
}

/* One try; HEAD alone leaves the levels out.  False: it was written. */
static bool
try_read(const struct shared_slot *slot, struct book_slot *out, bool head)
{
	uint64_t before = atomic_load_explicit(&slot->lock,
		memory_order_acquire);

	if (before & 1)
		return false;
	load_words(slot, 0, out, HEAD_WORDS);
	if (!head && out->n_bids <= BOOK_PAGE_LEVELS &&
		out->n_asks <= BOOK_PAGE_LEVELS) {
		load_words(slot, BIDS_WORD, out->bids,
			out->n_bids * LEVEL_WORDS);
		load_words(slot, ASKS_WORD, out->asks,
			out->n_asks * LEVEL_WORDS);
	}
	return atomic_load_explicit(&slot->lock, memory_order_relaxed) ==
		before;
}

/* Spinning would keep the writer from its processor: yield, then sleep. */
static enum status
read_slot(const struct shared_slot *slot, struct book_slot *out, bool head)
{
	static const struct timespec pause = {.tv_nsec = SLEEP_NS};

	for (int i = 0; i < TRIES_SLEEP; i++) {
		if (try_read(slot, out, head))
			return ST_OK;
		if (i >= TRIES_YIELD)
			nanosleep(&pause, NULL);
		else if (i >= TRIES_BUSY)
			sched_yield();
	}
	return ST_UNAVAILABLE;
}

/* ---- mapping ---- */

static struct shared_page *
map(int fd, int protection)
{
	void *at = mmap(NULL, sizeof(struct shared_page), protection,
		MAP_SHARED, fd, 0);

	return at == MAP_FAILED ? NULL : at;
}

static struct book_page *
make_page(const char *path, struct shared_page *shared, const struct stat *st)
{
	size_t length = strlen(path) + 1;
	struct book_page *page = malloc(sizeof(*page) + length);

	if (page == NULL)
		return NULL;
	page->shared = shared;
	page->device = st->st_dev;
	page->inode = st->st_ino;
	memcpy(page->path, path, length);
	return page;
}

/* Map what is at PATH.  ST_CONFLICT: not a page of this version. */
static enum status
open_page(const char *path, int flags, int protection, struct book_page **out,
	struct reason *reason)
{
	struct shared_page *shared;
	struct stat st;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
	int error;

	if (fd < 0)
		return errno == ENOENT
			? reason_set(reason, ST_NOT_FOUND,
				  "there is no book page at %s", path)
			: reason_errno(reason, -errno, "%s", path);
	if (fstat(fd, &st) != 0 || st.st_size != sizeof(*shared)) {
		close(fd);
		return reason_set(reason, ST_CONFLICT,
			"%s is no book page of this version", path);
	}
	shared = map(fd, protection);
	error = -errno;
	close(fd);
	if (shared == NULL)
		return reason_errno(reason, error, "%s cannot be mapped", path);
	if (shared->magic != PAGE_MAGIC || shared->version != PAGE_VERSION) {
		munmap(shared, sizeof(*shared));
		return reason_set(reason, ST_CONFLICT,
			"%s is no book page of this version", path);
	}
	*out = make_page(path, shared, &st);
	if (*out == NULL) {
		munmap(shared, sizeof(*shared));
		return reason_errno(reason, -ENOMEM, "%s", path);
	}
	return ST_OK;
}

/* Put a new page in the place of whatever is there. */
static int
new_file(const char *path)
{
	struct shared_page *shared;
	char *temporary;
	int fd, error = 0;

	if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0)
		return -ENOMEM;
	unlink(temporary);
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, PAGE_MODE);
	if (fd < 0 || !shared_file_reserve(fd, sizeof(*shared)) ||
		(shared = map(fd, PROT_READ | PROT_WRITE)) == NULL) {
		error = -errno;
	} else {
		shared->magic = PAGE_MAGIC;
		shared->version = PAGE_VERSION;
		munmap(shared, sizeof(*shared));
		if (rename(temporary, path) != 0)
			error = -errno;
	}
	if (fd >= 0)
		close(fd);
	if (error != 0)
		unlink(temporary);
	free(temporary);
	return error;
}

static void
store_journal(struct shared_page *shared, struct ident journal)
{
	uint64_t words[2];

	memcpy(words, journal.bytes, sizeof(words));
	atomic_store(&shared->journal[0], words[0]);
	atomic_store(&shared->journal[1], words[1]);
}

static void
take_over(struct book_page *page, struct ident journal)
{
	static const struct book_slot empty;
	struct shared_page *shared = page->shared;
	bool ours = ident_equal(book_page_journal(page), journal);

	for (unsigned i = 0; i < INSTRUMENTS_MAX; i++)
		if (!ours || (atomic_load(&shared->slots[i].lock) & 1))
			write_slot(&shared->slots[i], &empty);
	if (!ours)
		atomic_store(&shared->durable_seq, 0);
	store_journal(shared, journal);
}

enum status
book_page_create(const char *path, struct ident journal, struct book_page **out,
	struct reason *reason)
{
	struct book_page *page;
	enum status status = open_page(path, O_RDWR, PROT_READ | PROT_WRITE,
		&page, reason);

	if (status == ST_NOT_FOUND || status == ST_CONFLICT) {
		int error = new_file(path);

		if (error != 0)
			return reason_errno(reason, error, "%s", path);
		status = open_page(path, O_RDWR, PROT_READ | PROT_WRITE, &page,
			reason);
	}
	TRY(status);
	take_over(page, journal);
	*out = page;
	return ST_OK;
}

enum status
book_page_open(const char *path, struct book_page **out, struct reason *reason)
{
	return open_page(path, O_RDONLY, PROT_READ, out, reason);
}

enum status
book_page_refresh(struct book_page *page)
{
	struct book_page *fresh;
	struct reason reason;
	struct stat st;

	if (stat(page->path, &st) != 0)
		return ST_NOT_FOUND;
	if (st.st_dev == page->device && st.st_ino == page->inode)
		return ST_OK;
	TRY(book_page_open(page->path, &fresh, &reason));
	munmap(page->shared, sizeof(*page->shared));
	page->shared = fresh->shared;
	page->device = fresh->device;
	page->inode = fresh->inode;
	free(fresh);
	return ST_OK;
}

void
book_page_close(struct book_page *page)
{
	if (page == NULL)
		return;
	munmap(page->shared, sizeof(*page->shared));
	free(page);
}

/* ---- what is on it ---- */

void
book_page_write(struct book_page *page, const struct book_slot *slot)
{
	assert(slot->terms.instrument < INSTRUMENTS_MAX &&
		slot->n_bids <= BOOK_PAGE_LEVELS &&
		slot->n_asks <= BOOK_PAGE_LEVELS);
	write_slot(&page->shared->slots[slot->terms.instrument], slot);
}

void
book_page_ready(struct book_page *page, int64_t started_us,
	uint64_t durable_seq)
{
	atomic_store(&page->shared->started_us, started_us);
	atomic_store(&page->shared->beat_us, started_us);
	book_page_set_durable(page, durable_seq);
}

void
book_page_set_durable(struct book_page *page, uint64_t durable_seq)
{
	atomic_store_explicit(&page->shared->durable_seq, durable_seq,
		memory_order_release);
}

void
book_page_beat(struct book_page *page, int64_t now_us)
{
	atomic_store(&page->shared->beat_us, now_us);
	atomic_store(&page->shared->ahead_us, now_us - clock_monotonic_us());
}

enum status
book_page_read(const struct book_page *page, uint16_t instrument,
	struct book_slot *out)
{
	struct book_slot slot;

	if (instrument >= INSTRUMENTS_MAX)
		return ST_NOT_FOUND;
	TRY(read_slot(&page->shared->slots[instrument], &slot, false));
	if (!slot.used)
		return ST_NOT_FOUND;
	memcpy(out, &slot, offsetof(struct book_slot, bids));
	memcpy(out->bids, slot.bids, slot.n_bids * sizeof(*slot.bids));
	memcpy(out->asks, slot.asks, slot.n_asks * sizeof(*slot.asks));
	return ST_OK;
}

enum status
book_page_find(const struct book_page *page, const char *symbol,
	uint16_t *instrument)
{
	enum status result = ST_NOT_FOUND;
	struct book_slot slot;

	for (uint16_t i = 0; i < INSTRUMENTS_MAX; i++) {
		enum status status =
			read_slot(&page->shared->slots[i], &slot, true);

		if (status != ST_OK) {
			result = status; /* it may have been this one */
			continue;
		}
		if (slot.used && strncmp(slot.terms.symbol, symbol,
				 sizeof(slot.terms.symbol)) == 0) {
			*instrument = i;
			return ST_OK;
		}
	}
	return result;
}

uint64_t
book_page_slot_seq(const struct book_page *page, uint16_t instrument)
{
	const struct shared_slot *slot;

	if (instrument >= INSTRUMENTS_MAX)
		return 0;
	slot = &page->shared->slots[instrument];
	if (atomic_load_explicit(&slot->lock, memory_order_acquire) & 1)
		return 0;
	return atomic_load_explicit(&slot->words[SEQ_WORD],
		memory_order_acquire);
}

uint64_t
book_page_durable_seq(const struct book_page *page)
{
	return atomic_load_explicit(&page->shared->durable_seq,
		memory_order_acquire);
}

struct ident
book_page_journal(const struct book_page *page)
{
	uint64_t words[2] = {atomic_load(&page->shared->journal[0]),
		atomic_load(&page->shared->journal[1])};
	struct ident journal;

	memcpy(journal.bytes, words, sizeof(journal.bytes));
	return journal;
}

int64_t
book_page_started_us(const struct book_page *page)
{
	return atomic_load(&page->shared->started_us);
}

int64_t
book_page_beat_us(const struct book_page *page)
{
	return atomic_load(&page->shared->beat_us);
}

int64_t
book_page_now_us(const struct book_page *page)
{
	int64_t ahead_us = atomic_load(&page->shared->ahead_us);

	return ahead_us != 0 ? clock_monotonic_us() + ahead_us
			     : clock_wall_us();
}
