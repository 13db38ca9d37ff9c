/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_reply.c - the JSON that is written.
 */
#include <string.h>

#include "json/fields.h"
#include "json/reply.h"
#include "t/harness/suite.h"

static struct arena *arena;
static struct reply r;

static void
setup(void)
{
	arena = arena_new();
	reply_init(&r, arena, NUMBERS_JSON);
}

static void
teardown(void)
{
	arena_free(arena);
}

static const char *
text(void)
{
	return reply_text_of(&r, NULL);
}

START_TEST(puts_commas_where_they_belong)
{
	reply_object(&r, NULL);
	reply_array(&r, "a");
	reply_end(&r);
	reply_array(&r, "b");
	reply_int(&r, NULL, 1);
	reply_object(&r, NULL);
	reply_end(&r);
	reply_array(&r, NULL);
	reply_bool(&r, NULL, true);
	reply_bool(&r, NULL, false);
	reply_end(&r);
	reply_null(&r, NULL);
	reply_end(&r);
	reply_object(&r, "c");
	reply_text(&r, "d", "e");
	reply_text(&r, "f", NULL);
	reply_end(&r);
	reply_raw(&r, "g", "{\"h\": 1}", 8);
	reply_end(&r);
	ck_assert_str_eq(text(),
		"{\"a\":[],\"b\":[1,{},[true,false],null],"
		"\"c\":{\"d\":\"e\",\"f\":null},\"g\":{\"h\": 1}}");
}
END_TEST

static const struct {
	const char *from;
	const char *want;
} strings[] = {
	{"", "\"\""},
	{"plain", "\"plain\""},
	{"\"\\/", "\"\\\"\\\\/\""},
	{"\n\r\t", "\"\\n\\r\\t\""},
	{"\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\""},
	{"h\u00e9\u20ac\U0001f600", "\"h\u00e9\u20ac\U0001f600\""},
	{"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},
	{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xf4\x90\x80\x80",
		"\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\x80", "\"\xef\xbf\xbd\""},
};

START_TEST(escapes)
{
	reply_text(&r, NULL, strings[_i].from);
	ck_assert_str_eq(text(), strings[_i].want);
}
END_TEST

START_TEST(reads_back_what_it_wrote)
{
	struct ctx ctx = {.arena = arena};
	char bytes[256];
	json_t *value;
	int i;

	/* All characters of one byte, and a name that needs escapes. */
	for (i = 1; i < 128; i++)
		bytes[i - 1] = (char)i;
	bytes[127] = '\0';
	reply_object(&r, NULL);
	reply_text(&r, "a\"b\\", bytes);
	reply_end(&r);
	ck_assert_int_eq(json_read(&ctx, text(), strlen(text()), &value),
		ST_OK);
	ck_assert_str_eq(
		json_string_text(json_object_get(value, "a\"b\\")), bytes);
}
END_TEST

static const struct {
	int64_t units;
	int places;
	const char *json;
	const char *string;
} numbers[] = {
	{0, 0, "0", "\"0\""},
	{0, 2, "0", "\"0.00\""},
	{4999075000000, 0, "49990.75", "\"49990.75\""},
	{4500000000000, 2, "45000", "\"45000.00\""},
	{100000, 0, "0.001", "\"0.001\""},
	{-1, 2, "-0.00000001", "\"-0.00000001\""},
	{INT64_MAX, 0, "92233720368.54775807", "\"92233720368.54775807\""},
	{INT64_MIN, 2, "null", "null"},
};

START_TEST(writes_decimals)
{
	struct decimal d = {numbers[_i].units};

	reply_dec_places(&r, NULL, d, numbers[_i].places);
	ck_assert_str_eq(text(), numbers[_i].json);
	reply_init(&r, arena, NUMBERS_STRING);
	reply_dec_places(&r, NULL, d, numbers[_i].places);
	ck_assert_str_eq(text(), numbers[_i].string);
	reply_init(&r, arena, NUMBERS_STRING);
	reply_number(&r, NULL, d);
	ck_assert_str_eq(text(), numbers[_i].json);
}
END_TEST

START_TEST(writes_the_rest)
{
	struct ident id = {{0xab, 1}};

	reply_init(&r, arena, NUMBERS_STRING);
	reply_array(&r, NULL);
	reply_int(&r, NULL, INT64_MIN);
	reply_int(&r, NULL, INT64_MAX);
	reply_int(&r, NULL, 0);
	reply_ident(&r, NULL, id);
	reply_ident(&r, NULL, IDENT_NONE);
	reply_time(&r, NULL, INT64_C(1736856000000000));
	reply_time(&r, NULL, INT64_C(1736856000123000));
	reply_time_ms(&r, NULL, INT64_C(1736856000123456));
	reply_time(&r, NULL, TIME_NONE);
	reply_money(&r, NULL, (struct decimal){DECIMAL_ONE});
	reply_sum(&r, NULL, (__int128)INT64_MAX * 100, 2);
	reply_end(&r);
	ck_assert_str_eq(text(),
		"[-9223372036854775808,9223372036854775807,0,"
		"\"ab010000-0000-0000-0000-000000000000\",null,"
		"\"2025-01-14T12:00:00Z\",\"2025-01-14T12:00:00.123000Z\","
		"\"2025-01-14T12:00:00.123Z\",null,\"1.00\","
		"\"9223372036854.775807\"]");
}
END_TEST

START_TEST(grows)
{
	size_t length;
	int i;

	reply_array(&r, NULL);
	for (i = 0; i < 100000; i++)
		reply_text(&r, NULL, "0123456789");
	reply_end(&r);
	ck_assert_int_eq(reply_text_of(&r, &length)[1300000], ']');
	ck_assert_uint_eq(length, 1300001);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("reply");
	TCase *c = tcase_create("reply");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, puts_commas_where_they_belong);
	tcase_add_loop_test(c, escapes, 0, N_ELEMENTS(strings));
	tcase_add_test(c, reads_back_what_it_wrote);
	tcase_add_loop_test(c, writes_decimals, 0, N_ELEMENTS(numbers));
	tcase_add_test(c, writes_the_rest);
	tcase_add_test(c, grows);
	suite_add_tcase(s, c);
	return s;
}
