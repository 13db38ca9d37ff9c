/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user_sort.c - a radix sort, eleven bits at a time.
 *
 * Comparing would take milliseconds for the orders of a large batch.
 */
#include "settle/user_sort.h"

#include <stdlib.h>
#include <string.h>

#define DIGIT_BITS 11
#define DIGITS (1 << DIGIT_BITS)

static uint32_t *
more(uint32_t *numbers, size_t n)
{
	numbers = reallocarray(numbers, n, sizeof(*numbers));
	if (!numbers)
		abort();
	return numbers;
}

/* From lane 0 to lane 1, by the digit at SHIFT; they change places then. */
static void
pass(struct user_sort *sort, size_t n, unsigned shift)
{
	uint32_t at[DIGITS] = {0}, sum = 0, *swap;
	const uint32_t *keys = sort->keys[0];
	size_t i;

	for (i = 0; i < n; i++)
		at[keys[i] >> shift & (DIGITS - 1)]++;
	for (i = 0; i < DIGITS; i++) {
		uint32_t count = at[i];

		at[i] = sum;
		sum += count;
	}
	for (i = 0; i < n; i++) {
		uint32_t to = at[keys[i] >> shift & (DIGITS - 1)]++;

		sort->keys[1][to] = keys[i];
		sort->rows[1][to] = sort->rows[0][i];
	}
	swap = sort->keys[0];
	sort->keys[0] = sort->keys[1];
	sort->keys[1] = swap;
	swap = sort->rows[0];
	sort->rows[0] = sort->rows[1];
	sort->rows[1] = swap;
}

const uint32_t *
user_sort(struct user_sort *sort, const struct rows *rows, size_t offset)
{
	const char *at = (const char *)rows->at + offset;
	uint32_t greatest = 0;
	unsigned shift;
	size_t i;

	if (sort->room < rows->n || sort->room == 0) {
		sort->room = rows->room;
		for (i = 0; i < 2; i++) {
			sort->keys[i] = more(sort->keys[i], sort->room);
			sort->rows[i] = more(sort->rows[i], sort->room);
		}
	}
	for (i = 0; i < rows->n; i++, at += rows->size) {
		memcpy(&sort->keys[0][i], at, sizeof(uint32_t));
		sort->rows[0][i] = (uint32_t)i;
		if (sort->keys[0][i] > greatest)
			greatest = sort->keys[0][i];
	}
	for (shift = 0; shift < 32 && greatest >> shift != 0;
		shift += DIGIT_BITS)
		pass(sort, rows->n, shift);
	return sort->rows[0];
}

void
user_sort_done(struct user_sort *sort)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		free(sort->keys[i]);
		free(sort->rows[i]);
	}
}
