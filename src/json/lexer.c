/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lexer.c - tagging strings and numbers, in one pass.
 *
 * The pass knows of structure only what it needs to tell a key from a value:
 * a stack of open brackets, and whether the next token of an object is a key.
 * A number where a key belongs is refused here, because as a string it would
 * be a good key.
 */
#include "json/lexer.h"

#include <string.h>

struct lexer {
	const char *at;
	const char *end;
	char *to;
	const char *reason;
	unsigned depth;
	bool key_next;
	char open[JSON_DEPTH_MAX]; /* '{' or '[' */
};

static bool
refuse(struct lexer *lexer, const char *reason)
{
	lexer->reason = reason;
	return false;
}

static bool
is_digit(const struct lexer *lexer)
{
	return lexer->at < lexer->end && *lexer->at >= '0' && *lexer->at <= '9';
}

static bool
is_one_of(const struct lexer *lexer, const char *chars)
{
	return lexer->at < lexer->end && *lexer->at != '\0' &&
	       strchr(chars, *lexer->at) != NULL;
}

static bool
skip_digits(struct lexer *lexer)
{
	if (!is_digit(lexer))
		return false;
	while (is_digit(lexer))
		lexer->at++;
	return true;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, and then no more of it. */
static bool
skip_number(struct lexer *lexer)
{
	if (*lexer->at == '-')
		lexer->at++;
	if (is_one_of(lexer, "0"))
		lexer->at++;
	else if (!skip_digits(lexer))
		return false;
	if (is_one_of(lexer, ".")) {
		lexer->at++;
		if (!skip_digits(lexer))
			return false;
	}
	if (is_one_of(lexer, "eE")) {
		lexer->at++;
		if (is_one_of(lexer, "+-"))
			lexer->at++;
		if (!skip_digits(lexer))
			return false;
	}
	return lexer->at == lexer->end || is_one_of(lexer, " \t\r\n,]}");
}

bool
json_is_numeral(const char *text, size_t length)
{
	struct lexer lexer = {.at = text, .end = text + length};

	return length > 0 && skip_number(&lexer) && lexer.at == lexer.end;
}

static bool
take_number(struct lexer *lexer)
{
	const char *from = lexer->at;
	size_t length;

	if (lexer->key_next)
		return refuse(lexer, "a number where a name belongs");
	if (!skip_number(lexer))
		return refuse(lexer, "a number that is none");
	length = (size_t)(lexer->at - from);
	*lexer->to++ = '"';
	*lexer->to++ = JSON_TAG_NUMBER;
	memcpy(lexer->to, from, length);
	lexer->to += length;
	*lexer->to++ = '"';
	return true;
}

static bool
take_string(struct lexer *lexer)
{
	const char *from = lexer->at + 1, *p = from;
	size_t length;

	for (; p < lexer->end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	if (p >= lexer->end)
		return refuse(lexer, "a string without its end");
	length = (size_t)(p - from);
	*lexer->to++ = '"';
	if (!lexer->key_next)
		*lexer->to++ = JSON_TAG_STRING;
	memcpy(lexer->to, from, length);
	lexer->to += length;
	*lexer->to++ = '"';
	lexer->at = p + 1;
	lexer->key_next = false;
	return true;
}

static bool
take_bracket(struct lexer *lexer, char c)
{
	if (c == '{' || c == '[') {
		if (lexer->depth == JSON_DEPTH_MAX)
			return refuse(lexer, "nested too deeply");
		lexer->open[lexer->depth++] = c;
	} else {
		if (lexer->depth == 0)
			return refuse(lexer, "a bracket too many");
		lexer->depth--;
	}
	lexer->key_next = c == '{';
	*lexer->to++ = c;
	lexer->at++;
	return true;
}

static bool
take(struct lexer *lexer)
{
	char c = *lexer->at;

	switch (c) {
	case '"':
		return take_string(lexer);
	case '{':
	case '[':
	case '}':
	case ']':
		return take_bracket(lexer, c);
	case ',':
		lexer->key_next = lexer->depth > 0 &&
				  lexer->open[lexer->depth - 1] == '{';
		break;
	default:
		if (c == '-' || is_digit(lexer))
			return take_number(lexer);
		break;
	}
	*lexer->to++ = c;
	lexer->at++;
	return true;
}

enum status
json_tag(struct arena *arena, const char *text, size_t length, char **out,
	size_t *out_length, const char **reason)
{
	/* A number grows by three characters, and needs one behind it. */
	char *to = arena_alloc(arena, length + (length / 2 + 1) * 3);
	struct lexer lexer = {.at = text, .end = text + length, .to = to};

	while (lexer.at < lexer.end)
		if (!take(&lexer)) {
			*reason = lexer.reason;
			return ST_MALFORMED;
		}
	*out = to;
	*out_length = (size_t)(lexer.to - to);
	return ST_OK;
}
