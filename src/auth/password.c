/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * password.c - argon2id by libsodium.
 */
#include "auth/password.h"

#include <ctype.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/conf.h"

#define PASSES 2
#define TURN_US (3 * US_PER_SECOND)
#define RETRY_US (5 * US_PER_SECOND)
#define COMMON_MAX 64 /* bytes of the longest entry, and to spare */

_Static_assert(PASSWORD_HASH_MAX >= crypto_pwhash_STRBYTES, "a hash fits");

/* Sorted; made of common-passwords.txt. */
static const char *const common[] = {
#include "src/auth/common-passwords.inc"
};

/* Salt and hash of a password that nobody knows. */
#define NOBODY \
	"15nZtO74ssAq5lk/OSbQVw$pdfsmRb3RAgUKtFEFt0asFasZiAGnhe1HBx0R4GP9RY"

static int
compare_words(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

/* The list is in lower case: "Password1" is as common as "password1". */
static bool
is_common(const char *password)
{
	char lower[COMMON_MAX];
	size_t i, length = strlen(password);
	bool found;

	if (length >= sizeof(lower))
		return false;
	for (i = 0; i <= length; i++)
		lower[i] = (char)tolower((unsigned char)password[i]);
	found = bsearch(lower, common, N_ELEMENTS(common), sizeof(common[0]),
			compare_words) != NULL;
	sodium_memzero(lower, sizeof(lower));
	return found;
}

/* How many code points; what is not UTF-8 has been refused by the reader. */
static size_t
count_characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

enum status
password_acceptable(struct ctx *ctx, const char *field, const char *password)
{
	size_t n = count_characters(password);

	if (n < PASSWORD_CHARS_MIN)
		return fail(ctx, ST_INVALID, field,
			"a password has at least %d characters",
			PASSWORD_CHARS_MIN);
	if (n > PASSWORD_CHARS_MAX)
		return fail(ctx, ST_INVALID, field,
			"a password has at most %d characters",
			PASSWORD_CHARS_MAX);
	if (is_common(password))
		return fail(ctx, ST_INVALID, field,
			"this password is one of the commonest; choose another");
	return ST_OK;
}

static size_t
memory_bytes(const struct ctx *ctx)
{
	return (size_t)conf_number(ctx->conf, CONF_AUTH_PASSWORD_MIB) << 20;
}

/* What is not a user of ours is held against this, which costs as much. */
static void
write_nobody(const struct ctx *ctx, char text[PASSWORD_HASH_MAX])
{
	snprintf(text, PASSWORD_HASH_MAX, "$argon2id$v=19$m=%zu,t=%d,p=1$%s",
		memory_bytes(ctx) / 1024, PASSES, NOBODY);
}

static enum status
take_turn(struct ctx *ctx, struct gate *gate, int *place)
{
	enum status status = gate_enter(gate, TURN_US, place);

	if (status == ST_RATE_LIMITED) {
		ctx->fault.retry_after_us = RETRY_US;
		return fail(ctx, status, NULL,
			"too many log-ins at once; try again shortly");
	}
	return status;
}

enum status
password_hash(struct ctx *ctx, struct gate *gate, const char *password,
	char *buf)
{
	char hash[crypto_pwhash_STRBYTES];
	int place, rc;

	TRY(take_turn(ctx, gate, &place));
	rc = crypto_pwhash_str(hash, password, strlen(password), PASSES,
		memory_bytes(ctx));
	gate_leave(gate, place);
	if (rc != 0)
		return fail(ctx, ST_UNAVAILABLE, NULL, "out of memory");
	memcpy(buf, hash, sizeof(hash));
	return ST_OK;
}

enum status
password_verify(struct ctx *ctx, struct gate *gate, const char *password,
	const char *hash, bool *stale)
{
	char text[PASSWORD_HASH_MAX] = ""; /* libsodium may read all of it */
	int place, rc, error;

	if (hash && strlen(hash) >= sizeof(text))
		return ST_INTERNAL;
	if (hash)
		memcpy(text, hash, strlen(hash));
	else
		write_nobody(ctx, text);
	TRY(take_turn(ctx, gate, &place));
	errno = 0;
	rc = crypto_pwhash_str_verify(text, password, strlen(password));
	error = errno;
	gate_leave(gate, place);
	/* libsodium says EINVAL for a mismatch, else it could not work. */
	if (rc != 0 && error != EINVAL)
		return fail(ctx, ST_UNAVAILABLE, NULL, "out of memory");
	if (rc != 0 || !hash)
		return ST_UNAUTHENTICATED;
	*stale = crypto_pwhash_str_needs_rehash(text, PASSES,
			 memory_bytes(ctx)) != 0;
	return ST_OK;
}
