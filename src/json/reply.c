/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reply.c - the JSON writer.
 */
#include "json/reply.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "json/fields.h"
#include "json/lexer.h"

#define FIRST_ROOM 1024

void
reply_init(struct reply *reply, struct arena *arena, enum numbers numbers)
{
	*reply = (struct reply){.arena = arena, .numbers = numbers};
}

static void
grow(struct reply *reply, size_t n)
{
	size_t want = reply->room ? reply->room : FIRST_ROOM;
	char *text;

	while (want - reply->length < n)
		want *= 2;
	text = arena_alloc(reply->arena, want);
	if (reply->length > 0)
		memcpy(text, reply->text, reply->length);
	reply->text = text;
	reply->room = want;
}

/* Make room for N more bytes and return where they go. */
static inline char *
room(struct reply *reply, size_t n)
{
	if (reply->room - reply->length < n)
		grow(reply, n);
	return reply->text + reply->length;
}

static inline void
put(struct reply *reply, const char *bytes, size_t n)
{
	memcpy(room(reply, n), bytes, n);
	reply->length += n;
}

static inline void
put_char(struct reply *reply, char c)
{
	*room(reply, 1) = c;
	reply->length++;
}

/* How long the UTF-8 sequence at TEXT is; 0 when it is none. */
static size_t
sequence_length(const unsigned char *text, size_t left)
{
	unsigned char c = text[0];
	size_t n, i;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (left < n)
		return 0;
	for (i = 1; i < n; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong, a surrogate, or beyond U+10FFFF. */
	if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) ||
		(c == 0xf0 && text[1] < 0x90) || (c == 0xf4 && text[1] > 0x8f))
		return 0;
	return n;
}

bool
utf8_valid(const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t at, n;

	for (at = 0; at < length; at += n) {
		n = sequence_length(bytes + at, length - at);
		if (n == 0)
			return false;
	}
	return true;
}

static void
put_escape(struct reply *reply, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	switch (c) {
	case '"':
	case '\\':
		text[1] = (char)c;
		break;
	case '\n':
		text[1] = 'n';
		break;
	case '\r':
		text[1] = 'r';
		break;
	case '\t':
		text[1] = 't';
		break;
	default:
		put(reply, text, 6);
		return;
	}
	put(reply, text, 2);
}

/* What stands in a string as it is, one byte a character. */
static const bool is_plain[256] = {
	[' ' ... '!'] = true,
	['#' ... '['] = true,
	[']' ... 0x7f] = true,
};

static void
put_string(struct reply *reply, const char *text, size_t length)
{
	const unsigned char *bytes = (const unsigned char *)text;
	size_t from = 0, at = 0, n;

	put_char(reply, '"');
	for (;;) {
		unsigned char c;

		while (at < length && is_plain[bytes[at]])
			at++;
		if (at == length)
			break;
		c = bytes[at];
		n = c >= 0x80 ? sequence_length(bytes + at, length - at) : 0;
		if (n > 0) {
			at += n;
			continue;
		}
		put(reply, text + from, at - from);
		if (c >= 0x80)
			put(reply, "\xef\xbf\xbd", 3);
		else
			put_escape(reply, c);
		from = ++at;
	}
	put(reply, text + from, length - from);
	put_char(reply, '"');
}

/* The comma and the name that go before a value. */
static void
lead(struct reply *reply, const char *key)
{
	assert((key != NULL) ==
		(reply->depth > 0 && reply->closers[reply->depth - 1] == '}'));
	assert(reply->depth > 0 || reply->length == 0);
	if (reply->filled)
		put_char(reply, ',');
	reply->filled = true;
	if (!key)
		return;
	put_string(reply, key, strlen(key));
	put_char(reply, ':');
}

static void
open_container(struct reply *reply, const char *key, char opener, char closer)
{
	lead(reply, key);
	assert(reply->depth < REPLY_DEPTH_MAX);
	reply->closers[reply->depth++] = closer;
	reply->filled = false;
	put_char(reply, opener);
}

void
reply_object(struct reply *reply, const char *key)
{
	open_container(reply, key, '{', '}');
}

void
reply_array(struct reply *reply, const char *key)
{
	open_container(reply, key, '[', ']');
}

void
reply_end(struct reply *reply)
{
	assert(reply->depth > 0);
	put_char(reply, reply->closers[--reply->depth]);
	reply->filled = true;
}

void
reply_text_n(
	struct reply *reply, const char *key, const char *text, size_t length)
{
	lead(reply, key);
	put_string(reply, text, length);
}

void
reply_text(struct reply *reply, const char *key, const char *text)
{
	if (text)
		reply_text_n(reply, key, text, strlen(text));
	else
		reply_null(reply, key);
}

