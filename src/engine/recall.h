/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recall.h - remembering keys for a while: entries in a list, the oldest
 * first, and a hash index over them.
 *
 * Serves intents, client order ids and revoked sessions.  The index is
 * derived from the entries and never iterated; the entries are state.
 * Entry 0 is "none".
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
	struct ident order; /* of a client order id */
	uint32_t user;
	uint32_t older; /* neighbours in the list; a free one's next is older */
	uint32_t younger;
	uint32_t younger_of_user;
	uint32_t type; /* of the command, of an intent */
	uint32_t spare;
};

struct recall_state {
	uint32_t oldest;
	uint32_t youngest;
	uint32_t free;  /* a chain */
	uint32_t used;  /* entries below it have been used; at least 1 */
	uint32_t count; /* remembered now */
	uint32_t max;
	int64_t forgotten_us; /* kept by the owner; see engine.c */
};

/* The entries of one user. */
struct recall_chain {
	uint32_t oldest;
	uint32_t youngest;
	uint32_t count;
};

struct recall {
	struct recall_state *state;
	struct remembered *entries;
	struct index index;
	/* The chain of an entry's user; NULL when users have none. */
	struct recall_chain *(*chain_of)(void *owner, uint32_t user);
	void *owner;
};

/* At most MAX entries at a time.  CHAIN_OF and OWNER are set by the caller. */
bool recall_init(struct recall *recall, struct recall_state *state,
	uint32_t max);
void recall_done(struct recall *recall);

/* NULL when KEY is not remembered at NOW_US. */
const struct remembered *recall_find(const struct recall *recall,
	const uint64_t key[2], int64_t now_us);

/* Drop what has expired, from the old end on. */
void recall_expire(struct recall *recall, int64_t now_us);
bool recall_full(const struct recall *recall);
/* The oldest entry; there is one. */
const struct remembered *recall_oldest(const struct recall *recall);
void recall_forget_oldest(struct recall *recall);
/* Of that user only; he has one. */
void recall_forget_oldest_of(struct recall *recall, uint32_t user);

/* Append a copy of ENTRY.  There is room, and its key is not there yet. */
void recall_add(struct recall *recall, const struct remembered *entry);
/* Remember KEY until UNTIL_US at least.  False when it is not there at all. */
bool recall_extend(struct recall *recall, const uint64_t key[2],
	int64_t until_us);

/* After a snapshot was read into the entries. */
void recall_reindex(struct recall *recall);
