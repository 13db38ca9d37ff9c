/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_figures.c - a query a list.
 *
 * Each is bounded by the users that are looked at, and goes from their limits
 * to their rows: never through all that a user ever did.
 */
#include "domain/risk_figures.h"

#include <sys/param.h>

#include "db/db.h"
#include "wire/command.h"

#define ROWS_MAX 100000
#define BETWEEN(low, high)                                                     \
	DB_IN(db_u64(low), db_u64(high), db_u64(ROWS_MAX))

/* Users of the range with an enabled limit whose measure is open orders, or a
 * position; see enum risk_type. */
#define LIMITED                                                                \
	"(SELECT DISTINCT user_id FROM risk_limits WHERE enabled = 1 "         \
	"AND type IN (0, 4, 5) AND user_id > ? AND user_id <= ?) l "

static enum status
read_limits(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct figure_limit row = {.limit.enabled = true};
	struct risk_limit *limit = &row.limit;
	struct db_rows *rows;
	uint8_t type;

	TRY(db_query(ctx,
		"SELECT user_id, public_id, type, instrument_id, value, "
		"warning_threshold, critical_threshold FROM risk_limits "
		"WHERE enabled = 1 AND user_id > ? AND user_id <= ? "
		"ORDER BY user_id, id LIMIT ?",
		BETWEEN(low, high), &rows));
	out->limits = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_ident(&limit->id),
			db_to_u8(&type), db_to_u16(&limit->instrument),
			db_to_decimal(&limit->value),
			db_to_decimal(&limit->warning),
			db_to_decimal(&limit->critical)))) {
		limit->type = (enum risk_type)type;
		out->limits[out->n_limits++] = row;
	}
	return ST_OK;
}

static enum status
read_bounds(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct figure_bound row;
	struct decimal value;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT user_id, type, instrument_id, value FROM core_limits "
		"WHERE value > 0 AND user_id > ? AND user_id <= ? "
		"ORDER BY user_id LIMIT ?",
		BETWEEN(low, high), &rows));
	out->bounds = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_u8(&row.bound.type),
			db_to_u16(&row.bound.instrument),
			db_to_decimal(&value)))) {
		row.bound.value = row.bound.type == LIMIT_OPEN_ORDERS
					  ? value.units / DECIMAL_ONE
					  : value.units;
		out->bounds[out->n_bounds++] = row;
	}
	return ST_OK;
}

static enum status
read_positions(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct figure_position row;
	struct decimal quantity;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT STRAIGHT_JOIN p.user_id, p.instrument_id, p.quantity "
		"FROM " LIMITED "JOIN positions p ON p.user_id = l.user_id "
		"AND p.closed_at IS NULL ORDER BY p.user_id LIMIT ?",
		BETWEEN(low, high), &rows));
	out->positions = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_u16(&row.instrument),
			db_to_decimal(&quantity)))) {
		row.quantity = quantity.units;
		out->positions[out->n_positions++] = row;
	}
	return ST_OK;
}

/*
 * In two halves, each of one status, which is how the index has them.  The
 * stop of a pair counts as an order, but buys nothing: the other leg does.
 */
#define OPEN_OF(status, price)                                                 \
	"SELECT STRAIGHT_JOIN o.user_id, o.instrument_id, "                    \
	"IF(o.side = 0 AND (o.status = 0 OR o.pair_id IS NULL), "              \
	"(o.quantity - o.filled) * " price ", 0) AS worth FROM " LIMITED       \
	"JOIN orders o FORCE INDEX (orders_user_status) "                      \
	"ON o.user_id = l.user_id AND o.status = " status " "

static enum status
read_open(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct figure_open row;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT user_id, instrument_id, COUNT(*), "
		"CAST(SUM(worth) AS DECIMAL(38,8)) FROM ("
		OPEN_OF("0", "o.price") "UNION ALL "
		OPEN_OF("1", "IF(o.price > 0, o.price, o.stop_price)")
		") t GROUP BY user_id, instrument_id ORDER BY user_id LIMIT ?",
		DB_IN(db_u64(low), db_u64(high), db_u64(low), db_u64(high),
			db_u64(ROWS_MAX)),
		&rows));
	out->open = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_u16(&row.instrument),
			db_to_u64(&row.orders), db_to_sum(&row.buys))))
		out->open[out->n_open++] = row;
	return ST_OK;
}

static enum status
read_risks(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct decimal equity, peak, day_equity;
	struct figure_risk row;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT r.user_id, r.equity, r.peak, r.day_equity, r.day, "
		"r.watched, u.reduce_only FROM core_risk r "
		"JOIN core_users u ON u.user_id = r.user_id "
		"WHERE r.user_id > ? AND r.user_id <= ? "
		"ORDER BY r.user_id LIMIT ?",
		BETWEEN(low, high), &rows));
	out->risks = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_decimal(&equity),
			db_to_decimal(&peak), db_to_decimal(&day_equity),
			db_to_u32(&row.day), db_to_bool(&row.watched),
			db_to_u8(&row.reduce_only)))) {
		row.equity = equity.units;
		row.peak = peak.units;
		row.day_equity = day_equity.units;
		out->risks[out->n_risks++] = row;
	}
	return ST_OK;
}

static enum status
read_balances(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct figure_balance row;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT STRAIGHT_JOIN b.user_id, b.asset_id, "
		"CAST(b.available + b.held AS DECIMAL(38,8)) FROM core_risk r "
		"JOIN balances b ON b.user_id = r.user_id WHERE r.watched = 1 "
		"AND r.user_id > ? AND r.user_id <= ? ORDER BY b.user_id "
		"LIMIT ?",
		BETWEEN(low, high), &rows));
	out->balances = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_u16(&row.asset),
			db_to_sum(&row.total))))
		out->balances[out->n_balances++] = row;
	return ST_OK;
}

static enum status
read_active(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct risk_active row;
	struct db_rows *rows;
	uint8_t level;

	TRY(db_query(ctx,
		"SELECT user_id, public_id, limit_id, instrument_id, level, "
		"current_value, limit_value FROM risk_alerts "
		"WHERE resolved_at IS NULL AND user_id > ? AND user_id <= ? "
		"ORDER BY user_id, id LIMIT ?",
		BETWEEN(low, high), &rows));
	out->active = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_u32(&row.user), db_to_ident(&row.id),
			db_to_ident(&row.limit), db_to_u16(&row.instrument),
			db_to_u8(&level), db_to_decimal(&row.current),
			db_to_decimal(&row.bound)))) {
		row.level = (enum risk_level)level;
		out->active[out->n_active++] = row;
	}
	return ST_OK;
}

enum status
risk_figures_read(struct ctx *ctx, uint32_t low, uint32_t high,
	struct risk_figures *out)
{
	struct risk_figures figures = {.limits = NULL};

	TRY(read_limits(ctx, low, high, &figures));
	TRY(read_bounds(ctx, low, high, &figures));
	TRY(read_positions(ctx, low, high, &figures));
	TRY(read_open(ctx, low, high, &figures));
	TRY(read_risks(ctx, low, high, &figures));
	TRY(read_balances(ctx, low, high, &figures));
	TRY(read_active(ctx, low, high, &figures));
	*out = figures;
	return ST_OK;
}
