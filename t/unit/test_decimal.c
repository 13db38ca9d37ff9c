/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_decimal.c - text to fixed point and back, and exact arithmetic.
 *
 * A value that cannot be held exactly is refused, never rounded.
 */
#include <string.h>

#include "base/decimal.h"
#include "t/harness/suite.h"

static const struct {
	const char *text;
	enum status want;
	int64_t units;
} cases[] = {
	{"0", ST_OK, 0},
	{"-0", ST_OK, 0},
	{"1", ST_OK, 100000000},
	{"123.45", ST_OK, 12345000000},
	{"-0.00000001", ST_OK, -1},
	{"0.10000000", ST_OK, 10000000},
	{"92233720368.54775807", ST_OK, INT64_MAX},
	{"-92233720368.54775807", ST_OK, -INT64_MAX},
	{"-92233720368.54775808", ST_INVALID, 0}, /* stands for "none" */
	{"92233720368.54775808", ST_INVALID, 0},  /* one past the end */
	{"0.000000001", ST_INVALID, 0},           /* a ninth decimal place */
	{"1.000000000", ST_OK, 100000000},        /* but a zero says nothing */
	{"1.0000000000000000000000000000000000000000000", ST_OK, 100000000},
	{"0.0000000000000000000000000000000000000000001", ST_INVALID, 0},
	{"1e-7", ST_OK, 10}, /* as JavaScript writes it */
	{"1E-8", ST_OK, 1},
	{"1e-9", ST_INVALID, 0},
	{"10e-9", ST_OK, 1},
	{"1.5e3", ST_OK, 150000000000},
	{"1e+2", ST_OK, 10000000000},
	{"9e10", ST_OK, INT64_C(9000000000000000000)},
	{"1e11", ST_INVALID, 0},
	{"0e400", ST_OK, 0},
	{"1e400", ST_INVALID, 0},
	{"1e-400", ST_INVALID, 0},
	{"1e99999999999999999999", ST_INVALID, 0},
	{"99999999999999999999999999999999999999", ST_INVALID, 0},
	{"999999999999999999999999999999999999999999999", ST_INVALID, 0},
	{"", ST_INVALID, 0},
	{"-", ST_INVALID, 0},
	{"+1", ST_INVALID, 0},
	{".5", ST_INVALID, 0},
	{"5.", ST_INVALID, 0},
	{"007", ST_INVALID, 0},
	{"-01", ST_INVALID, 0},
	{"1e", ST_INVALID, 0},
	{"1e+", ST_INVALID, 0},
	{"1.2.3", ST_INVALID, 0},
	{" 1", ST_INVALID, 0},
	{"1 ", ST_INVALID, 0},
	{"1,5", ST_INVALID, 0},
	{"0x10", ST_INVALID, 0},
	{"NaN", ST_INVALID, 0},
	{"Infinity", ST_INVALID, 0},
	{"nan", ST_INVALID, 0},
};

START_TEST(parses)
{
	struct decimal got = {.units = 0};

	ck_assert_int_eq(decimal_parse(cases[_i].text, &got), cases[_i].want);
	ck_assert_int_eq(got.units, cases[_i].units);
}
END_TEST

static const struct {
	int64_t units;
	int places;
	const char *want;
} texts[] = {
	{0, 0, "0"},
	{0, 2, "0.00"},
	{4500000000000, 2, "45000.00"},
	{100000, 0, "0.001"},
	{4999075000000, 0, "49990.75"},
	{4999075000000, 2, "49990.75"},
	{-1, 0, "-0.00000001"},
	{-1, 8, "-0.00000001"},
	{100000000, 8, "1.00000000"},
	{INT64_MAX, 0, "92233720368.54775807"},
	{INT64_MIN, 0, "-92233720368.54775808"},
};

START_TEST(formats)
{
	char text[DECIMAL_TEXT_MAX];
	struct decimal d = {texts[_i].units};

	ck_assert_uint_eq(decimal_format(d, texts[_i].places, text),
		strlen(texts[_i].want));
	ck_assert_str_eq(text, texts[_i].want);
}
END_TEST

START_TEST(comes_back)
{
	/* A walk over all sizes: what is written is read as the same. */
	int64_t units = 1;
	char text[DECIMAL_TEXT_MAX];
	struct decimal got;
	int i;

	for (i = 0; i < 62; i++, units *= 2) {
		int64_t near[] = {units - 1, units, units + 1, -units};
		size_t j;

		for (j = 0; j < N_ELEMENTS(near); j++) {
			decimal_format((struct decimal){near[j]}, i % 9, text);
			ck_assert_int_eq(decimal_parse(text, &got), ST_OK);
			ck_assert_int_eq(got.units, near[j]);
		}
	}
}
END_TEST

/* Where 64 bits end and a slower way begins, and places that are asked for. */
static const struct {
	uint64_t high, low;
	bool negative;
	int places;
	const char *want;
} sums[] = {
	{0, UINT64_MAX, false, 0, "184467440737.09551615"},
	{0, UINT64_MAX, true, 8, "-184467440737.09551615"},
	{1, 0, false, 0, "184467440737.09551616"},
	{1, 0, true, 3, "-184467440737.09551616"},
	{0, 5, true, 0, "-0.00000005"},
	{0, 70, false, 0, "0.0000007"},
	{0, 70, false, 8, "0.00000070"},
	{0, 300000000, true, 0, "-3"},
	{0, 300000000, false, 1, "3.0"},
	{0, 1012000000, false, 1, "10.12"},
	{0, 1012000000, false, 4, "10.1200"},
	{0, UINT64_C(10000000000000000000), false, 0, "100000000000"},
};

