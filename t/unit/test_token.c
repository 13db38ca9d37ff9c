/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_token.c - what a token must be, and all that it must not.
 *
 * The forger here has our key, so that each row fails for its own reason and
 * not for its signature.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/keyring.h"
#include "auth/token.h"
#include "base/clock.h"
#include "t/harness/suite.h"

#define KID "0000000001-0a"
#define KEY_HEX                                                                \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_KID "0000000002-0b"
#define OTHER_HEX                                                              \
	"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define NOW_S 1750000000
#define NOW_US (NOW_S * US_PER_SECOND)

#define SUB "01890000-0000-7000-8000-000000000001"
#define SID "01890000-0000-7000-8000-000000000002"

static char dir[64];
static struct keyring *ring;

static void
write_file(const char *name, const char *text, mode_t mode)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void
remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static struct keyring *
open_ring(void)
{
	char *reason = NULL;
	struct keyring *opened =
		keyring_open(dir, "quantora", "quantora", &reason);

	ck_assert_msg(opened != NULL, "%s", reason);
	return opened;
}

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/test_token.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	write_file(KID ".key", KEY_HEX "\n", 0600);
	ring = open_ring();
}

static void
teardown(void)
{
	keyring_free(ring);
	remove_file(KID ".key");
	remove_file(OTHER_KID ".key");
	rmdir(dir);
}

static struct session
someone(void)
{
	struct session session = {
		.user = 7,
		.epoch = 3,
		.role = ROLE_OPERATOR,
		.otp = true,
		.issued_us = NOW_US,
		.expires_us = NOW_US + 3600 * US_PER_SECOND,
	};

	ck_assert(ident_parse(SUB, 36, &session.public_id) == ST_OK);
	ck_assert(ident_parse(SID, 36, &session.id) == ST_OK);
	return session;
}

/* ---- The forger ---------------------------------------------------------- */

static void
base64(const void *bytes, size_t length, char *out, size_t size)
{
	sodium_bin2base64(out, size, bytes, length,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

static void
sign(char *token, size_t size, const char *key_hex)
{
	uint8_t key[32], mac[32];
	char text[64];
	size_t length = strlen(token);

	sodium_hex2bin(key, 32, key_hex, 64, NULL, NULL, NULL);
	crypto_auth_hmacsha256(mac, (const void *)token, length, key);
	base64(mac, sizeof(mac), text, sizeof(text));
	snprintf(token + length, size - length, ".%s", text);
}

static void
forge(const char *header, const char *payload, const char *key_hex,
	char token[2048])
{
	char a[512], b[1024];

	base64(header, strlen(header), a, sizeof(a));
	base64(payload, strlen(payload), b, sizeof(b));
	snprintf(token, 2048, "%s.%s", a, b);
	sign(token, 2048, key_hex);
}

static enum status
verify(const char *token)
{
	struct session out;

	return token_verify(ring, token, strlen(token), TOKEN_ACCESS, NOW_US,
		&out);
}

#define GOOD_HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"" KID "\"}"
/* In two steps, so that an argument may be several: TIMES, REST. */
#define CLAIMS(...) CLAIMS_OF(__VA_ARGS__)
#define CLAIMS_OF(iss, aud, use, sub, sid, uno, epo, iat, nbf, exp, role, amr)    \
	"{\"iss\":" iss ",\"aud\":" aud ",\"use\":" use ",\"sub\":" sub        \
	",\"sid\":" sid ",\"uno\":" uno ",\"epo\":" epo ",\"iat\":" iat        \
	",\"nbf\":" nbf ",\"exp\":" exp ",\"role\":" role ",\"amr\":" amr "}"
#define Q "\"quantora\""
#define A "\"access\""
#define S "\"" SUB "\""
#define T "\"" SID "\""
#define GOOD_CLAIMS                                                            \
	CLAIMS(Q, Q, A, S, T, "7", "3", "1750000000", "1750000000",            \
		"1750003600", "\"user\"", "[\"pwd\"]")

/* ---- Headers ------------------------------------------------------------- */

static const struct {
	const char *header;
	enum status want;
} headers[] = {
	{GOOD_HEADER, ST_OK},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\"}", ST_OK},
	{"{\"alg\":\"none\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"None\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS384\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS512\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"RS256\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"hs256\",\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":[\"HS256\"],\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"kid\":\"" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":1}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"unknown\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"./" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID ".key\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"../jwt/" KID "\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\\u0000\"}", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"typ\":\"JWE\",\"kid\":\"" KID "\"}",
		ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"crit\":[\"exp\"]}",
		ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"jku\":\"http://x/\"}",
		ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\",\"x5u\":\"http://x/\"}",
		ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID
	 "\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"}}",
		ST_UNAUTHENTICATED},
	{"{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"" KID "\"}",
		ST_UNAUTHENTICATED}, /* which of the two? neither */
	{"[\"HS256\"]", ST_UNAUTHENTICATED},
	{"{\"alg\":\"HS256\",\"kid\":\"" KID "\"", ST_UNAUTHENTICATED},
	{"", ST_UNAUTHENTICATED},
};