void
reply_raw(struct reply *reply, const char *key, const char *json, size_t length)
{
	lead(reply, key);
	put(reply, json, length);
}

void
reply_null(struct reply *reply, const char *key)
{
	reply_raw(reply, key, "null", 4);
}

void
reply_bool(struct reply *reply, const char *key, bool value)
{
	if (value)
		reply_raw(reply, key, "true", 4);
	else
		reply_raw(reply, key, "false", 5);
}

void
reply_int(struct reply *reply, const char *key, int64_t value)
{
	char text[24], *at = text + sizeof(text);
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (value < 0)
		*--at = '-';
	reply_raw(reply, key, at, (size_t)(text + sizeof(text) - at));
}

/* TEXT needs no escapes: digits, hyphens and the like. */
static void
put_plain_string(
	struct reply *reply, const char *key, const char *text, size_t length)
{
	lead(reply, key);
	put_char(reply, '"');
	put(reply, text, length);
	put_char(reply, '"');
}

void
reply_ident(struct reply *reply, const char *key, struct ident id)
{
	char text[IDENT_TEXT_MAX];

	if (ident_is_none(id)) {
		reply_null(reply, key);
		return;
	}
	ident_format(id, text);
	put_plain_string(reply, key, text, IDENT_TEXT_MAX - 1);
}

static void
put_time(struct reply *reply, const char *key, int64_t time_us, int places)
{
	char text[CLOCK_TEXT_MAX];

	if (time_us == TIME_NONE)
		reply_null(reply, key);
	else
		put_plain_string(
			reply, key, text, clock_format(time_us, places, text));
}

void
reply_time(struct reply *reply, const char *key, int64_t time_us)
{
	put_time(reply, key, time_us, time_us % US_PER_SECOND == 0 ? 0 : 6);
}

void
reply_time_ms(struct reply *reply, const char *key, int64_t time_us)
{
	put_time(reply, key, time_us, 3);
}

void
reply_sum(struct reply *reply, const char *key, __int128 units, int min_places)
{
	bool quoted = reply->numbers == NUMBERS_STRING;

	lead(reply, key);
	if (quoted)
		put_char(reply, '"');
	reply->length += decimal_format_sum(units, quoted ? min_places : 0,
		room(reply, DECIMAL_SUM_TEXT_MAX));
	if (quoted)
		put_char(reply, '"');
}

void
reply_dec_places(struct reply *reply, const char *key, struct decimal value,
	int min_places)
{
	if (decimal_is_none(value))
		reply_null(reply, key);
	else
		reply_sum(reply, key, value.units, min_places);
}

void
reply_dec(struct reply *reply, const char *key, struct decimal value)
{
	reply_dec_places(reply, key, value, 0);
}

void
reply_money(struct reply *reply, const char *key, struct decimal value)
{
	reply_dec_places(reply, key, value, 2);
}

void
reply_number(struct reply *reply, const char *key, struct decimal value)
{
	char text[DECIMAL_TEXT_MAX];

	if (decimal_is_none(value))
		reply_null(reply, key);
	else
		reply_raw(reply, key, text, decimal_format(value, 0, text));
}

static void
put_members(struct reply *reply, const json_t *value)
{
	/* jansson's iterators only read, but are not declared so. */
	json_t *object = (json_t *)(uintptr_t)value, *member;
	const char *name;

	json_object_foreach(object, name, member)
		reply_json(reply, name, member);
}

/* As json_read() made it: the first character of a string tells what it is. */
static void
put_tagged(struct reply *reply, const char *key, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);

	assert(length > 0);
	if (text[0] == JSON_TAG_NUMBER)
		reply_raw(reply, key, text + 1, length - 1);
	else
		reply_text_n(reply, key, text + 1, length - 1);
}

void
reply_json(struct reply *reply, const char *key, const json_t *value)
{
	size_t i;

	if (json_is_object(value)) {
		reply_object(reply, key);
		put_members(reply, value);
		reply_end(reply);
	} else if (json_is_array(value)) {
		reply_array(reply, key);
		for (i = 0; i < json_array_size(value); i++)
			reply_json(reply, NULL, json_array_get(value, i));
		reply_end(reply);
	} else if (json_is_string(value)) {
		put_tagged(reply, key, value);
	} else if (json_is_boolean(value)) {
		reply_bool(reply, key, json_is_true(value));
	} else {
		/* Numbers never get past the lexer. */
		assert(!value || json_is_null(value));
		reply_null(reply, key);
	}
}

const char *
reply_text_of(struct reply *reply, size_t *length)
{
	assert(reply->depth == 0 && reply->length > 0);
	*room(reply, 1) = '\0';
	if (length)
		*length = reply->length;
	return reply->text;
}
