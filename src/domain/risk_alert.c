/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_alert.c - rows of risk_alerts, raised, refreshed and ended.
 */
#include "domain/risk_alert.h"

#include <stdbool.h>
#include <stdlib.h>

#include "auth/session.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/market.h"
#include "domain/notice.h"
#include "json/reply.h"

/* So many times in so long it is told; then it only goes on. */
#define TOLD_MAX 3
#define TOLD_WINDOW_US (10 * US_PER_MINUTE)

/* An active alert's value is written again when it moved by 1 % of the limit. */
#define REFRESH_PART 100

static const enum alert_severity severities[] = {
	[RISK_NONE] = ALERT_INFO,
	[RISK_WARNING] = ALERT_WARNING,
	[RISK_CRITICAL] = ALERT_CRITICAL,
	[RISK_BREACH] = ALERT_CRITICAL,
};

static const char *const level_names[] = {
	[RISK_NONE] = "",
	[RISK_WARNING] = "WARNING",
	[RISK_CRITICAL] = "CRITICAL",
	[RISK_BREACH] = "BREACH",
};

/* A type's name for people, and whether it is of one instrument. */
static const char *const titles[RISK_TYPES] = {
	[RISK_POSITION_SIZE] = "Position size",
	[RISK_ORDER_SIZE] = "Order size",
	[RISK_DAILY_LOSS] = "Daily loss",
	[RISK_MAX_DRAWDOWN] = "Portfolio drawdown",
	[RISK_OPEN_ORDERS] = "Number of open orders",
	[RISK_POSITION_VALUE] = "Position value",
};

enum alert_severity
risk_severity(enum risk_level level)
{
	return severities[level];
}

/* ---- Reading ------------------------------------------------------------- */

enum status
risk_alert_list(struct ctx *ctx, struct risk_alerts *out)
{
	struct risk_alerts list = {.n = 0};
	struct risk_alert row;
	struct db_rows *rows;
	uint8_t level;

	/* At most three levels a limit and instrument; the bound is for form. */
	TRY(db_query(ctx,
		"SELECT public_id, limit_id, alert_type, level, instrument_id, "
		"message, current_value, limit_value, triggered_at "
		"FROM risk_alerts WHERE user_id = ? AND resolved_at IS NULL "
		"ORDER BY level DESC, id DESC LIMIT 1000",
		DB_IN(db_u64(ctx->session->user)), &rows));
	list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_ident(&row.limit),
			db_to_text(&row.type), db_to_u8(&level),
			db_to_u16(&row.instrument), db_to_text(&row.message),
			db_to_decimal(&row.current), db_to_decimal(&row.bound),
			db_to_time(&row.triggered_us)))) {
		row.level = (enum risk_level)level;
		list.rows[list.n++] = row;
	}
	*out = list;
	return ST_OK;
}

