/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * token.h - access tokens: JWTs signed with HS256, and nothing else.
 *
 * The keys are files <kid>.key of one directory, 256 random bits each, in
 * hexadecimal.  A kid begins with the time at which it was made, so that the
 * last in alphabetical order is the newest, which signs; all of them verify.
 * A key is added and an old one removed while the programs run: the directory
 * is looked at again when its own time has changed, at most once a second, or
 * at once when a token names a key that is not known yet.
 *
 * A token is refused before libjwt sees it unless its header holds exactly
 * alg = HS256, kid = one of ours, and maybe typ = JWT: so there is no "none",
 * no other algorithm, no jwk, jku, x5u, crit, or path in a kid.  libjwt then
 * checks the signature, and every claim is checked here: iss, aud, use, iat,
 * nbf, exp, sub, sid, uno, epo, role, amr.  All failures are one:
 * ST_UNAUTHENTICATED.
 *
 * What has been verified is remembered (the whole token, compared in full),
 * because a client shows the same token a thousand times; its times are
 * checked again each time, and a removed key forgets all of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "auth/session.h"
#include "base/status.h"

/* What a token is for; one kind is never accepted as another. */
enum token_use {
	TOKEN_ACCESS, /* Authorization: Bearer */
	/*
	 * A ticket for a WebSocket: short-lived, no two alike, and it says how
	 * long the WebSocket may last (until_us, not before expires_us).
	 */
	TOKEN_STREAM
};

#define TOKEN_TEXT_MAX 1024 /* with NUL; ours are about 500 */
#define TOKEN_KEY_BYTES 32

struct keyring;

/*
 * Read all keys of DIRECTORY.  ISSUER and AUDIENCE are written into tokens
 * and demanded of them; they are kept, not copied.  NULL and a sentence in
 * *REASON (the caller frees it) when there is no key, or one cannot be read.
 */
struct keyring *keyring_open(const char *directory, const char *issuer,
	const char *audience, char **reason) MUST_USE;
void keyring_free(struct keyring *ring);

/*
 * A token for SESSION, from session->issued_us to session->expires_us, into
 * BUF of TOKEN_TEXT_MAX bytes.
 */
enum status token_sign(struct keyring *ring, const struct session *session,
	enum token_use use, char *buf) MUST_USE;

/* Whose is TEXT at NOW_US?  ST_UNAUTHENTICATED for anything but a good one. */
enum status token_verify(struct keyring *ring, const char *text, size_t length,
	enum token_use use, int64_t now_us, struct session *out) MUST_USE;

/*
 * Write a new key for DIRECTORY, and its kid to KID (TOKEN_KID_MAX bytes);
 * for `quantoractl secrets`.  ST_UNAVAILABLE with errno when it cannot.
 */
#define TOKEN_KID_MAX 33
enum status token_key_create(const char *directory, int64_t now_us,
	char *kid) MUST_USE;
