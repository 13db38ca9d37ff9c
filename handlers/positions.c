/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * positions.c - positions by the query, and a position in JSON.
 *
 * The documents' side is "buy|sell"; on a spot exchange nobody owes coins, so
 * that it is always "buy".
 */
#include "handlers/positions.h"

#include "domain/market_data.h"

static const struct word statuses[] = {
	{"open", POSITION_OPEN},
	{"closed", POSITION_CLOSED},
	{"all", POSITION_ALL},
	{NULL, 0},
};

static const struct field fields[] = {
	FIELD_ENUM_OR(positions_in, status, OPTIONAL, POSITION_OPEN, statuses),
	FIELD_TEXT(positions_in, symbol, OPTIONAL, 1, 32),
	FIELD_INT_OR(positions_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(positions_in, offset, OPTIONAL, 0, 1000000000),
	FIELD_END,
};
const struct shape positions_shape = SHAPE(positions_in, fields);

enum status
positions_read(struct req *req, struct position_list *out)
{
	const struct positions_in *in = req->query;
	struct position_filter filter = {.status = in->status,
		.limit = in->limit,
		.offset = in->offset};
	struct market market;

	if (in->symbol) {
		TRY(market_find(&req->ctx, in->symbol, &market));
		filter.market = &market;
	}
	return position_list(&req->ctx, &filter, out);
}

static void
write_one(struct reply *r, const struct position_view *position)
{
	const struct position_value *value = &position->value;

	reply_object(r, NULL);
	reply_ident(r, "id", position->id);
	reply_text(r, "symbol", position->symbol);
	reply_text(r, "exchange", VENUE_HOUSE);
	reply_text(r, "side", "buy");
	reply_text(r, "status", position->open ? "open" : "closed");
	reply_dec(r, "quantity", value->quantity);
	reply_dec(r, "entry_price", value->entry_price);
	reply_dec(r, "current_price", value->current_price);
	reply_sum(r, "pnl", value->pnl, 2);
	if (value->has_percent)
		reply_sum(r, "pnl_percentage", value->percent, 2);
	else
		reply_null(r, "pnl_percentage");
	reply_sum(r, "realised_pnl", value->realised, 2);
	reply_sum(r, "unrealised_pnl", value->unrealised, 2);
	reply_time(r, "opened_at", position->opened_us);
	reply_time(r, "updated_at", position->updated_us);
	reply_time(r, "closed_at", position->closed_us);
	reply_end(r);
}

void
positions_write(struct reply *r, const struct position_list *list)
{
	size_t i;

	reply_array(r, "positions");
	for (i = 0; i < list->n; i++)
		write_one(r, &list->rows[i]);
	reply_end(r);
}
