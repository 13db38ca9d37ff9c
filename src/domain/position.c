/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * position.c - a user's positions out of MySQL, valued at the last price.
 */
#include "domain/position.h"

#include <assert.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/market.h"
#include "domain/settled.h"
#include "json/fields.h"

/* ---- Figures ----------------------------------------------------------- */

/* Towards minus infinity; B > 0. */
static __int128
floor_div(__int128 a, __int128 b)
{
	__int128 q = a / b;

	return a % b < 0 ? q - 1 : q;
}

/* A / B, where A may be more than a decimal holds. */
static struct decimal
price_of(__int128 a, struct decimal b)
{
	__int128 price;

	if (b.units <= 0)
		return DECIMAL_NONE;
	price = floor_div(a * DECIMAL_ONE, b.units);
	return price > INT64_MAX || price <= INT64_MIN
		? DECIMAL_NONE
		: (struct decimal){(int64_t)price};
}

void
position_reckon(const struct position_sums *sums, struct decimal last,
	struct position_value *out)
{
	bool open = sums->quantity.units > 0;
	__int128 realised = sums->realised.units;
	struct position_value value = {
		.quantity = open ? sums->quantity : sums->bought,
		.realised = realised,
	};

	assert(!open || !decimal_is_none(last));
	if (open) {
		value.entry_price = price_of(sums->cost.units, sums->quantity);
		value.current_price = last;
		value.unrealised =
			floor_div((__int128)sums->quantity.units * last.units,
				DECIMAL_ONE) -
			sums->cost.units;
	} else {
		/* All of the cost is sold: what came in is cost and gain. */
		value.entry_price =
			price_of(sums->bought_quote.units, sums->bought);
		value.current_price = price_of(
			realised + sums->bought_quote.units, sums->bought);
	}
	value.pnl = value.realised + value.unrealised;
	value.has_percent = sums->bought_quote.units > 0 &&
		!__builtin_mul_overflow(
			value.pnl, 100 * DECIMAL_ONE, &value.percent);
	if (value.has_percent)
		value.percent =
			floor_div(value.percent, sums->bought_quote.units);
	*out = value;
}

/* ---- Rows -------------------------------------------------------------- */

/* The instrument, or NULL, twice. */
#define FROM                                                                   \
	"FROM positions p JOIN instruments i ON i.id = p.instrument_id "       \
	"WHERE p.user_id = ? AND (? IS NULL OR p.instrument_id = ?) "
#define ROWS(condition)                                                        \
	"SELECT p.id, p.instrument_id, i.symbol, p.quantity, p.cost, "         \
	"p.bought, p.bought_quote, p.realised, p.opened_at, p.updated_at, "    \
	"p.closed_at " FROM condition "ORDER BY p.id DESC LIMIT ? OFFSET ?"
#define COUNT(condition) "SELECT COUNT(*) " FROM condition

static const struct {
	const char *rows, *count;
} texts[] = {
#define OPEN "AND p.closed_at IS NULL "
	[POSITION_OPEN] = {ROWS(OPEN), COUNT(OPEN)},
#define CLOSED "AND p.closed_at IS NOT NULL "
	[POSITION_CLOSED] = {ROWS(CLOSED), COUNT(CLOSED)},
	[POSITION_ALL] = {ROWS(""), COUNT("")},
};

#define INTO(row)                                                              \
	DB_OUT(db_to_ident(&(row)->id), db_to_u16(&(row)->instrument),         \
		db_to_text(&(row)->symbol),                                    \
		db_to_decimal(&(row)->sums.quantity),                          \
		db_to_decimal(&(row)->sums.cost),                              \
		db_to_decimal(&(row)->sums.bought),                            \
		db_to_decimal(&(row)->sums.bought_quote),                      \
		db_to_decimal(&(row)->sums.realised),                          \
		db_to_time(&(row)->opened_us), db_to_time(&(row)->updated_us), \
		db_to_time(&(row)->closed_us))

_Static_assert(DB_NO_TIME == TIME_NONE, "one word for no time");

struct listing {
	const struct position_filter *filter;
	struct position_list *out;
};

static enum status
list(struct ctx *ctx, void *arg)
{
	const struct listing *listing = arg;
	const struct position_filter *filter = listing->filter;
	struct db_value user = db_u64(ctx->session->user);
	struct db_value market = filter->market
		? db_u64(filter->market->number)
		: db_null();
	struct position_list found = {0};
	struct position_view row = {0};
	struct db_rows *rows;

	TRY(db_query(ctx, texts[filter->status].rows,
		DB_IN(user, market, market, db_i64(filter->limit),
			db_i64(filter->offset)),
		&rows));
	found.rows = arena_array(
		ctx->arena, db_count(rows), sizeof(*found.rows));
	while (db_next(rows, INTO(&row))) {
		row.open = row.closed_us == TIME_NONE;
		found.rows[found.n++] = row;
	}
	TRY(db_one(ctx, texts[filter->status].count,
		DB_IN(user, market, market),
		DB_OUT(db_to_i64(&found.total))));
	*listing->out = found;
	return ST_OK;
}

/*
 * The last price of ROWS[I]'s instrument; one that was read for a row before
 * it is used again, so that a list is valued at one price.
 */
static enum status
last_price(struct ctx *ctx, const struct position_view *rows, size_t i,
	struct decimal *out)
{
	struct book_slot *slot;
	size_t j;

	for (j = 0; j < i; j++)
		if (rows[j].open && rows[j].instrument == rows[i].instrument) {
			*out = rows[j].value.current_price;
			return ST_OK;
		}
	slot = arena_alloc(ctx->arena, sizeof(*slot));
	TRY(market_slot(ctx, rows[i].instrument, slot));
	out->units = slot->last_price;
	return ST_OK;
}

enum status
position_list(struct ctx *ctx, const struct position_filter *filter,
	struct position_list *out)
{
	struct position_list found;
	struct listing listing = {filter, &found};
	size_t i;

	TRY(settled_read(ctx, list, &listing));
	for (i = 0; i < found.n; i++) {
		struct position_view *row = &found.rows[i];
		struct decimal last = DECIMAL_NONE;

		if (row->open)
			TRY(last_price(ctx, found.rows, i, &last));
		position_reckon(&row->sums, last, &row->value);
	}
	*out = found;
	return ST_OK;
}
