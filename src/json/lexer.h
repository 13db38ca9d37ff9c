/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lexer.h - what stands between a client's JSON and jansson.
 *
 * jansson reads numbers into doubles and integers of 64 bits, so none may
 * reach it.  json_tag() rewrites a text so that each number is a string of its
 * own digits behind an 'n', and each string value begins with an 's':
 *
 *	{"price": 1e-7, "side": "buy"}  ->  {"price": "n1e-7", "side": "sbuy"}
 *
 * Keys stay as they are.  The rewriting checks the grammar of numbers and the
 * depth; everything else about the text is left as it was for jansson to
 * judge, and can't become well-formed by being rewritten.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"

#define JSON_DEPTH_MAX 16
#define JSON_TAG_STRING 's'
#define JSON_TAG_NUMBER 'n'

/*
 * Rewrite LENGTH bytes at TEXT into the arena.  ST_MALFORMED with a static
 * sentence in *REASON.
 */
enum status json_tag(struct arena *arena, const char *text, size_t length,
	char **out, size_t *out_length, const char **reason) MUST_USE;

/* Whether all of TEXT is a number as JSON writes them. */
bool json_is_numeral(const char *text, size_t length);
