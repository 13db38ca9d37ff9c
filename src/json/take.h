/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * take.h - one value into one field; private to json/.
 *
 * Whatever a value comes from, a JSON tree or a query string, it is first
 * brought to one form, so that there is one decoder for each kind of field.
 */
#pragma once

#include "json/fields.h"

/* A value on its way into a struct. */
struct value {
	enum {
		VALUE_ABSENT,
		VALUE_STRING,
		VALUE_NUMBER,
		VALUE_BOOL,
		VALUE_TREE, /* an object or array */
		VALUE_LOOSE /* of a query string: whatever the field wants */
	} form;
	const char *text; /* STRING, NUMBER, LOOSE; NUL-terminated */
	size_t length;
	bool truth;
	json_t *tree;
};

/* Where a decoding stands, and what it is about. */
struct decoding {
	struct ctx *ctx;
	enum fault_place place;
	const char *name; /* of the field, as the document spells it */
	char *out;
};

/* Record what is wrong with the field that D is about: "price" "must be …". */
enum status field_blame(const struct decoding *d, enum fault_kind kind,
	const char *reason);

/* Put VALUE, which is there, where ROW wants it; or blame it. */
enum status field_take(const struct decoding *d, const struct field *row,
	const struct value *value) MUST_USE;

enum status field_take_id(const struct decoding *d, const struct value *value,
	void *to) MUST_USE;

/* What an optional field holds when it was not given. */
void field_leave_absent(const struct field *row, char *out);
