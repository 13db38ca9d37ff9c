/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_json.c - any bytes as a body.
 *
 * What is read must be what jansson alone would read, but for numbers; and
 * what is written from it must be read again as the same.
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
	json_t *config;
};

static const struct word sides[] = {{"buy", 0}, {"sell", 1}, {NULL, 0}};

static const struct field fields[] = {
	FIELD_ID(in, id, OPTIONAL),
	FIELD_DEC(in, price, OPTIONAL),
	FIELD_ENUM(in, side, OPTIONAL, sides),
	FIELD_TEXT(in, note, OPTIONAL, 0, 20),
	FIELD_ALIAS("text"),
	FIELD_BOOL(in, flag, OPTIONAL),
	FIELD_INT(in, limit, OPTIONAL, 1, 100),
	FIELD_TIME(in, when, OPTIONAL),
	FIELD_OBJECT(in, config, OPTIONAL),
	FIELD_END,
};
static const struct shape shape = SHAPE(in, fields);

/* Without numbers both see the same text, so they must agree on it. */
static void
compare_with_jansson(const char *text, size_t length, enum status status)
{
	json_t *alone;

	if (memchr(text, '-', length) || strcspn(text, "0123456789") < length)
		return;
	alone = json_loadb(text, length,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (status == ST_OK)
		assert(alone != NULL);
	json_decref(alone);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* A flat body is read another way than others; the two must not differ. */
static void
compare_both_ways(struct ctx *ctx, const char *text, size_t length)
{
	struct fields_given given = {0}, slow_given = {0};
	struct in in, slow;
	json_t *value;
	enum status status, slow_status;

	slow_status = json_read(ctx, text, length, &value);
	if (slow_status == ST_OK && !json_is_object(value))
		slow_status = ST_MALFORMED;
	if (slow_status == ST_OK) {
		/* json_decode() does not look for names that are refused. */
		if (json_object_get(value, "role") ||
			json_object_get(value, "balance") ||
			json_object_get(value, "status") ||
			json_object_get(value, "user_id"))
			return;
		slow_status = json_decode(ctx, &shape, value, &slow,
			&slow_given);
	}
	status = fields_from_body(ctx, &shape, text, length, IDENT_NONE, &in,
		&given);
	assert(status == slow_status);
	if (status != ST_OK)
		return;
	assert(given.rows == slow_given.rows);
	assert(ident_equal(in.id, slow.id));
	assert(in.price.units == slow.price.units && in.side == slow.side);
	assert(same_text(in.note, slow.note) && in.flag == slow.flag);
	assert(in.limit == slow.limit && in.when == slow.when);
	assert(!in.config == !slow.config);
}

static void
write_and_read(struct ctx *ctx, const json_t *value)
{
	size_t length;
	const char *text = json_text(ctx->arena, value, &length);
	json_t *again;

	assert(json_read(ctx, text, length, &again) == ST_OK);
	assert(json_equal(value, again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct ctx ctx = {.arena = arena_new()};
	char *text = arena_strndup(ctx.arena, (const char *)data, len_bytes);
	struct fields_given given;
	struct in in;
	json_t *value;
	enum status status;

	status = json_read(&ctx, text, len_bytes, &value);
	compare_with_jansson(text, len_bytes, status);
	if (status == ST_OK)
		write_and_read(&ctx, value);
	compare_both_ways(&ctx, (const char *)data, len_bytes);
	status = fields_from_body(&ctx, &shape, (const char *)data, len_bytes,
		IDENT_NONE, &in, &given);
	assert(status == ST_OK || status == ST_INVALID ||
		status == ST_MALFORMED);
	if (status == ST_OK && in.note)
		assert(utf8_valid(in.note, strlen(in.note)));
	arena_free(ctx.arena);
	return 0;
}