START_TEST(sums_of_all_sizes)
{
	char text[DECIMAL_SUM_TEXT_MAX];
	__int128 sum = (__int128)sums[_i].high << 64 | sums[_i].low;

	if (sums[_i].negative)
		sum = -sum;
	ck_assert_uint_eq(decimal_format_sum(sum, sums[_i].places, text),
		strlen(sums[_i].want));
	ck_assert_str_eq(text, sums[_i].want);
}
END_TEST

START_TEST(sums_outgrow_int64)
{
	char text[DECIMAL_SUM_TEXT_MAX];
	__int128 sum = (__int128)INT64_MAX * 1000, back;

	decimal_format_sum(sum, 0, text);
	ck_assert_str_eq(text, "92233720368547.75807");
	ck_assert_int_eq(decimal_parse_sum(text, strlen(text), &back), ST_OK);
	ck_assert(back == sum);
	ck_assert_int_eq(decimal_parse_sum("-1.5", 4, &back), ST_OK);
	ck_assert(back == -150000000);
}
END_TEST

START_TEST(adds_and_overflows)
{
	struct decimal most = {INT64_MAX}, one = {1}, got = {7};

	ck_assert_int_eq(decimal_add(most, one, &got), ST_INVALID);
	ck_assert_int_eq(got.units, 7); /* untouched on failure */
	ck_assert_int_eq(decimal_sub(most, one, &got), ST_OK);
	ck_assert_int_eq(got.units, INT64_MAX - 1);
	ck_assert_int_eq(decimal_sub((struct decimal){-INT64_MAX}, one, &got),
		ST_INVALID);
}
END_TEST

static const struct {
	const char *a, *b, *down, *up; /* NULL: out of range */
	bool exact;
} products[] = {
	{"2", "3", "6", "6", true},
	{"0.5", "0.5", "0.25", "0.25", true},
	{"0.00000001", "0.1", "0", "0.00000001", false},
	{"-0.00000001", "0.1", "-0.00000001", "0", false},
	{"45000.01", "0.001", "45.00001", "45.00001", true},
	{"0.33333333", "0.33333333", "0.1111111", "0.11111111", false},
	{"92233720368", "2", NULL, NULL, false},
	{"300000", "300000", "90000000000", "90000000000", true},
	{"400000", "400000", NULL, NULL, false},
};

static struct decimal
number(const char *text)
{
	struct decimal d;

	ck_assert_int_eq(decimal_parse(text, &d), ST_OK);
	return d;
}

START_TEST(multiplies)
{
	struct decimal a = number(products[_i].a), b = number(products[_i].b);
	struct decimal got;

	if (!products[_i].down) {
		ck_assert_int_eq(decimal_mul_down(a, b, &got), ST_INVALID);
		ck_assert_int_eq(decimal_mul_up(a, b, &got), ST_INVALID);
		ck_assert_int_eq(decimal_mul_exact(a, b, &got), ST_INVALID);
		return;
	}
	ck_assert_int_eq(decimal_mul_down(a, b, &got), ST_OK);
	ck_assert_int_eq(got.units, number(products[_i].down).units);
	ck_assert_int_eq(decimal_mul_up(a, b, &got), ST_OK);
	ck_assert_int_eq(got.units, number(products[_i].up).units);
	ck_assert_int_eq(decimal_mul_exact(a, b, &got),
		products[_i].exact ? ST_OK : ST_INVALID);
}
END_TEST

START_TEST(divides_down)
{
	struct decimal got;

	ck_assert_int_eq(decimal_div_down(number("1"), number("3"), &got),
		ST_OK);
	ck_assert_int_eq(got.units, 33333333);
	ck_assert_int_eq(decimal_div_down(number("-1"), number("3"), &got),
		ST_OK);
	ck_assert_int_eq(got.units, -33333334);
	ck_assert_int_eq(decimal_div_down(number("1"), number("0"), &got),
		ST_INVALID);
	ck_assert_int_eq(decimal_div_down(number("92233720368"),
				 number("0.1"), &got),
		ST_INVALID);
}
END_TEST

START_TEST(counts_places)
{
	ck_assert_int_eq(decimal_places(number("5")), 0);
	ck_assert_int_eq(decimal_places(number("0.01")), 2);
	ck_assert_int_eq(decimal_places(number("0.00000001")), 8);
	ck_assert_int_eq(decimal_places(number("0")), 0);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("decimal");
	TCase *text = tcase_create("text");
	TCase *arithmetic = tcase_create("arithmetic");

	tcase_add_loop_test(text, parses, 0, N_ELEMENTS(cases));
	tcase_add_loop_test(text, formats, 0, N_ELEMENTS(texts));
	tcase_add_test(text, comes_back);
	tcase_add_loop_test(text, sums_of_all_sizes, 0, N_ELEMENTS(sums));
	tcase_add_test(text, sums_outgrow_int64);
	tcase_add_test(arithmetic, adds_and_overflows);
	tcase_add_loop_test(arithmetic, multiplies, 0, N_ELEMENTS(products));
	tcase_add_test(arithmetic, divides_down);
	tcase_add_test(arithmetic, counts_places);
	suite_add_tcase(s, text);
	suite_add_tcase(s, arithmetic);
	return s;
}
