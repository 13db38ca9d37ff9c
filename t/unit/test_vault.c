/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_vault.c - sealed secrets, digests, recovery codes.
 *
 * A sealed value opens in its own row, and nowhere else.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/recovery.h"
#include "auth/vault.h"
#include "t/harness/suite.h"

#define HEX1                                                                   \
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEX2                                                                   \
	"ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define SECRET "JBSWY3DPEHPK3PXP"
#define SEALED (sizeof(SECRET) + VAULT_OVERHEAD)

static struct vault *vault;
static const struct vault_place home = {"users", 7, {{1, 2, 3}}};

static struct vault *
parse(const char *text)
{
	char *reason = NULL;
	struct vault *parsed = vault_parse(text, &reason);

	ck_assert_msg(parsed != NULL, "%s", reason);
	return parsed;
}

static void
setup(void)
{
	vault = parse("1 " HEX1 "\n");
}

static void
teardown(void)
{
	vault_free(vault);
}

static enum status
unseal(const struct vault *with, enum vault_purpose purpose,
	const struct vault_place *place, const void *sealed, size_t length)
{
	char out[64] = "";
	size_t n = 0;
	enum status status = vault_open_sealed(with, purpose, place, sealed,
		length, out, &n);

	if (status == ST_OK) {
		ck_assert_uint_eq(n, sizeof(SECRET));
		ck_assert_str_eq(out, SECRET);
	}
	return status;
}

START_TEST(opens_at_home)
{
	uint8_t a[SEALED], b[SEALED];

	vault_seal(vault, VAULT_TOTP, &home, SECRET, sizeof(SECRET), a);
	vault_seal(vault, VAULT_TOTP, &home, SECRET, sizeof(SECRET), b);
	ck_assert_mem_ne(a, b, SEALED); /* a nonce of its own each time */
	ck_assert_ptr_null(memmem(a, SEALED, SECRET, 8));
	ck_assert_int_eq(unseal(vault, VAULT_TOTP, &home, a, SEALED), ST_OK);
	ck_assert_int_eq(unseal(vault, VAULT_TOTP, &home, b, SEALED), ST_OK);
}
END_TEST

static const struct {
	enum vault_purpose purpose;
	struct vault_place place;
} elsewhere[] = {
	{VAULT_TOTP, {"users", 8, {{1, 2, 3}}}},   /* another user's row */
	{VAULT_TOTP, {"users", 7, {{1, 2, 4}}}},   /* another row of his */
	{VAULT_TOTP, {"user", 7, {{1, 2, 3}}}},    /* another table */
	{VAULT_VENUE_KEY, {"users", 7, {{1, 2, 3}}}}, /* another purpose */
};

START_TEST(stays_shut_elsewhere)
{
	uint8_t sealed[SEALED];

	vault_seal(vault, VAULT_TOTP, &home, SECRET, sizeof(SECRET), sealed);
	ck_assert_int_eq(unseal(vault, elsewhere[_i].purpose,
				 &elsewhere[_i].place, sealed, SEALED),
		ST_INTERNAL);
}
END_TEST

START_TEST(every_byte_counts)
{
	uint8_t sealed[SEALED];
	size_t i;

	vault_seal(vault, VAULT_TOTP, &home, SECRET, sizeof(SECRET), sealed);
	for (i = 0; i < SEALED; i++) {
		sealed[i] ^= 1;
		ck_assert_int_eq(
			unseal(vault, VAULT_TOTP, &home, sealed, SEALED),
			ST_INTERNAL);
		sealed[i] ^= 1;
		ck_assert_int_eq(unseal(vault, VAULT_TOTP, &home, sealed, i),
			ST_INTERNAL);
	}
}
END_TEST

/* A new master key seals; what the old one sealed still opens. */
START_TEST(keys_have_versions)
{
	uint8_t old[SEALED], new[SEALED];
	struct vault *both = parse(HEX1 "\n2 " HEX2);
	struct vault *later = parse("2 " HEX2 "\n");

	vault_seal(vault, VAULT_TOTP, &home, SECRET, sizeof(SECRET), old);
	vault_seal(both, VAULT_TOTP, &home, SECRET, sizeof(SECRET), new);
	ck_assert_int_eq(unseal(both, VAULT_TOTP, &home, old, SEALED), ST_OK);
	ck_assert_int_eq(unseal(both, VAULT_TOTP, &home, new, SEALED), ST_OK);
	ck_assert_int_eq(unseal(later, VAULT_TOTP, &home, new, SEALED), ST_OK);
	ck_assert_int_eq(unseal(later, VAULT_TOTP, &home, old, SEALED),
		ST_INTERNAL);
	ck_assert_int_eq(unseal(vault, VAULT_TOTP, &home, new, SEALED),
		ST_INTERNAL);
	/* The version is part of what is authenticated. */
	new[0] = 1;
	ck_assert_int_eq(unseal(both, VAULT_TOTP, &home, new, SEALED),
		ST_INTERNAL);
	vault_free(both);
	vault_free(later);
}
END_TEST

