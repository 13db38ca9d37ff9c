/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * flat.h - the quick way for the usual body; private to json/.
 *
 * Nearly every body is one object of strings without escapes, numbers, true,
 * false and null.  Such a one is cut into pairs here, in one pass and one
 * allocation.  Whatever is not exactly that, valid or not, is left to the lexer
 * and jansson, who alone say what is wrong with a text; what is taken here
 * they would have read as the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "json/take.h"

#define FLAT_PAIRS_MAX 32

struct flat_pair {
	const char *name;
	struct value value; /* STRING, NUMBER, BOOL; ABSENT for null */
};

struct flat {
	size_t n;
	struct flat_pair pairs[FLAT_PAIRS_MAX];
};

/* False: ask the others. */
bool flat_read(struct arena *arena, const char *text, size_t length,
	struct flat *out);
