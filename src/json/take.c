/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * take.c - the decoders, one for each kind of field.
 */
#include "json/take.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "json/lexer.h"

enum status
field_blame(const struct decoding *d, enum fault_kind kind, const char *reason)
{
	struct fault *fault = &d->ctx->fault;

	fault->place = d->place;
	fault->kind = kind;
	fault->field = d->name;
	fault->reason = arena_printf(d->ctx->arena, "%s %s", d->name, reason);
	return ST_INVALID;
}

static bool
is_text(const struct value *value)
{
	return value->form == VALUE_STRING || value->form == VALUE_LOOSE;
}

static bool
is_text_or_number(const struct value *value)
{
	return is_text(value) || value->form == VALUE_NUMBER;
}

enum status
field_take_id(const struct decoding *d, const struct value *value, void *to)
{
	struct ident id;

	if (!is_text(value))
		return field_blame(d, FAULT_TYPE, "must be a UUID");
	if (ident_parse(value->text, value->length, &id) != ST_OK ||
		ident_is_none(id))
		return field_blame(d, FAULT_VALUE, "must be a UUID");
	memcpy(to, &id, sizeof(id));
	return ST_OK;
}

/* What programs print where a number should be, and is none that we have. */
static bool
is_no_number(const char *text)
{
	static const char *const names[] = {"nan", "inf", "infinity"};
	size_t i;

	text += *text == '-' || *text == '+';
	for (i = 0; i < N_ELEMENTS(names); i++)
		if (strcasecmp(text, names[i]) == 0)
			return true;
	return false;
}

static enum status
take_decimal(const struct decoding *d, const struct value *value, void *to)
{
	struct decimal number;

	if (!is_text_or_number(value) ||
		(!json_is_numeral(value->text, value->length) &&
			!is_no_number(value->text)))
		return field_blame(d, FAULT_TYPE, "must be a number");
	if (decimal_parse_n(value->text, value->length, &number) != ST_OK)
		return field_blame(d, FAULT_VALUE,
			"must be a number in range, with at most 8 places");
	memcpy(to, &number, sizeof(number));
	return ST_OK;
}

/* "must be one of buy, sell" */
static const char *
choices(struct arena *arena, const struct word *words)
{
	const char *text = "must be one of ";

	for (; words->text; words++)
		text = arena_printf(arena, "%s%s%s", text, words->text,
			words[1].text ? ", " : "");
	return text;
}

static enum status
take_word(const struct decoding *d, const struct field *row,
	const struct value *value, void *to)
{
	int (*compare)(const char *, const char *) = row->min ? strcasecmp
							      : strcmp;
	const struct word *word;

	if (!is_text(value))
		return field_blame(
			d, FAULT_TYPE, choices(d->ctx->arena, row->words));
	for (word = row->words; word->text; word++)
		if (compare(word->text, value->text) == 0) {
			memcpy(to, &word->value, sizeof(word->value));
			return ST_OK;
		}
	return field_blame(d, FAULT_CHOICE, choices(d->ctx->arena, row->words));
}

/* Characters of UTF-8 text; -1 when a control character is among them. */
static int64_t
count_characters(const char *text, size_t length)
{
	int64_t count = 0;
	size_t i;

	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') ||
			c == 0x7f)
			return -1;
		if ((c & 0xc0) != 0x80)
			count++;
	}
	return count;
}

static enum status
take_text(const struct decoding *d, const struct field *row,
	const struct value *value, void *to)
{
	int64_t count;

	if (!is_text(value))
		return field_blame(d, FAULT_TYPE, "must be text");
	count = count_characters(value->text, value->length);
	if (count < 0)
		return field_blame(
			d, FAULT_VALUE, "must not hold control characters");
	if (count < row->min || count > row->max)
		return field_blame(d, FAULT_VALUE,
			arena_printf(d->ctx->arena,
				"must have %lld to %lld characters",
				(long long)row->min, (long long)row->max));
	memcpy(to, &value->text, sizeof(value->text));
	return ST_OK;
}

static enum status
take_bool(const struct decoding *d, const struct value *value, void *to)
{
	bool truth = value->truth;

	if (value->form == VALUE_LOOSE) {
		truth = strcmp(value->text, "true") == 0 ||
			strcmp(value->text, "1") == 0;
		if (!truth && strcmp(value->text, "false") != 0 &&
			strcmp(value->text, "0") != 0)
			return field_blame(
				d, FAULT_TYPE, "must be true or false");
	} else if (value->form != VALUE_BOOL) {
		return field_blame(d, FAULT_TYPE, "must be true or false");
	}
	memcpy(to, &truth, sizeof(truth));
	return ST_OK;
}

