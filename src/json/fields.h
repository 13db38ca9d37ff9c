/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fields.h - what a body or a query string holds, as a table.
 *
 * A shape lists the fields that a route accepts and where in a struct each is
 * put; decoding checks them all before a handler runs.  The same table reads
 * a JSON object and a query string.
 *
 *	struct place_in {
 *		enum side side;
 *		struct decimal price;
 *		const char *note;
 *	};
 *	static const struct field place_fields[] = {
 *		FIELD_ENUM(place_in, side, REQUIRED, sides),
 *		FIELD_DEC(place_in, price, OPTIONAL),
 *		FIELD_TEXT(place_in, note, OPTIONAL, 0, 200),
 *		FIELD_SPELLED("comment"),
 *		FIELD_END,
 *	};
 *	static const struct shape place_shape = SHAPE(place_in, place_fields);
 *
 * Absent and null are alike.  What an absent optional field leaves behind:
 *
 *	ID IDENT_NONE    DEC DECIMAL_NONE    TIME TIME_NONE    ENUM WORD_NONE
 *	TEXT NULL        OBJECT NULL         BOOL false        INT its fallback
 *
 * and shape_has() tells whether it was there, where that value is ambiguous.
 *
 * A decimal is a JSON number or a string holding one, exactly.  A name that
 * the table does not list is ignored, but "role", "balance", "status" and
 * "user_id" (unless it is SELF) are refused in a body: who sends them means
 * something that would otherwise silently not happen.
 *
 * Failures are recorded by fail() with place, kind and field: ST_MALFORMED
 * for what is no JSON object (depth above 16, a duplicate key, broken UTF-8,
 * …), else ST_INVALID.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"

#define TIME_NONE INT64_MIN
#define WORD_NONE (-1)
#define FIELDS_MAX 64

enum field_need { OPTIONAL, REQUIRED };

enum field_kind {
	FIELD_KIND_END,
	FIELD_KIND_ID,
	FIELD_KIND_DEC,
	FIELD_KIND_ENUM,
	FIELD_KIND_TEXT,
	FIELD_KIND_BOOL,
	FIELD_KIND_INT,
	FIELD_KIND_TIME,
	FIELD_KIND_OBJECT,
	FIELD_KIND_ARRAY,
	FIELD_KIND_SPELLED, /* about the row above, no field of its own */
	FIELD_KIND_ALIAS
};

/* A word of a document, and our number for it; the last has text NULL. */
struct word {
	const char *text;
	int value;
};

struct field {
	const char *name;
	enum field_kind kind;
	enum field_need need;
	size_t offset;
	/* INT: of the value; TEXT: of characters; ENUM: min 1 is any case */
	int64_t min, max;
	int64_t fallback; /* INT, ENUM */
	const struct word *words;
};

struct shape {
	const struct field *fields;
	size_t size;
};

#define SHAPE(type, table) {.fields = (table), .size = sizeof(struct type)}

/* The offset of a member, which must be of type WANT. */
#define FIELD_AT(type, member, want)                                           \
	(offsetof(struct type, member) +                                       \
		0 * sizeof(_Generic(&((struct type *)0)->member, want * : 1)))
/* An enum, int or unsigned: any type that is as wide as an int. */
#define FIELD_AT_WORD(type, member)                                            \
	(offsetof(struct type, member) +                                       \
		0 * sizeof(char[sizeof(((struct type *)0)->member) ==          \
					sizeof(int) ? 1 : -1]))

#define FIELD_ID(type, member, need_)                                          \
	{.name = #member, .kind = FIELD_KIND_ID, .need = (need_),              \
		.offset = FIELD_AT(type, member, struct ident)}
#define FIELD_DEC(type, member, need_)                                         \
	{.name = #member, .kind = FIELD_KIND_DEC, .need = (need_),             \
		.offset = FIELD_AT(type, member, struct decimal)}
#define FIELD_ENUM(type, member, need_, words_)                                \
	FIELD_ENUM_OR(type, member, need_, WORD_NONE, words_)
#define FIELD_ENUM_OR(type, member, need_, fallback_, words_)                  \
	{.name = #member, .kind = FIELD_KIND_ENUM, .need = (need_),            \
		.offset = FIELD_AT_WORD(type, member),                         \
		.fallback = (fallback_), .words = (words_)}
/* The same, read in capitals and small letters alike. */
#define FIELD_WORD(type, member, need_, fallback_, words_)                     \
	{.name = #member, .kind = FIELD_KIND_ENUM, .need = (need_),            \
		.offset = FIELD_AT_WORD(type, member), .min = 1,               \
		.fallback = (fallback_), .words = (words_)}
/* MIN to MAX characters (not bytes) of text without control characters. */
#define FIELD_TEXT(type, member, need_, min_, max_)                            \
	{.name = #member, .kind = FIELD_KIND_TEXT, .need = (need_),            \
		.offset = FIELD_AT(type, member, const char *),                \
		.min = (min_), .max = (max_)}
