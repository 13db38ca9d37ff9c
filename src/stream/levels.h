/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * levels.h - what changed between two states of one side of a book.
 */
#pragma once

#include <stddef.h>

#include "journal/book_page.h"
#include "wire/order.h"

#define LEVELS_CHANGED_MAX ((size_t)2 * BOOK_PAGE_LEVELS)

/*
 * Both sides are ordered best first.  OUT gets each level of NOW that is not
 * in BEFORE as it is, and each price of BEFORE that NOW has no more, with
 * quantity 0; best first, at most LEVELS_CHANGED_MAX.  Returns how many.
 */
size_t levels_changed(enum side side, const struct book_level *before,
	size_t n_before, const struct book_level *now, size_t n_now,
	struct book_level *out);
