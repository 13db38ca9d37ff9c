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

#include "base/status.h"

#define IDENT_TEXT_MAX 37 /* 36 characters and NUL */

struct ident {
	uint8_t bytes[16];
};

#define IDENT_NONE ((struct ident){{0}})

bool ident_is_none(struct ident id);
bool ident_equal(struct ident a, struct ident b);

/* All of TEXT must be a UUID in its 36-character form; either case. */
enum status ident_parse(const char *text, size_t length,
	struct ident *out) MUST_USE;

/* Lower case, NUL-terminated.  BUF holds IDENT_TEXT_MAX bytes. */
void ident_format(struct ident id, char *buf);

/*
 * A version 7 UUID of UNIX_MS and 74 bits: the low 12 of HIGH and the low 62
 * of LOW.  Deterministic; the caller answers for uniqueness.
 */
struct ident ident_make(uint64_t unix_ms, uint16_t high, uint64_t low);

/* The parts again; false when ID is not a version 7 UUID. */
bool ident_split(struct ident id, uint64_t *unix_ms, uint16_t *high,
	uint64_t *low);

/* A new one from the wall clock and the kernel's random numbers. */
struct ident ident_random(int64_t now_us);
