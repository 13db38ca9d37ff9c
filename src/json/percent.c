/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * percent.c - percent-encoded text.
 */
#include "json/fields.h"

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool
percent_decode(struct arena *arena, const char *text, size_t length, bool plus,
	char **out)
{
	char *copy = arena_alloc(arena, length + 1), *to = copy;
	size_t i;

	for (i = 0; i < length; i++) {
		char c = text[i];

		if (c == '%') {
			int high, low;

			if (length - i < 3)
				return false;
			high = hex_digit(text[i + 1]);
			low = hex_digit(text[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		if (c == '\0')
			return false;
		*to++ = c;
	}
	*to = '\0';
	*out = copy;
	return true;
}
