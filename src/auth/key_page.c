/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * key_page.c - two tables of buckets in a mapped file.
 *
 * A bucket's mutex is one of a few robust ones, so that the tables stay holes
 * in the file until they are used.  A worker that dies while it writes a place
 * leaves it free: what makes it taken is written last.
 *
 * Keys' ids and signatures are as good as random, so buckets fill evenly.
 */
#include "auth/key_page.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/shared_file.h"

#define N_LOCKS 256
#define KEY_BUCKETS 8192
#define KEY_PLACES 16
/* Room for some 20,000 signed requests a second. */
#define NONCE_BUCKETS 65536
#define NONCE_PLACES 32
#define HOLD_US (3 * US_PER_SECOND)
#define SAVE_EVERY_US US_PER_MINUTE

struct key_place {
	_Atomic bool taken;
	bool unsaved; /* its use was not taken yet */
	int64_t used_us;
	char used_from[KEY_IP_MAX];
	struct key_entry entry;
};

struct nonce_place {
	int64_t until_us; /* free when that is over */
	uint8_t nonce[SIGNED_NONCE_BYTES];
};

struct shared {
	_Atomic bool loaded;
	pthread_mutex_t writer;
	pthread_mutex_t locks[N_LOCKS];
	_Atomic int64_t save_us; /* not before */
	/* One bit for each bucket of keys in which a use is unsaved. */
	_Atomic uint64_t unsaved[KEY_BUCKETS / 64];
	struct key_place keys[KEY_BUCKETS][KEY_PLACES];
	struct nonce_place nonces[NONCE_BUCKETS][NONCE_PLACES];
};

struct key_page {
	struct shared_file file;
	struct shared *shared;
};

/* ---- The file ---------------------------------------------------------- */

static bool
prepare(void *at)
{
	struct shared *shared = at;
	bool ok = shared_mutex_init(&shared->writer);
	size_t i;

	for (i = 0; ok && i < N_LOCKS; i++)
		ok = shared_mutex_init(&shared->locks[i]);
	return ok;
}

struct key_page *
key_page_open(const char *path, char **reason)
{
	struct key_page *page = calloc(1, sizeof(*page));

	if (!page)
		abort();
	if (shared_file_open(&page->file, path, sizeof(*page->shared),
		    SHARED_ANEW, prepare)) {
		page->shared = page->file.at;
		return page;
	}
	if (asprintf(reason, "the program keys' file %s cannot be used: %s",
		    path, strerror(errno)) < 0)
		abort();
	key_page_free(page);
	return NULL;
}

void
key_page_free(struct key_page *page)
{
	if (!page)
		return;
	shared_file_close(&page->file);
	free(page);
}

/* ---- Buckets ------------------------------------------------------------- */

/* Nothing needs repair when the owner died; see above. */
static void
lock(pthread_mutex_t *mutex)
{
	(void)shared_mutex_lock(mutex);
}

/* The last bytes: random in an ident, and in a signature. */
static unsigned
bucket_of(const uint8_t bytes[16], unsigned buckets)
{
	uint32_t word;

	memcpy(&word, bytes + 12, sizeof(word));
	return word % buckets;
}

struct bucket {
	struct key_place *places;
	pthread_mutex_t *mutex; /* held */
};

static struct bucket
open_bucket(struct key_page *page, struct ident id)
{
	unsigned n = bucket_of(id.bytes, KEY_BUCKETS);
	struct bucket bucket = {page->shared->keys[n],
		&page->shared->locks[n % N_LOCKS]};

	lock(bucket.mutex);
	return bucket;
}

static void
close_bucket(const struct bucket *bucket)
{
	pthread_mutex_unlock(bucket->mutex);
}

static struct key_place *
place_of(const struct bucket *bucket, struct ident id)
{
	size_t i;

	for (i = 0; i < KEY_PLACES; i++)
		if (bucket->places[i].taken &&
			ident_equal(bucket->places[i].entry.id, id))
			return &bucket->places[i];
	return NULL;
}

/* ---- Reading -------------------------------------------------------------- */

bool
key_page_loaded(const struct key_page *page)
{
	return page->shared->loaded;
}

enum status
key_page_find(struct key_page *page, struct ident id, struct key_entry *out)
{
	/* Before looking: a key may come, but it would have been known. */
	bool loaded = page->shared->loaded;
	struct bucket bucket = open_bucket(page, id);
	const struct key_place *place = place_of(&bucket, id);

	if (place)
		*out = place->entry;
	close_bucket(&bucket);
	if (place)
		return ST_OK;
	return loaded ? ST_NOT_FOUND : ST_UNAVAILABLE;
}

static struct key_use
use_of(const struct key_place *place)
{
	struct key_use use = {.id = place->entry.id, .at_us = place->used_us};

	memcpy(use.from, place->used_from, sizeof(use.from));
	return use;
}

struct key_use
key_page_last_use(struct key_page *page, struct ident id)
{
	struct bucket bucket = open_bucket(page, id);
	const struct key_place *place = place_of(&bucket, id);
	struct key_use use = {.id = id};

	if (place)
		use = use_of(place);
	close_bucket(&bucket);
	return use;
}

