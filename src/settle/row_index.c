/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * row_index.c - a hash table of row numbers.
 */
#include "settle/row_index.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 4096

static struct row_slot *
new_slots(size_t n)
{
	struct row_slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		abort();
	return slots;
}

void
row_index_init(struct row_index *index)
{
	*index = (struct row_index){
		.slots = new_slots(SLOTS_FIRST),
		.mask = SLOTS_FIRST - 1,
		.round = 1,
	};
}

void
row_index_done(struct row_index *index)
{
	free(index->slots);
	index->slots = NULL;
}

void
row_index_clear(struct row_index *index)
{
	index->used = 0;
	if (++index->round != 0)
		return;
	/* After four billion batches the marks begin anew. */
	memset(index->slots, 0, (index->mask + 1) * sizeof(*index->slots));
	index->round = 1;
}

/* The finalizer of MurmurHash3: every bit of the key reaches the low ones. */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= UINT64_C(0xff51afd7ed558ccd);
	x ^= x >> 33;
	x *= UINT64_C(0xc4ceb9fe1a85ec53);
	return x ^ x >> 33;
}

static struct row_slot *
probe(const struct row_index *index, struct row_key key)
{
	size_t i = mix(key.a ^ mix(key.b)) & index->mask;

	while (index->slots[i].round == index->round &&
		(index->slots[i].key.a != key.a ||
			index->slots[i].key.b != key.b))
		i = (i + 1) & index->mask;
	return &index->slots[i];
}

static void
grow(struct row_index *index)
{
	struct row_index bigger = {
		.slots = new_slots((index->mask + 1) * 2),
		.mask = index->mask * 2 + 1,
		.used = index->used,
		.round = 1,
	};
	size_t i;

	for (i = 0; i <= index->mask; i++) {
		struct row_slot *slot = &index->slots[i];

		if (slot->round != index->round)
			continue;
		slot->round = bigger.round;
		*probe(&bigger, slot->key) = *slot;
	}
	free(index->slots);
	*index = bigger;
}

uint32_t
row_index_find(struct row_index *index, struct row_key key, uint32_t row_if_new,
	int *is_new)
{
	struct row_slot *slot;

	if (index->used * 2 > index->mask)
		grow(index);
	slot = probe(index, key);
	*is_new = slot->round != index->round;
	if (*is_new) {
		*slot = (struct row_slot){key, index->round, row_if_new};
		index->used++;
	}
	return slot->row;
}

bool
row_index_has(const struct row_index *index, struct row_key key, uint32_t *row)
{
	const struct row_slot *slot = probe(index, key);

	if (slot->round != index->round)
		return false;
	*row = slot->row;
	return true;
}
