/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_signed.c - signed requests, and the page of program keys.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/key_page.h"
#include "auth/signed.h"
#include "t/harness/suite.h"

#define NOW_US INT64_C(1700000000000000)
#define NOW "1700000000000"

/* ---- Time ---------------------------------------------------------------- */

static const struct {
	const char *timestamp, *window;
	int64_t now_us;
	enum status want;
} times[] = {
	{NOW, NULL, NOW_US, ST_OK},
	{NOW, NULL, NOW_US + 5000000, ST_OK},
	{NOW, NULL, NOW_US + 5000001, ST_UNAUTHENTICATED},
	{NOW, NULL, NOW_US - 1000000, ST_OK},
	{NOW, NULL, NOW_US - 1000001, ST_UNAUTHENTICATED},
	{NOW, "60000", NOW_US + 60000000, ST_OK},
	{NOW, "60000", NOW_US + 60000001, ST_UNAUTHENTICATED},
	{NOW, "60000", NOW_US - 1000001, ST_UNAUTHENTICATED},
	{NOW, "60001", NOW_US, ST_INVALID},
	{NOW, "0", NOW_US, ST_INVALID},
	{NOW, "", NOW_US, ST_INVALID},
	{NOW, "-1", NOW_US, ST_INVALID},
	{NULL, NULL, NOW_US, ST_INVALID},
	{"", NULL, NOW_US, ST_INVALID},
	{" " NOW, NULL, NOW_US, ST_INVALID},
	{NOW ".5", NULL, NOW_US, ST_INVALID},
	{"9999999999999999", NULL, NOW_US, ST_INVALID},
	{"0", NULL, NOW_US, ST_UNAUTHENTICATED},
};

START_TEST(is_in_time)
{
	struct signed_request request = {.timestamp = times[_i].timestamp,
		.window = times[_i].window};
	int64_t until_us = 0;

	ck_assert_int_eq(signed_in_time(&request, times[_i].now_us, &until_us),
		times[_i].want);
	/* Whatever its own window: as long as it could be shown again. */
	if (times[_i].want == ST_OK)
		ck_assert_int_ge(until_us, NOW_US + SIGNED_WINDOW_MAX_US);
}
END_TEST

/* ---- Signatures ------------------------------------------------------------ */

/* printf '%s' '1700000000000POST/api/order{"a":1}' |
 *	openssl dgst -sha256 -hmac key */
#define SIGNATURE                                                              \
	"bfabd226b2030966db3e1c6553da1036dce80db5e143ed07b52b994b12b4352a"

static struct signed_request
good_request(void)
{
	return (struct signed_request){.timestamp = NOW,
		.signature = SIGNATURE,
		.method = "POST",
		.uri = "/api/order",
		.body = "{\"a\":1}",
		.body_length = 7};
}

START_TEST(signature_is_openssls)
{
	struct signed_request request = good_request();
	uint8_t nonce[SIGNED_NONCE_BYTES], again[SIGNED_NONCE_BYTES];
	char upper[sizeof(SIGNATURE)];
	size_t i;

	ck_assert(signed_by(&request, "key", 3, nonce));
	for (i = 0; i < sizeof(upper); i++)
		upper[i] = SIGNATURE[i] >= 'a' ? (char)(SIGNATURE[i] - 32)
					       : SIGNATURE[i];
	request.signature = upper;
	ck_assert(signed_by(&request, "key", 3, again));
	ck_assert_mem_eq(nonce, again, sizeof(nonce));
	ck_assert(!signed_by(&request, "kez", 3, nonce));
	ck_assert(!signed_by(&request, "key", 2, nonce));
}
END_TEST

START_TEST(every_part_is_signed)
{
	struct signed_request request = good_request();
	uint8_t nonce[SIGNED_NONCE_BYTES];

	switch (_i) {
	case 0: request.timestamp = "1700000000001"; break;
	case 1: request.method = "PUT"; break;
	case 2: request.uri = "/api/order?"; break;
	case 3: request.body = "{\"a\":2}"; break;
	case 4: request.body = NULL; break;
	case 5: request.signature = NULL; break;
	case 6: request.signature = ""; break;
	case 7: request.signature = SIGNATURE "00"; break;
	case 8: request.signature = SIGNATURE + 2; break;
	default: request.body_length--; break;
	}
	ck_assert(!signed_by(&request, "key", 3, nonce));
}
END_TEST

/* ---- The page ---------------------------------------------------------------- */

static char path[64];
static struct key_page *page;

static struct key_page *
open_page(void)
{
	char *reason = NULL;
	struct key_page *opened = key_page_open(path, &reason);

	ck_assert_msg(opened != NULL, "%s", reason);
	return opened;
}

static void
setup(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/quantora-keys.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	page = open_page();
}

static void
teardown(void)
{
	key_page_free(page);
	unlink(path);
}

