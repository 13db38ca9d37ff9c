/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * positions.h - what the editions that show positions have in common.
 */
#pragma once

#include "domain/position.h"
#include "http/request.h"

struct positions_in {
	enum position_status status;
	const char *symbol;
	int64_t limit;
	int64_t offset;
};

/* status, symbol, limit and offset of a query string. */
extern const struct shape positions_shape;

/* What the query of REQ asks for, of its own user. */
enum status positions_read(
	struct req *req, struct position_list *out) MUST_USE;

/* "positions": what they are called is the same in both documents. */
void positions_write(struct reply *r, const struct position_list *list);
