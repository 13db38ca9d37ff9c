/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_base.c - time, identifiers, memory, settings, checksums.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/crc32c.h"
#include "base/ident.h"
#include "t/harness/suite.h"

/* ---- time ---- */

static const struct {
	const char *text;
	int64_t want_us; /* -1: refused */
} times[] = {
	{"1970-01-01", 0},
	{"1970-01-01T00:00:00Z", 0},
	{"2025-01-14T12:00:00Z", 1736856000000000},
	{"2025-01-14 12:00:00", 1736856000000000},
	{"2025-01-14T12:00:00.5Z", 1736856000500000},
	{"2025-01-14T12:00:00.123456Z", 1736856000123456},
	{"2025-01-14T14:00:00+02:00", 1736856000000000},
	{"2025-01-14T14:00+0200", 1736856000000000},
	{"2024-02-29", 1709164800000000},
	{"2025-02-29", -1},
	{"2025-04-31", -1},
	{"2000-02-29", 951782400000000},
	{"1900-02-29", -1},
	{"1736856000", 1736856000000000},
	{"1736856000123", 1736856000123000},
	{"1736856000123456", 1736856000123456},
	{"17368560001234567", -1},
	{"0", 0},
	{"", -1},
	{"yesterday", -1},
	{"2025-13-01", -1},
	{"2025-01-14T24:00:00Z", -1},
	{"2025-01-14T12:00:00.Z", -1},
	{"2025-01-14T12:00:00ZZ", -1},
	{"2025-1-1", -1},
	{"-5", -1},
};

START_TEST(reads_times)
{
	int64_t got = -1;
	enum status status = clock_parse(times[_i].text, strlen(times[_i].text),
		&got);

	ck_assert_int_eq(status, times[_i].want_us < 0 ? ST_INVALID : ST_OK);
	ck_assert_int_eq(got, times[_i].want_us);
}
END_TEST

START_TEST(writes_times)
{
	char text[CLOCK_TEXT_MAX];

	clock_format(1736856000123456, 0, text);
	ck_assert_str_eq(text, "2025-01-14T12:00:00Z");
	clock_format(1736856000123456, 3, text);
	ck_assert_str_eq(text, "2025-01-14T12:00:00.123Z");
	ck_assert_uint_eq(clock_format(1736856000123456, 6, text), 27);
	ck_assert_str_eq(text, "2025-01-14T12:00:00.123456Z");
	clock_format(-1, 6, text);
	ck_assert_str_eq(text, "1969-12-31T23:59:59.999999Z");
}
END_TEST

/* ---- identifiers ---- */

START_TEST(identifiers_keep_their_parts)
{
	struct ident id = ident_make(0x0123456789ab, 0xdef, 0x1122334455667788),
		     back;
	uint64_t ms, high, low;
	char text[IDENT_TEXT_MAX];

	ident_format(id, text);
	ck_assert_str_eq(text, "01234567-89ab-7def-9122-334455667788");
	ck_assert_int_eq(ident_parse(text, 36, &back), ST_OK);
	ck_assert(ident_equal(id, back));
	ck_assert(ident_split(back, &ms, &high, &low));
	ck_assert_uint_eq(ms, 0x0123456789ab);
	ck_assert_uint_eq(high, 0xdef);
	ck_assert_uint_eq(low, 0x1122334455667788);
}
END_TEST

static const char *const bad_idents[] = {
	"",
	"01234567-89ab-7def-9122-33445566778",
	"01234567-89ab-7def-9122-3344556677889",
	"01234567+89ab-7def-9122-334455667788",
	"01234567-89ab-7def-9122-33445566778g",
	"0123456789ab7def9122334455667788----",
};

START_TEST(refuses_other_text)
{
	struct ident id;

	ck_assert_int_eq(ident_parse(bad_idents[_i], strlen(bad_idents[_i]),
				 &id),
		ST_INVALID);
}
END_TEST

START_TEST(random_identifiers_differ)
{
	struct ident a = ident_random(1736856000000000);
	struct ident b = ident_random(1736856000000000);
	uint64_t ms, high, low;

	ck_assert(!ident_equal(a, b));
	ck_assert(ident_split(a, &ms, &high, &low));
	ck_assert_uint_eq(ms, 1736856000000);
	ck_assert(!ident_is_none(a));
	ck_assert(ident_is_none(IDENT_NONE));
	ck_assert(!ident_split(IDENT_NONE, &ms, &high, &low));
}
END_TEST

/* ---- memory ---- */

static int destroyed[3];
static int n_destroyed;

static void
note_destroyed(void *what)
{
	destroyed[n_destroyed++] = *(int *)what;
}

