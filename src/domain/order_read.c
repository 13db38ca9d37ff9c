/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_read.c - orders out of MySQL, behind the settled mark.
 *
 * The filters are question marks: one that is not used is a value that lets
 * everything pass.  A market maker's past orders are millions, so a list goes
 * no further back than ORDER_LIST_MOST of them; live orders, which are few
 * however old, have statements of their own.
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

#define NAMES "JOIN instruments i ON i.id = o.instrument_id "
#define LINKS "LEFT JOIN order_links l ON l.order_id = o.id "
#define FROM "FROM orders o " NAMES LINKS

/*
 * Where a list begins, and in what order it is read, is not left to the
 * optimizer: no way through it may be longer than what bounds a list.
 */
#define BY_STATUS "FROM orders o FORCE INDEX (orders_user_status) "
#define BY_TIME "FROM orders o FORCE INDEX (PRIMARY) "
#define BY_NAME                                                                \
	"FROM order_names n "                                                  \
	"STRAIGHT_JOIN orders o ON o.user_id = n.user_id "                     \
	"AND o.id = n.order_id "
#define BY_STRATEGY "FROM order_links l FORCE INDEX (order_links_strategy) "
#define BY_BOT "FROM order_links l FORCE INDEX (order_links_bot) "
#define WITH_ORDER                                                             \
	"STRAIGHT_JOIN orders o ON o.user_id = l.user_id AND o.id = l.order_id "
#define WITH_LINK "STRAIGHT_JOIN order_links l ON l.order_id = o.id "

/*
 * The user, twice, and the oldest that counts.  A user that is "=" is looked
 * up as such, and all his rows are walked, whatever is asked of the ids; IN
 * makes it a range, which ends with the oldest.
 */
#define OF_USER "WHERE o.user_id IN (?, ?) AND o.id >= ? "
#define OF_USERS_LINKS "WHERE l.user_id IN (?, ?) AND l.order_id >= ? "
#define STATUS "AND o.status IN (?, ?, ?, ?) "
/* The instrument or NULL, twice; enum order_partly, twice. */
#define FILTER                                                                 \
	"AND (? IS NULL OR o.instrument_id = ?) "                              \
	"AND (? = 0 OR (o.filled > 0) = ? - 1) "
#define STRATEGY "AND l.strategy_id = ? "
#define BOT "AND l.bot_id = ? "

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
	order.price = decimal_or_none(order.price.units);
	order.quote_budget = decimal_or_none(order.quote_budget.units);
	order.stop_price = decimal_or_none(order.stop_price.units);
	/* Zero or NULL, as the order is no trailing stop or is the other kind. */
	if (!decimal_is_none(order.trail))
		order.trail = decimal_or_none(order.trail.units);
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
			"SELECT " COLUMNS BY_NAME NAMES LINKS
			"WHERE n.user_id = ? AND n.client_id = ? "
			"ORDER BY n.order_id DESC LIMIT 1",
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

/*
 * The ids of a page come out of an index, where it has all that is asked for,
 * and only the page's own rows are read.  Of a market the rows are asked, as
 * far as the list goes back: one more index of all orders would cost the
 * settler more than such a list does.
 */
#define STATEMENTS(id, from_where, order)                                      \
	(struct statements)                                                    \
	{                                                                      \
		"SELECT " COLUMNS "FROM (SELECT " id from_where                \
		"ORDER BY " order "LIMIT ? OFFSET ?) page "                    \
		"STRAIGHT_JOIN orders o ON o.user_id = page.user_id "          \
		"AND o.id = page.id "                                          \
		"STRAIGHT_JOIN instruments i ON i.id = o.instrument_id " LINKS \
		"ORDER BY o.id DESC",                                          \
			"SELECT COUNT(*) " from_where                          \
	}
#define FROM_ORDERS(from_where)                                                \
	STATEMENTS("o.user_id, o.id ", from_where,                             \
		"o.user_id DESC, o.id DESC ")
#define FROM_LINKS(from_where)                                                 \
	STATEMENTS("l.user_id, l.order_id AS id ", from_where,                 \
		"l.user_id DESC, l.order_id DESC ")

/* What a list is of, beside its user. */
struct scope {
	bool live;     /* it is bounded by how many one may have */
	bool any;      /* no status is asked for */
	bool filtered; /* FILTER is */
	bool plain;    /* neither is */
	bool strategy, bot;
};

static struct scope
scope_of(const struct order_filter *filter, unsigned statuses)
{
	struct scope scope = {
		.live = (statuses & ~ORDER_LIVE) == 0,
		.any = statuses == ORDER_ANY,
		.filtered = filter->market || filter->partly != PARTLY_ANY,
		.strategy = !ident_is_none(filter->strategy),
		.bot = !ident_is_none(filter->bot),
	};

	scope.plain = scope.any && !scope.filtered;
	return scope;
}

