/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * token.c - the fence around libjwt.
 *
 * libjwt 1.10 looks at no time and no audience, and would take HS512 where
 * HS256 was meant; so it is given a token only when the header is exactly one
 * that we write.  Nor does it tell a missing number from 0: so what it says is
 * whether the signature is good, and the claims are read here.
 */
#include "auth/token.h"

#include <jansson.h>
#include <jwt.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/keyring.h"
#include "base/clock.h"
#include "wire/message.h"

/* Machines that issue and check may differ by so much. */
#define SKEW_US (5 * US_PER_SECOND)

static const char *const uses[] = {
	[TOKEN_ACCESS] = "access",
	[TOKEN_STREAM] = "stream",
};

static const char *const roles[] = {
	[ROLE_USER] = "user",
	[ROLE_OPERATOR] = "operator",
	[ROLE_ADMIN] = "admin",
};

/* What makes two tickets of one second differ: 128 bits. */
#define TICKET_ID_BYTES 16
#define TICKET_ID_MAX                                                          \
	sodium_base64_ENCODED_LEN(TICKET_ID_BYTES,                             \
		sodium_base64_VARIANT_URLSAFE_NO_PADDING)

/* ---- Signing ------------------------------------------------------------- */

static int
add_claims(jwt_t *jwt, const struct keyring *ring,
	const struct session *session, enum token_use use)
{
	char sub[IDENT_TEXT_MAX], sid[IDENT_TEXT_MAX];
	long issued = session->issued_us / US_PER_SECOND;

	ident_format(session->public_id, sub);
	ident_format(session->id, sid);
	return jwt_add_grant(jwt, "iss", ring->issuer) ||
		jwt_add_grant(jwt, "aud", ring->audience) ||
		jwt_add_grant(jwt, "use", uses[use]) ||
		jwt_add_grant(jwt, "sub", sub) ||
		jwt_add_grant(jwt, "sid", sid) ||
		jwt_add_grant(jwt, "role", roles[session->role]) ||
		jwt_add_grant_int(jwt, "uno", session->user) ||
		jwt_add_grant_int(jwt, "epo", session->epoch) ||
		jwt_add_grant_int(jwt, "iat", issued) ||
		jwt_add_grant_int(jwt, "nbf", issued) ||
		jwt_add_grant_int(jwt, "exp",
			session->expires_us / US_PER_SECOND) ||
		jwt_add_grants_json(jwt,
			session->otp ? "{\"amr\":[\"pwd\",\"otp\"]}"
				     : "{\"amr\":[\"pwd\"]}");
}

