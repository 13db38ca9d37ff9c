/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * token_cache.c - tokens whose signature and claims have been checked.
 *
 * A table with one place for each hash value: a newcomer replaces who was
 * there.  The hash is keyed at random, so nobody can choose whom his token
 * meets; it is of the end of the text, a signature, which differs where the
 * text does.  The whole text is compared, so a hit is the very token that was
 * verified.  Whether it is still in its time is asked by the caller, each
 * time.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth/keyring.h"

#define PLACES 1024
#define TEXT_MAX 640 /* ours are about 500 */
#define HASHED 32    /* of the signature's 43 characters */

struct place {
	size_t length; /* 0: empty */
	enum token_use use;
	struct session session;
	char text[TEXT_MAX];
};

struct token_cache {
	uint8_t key[crypto_shorthash_KEYBYTES];
	struct place places[PLACES];
};

struct token_cache *
token_cache_new(void)
{
	struct token_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		abort();
	randombytes_buf(cache->key, sizeof(cache->key));
	return cache;
}

void
token_cache_free(struct token_cache *cache)
{
	free(cache);
}

void
token_cache_clear(struct token_cache *cache)
{
	size_t i;

	for (i = 0; i < PLACES; i++)
		cache->places[i].length = 0;
}

static size_t
place_of(const struct token_cache *cache, const char *text, size_t length)
{
	size_t n = length < HASHED ? length : HASHED;
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash), "");
	crypto_shorthash((void *)&hash, (const void *)(text + length - n), n,
		cache->key);
	return hash % PLACES;
}

const struct session *
token_cache_find(const struct token_cache *cache, const char *text,
	size_t length, enum token_use use)
{
	const struct place *place =
		&cache->places[place_of(cache, text, length)];

	/* An empty place is no place of the empty text: its session is that
	 * of whoever was here before the keys changed. */
	if (length == 0 || place->length != length || place->use != use ||
		memcmp(place->text, text, length) != 0)
		return NULL;
	return &place->session;
}

void
token_cache_keep(struct token_cache *cache, const char *text, size_t length,
	enum token_use use, const struct session *session)
{
	struct place *place;

	if (length > TEXT_MAX)
		return;
	place = &cache->places[place_of(cache, text, length)];
	place->length = length;
	place->use = use;
	place->session = *session;
	memcpy(place->text, text, length);
}
