/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_base32.c - what people type: secrets, codes, recovery codes.
 *
 * A secret that is read is written and read again as itself.
 */
#include <liboath/oath.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "auth/recovery.h"
#include "auth/totp.h"

#define HEX                                                                    \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
secret(const char *text, size_t size)
{
	struct totp_secret first, second;
	char plain[TOTP_BASE32_MAX], uri[64];

	if (totp_secret_parse(text, size, &first) != ST_OK)
		return;
	totp_secret_format(&first, plain);
	if (totp_secret_parse(plain, strlen(plain), &second) != ST_OK ||
		first.length != second.length ||
		memcmp(first.bytes, second.bytes, first.length) != 0)
		abort();
	if (totp_uri(&first, "Quantora", plain, uri, sizeof(uri)) == ST_OK &&
		strlen(uri) >= sizeof(uri))
		abort();
}

static void
typed(const struct vault *vault, const char *text)
{
	static const struct totp_secret zeros = {.length = TOTP_SECRET_BYTES};
	struct digest digest;
	int64_t step = 0;

	if (totp_check(&zeros, text, INT64_C(1750000000000000), -1, &step) ==
			ST_OK &&
		(step < 58333332 || step > 58333334))
		abort();
	if (recovery_code_digest(vault, 1, text, &digest) && strlen(text) < 10)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vault *vault;
	char *text, *reason;

	if (!vault) {
		vault = vault_parse(HEX, &reason);
		if (!vault || oath_init() != OATH_OK)
			abort();
	}
	text = malloc(size + 1);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	secret(text, size);
	typed(vault, text);
	free(text);
	return 0;
}