static int
add_ticket_claims(jwt_t *jwt, const struct session *session)
{
	int64_t until_us = session->until_us > session->expires_us
				   ? session->until_us
				   : session->expires_us;
	unsigned char id[TICKET_ID_BYTES];
	char text[TICKET_ID_MAX];

	randombytes_buf(id, sizeof(id));
	sodium_bin2base64(text, sizeof(text), id, sizeof(id),
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	/* A whole second would not tell what came before a restart in it. */
	return jwt_add_grant(jwt, "jti", text) ||
		jwt_add_grant_int(jwt, "ius", session->issued_us) ||
		jwt_add_grant_int(jwt, "upto",
			until_us / US_PER_SECOND);
}

enum status
token_sign(struct keyring *ring, const struct session *session,
	enum token_use use, char *buf)
{
	const struct signing_key *key;
	jwt_t *jwt = NULL;
	char *text = NULL;
	enum status status = ST_INTERNAL;

	keyring_look(ring, 1);
	key = keyring_newest(ring);
	if (jwt_new(&jwt) != 0 ||
		jwt_set_alg(jwt, JWT_ALG_HS256, key->bytes,
			TOKEN_KEY_BYTES) != 0 ||
		jwt_add_header(jwt, "kid", key->kid) != 0 ||
		add_claims(jwt, ring, session, use) != 0 ||
		(use == TOKEN_STREAM && add_ticket_claims(jwt, session) != 0))
		goto out;
	text = jwt_encode_str(jwt);
	if (!text || strlen(text) >= TOKEN_TEXT_MAX)
		goto out;
	memcpy(buf, text, strlen(text) + 1);
	status = ST_OK;
out:
	free(text);
	jwt_free(jwt);
	return status;
}

/* ---- Verifying ----------------------------------------------------------- */

struct parts {
	const char *text;
	size_t length;
	size_t header, claims; /* the lengths of the first two */
};

static bool
is_base64url(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Three parts of base64url, none of them empty. */
static bool
split(const char *text, size_t length, struct parts *out)
{
	size_t i, n = 0, begin = 0, lengths[2];

	if (length >= TOKEN_TEXT_MAX)
		return false;
	for (i = 0; i < length; i++) {
		if (is_base64url(text[i]))
			continue;
		if (text[i] != '.' || n == N_ELEMENTS(lengths) || i == begin)
			return false;
		lengths[n++] = i - begin;
		begin = i + 1;
	}
	if (n != N_ELEMENTS(lengths) || length == begin)
		return false;
	*out = (struct parts){text, length, lengths[0], lengths[1]};
	return true;
}

/* The key that the header names, if it is a header as we write them. */
static const struct signing_key *
key_of_header(struct keyring *ring, json_t *header)
{
	json_t *alg = json_object_get(header, "alg");
	json_t *kid = json_object_get(header, "kid");
	json_t *typ = json_object_get(header, "typ");
	const struct signing_key *key;

	if (!json_is_string(alg) || !json_is_string(kid) ||
		strcmp(json_string_value(alg), "HS256") != 0)
		return NULL;
	if (typ &&
		(!json_is_string(typ) ||
			strcmp(json_string_value(typ), "JWT") != 0))
		return NULL;
	/* Nothing else: jwk, jku, x5u, crit, zip, whatever comes next. */
	if (json_object_size(header) != (typ ? 3u : 2u))
		return NULL;
	key = keyring_find(ring, json_string_value(kid),
		json_string_length(kid));
	if (key)
		return key;
	/* Another process may sign with a key that is newer than our look. */
	keyring_look(ring, 1);
	return keyring_find(ring, json_string_value(kid),
		json_string_length(kid));
}

/* The part of a token at TEXT as JSON, to be released; NULL: it is none. */
static json_t *
part_json(const char *text, size_t length)
{
	char plain[TOKEN_TEXT_MAX];
	size_t n;

	if (sodium_base642bin((void *)plain, sizeof(plain), text, length, NULL,
		    &n, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return NULL;
	return json_loadb(plain, n, JSON_REJECT_DUPLICATES, NULL);
}

static bool
text_claim(json_t *claims, const char *name, const char *want)
{
	const char *have = json_string_value(json_object_get(claims, name));

	return have && strcmp(have, want) == 0;
}

static bool
number_claim(json_t *claims, const char *name, int64_t min, int64_t max,
	int64_t *out)
{
	json_t *value = json_object_get(claims, name);

	/* Nothing else may pass for 0. */
	if (!json_is_integer(value))
		return false;
	*out = json_integer_value(value);
	return *out >= min && *out <= max;
}

static bool
ident_claim(json_t *claims, const char *name, struct ident *out)
{
	const char *text = json_string_value(json_object_get(claims, name));

	return text && ident_parse(text, strlen(text), out) == ST_OK;
}

/* ["pwd"] or ["pwd", "otp"], as we write it. */
static bool
amr_claim(json_t *claims, bool *otp)
{
	json_t *amr = json_object_get(claims, "amr");
	const char *first = json_string_value(json_array_get(amr, 0));
	const char *second = json_string_value(json_array_get(amr, 1));

	*otp = second && strcmp(second, "otp") == 0;
	return first && strcmp(first, "pwd") == 0 &&
		json_array_size(amr) == (*otp ? 2 : 1);
}

static bool
role_claim(json_t *claims, enum user_role *role)
{
	unsigned i;

	for (i = 0; i < N_ELEMENTS(roles); i++) {
		if (text_claim(claims, "role", roles[i])) {
			*role = (enum user_role)i;
			return true;
		}
	}
	return false;
}

static bool
read_claims(json_t *claims, const struct keyring *ring, enum token_use use,
	struct session *session)
{
	const int64_t second_max = INT64_MAX / US_PER_SECOND;
	int64_t user, epoch, issued, begins, expires, until, issued_us;

	if (!text_claim(claims, "iss", ring->issuer) ||
		!text_claim(claims, "aud", ring->audience) ||
		!text_claim(claims, "use", uses[use]) ||
		!ident_claim(claims, "sub", &session->public_id) ||
		!ident_claim(claims, "sid", &session->id) ||
		!number_claim(claims, "uno", 1, USER_MAX, &user) ||
		!number_claim(claims, "epo", 0, UINT32_MAX, &epoch) ||
		!number_claim(claims, "iat", 1, second_max, &issued) ||
		!number_claim(claims, "nbf", issued, issued, &begins) ||
		!number_claim(claims, "exp", issued, second_max, &expires) ||
		!role_claim(claims, &session->role) ||
		!amr_claim(claims, &session->otp))
		return false;
	until = expires;
	issued_us = issued * US_PER_SECOND;
	if (use == TOKEN_STREAM &&
		(!number_claim(claims, "upto", expires, second_max, &until) ||
			!number_claim(claims, "ius", issued_us,
				issued_us + US_PER_SECOND - 1, &issued_us)))
		return false;
	session->user = (uint32_t)user;
	session->epoch = (uint32_t)epoch;
	session->issued_us = issued_us;
	session->expires_us = expires * US_PER_SECOND;
	session->until_us = until * US_PER_SECOND;
	return true;
}

static bool
in_its_time(const struct session *session, int64_t now_us)
{
	return session->issued_us <= now_us + SKEW_US &&
		now_us < session->expires_us;
}

/* libjwt's part: was TEXT signed with KEY?  It wants a NUL behind it. */
static bool
signature_good(const struct signing_key *key, const char *text, size_t length)
{
	char copy[TOKEN_TEXT_MAX];
	jwt_t *jwt = NULL;
	bool good;

	memcpy(copy, text, length);
	copy[length] = '\0';
	if (jwt_decode(&jwt, copy, key->bytes, TOKEN_KEY_BYTES) != 0)
		return false;
	good = jwt_get_alg(jwt) == JWT_ALG_HS256;
	jwt_free(jwt);
	return good;
}

/* The whole way, for a token that is not remembered. */
static bool
verify_new(struct keyring *ring, const struct parts *parts,
	enum token_use use, struct session *session)
{
	json_t *header = part_json(parts->text, parts->header);
	json_t *claims = NULL;
	const struct signing_key *key = NULL;
	bool good = false;

	if (json_is_object(header))
		key = key_of_header(ring, header);
	if (key && signature_good(key, parts->text, parts->length)) {
		claims = part_json(parts->text + parts->header + 1,
			parts->claims);
		good = read_claims(claims, ring, use, session);
	}
	json_decref(header);
	json_decref(claims);
	return good;
}

enum status
token_verify(struct keyring *ring, const char *text, size_t length,
	enum token_use use, int64_t now_us, struct session *out)
{
	const struct session *known;
	struct session session = {.user = 0};
	struct parts parts;

	keyring_look(ring, 0);
	known = token_cache_find(ring->cache, text, length, use);
	if (!known) {
		if (!split(text, length, &parts) ||
			!verify_new(ring, &parts, use, &session))
			return ST_UNAUTHENTICATED;
		token_cache_keep(ring->cache, text, length, use, &session);
		known = &session;
	}
	if (!in_its_time(known, now_us))
		return ST_UNAUTHENTICATED;
	*out = *known;
	return ST_OK;
}