/* LIVE ones are few, their links many. */
#define LINKED(scope, by, mine)                                                \
	(!(scope)->live ? (scope)->plain                                       \
				  ? FROM_LINKS(by OF_USERS_LINKS mine)         \
				  : FROM_LINKS(by WITH_ORDER OF_USERS_LINKS    \
						    STATUS FILTER mine)        \
			: FROM_ORDERS(BY_STATUS WITH_LINK OF_USER STATUS       \
					  FILTER mine))

static struct statements
statements_for(const struct scope *scope)
{
	if (scope->strategy)
		return scope->bot ? LINKED(scope, BY_STRATEGY, STRATEGY BOT)
				  : LINKED(scope, BY_STRATEGY, STRATEGY);
	if (scope->bot)
		return LINKED(scope, BY_BOT, BOT);
	if (scope->plain)
		return FROM_ORDERS(BY_TIME OF_USER);
	if (scope->any)
		return FROM_ORDERS(BY_TIME OF_USER STATUS FILTER);
	return scope->filtered ? FROM_ORDERS(BY_STATUS OF_USER STATUS FILTER)
			       : FROM_ORDERS(BY_STATUS OF_USER STATUS);
}

#define STATUSES 4
/* Room for all question marks, the two of the page and the end. */
#define VALUES_MAX 17

/* The numbers of STATUSES; one that is there once more changes nothing. */
static size_t
put_statuses(unsigned statuses, struct db_value values[STATUSES])
{
	unsigned status = 0;
	size_t n = 0;

	for (; statuses != 0 && n < STATUSES; status++, statuses >>= 1)
		if (statuses & 1)
			values[n++] = db_u64(status);
	for (; n < STATUSES; n++)
		values[n] = values[n - 1];
	return n;
}

/* The values of the WHERE; how many there are. */
static size_t
put_values(const struct ctx *ctx, const struct order_filter *filter,
	const struct scope *scope, struct ident floor, unsigned statuses,
	struct db_value values[VALUES_MAX])
{
	struct db_value market = filter->market
					 ? db_u64(filter->market->number)
					 : db_null();
	bool linked = scope->strategy || scope->bot;
	size_t n = 0;

	values[n++] = db_u64(ctx->session->user);
	values[n++] = db_u64(ctx->session->user);
	values[n++] = db_ident(floor);
	if (!scope->plain)
		n += put_statuses(statuses, values + n);
	if (scope->filtered || (linked && !scope->plain)) {
		values[n++] = market;
		values[n++] = market;
		values[n++] = db_i64(filter->partly);
		values[n++] = db_i64(filter->partly);
	}
	if (scope->strategy)
		values[n++] = db_ident(filter->strategy);
	if (scope->bot)
		values[n++] = db_ident(filter->bot);
	return n;
}

/* The oldest of the user's newest; the least id when there are not so many. */
static enum status
find_floor(struct ctx *ctx, struct ident *out)
{
	enum status status = db_one(ctx,
		"SELECT id FROM orders FORCE INDEX (PRIMARY) "
		"WHERE user_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?",
		DB_IN(db_u64(ctx->session->user), db_i64(ORDER_LIST_MOST - 1)),
		DB_OUT(db_to_ident(out)));

	if (status != ST_NOT_FOUND)
		return status;
	*out = IDENT_NONE;
	return ST_OK;
}

/* How many there are, if the page that was found says so already. */
static bool
total_is_known(const struct order_filter *filter, const struct scope *scope,
	struct ident floor, struct order_list *found)
{
	int64_t n = (int64_t)found->n;

	if (n < filter->limit && (n > 0 || filter->offset == 0)) {
		found->total = filter->offset + n;
		return true;
	}
	if (scope->plain && !scope->strategy && !scope->bot &&
		!ident_is_none(floor)) {
		found->total = ORDER_LIST_MOST;
		return true;
	}
	return false;
}

static enum status
list(struct ctx *ctx, void *arg)
{
	const struct listing *listing = arg;
	const struct order_filter *filter = listing->filter;
	unsigned statuses = filter->statuses ? filter->statuses : ORDER_ANY;
	struct scope scope = scope_of(filter, statuses);
	struct statements statements = statements_for(&scope);
	struct db_value values[VALUES_MAX];
	struct order_list found = {0};
	struct ident floor = IDENT_NONE;
	struct db_rows *rows;
	size_t n;

	if (!scope.live)
		TRY(find_floor(ctx, &floor));
	n = put_values(ctx, filter, &scope, floor, statuses, values);
	values[n] = db_i64(filter->limit);
	values[n + 1] = db_i64(filter->offset);
	values[n + 2] = (struct db_value){.kind = DB_END};
	TRY(db_query(ctx, statements.rows, values, &rows));
	TRY(read_rows(ctx, rows, &found));
	if (!total_is_known(filter, &scope, floor, &found)) {
		values[n] = (struct db_value){.kind = DB_END};
		TRY(db_one(ctx, statements.count, values,
			DB_OUT(db_to_i64(&found.total))));
	}
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