static enum status
take_int(const struct decoding *d, const struct field *row,
	const struct value *value, void *to)
{
	__int128 units;
	int64_t number;

	if (value->form != VALUE_NUMBER && value->form != VALUE_LOOSE)
		return field_blame(d, FAULT_TYPE, "must be a whole number");
	/* By way of the decimal, so that 5.0 and 1e3 are whole numbers too. */
	if (decimal_parse_sum(value->text, value->length, &units) != ST_OK ||
		units % DECIMAL_ONE != 0)
		return field_blame(d, FAULT_TYPE, "must be a whole number");
	units /= DECIMAL_ONE;
	if (units < row->min || units > row->max)
		return field_blame(d, FAULT_VALUE,
			arena_printf(d->ctx->arena, "must be from %lld to %lld",
				(long long)row->min, (long long)row->max));
	number = (int64_t)units;
	memcpy(to, &number, sizeof(number));
	return ST_OK;
}

static enum status
take_time(const struct decoding *d, const struct value *value, void *to)
{
	int64_t time_us;

	if (!is_text_or_number(value))
		return field_blame(d, FAULT_TYPE, "must be a time");
	if (clock_parse(value->text, value->length, &time_us) != ST_OK)
		return field_blame(d, FAULT_VALUE,
			"must be an ISO 8601 time, or Unix seconds or "
			"milliseconds");
	memcpy(to, &time_us, sizeof(time_us));
	return ST_OK;
}

static enum status
take_tree(const struct decoding *d, const struct field *row,
	const struct value *value, void *to)
{
	bool array = row->kind == FIELD_KIND_ARRAY;

	if (value->form != VALUE_TREE || json_is_array(value->tree) != array)
		return field_blame(d, FAULT_TYPE,
			array ? "must be a list" : "must be an object");
	memcpy(to, &value->tree, sizeof(value->tree));
	return ST_OK;
}

enum status
field_take(const struct decoding *d, const struct field *row,
	const struct value *value)
{
	void *to = d->out + row->offset;

	switch (row->kind) {
	case FIELD_KIND_ID:
		return field_take_id(d, value, to);
	case FIELD_KIND_DEC:
		return take_decimal(d, value, to);
	case FIELD_KIND_ENUM:
		return take_word(d, row, value, to);
	case FIELD_KIND_TEXT:
		return take_text(d, row, value, to);
	case FIELD_KIND_BOOL:
		return take_bool(d, value, to);
	case FIELD_KIND_INT:
		return take_int(d, row, value, to);
	case FIELD_KIND_TIME:
		return take_time(d, value, to);
	case FIELD_KIND_OBJECT:
	case FIELD_KIND_ARRAY:
		return take_tree(d, row, value, to);
	case FIELD_KIND_SPELLED:
	case FIELD_KIND_ALIAS:
	case FIELD_KIND_END:
		break;
	}
	assert(!"a row that is no field");
	return ST_INTERNAL;
}

void
field_leave_absent(const struct field *row, char *out)
{
	static const struct decimal no_decimal = {INT64_MIN};
	static const int64_t no_time = TIME_NONE;
	int word;

	switch (row->kind) {
	case FIELD_KIND_DEC:
		memcpy(out + row->offset, &no_decimal, sizeof(no_decimal));
		break;
	case FIELD_KIND_TIME:
		memcpy(out + row->offset, &no_time, sizeof(no_time));
		break;
	case FIELD_KIND_ENUM:
		word = (int)row->fallback;
		memcpy(out + row->offset, &word, sizeof(word));
		break;
	case FIELD_KIND_INT:
		memcpy(out + row->offset, &row->fallback, sizeof(int64_t));
		break;
	case FIELD_KIND_ID:
	case FIELD_KIND_TEXT:
	case FIELD_KIND_BOOL:
	case FIELD_KIND_OBJECT:
	case FIELD_KIND_ARRAY:
	case FIELD_KIND_SPELLED:
	case FIELD_KIND_ALIAS:
	case FIELD_KIND_END:
		break; /* zeros, as the struct begins */
	}
}
