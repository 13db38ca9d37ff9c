/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_query.c - any bytes as a query string.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "json/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

struct in {
	struct ident id;
	struct decimal price;
	int side;
	const char *note;
	bool flag;
	int64_t limit;
	int64_t when;
};

static const struct word sides[] = {{"buy", 0}, {"sell", 1}, {NULL, 0}};

static const struct field fields[] = {
	FIELD_ID(in, id, OPTIONAL),
	FIELD_DEC(in, price, OPTIONAL),
	FIELD_ENUM(in, side, OPTIONAL, sides),
	FIELD_TEXT(in, note, OPTIONAL, 1, 20),
	FIELD_BOOL(in, flag, OPTIONAL),
	FIELD_INT_OR(in, limit, OPTIONAL, 50, 1, 100),
	FIELD_TIME(in, when, OPTIONAL),
	FIELD_END,
};
static const struct shape shape = SHAPE(in, fields);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct ctx ctx = {.arena = arena_new()};
	char *text = arena_strndup(ctx.arena, (const char *)data, len_bytes);
	struct fields_given given;
	struct in in;
	enum status status;

	status = fields_from_query(&ctx, &shape, text, &in, &given);
	assert(status == ST_OK || status == ST_INVALID);
	if (status == ST_OK) {
		assert(in.limit >= 1 && in.limit <= 100);
		assert(!in.note || utf8_valid(in.note, strlen(in.note)));
		assert(in.side >= WORD_NONE && in.side <= 1);
	}
	arena_free(ctx.arena);
	return 0;
}
