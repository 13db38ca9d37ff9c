/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * totp.c - codes by liboath.
 */
#include "auth/totp.h"

#include <assert.h>
#include <ctype.h>
#include <liboath/oath.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW 1
#define SECRET_MIN 10 /* 80 bits, what the oldest services hand out */
#define TYPED_MAX 256

int
totp_init(void)
{
	return oath_init() == OATH_OK ? 0 : -1;
}

void
totp_secret_random(struct totp_secret *out)
{
	randombytes_buf(out->bytes, TOTP_SECRET_BYTES);
	out->length = TOTP_SECRET_BYTES;
}

void
totp_secret_format(const struct totp_secret *secret, char *buf)
{
	char *text;
	size_t length;

	if (oath_base32_encode((const char *)secret->bytes, secret->length,
		    &text, &length) != OATH_OK)
		abort();
	while (length > 0 && text[length - 1] == '=')
		length--;
	assert(length < TOTP_BASE32_MAX);
	memcpy(buf, text, length);
	buf[length] = '\0';
	sodium_memzero(text, length);
	free(text);
}

enum status
totp_secret_parse(const char *text, size_t length, struct totp_secret *out)
{
	char plain[TYPED_MAX], *bytes;
	size_t i, n = 0, n_bytes;
	enum status status = ST_INVALID;

	for (i = 0; i < length; i++) {
		if (text[i] == ' ' || text[i] == '-' || text[i] == '=')
			continue;
		if (n == sizeof(plain) || !isalnum((unsigned char)text[i]))
			return ST_INVALID;
		plain[n++] = (char)toupper((unsigned char)text[i]);
	}
	if (oath_base32_decode(plain, n, &bytes, &n_bytes) != OATH_OK)
		return ST_INVALID;
	if (n_bytes >= SECRET_MIN && n_bytes <= TOTP_SECRET_MAX) {
		memcpy(out->bytes, bytes, n_bytes);
		out->length = n_bytes;
		status = ST_OK;
	}
	sodium_memzero(bytes, n_bytes);
	free(bytes);
	return status;
}

void
totp_code(const struct totp_secret *secret, int64_t step, int digits, char *buf)
{
	if (oath_hotp_generate((const char *)secret->bytes, secret->length,
		    (uint64_t)step, (unsigned)digits, false,
		    OATH_HOTP_DYNAMIC_TRUNCATION, buf) != OATH_OK)
		abort();
}

/* Six digits of CODE without its spaces. */
static bool
read_code(const char *code, char plain[TOTP_DIGITS])
{
	int n = 0;

	for (; *code; code++) {
		if (*code == ' ')
			continue;
		if (n == TOTP_DIGITS || *code < '0' || *code > '9')
			return false;
		plain[n++] = *code;
	}
	return n == TOTP_DIGITS;
}

enum status
totp_check(const struct totp_secret *secret, const char *code, int64_t now_us,
	int64_t after_step, int64_t *step)
{
	char plain[TOTP_DIGITS], want[TOTP_DIGITS + 1];
	int64_t now = now_us / TOTP_STEP_US, found = -1, at;

	if (!read_code(code, plain))
		return ST_UNAUTHENTICATED;
	/* All of the window is computed, whichever of it matches. */
	for (at = now - WINDOW; at <= now + WINDOW; at++) {
		if (at < 0)
			continue;
		totp_code(secret, at, TOTP_DIGITS, want);
		if (sodium_memcmp(plain, want, TOTP_DIGITS) == 0 &&
			at > after_step)
			found = at;
	}
	if (found < 0)
		return ST_UNAUTHENTICATED;
	*step = found;
	return ST_OK;
}

struct text {
	char *buf;
	size_t size, length;
};

static void
put(struct text *text, const char *bytes, size_t n)
{
	if (text->length + n < text->size)
		memcpy(text->buf + text->length, bytes, n);
	text->length += n;
}

/* Percent-encode all but what RFC 3986 leaves alone in a path, and '@', which
 * the documents show as it is. */
static void
put_encoded(struct text *text, const char *raw)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *raw; raw++) {
		unsigned char c = (unsigned char)*raw;
		char code[3] = {'%', hex[c >> 4], hex[c & 15]};

		if (isalnum(c) || strchr("-._~@", c))
			put(text, raw, 1);
		else
			put(text, code, 3);
	}
}

enum status
totp_uri(const struct totp_secret *secret, const char *issuer,
	const char *account, char *buf, size_t size)
{
	struct text text = {buf, size, 0};
	char base32[TOTP_BASE32_MAX];

	totp_secret_format(secret, base32);
	put(&text, "otpauth://totp/", 15);
	put_encoded(&text, issuer);
	put(&text, ":", 1);
	put_encoded(&text, account);
	put(&text, "?secret=", 8);
	put(&text, base32, strlen(base32));
	put(&text, "&issuer=", 8);
	put_encoded(&text, issuer);
	sodium_memzero(base32, sizeof(base32));
	if (text.length >= size)
		return ST_TOO_LARGE;
	buf[text.length] = '\0';
	return ST_OK;
}
