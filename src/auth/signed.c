/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * signed.c - HMAC-SHA256 over a request.
 */
#include "auth/signed.h"

#include <sodium.h>
#include <string.h>

/* Workers look at the clock when a request comes, not when it is noted. */
#define SLACK_US (INT64_C(10000) * 1000)
#define DIGITS_MAX 15 /* milliseconds until the year 33658 */

/* Digits alone: no sign, no space, nothing behind them. */
static enum status
parse_ms(const char *text, int64_t *out_us)
{
	size_t i, n = text ? strlen(text) : 0;
	int64_t ms = 0;

	if (n == 0 || n > DIGITS_MAX)
		return ST_INVALID;
	for (i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return ST_INVALID;
		ms = ms * 10 + (text[i] - '0');
	}
	*out_us = ms * 1000;
	return ST_OK;
}

enum status
signed_in_time(const struct signed_request *request, int64_t now_us,
	int64_t *nonce_until_us)
{
	int64_t at_us, window_us = SIGNED_WINDOW_US;

	TRY(parse_ms(request->timestamp, &at_us));
	if (request->window)
		TRY(parse_ms(request->window, &window_us));
	if (window_us == 0 || window_us > SIGNED_WINDOW_MAX_US)
		return ST_INVALID;
	if (at_us > now_us + SIGNED_AHEAD_US || at_us + window_us < now_us)
		return ST_UNAUTHENTICATED;
	*nonce_until_us = at_us + SIGNED_WINDOW_MAX_US + SLACK_US;
	return ST_OK;
}

static void
add(crypto_auth_hmacsha256_state *state, const char *text)
{
	crypto_auth_hmacsha256_update(state, (const unsigned char *)text,
		strlen(text));
}

bool
signed_by(const struct signed_request *request, const char *secret,
	size_t secret_length, uint8_t nonce[SIGNED_NONCE_BYTES])
{
	uint8_t made[crypto_auth_hmacsha256_BYTES];
	uint8_t given[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	const char *text = request->signature, *end;
	size_t n;

	if (!text || strlen(text) != 2 * sizeof(given) ||
		sodium_hex2bin(given, sizeof(given), text, 2 * sizeof(given),
			NULL, &n, &end) != 0 ||
		n != sizeof(given))
		return false;
	crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret,
		secret_length);
	add(&state, request->timestamp);
	add(&state, request->method);
	add(&state, request->uri);
	if (request->body)
		crypto_auth_hmacsha256_update(&state,
			(const unsigned char *)request->body,
			request->body_length);
	crypto_auth_hmacsha256_final(&state, made);
	sodium_memzero(&state, sizeof(state));
	/* Not of the text: the same bytes have many spellings. */
	memcpy(nonce, made, SIGNED_NONCE_BYTES);
	return sodium_memcmp(made, given, sizeof(made)) == 0;
}
