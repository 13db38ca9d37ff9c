/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * limit.c - counters in shared memory.
 *
 * A table of buckets, each with a mutex and a few places.  A user whose place
 * was taken because his bucket overflowed begins anew; with 65,536 places
 * that takes many more users within an hour than one machine serves.
 */
#include "http/limit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/shared_file.h"

#define N_BUCKETS 8192 /* a power of two */
#define N_PLACES 8

struct counter {
	int64_t began_us;
	int64_t count;
};

struct place {
	uint64_t key; /* rule and user; 0: free */
	struct counter counters[LIMIT_WINDOWS];
};

struct bucket {
	pthread_mutex_t mutex;
	struct place places[N_PLACES];
};

struct limiter {
	struct shared_file file;
	struct bucket *buckets;
};

#define FILE_BYTES (N_BUCKETS * sizeof(struct bucket))

/* ---- The file ---------------------------------------------------------- */

static bool
prepare(void *at)
{
	struct bucket *buckets = at;
	bool ok = true;
	size_t i;

	for (i = 0; ok && i < N_BUCKETS; i++)
		ok = shared_mutex_init(&buckets[i].mutex);
	return ok;
}

struct limiter *
limiter_open(const char *path, char **reason)
{
	struct limiter *limiter = calloc(1, sizeof(*limiter));

	if (!limiter)
		abort();
	if (shared_file_open(&limiter->file, path, FILE_BYTES, SHARED_ANEW,
		    prepare)) {
		limiter->buckets = limiter->file.at;
		return limiter;
	}
	if (asprintf(reason, "the rate limits' file %s cannot be used: %s",
		    path, strerror(errno)) < 0)
		abort();
	limiter_free(limiter);
	return NULL;
}

void
limiter_free(struct limiter *limiter)
{
	if (!limiter)
		return;
	shared_file_close(&limiter->file);
	free(limiter);
}

/* ---- Counting ---------------------------------------------------------- */

static uint64_t
mix(uint64_t key)
{
	key ^= key >> 31;
	key *= UINT64_C(0x9e3779b97f4a7c15);
	key ^= key >> 29;
	key *= UINT64_C(0xbf58476d1ce4e5b9);
	return key ^ key >> 32;
}

/*
 * Whether the window is over.  Two workers' clocks may be a little apart, so
 * a start in the near future is none that is over; one in the far future is of
 * a clock that was set back.
 */
static bool
is_over(const struct counter *counter, const struct limit_window *window,
	int64_t now_us)
{
	return now_us - counter->began_us >= window->length_us ||
	       counter->began_us - now_us > window->length_us;
}

/* When its user's latest window began; 0 for a free place. */
static int64_t
latest_us(const struct place *place)
{
	int64_t latest = 0;
	size_t i;

	for (i = 0; i < LIMIT_WINDOWS; i++)
		if (place->counters[i].began_us > latest)
			latest = place->counters[i].began_us;
	return latest;
}

/* KEY's place, a free one, or that of whoever was quiet longest. */
static struct place *
place_of(struct bucket *bucket, uint64_t key)
{
	struct place *place, *oldest = &bucket->places[0];

	for (place = bucket->places; place < bucket->places + N_PLACES;
		place++) {
		if (place->key == key)
			return place;
		if (latest_us(place) < latest_us(oldest))
			oldest = place;
	}
	*oldest = (struct place){.key = key};
	return oldest;
}

/* How many WINDOW allows the request; 0: it says nothing of it. */
static int64_t
bound(const struct conf *conf, const struct limit_window *window,
	unsigned class)
{
	if (window->length_us == 0 ||
		(window->classes != 0 && !(window->classes >> class & 1)))
		return 0;
	return conf_number(conf, window->key);
}

/* Refuse, or count in all windows; PLACE is locked. */
static enum status
count(const struct conf *conf, const struct limit_charge *charge,
	struct place *place, struct limit_state *out)
{
	struct counter *counted[LIMIT_WINDOWS];
	size_t i, n = 0;

	for (i = 0; i < LIMIT_WINDOWS; i++) {
		const struct limit_window *window = &charge->rule->windows[i];
		struct counter *counter = &place->counters[i];
		int64_t most = bound(conf, window, charge->class), left_us;

		if (most == 0)
			continue;
		if (is_over(counter, window, charge->now_us))
			*counter = (struct counter){charge->now_us, 0};
		counted[n++] = counter;
		if (counter->count < most)
			continue;
		/* Until the last of the windows that refuse is over. */
		left_us = counter->began_us + window->length_us - charge->now_us;
		if (left_us > out->retry_after_us)
			out->retry_after_us = left_us;
	}
	if (out->retry_after_us > 0)
		return ST_RATE_LIMITED;
	while (n > 0)
		counted[--n]->count++;
	return ST_OK;
}

/* What the headers say: of the first window that is for this request. */
static void
describe(const struct conf *conf, const struct limit_charge *charge,
	const struct place *place, struct limit_state *out)
{
	size_t i;

	for (i = 0; i < LIMIT_WINDOWS; i++) {
		const struct limit_window *window = &charge->rule->windows[i];
		const struct counter *counter = &place->counters[i];

		out->limit = bound(conf, window, charge->class);
		if (out->limit == 0)
			continue;
		out->limited = true;
		out->remaining = out->limit > counter->count
					 ? out->limit - counter->count
					 : 0;
		out->reset_us = counter->began_us + window->length_us;
		return;
	}
}

enum status
limiter_charge(struct limiter *limiter, const struct conf *conf,
	const struct limit_charge *charge, struct limit_state *out)
{
	uint64_t key = (uint64_t)charge->rule->id << 32 | charge->user;
	struct bucket *bucket = &limiter->buckets[mix(key) & (N_BUCKETS - 1)];
	struct place *place;
	enum status status;

	*out = (struct limit_state){0};
	/* Should its last owner have died, one request was counted in part. */
	(void)shared_mutex_lock(&bucket->mutex);
	place = place_of(bucket, key);
	status = count(conf, charge, place, out);
	describe(conf, charge, place, out);
	pthread_mutex_unlock(&bucket->mutex);
	if (status != ST_OK) {
		/* Whichever window it was: nothing is left until then. */
		out->remaining = 0;
		out->reset_us = charge->now_us + out->retry_after_us;
	}
	return status;
}
