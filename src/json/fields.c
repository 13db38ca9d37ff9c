/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fields.c - decoding by table, from a JSON tree or a query string.
 */
#include "json/fields.h"

#include <assert.h>
#include <string.h>

#include "json/flat.h"
#include "json/lexer.h"
#include "json/take.h"

/* ---- The table ---------------------------------------------------------- */

static bool
is_spelling(const struct field *row)
{
	return row->kind == FIELD_KIND_SPELLED || row->kind == FIELD_KIND_ALIAS;
}

/* What the document calls ROW. */
static const char *
name_of(const struct field *row)
{
	const struct field *next;

	for (next = row + 1; is_spelling(next); next++)
		if (next->kind == FIELD_KIND_SPELLED)
			return next->name;
	return row->name;
}

bool
shape_has(const struct shape *shape, struct fields_given given, size_t offset)
{
	size_t i;

	for (i = 0; shape->fields[i].kind != FIELD_KIND_END; i++)
		if (!is_spelling(&shape->fields[i]) &&
			shape->fields[i].offset == offset)
			return given.rows >> i & 1;
	assert(!"no such field in the shape");
	return false;
}

/* Look up the value of a name; VALUE_ABSENT when there is none, or null. */
typedef enum status lookup_fn(void *source, const char *name,
	struct value *out);

/* By its own name, else by its aliases. */
static enum status
find(lookup_fn *lookup, void *source, struct decoding *d,
	const struct field *row, struct value *value)
{
	const struct field *next;

	d->name = name_of(row);
	TRY(lookup(source, d->name, value));
	for (next = row + 1; is_spelling(next); next++) {
		if (value->form != VALUE_ABSENT)
			break;
		if (next->kind != FIELD_KIND_ALIAS)
			continue;
		TRY(lookup(source, next->name, value));
		if (value->form != VALUE_ABSENT)
			d->name = next->name;
	}
	return ST_OK;
}

static enum status
decode(struct ctx *ctx, enum fault_place place, const struct shape *shape,
	lookup_fn *lookup, void *source, void *out, struct fields_given *given)
{
	struct decoding d = {.ctx = ctx,
		.place = place,
		.out = arena_alloc(ctx->arena, shape->size)};
	struct fields_given seen = {0};
	size_t i;

	for (i = 0; shape->fields[i].kind != FIELD_KIND_END; i++) {
		const struct field *row = &shape->fields[i];
		struct value value = {.form = VALUE_ABSENT};

		assert(i < FIELDS_MAX);
		if (is_spelling(row))
			continue;
		TRY(find(lookup, source, &d, row, &value));
		if (value.form != VALUE_ABSENT) {
			TRY(field_take(&d, row, &value));
			seen.rows |= UINT64_C(1) << i;
		} else if (row->need == REQUIRED) {
			return field_blame(&d, FAULT_MISSING, "is required");
		} else {
			field_leave_absent(row, d.out);
		}
	}
	memcpy(out, d.out, shape->size);
	*given = seen;
	return ST_OK;
}

/* ---- From JSON ---------------------------------------------------------- */

/* A lookup_fn over a json_t object. */
static enum status
lookup_member(void *source, const char *name, struct value *out)
{
	json_t *member = json_object_get(source, name);

	if (!member || json_is_null(member))
		return ST_OK;
	if (json_is_string(member)) {
		const char *text = json_string_value(member);

		out->form = text[0] == JSON_TAG_NUMBER ? VALUE_NUMBER
						       : VALUE_STRING;
		out->text = text + 1;
		out->length = json_string_length(member) - 1;
	} else if (json_is_boolean(member)) {
		out->form = VALUE_BOOL;
		out->truth = json_is_true(member);
	} else {
		out->form = VALUE_TREE;
		out->tree = member;
	}
	return ST_OK;
}

static void
release(void *value)
{
	json_decref(value);
}

