/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * key_page.h - the program keys that are in force, and which signatures were
 * used, in memory that the workers of all pools share.
 *
 * The trade pool opens no MySQL, so it finds keys here, their secrets sealed
 * as they are in MySQL.  The pools that have MySQL keep the page: whoever
 * finds it not loaded loads it, and a change is made here while its writer
 * holds the page (key_page_hold()), around his transaction.  A key that is
 * revoked leaves the page before MySQL hears of it, so whatever happens to
 * the one who revokes it, it is out of force.
 *
 * The file means nothing between runs: the first process to open it makes it
 * anew.  One machine's workers share it; a second machine would need notices.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "auth/digest.h"
#include "auth/signed.h"
#include "auth/vault.h"
#include "base/ident.h"
#include "base/status.h"

#define KEY_ADDRESSES_MAX 8
#define KEY_IP_MAX 46 /* of an address as text, with its NUL */
#define KEY_SECRET_BYTES (RANDOM_TOKEN_MAX - 1)
#define KEY_SEALED_BYTES (KEY_SECRET_BYTES + VAULT_OVERHEAD)

/* IPv4 stands as ::ffff:a.b.c.d; the first BITS have to be the same. */
struct key_address {
	uint8_t bytes[16];
	uint8_t bits;
};

struct key_entry {
	struct ident id;
	struct ident owner; /* the user as the world knows him */
	uint32_t user;
	bool may_trade;
	uint8_t n_addresses; /* 0: from anywhere */
	struct key_address addresses[KEY_ADDRESSES_MAX];
	uint8_t sealed[KEY_SEALED_BYTES];
};

struct key_page;

/* NULL, and a sentence in *REASON, which the caller frees. */
struct key_page *key_page_open(const char *path, char **reason) MUST_USE;
void key_page_free(struct key_page *page);

/* Does it hold all keys that are in force? */
bool key_page_loaded(const struct key_page *page);

/* ST_NOT_FOUND; ST_UNAVAILABLE when it may be one that is not loaded yet. */
enum status key_page_find(
	struct key_page *page, struct ident id, struct key_entry *out) MUST_USE;

/* When a key last signed something good, and whence that came. */
struct key_use {
	struct ident id;
	int64_t at_us;         /* 0: not since the page was made */
	char from[KEY_IP_MAX]; /* "": nobody knows */
};

/*
 * Note that NONCE was used, and by it the key as USE says.  ST_CONFLICT when it
 * had been; ST_UNAVAILABLE when there is no room to remember it.
 */
enum status key_page_spend(struct key_page *page, const struct signer *signer,
	const struct key_use *use) MUST_USE;

struct key_use key_page_last_use(struct key_page *page, struct ident id);

/*
 * Is it time to write down which keys were used?  For one of those who ask:
 * the next minute begins for all.
 */
bool key_page_save_due(struct key_page *page, int64_t now_us);

/*
 * Up to MOST uses that were not written down yet, from *AT on, which begins
 * with 0 and goes on from call to call; 0 at the end.  Once a use is where it
 * stays, key_page_saved() says so, unless there was another since: who is
 * killed in between has taken nothing along, and two who write the same down
 * do no harm.
 */
size_t key_page_unsaved(struct key_page *page, unsigned *at,
	struct key_use *out, size_t most);
void key_page_saved(struct key_page *page, const struct key_use *use);

/* ---- For its writers ------------------------------------------------------
 */

/*
 * Be the only writer; ST_UNAVAILABLE when another takes too long.  Should the
 * last one have died, the page is to be loaded again.
 */
enum status key_page_hold(struct key_page *page) MUST_USE;
void key_page_release(struct key_page *page);

/* Add ENTRY, unless it is there.  ST_UNAVAILABLE without room. */
enum status key_page_put(
	struct key_page *page, const struct key_entry *entry) MUST_USE;
void key_page_drop(struct key_page *page, struct ident id);
void key_page_set_loaded(struct key_page *page, bool loaded);