#define FIELD_BOOL(type, member, need_)                                        \
	{.name = #member, .kind = FIELD_KIND_BOOL, .need = (need_),            \
		.offset = FIELD_AT(type, member, bool)}
/* An int64_t member.  FIELD_INT's fallback is 0. */
#define FIELD_INT(type, member, need_, min_, max_)                             \
	FIELD_INT_OR(type, member, need_, 0, min_, max_)
#define FIELD_INT_OR(type, member, need_, fallback_, min_, max_)               \
	{.name = #member, .kind = FIELD_KIND_INT, .need = (need_),             \
		.offset = FIELD_AT(type, member, int64_t),                     \
		.fallback = (fallback_), .min = (min_), .max = (max_)}
/* An int64_t of microseconds; ISO 8601, seconds or milliseconds. */
#define FIELD_TIME(type, member, need_)                                        \
	{.name = #member, .kind = FIELD_KIND_TIME, .need = (need_),            \
		.offset = FIELD_AT(type, member, int64_t)}
/*
 * A json_t * to any object, or array, owned by the arena.  Its numbers are
 * still exact text: read it by json_decode(), write it by json_text() or
 * reply_json(), never by jansson's own number functions.  In a query string
 * it is refused.
 */
#define FIELD_OBJECT(type, member, need_)                                      \
	{.name = #member, .kind = FIELD_KIND_OBJECT, .need = (need_),          \
		.offset = FIELD_AT(type, member, json_t *)}
#define FIELD_ARRAY(type, member, need_)                                       \
	{.name = #member, .kind = FIELD_KIND_ARRAY, .need = (need_),           \
		.offset = FIELD_AT(type, member, json_t *)}
/* The document has another name for the row above than our struct. */
#define FIELD_SPELLED(name_) {.name = (name_), .kind = FIELD_KIND_SPELLED}
/* The row above is also read under this name, when it is not there itself. */
#define FIELD_ALIAS(name_) {.name = (name_), .kind = FIELD_KIND_ALIAS}
#define FIELD_END {.name = NULL, .kind = FIELD_KIND_END}

/* Which rows of a shape were given a value: one bit a row. */
struct fields_given {
	uint64_t rows;
};

/* Whether the field whose member is at OFFSET of SHAPE's struct was given. */
bool shape_has(const struct shape *shape, struct fields_given given,
	size_t offset);
#define HAS(shape, given, type, member)                                        \
	shape_has(shape, given, offsetof(struct type, member))

/*
 * Read the LENGTH bytes of a JSON object at TEXT into OUT, a struct of
 * SHAPE's size.  SELF is the caller's own public id, or IDENT_NONE.  SHAPE
 * may be NULL: then only the refused names are looked for.  OUT and GIVEN are
 * written only on ST_OK.
 */
enum status fields_from_body(struct ctx *ctx, const struct shape *shape,
	const char *text, size_t length, struct ident self, void *out,
	struct fields_given *given) MUST_USE;

/* The same of a query string "a=b&c=d", without its '?'; TEXT may be NULL. */
enum status fields_from_query(struct ctx *ctx, const struct shape *shape,
	const char *text, void *out, struct fields_given *given) MUST_USE;

/* ---- JSON inside JSON --------------------------------------------------- */

/*
 * Parse TEXT, any JSON value up to 16 levels deep, numbers kept exactly.  The
 * value belongs to the arena.  ST_MALFORMED with a reason otherwise.
 */
enum status json_read(struct ctx *ctx, const char *text, size_t length,
	json_t **out) MUST_USE;

/* Decode an object from json_read() or FIELD_OBJECT by a SHAPE. */
enum status json_decode(struct ctx *ctx, const struct shape *shape,
	json_t *object, void *out, struct fields_given *given) MUST_USE;

/* Its compact text, numbers digit for digit as they came; in the arena. */
const char *json_text(struct arena *arena, const json_t *value,
	size_t *length);

/* The text of a string value; NULL when VALUE is NULL or no string. */
const char *json_string_text(const json_t *value);

/* A number (or a string that holds one) as a decimal, exactly. */
enum status json_decimal(const json_t *value, struct decimal *out) MUST_USE;

/* A string or number in the form that json_read() makes; for json_decode(). */
json_t *json_make_string(const char *text);
json_t *json_make_number(const char *digits);

/* ---- Percent encoding --------------------------------------------------- */

/*
 * Decode %XX of LENGTH bytes at TEXT, and '+' as a space if PLUS, into the
 * arena.  False for a broken escape or a NUL.
 */
bool percent_decode(struct arena *arena, const char *text, size_t length,
	bool plus, char **out);

/* Whether TEXT is UTF-8 (no surrogates, nothing overlong). */
bool utf8_valid(const char *text, size_t length);
