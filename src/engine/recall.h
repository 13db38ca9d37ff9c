/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recall.h - remembering keys for a while: a ring of entries in the order in
 * which they were made, and a hash index over them.
 *
 * Serves intents, client order ids and revoked sessions.  The index is
 * derived from the entries and never iterated; the ring is state.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"

#define INDEX_NONE UINT32_MAX

/* An open-addressing hash index over 16-byte keys at the start of entries. */
struct index {
	uint32_t *slots; /* entry + 1; 0: free */
	uint32_t mask;
	size_t stride;
	const char *entries;
};

/* ENTRIES_MAX entries of STRIDE bytes, whose first 16 are the key. */
bool index_init(struct index *index, const void *entries, size_t stride,
	uint32_t entries_max);
void index_done(struct index *index);
uint32_t index_find(const struct index *index, const void *key);
void index_add(struct index *index, uint32_t entry);
/* ENTRY's key must still be in place. */
void index_remove(struct index *index, uint32_t entry);

struct remembered {
	uint64_t key[2];
	int64_t until_us;
	uint64_t seq;   /* of the command that made it */
	uint64_t terms; /* a hash of what was asked */
	uint32_t user;
	uint32_t next_of_user; /* the user's next younger entry + 1, or 0 */
	struct ident order;    /* of a client order id */
};

struct recall_state {
	uint64_t first; /* entries are numbered for ever; place = number % max */
	uint64_t end;
	int64_t forgotten_us; /* the newest time that was pushed out early */
	uint32_t max;         /* places, a power of two */
	uint32_t spare;
};

/* The entries of one user, oldest first: places + 1, or 0. */
struct recall_chain {
	uint32_t first;
	uint32_t last;
	uint32_t count;
};

struct recall {
	struct recall_state *state;
	struct remembered *entries;
	struct index index;
};

bool recall_init(struct recall *recall, struct recall_state *state,
	uint32_t max);
void recall_done(struct recall *recall);

/* NULL when KEY is not remembered at NOW_US. */
const struct remembered *recall_find(const struct recall *recall,
	const uint64_t key[2], int64_t now_us);

/*
 * Drop what has expired at NOW_US from the old end, and, when the ring is
 * full, its oldest.  CHAIN_OF gives the chain of an entry's user; it may be
 * NULL when the ring is not chained.
 */
struct recall_chains {
	struct recall_chain *(*of)(void *owner, uint32_t user);
	void *owner;
};
void recall_make_room(struct recall *recall, int64_t now_us,
	const struct recall_chains *chains);
bool recall_full(const struct recall *recall);

/* Append a copy of ENTRY; there is room.  Its key is not there yet. */
void recall_add(struct recall *recall, const struct remembered *entry,
	struct recall_chain *chain);
/* Forget the oldest of CHAIN, which is not empty. */
void recall_forget_oldest(struct recall *recall, struct recall_chain *chain);

/* After a snapshot was read into the entries. */
void recall_reindex(struct recall *recall);
