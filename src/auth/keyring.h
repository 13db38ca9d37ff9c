/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * keyring.h - the signing keys of a directory; token.h tells the rules.
 *
 * Only token.c and its test include this.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "auth/token.h"

#define KEYS_MAX 16

struct signing_key {
	char kid[TOKEN_KID_MAX];
	uint8_t bytes[TOKEN_KEY_BYTES];
};

/* In libsodium's memory: locked, out of core dumps, wiped. */
struct key_set {
	size_t n;
	struct signing_key keys[KEYS_MAX]; /* by kid, ascending */
};

struct token_cache;

struct keyring {
	char *directory;
	const char *issuer, *audience;
	struct key_set *set;
	struct timespec changed; /* the directory's time when it was read */
	int64_t looked_us;       /* CLOCK_MONOTONIC, at that time */
	struct token_cache *cache;
};

/*
 * Read the directory again if its time has changed: at most once a second,
 * unless NOW.  A directory that cannot be read leaves the keys as they are.
 */
void keyring_look(struct keyring *ring, int now);

const struct signing_key *keyring_newest(const struct keyring *ring);

/* LENGTH characters at KID; NULL when there is no such key. */
const struct signing_key *keyring_find(const struct keyring *ring,
	const char *kid, size_t length);

/* What has been verified; see token_cache.c. */
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);
void token_cache_clear(struct token_cache *cache);
/* NULL when TEXT has not been verified for USE. */
const struct session *token_cache_find(const struct token_cache *cache,
	const char *text, size_t length, enum token_use use);
void token_cache_keep(struct token_cache *cache, const char *text,
	size_t length, enum token_use use, const struct session *session);
