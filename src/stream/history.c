/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * history.c - a ring with a chain through it for each user.
 *
 * Places are numbered from 1 and never again, so that a place which has been
 * taken by another update is known by its number alone.
 *
 * The nth of a user's entries has a second way back, to his (n - b)th, b being
 * the lowest bit of n.  So a search costs about the square of the logarithm of
 * their number in steps, not that number: one user with all of the ring, who
 * comes back again and again, holds up nobody.
 */
#include "stream/history.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "stream/list.h"

#define BUCKETS 16384

struct entry {
	struct order_update update;
	uint64_t before; /* places of the same user's; 0: none */
	uint64_t behind;
	uint64_t far; /* before, or further; may have gone */
};

/* A user with updates in the ring. */
struct chain {
	struct node in_bucket;
	uint32_t user;
	uint64_t first, last;
	uint64_t n; /* all that there ever were */
};

struct history {
	size_t room;
	uint64_t from;
	uint64_t oldest; /* place */
	uint64_t next;   /* place that is free */
	uint64_t steps;  /* of all searches */
	struct node buckets[BUCKETS];
	struct entry entries[];
};

struct history *
history_new(size_t room)
{
	struct history *history =
		calloc(1, sizeof(*history) + room * sizeof(struct entry));
	size_t i;

	assert(room > 0);
	if (!history)
		abort();
	history->room = room;
	history->oldest = history->next = 1;
	for (i = 0; i < BUCKETS; i++)
		node_init(&history->buckets[i]);
	return history;
}

static struct entry *
entry_at(const struct history *history, uint64_t place)
{
	return (struct entry *)(uintptr_t)&history
		->entries[place % history->room];
}

static struct node *
bucket_of(const struct history *history, uint32_t user)
{
	return (struct node *)(uintptr_t)&history->buckets[user % BUCKETS];
}

static struct chain *
find_chain(const struct history *history, uint32_t user)
{
	struct node *bucket = bucket_of(history, user), *at, *after;

	LIST_EACH(at, after, bucket)
		if (NODE_OF(at, chain, in_bucket)->user == user)
			return NODE_OF(at, chain, in_bucket);
	return NULL;
}

static void
drop_oldest(struct history *history)
{
	struct entry *entry = entry_at(history, history->oldest);
	struct chain *chain = find_chain(history, entry->update.user);

	/* It is its user's oldest, too. */
	assert(chain && chain->first == history->oldest);
	history->from = entry->update.number;
	history->oldest++;
	chain->first = entry->behind;
	if (chain->first != 0) {
		entry_at(history, chain->first)->before = 0;
		return;
	}
	node_take_out(&chain->in_bucket);
	free(chain);
}

void
history_begin(struct history *history, uint64_t from)
{
	while (history->oldest < history->next)
		drop_oldest(history);
	history->from = from;
}

void
history_free(struct history *history)
{
	if (!history)
		return;
	history_begin(history, 0);
	free(history);
}

static struct chain *
get_chain(struct history *history, uint32_t user)
{
	struct chain *chain = find_chain(history, user);

	if (chain)
		return chain;
	chain = calloc(1, sizeof(*chain));
	if (!chain)
		abort();
	chain->user = user;
	node_init(&chain->in_bucket);
	list_append(bucket_of(history, user), &chain->in_bucket);
	return chain;
}

/* A place that is still what it was; 0: none. */
static uint64_t
still(const struct history *history, uint64_t place)
{
	return place >= history->oldest ? place : 0;
}

/*
 * Where the nth's second way leads, BEFORE being the (n - 1)th: over the second
 * ways of those between, which are 1, 2, 4, … long.
 */
static uint64_t
far_of(const struct history *history, uint64_t n, uint64_t before)
{
	uint64_t place = before, bit;

	for (bit = 1; !(n & bit) && place != 0; bit <<= 1)
		place = still(history, entry_at(history, place)->far);
	return place;
}

void
history_add(struct history *history, const struct order_update *update)
{
	struct chain *chain;
	struct entry *entry;

	if (history->next - history->oldest == history->room)
		drop_oldest(history);
	chain = get_chain(history, update->user);
	entry = entry_at(history, history->next);
	*entry = (struct entry){.update = *update,
		.before = chain->last,
		.far = far_of(history, ++chain->n, chain->last)};
	if (chain->first == 0)
		chain->first = history->next;
	else
		entry_at(history, chain->last)->behind = history->next;
	chain->last = history->next++;
}

uint64_t
history_from(const struct history *history)
{
	return history->from;
}

static bool
is_behind(const struct history *history, uint64_t place, uint64_t after)
{
	return place != 0 && entry_at(history, place)->update.number > after;
}

/* The place of USER's first behind AFTER, from the newest backwards; or 0. */
static uint64_t
search(struct history *history, uint32_t user, uint64_t after)
{
	const struct chain *chain = find_chain(history, user);
	uint64_t place = chain ? chain->last : 0, found = 0;

	while (is_behind(history, place, after)) {
		const struct entry *entry = entry_at(history, place);
		uint64_t far = still(history, entry->far);

		found = place;
		place = is_behind(history, far, after) ? far : entry->before;
		history->steps++;
	}
	return found;
}

uint64_t
history_steps(const struct history *history)
{
	return history->steps;
}

const struct order_update *
history_next(struct history *history, uint32_t user, uint64_t after,
	uint64_t *hint)
{
	const struct entry *entry;
	uint64_t place = 0;

	if (*hint >= history->oldest && *hint < history->next)
		place = *hint;
	entry = place ? entry_at(history, place) : NULL;
	if (entry && entry->update.user == user &&
		entry->update.number == after)
		place = entry->behind;
	else
		place = search(history, user, after);
	if (place == 0)
		return NULL;
	*hint = place;
	return &entry_at(history, place)->update;
}
