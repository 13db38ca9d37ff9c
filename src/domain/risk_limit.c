/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_limit.c - rows of risk_limits, and what their changes promise.
 *
 * A user's row is locked while his limits change, so that two changes at once
 * promise what the second leaves behind.
 */
#include "domain/risk.h"

#include <string.h>
#include <sys/param.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/market.h"
#include "domain/risk_alert.h"
#include "domain/risk_change.h"
#include "domain/risk_core.h"
#include "domain/user.h"

#define OPEN_ORDERS_MAX 1000000
#define PERCENT_MAX (100 * DECIMAL_ONE)

static const char *const names[RISK_TYPES] = {
	[RISK_POSITION_SIZE] = "POSITION_SIZE",
	[RISK_ORDER_SIZE] = "ORDER_SIZE",
	[RISK_DAILY_LOSS] = "DAILY_LOSS",
	[RISK_MAX_DRAWDOWN] = "MAX_DRAWDOWN",
	[RISK_OPEN_ORDERS] = "OPEN_ORDERS",
	[RISK_POSITION_VALUE] = "POSITION_SIZE",
};

const char *
risk_type_name(enum risk_type type)
{
	return names[type];
}

/* ---- Reading ------------------------------------------------------------- */

enum status
risk_limits_read(struct ctx *ctx, uint32_t user, struct risk_limits *out)
{
	struct risk_limits list = {.n = 0};
	struct risk_limit row;
	struct db_rows *rows;
	uint8_t type;

	TRY(db_query(ctx,
		"SELECT public_id, type, instrument_id, value, "
		"warning_threshold, critical_threshold, enabled, created_at, "
		"updated_at FROM risk_limits WHERE user_id = ? "
		"ORDER BY id LIMIT ?",
		DB_IN(db_u64(user), db_u64(RISK_ROWS_MAX)), &rows));
	list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_u8(&type),
			db_to_u16(&row.instrument), db_to_decimal(&row.value),
			db_to_decimal(&row.warning),
			db_to_decimal(&row.critical), db_to_bool(&row.enabled),
			db_to_time(&row.created_us),
			db_to_time(&row.updated_us)))) {
		row.type = (enum risk_type)type;
		list.rows[list.n++] = row;
	}
	*out = list;
	return ST_OK;
}

enum status
risk_limit_list(struct ctx *ctx, struct risk_limits *out)
{
	return risk_limits_read(ctx, ctx->session->user, out);
}

static struct risk_limit *
pick(const struct risk_limits *limits, struct ident id)
{
	size_t i;

	for (i = 0; i < limits->n; i++)
		if (ident_equal(limits->rows[i].id, id))
			return &limits->rows[i];
	return NULL;
}

enum status
risk_limit_find(struct ctx *ctx, struct ident id, struct risk_limit *out)
{
	struct risk_limits limits;
	const struct risk_limit *limit;

	TRY(risk_limit_list(ctx, &limits));
	limit = pick(&limits, id);
	if (!limit)
		return ST_NOT_FOUND;
	*out = *limit;
	return ST_OK;
}

/* ---- Rows ---------------------------------------------------------------- */

enum status
risk_row_insert(struct ctx *ctx, const struct risk_limit *limit)
{
	return db_exec(ctx,
		"INSERT INTO risk_limits (public_id, user_id, type, "
		"instrument_id, value, warning_threshold, critical_threshold, "
		"enabled, created_at, updated_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(limit->id), db_u64(ctx->session->user),
			db_u64(limit->type), db_u64(limit->instrument),
			db_decimal(limit->value), db_decimal(limit->warning),
			db_decimal(limit->critical), db_bool(limit->enabled),
			db_time(limit->created_us), db_time(limit->updated_us)),
		NULL);
}

enum status
risk_row_update(struct ctx *ctx, struct risk_limit *limit)
{
	limit->updated_us = ctx->now_us;
	TRY(db_exec(ctx,
		"UPDATE risk_limits SET value = ?, warning_threshold = ?, "
		"critical_threshold = ?, enabled = ?, updated_at = ? "
		"WHERE public_id = ?",
		DB_IN(db_decimal(limit->value), db_decimal(limit->warning),
			db_decimal(limit->critical), db_bool(limit->enabled),
			db_time(limit->updated_us), db_ident(limit->id)),
		NULL));
	return limit->enabled ? ST_OK : risk_alerts_end(ctx, limit->id);
}