enum status
risk_alerts_end(struct ctx *ctx, struct ident limit)
{
	return db_exec(ctx,
		"UPDATE risk_alerts SET resolved_at = ? "
		"WHERE limit_id = ? AND resolved_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_ident(limit)), NULL);
}

/* ---- Raising ------------------------------------------------------------- */

struct setting {
	uint32_t user;
	const struct risk_active *active;
	size_t n_active;
	const struct risk_usage *usages;
	size_t n;
	unsigned raised;
};

static const char *
type_of(struct ctx *ctx, const struct risk_usage *usage, enum risk_level level)
{
	if (ident_is_none(usage->limit))
		return "REDUCE_ONLY";
	return arena_printf(ctx->arena, "%s_%s", risk_type_name(usage->type),
		level_names[level]);
}

static const char *
message_of(struct ctx *ctx, const struct risk_usage *usage,
	enum risk_level level, const char *symbol)
{
	static const char *const ends[] = {
		[RISK_NONE] = "",
		[RISK_WARNING] = "approaching limit",
		[RISK_CRITICAL] = "close to its limit",
		[RISK_BREACH] = "has reached its limit",
	};

	if (ident_is_none(usage->limit))
		return arena_printf(ctx->arena,
			"%s has reached its limit: the account may only sell "
			"until the next day (UTC) or an operator's word",
			titles[usage->type]);
	return arena_printf(ctx->arena, "%s%s%s %s", titles[usage->type],
		symbol ? " of " : "", symbol ? symbol : "", ends[level]);
}

static const char *
symbol_of(struct ctx *ctx, uint16_t instrument)
{
	struct market market;

	if (instrument == INSTRUMENT_ANY ||
		market_numbered(ctx, instrument, &market) != ST_OK)
		return NULL;
	return arena_strdup(ctx->arena, market.symbol);
}

/* A count and a fraction are no money, and stand as they are. */
static void
put_value(struct reply *r, const char *key, enum risk_type type,
	struct decimal value)
{
	if (type == RISK_OPEN_ORDERS || type == RISK_MAX_DRAWDOWN)
		reply_dec(r, key, value);
	else
		reply_money(r, key, value);
}

static const char *
data_of(struct ctx *ctx, const struct risk_alert *alert,
	const struct risk_usage *usage)
{
	struct reply r;

	reply_init(&r, ctx->arena, NUMBERS_STRING);
	reply_object(&r, NULL);
	reply_ident(&r, "alert_id", alert->id);
	reply_text(&r, "alert_type", alert->type);
	reply_ident(&r, "limit_id", alert->limit);
	reply_text(&r, "limit_type", risk_type_name(usage->type));
	put_value(&r, "current_value", usage->type, alert->current);
	put_value(&r, "limit_value", usage->type, alert->bound);
	reply_end(&r);
	return reply_text_of(&r, NULL);
}

static enum status
insert(struct ctx *ctx, uint32_t user, const struct risk_alert *alert)
{
	return db_exec(ctx,
		"INSERT INTO risk_alerts (public_id, user_id, limit_id, "
		"instrument_id, level, alert_type, message, current_value, "
		"limit_value, triggered_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(alert->id), db_u64(user),
			db_ident(alert->limit), db_u64(alert->instrument),
			db_u64(alert->level), db_text(alert->type),
			db_text(alert->message), db_decimal(alert->current),
			db_decimal(alert->bound), db_time(ctx->now_us)),
		NULL);
}

/* Has it come and gone so often that it goes on rather than begins anew? */
static enum status
go_on(struct ctx *ctx, const struct risk_usage *usage, enum risk_level level,
	bool *out)
{
	uint64_t times, last;

	*out = false;
	if (ident_is_none(usage->limit))
		return ST_OK;
	TRY(db_one(ctx,
		"SELECT COUNT(*), COALESCE(MAX(id), 0) FROM risk_alerts "
		"WHERE limit_id = ? AND instrument_id = ? AND level = ? "
		"AND triggered_at > ?",
		DB_IN(db_ident(usage->limit), db_u64(usage->instrument),
			db_u64(level), db_time(ctx->now_us - TOLD_WINDOW_US)),
		DB_OUT(db_to_u64(&times), db_to_u64(&last))));
	*out = times >= TOLD_MAX;
	if (!*out)
		return ST_OK;
	return db_exec(ctx,
		"UPDATE risk_alerts SET resolved_at = NULL, current_value = ?, "
		"limit_value = ? WHERE id = ?",
		DB_IN(db_decimal(usage->current), db_decimal(usage->bound),
			db_u64(last)),
		NULL);
}

/* TELL: no graver one of the same limit is raised at the same time. */
static enum status
raise_level(struct ctx *ctx, struct setting *s, const struct risk_usage *usage,
	enum risk_level level, bool tell)
{
	const char *symbol = symbol_of(ctx, usage->instrument);
	struct risk_alert alert = {
		.id = ident_random(ctx->now_us),
		.limit = usage->limit,
		.type = type_of(ctx, usage, level),
		.level = level,
		.instrument = usage->instrument,
		.message = message_of(ctx, usage, level, symbol),
		.current = usage->current,
		.bound = usage->bound,
	};
	bool old;