enum status
json_read(struct ctx *ctx, const char *text, size_t length, json_t **out)
{
	const char *reason;
	char *tagged;
	size_t tagged_length;
	json_error_t error;
	json_t *value;

	if (json_tag(ctx->arena, text, length, &tagged, &tagged_length,
		    &reason) != ST_OK)
		return fail(
			ctx, ST_MALFORMED, NULL, "not valid JSON: %s", reason);
	value = json_loadb(tagged, tagged_length,
		JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (!value) {
		if (json_error_code(&error) == json_error_duplicate_key)
			return fail(ctx, ST_MALFORMED, NULL,
				"not valid JSON: a name stands twice");
		return fail(ctx, ST_MALFORMED, NULL, "not valid JSON");
	}
	arena_own(ctx->arena, value, release);
	*out = value;
	return ST_OK;
}

enum status
json_decode(struct ctx *ctx, const struct shape *shape, json_t *object,
	void *out, struct fields_given *given)
{
	if (!json_is_object(object))
		return fail(ctx, ST_INVALID, NULL, "must be an object");
	return decode(
		ctx, FAULT_BODY, shape, lookup_member, object, out, given);
}

static bool
shape_names(const struct shape *shape, const char *name)
{
	const struct field *row;

	if (!shape)
		return false;
	for (row = shape->fields; row->kind != FIELD_KIND_END; row++)
		if (strcmp(is_spelling(row) ? row->name : name_of(row), name) ==
			0)
			return true;
	return false;
}

/* Names that nobody sends without meaning something by it. */
static enum status
refuse_names(struct ctx *ctx, const struct shape *shape, lookup_fn *lookup,
	void *source, struct ident self)
{
	static const char *const names[] = {
		"role", "balance", "status", "user_id"};
	struct decoding d = {.ctx = ctx, .place = FAULT_BODY};
	size_t i;

	for (i = 0; i < N_ELEMENTS(names); i++) {
		struct value value = {.form = VALUE_ABSENT};
		struct ident id;

		d.name = names[i];
		TRY(lookup(source, d.name, &value));
		if (value.form == VALUE_ABSENT || shape_names(shape, d.name))
			continue;
		if (strcmp(d.name, "user_id") == 0 && !ident_is_none(self) &&
			field_take_id(&d, &value, &id) == ST_OK &&
			ident_equal(id, self))
			continue;
		return field_blame(&d, FAULT_VALUE, "may not be set here");
	}
	return ST_OK;
}

/* A lookup_fn over a struct flat. */
static enum status
lookup_flat(void *source, const char *name, struct value *out)
{
	const struct flat *flat = source;
	size_t i;

	for (i = 0; i < flat->n; i++)
		if (flat->pairs[i].name[0] == name[0] &&
			strcmp(flat->pairs[i].name, name) == 0) {
			*out = flat->pairs[i].value;
			break;
		}
	return ST_OK;
}

enum status
fields_from_body(struct ctx *ctx, const struct shape *shape, const char *text,
	size_t length, struct ident self, void *out,
	struct fields_given *given)
{
	struct flat flat;
	lookup_fn *lookup = lookup_flat;
	void *source = &flat;

	ctx->fault.place = FAULT_BODY;
	if (!flat_read(ctx->arena, text, length, &flat)) {
		json_t *object;

		TRY(json_read(ctx, text, length, &object));
		if (!json_is_object(object))
			return fail(ctx, ST_MALFORMED, NULL,
				"the body must be a JSON object");
		lookup = lookup_member;
		source = object;
	}
	TRY(refuse_names(ctx, shape, lookup, source, self));
	if (!shape)
		return ST_OK;
	return decode(ctx, FAULT_BODY, shape, lookup, source, out, given);
}

/* ---- From a query string ------------------------------------------------ */

struct pair {
	const char *name;
	const char *text;
	size_t length;
};

struct query {
	struct pair pairs[FIELDS_MAX];
	size_t n;
};

/* A lookup_fn over a struct query. */
static enum status
lookup_pair(void *source, const char *name, struct value *out)
{
	const struct query *query = source;
	size_t i;

	for (i = 0; i < query->n; i++)
		if (strcmp(query->pairs[i].name, name) == 0 &&
			query->pairs[i].length > 0) {
			out->form = VALUE_LOOSE;
			out->text = query->pairs[i].text;
			out->length = query->pairs[i].length;
			return ST_OK;
		}
	return ST_OK;
}

/* One "name=value" of LENGTH bytes; a name without '=' has an empty value. */
static enum status
add_pair(struct ctx *ctx, struct query *query, const char *text, size_t length)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	static char nothing[1];
	char *name, *value = nothing;
	struct decoding d = {.ctx = ctx, .place = FAULT_QUERY};
	size_t i;

	if (!percent_decode(ctx->arena, text, name_length, true, &name) ||
		(equals && !percent_decode(ctx->arena, equals + 1,
				   length - name_length - 1, true, &value)) ||
		!utf8_valid(name, strlen(name)) ||
		!utf8_valid(value, strlen(value)))
		return fail(ctx, ST_INVALID, NULL,
			"the query string cannot be decoded");
	d.name = name;
	for (i = 0; i < query->n; i++)
		if (strcmp(query->pairs[i].name, name) == 0)
			return field_blame(
				&d, FAULT_VALUE, "must stand only once");
	if (query->n == FIELDS_MAX)
		return fail(ctx, ST_INVALID, NULL, "too many parameters");
	query->pairs[query->n++] = (struct pair){
		.name = name,
		.text = value,
		.length = strlen(value),
	};
	return ST_OK;
}

enum status
fields_from_query(struct ctx *ctx, const struct shape *shape, const char *text,
	void *out, struct fields_given *given)
{
	struct query *query = arena_alloc(ctx->arena, sizeof(*query));
	size_t length;

	ctx->fault.place = FAULT_QUERY;
	for (; text && *text; text += length + (text[length] == '&')) {
		length = strcspn(text, "&");
		if (length > 0)
			TRY(add_pair(ctx, query, text, length));
	}
	return decode(ctx, FAULT_QUERY, shape, lookup_pair, query, out, given);
}
