/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ident.h - public identifiers: UUIDs, 16 bytes inside, 36 characters outside.
 *
 * Version 7 (RFC 9562) everywhere that we make one: 48 bits of milliseconds,
 * then bits that make it unique.  For what must not be guessed the bits are
 * random; the matcher instead makes them from its sequence, so that a replay
 * makes the same identifiers (see wire/ids.h).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/status.h"

#define IDENT_TEXT_MAX 37 /* 36 characters and NUL */

struct ident {
	uint8_t bytes[16];
};

#define IDENT_NONE ((struct ident){{0}})

static inline bool
ident_equal(struct ident a, struct ident b)
{
	uint64_t x[2], y[2];

	memcpy(x, a.bytes, sizeof(x));
	memcpy(y, b.bytes, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool
ident_is_none(struct ident id)
{
	return ident_equal(id, IDENT_NONE);
}

/* All of TEXT must be a UUID in its 36-character form; either case. */
enum status ident_parse(const char *text, size_t length,
	struct ident *out) MUST_USE;

/* Lower case, NUL-terminated.  BUF holds IDENT_TEXT_MAX bytes. */
void ident_format(struct ident id, char *buf);

/* The low 62 bits, behind the variant. */
#define IDENT_LOW_MASK ((UINT64_C(1) << 62) - 1)

/*
 * A version 7 UUID of UNIX_MS and 74 bits: the low 12 of HIGH and the low 62
 * of LOW.  Deterministic; the caller answers for uniqueness.  Inline, because
 * the matcher makes several for each order; and as the two words of its
 * bytes, which can be kept in registers and written to more than one place.
 */
struct ident_words {
	uint64_t first;
	uint64_t second;
};

static inline struct ident_words
ident_words(uint64_t unix_ms, uint64_t high, uint64_t low)
{
	return (struct ident_words){
		__builtin_bswap64(unix_ms << 16 | 0x7000 | (high & 0xfff)),
		__builtin_bswap64(UINT64_C(2) << 62 | (low & IDENT_LOW_MASK)),
	};
}

static inline void
ident_put(struct ident_words words, struct ident *out)
{
	__builtin_memcpy(out->bytes, &words.first, 8);
	__builtin_memcpy(out->bytes + 8, &words.second, 8);
}

static inline struct ident
ident_make(uint64_t unix_ms, uint64_t high, uint64_t low)
{
	struct ident id;

	ident_put(ident_words(unix_ms, high, low), &id);
	return id;
}

/* The least and the greatest that can be made at TIME_US. */
static inline struct ident
ident_first_at(int64_t time_us)
{
	return ident_make((uint64_t)time_us / 1000, 0, 0);
}

static inline struct ident
ident_last_at(int64_t time_us)
{
	return ident_make(
		(uint64_t)time_us / 1000, ~UINT64_C(0), ~UINT64_C(0));
}

/* The parts again; false when ID is not a version 7 UUID. */
static inline bool
ident_split(struct ident id, uint64_t *unix_ms, uint64_t *high, uint64_t *low)
{
	uint64_t words[2];

	__builtin_memcpy(words, id.bytes, sizeof(words));
	words[0] = __builtin_bswap64(words[0]);
	words[1] = __builtin_bswap64(words[1]);
	if ((words[0] >> 12 & 0xf) != 7 || words[1] >> 62 != 2)
		return false;
	*unix_ms = words[0] >> 16;
	*high = words[0] & 0xfff;
	*low = words[1] & IDENT_LOW_MASK;
	return true;
}

/* A new one from the wall clock and the kernel's random numbers. */
struct ident ident_random(int64_t now_us);