/* ---- A change, and what follows from it ---------------------------------- */

enum status
risk_change_begin(struct ctx *ctx, struct risk_change *change)
{
	TRY(user_hold(ctx, ctx->session->user));
	TRY(risk_limit_list(ctx, &change->limits));
	change->before = risk_bounds_of(&change->limits);
	change->steps.n = 0;
	return ST_OK;
}

enum status
risk_change_end(struct ctx *ctx, struct risk_change *change)
{
	struct risk_limits limits;
	struct risk_bounds after;

	TRY(risk_limit_list(ctx, &limits));
	after = risk_bounds_of(&limits);
	change->steps = risk_steps_between(&change->before, &after);
	return risk_promise(ctx, ctx->session->user, &change->steps,
		change->ids);
}

enum status
risk_change_audit(struct ctx *ctx, const char *action,
	const struct risk_limit *limit)
{
	char value[DECIMAL_TEXT_MAX];

	decimal_format(limit->value, 0, value);
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.user = ctx->session->user,
			.subject = limit->id,
			.details = arena_printf(ctx->arena,
				"type=%s%s instrument=%d value=%s enabled=%d",
				names[limit->type],
				limit->type == RISK_POSITION_VALUE ? ":USD"
								   : "",
				limit->instrument == INSTRUMENT_ANY
					? -1
					: limit->instrument,
				value, limit->enabled),
		});
}

/* ---- What makes sense ---------------------------------------------------- */

enum status
risk_value_check(struct ctx *ctx, enum risk_type type, struct decimal value,
	const char *field)
{
	if (value.units <= 0)
		return fail(ctx, ST_INVALID, field,
			"a limit must be above zero");
	if (type == RISK_MAX_DRAWDOWN && value.units > DECIMAL_ONE)
		return fail(ctx, ST_INVALID, field,
			"a drawdown is a fraction of the peak: at most 1");
	if (type == RISK_OPEN_ORDERS &&
		(value.units % DECIMAL_ONE != 0 ||
			value.units > OPEN_ORDERS_MAX * DECIMAL_ONE))
		return fail(ctx, ST_INVALID, field,
			"a number of orders is a whole one, up to %d",
			OPEN_ORDERS_MAX);
	return ST_OK;
}

static enum status
check_percent(struct ctx *ctx, struct decimal percent, const char *field)
{
	if (percent.units <= 0 || percent.units > PERCENT_MAX)
		return fail(ctx, ST_INVALID, field,
			"a threshold is in percent: above 0, at most 100");
	return ST_OK;
}

static enum status
check(struct ctx *ctx, const struct risk_limit *limit)
{
	TRY(risk_value_check(ctx, limit->type, limit->value, "limit_value"));
	TRY(check_percent(ctx, limit->warning, "warning_threshold"));
	TRY(check_percent(ctx, limit->critical, "critical_threshold"));
	if (limit->warning.units > limit->critical.units)
		return fail(ctx, ST_INVALID, "warning_threshold",
			"the warning comes before the critical threshold");
	return ST_OK;
}

/* ---- Adding -------------------------------------------------------------- */

static enum status
find_instrument(struct ctx *ctx, const struct risk_limit_new *new,
	uint16_t *out)
{
	struct market market;

	*out = INSTRUMENT_ANY;
	if (!new->symbol)
		return ST_OK;
	if (new->type != RISK_POSITION_SIZE && new->type != RISK_ORDER_SIZE)
		return fail(ctx, ST_INVALID, "symbol",
			"this limit is of the whole account");
	TRY(market_find(ctx, new->symbol, &market));
	*out = market.number;
	return ST_OK;
}

/* Of two thresholds of which one was given, the other gives way. */
static void
default_thresholds(const struct risk_limit_new *new, struct risk_limit *limit)
{
	limit->warning = new->warning;
	limit->critical = new->critical;
	if (decimal_is_none(limit->critical))
		limit->critical.units = decimal_is_none(limit->warning)
			? RISK_CRITICAL_DEFAULT
			: MAX(RISK_CRITICAL_DEFAULT, limit->warning.units);
	if (decimal_is_none(limit->warning))
		limit->warning.units =
			MIN(RISK_WARNING_DEFAULT, limit->critical.units);
}

