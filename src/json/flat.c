/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * flat.c - cutting a flat object into pairs.
 *
 * The text is read from where it is and cut in a copy, so that the NUL behind
 * a number can take the place of its delimiter.
 */
#include "json/flat.h"

#include <string.h>

#include "json/lexer.h"

struct scan {
	const char *text;
	const char *at;
	const char *end;
	char *copy; /* of the text, as long */
	bool ascii; /* so far */
};

static void
skip_space(struct scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' ||
			*scan->at == '\t'))
		scan->at++;
}

/* The next character, without space before it; '\0' at the end. */
static char
peek(struct scan *scan)
{
	skip_space(scan);
	return scan->at < scan->end ? *scan->at : '\0';
}

static bool
take_char(struct scan *scan, char c)
{
	if (peek(scan) != c)
		return false;
	scan->at++;
	return true;
}

/* What was read since FROM, ended by a NUL in the copy. */
static const char *
cut(struct scan *scan, const char *from)
{
	scan->copy[scan->at - scan->text] = '\0';
	return scan->copy + (from - scan->text);
}

static bool
take_string(struct scan *scan, const char **out, size_t *length)
{
	const char *from;

	if (!take_char(scan, '"'))
		return false;
	for (from = scan->at; scan->at < scan->end; scan->at++) {
		unsigned char c = (unsigned char)*scan->at;

		if (c == '"') {
			*length = (size_t)(scan->at - from);
			*out = cut(scan, from);
			scan->at++;
			return true;
		}
		if (c < 0x20 || c == '\\')
			return false;
		scan->ascii &= c < 0x80;
	}
	return false;
}

static bool
take_word(struct scan *scan, const char *word)
{
	size_t length = strlen(word);

	if ((size_t)(scan->end - scan->at) < length ||
		memcmp(scan->at, word, length) != 0)
		return false;
	scan->at += length;
	return true;
}

static bool
is_of_number(char c)
{
	return (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '+' ||
	       c == 'e' || c == 'E';
}

static bool
take_number(struct scan *scan, struct value *out)
{
	const char *from = scan->at;

	while (scan->at < scan->end && is_of_number(*scan->at))
		scan->at++;
	out->form = VALUE_NUMBER;
	out->length = (size_t)(scan->at - from);
	if (!json_is_numeral(from, out->length))
		return false;
	out->text = cut(scan, from);
	return true;
}

static bool
take_value(struct scan *scan, struct value *out)
{
	switch (peek(scan)) {
	case '"':
		out->form = VALUE_STRING;
		return take_string(scan, &out->text, &out->length);
	case 't':
		out->form = VALUE_BOOL;
		out->truth = true;
		return take_word(scan, "true");
	case 'f':
		out->form = VALUE_BOOL;
		return take_word(scan, "false");
	case 'n':
		return take_word(scan, "null");
	default:
		return take_number(scan, out);
	}
}

static bool
is_new(const struct flat *flat, const char *name)
{
	size_t i;

	for (i = 0; i < flat->n; i++)
		if (flat->pairs[i].name[0] == name[0] &&
			strcmp(flat->pairs[i].name, name) == 0)
			return false;
	return true;
}

static bool
take_pair(struct scan *scan, struct flat *out)
{
	struct flat_pair *pair = &out->pairs[out->n];
	size_t length;

	if (out->n == FLAT_PAIRS_MAX)
		return false;
	*pair = (struct flat_pair){.value = {.form = VALUE_ABSENT}};
	if (!take_string(scan, &pair->name, &length) ||
		!is_new(out, pair->name) || !take_char(scan, ':') ||
		!take_value(scan, &pair->value))
		return false;
	out->n++;
	return true;
}

bool
flat_read(struct arena *arena, const char *text, size_t length,
	struct flat *out)
{
	struct scan scan = {.text = text,
		.at = text,
		.end = text + length,
		.ascii = true};

	out->n = 0;
	if (!take_char(&scan, '{'))
		return false;
	/* One more, for the NUL of a number at the very end. */
	scan.copy = arena_strndup(arena, text, length);
	if (!take_char(&scan, '}'))
		do
			if (!take_pair(&scan, out))
				return false;
		while (take_char(&scan, ','));
	if (out->n > 0 && !take_char(&scan, '}'))
		return false;
	skip_space(&scan);
	return scan.at == scan.end && (scan.ascii || utf8_valid(text, length));
}
