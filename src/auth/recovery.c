/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recovery.c - single-use codes.
 */
#include "auth/recovery.h"

#include <ctype.h>
#include <sodium.h>
#include <string.h>

#define HALF 5
#define LETTERS (2 * HALF)

/* Crockford's: no I, L, O, U. */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
recovery_code_random(char *buf)
{
	int i, at = 0;

	for (i = 0; i < LETTERS; i++) {
		if (i == HALF)
			buf[at++] = '-';
		buf[at++] = alphabet[randombytes_uniform(32)];
	}
	buf[at] = '\0';
}

/* As it was meant, where a letter was read for a digit; 0: not of ours. */
static char
meant(char c)
{
	c = (char)toupper((unsigned char)c);
	if (c == 'O')
		return '0';
	if (c == 'I' || c == 'L')
		return '1';
	return c != '\0' && strchr(alphabet, c) ? c : '\0';
}

bool
recovery_code_digest(const struct vault *vault, uint32_t user,
	const char *text, struct digest *out)
{
	struct digest_state state;
	char plain[LETTERS];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ' ' || *text == '-')
			continue;
		if (n == LETTERS || !meant(*text))
			return false;
		plain[n++] = meant(*text);
	}
	if (n != LETTERS)
		return false;
	digest_begin(&state, vault, DIGEST_RECOVERY);
	digest_number(&state, user);
	digest_part(&state, plain, sizeof(plain));
	*out = digest_end(&state);
	sodium_memzero(plain, sizeof(plain));
	return true;
}
