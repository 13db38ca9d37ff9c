/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * user_sort.h - in which order rows go user by user.
 *
 * A stable sort of row numbers: what is of one user keeps its order.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "settle/batch.h"

/* Room that is kept from batch to batch; begins as zeros. */
struct user_sort {
	uint32_t *keys[2], *rows[2];
	size_t room;
};

/*
 * The numbers of ROWS in the order of their users, a uint32_t at OFFSET of
 * each row.  Good until the next call.
 */
const uint32_t *user_sort(
	struct user_sort *sort, const struct rows *rows, size_t offset);

void user_sort_done(struct user_sort *sort);