START_TEST(arena_owns_and_grows)
{
	struct arena *arena = arena_new();
	static int numbers[3] = {1, 2, 3};
	char *small, *large;
	int i;

	n_destroyed = 0;
	for (i = 0; i < 3; i++)
		arena_own(arena, &numbers[i], note_destroyed);
	small = arena_strdup(arena, "kept");
	large = arena_alloc(arena, 5 * 1024 * 1024);
	for (i = 0; i < 5 * 1024 * 1024; i += 4096)
		ck_assert_int_eq(large[i], 0);
	memset(large, 1, 5 * 1024 * 1024);
	for (i = 0; i < 1000; i++)
		ck_assert_str_eq(arena_printf(arena, "%d-%s", i % 10, "x") + 1,
			"-x");
	ck_assert_str_eq(small, "kept");
	arena_reset(arena);
	/* In reverse order, as they may depend on those before. */
	ck_assert_int_eq(n_destroyed, 3);
	ck_assert_int_eq(destroyed[0], 3);
	ck_assert_int_eq(destroyed[2], 1);
	/* What comes after a reset is zero again. */
	small = arena_alloc(arena, 64);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(small[i], 0);
	arena_free(arena);
	ck_assert_int_eq(n_destroyed, 3);
}
END_TEST

/* ---- settings ---- */

static char *
write_conf(const char *text)
{
	static char name[] = "/tmp/quantora-conf-XXXXXX";
	int fd;

	strcpy(name + strlen(name) - 6, "XXXXXX");
	fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return name;
}

START_TEST(settings_are_read)
{
	char *file = write_conf("; a comment\n[matcher]\nopen_orders = 17\n"
				"[paths]\nrun=/somewhere\n");
	char *reason = NULL;
	struct conf *conf = conf_load(file, &reason);

	ck_assert_ptr_nonnull(conf);
	ck_assert_int_eq(conf_number(conf, CONF_MATCHER_OPEN_ORDERS), 17);
	ck_assert_str_eq(conf_text(conf, CONF_PATHS_RUN), "/somewhere");
	ck_assert_str_eq(conf_text(conf, CONF_DEFAULT_MARKET), "BTC/USD");
	conf_free(conf);
	unlink(file);
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} bad_settings[] = {
	{"[matcher]\nopen_order = 17\n", "unknown setting matcher.open_order"},
	{"[matcher]\nopen_orders = many\n", "whole number"},
	{"[matcher]\nopen_orders = 0\n", "whole number"},
	{"[matcher]\nopen_orders = 99999999999999999999\n", "whole number"},
	{"[matcher\n", "line 1"},
	{"[matcher]\nnonsense\n", "line 2"},
};

START_TEST(bad_settings_are_named)
{
	char *file = write_conf(bad_settings[_i].text);
	char *reason = NULL;

	ck_assert_ptr_null(conf_load(file, &reason));
	ck_assert_ptr_nonnull(strstr(reason, bad_settings[_i].says));
	ck_assert_ptr_nonnull(strstr(reason, file));
	free(reason);
	unlink(file);
}
END_TEST

START_TEST(a_missing_file_is_said)
{
	char *reason = NULL;

	ck_assert_ptr_null(conf_load("/nowhere/quantora.ini", &reason));
	ck_assert_ptr_nonnull(strstr(reason, "No such file"));
	free(reason);
}
END_TEST

/* ---- checksums ---- */

START_TEST(crc32c_is_castagnoli)
{
	static const unsigned char zeros[32];
	unsigned char ones[32];

	/* RFC 3720, B.4. */
	memset(ones, 0xff, sizeof(ones));
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c(0, zeros, 32), 0x8a9136aa);
	ck_assert_uint_eq(crc32c(0, ones, 32), 0x62a8ab43);
}
END_TEST

START_TEST(crc32c_ways_agree)
{
	static unsigned char bytes[10000];
	size_t i, length;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251);
	for (length = 0; length < sizeof(bytes); length += 97) {
		size_t from = length % 13;

		ck_assert_uint_eq(crc32c(5, bytes + from, length - from % (length + 1)),
			crc32c_portable(5, bytes + from,
				length - from % (length + 1)));
	}
	/* In pieces it is the same as at once. */
	ck_assert_uint_eq(crc32c(crc32c(0, bytes, 5000), bytes + 5000, 5000),
		crc32c(0, bytes, 10000));
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("base");
	TCase *time = tcase_create("time");
	TCase *ident = tcase_create("ident");
	TCase *memory = tcase_create("memory");
	TCase *conf = tcase_create("conf");
	TCase *crc = tcase_create("crc32c");

	tcase_add_loop_test(time, reads_times, 0, N_ELEMENTS(times));
	tcase_add_test(time, writes_times);
	tcase_add_test(ident, identifiers_keep_their_parts);
	tcase_add_loop_test(ident, refuses_other_text, 0,
		N_ELEMENTS(bad_idents));
	tcase_add_test(ident, random_identifiers_differ);
	tcase_add_test(memory, arena_owns_and_grows);
	tcase_add_test(conf, settings_are_read);
	tcase_add_loop_test(conf, bad_settings_are_named, 0,
		N_ELEMENTS(bad_settings));
	tcase_add_test(conf, a_missing_file_is_said);
	tcase_add_test(crc, crc32c_is_castagnoli);
	tcase_add_test(crc, crc32c_ways_agree);
	suite_add_tcase(s, time);
	suite_add_tcase(s, ident);
	suite_add_tcase(s, memory);
	suite_add_tcase(s, conf);
	suite_add_tcase(s, crc);
	return s;
}
