/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_token.c - tokens: as they come, and signed ones of any content.
 *
 * Input that begins with 'S' is "S<header JSON>\n<payload JSON>", which is
 * signed with our own key, so that the claims are reached.  Anything else is
 * a token as a stranger may send it, and is never accepted.
 */
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/token.h"
#include "base/clock.h"
#include "wire/message.h"

#define KID "0000000001-0a"
#define NOW_US (1750000000 * US_PER_SECOND)
#define PART_MAX 2000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t key[TOKEN_KEY_BYTES];

static struct keyring *
make_ring(void)
{
	char dir[] = "/tmp/fuzz_token.XXXXXX", path[64], hex[65], *reason;
	struct keyring *ring;
	FILE *file;

	if (sodium_init() < 0 || !mkdtemp(dir))
		abort();
	randombytes_buf(key, sizeof(key));
	sodium_bin2hex(hex, sizeof(hex), key, sizeof(key));
	snprintf(path, sizeof(path), "%s/" KID ".key", dir);
	umask(077); /* or the keyring would refuse the file */
	file = fopen(path, "w");
	if (!file || fputs(hex, file) < 0 || fclose(file) != 0)
		abort();
	ring = keyring_open(dir, "quantora", "quantora", &reason);
	unlink(path);
	rmdir(dir);
	if (!ring)
		abort();
	return ring;
}

static size_t
encode(const uint8_t *bytes, size_t length, char *out)
{
	size_t room = sodium_base64_ENCODED_LEN(length,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);

	sodium_bin2base64(out, room, bytes, length,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return strlen(out);
}

static size_t
sign(const uint8_t *data, size_t size, char *out)
{
	const uint8_t *end = memchr(data, '\n', size);
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	size_t n;

	if (!end)
		return 0;
	n = encode(data, (size_t)(end - data), out);
	out[n++] = '.';
	n += encode(end + 1, (size_t)(data + size - end - 1), out + n);
	crypto_auth_hmacsha256(mac, (const void *)out, n, key);
	out[n++] = '.';
	return n + encode(mac, sizeof(mac), out + n);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct keyring *ring;
	char token[2 * PART_MAX];
	struct session session;
	size_t n;

	if (!ring)
		ring = make_ring();
	if (size > 0 && data[0] == 'S' && size < PART_MAX) {
		n = sign(data + 1, size - 1, token);
		if (token_verify(ring, token, n, TOKEN_ACCESS, NOW_US,
			    &session) == ST_OK &&
			(session.user == 0 || session.user > USER_MAX ||
				session.expires_us <= NOW_US ||
				session.role > ROLE_ADMIN))
			abort();
		return 0;
	}
	if (token_verify(ring, (const char *)data, size, TOKEN_ACCESS, NOW_US,
		    &session) == ST_OK)
		abort();
	return 0;
}
