/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_fields.c - what a body and a query string are read as, or refused for.
 */
#include <string.h>

#include "json/fields.h"
#include "json/reply.h"
#include "t/harness/suite.h"

static const struct word sides[] = {{"buy", 0}, {"sell", 1}, {NULL, 0}};

struct all_in {
	struct ident id;
	struct decimal price;
	int side;
	const char *note;
	bool flag;
	int64_t limit;
	int64_t when;
	json_t *config;
	json_t *list;
	const char *code;
	int word;
};

static const struct field all_fields[] = {
	FIELD_ID(all_in, id, OPTIONAL),
	FIELD_DEC(all_in, price, OPTIONAL),
	FIELD_ENUM(all_in, side, OPTIONAL, sides),
	FIELD_TEXT(all_in, note, OPTIONAL, 2, 5),
	FIELD_BOOL(all_in, flag, OPTIONAL),
	FIELD_INT_OR(all_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_TIME(all_in, when, OPTIONAL),
	FIELD_OBJECT(all_in, config, OPTIONAL),
	FIELD_ARRAY(all_in, list, OPTIONAL),
	FIELD_TEXT(all_in, code, OPTIONAL, 0, 10),
	FIELD_SPELLED("totp_code"),
	FIELD_ALIAS("mfa_token"),
	FIELD_WORD(all_in, word, OPTIONAL, 7, sides),
	FIELD_END,
};
static const struct shape all_shape = SHAPE(all_in, all_fields);

struct need_in {
	struct decimal qty;
};

static const struct field need_fields[] = {
	FIELD_DEC(need_in, qty, REQUIRED),
	FIELD_END,
};
static const struct shape need_shape = SHAPE(need_in, need_fields);

static struct ctx ctx;
static struct all_in in;
static struct fields_given given;
static struct ident self;

static void
setup(void)
{
	static const char me[] = "0193e5a0-7b1c-7000-8000-000000000001";

	ctx = (struct ctx){.arena = arena_new()};
	memset(&in, 0x55, sizeof(in));
	ck_assert_int_eq(ident_parse(me, strlen(me), &self), ST_OK);
}

static void
teardown(void)
{
	arena_free(ctx.arena);
}

static enum status
body(const char *text)
{
	return fields_from_body(&ctx, &all_shape, text, strlen(text), self,
		&in, &given);
}

static enum status
query(const char *text)
{
	return fields_from_query(&ctx, &all_shape, text, &in, &given);
}

/* ---- Well-formed or not ------------------------------------------------- */

static const struct {
	const char *text;
	enum status want;
} texts[] = {
	{"{}", ST_OK},
	{" { } \r\n\t", ST_OK},
	{"{\"x\": [1, -0, 1.5e+3, 0.1E-7]}", ST_OK},
	{"{\"x\": \"\\\"\\\\\\u00e9\\ud83d\\ude00\"}", ST_OK},
	{"{\"\": 1}", ST_OK},
	{"{\"n1\": 1, \"s1\": 2}", ST_OK},
	{"{\"x\": true, \"y\": false, \"z\": null}", ST_OK},
	{"{\"x\": 1e400}", ST_OK}, /* in a field that nobody reads */
	/* 16 levels, and 17 */
	{"{\"a\":[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]}", ST_OK},
	{"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", ST_MALFORMED},
	{"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":"
	 "{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1"
	 "}}}}}}}}}}}}}}}}}",
		ST_MALFORMED},
	{"", ST_MALFORMED},
	{"null", ST_MALFORMED},
	{"[]", ST_MALFORMED},
	{"1", ST_MALFORMED},
	{"\"x\"", ST_MALFORMED},
	{"{", ST_MALFORMED},
	{"}", ST_MALFORMED},
	{"{}}", ST_MALFORMED},
	{"{} {}", ST_MALFORMED},
	{"{}x", ST_MALFORMED},
	{"{\"x\": 1,}", ST_MALFORMED},
	{"{,}", ST_MALFORMED},
	{"{\"x\" 1}", ST_MALFORMED},
	{"{\"x\"}", ST_MALFORMED},
	{"{\"x\":}", ST_MALFORMED},
	{"{1: 2}", ST_MALFORMED}, /* a number can't become a name */
	{"{\"x\": 1, 2: 3}", ST_MALFORMED},
	{"{x: 1}", ST_MALFORMED},
	{"{'x': 1}", ST_MALFORMED},
	{"{\"x\": [1 2]}", ST_MALFORMED},
	{"{\"x\": [1,]}", ST_MALFORMED},
	{"{\"x\": [1}", ST_MALFORMED},
	{"{\"x\": NaN}", ST_MALFORMED},
	{"{\"x\": Infinity}", ST_MALFORMED},
	{"{\"x\": -Infinity}", ST_MALFORMED},
	{"{\"x\": +1}", ST_MALFORMED},
	{"{\"x\": 01}", ST_MALFORMED},
	{"{\"x\": -}", ST_MALFORMED},
	{"{\"x\": .5}", ST_MALFORMED},
	{"{\"x\": 1.}", ST_MALFORMED},
	{"{\"x\": 1e}", ST_MALFORMED},
	{"{\"x\": 1e+}", ST_MALFORMED},
	{"{\"x\": 0x10}", ST_MALFORMED},
	{"{\"x\": 1_000}", ST_MALFORMED},
	{"{\"x\": 1\"2\"}", ST_MALFORMED},
	{"{\"x\": True}", ST_MALFORMED},
	{"{\"x\": \"\\x\"}", ST_MALFORMED},
	{"{\"x\": \"\\\"}", ST_MALFORMED},
	{"{\"x\": \"a\nb\"}", ST_MALFORMED},
	{"{\"x\": \"\\u0000\"}", ST_MALFORMED},
	{"{\"x\": \"\\ud800\"}", ST_MALFORMED},
	{"{\"x\": \"\xff\"}", ST_MALFORMED},
	{"{\"x\": \"\xc0\xaf\"}", ST_MALFORMED},
	{"{\"x\": \"\xed\xa0\x80\"}", ST_MALFORMED},
	{"{\"x\": \"\xe2\x82\"}", ST_MALFORMED},
	{"{\"\xff\": 1}", ST_MALFORMED},
	{"{\"x\": 1, \"x\": 2}", ST_MALFORMED},
	{"{\"x\": 1, \"\\u0078\": 2}", ST_MALFORMED},
	{"{\"x\": {\"y\": 1, \"y\": 1}}", ST_MALFORMED},
	{"\xef\xbb\xbf{}", ST_MALFORMED},
	{"{\"x\": 1} // no", ST_MALFORMED},
	{"{/**/}", ST_MALFORMED},
};

START_TEST(is_well_formed)
{
	ck_assert_msg(body(texts[_i].text) == texts[_i].want, "%s",
		texts[_i].text);
	if (texts[_i].want != ST_OK)
		ck_assert_ptr_nonnull(ctx.fault.reason);
}
END_TEST

START_TEST(nul_is_malformed)
{
	ck_assert_int_eq(fields_from_body(&ctx, &all_shape, "{}\0", 3, self,
				 &in, &given),
		ST_MALFORMED);
	ck_assert_int_eq(fields_from_body(&ctx, &all_shape, "{\"a\0b\":1}", 9,
				 self, &in, &given),
		ST_MALFORMED);
}
END_TEST

START_TEST(many_brackets_are_refused_early)
{
	static char deep[100000];

	memset(deep, '[', sizeof(deep));
	ck_assert_int_eq(fields_from_body(&ctx, &all_shape, deep, sizeof(deep),
				 self, &in, &given),
		ST_MALFORMED);
}
END_TEST

/* ---- Values ------------------------------------------------------------- */

static const struct {
	const char *text; /* of a member called price */
	enum status want;
	int64_t units;
	enum fault_kind kind;
} decimals[] = {
	{"123.45", ST_OK, 12345000000, 0},
	{"\"123.45\"", ST_OK, 12345000000, 0},
	{"1e-7", ST_OK, 10, 0},
	{"\"1e-7\"", ST_OK, 10, 0},
	{"-0", ST_OK, 0, 0},
	{"0.1", ST_OK, 10000000, 0},
	{"9007199254740993e-8", ST_OK, 9007199254740993, 0}, /* 2^53 + 1 */
	{"92233720368.54775807", ST_OK, INT64_MAX, 0},
	{"92233720368.54775808", ST_INVALID, 0, FAULT_VALUE},
	{"-92233720368.54775808", ST_INVALID, 0, FAULT_VALUE},
	{"0.123456789", ST_INVALID, 0, FAULT_VALUE},
	{"1e-9", ST_INVALID, 0, FAULT_VALUE},
	{"1e400", ST_INVALID, 0, FAULT_VALUE},
	{"1e99999999999999999999", ST_INVALID, 0, FAULT_VALUE},
	{"123456789012345678901234567890", ST_INVALID, 0, FAULT_VALUE},
	{"\"NaN\"", ST_INVALID, 0, FAULT_VALUE},
	{"\"-Infinity\"", ST_INVALID, 0, FAULT_VALUE},
	{"\"nano\"", ST_INVALID, 0, FAULT_TYPE},
	{"\"\"", ST_INVALID, 0, FAULT_TYPE},
	{"\" 1\"", ST_INVALID, 0, FAULT_TYPE},
	{"\"n1\"", ST_INVALID, 0, FAULT_TYPE}, /* no way to our tags */
	{"\"1,5\"", ST_INVALID, 0, FAULT_TYPE},
	{"true", ST_INVALID, 0, FAULT_TYPE},
	{"[1]", ST_INVALID, 0, FAULT_TYPE},
	{"{}", ST_INVALID, 0, FAULT_TYPE},
};

START_TEST(reads_decimals)
{
	char text[200];

	snprintf(text, sizeof(text), "{\"price\": %s}", decimals[_i].text);
	ck_assert_msg(body(text) == decimals[_i].want, "%s", text);
	if (decimals[_i].want == ST_OK) {
		ck_assert_int_eq(in.price.units, decimals[_i].units);
		return;
	}
	ck_assert_int_eq(ctx.fault.kind, decimals[_i].kind);
	ck_assert_int_eq(ctx.fault.place, FAULT_BODY);
	ck_assert_str_eq(ctx.fault.field, "price");
}
END_TEST

static const struct {
	const char *text; /* the members */
	enum fault_kind kind;
	const char *field;
} bad[] = {
	{"\"id\": 5", FAULT_TYPE, "id"},
	{"\"id\": \"x\"", FAULT_VALUE, "id"},
	{"\"id\": \"00000000-0000-0000-0000-000000000000\"", FAULT_VALUE, "id"},
	{"\"side\": \"BUY\"", FAULT_CHOICE, "side"},
	{"\"side\": \"\"", FAULT_CHOICE, "side"},
	{"\"side\": 1", FAULT_TYPE, "side"},
	{"\"word\": \"selling\"", FAULT_CHOICE, "word"},
	{"\"word\": true", FAULT_TYPE, "word"},
	{"\"note\": \"a\"", FAULT_VALUE, "note"},
	{"\"note\": \"abcdef\"", FAULT_VALUE, "note"},
	{"\"note\": \"a\\u0007b\"", FAULT_VALUE, "note"},
	{"\"note\": 123", FAULT_TYPE, "note"},
	{"\"flag\": 1", FAULT_TYPE, "flag"},
	{"\"flag\": \"true\"", FAULT_TYPE, "flag"},
	{"\"limit\": 0", FAULT_VALUE, "limit"},
	{"\"limit\": 101", FAULT_VALUE, "limit"},
	{"\"limit\": 1.5", FAULT_TYPE, "limit"},
	{"\"limit\": 1e400", FAULT_TYPE, "limit"},
	{"\"limit\": \"5\"", FAULT_TYPE, "limit"},
	{"\"limit\": 18446744073709551617", FAULT_VALUE, "limit"},
	{"\"when\": \"yesterday\"", FAULT_VALUE, "when"},
	{"\"when\": true", FAULT_TYPE, "when"},
	{"\"config\": []", FAULT_TYPE, "config"},
	{"\"config\": \"{}\"", FAULT_TYPE, "config"},
	{"\"list\": {}", FAULT_TYPE, "list"},
	{"\"totp_code\": 1", FAULT_TYPE, "totp_code"},
	{"\"mfa_token\": 1", FAULT_TYPE, "mfa_token"},
	{"\"role\": \"admin\"", FAULT_VALUE, "role"},
	{"\"balance\": 5", FAULT_VALUE, "balance"},
	{"\"status\": {}", FAULT_VALUE, "status"},
	{"\"user_id\": 7", FAULT_VALUE, "user_id"},
	{"\"user_id\": \"0193e5a0-7b1c-7000-8000-000000000002\"", FAULT_VALUE,
		"user_id"},
};

START_TEST(refuses)
{
	char text[200];

	snprintf(text, sizeof(text), "{%s}", bad[_i].text);
	ck_assert_msg(body(text) == ST_INVALID, "%s", text);
	ck_assert_int_eq(ctx.fault.kind, bad[_i].kind);
	ck_assert_str_eq(ctx.fault.field, bad[_i].field);
	ck_assert_ptr_nonnull(ctx.fault.reason);
}
END_TEST

START_TEST(a_word_is_read_in_any_case)
{
	ck_assert_int_eq(body("{\"word\": \"SELL\"}"), ST_OK);
	ck_assert_int_eq(in.word, 1);
	ck_assert_int_eq(body("{\"word\": \"Buy\"}"), ST_OK);
	ck_assert_int_eq(in.word, 0);
	ck_assert_int_eq(body("{}"), ST_OK);
	ck_assert_int_eq(in.word, 7);
}
END_TEST

START_TEST(refuses_numbers_that_are_characters)
{
	struct all_in before = in;

	ck_assert_int_eq(body("{\"price\": 5, \"side\": \"no\"}"), ST_INVALID);
	/* and leaves what it was given as it was */
	ck_assert_mem_eq(&before, &in, sizeof(in));
}
END_TEST

START_TEST(reads_all_kinds)
{
	ck_assert_int_eq(
		body("{\"id\": \"0193E5A0-7b1c-7000-8000-000000000009\","
		     "\"price\": 1, \"side\": \"sell\", \"note\": \"h\u00e9llo\","
		     "\"flag\": true, \"limit\": 1e2, \"when\": 1736856000,"
		     "\"config\": {\"fast\": 0.10}, \"list\": [1e400],"
		     "\"totp_code\": \"123456\", \"other\": 1}"),
		ST_OK);
	ck_assert_uint_eq(in.id.bytes[15], 9);
	ck_assert_int_eq(in.price.units, DECIMAL_ONE);
	ck_assert_int_eq(in.side, 1);
	ck_assert_str_eq(in.note, "h\u00e9llo");
	ck_assert(in.flag);
	ck_assert_int_eq(in.limit, 100);
	ck_assert_int_eq(in.when, INT64_C(1736856000) * US_PER_SECOND);
	ck_assert_str_eq(json_text(ctx.arena, in.config, NULL),
		"{\"fast\":0.10}");
	ck_assert_str_eq(json_text(ctx.arena, in.list, NULL), "[1e400]");
	ck_assert_str_eq(in.code, "123456");
	ck_assert(HAS(&all_shape, given, all_in, code));
	ck_assert(HAS(&all_shape, given, all_in, flag));
}
END_TEST

static void
check_all_absent(void)
{
	ck_assert(ident_is_none(in.id));
	ck_assert(decimal_is_none(in.price));
	ck_assert_int_eq(in.side, WORD_NONE);
	ck_assert_ptr_null(in.note);
	ck_assert(!in.flag);
	ck_assert_int_eq(in.limit, 50);
	ck_assert(in.when == TIME_NONE);
	ck_assert_ptr_null(in.config);
	ck_assert_ptr_null(in.list);
	ck_assert_ptr_null(in.code);
	ck_assert_uint_eq(given.rows, 0);
}

START_TEST(absent_and_null_are_alike)
{
	ck_assert_int_eq(body("{}"), ST_OK);
	check_all_absent();
	memset(&in, 0x55, sizeof(in));
	ck_assert_int_eq(
		body("{\"id\":null,\"price\":null,\"side\":null,\"note\":null,"
		     "\"flag\":null,\"limit\":null,\"when\":null,"
		     "\"config\":null,\"list\":null,\"totp_code\":null,"
		     "\"mfa_token\":null,\"role\":null,\"user_id\":null}"),
		ST_OK);
	check_all_absent();
	memset(&in, 0x55, sizeof(in));
	ck_assert_int_eq(query(NULL), ST_OK);
	check_all_absent();
	memset(&in, 0x55, sizeof(in));
	ck_assert_int_eq(query("id=&price=&side&flag="), ST_OK);
	check_all_absent();
}
END_TEST

START_TEST(one_is_missing)
{
	struct need_in need;

	ck_assert_int_eq(fields_from_body(&ctx, &need_shape, "{\"qty\":null}",
				 12, self, &need, &given),
		ST_INVALID);
	ck_assert_int_eq(ctx.fault.kind, FAULT_MISSING);
	ck_assert_int_eq(ctx.fault.place, FAULT_BODY);
	ck_assert_str_eq(ctx.fault.field, "qty");
	ck_assert_int_eq(fields_from_query(&ctx, &need_shape, "a=b", &need,
				 &given),
		ST_INVALID);
	ck_assert_int_eq(ctx.fault.kind, FAULT_MISSING);
	ck_assert_int_eq(ctx.fault.place, FAULT_QUERY);
}
END_TEST

START_TEST(an_alias_is_read)
{
	ck_assert_int_eq(body("{\"mfa_token\": \"1\"}"), ST_OK);
	ck_assert_str_eq(in.code, "1");
	ck_assert_int_eq(body("{\"mfa_token\":\"1\",\"totp_code\":\"2\"}"),
		ST_OK);
	ck_assert_str_eq(in.code, "2");
	/* the struct's own name is not the document's */
	ck_assert_int_eq(body("{\"code\": \"1\"}"), ST_OK);
	ck_assert_ptr_null(in.code);
}
END_TEST

START_TEST(ones_own_user_id_is_no_offence)
{
	ck_assert_int_eq(
		body("{\"user_id\": \"0193e5a0-7b1c-7000-8000-000000000001\"}"),
		ST_OK);
	self = IDENT_NONE;
	ck_assert_int_eq(
		body("{\"user_id\": \"0193e5a0-7b1c-7000-8000-000000000001\"}"),
		ST_INVALID);
	ck_assert_int_eq(
		body("{\"user_id\": \"00000000-0000-0000-0000-000000000000\"}"),
		ST_INVALID);
}
END_TEST

START_TEST(refused_names_without_a_shape)
{
	ck_assert_int_eq(fields_from_body(&ctx, NULL, "{\"x\":1}", 7, self,
				 NULL, NULL),
		ST_OK);
	ck_assert_int_eq(fields_from_body(&ctx, NULL, "{\"role\":1}", 10, self,
				 NULL, NULL),
		ST_INVALID);
}
END_TEST

/* ---- Query strings ------------------------------------------------------ */

static const struct {
	const char *text;
	enum status want;
} queries[] = {
	{"", ST_OK},
	{"&&", ST_OK},
	{"price=1.5&limit=7", ST_OK},
	{"limit=7&limit=8", ST_INVALID},
	{"limit=7&l%69mit=8", ST_INVALID},
	{"limit=x", ST_INVALID},
	{"limit=%", ST_INVALID},
	{"limit=%2", ST_INVALID},
	{"limit=%zz", ST_INVALID},
	{"x=%00", ST_INVALID},
	{"x=%ff", ST_INVALID},
	{"%ff=x", ST_INVALID},
	{"config=%7b%7d", ST_INVALID},
	{"flag=yes", ST_INVALID},
	{"flag=true", ST_OK},
	{"flag=0", ST_OK},
	{"role=admin&status=x", ST_OK}, /* refused in bodies only */
	{"=x", ST_OK},
	{"a=b=c", ST_OK},
};

START_TEST(reads_queries)
{
	ck_assert_msg(query(queries[_i].text) == queries[_i].want, "%s",
		queries[_i].text);
}
END_TEST

START_TEST(decodes_queries)
{
	ck_assert_int_eq(query("note=a+%2B%c3%a9&side=sell&price=1e-7&"
			       "when=2025-01-14T12%3A00%3A00Z&mfa_token=1"),
		ST_OK);
	ck_assert_str_eq(in.note, "a +\u00e9");
	ck_assert_int_eq(in.side, 1);
	ck_assert_int_eq(in.price.units, 10);
	ck_assert_int_eq(in.when, INT64_C(1736856000) * US_PER_SECOND);
	ck_assert_str_eq(in.code, "1");
}
END_TEST

START_TEST(bounds_the_parameters)
{
	char text[1000] = "", *at = text;
	int i;

	for (i = 0; i < 65; i++)
		at += snprintf(at, 20, "p%d=1&", i);
	ck_assert_int_eq(query(text), ST_INVALID);
}
END_TEST

/* ---- Trees -------------------------------------------------------------- */

START_TEST(trees_keep_their_digits)
{
	static const char text[] =
		"{\"a\":[1.10,-0,1E5,\"n1\",\"s\"],\"b\":{\"c\":null,"
		"\"d\":true},\"e\":12345678901234567890123456789}";
	struct decimal number;
	json_t *tree;
	json_t *list;

	ck_assert_int_eq(json_read(&ctx, text, strlen(text), &tree), ST_OK);
	ck_assert_str_eq(json_text(ctx.arena, tree, NULL), text);
	list = json_object_get(tree, "a");
	ck_assert_int_eq(json_decimal(json_array_get(list, 0), &number), ST_OK);
	ck_assert_int_eq(number.units, 110000000);
	ck_assert_ptr_null(json_string_text(json_array_get(list, 0)));
	ck_assert_str_eq(json_string_text(json_array_get(list, 3)), "n1");
	json_object_set_new(tree, "e", json_make_number("2.50"));
	json_object_set_new(tree, "b", json_make_string("x\"y"));
	json_object_del(tree, "a");
	ck_assert_str_eq(json_text(ctx.arena, tree, NULL),
		"{\"b\":\"x\\\"y\",\"e\":2.50}");
}
END_TEST

START_TEST(decodes_trees)
{
	static const char text[] = "{\"price\": 2, \"side\": \"sell\"}";
	json_t *tree;

	ck_assert_int_eq(json_read(&ctx, text, strlen(text), &tree), ST_OK);
	ck_assert_int_eq(json_decode(&ctx, &all_shape, tree, &in, &given),
		ST_OK);
	ck_assert_int_eq(in.price.units, 2 * DECIMAL_ONE);
	ck_assert_int_eq(json_decode(&ctx, &all_shape,
				 json_object_get(tree, "price"), &in, &given),
		ST_INVALID);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("fields");
	TCase *form = tcase_create("form"), *values = tcase_create("values");
	TCase *queries_case = tcase_create("queries");
	TCase *trees = tcase_create("trees");

	tcase_add_checked_fixture(form, setup, teardown);
	tcase_add_loop_test(form, is_well_formed, 0, N_ELEMENTS(texts));
	tcase_add_test(form, nul_is_malformed);
	tcase_add_test(form, many_brackets_are_refused_early);
	suite_add_tcase(s, form);
	tcase_add_checked_fixture(values, setup, teardown);
	tcase_add_loop_test(values, reads_decimals, 0, N_ELEMENTS(decimals));
	tcase_add_loop_test(values, refuses, 0, N_ELEMENTS(bad));
	tcase_add_test(values, a_word_is_read_in_any_case);
	tcase_add_test(values, refuses_numbers_that_are_characters);
	tcase_add_test(values, reads_all_kinds);
	tcase_add_test(values, absent_and_null_are_alike);
	tcase_add_test(values, one_is_missing);
	tcase_add_test(values, an_alias_is_read);
	tcase_add_test(values, ones_own_user_id_is_no_offence);
	tcase_add_test(values, refused_names_without_a_shape);
	suite_add_tcase(s, values);
	tcase_add_checked_fixture(queries_case, setup, teardown);
	tcase_add_loop_test(queries_case, reads_queries, 0,
		N_ELEMENTS(queries));
	tcase_add_test(queries_case, decodes_queries);
	tcase_add_test(queries_case, bounds_the_parameters);
	suite_add_tcase(s, queries_case);
	tcase_add_checked_fixture(trees, setup, teardown);
	tcase_add_test(trees, trees_keep_their_digits);
	tcase_add_test(trees, decodes_trees);
	suite_add_tcase(s, trees);
	return s;
}
