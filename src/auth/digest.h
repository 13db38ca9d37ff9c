/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * digest.h - keyed BLAKE2b over several parts, and random tokens.
 *
 * What a database must be able to recognise but not to reveal (refresh
 * tokens, recovery codes, names in the throttle) is stored as a digest whose
 * key is derived from the master key: a dump alone allows no guessing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/vault.h"
#include "base/status.h"

#define DIGEST_BYTES 32

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* The state lives on the caller's stack; keys do not outlast it. */
struct digest_state {
	_Alignas(64) uint8_t opaque[384];
};

/*
 * Begin, add parts, finish.  Each part is preceded by its length, so that
 * ("ab", "c") and ("a", "bc") differ.
 */
void digest_begin(struct digest_state *state, const struct vault *vault,
	enum vault_digest purpose);
void digest_part(struct digest_state *state, const void *bytes, size_t length);
void digest_text(struct digest_state *state, const char *text);
void digest_number(struct digest_state *state, int64_t number);
struct digest digest_end(struct digest_state *state);

/* One part. */
struct digest digest_of(const struct vault *vault, enum vault_digest purpose,
	const void *bytes, size_t length);

/* In constant time. */
int digest_equal(const struct digest *a, const struct digest *b);

/* 64 hexadecimal digits, and NUL. */
#define DIGEST_TEXT_MAX 65
void digest_format(const struct digest *digest, char *buf);
enum status digest_parse(const char *text, struct digest *out) MUST_USE;

/* 256 random bits in base64url without padding: 43 characters and NUL. */
#define RANDOM_TOKEN_MAX 44
void random_token(char *buf);
