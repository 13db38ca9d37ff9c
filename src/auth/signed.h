/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * signed.h - requests that a program signs instead of showing a token.
 *
 * The signature is the HMAC-SHA256, in hexadecimal, of
 *
 *	timestamp method uri body
 *
 * one behind the other with nothing between, under the key's secret as text.
 * The timestamp is in milliseconds; the uri is path and query as they are
 * sent.  A request is good from a second before its timestamp (clocks differ)
 * to its window after it, and once: see key_page_spend().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/session.h"
#include "base/status.h"

#define SIGNED_AHEAD_US (INT64_C(1000) * 1000)
#define SIGNED_WINDOW_US (INT64_C(5000) * 1000)
#define SIGNED_WINDOW_MAX_US (INT64_C(60000) * 1000)
#define SIGNED_NONCE_BYTES 16

struct signed_request {
	const char *key;       /* X-Key */
	const char *timestamp; /* X-Timestamp; NULL: none */
	const char *window;    /* X-Recv-Window; NULL: SIGNED_WINDOW_US */
	const char *signature; /* X-Signature; NULL: none */
	const char *method;
	const char *uri;
	const char *body; /* NULL: empty */
	size_t body_length;
};

/* Whose request it turned out to be. */
struct signer {
	struct session session; /* its id is the key's */
	bool may_trade;
	uint8_t nonce[SIGNED_NONCE_BYTES];
	/*
	 * How long the nonce must be remembered.  The window itself is not
	 * signed, so this is the end of the longest there is.
	 */
	int64_t nonce_until_us;
};

/*
 * Is NOW_US within the request's window?  ST_UNAUTHENTICATED when not,
 * ST_INVALID when timestamp or window are no such numbers.
 */
enum status signed_in_time(const struct signed_request *request,
	int64_t now_us, int64_t *nonce_until_us) MUST_USE;

/* Compare in constant time; NONCE is what names the signature. */
bool signed_by(const struct signed_request *request, const char *secret,
	size_t secret_length, uint8_t nonce[SIGNED_NONCE_BYTES]);
