/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_lobster.c - lines of a LOBSTER message file.
 */
#include <string.h>

#include "t/harness/suite.h"
#include "work/lobster.h"

static const struct {
	const char *line;
	struct lobster_message want;
} good[] = {
	{"34200.004241176,1,16113575,18,5853300,1",
		{34200004241176, 16113575, 18, 5853300, LOBSTER_NEW, SIDE_BUY}},
	{"34200.00426064,3,16113584,18,5853200,-1",
		{34200004260640, 16113584, 18, 5853200, LOBSTER_DELETE,
			SIDE_SELL}},
	{"34200,4,1,100,5853200,1",
		{34200000000000, 1, 100, 5853200, LOBSTER_EXECUTE, SIDE_BUY}},
	/* What is finer than a nanosecond is cut. */
	{"0.9999999999,2,0,1,1,1",
		{999999999, 0, 1, 1, LOBSTER_PARTIAL, SIDE_BUY}},
	{"37000.5,7,0,0,-1,-1",
		{37000500000000, 0, 0, -1, LOBSTER_HALT, SIDE_SELL}},
};

START_TEST(reads)
{
	struct lobster_message got;

	memset(&got, 0, sizeof(got));
	ck_assert_int_eq(lobster_parse(good[_i].line, strlen(good[_i].line),
				 &got),
		ST_OK);
	ck_assert_int_eq(got.time_ns, good[_i].want.time_ns);
	ck_assert_uint_eq(got.order, good[_i].want.order);
	ck_assert_int_eq(got.size, good[_i].want.size);
	ck_assert_int_eq(got.price, good[_i].want.price);
	ck_assert_uint_eq(got.type, good[_i].want.type);
	ck_assert_uint_eq(got.side, good[_i].want.side);
}
END_TEST

static const char *const bad[] = {
	"",
	"34200",
	"34200.,1,5,10,5850000,1",
	".5,1,5,10,5850000,1",
	"34200,1,5,10,5850000",
	"34200,1,5,10,5850000,1,",
	"34200,1,5,10,5850000,1 ",
	" 34200,1,5,10,5850000,1",
	"34200,0,5,10,5850000,1",
	"34200,8,5,10,5850000,1",
	"34200,1,-5,10,5850000,1",
	"34200,1,5,0,5850000,1",
	"34200,1,5,-1,5850000,1",
	"34200,1,5,10,0,1",
	"34200,1,5,10,-5850000,1",
	"34200,1,5,10,5850000,0",
	"34200,1,5,10,5850000,2",
	"34200,1,5,1e3,5850000,1",
	"34200,1,5,10,58500.00,1",
	"34200,1,99999999999999999999,10,5850000,1",
	"34200,1,5,10,99999999999999999999,1",
	"99999999999999999999,1,5,10,5850000,1",
};

START_TEST(refuses)
{
	struct lobster_message got = {.size = 77};

	ck_assert_int_eq(lobster_parse(bad[_i], strlen(bad[_i]), &got),
		ST_MALFORMED);
	ck_assert_int_eq(got.size, 77);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("lobster");
	TCase *lines = tcase_create("lines");

	tcase_add_loop_test(lines, reads, 0, N_ELEMENTS(good));
	tcase_add_loop_test(lines, refuses, 0, N_ELEMENTS(bad));
	suite_add_tcase(s, lines);
	return s;
}