static const char *const bad_files[] = {
	"",
	"\n",
	"1 abc\n",
	"x " HEX1,
	"0 " HEX1,
	"1 " HEX1 "00",
	"1 " HEX1 " ",
	"2 " HEX2 "\n1 " HEX1,
	"1 " HEX1 "\n1 " HEX2,
};

START_TEST(refuses_bad_files)
{
	char *reason = NULL;

	ck_assert_ptr_null(vault_parse(bad_files[_i], &reason));
	ck_assert_ptr_nonnull(reason);
	free(reason);
}
END_TEST

START_TEST(reads_its_file)
{
	char dir[] = "/tmp/test_vault.XXXXXX", path[64], *reason = NULL;
	struct vault *opened;
	FILE *file;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/master.key", dir);
	ck_assert_ptr_null(vault_open(dir, &reason));
	free(reason);
	file = fopen(path, "w");
	ck_assert_int_ge(fputs("1 " HEX1 "\n", file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_ptr_null(vault_open(dir, &reason));
	ck_assert_ptr_nonnull(strstr(reason, "open to everybody"));
	free(reason);
	ck_assert_int_eq(chmod(path, 0600), 0);
	opened = vault_open(dir, &reason);
	ck_assert_ptr_nonnull(opened);
	vault_free(opened);

	/* A credential of the unit goes before the directory. */
	ck_assert_int_eq(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	opened = vault_open("/nonexistent", &reason);
	ck_assert_ptr_nonnull(opened);
	vault_free(opened);
	unlink(path);
	rmdir(dir);
}
END_TEST

START_TEST(digests_part_by_part)
{
	struct digest_state state;
	struct digest a, b;

	digest_begin(&state, vault, DIGEST_AUDIT);
	digest_text(&state, "ab");
	digest_text(&state, "c");
	a = digest_end(&state);
	digest_begin(&state, vault, DIGEST_AUDIT);
	digest_text(&state, "a");
	digest_text(&state, "bc");
	b = digest_end(&state);
	ck_assert(!digest_equal(&a, &b));
	a = digest_of(vault, DIGEST_AUDIT, "x", 1);
	b = digest_of(vault, DIGEST_AUDIT, "x", 1);
	ck_assert(digest_equal(&a, &b));
	b = digest_of(vault, DIGEST_REFRESH, "x", 1);
	ck_assert(!digest_equal(&a, &b)); /* a key for each purpose */
}
END_TEST

START_TEST(random_tokens)
{
	char a[RANDOM_TOKEN_MAX], b[RANDOM_TOKEN_MAX];

	random_token(a);
	random_token(b);
	ck_assert_uint_eq(strlen(a), 43);
	ck_assert_str_ne(a, b);
}
END_TEST

START_TEST(recovery_codes_as_typed)
{
	char code[RECOVERY_TEXT_MAX], other[RECOVERY_TEXT_MAX];
	struct digest a, b;
	size_t i;

	recovery_code_random(code);
	recovery_code_random(other);
	ck_assert_str_ne(code, other);
	ck_assert_uint_eq(strlen(code), 11);
	ck_assert(recovery_code_digest(vault, 7, code, &a));
	for (i = 0; code[i]; i++)
		if (code[i] >= 'A' && code[i] <= 'Z')
			code[i] = (char)(code[i] | 0x20);
	memmove(code + 5, code + 6, 6); /* without the dash */
	ck_assert(recovery_code_digest(vault, 7, code, &b));
	ck_assert(digest_equal(&a, &b));
	ck_assert(recovery_code_digest(vault, 8, code, &b));
	ck_assert(!digest_equal(&a, &b)); /* another user's is another */
	ck_assert(recovery_code_digest(vault, 7, "OIL00-00000", &a));
	ck_assert(recovery_code_digest(vault, 7, "01100 00000", &b));
	ck_assert(digest_equal(&a, &b));
}
END_TEST

static const char *const no_recovery[] = {"", "K7QMD-4XWP", "K7QMD-4XWPR1",
	"123456", "K7QMD-4XWPU", "K7QMD_4XWPR"};

START_TEST(refuses_other_codes)
{
	struct digest out;

	ck_assert(!recovery_code_digest(vault, 7, no_recovery[_i], &out));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("vault");
	TCase *sealing = tcase_create("sealing");
	TCase *digests = tcase_create("digests");

	tcase_add_checked_fixture(sealing, setup, teardown);
	tcase_add_test(sealing, opens_at_home);
	tcase_add_loop_test(sealing, stays_shut_elsewhere, 0,
		N_ELEMENTS(elsewhere));
	tcase_add_test(sealing, every_byte_counts);
	tcase_add_test(sealing, keys_have_versions);
	tcase_add_loop_test(sealing, refuses_bad_files, 0,
		N_ELEMENTS(bad_files));
	tcase_add_test(sealing, reads_its_file);
	suite_add_tcase(s, sealing);
	tcase_add_checked_fixture(digests, setup, teardown);
	tcase_add_test(digests, digests_part_by_part);
	tcase_add_test(digests, random_tokens);
	tcase_add_test(digests, recovery_codes_as_typed);
	tcase_add_loop_test(digests, refuses_other_codes, 0,
		N_ELEMENTS(no_recovery));
	suite_add_tcase(s, digests);
	return s;
}
