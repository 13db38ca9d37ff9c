/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * levels.c - a merge of two ordered lists of levels.
 */
#include "stream/levels.h"

#include <stdbool.h>

/* Whether price A comes before price B on this side of the book. */
static bool
is_better(enum side side, int64_t a, int64_t b)
{
	return side == SIDE_BUY ? a > b : a < b;
}

size_t
levels_changed(enum side side, const struct book_level *before, size_t n_before,
	const struct book_level *now, size_t n_now, struct book_level *out)
{
	const struct book_level *old_end = before + n_before;
	const struct book_level *end = now + n_now;
	size_t n = 0;

	while (before < old_end || now < end) {
		if (now == end || (before < old_end &&
					  is_better(side, before->price,
						  now->price))) {
			out[n++] = (struct book_level){before->price, 0};
			before++;
		} else if (before == old_end ||
			   before->price != now->price) {
			out[n++] = *now++;
		} else {
			if (before->quantity != now->quantity)
				out[n++] = *now;
			before++;
			now++;
		}
	}
	return n;
}