	TRY(go_on(ctx, usage, level, &old));
	if (old)
		return ST_OK;
	TRY(insert(ctx, s->user, &alert));
	if (!tell)
		return ST_OK;
	s->raised++;
	return notice_write(ctx,
		&(struct notice_new){
			.user = s->user,
			.kind = NOTICE_RISK,
			.level = risk_severity(level),
			.message = alert.message,
			.symbol = symbol,
			.data = data_of(ctx, &alert, usage),
			.at_us = ctx->now_us,
		});
}

/* ---- From what is active to what should be ------------------------------- */

static bool
same(const struct risk_active *active, const struct risk_usage *usage)
{
	return ident_equal(active->limit, usage->limit) &&
	       active->instrument == usage->instrument;
}

static const struct risk_active *
find_active(const struct setting *s, const struct risk_usage *usage,
	enum risk_level level)
{
	size_t i;

	for (i = 0; i < s->n_active; i++)
		if (s->active[i].level == level && same(&s->active[i], usage))
			return &s->active[i];
	return NULL;
}

/* The usage that keeps ACTIVE so; NULL: it is over. */
static const struct risk_usage *
find_usage(const struct setting *s, const struct risk_active *active)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (same(active, &s->usages[i]) &&
			s->usages[i].level >= active->level)
			return &s->usages[i];
	return NULL;
}

static bool
is_stale(const struct risk_active *active, const struct risk_usage *usage)
{
	int64_t moved = usage->current.units - active->current.units;

	return active->bound.units != usage->bound.units ||
	       llabs(moved) >= usage->bound.units / REFRESH_PART + 1;
}

/* An account's being reduce-only has one level. */
static enum risk_level
first_level(const struct risk_usage *usage)
{
	return ident_is_none(usage->limit) ? RISK_BREACH : RISK_WARNING;
}

static bool
has_news(const struct setting *s)
{
	size_t i;

	for (i = 0; i < s->n_active; i++) {
		const struct risk_usage *usage =
			find_usage(s, &s->active[i]);

		if (!usage || is_stale(&s->active[i], usage))
			return true;
	}
	for (i = 0; i < s->n; i++) {
		const struct risk_usage *usage = &s->usages[i];
		enum risk_level level = first_level(usage);

		for (; level <= usage->level; level++)
			if (!find_active(s, usage, level))
				return true;
	}
	return false;
}

static enum status
refresh_or_end(struct ctx *ctx, const struct risk_active *active,
	const struct risk_usage *usage)
{
	if (!usage)
		return db_exec(ctx,
			"UPDATE risk_alerts SET resolved_at = ? "
			"WHERE public_id = ? AND resolved_at IS NULL",
			DB_IN(db_time(ctx->now_us), db_ident(active->id)),
			NULL);
	if (!is_stale(active, usage))
		return ST_OK;
	return db_exec(ctx,
		"UPDATE risk_alerts SET current_value = ?, limit_value = ? "
		"WHERE public_id = ?",
		DB_IN(db_decimal(usage->current), db_decimal(usage->bound),
			db_ident(active->id)),
		NULL);
}

static enum status
set_tx(struct ctx *ctx, void *arg)
{
	struct setting *s = arg;
	size_t i;

	s->raised = 0;
	for (i = 0; i < s->n_active; i++)
		TRY(refresh_or_end(ctx, &s->active[i],
			find_usage(s, &s->active[i])));
	for (i = 0; i < s->n; i++) {
		const struct risk_usage *usage = &s->usages[i];
		enum risk_level level = first_level(usage);

		for (; level <= usage->level; level++)
			if (!find_active(s, usage, level))
				TRY(raise_level(ctx, s, usage, level,
					level == usage->level));
	}
	return ST_OK;
}

enum status
risk_alerts_set(struct ctx *ctx, uint32_t user,
	const struct risk_active *active, size_t n_active,
	const struct risk_usage *usages, size_t n, unsigned *raised)
{
	struct setting s = {.user = user,
		.active = active,
		.n_active = n_active,
		.usages = usages,
		.n = n};

	if (has_news(&s))
		TRY(db_tx(ctx, set_tx, &s));
	if (raised)
		*raised = s.raised;
	return ST_OK;
}
