/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * row_index.h - finding the row of a key within a batch.
 *
 * Open addressing over two words of key.  Emptied once a batch without
 * touching its slots: each slot remembers the batch that it is of.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row_key {
	uint64_t a, b;
};

struct row_slot {
	struct row_key key;
	uint32_t round;
	uint32_t row;
};

struct row_index {
	struct row_slot *slots;
	size_t mask;
	size_t used;
	uint32_t round;
};

void row_index_init(struct row_index *index);
void row_index_done(struct row_index *index);
void row_index_clear(struct row_index *index);

/*
 * The row of KEY.  One that is new gets ROW_IF_NEW, and *IS_NEW says so.
 */
uint32_t row_index_find(struct row_index *index, struct row_key key,
	uint32_t row_if_new, int *is_new);

/* Whether KEY has a row, and which. */
bool row_index_has(
	const struct row_index *index, struct row_key key, uint32_t *row);
