/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_totp.c - one-time codes: the RFC's own vectors, the window, reuse, and
 * what an authenticator app is shown.
 */
#include <liboath/oath.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "auth/qr.h"
#include "auth/totp.h"
#include "t/harness/suite.h"

static struct totp_secret rfc;

static void
setup(void)
{
	ck_assert_int_ge(sodium_init(), 0);
	ck_assert_int_eq(oath_init(), OATH_OK);
	memcpy(rfc.bytes, "12345678901234567890", 20);
	rfc.length = 20;
}

/* RFC 6238, appendix B, SHA-1, eight digits. */
static const struct {
	int64_t time_s;
	const char *code;
} vectors[] = {
	{59, "94287082"},
	{1111111109, "07081804"},
	{1111111111, "14050471"},
	{1234567890, "89005924"},
	{2000000000, "69279037"},
	{20000000000, "65353130"},
};

START_TEST(rfc_vectors)
{
	char code[9];

	totp_code(&rfc, vectors[_i].time_s / 30, 8, code);
	ck_assert_str_eq(code, vectors[_i].code);
	/* Six digits are the last six of eight. */
	totp_code(&rfc, vectors[_i].time_s / 30, 6, code);
	ck_assert_str_eq(code, vectors[_i].code + 2);
}
END_TEST

#define STEP 40000000
#define AT_US (STEP * TOTP_STEP_US + 17000000)

static const struct {
	int offset; /* the code's step, from now's */
	int64_t after;
	enum status want;
} windows[] = {
	{0, -1, ST_OK},
	{-1, -1, ST_OK},
	{1, -1, ST_OK},
	{-2, -1, ST_UNAUTHENTICATED},
	{2, -1, ST_UNAUTHENTICATED},
	{0, STEP, ST_UNAUTHENTICATED},     /* used */
	{-1, STEP, ST_UNAUTHENTICATED},    /* older than what was used */
	{1, STEP, ST_OK},
	{0, STEP - 1, ST_OK},
	{1, STEP + 1, ST_UNAUTHENTICATED},
};

START_TEST(window)
{
	int64_t step = -7;
	char code[7];

	totp_code(&rfc, STEP + windows[_i].offset, 6, code);
	ck_assert_int_eq(
		totp_check(&rfc, code, AT_US, windows[_i].after, &step),
		windows[_i].want);
	if (windows[_i].want == ST_OK)
		ck_assert_int_eq(step, STEP + windows[_i].offset);
	else
		ck_assert_int_eq(step, -7);
}
END_TEST

START_TEST(reads_codes_as_people_type_them)
{
	char code[7], typed[9];
	int64_t step;

	totp_code(&rfc, STEP, 6, code);
	snprintf(typed, sizeof(typed), "%.3s %s", code, code + 3);
	ck_assert_int_eq(totp_check(&rfc, typed, AT_US, -1, &step), ST_OK);
}
END_TEST

static const char *const no_codes[] = {"", "1", "12345", "1234567", "abcdef",
	"12345a", "-12345", "12 34 5", "٠٠٠٠٠٠"};

START_TEST(refuses_what_is_no_code)
{
	int64_t step;

	ck_assert_int_eq(totp_check(&rfc, no_codes[_i], AT_US, -1, &step),
		ST_UNAUTHENTICATED);
}
END_TEST

static const struct {
	const char *text;
	enum status want;
	size_t length;
} secrets[] = {
	{"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", ST_OK, 20},
	{"gezdgnbvgy3tqojqgezdgnbvgy3tqojq", ST_OK, 20},
	{"GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ", ST_OK, 20},
	{"JBSWY3DPEHPK3PXP", ST_OK, 10},
	{"JBSWY3DPEHPK3PXP====", ST_OK, 10},
	{"JBSWY3DPEHPK3PX", ST_INVALID, 0}, /* nine bytes */
	{"", ST_INVALID, 0},
	{"JBSWY3DPEHPK3PX1", ST_INVALID, 0}, /* 1 is no base32 digit */
	{"JBSWY3DPEHPK3PX!", ST_INVALID, 0},
};