START_TEST(takes_only_its_own_header)
{
	char token[2048];

	forge(headers[_i].header, GOOD_CLAIMS, KEY_HEX, token);
	ck_assert_msg(verify(token) == headers[_i].want, "%s",
		headers[_i].header);
}
END_TEST

/* ---- Claims -------------------------------------------------------------- */

#define TIMES "1750000000", "1750000000", "1750003600"
#define REST "\"user\"", "[\"pwd\"]"

static const struct {
	const char *what;
	const char *claims;
	enum status want;
} claims[] = {
	{"good", GOOD_CLAIMS, ST_OK},
	{"other issuer", CLAIMS("\"x\"", Q, A, S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"other audience", CLAIMS(Q, "\"x\"", A, S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"many audiences",
		CLAIMS(Q, "[\"quantora\"]", A, S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"a refresh token",
		CLAIMS(Q, Q, "\"refresh\"", S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"a stream ticket",
		CLAIMS(Q, Q, "\"stream\"", S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"no use", CLAIMS(Q, Q, "null", S, T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"sub is no id", CLAIMS(Q, Q, A, "\"7\"", T, "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"sid is no id", CLAIMS(Q, Q, A, S, "\"\"", "7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"user 0", CLAIMS(Q, Q, A, S, T, "0", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"user too large", CLAIMS(Q, Q, A, S, T, "268435456", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"user below 0", CLAIMS(Q, Q, A, S, T, "-7", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"user as text", CLAIMS(Q, Q, A, S, T, "\"7\"", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"user as a real", CLAIMS(Q, Q, A, S, T, "7.0", "3", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"epoch too large",
		CLAIMS(Q, Q, A, S, T, "7", "4294967296", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"no epoch", CLAIMS(Q, Q, A, S, T, "7", "null", TIMES, REST),
		ST_UNAUTHENTICATED},
	{"expires now",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1749990000", "1749990000",
			"1750000000", REST),
		ST_UNAUTHENTICATED},
	{"expires in a second",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1749990000", "1749990000",
			"1750000001", REST),
		ST_OK},
	{"never expires",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000000", "1750000000",
			"null", REST),
		ST_UNAUTHENTICATED},
	{"expires beyond time",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000000", "1750000000",
			"9223372036854775807", REST),
		ST_UNAUTHENTICATED},
	{"expiry as text",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000000", "1750000000",
			"\"1750003600\"", REST),
		ST_UNAUTHENTICATED},
	{"from the future",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000006", "1750000006",
			"1750003600", REST),
		ST_UNAUTHENTICATED},
	{"a clock a little ahead",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000005", "1750000005",
			"1750003600", REST),
		ST_OK},
	{"not yet",
		CLAIMS(Q, Q, A, S, T, "7", "3", "1750000000", "1750000100",
			"1750003600", REST),
		ST_UNAUTHENTICATED},
	{"no role",
		CLAIMS(Q, Q, A, S, T, "7", "3", TIMES, "null", "[\"pwd\"]"),
		ST_UNAUTHENTICATED},
	{"unknown role",
		CLAIMS(Q, Q, A, S, T, "7", "3", TIMES, "\"root\"", "[\"pwd\"]"),
		ST_UNAUTHENTICATED},
	{"no amr",
		CLAIMS(Q, Q, A, S, T, "7", "3", TIMES, "\"user\"", "null"),
		ST_UNAUTHENTICATED},
	{"amr without password",
		CLAIMS(Q, Q, A, S, T, "7", "3", TIMES, "\"user\"", "[\"otp\"]"),
		ST_UNAUTHENTICATED},
	{"no claims", "{}", ST_UNAUTHENTICATED},
	{"no object", "[]", ST_UNAUTHENTICATED},
	{"no JSON", "x", ST_UNAUTHENTICATED},
};

START_TEST(checks_every_claim)
{
	char token[2048];

	forge(GOOD_HEADER, claims[_i].claims, KEY_HEX, token);
	ck_assert_msg(verify(token) == claims[_i].want, "%s", claims[_i].what);
	/* And once more, from memory or not. */
	ck_assert_msg(verify(token) == claims[_i].want, "%s", claims[_i].what);
}
END_TEST

/* ---- The text ------------------------------------------------------------ */

START_TEST(every_byte_counts)
{
	char token[2048];
	size_t i, length;

	forge(GOOD_HEADER, GOOD_CLAIMS, KEY_HEX, token);
	length = strlen(token);
	ck_assert_int_eq(verify(token), ST_OK);
	for (i = 0; i < length; i++) {
		char was = token[i];

		token[i] = was == 'A' ? 'B' : 'A';
		ck_assert_msg(verify(token) == ST_UNAUTHENTICATED, "byte %zu",
			i);
		token[i] = '\n';
		ck_assert_msg(verify(token) == ST_UNAUTHENTICATED, "byte %zu",
			i);
		token[i] = was;
	}
	for (i = 0; i < length; i++) {
		struct session out;

		ck_assert_int_eq(token_verify(ring, token, i, TOKEN_ACCESS,
					 NOW_US, &out),
			ST_UNAUTHENTICATED);
	}
	ck_assert_int_eq(verify(token), ST_OK);
}
END_TEST

static const char *const shapes[] = {
	"",
	".",
	"..",
	"...",
	"a.b",
	"a.b.",
	"a..c",
	".b.c",
	"a.b.c.d",
	"eyJhbGciOiJub25lIn0.e30.",
	"Bearer a.b.c",
};

START_TEST(needs_three_parts)
{
	ck_assert_int_eq(verify(shapes[_i]), ST_UNAUTHENTICATED);
}
END_TEST

START_TEST(refuses_another_key)
{
	char token[2048];

	forge(GOOD_HEADER, GOOD_CLAIMS, OTHER_HEX, token);
	ck_assert_int_eq(verify(token), ST_UNAUTHENTICATED);
}
END_TEST

START_TEST(refuses_a_long_one)
{
	char token[4096];

	forge(GOOD_HEADER, GOOD_CLAIMS, KEY_HEX, token);
	memset(token + strlen(token), 'A', 1100);
	token[1600] = '\0';
	ck_assert_int_eq(verify(token), ST_UNAUTHENTICATED);
}
END_TEST

/* ---- Our own ------------------------------------------------------------- */

START_TEST(round_trip)
{
	struct session in = someone(), out;
	char token[TOKEN_TEXT_MAX];

	ck_assert_int_eq(token_sign(ring, &in, TOKEN_ACCESS, token), ST_OK);
	ck_assert_int_eq(token_verify(ring, token, strlen(token), TOKEN_ACCESS,
				 NOW_US, &out),
		ST_OK);
	ck_assert(ident_equal(out.id, in.id));
	ck_assert(ident_equal(out.public_id, in.public_id));
	ck_assert_uint_eq(out.user, in.user);
	ck_assert_uint_eq(out.epoch, in.epoch);
	ck_assert_int_eq(out.role, in.role);
	ck_assert_int_eq(out.otp, in.otp);
	ck_assert_int_eq(out.issued_us, in.issued_us);
	ck_assert_int_eq(out.expires_us, in.expires_us);
}
END_TEST

/* One use is not another, also when it has been verified before. */
START_TEST(uses_are_apart)
{
	struct session in = someone(), out;
	char token[TOKEN_TEXT_MAX];

	ck_assert_int_eq(token_sign(ring, &in, TOKEN_STREAM, token), ST_OK);
	ck_assert_int_eq(verify(token), ST_UNAUTHENTICATED);
	ck_assert_int_eq(token_verify(ring, token, strlen(token), TOKEN_STREAM,
				 NOW_US, &out),
		ST_OK);
	ck_assert_int_eq(verify(token), ST_UNAUTHENTICATED);
}
END_TEST

/* What is remembered still expires. */
START_TEST(memory_expires)
{
	struct session in = someone(), out;
	char token[TOKEN_TEXT_MAX];

	ck_assert_int_eq(token_sign(ring, &in, TOKEN_ACCESS, token), ST_OK);
	ck_assert_int_eq(verify(token), ST_OK);
	ck_assert_int_eq(token_verify(ring, token, strlen(token), TOKEN_ACCESS,
				 in.expires_us - 1, &out),
		ST_OK);
	ck_assert_int_eq(token_verify(ring, token, strlen(token), TOKEN_ACCESS,
				 in.expires_us, &out),
		ST_UNAUTHENTICATED);
}
END_TEST

/* Texts that end alike share a place, and are still two. */
START_TEST(memory_knows_the_whole_text)
{
	static const char one[] = "one.two."
		"0123456789012345678901234567890123456789012";
	static const char other[] = "one.six."
		"0123456789012345678901234567890123456789012";
	struct token_cache *cache = token_cache_new();
	struct session session = someone();
	const struct session *found;

	token_cache_keep(cache, one, strlen(one), TOKEN_ACCESS, &session);
	found = token_cache_find(cache, one, strlen(one), TOKEN_ACCESS);
	ck_assert_ptr_nonnull(found);
	ck_assert_uint_eq(found->user, session.user);
	ck_assert_ptr_null(
		token_cache_find(cache, other, strlen(other), TOKEN_ACCESS));
	ck_assert_ptr_null(token_cache_find(
		cache, one + 1, strlen(one) - 1, TOKEN_ACCESS));
	token_cache_keep(cache, other, strlen(other), TOKEN_ACCESS, &session);
	ck_assert_ptr_nonnull(
		token_cache_find(cache, other, strlen(other), TOKEN_ACCESS));
	ck_assert_ptr_null(
		token_cache_find(cache, one, strlen(one), TOKEN_ACCESS));
	token_cache_free(cache);
}
END_TEST

/* Whatever stood in a place that is empty now is nobody's any more. */
START_TEST(memory_forgets)
{
	struct token_cache *cache = token_cache_new();
	struct session session = someone();
	char text[16];
	int i;

	/* So many that each place has been taken. */
	for (i = 0; i < 50000; i++) {
		snprintf(text, sizeof(text), "%d", i);
		token_cache_keep(cache, text, strlen(text), TOKEN_ACCESS,
			&session);
	}
	ck_assert_ptr_nonnull(
		token_cache_find(cache, text, strlen(text), TOKEN_ACCESS));
	ck_assert_ptr_null(
		token_cache_find(cache, text, strlen(text), TOKEN_STREAM));
	token_cache_clear(cache);
	ck_assert_ptr_null(
		token_cache_find(cache, text, strlen(text), TOKEN_ACCESS));
	ck_assert_ptr_null(token_cache_find(cache, "", 0, TOKEN_ACCESS));
	token_cache_free(cache);
}
END_TEST

/* A second process adds a key and signs with it: nobody gets a 401. */
START_TEST(rotation_overlaps)
{
	struct session in = someone();
	char before[TOKEN_TEXT_MAX], after[TOKEN_TEXT_MAX];
	struct keyring *other = open_ring();

	ck_assert_int_eq(token_sign(other, &in, TOKEN_ACCESS, before), ST_OK);
	ck_assert_int_eq(verify(before), ST_OK);
	write_file(OTHER_KID ".key", OTHER_HEX, 0600);
	ck_assert_int_eq(token_sign(other, &in, TOKEN_ACCESS, after), ST_OK);
	ck_assert_str_ne(before, after); /* the newest key signs at once */
	ck_assert_int_eq(verify(after), ST_OK);
	ck_assert_int_eq(verify(before), ST_OK);
	keyring_free(other);

	/* The old key goes: its tokens end, those of the new one do not. */
	remove_file(KID ".key");
	other = open_ring();
	keyring_free(ring);
	ring = other;
	ck_assert_int_eq(verify(before), ST_UNAUTHENTICATED);
	ck_assert_int_eq(verify(after), ST_OK);
}
END_TEST

START_TEST(makes_keys)
{
	char kid[TOKEN_KID_MAX], name[TOKEN_KID_MAX + 8];
	struct session in = someone();
	char token[TOKEN_TEXT_MAX];

	ck_assert_int_eq(token_key_create(dir, NOW_US, kid), ST_OK);
	ck_assert_int_eq(token_sign(ring, &in, TOKEN_ACCESS, token), ST_OK);
	ck_assert_int_eq(verify(token), ST_OK);
	snprintf(name, sizeof(name), "%s.key", kid);
	remove_file(name);
}
END_TEST

static const struct {
	const char *text;
	mode_t mode;
} bad_files[] = {
	{OTHER_HEX, 0604},     /* open to everybody */
	{"00112233", 0600},    /* short */
	{"", 0600},
	{"zz" OTHER_HEX, 0600},
};

START_TEST(refuses_bad_key_files)
{
	char *reason = NULL;

	write_file(OTHER_KID ".key", bad_files[_i].text, bad_files[_i].mode);
	ck_assert_ptr_null(
		keyring_open(dir, "quantora", "quantora", &reason));
	ck_assert_ptr_nonnull(reason);
	free(reason);
}
END_TEST

START_TEST(needs_a_key)
{
	char *reason = NULL;

	remove_file(KID ".key");
	ck_assert_ptr_null(
		keyring_open(dir, "quantora", "quantora", &reason));
	ck_assert_str_eq(reason, "there is no signing key");
	free(reason);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("token");
	TCase *forged = tcase_create("forged");
	TCase *ours = tcase_create("ours");

	tcase_add_checked_fixture(forged, setup, teardown);
	tcase_add_loop_test(forged, takes_only_its_own_header, 0,
		N_ELEMENTS(headers));
	tcase_add_loop_test(forged, checks_every_claim, 0, N_ELEMENTS(claims));
	tcase_add_loop_test(forged, needs_three_parts, 0, N_ELEMENTS(shapes));
	tcase_add_test(forged, every_byte_counts);
	tcase_add_test(forged, refuses_another_key);
	tcase_add_test(forged, refuses_a_long_one);
	suite_add_tcase(s, forged);
	tcase_add_checked_fixture(ours, setup, teardown);
	tcase_add_test(ours, round_trip);
	tcase_add_test(ours, uses_are_apart);
	tcase_add_test(ours, memory_expires);
	tcase_add_test(ours, memory_knows_the_whole_text);
	tcase_add_test(ours, memory_forgets);
	tcase_add_test(ours, rotation_overlaps);
	tcase_add_test(ours, makes_keys);
	tcase_add_loop_test(ours, refuses_bad_key_files, 0,
		N_ELEMENTS(bad_files));
	tcase_add_test(ours, needs_a_key);
	suite_add_tcase(s, ours);
	return s;
}
