/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * value.c - the values that json_read() makes, one by one.
 */
#include <stdlib.h>
#include <string.h>

#include "json/fields.h"
#include "json/lexer.h"
#include "json/reply.h"

const char *
json_text(struct arena *arena, const json_t *value, size_t *length)
{
	struct reply reply;

	reply_init(&reply, arena, NUMBERS_JSON);
	reply_json(&reply, NULL, value);
	return reply_text_of(&reply, length);
}

const char *
json_string_text(const json_t *value)
{
	const char *text = json_string_value(value);

	return text && text[0] == JSON_TAG_STRING ? text + 1 : NULL;
}

enum status
json_decimal(const json_t *value, struct decimal *out)
{
	const char *text = json_string_value(value);

	return text ? decimal_parse(text + 1, out) : ST_INVALID;
}

static json_t *
make(char tag, const char *text)
{
	size_t length = strlen(text);
	char *tagged = malloc(length + 2);
	json_t *value;

	if (!tagged)
		abort();
	tagged[0] = tag;
	memcpy(tagged + 1, text, length + 1);
	value = json_stringn(tagged, length + 1);
	free(tagged);
	return value;
}

json_t *
json_make_string(const char *text)
{
	return make(JSON_TAG_STRING, text);
}

json_t *
json_make_number(const char *digits)
{
	return make(JSON_TAG_NUMBER, digits);
}
