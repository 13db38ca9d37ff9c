/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * percent.c - percent-encoded text.
 */
#include "base/hex.h"
#include "json/fields.h"

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
			high = hex_value(text[i + 1]);
			low = hex_value(text[i + 2]);
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