START_TEST(reads_base32)
{
	struct totp_secret out = {.length = 0};
	char text[TOTP_BASE32_MAX];

	ck_assert_msg(totp_secret_parse(secrets[_i].text,
			      strlen(secrets[_i].text),
			      &out) == secrets[_i].want,
		"%s", secrets[_i].text);
	ck_assert_uint_eq(out.length, secrets[_i].length);
	if (secrets[_i].length == 20) {
		ck_assert_mem_eq(out.bytes, rfc.bytes, 20);
		totp_secret_format(&out, text);
		ck_assert_str_eq(text, secrets[0].text);
	}
}
END_TEST

START_TEST(random_secrets_differ)
{
	struct totp_secret a, b;

	totp_secret_random(&a);
	totp_secret_random(&b);
	ck_assert_uint_eq(a.length, TOTP_SECRET_BYTES);
	ck_assert_mem_ne(a.bytes, b.bytes, TOTP_SECRET_BYTES);
}
END_TEST

START_TEST(uri_as_documented)
{
	char buf[256];

	/* As amarktai's document shows it. */
	ck_assert_int_eq(totp_uri(&rfc, "Amarktai", "user@example.com", buf,
				 sizeof(buf)),
		ST_OK);
	ck_assert_str_eq(buf,
		"otpauth://totp/Amarktai:user@example.com"
		"?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Amarktai");
	ck_assert_int_eq(
		totp_uri(&rfc, "A & B", "a?b#c:d é", buf, sizeof(buf)), ST_OK);
	ck_assert_str_eq(buf,
		"otpauth://totp/A%20%26%20B:a%3Fb%23c%3Ad%20%C3%A9"
		"?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%20%26%20B");
	ck_assert_int_eq(totp_uri(&rfc, "Amarktai", "user", buf, 40),
		ST_TOO_LARGE);
}
END_TEST

START_TEST(qr_is_a_png)
{
	static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n',
		0x1a, '\n'};
	const char *prefix = "data:image/png;base64,";
	struct arena *arena = arena_new();
	uint8_t bytes[16384];
	size_t length;
	char *uri;

	ck_assert_int_eq(qr_data_uri(arena, "otpauth://totp/x?secret=ABC", 4,
				 &uri),
		ST_OK);
	ck_assert_int_eq(strncmp(uri, prefix, strlen(prefix)), 0);
	uri += strlen(prefix);
	ck_assert_int_eq(sodium_base642bin(bytes, sizeof(bytes), uri,
				 strlen(uri), NULL, &length, NULL,
				 sodium_base64_VARIANT_ORIGINAL),
		0);
	ck_assert_mem_eq(bytes, signature, sizeof(signature));
	/* 28 bytes need version 3: 29 modules, and 8 of margin, of 4 pixels. */
	ck_assert_uint_eq(bytes[19], 37 * 4);
	ck_assert_uint_eq(bytes[23], 37 * 4);
	ck_assert_mem_eq(bytes + length - 8, "IEND\xae\x42\x60\x82", 8);
	arena_free(arena);
}
END_TEST

START_TEST(qr_has_a_limit)
{
	struct arena *arena = arena_new();
	char *text = arena_alloc(arena, 4001), *uri;

	memset(text, 'x', 4000);
	ck_assert_int_eq(qr_data_uri(arena, text, 4, &uri), ST_TOO_LARGE);
	arena_free(arena);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("totp");
	TCase *codes = tcase_create("codes");
	TCase *shown = tcase_create("shown");

	tcase_add_checked_fixture(codes, setup, NULL);
	tcase_add_loop_test(codes, rfc_vectors, 0, N_ELEMENTS(vectors));
	tcase_add_loop_test(codes, window, 0, N_ELEMENTS(windows));
	tcase_add_test(codes, reads_codes_as_people_type_them);
	tcase_add_loop_test(codes, refuses_what_is_no_code, 0,
		N_ELEMENTS(no_codes));
	suite_add_tcase(s, codes);
	tcase_add_checked_fixture(shown, setup, NULL);
	tcase_add_loop_test(shown, reads_base32, 0, N_ELEMENTS(secrets));
	tcase_add_test(shown, random_secrets_differ);
	tcase_add_test(shown, uri_as_documented);
	tcase_add_test(shown, qr_is_a_png);
	tcase_add_test(shown, qr_has_a_limit);
	suite_add_tcase(s, shown);
	return s;
}