static enum status
remember(struct nonce_place *places, const struct signer *signer,
	int64_t now_us)
{
	struct nonce_place *room = NULL;
	size_t i;

	for (i = 0; i < NONCE_PLACES; i++) {
		if (places[i].until_us < now_us)
			room = &places[i];
		else if (memcmp(places[i].nonce, signer->nonce,
				 SIGNED_NONCE_BYTES) == 0)
			return ST_CONFLICT;
	}
	if (!room)
		return ST_UNAVAILABLE;
	memcpy(room->nonce, signer->nonce, SIGNED_NONCE_BYTES);
	room->until_us = signer->nonce_until_us;
	return ST_OK;
}

/* The bucket is open. */
static void
mark_unsaved(struct key_page *page, struct key_place *place)
{
	unsigned n = bucket_of(place->entry.id.bytes, KEY_BUCKETS);

	place->unsaved = true;
	page->shared->unsaved[n / 64] |= UINT64_C(1) << n % 64;
}

enum status
key_page_spend(struct key_page *page, const struct signer *signer,
	const struct key_use *use)
{
	unsigned n = bucket_of(signer->nonce, NONCE_BUCKETS);
	pthread_mutex_t *mutex = &page->shared->locks[n % N_LOCKS];
	struct key_place *place;
	struct bucket bucket;
	enum status status;

	lock(mutex);
	status = remember(page->shared->nonces[n], signer, use->at_us);
	pthread_mutex_unlock(mutex);
	if (status != ST_OK)
		return status;
	bucket = open_bucket(page, use->id);
	place = place_of(&bucket, use->id);
	if (place) {
		place->used_us = use->at_us;
		memcpy(place->used_from, use->from, sizeof(use->from));
		mark_unsaved(page, place);
	}
	close_bucket(&bucket);
	return ST_OK;
}

/* ---- Writing uses down ------------------------------------------------------- */

bool
key_page_save_due(struct key_page *page, int64_t now_us)
{
	int64_t due_us = page->shared->save_us;

	return now_us >= due_us &&
	       atomic_compare_exchange_strong(&page->shared->save_us, &due_us,
		       now_us + SAVE_EVERY_US);
}

/* The uses of bucket N, OUT having room for all of them. */
static size_t
read_bucket(struct key_page *page, unsigned n, struct key_use *out)
{
	pthread_mutex_t *mutex = &page->shared->locks[n % N_LOCKS];
	const struct key_place *places = page->shared->keys[n];
	size_t i, found = 0;

	lock(mutex);
	for (i = 0; i < KEY_PLACES; i++)
		if (places[i].taken && places[i].unsaved)
			out[found++] = use_of(&places[i]);
	pthread_mutex_unlock(mutex);
	return found;
}

size_t
key_page_unsaved(struct key_page *page, unsigned *at, struct key_use *out,
	size_t most)
{
	size_t found = 0;

	for (; *at < KEY_BUCKETS && found + KEY_PLACES <= most; ++*at)
		if (page->shared->unsaved[*at / 64] >> *at % 64 & 1)
			found += read_bucket(page, *at, out + found);
	return found;
}

void
key_page_saved(struct key_page *page, const struct key_use *use)
{
	unsigned n = bucket_of(use->id.bytes, KEY_BUCKETS);
	struct bucket bucket = open_bucket(page, use->id);
	struct key_place *place = place_of(&bucket, use->id);
	bool left = false;
	size_t i;

	if (place && place->used_us == use->at_us)
		place->unsaved = false;
	for (i = 0; i < KEY_PLACES; i++)
		left |= bucket.places[i].taken && bucket.places[i].unsaved;
	if (!left)
		page->shared->unsaved[n / 64] &= ~(UINT64_C(1) << n % 64);
	close_bucket(&bucket);
}

/* ---- Writing --------------------------------------------------------------- */

enum status
key_page_hold(struct key_page *page)
{
	bool died;

	TRY(shared_mutex_try(&page->shared->writer, HOLD_US, &died));
	/* Who knows what he had done, here and in MySQL. */
	if (died)
		page->shared->loaded = false;
	return ST_OK;
}

void
key_page_release(struct key_page *page)
{
	pthread_mutex_unlock(&page->shared->writer);
}

enum status
key_page_put(struct key_page *page, const struct key_entry *entry)
{
	struct bucket bucket = open_bucket(page, entry->id);
	struct key_place *room = place_of(&bucket, entry->id);
	size_t i;

	for (i = 0; !room && i < KEY_PLACES; i++)
		if (!bucket.places[i].taken)
			room = &bucket.places[i];
	if (room && !room->taken) {
		room->used_us = 0;
		room->used_from[0] = '\0';
		room->unsaved = false;
		room->entry = *entry;
		room->taken = true;
	}
	close_bucket(&bucket);
	return room ? ST_OK : ST_UNAVAILABLE;
}

void
key_page_drop(struct key_page *page, struct ident id)
{
	struct bucket bucket = open_bucket(page, id);
	struct key_place *place = place_of(&bucket, id);

	if (place)
		place->taken = false;
	close_bucket(&bucket);
}

void
key_page_set_loaded(struct key_page *page, bool loaded)
{
	page->shared->loaded = loaded;
}