static struct key_entry
entry_of(uint8_t n)
{
	return (struct key_entry){.id = {{1, [15] = n}}, .user = n};
}

START_TEST(holds_keys)
{
	struct key_entry entry = entry_of(7), found;
	struct key_page *other;

	/* Nobody has loaded it: who knows. */
	ck_assert_int_eq(key_page_find(page, entry.id, &found),
		ST_UNAVAILABLE);
	key_page_set_loaded(page, true);
	ck_assert_int_eq(key_page_find(page, entry.id, &found), ST_NOT_FOUND);
	ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
	ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
	other = open_page();
	ck_assert(key_page_loaded(other));
	ck_assert_int_eq(key_page_find(other, entry.id, &found), ST_OK);
	ck_assert_int_eq(found.user, 7);
	key_page_drop(other, entry.id);
	key_page_free(other);
	ck_assert_int_eq(key_page_find(page, entry.id, &found), ST_NOT_FOUND);
}
END_TEST

START_TEST(means_nothing_between_runs)
{
	struct key_entry entry = entry_of(7), found;

	key_page_set_loaded(page, true);
	ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
	key_page_free(page);
	page = open_page();
	ck_assert(!key_page_loaded(page));
	ck_assert_int_eq(key_page_find(page, entry.id, &found),
		ST_UNAVAILABLE);
}
END_TEST

START_TEST(a_bucket_has_an_end)
{
	struct key_entry entry = entry_of(0);
	int n;

	for (n = 0; n < 100; n++) {
		/* What tells them apart is not what finds the bucket. */
		entry.id.bytes[5] = (uint8_t)n;
		if (key_page_put(page, &entry) != ST_OK)
			break;
	}
	ck_assert_int_eq(n, 16);
}
END_TEST

START_TEST(a_signature_is_spent_once)
{
	struct key_entry entry = entry_of(7);
	struct signer signer = {.nonce = {1, 2, 3},
		.nonce_until_us = NOW_US + 100};
	struct key_use use = {entry.id, NOW_US, "192.0.2.7"};

	ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
	ck_assert_int_eq(key_page_last_use(page, entry.id).at_us, 0);
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_OK);
	ck_assert_int_eq(key_page_last_use(page, entry.id).at_us, NOW_US);
	ck_assert_str_eq(key_page_last_use(page, entry.id).from, "192.0.2.7");
	use.at_us += 100;
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_CONFLICT);
	signer.nonce[0]++;
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_OK);
}
END_TEST

/* What cannot be remembered is not allowed. */
START_TEST(without_room_nothing_is_spent)
{
	struct signer signer = {.nonce_until_us = NOW_US + 100};
	struct key_use use = {.at_us = NOW_US};
	int n;

	for (n = 0; n < 100; n++) {
		signer.nonce[0] = (uint8_t)n;
		if (key_page_spend(page, &signer, &use) != ST_OK)
			break;
	}
	ck_assert_int_eq(n, 32);
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_UNAVAILABLE);
	/* Later there is room again. */
	use.at_us += 101;
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_OK);
}
END_TEST

static void
use_key(struct ident id, int64_t at_us)
{
	static uint8_t count;
	struct signer signer = {.nonce_until_us = at_us + 100};
	struct key_use use = {id, at_us, ""};

	signer.nonce[12] = ++count;
	ck_assert_int_eq(key_page_spend(page, &signer, &use), ST_OK);
}

static size_t
unsaved(struct key_use uses[64])
{
	unsigned at = 0;

	return key_page_unsaved(page, &at, uses, 64);
}

/* What is to be written down is told until it is, whoever was told before. */
START_TEST(uses_are_told_until_they_are_saved)
{
	struct key_use uses[64], again[64], old;
	int n;

	ck_assert_uint_eq(unsaved(uses), 0);
	for (n = 1; n < 6; n++) {
		struct key_entry entry = entry_of((uint8_t)n);

		ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
	}
	use_key(entry_of(2).id, NOW_US);
	use_key(entry_of(5).id, NOW_US);
	use_key(entry_of(2).id, NOW_US + 1);
	ck_assert_uint_eq(unsaved(uses), 2);
	n = ident_equal(uses[1].id, entry_of(2).id);
	ck_assert(ident_equal(uses[n].id, entry_of(2).id));
	ck_assert_int_eq(uses[n].at_us, NOW_US + 1);
	ck_assert(ident_equal(uses[1 - n].id, entry_of(5).id));
	ck_assert_uint_eq(unsaved(again), 2);
	/* Saved, but used again meanwhile. */
	old = uses[n];
	use_key(entry_of(2).id, NOW_US + 2);
	key_page_saved(page, &old);
	key_page_saved(page, &uses[1 - n]);
	ck_assert_uint_eq(unsaved(uses), 1);
	ck_assert_int_eq(uses[0].at_us, NOW_US + 2);
	key_page_saved(page, &uses[0]);
	ck_assert_uint_eq(unsaved(uses), 0);
	use_key(entry_of(5).id, NOW_US + 3);
	ck_assert_uint_eq(unsaved(uses), 1);
	/* A key that left the page has left nothing to tell. */
	key_page_drop(page, entry_of(5).id);
	ck_assert_uint_eq(unsaved(again), 0);
	key_page_saved(page, &uses[0]);
}
END_TEST

