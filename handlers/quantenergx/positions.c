/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * positions.c - QuantEnergX "Trading": the positions.
 */
#include "handlers/positions.h"
#include "handlers/quantenergx/edition.h"

static enum status
list(struct req *req)
{
	const struct positions_in *in = req->query;
	struct position_list found;
	struct reply *r;

	TRY(positions_read(req, &found));
	r = req_reply(req);
	positions_write(r, &found);
	reply_int(r, "total", found.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

/* clang-format off */
const struct route quantenergx_positions[] = {
	{GET, "/v1/trading/positions", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &positions_shape},
	ROUTE_END
};
/* clang-format on */
