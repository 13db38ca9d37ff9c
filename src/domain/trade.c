/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * trade.c - a user's trades out of MySQL, behind the settled mark.
 *
 * A user's trades are two ranges of two indexes, those he made and those he
 * took; each gives its newest, and the newest of both are what is wanted.
 */
#include "domain/trade.h"

#include "auth/session.h"
#include "db/db.h"
#include "domain/market.h"
#include "domain/settled.h"
#include "json/fields.h"

#define FILTER                                                                 \
	"AND (? IS NULL OR t.instrument_id = ?) "                              \
	"AND (? IS NULL OR t.executed_at >= ?) "

#define MADE                                                                   \
	"FROM trades t WHERE t.maker_user = ? " FILTER                         \
	"AND (? IS NULL OR t.maker_order = ?) "
#define TAKEN                                                                  \
	"FROM trades t WHERE t.taker_user = ? " FILTER                         \
	"AND (? IS NULL OR t.taker_order = ?) "

#define COMMON                                                                 \
	"t.id, t.instrument_id, t.taker_side, t.price, t.quantity, t.quote, "  \
	"t.executed_at, "

struct row {
	struct trade trade;
	struct decimal tick;
	uint8_t taker_side;
	bool maker;
};

#define INTO(row)                                                              \
	DB_OUT(db_to_ident(&(row)->trade.id),                                  \
		db_to_u16(&(row)->trade.instrument),                           \
		db_to_u8(&(row)->taker_side),                                  \
		db_to_decimal(&(row)->trade.price),                            \
		db_to_decimal(&(row)->trade.quantity),                         \
		db_to_decimal(&(row)->trade.quote),                            \
		db_to_time(&(row)->trade.executed_us),                         \
		db_to_ident(&(row)->trade.order),                              \
		db_to_decimal(&(row)->trade.fee), db_to_bool(&(row)->maker),   \
		db_to_text(&(row)->trade.symbol), db_to_decimal(&(row)->tick))

struct listing {
	const struct trade_filter *filter;
	struct trade_list *out;
};

static struct trade
trade_of(const struct row *row)
{
	struct trade trade = row->trade;

	trade.maker = row->maker;
	trade.side = row->maker ? 1 - row->taker_side : row->taker_side;
	trade.price_places = decimal_places(row->tick);
	return trade;
}

static enum status
list(struct ctx *ctx, void *arg)
{
	const struct listing *listing = arg;
	const struct trade_filter *filter = listing->filter;
	struct db_value user = db_u64(ctx->session->user);
	struct db_value market = filter->market
					 ? db_u64(filter->market->number)
					 : db_null();
	struct db_value since = db_time(filter->since_us);
	struct db_value order = db_ident_or_null(filter->order);
	struct db_value most = db_i64(filter->limit + filter->offset);
	struct trade_list found = {0};
	struct db_rows *rows;
	struct row row;

	TRY(db_query(ctx,
		"SELECT u.*, i.symbol, i.tick FROM ("
		"(SELECT " COMMON "t.maker_order, t.maker_fee, 1 AS maker " MADE
		"ORDER BY t.id DESC LIMIT ?) UNION ALL "
		"(SELECT " COMMON "t.taker_order, t.taker_fee, 0 " TAKEN
		"ORDER BY t.id DESC LIMIT ?)) u "
		"JOIN instruments i ON i.id = u.instrument_id "
		"ORDER BY u.id DESC, u.maker LIMIT ? OFFSET ?",
		DB_IN(user, market, market, since, since, order, order, most,
			user, market, market, since, since, order, order, most,
			db_i64(filter->limit), db_i64(filter->offset)),
		&rows));
	found.rows = arena_array(ctx->arena, db_count(rows),
		sizeof(*found.rows));
	while (db_next(rows, INTO(&row)))
		found.rows[found.n++] = trade_of(&row);
	TRY(db_one(ctx,
		"SELECT (SELECT COUNT(*) " MADE ") + (SELECT COUNT(*) " TAKEN
		")",
		DB_IN(user, market, market, since, since, order, order, user,
			market, market, since, since, order, order),
		DB_OUT(db_to_i64(&found.total))));
	*listing->out = found;
	return ST_OK;
}

enum status
trade_list(struct ctx *ctx, const struct trade_filter *filter,
	struct trade_list *out)
{
	struct listing listing = {filter, out};

	return settled_read(ctx, list, &listing);
}