/* With little room they come bit by bit, each once, and all of them, also while
 * they are used on. */
START_TEST(uses_come_bit_by_bit)
{
	struct key_use uses[20];
	size_t all = 0, i, n;
	unsigned at = 0;

	for (n = 1; n <= 100; n++) {
		struct key_entry entry = entry_of((uint8_t)n);

		entry.id.bytes[12] = (uint8_t)n;
		ck_assert_int_eq(key_page_put(page, &entry), ST_OK);
		use_key(entry.id, NOW_US);
	}
	while ((n = key_page_unsaved(page, &at, uses, 20)) > 0) {
		all += n;
		for (i = 0; i < n; i++)
			use_key(uses[i].id, NOW_US + 1);
	}
	ck_assert_uint_eq(all, 100);
}
END_TEST

START_TEST(uses_are_due_each_minute)
{
	ck_assert(key_page_save_due(page, NOW_US));
	ck_assert(!key_page_save_due(page, NOW_US));
	ck_assert(!key_page_save_due(page, NOW_US + 59999999));
	ck_assert(key_page_save_due(page, NOW_US + 60000000));
	ck_assert(!key_page_save_due(page, NOW_US + 60000000));
}
END_TEST

START_TEST(a_writer_that_dies_is_made_good)
{
	int how = 0;
	pid_t pid;

	key_page_set_loaded(page, true);
	pid = fork();
	if (pid == 0)
		_exit(key_page_hold(page) == ST_OK ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &how, 0), pid);
	ck_assert_int_eq(how, 0);
	ck_assert_int_eq(key_page_hold(page), ST_OK);
	ck_assert(!key_page_loaded(page));
	key_page_release(page);
}
END_TEST

/* ---- The vault of who needs only this ----------------------------------------- */

START_TEST(a_narrow_vault_opens_the_same)
{
	static const struct vault_place place = {"access_keys", 7, {{1}}};
	uint8_t sealed[3 + VAULT_OVERHEAD], back[3 + VAULT_OVERHEAD];
	char *reason = NULL, out[3];
	struct vault *wide = vault_parse(
		"1 00112233445566778899aabbccddeeff"
		"00112233445566778899aabbccddeeff\n", &reason);
	struct vault *narrow = vault_parse(
		"1 00112233445566778899aabbccddeeff"
		"00112233445566778899aabbccddeeff\n", &reason);
	size_t n = 0;

	ck_assert(wide && narrow);
	vault_narrow(narrow, VAULT_ACCESS_KEY);
	vault_seal(wide, VAULT_ACCESS_KEY, &place, "abc", 3, sealed);
	ck_assert_int_eq(vault_open_sealed(narrow, VAULT_ACCESS_KEY, &place,
		sealed, sizeof(sealed), out, &n), ST_OK);
	ck_assert_mem_eq(out, "abc", 3);
	vault_seal(narrow, VAULT_ACCESS_KEY, &place, "abc", 3, back);
	ck_assert_int_eq(vault_open_sealed(wide, VAULT_ACCESS_KEY, &place,
		back, sizeof(back), out, &n), ST_OK);
	ck_assert_uint_eq(vault_sealed_version(sealed), 1);
	vault_free(wide);
	vault_free(narrow);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("signed");
	TCase *requests = tcase_create("requests");
	TCase *keys = tcase_create("page");

	tcase_add_loop_test(requests, is_in_time, 0, N_ELEMENTS(times));
	tcase_add_test(requests, signature_is_openssls);
	tcase_add_loop_test(requests, every_part_is_signed, 0, 10);
	tcase_add_test(requests, a_narrow_vault_opens_the_same);
	suite_add_tcase(s, requests);
	tcase_add_checked_fixture(keys, setup, teardown);
	tcase_add_test(keys, holds_keys);
	tcase_add_test(keys, means_nothing_between_runs);
	tcase_add_test(keys, a_bucket_has_an_end);
	tcase_add_test(keys, a_signature_is_spent_once);
	tcase_add_test(keys, without_room_nothing_is_spent);
	tcase_add_test(keys, uses_are_told_until_they_are_saved);
	tcase_add_test(keys, uses_come_bit_by_bit);
	tcase_add_test(keys, uses_are_due_each_minute);
	tcase_add_test(keys, a_writer_that_dies_is_made_good);
	suite_add_tcase(s, keys);
	return s;
}
