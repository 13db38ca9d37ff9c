/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_read.c - orders out of MySQL, behind the settled mark.
 *
 * The filters are question marks in one statement each: a filter that is not
 * used is a value that lets everything pass.  Live orders have a statement of
 * their own, because they are few and an index finds them, while a market
 * maker's past ones are millions.
 */
#include "auth/session.h"
#include "db/db.h"
#include "domain/order_parts.h"
#include "domain/settled.h"
#include "json/fields.h"
#include "wire/ids.h"

#define COLUMNS                                                                \
	"o.id, o.user_id, o.instrument_id, i.symbol, i.tick, o.side, o.type, " \
	"o.tif, o.stp, o.flags, o.status, o.reason, o.price, o.quantity, "     \
	"o.quote_budget, o.stop_price, o.filled, o.quote, o.fee, "             \
	"o.client_id, o.opened_at, o.updated_at, o.triggered_at, "             \
	"o.closed_at, o.trail, o.trail_rate, o.pair_id, l.strategy_id, "       \
	"l.bot_id "

#define ORDERS "FROM orders o "
/* An order of a strategy or bot is looked for among its links. */
#define LINKED "FROM order_links l JOIN orders o ON o.id = l.order_id "
#define NAMES "JOIN instruments i ON i.id = o.instrument_id "
#define LINKS "LEFT JOIN order_links l ON l.order_id = o.id "
#define FROM ORDERS NAMES LINKS

/* The instrument or NULL, twice; statuses; enum order_partly, twice. */
#define FILTER                                                                 \
	"AND (? IS NULL OR o.instrument_id = ?) "                              \
	"AND (1 << o.status) & ? <> 0 "                                        \
	"AND (? = 0 OR (o.filled > 0) = ? - 1) "

#define WHERE_ALL "WHERE o.user_id = ? " FILTER
#define WHERE_LIVE "WHERE o.user_id = ? AND o.status IN (0, 1) " FILTER
#define WHERE_LINKED                                                           \
	"WHERE l.user_id = ? " FILTER                                          \
	"AND (? IS NULL OR l.strategy_id = ?) "                                \
	"AND (? IS NULL OR l.bot_id = ?) "
#define PAGE "ORDER BY o.id DESC LIMIT ? OFFSET ?"

/* A row as it is bound. */
struct row {
	struct order order;
	struct decimal tick;
	uint32_t trail_rate;
	uint8_t side, type, tif, stp, flags, status, reason;
};

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
	order.price = order_or_none(order.price.units);
	order.quote_budget = order_or_none(order.quote_budget.units);
	order.stop_price = order_or_none(order.stop_price.units);
	/* Zero or NULL, as the order is no trailing stop or is the other kind. */
	if (!decimal_is_none(order.trail))
		order.trail = order_or_none(order.trail.units);
	order.trail_percent = order_percent_of(row->trail_rate);
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
		db_to_time(&(row)->order.closed_us),                           \
		db_to_decimal(&(row)->order.trail),                            \
		db_to_u32(&(row)->trail_rate),                                 \
		db_to_ident(&(row)->order.pair),                               \
		db_to_ident(&(row)->order.strategy),                           \
		db_to_ident(&(row)->order.bot))

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

/* The rows of a page, and how many there are without it. */
struct statements {
	const char *rows;
	const char *count;
};

static struct statements
statements_for(const struct order_filter *filter, unsigned statuses)
{
	if (!ident_is_none(filter->strategy) || !ident_is_none(filter->bot))
		return (struct statements){
			"SELECT " COLUMNS LINKED NAMES WHERE_LINKED PAGE,
			"SELECT COUNT(*) " LINKED WHERE_LINKED};
	if ((statuses & ~ORDER_LIVE) == 0)
		return (struct statements){
			"SELECT " COLUMNS FROM WHERE_LIVE PAGE,
			"SELECT COUNT(*) " ORDERS WHERE_LIVE};
	return (struct statements){"SELECT " COLUMNS FROM WHERE_ALL PAGE,
		"SELECT COUNT(*) " ORDERS WHERE_ALL};
}

/* Room for all question marks, the two of the page and the end. */
#define VALUES_MAX 16

/* The values of the WHERE; how many there are. */
static size_t
put_values(const struct ctx *ctx, const struct order_filter *filter,
	unsigned statuses, struct db_value values[VALUES_MAX])
{
	struct db_value market = filter->market
					 ? db_u64(filter->market->number)
					 : db_null();
	struct db_value strategy = db_ident_or_null(filter->strategy);
	struct db_value bot = db_ident_or_null(filter->bot);
	size_t n = 0;

	values[n++] = db_u64(ctx->session->user);
	values[n++] = market;
	values[n++] = market;
	values[n++] = db_u64(statuses);
	values[n++] = db_i64(filter->partly);
	values[n++] = db_i64(filter->partly);
	if (ident_is_none(filter->strategy) && ident_is_none(filter->bot))
		return n;
	values[n++] = strategy;
	values[n++] = strategy;
	values[n++] = bot;
	values[n++] = bot;
	return n;
}

static enum status
list(struct ctx *ctx, void *arg)
{
	const struct listing *listing = arg;
	const struct order_filter *filter = listing->filter;
	unsigned statuses = filter->statuses ? filter->statuses : ORDER_ANY;
	struct statements statements = statements_for(filter, statuses);
	struct db_value values[VALUES_MAX];
	struct order_list found = {0};
	struct db_rows *rows;
	size_t n = put_values(ctx, filter, statuses, values);

	values[n] = (struct db_value){.kind = DB_END};
	TRY(db_one(ctx, statements.count, values,
		DB_OUT(db_to_i64(&found.total))));
	values[n++] = db_i64(filter->limit);
	values[n++] = db_i64(filter->offset);
	values[n] = (struct db_value){.kind = DB_END};
	TRY(db_query(ctx, statements.rows, values, &rows));
	TRY(read_rows(ctx, rows, &found));
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
