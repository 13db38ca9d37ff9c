/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recall.c - a ring of remembered keys, and linear probing over it.
 *
 * Deletion moves later entries of the probe chain back, so there are no
 * tombstones and a search ends at the first free slot (Knuth, TAOCP vol. 3,
 * 6.4, algorithm R).
 *
 * An entry that was forgotten before its time (only the oldest of its user
 * is) stays in the ring with a key of zeros until the ring passes it.
 */
#include "engine/recall.h"

#include <assert.h>
#include <string.h>

#include "engine/state.h"

static uint32_t
hash_key(const void *key)
{
	uint64_t words[2], h;

	memcpy(words, key, sizeof(words));
	/* A UUID's leading bits are a time: fold before multiplying. */
	h = (words[0] ^ words[1] >> 29 ^ words[1] << 35) *
		UINT64_C(0x9E3779B97F4A7C15);
	h = (h ^ words[1]) * UINT64_C(0xC2B2AE3D27D4EB4F);
	return (uint32_t)(h >> 32);
}

bool
index_init(struct index *index, const void *entries, size_t stride,
	uint32_t entries_max)
{
	uint32_t slots = 16;

	while (slots < entries_max * 2)
		slots *= 2;
	index->slots = pool_reserve(slots, sizeof(*index->slots));
	index->mask = slots - 1;
	index->entries = entries;
	index->stride = stride;
	return index->slots != NULL;
}

void
index_done(struct index *index)
{
	if (index->slots)
		pool_release(index->slots, (size_t)index->mask + 1,
			sizeof(*index->slots));
}

static const void *
key_at(const struct index *index, uint32_t entry)
{
	return index->entries + index->stride * entry;
}

uint32_t
index_find(const struct index *index, const void *key)
{
	uint32_t at = hash_key(key) & index->mask;

	for (; index->slots[at] != 0; at = (at + 1) & index->mask)
		if (memcmp(key_at(index, index->slots[at] - 1), key, 16) == 0)
			return index->slots[at] - 1;
	return INDEX_NONE;
}

void
index_add(struct index *index, uint32_t entry)
{
	uint32_t at = hash_key(key_at(index, entry)) & index->mask;

	while (index->slots[at] != 0)
		at = (at + 1) & index->mask;
	index->slots[at] = entry + 1;
}

void
index_remove(struct index *index, uint32_t entry)
{
	uint32_t hole = hash_key(key_at(index, entry)) & index->mask;
	uint32_t at;

	while (index->slots[hole] != entry + 1) {
		assert(index->slots[hole] != 0);
		hole = (hole + 1) & index->mask;
	}
	for (at = (hole + 1) & index->mask; index->slots[at] != 0;
		at = (at + 1) & index->mask) {
		uint32_t home = hash_key(key_at(index, index->slots[at] - 1)) &
			index->mask;

		/* May it move back?  Not if its home lies behind the hole. */
		if (((at - home) & index->mask) < ((at - hole) & index->mask))
			continue;
		index->slots[hole] = index->slots[at];
		hole = at;
	}
	index->slots[hole] = 0;
}

bool
recall_init(struct recall *recall, struct recall_state *state, uint32_t max)
{
	uint32_t size = 16;

	while (size < max)
		size *= 2;
	recall->state = state;
	state->max = size;
	recall->entries = pool_reserve(size, sizeof(*recall->entries));
	return recall->entries &&
		index_init(&recall->index, recall->entries,
			sizeof(*recall->entries), size);
}

void
recall_done(struct recall *recall)
{
	if (recall->entries)
		pool_release(recall->entries, recall->state->max,
			sizeof(*recall->entries));
	index_done(&recall->index);
}

static uint32_t
place_of(const struct recall *recall, uint64_t number)
{
	return (uint32_t)(number & (recall->state->max - 1));
}

static bool
is_forgotten(const struct remembered *entry)
{
	return entry->key[0] == 0 && entry->key[1] == 0;
}

const struct remembered *
recall_find(const struct recall *recall, const uint64_t key[2], int64_t now_us)
{
	uint32_t place = index_find(&recall->index, key);

	if (place == INDEX_NONE || recall->entries[place].until_us <= now_us)
		return NULL;
	return &recall->entries[place];
}

static void
forget(struct recall *recall, uint32_t place, struct recall_chain *chain)
{
	struct remembered *entry = &recall->entries[place];

	index_remove(&recall->index, place);
	if (chain) {
		/* The ring and the chain are both in order of arrival. */
		assert(chain->first == place + 1);
		chain->first = entry->next_of_user;
		if (chain->first == 0)
			chain->last = 0;
		chain->count--;
	}
	memset(entry, 0, sizeof(*entry));
}

static void
drop_oldest(struct recall *recall, const struct recall_chains *chains)
{
	uint32_t place = place_of(recall, recall->state->first++);
	struct remembered *entry = &recall->entries[place];

	if (!is_forgotten(entry))
		forget(recall, place,
			chains ? chains->of(chains->owner, entry->user) : NULL);
}

bool
recall_full(const struct recall *recall)
{
	return recall->state->end - recall->state->first == recall->state->max;
}

void
recall_make_room(struct recall *recall, int64_t now_us,
	const struct recall_chains *chains)
{
	struct recall_state *state = recall->state;
	const struct remembered *oldest;

	for (; state->first < state->end; drop_oldest(recall, chains)) {
		oldest = &recall->entries[place_of(recall, state->first)];
		if (oldest->until_us > now_us)
			break;
	}
	if (!recall_full(recall))
		return;
	oldest = &recall->entries[place_of(recall, state->first)];
	/* Its lifetime is the same for all: what was as old is gone too. */
	if (oldest->until_us - MEMORY_US > state->forgotten_us)
		state->forgotten_us = oldest->until_us - MEMORY_US;
	drop_oldest(recall, chains);
}

void
recall_add(struct recall *recall, const struct remembered *entry,
	struct recall_chain *chain)
{
	uint32_t place = place_of(recall, recall->state->end++);

	recall->entries[place] = *entry;
	recall->entries[place].next_of_user = 0;
	index_add(&recall->index, place);
	if (!chain)
		return;
	if (chain->last != 0)
		recall->entries[chain->last - 1].next_of_user = place + 1;
	else
		chain->first = place + 1;
	chain->last = place + 1;
	chain->count++;
}

void
recall_forget_oldest(struct recall *recall, struct recall_chain *chain)
{
	forget(recall, chain->first - 1, chain);
}

void
recall_reindex(struct recall *recall)
{
	uint64_t number;

	for (number = recall->state->first; number < recall->state->end;
		number++) {
		uint32_t place = place_of(recall, number);

		if (!is_forgotten(&recall->entries[place]))
			index_add(&recall->index, place);
	}
}
