/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_read.c - orders out of MySQL, behind the settled mark.
 *
 * The filters are question marks in one statement each: a filter that is not
 * used is a value that lets everything pass.  Live orders have a statement of
 * their own, because they are few and an index finds them, while a market
 * maker's past ones are millions.
 */
#include <string.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/order.h"
#include "domain/settled.h"
#include "json/fields.h"
#include "wire/ids.h"

#define COLUMNS                                                                \
	"o.id, o.user_id, o.instrument_id, i.symbol, i.tick, o.side, o.type, " \
	"o.tif, o.stp, o.flags, o.status, o.reason, o.price, o.quantity, "     \
	"o.quote_budget, o.stop_price, o.filled, o.quote, o.fee, "             \
	"o.client_id, o.opened_at, o.updated_at, o.triggered_at, o.closed_at "

#define FROM "FROM orders o JOIN instruments i ON i.id = o.instrument_id "

/* The instrument or NULL, twice; statuses; enum order_partly, twice. */
#define FILTER                                                                 \
	"AND (? IS NULL OR o.instrument_id = ?) "                              \
	"AND (1 << o.status) & ? <> 0 "                                        \
	"AND (? = 0 OR (o.filled > 0) = ? - 1) "

#define WHERE_ALL "WHERE o.user_id = ? " FILTER
#define WHERE_LIVE "WHERE o.user_id = ? AND o.status IN (0, 1) " FILTER

/* A row as it is bound. */
struct row {
	struct order order;
	struct decimal tick;
	uint8_t side, type, tif, stp, flags, status, reason;
};

static struct decimal
zero_is_none(struct decimal value)
{
	return value.units == 0 ? DECIMAL_NONE : value;
}

static struct order
order_of(const struct row *row)
{
	struct order order = row->order;

	order.price_places = decimal_places(row->tick);
	order.side = row->side;
	order.type = row->type;
	order.tif = row->tif;
	order.stp = row->stp;
	order.post_only = (row->flags & ORDER_POST_ONLY) != 0;
	order.status = row->status;
	order.reason = row->reason;
	order.price = zero_is_none(order.price);
	order.quote_budget = zero_is_none(order.quote_budget);
	order.stop_price = zero_is_none(order.stop_price);
	return order;
}

#define INTO(row)                                                              \
	DB_OUT(db_to_ident(&(row)->order.id), db_to_u32(&(row)->order.user),   \
		db_to_u16(&(row)->order.instrument),                           \
		db_to_text(&(row)->order.symbol), db_to_decimal(&(row)->tick), \
		db_to_u8(&(row)->side), db_to_u8(&(row)->type),                \
		db_to_u8(&(row)->tif), db_to_u8(&(row)->stp),                  \
		db_to_u8(&(row)->flags), db_to_u8(&(row)->status),             \
		db_to_u8(&(row)->reason), db_to_decimal(&(row)->order.price),  \
		db_to_decimal(&(row)->order.quantity),                         \
		db_to_decimal(&(row)->order.quote_budget),                     \
		db_to_decimal(&(row)->order.stop_price),                       \
		db_to_decimal(&(row)->order.filled),                           \
		db_to_decimal(&(row)->order.quote),                            \
		db_to_decimal(&(row)->order.fee),                              \
		db_to_text(&(row)->order.client_id),                           \
		db_to_time(&(row)->order.opened_us),                           \
		db_to_time(&(row)->order.updated_us),                          \
		db_to_time(&(row)->order.triggered_us),                        \
		db_to_time(&(row)->order.closed_us))

_Static_assert(DB_NO_TIME == TIME_NONE, "one word for no time");

/* ---- One --------------------------------------------------------------- */

struct question {
	struct ident id;
	const char *client_id; /* NULL: by id */
	struct order *out;
};

static enum status
get(struct ctx *ctx, void *arg)
{
	const struct question *question = arg;
	struct db_value user = db_u64(ctx->session->user);
	struct row row;

	if (question->client_id)
		TRY(db_one(ctx,
			"SELECT " COLUMNS FROM "WHERE o.user_id = ? "
			"AND o.client_id = ? ORDER BY o.id DESC LIMIT 1",
			DB_IN(user, db_text(question->client_id)), INTO(&row)));
	else
		TRY(db_one(ctx,
			"SELECT " COLUMNS FROM "WHERE o.id = ? "
			"AND o.user_id = ?",
			DB_IN(db_ident(question->id), user), INTO(&row)));
	*question->out = order_of(&row);
	return ST_OK;
}

enum status
order_get(struct ctx *ctx, struct ident id, struct order *out)
{
	struct question question = {.id = id, .out = out};
	struct order_name name;

	/* What is not one's own by its id need not be looked for. */
	if (!order_ident_split(id, &name) || name.user != ctx->session->user)
		return ST_NOT_FOUND;
	return settled_read(ctx, get, &question);
}

enum status
order_get_client(struct ctx *ctx, const char *client_id, struct order *out)
{
	struct question question = {.client_id = client_id, .out = out};

	return settled_read(ctx, get, &question);
}

/* ---- Many -------------------------------------------------------------- */

struct listing {
	const struct order_filter *filter;
	struct order_list *out;
};

static enum status
read_rows(struct ctx *ctx, struct db_rows *rows, struct order_list *out)
{
	struct row row;

	out->rows = arena_array(ctx->arena, db_count(rows), sizeof(*out->rows));
	out->n = 0;
	while (db_next(rows, INTO(&row)))
		out->rows[out->n++] = order_of(&row);
	return ST_OK;
}

static enum status
list(struct ctx *ctx, void *arg)
{
	const struct listing *listing = arg;
	const struct order_filter *filter = listing->filter;
	unsigned statuses = filter->statuses ? filter->statuses : ORDER_ANY;
	bool live = (statuses & ~ORDER_LIVE) == 0;
	struct db_value market = filter->market
					 ? db_u64(filter->market->number)
					 : db_null();
	struct order_list found = {0};
	struct db_rows *rows;

	TRY(db_query(ctx,
		live ? "SELECT " COLUMNS FROM WHERE_LIVE
		       "ORDER BY o.id DESC LIMIT ? OFFSET ?"
		     : "SELECT " COLUMNS FROM WHERE_ALL
		       "ORDER BY o.id DESC LIMIT ? OFFSET ?",
		DB_IN(db_u64(ctx->session->user), market, market,
			db_u64(statuses), db_i64(filter->partly),
			db_i64(filter->partly), db_i64(filter->limit),
			db_i64(filter->offset)),
		&rows));
	TRY(read_rows(ctx, rows, &found));
	TRY(db_one(ctx,
		live ? "SELECT COUNT(*) FROM orders o " WHERE_LIVE
		     : "SELECT COUNT(*) FROM orders o " WHERE_ALL,
		DB_IN(db_u64(ctx->session->user), market, market,
			db_u64(statuses), db_i64(filter->partly),
			db_i64(filter->partly)),
		DB_OUT(db_to_i64(&found.total))));
	*listing->out = found;
	return ST_OK;
}

enum status
order_list(struct ctx *ctx, const struct order_filter *filter,
	struct order_list *out)
{
	struct listing listing = {filter, out};

	return settled_read(ctx, list, &listing);
}
