/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reply.h - writing JSON, streaming, with exact numbers.
 *
 * A reply is text that grows in an arena.  Values are written in order; in an
 * object each has a KEY, in an array (and at the top) KEY is NULL.  Commas
 * are put where they belong.  Nothing can fail: a wrong order of calls is a
 * bug of ours and asserts.
 *
 * How a decimal looks is the edition's: NUMBERS_JSON writes 49990.75,
 * NUMBERS_STRING "49990.75".  What has no value is written as null.
 *
 *	reply_object(r, "order");
 *	reply_ident(r, "id", order->id);
 *	reply_dec(r, "quantity", order->quantity);
 *	reply_end(r);
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/decimal.h"
#include "base/ident.h"

enum numbers { NUMBERS_JSON, NUMBERS_STRING };

#define REPLY_DEPTH_MAX 32

struct reply {
	struct arena *arena;
	char *text; /* LENGTH bytes; NUL-terminated only by reply_text_of() */
	size_t length;
	size_t room;
	enum numbers numbers;
	unsigned depth;
	bool filled; /* the innermost container has a value already */
	char closers[REPLY_DEPTH_MAX];
};

void reply_init(struct reply *reply, struct arena *arena,
	enum numbers numbers);

void reply_object(struct reply *reply, const char *key);
void reply_array(struct reply *reply, const char *key);
/* Close the innermost object or array. */
void reply_end(struct reply *reply);

/* TEXT is UTF-8 or NULL; what is not UTF-8 in it becomes U+FFFD. */
void reply_text(struct reply *reply, const char *key, const char *text);
void reply_text_n(struct reply *reply, const char *key, const char *text,
	size_t length);
void reply_int(struct reply *reply, const char *key, int64_t value);
void reply_bool(struct reply *reply, const char *key, bool value);
void reply_null(struct reply *reply, const char *key);
/* IDENT_NONE is null. */
void reply_ident(struct reply *reply, const char *key, struct ident id);

/* ISO 8601, whole seconds if they are, else six places; TIME_NONE is null. */
void reply_time(struct reply *reply, const char *key, int64_t time_us);
/* The same with milliseconds, always: "2025-12-17T10:00:00.123Z". */
void reply_time_ms(struct reply *reply, const char *key, int64_t time_us);

/*
 * A decimal as the edition writes them; DECIMAL_NONE is null.  Of the forms
 * that take MIN_PLACES a string has at least so many: a price those of its
 * tick ("45000.00"), an amount of money two.  A JSON number has no trailing
 * zeros in any case.
 */
void reply_dec(struct reply *reply, const char *key, struct decimal value);
void reply_dec_places(struct reply *reply, const char *key,
	struct decimal value, int min_places);
void reply_money(struct reply *reply, const char *key, struct decimal value);
/* A sum of more than 64 bits. */
void reply_sum(struct reply *reply, const char *key, __int128 units,
	int min_places);
/* Always a JSON number, in every edition (a rate, a percentage). */
void reply_number(struct reply *reply, const char *key, struct decimal value);

/* LENGTH bytes of text that is JSON already, such as MySQL kept for us. */
void reply_raw(struct reply *reply, const char *key, const char *json,
	size_t length);
/* A value from json_read() or FIELD_OBJECT; NULL is null. */
void reply_json(struct reply *reply, const char *key, const json_t *value);

/* The whole text, NUL-terminated.  All containers must have been closed. */
const char *reply_text_of(struct reply *reply, size_t *length);
