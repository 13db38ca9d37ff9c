/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ident.c - UUIDs, version 7.
 */
#include "base/ident.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/hex.h"

#define UUID_LENGTH 36

static bool
dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

enum status
ident_parse(const char *text, size_t length, struct ident *out)
{
	struct ident id;
	size_t i, byte = 0;

	if (length != UUID_LENGTH)
		return ST_INVALID;
	for (i = 0; i < length;) {
		int high, low;

		if (dash_at(i)) {
			if (text[i++] != '-')
				return ST_INVALID;
			continue;
		}
		high = hex_value(text[i]);
		low = hex_value(text[i + 1]);
		if (high < 0 || low < 0)
			return ST_INVALID;
		id.bytes[byte++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	*out = id;
	return ST_OK;
}

void
ident_format(struct ident id, char *buf)
{
	static const char digits[] = "0123456789abcdef";
	size_t i, at = 0;

	for (i = 0; i < sizeof(id.bytes); i++) {
		if (dash_at(at))
			buf[at++] = '-';
		buf[at++] = digits[id.bytes[i] >> 4];
		buf[at++] = digits[id.bytes[i] & 15];
	}
	buf[at] = '\0';
}

struct ident
ident_random(int64_t now_us)
{
	uint64_t bits[2];

	assert(now_us >= 0);
	/* The kernel cannot fail to give 16 bytes once it has booted. */
	if (getrandom(bits, sizeof(bits), 0) != (ssize_t)sizeof(bits))
		abort();
	return ident_make((uint64_t)now_us / 1000, bits[0], bits[1]);
}