struct one {
	struct risk_change change;
	struct risk_limit limit;
	struct ident id;
	const struct risk_limit_change *wanted;
};

static enum status
add_tx(struct ctx *ctx, void *arg)
{
	struct one *one = arg;

	TRY(risk_change_begin(ctx, &one->change));
	if (one->change.limits.n >= RISK_LIMITS_MAX)
		return fail(ctx, ST_CONFLICT, NULL,
			"there are %d limits already", RISK_LIMITS_MAX);
	TRY(risk_row_insert(ctx, &one->limit));
	TRY(risk_change_end(ctx, &one->change));
	return risk_change_audit(ctx, "risk.limit_added", &one->limit);
}

static enum status
do_change(struct ctx *ctx, db_tx_fn *tx, struct one *one)
{
	TRY(db_tx(ctx, tx, one));
	return risk_keep(ctx, one->change.ids, one->change.steps.n);
}

enum status
risk_limit_add(struct ctx *ctx, const struct risk_limit_new *new,
	struct risk_limit *out)
{
	struct one *one = arena_alloc(ctx->arena, sizeof(*one));

	one->limit = (struct risk_limit){
		.id = ident_random(ctx->now_us),
		.type = new->type,
		.value = new->value,
		.enabled = !new->disabled,
		.created_us = ctx->now_us,
		.updated_us = ctx->now_us,
	};
	default_thresholds(new, &one->limit);
	TRY(check(ctx, &one->limit));
	TRY(find_instrument(ctx, new, &one->limit.instrument));
	TRY(do_change(ctx, add_tx, one));
	*out = one->limit;
	return ST_OK;
}

/* ---- Changing and removing ----------------------------------------------- */

static void
apply(struct risk_limit *limit, const struct risk_limit_change *wanted)
{
	if (!decimal_is_none(wanted->value))
		limit->value = wanted->value;
	if (!decimal_is_none(wanted->warning))
		limit->warning = wanted->warning;
	if (!decimal_is_none(wanted->critical))
		limit->critical = wanted->critical;
	if (wanted->enabled != RISK_KEEP)
		limit->enabled = wanted->enabled == RISK_ENABLE;
}

static enum status
change_tx(struct ctx *ctx, void *arg)
{
	struct one *one = arg;
	struct risk_limit *limit;

	TRY(risk_change_begin(ctx, &one->change));
	limit = pick(&one->change.limits, one->id);
	if (!limit)
		return ST_NOT_FOUND;
	apply(limit, one->wanted);
	TRY(check(ctx, limit));
	TRY(risk_row_update(ctx, limit));
	one->limit = *limit;
	TRY(risk_change_end(ctx, &one->change));
	return risk_change_audit(ctx, "risk.limit_changed", limit);
}

enum status
risk_limit_change(struct ctx *ctx, struct ident id,
	const struct risk_limit_change *change, struct risk_limit *out)
{
	struct one *one = arena_alloc(ctx->arena, sizeof(*one));

	one->id = id;
	one->wanted = change;
	TRY(do_change(ctx, change_tx, one));
	*out = one->limit;
	return ST_OK;
}

static enum status
remove_tx(struct ctx *ctx, void *arg)
{
	struct one *one = arg;
	const struct risk_limit *limit;

	TRY(risk_change_begin(ctx, &one->change));
	limit = pick(&one->change.limits, one->id);
	if (!limit)
		return ST_NOT_FOUND;
	TRY(db_exec(ctx, "DELETE FROM risk_limits WHERE public_id = ?",
		DB_IN(db_ident(limit->id)), NULL));
	TRY(risk_alerts_end(ctx, limit->id));
	TRY(risk_change_end(ctx, &one->change));
	return risk_change_audit(ctx, "risk.limit_removed", limit);
}

enum status
risk_limit_remove(struct ctx *ctx, struct ident id)
{
	struct one *one = arena_alloc(ctx->arena, sizeof(*one));

	one->id = id;
	return do_change(ctx, remove_tx, one);
}
