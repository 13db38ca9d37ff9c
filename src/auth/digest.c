/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * digest.c - BLAKE2b by libsodium.
 */
#include "auth/digest.h"

#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(struct digest_state) >=
		sizeof(crypto_generichash_state),
	"libsodium's state must fit");

static crypto_generichash_state *
inner(struct digest_state *state)
{
	return (crypto_generichash_state *)(void *)state->opaque;
}

void
digest_begin(struct digest_state *state, const struct vault *vault,
	enum vault_digest purpose)
{
	uint8_t key[32];

	vault_digest_key(vault, purpose, key);
	crypto_generichash_init(inner(state), key, sizeof(key), DIGEST_BYTES);
	sodium_memzero(key, sizeof(key));
}

void
digest_part(struct digest_state *state, const void *bytes, size_t length)
{
	uint64_t prefix = length; /* little-endian, as all our machines are */

	crypto_generichash_update(inner(state), (const void *)&prefix,
		sizeof(prefix));
	crypto_generichash_update(inner(state), bytes, length);
}

void
digest_text(struct digest_state *state, const char *text)
{
	digest_part(state, text ? text : "", text ? strlen(text) : 0);
}

void
digest_number(struct digest_state *state, int64_t number)
{
	digest_part(state, &number, sizeof(number));
}

struct digest
digest_end(struct digest_state *state)
{
	struct digest digest;

	crypto_generichash_final(inner(state), digest.bytes, DIGEST_BYTES);
	sodium_memzero(state, sizeof(*state));
	return digest;
}

struct digest
digest_of(const struct vault *vault, enum vault_digest purpose,
	const void *bytes, size_t length)
{
	struct digest_state state;

	digest_begin(&state, vault, purpose);
	digest_part(&state, bytes, length);
	return digest_end(&state);
}

int
digest_equal(const struct digest *a, const struct digest *b)
{
	return sodium_memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0;
}

void
digest_format(const struct digest *digest, char *buf)
{
	sodium_bin2hex(buf, DIGEST_TEXT_MAX, digest->bytes, DIGEST_BYTES);
}

enum status
digest_parse(const char *text, struct digest *out)
{
	struct digest digest;
	const char *end;
	size_t n;

	if (sodium_hex2bin(digest.bytes, DIGEST_BYTES, text, strlen(text), NULL,
		    &n, &end) != 0 ||
		n != DIGEST_BYTES || *end)
		return ST_INVALID;
	*out = digest;
	return ST_OK;
}

void
random_token(char *buf)
{
	uint8_t bytes[32];

	randombytes_buf(bytes, sizeof(bytes));
	sodium_bin2base64(buf, RANDOM_TOKEN_MAX, bytes, sizeof(bytes),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(bytes, sizeof(bytes));
}
