/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * positions.c - API Interfaces "Get Positions".
 *
 * "offset" and "total" are ours: the document's limit shows a hundred, and has
 * no way to the next.
 */
#include "handlers/interfaces/edition.h"
#include "handlers/positions.h"

static enum status
list(struct req *req)
{
	struct position_list found;
	struct reply *r;

	TRY(positions_read(req, &found));
	r = req_reply(req);
	positions_write(r, &found);
	reply_int(r, "total", found.total);
	return req_done(req);
}

/* clang-format off */
const struct route interfaces_positions[] = {
	{GET, "/api/v1/trading/positions", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &positions_shape},
	ROUTE_END
};
/* clang-format on */
