/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recall.c - a list of remembered keys, and linear probing over it.
 *
 * Deletion moves later entries of the probe chain back, so there are no
 * tombstones and a search ends at the first free slot (Knuth, TAOCP vol. 3,
 * 6.4, algorithm R).
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
	state->used = 1;
	state->max = max;
	recall->state = state;
	recall->entries = pool_reserve((size_t)max + 1,
		sizeof(*recall->entries));
	return recall->entries &&
		index_init(&recall->index, recall->entries,
			sizeof(*recall->entries), max + 1);
}

void
recall_done(struct recall *recall)
{
	if (recall->entries)
		pool_release(recall->entries, (size_t)recall->state->max + 1,
			sizeof(*recall->entries));
	index_done(&recall->index);
}

const struct remembered *
recall_find(const struct recall *recall, const uint64_t key[2], int64_t now_us)
{
	uint32_t i = index_find(&recall->index, key);

	if (i == INDEX_NONE || recall->entries[i].until_us <= now_us)
		return NULL;
	return &recall->entries[i];
}

bool
recall_full(const struct recall *recall)
{
	return recall->state->count == recall->state->max;
}

const struct remembered *
recall_oldest(const struct recall *recall)
{
	assert(recall->state->oldest != NONE);
	return &recall->entries[recall->state->oldest];
}

/* Entry I is the oldest of its user: the list and the chain are in order. */
static void
leave_chain(struct recall *recall, uint32_t i)
{
	struct remembered *entry = &recall->entries[i];
	struct recall_chain *chain;

	if (!recall->chain_of)
		return;
	chain = recall->chain_of(recall->owner, entry->user);
	assert(chain->oldest == i);
	chain->oldest = entry->younger_of_user;
	if (chain->oldest == NONE)
		chain->youngest = NONE;
	chain->count--;
}

static void
forget(struct recall *recall, uint32_t i)
{
	struct recall_state *state = recall->state;
	struct remembered *entry = &recall->entries[i];

	index_remove(&recall->index, i);
	leave_chain(recall, i);
	if (entry->older != NONE)
		recall->entries[entry->older].younger = entry->younger;
	else
		state->oldest = entry->younger;
	if (entry->younger != NONE)
		recall->entries[entry->younger].older = entry->older;
	else
		state->youngest = entry->older;
	*entry = (struct remembered){.older = state->free};
	state->free = i;
	state->count--;
}

void
recall_forget_oldest(struct recall *recall)
{
	forget(recall, recall->state->oldest);
}

void
recall_forget_oldest_of(struct recall *recall, uint32_t user)
{
	forget(recall, recall->chain_of(recall->owner, user)->oldest);
}

void
recall_expire(struct recall *recall, int64_t now_us)
{
	while (recall->state->oldest != NONE &&
		recall->entries[recall->state->oldest].until_us <= now_us)
		recall_forget_oldest(recall);
}

static void
join_chain(struct recall *recall, uint32_t i)
{
	struct recall_chain *chain;

	if (!recall->chain_of)
		return;
	chain = recall->chain_of(recall->owner, recall->entries[i].user);
	if (chain->youngest != NONE)
		recall->entries[chain->youngest].younger_of_user = i;
	else
		chain->oldest = i;
	chain->youngest = i;
	chain->count++;
}

void
recall_add(struct recall *recall, const struct remembered *entry)
{
	struct recall_state *state = recall->state;
	uint32_t i = state->free;

	assert(!recall_full(recall));
	if (i != NONE)
		state->free = recall->entries[i].older;
	else
		i = state->used++;
	recall->entries[i] = *entry;
	recall->entries[i].older = state->youngest;
	recall->entries[i].younger = NONE;
	recall->entries[i].younger_of_user = NONE;
	if (state->youngest != NONE)
		recall->entries[state->youngest].younger = i;
	else
		state->oldest = i;
	state->youngest = i;
	state->count++;
	index_add(&recall->index, i);
	join_chain(recall, i);
}

bool
recall_extend(struct recall *recall, const uint64_t key[2], int64_t until_us)
{
	uint32_t i = index_find(&recall->index, key);

	if (i == INDEX_NONE)
		return false;
	if (recall->entries[i].until_us < until_us)
		recall->entries[i].until_us = until_us;
	return true;
}

void
recall_reindex(struct recall *recall)
{
	uint32_t i;

	for (i = recall->state->oldest; i != NONE;
		i = recall->entries[i].younger)
		index_add(&recall->index, i);
}
