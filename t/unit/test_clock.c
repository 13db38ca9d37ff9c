/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_clock.c - times as text, and back.
 */
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "t/harness/suite.h"

static const struct {
	int64_t time_us;
	int places;
	const char *text;
} formats[] = {
	{0, 0, "1970-01-01T00:00:00Z"},
	{INT64_C(1736856000) * US_PER_SECOND, 0, "2025-01-14T12:00:00Z"},
	{INT64_C(1736856000123456), 0, "2025-01-14T12:00:00Z"},
	{INT64_C(1736856000123456), 3, "2025-01-14T12:00:00.123Z"},
	{INT64_C(1736856000123456), 6, "2025-01-14T12:00:00.123456Z"},
	{INT64_C(1736856000000001), 6, "2025-01-14T12:00:00.000001Z"},
	{-1, 6, "1969-12-31T23:59:59.999999Z"},
	{INT64_C(951782400) * US_PER_SECOND, 0, "2000-02-29T00:00:00Z"},
	{INT64_C(951868799) * US_PER_SECOND, 0, "2000-02-29T23:59:59Z"},
	{INT64_C(4107542399) * US_PER_SECOND, 0, "2100-02-28T23:59:59Z"},
	{INT64_C(4107542400) * US_PER_SECOND, 0, "2100-03-01T00:00:00Z"},
	{INT64_C(253402300799) * US_PER_SECOND, 0, "9999-12-31T23:59:59Z"},
};

START_TEST(formats_and_parses)
{
	char buf[CLOCK_TEXT_MAX];
	int64_t back;
	size_t length = clock_format(formats[_i].time_us, formats[_i].places,
		buf);

	ck_assert_str_eq(buf, formats[_i].text);
	ck_assert_uint_eq(length, strlen(buf));
	ck_assert_int_eq(clock_parse(buf, length, &back), ST_OK);
	/* What was not written is cut, towards the past. */
	ck_assert_int_le(back, formats[_i].time_us);
	ck_assert_int_lt(formats[_i].time_us - back, US_PER_SECOND);
	if (formats[_i].places == 6)
		ck_assert_int_eq(back, formats[_i].time_us);
}
END_TEST

/* Every day of six centuries, as the C library has it. */
START_TEST(agrees_with_the_library)
{
	char ours[CLOCK_TEXT_MAX], theirs[CLOCK_TEXT_MAX];
	struct tm tm;
	time_t day;

	for (day = -60000; day < 160000; day++) {
		time_t at = day * 86400 + 86399;

		clock_format(at * US_PER_SECOND, 0, ours);
		gmtime_r(&at, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%SZ", &tm);
		ck_assert_str_eq(ours, theirs);
	}
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("clock");
	TCase *c = tcase_create("clock");

	tcase_add_loop_test(c, formats_and_parses, 0, N_ELEMENTS(formats));
	tcase_add_test(c, agrees_with_the_library);
	suite_add_tcase(s, c);
	return s;
}
