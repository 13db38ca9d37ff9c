/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_account.c - the three numbers of an account, which are rows of the same
 * table.
 */
#include <string.h>

#include "auth/session.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/risk.h"
#include "domain/risk_change.h"

static const struct {
	const char *name;
	enum risk_type type;
} fields[RISK_ACCOUNT_FIELDS] = {
	[RISK_ACCOUNT_POSITION_VALUE] = {"max_position_value",
		RISK_POSITION_VALUE},
	[RISK_ACCOUNT_DAILY_LOSS] = {"max_daily_loss", RISK_DAILY_LOSS},
	[RISK_ACCOUNT_DRAWDOWN] = {"max_drawdown", RISK_MAX_DRAWDOWN},
};

const char *
risk_account_name(enum risk_account_field field)
{
	return fields[field].name;
}

/*
 * The one of TYPE that holds: the strictest that is enabled, else the last
 * that was changed; NULL when there is none at all.
 */
static struct risk_limit *
of_type(const struct risk_limits *limits, enum risk_type type)
{
	struct risk_limit *best = NULL;
	size_t i;

	for (i = 0; i < limits->n; i++) {
		struct risk_limit *row = &limits->rows[i];

		if (row->type != type)
			continue;
		if (!best || row->enabled > best->enabled ||
			(row->enabled == best->enabled &&
				(row->enabled
						? row->value.units <
							  best->value.units
						: row->updated_us >
							  best->updated_us)))
			best = row;
	}
	return best;
}

enum status
risk_account_read(struct ctx *ctx, struct risk_account *out)
{
	struct risk_account account;
	struct risk_limits limits;
	size_t f, i;

	/* That there is none is so since he is there. */
	TRY(db_one(ctx, "SELECT created_at FROM users WHERE id = ?",
		DB_IN(db_u64(ctx->session->user)),
		DB_OUT(db_to_time(&account.updated_us))));
	TRY(risk_limit_list(ctx, &limits));
	for (f = 0; f < RISK_ACCOUNT_FIELDS; f++) {
		const struct risk_limit *row =
			of_type(&limits, fields[f].type);

		account.values[f] =
			row && row->enabled ? row->value : DECIMAL_NONE;
		for (i = 0; i < limits.n; i++)
			if (limits.rows[i].type == fields[f].type &&
				limits.rows[i].updated_us > account.updated_us)
				account.updated_us = limits.rows[i].updated_us;
	}
	*out = account;
	return ST_OK;
}

/* What was done to a row, for the audit, which comes last. */
struct noted {
	const char *action;
	struct risk_limit limit;
};

struct setting {
	const struct risk_account_change *wanted;
	struct risk_change change;
	struct noted noted[RISK_ROWS_MAX + RISK_ACCOUNT_FIELDS];
	size_t n_noted;
};

static void
note(struct setting *setting, const char *action,
	const struct risk_limit *limit)
{
	setting->noted[setting->n_noted++] = (struct noted){action, *limit};
}

static enum status
update(struct ctx *ctx, struct setting *setting, struct risk_limit *row)
{
	TRY(risk_row_update(ctx, row));
	note(setting, "risk.limit_changed", row);
	return ST_OK;
}

static enum status
disable_others(struct ctx *ctx, struct setting *setting, enum risk_type type,
	const struct risk_limit *kept)
{
	const struct risk_limits *limits = &setting->change.limits;
	size_t i;

	for (i = 0; i < limits->n; i++) {
		struct risk_limit *row = &limits->rows[i];

		if (row->type != type || row == kept || !row->enabled)
			continue;
		row->enabled = false;
		TRY(update(ctx, setting, row));
	}
	return ST_OK;
}

static enum status
set_one(struct ctx *ctx, struct setting *setting, enum risk_type type,
	struct decimal value)
{
	struct risk_limit *row = of_type(&setting->change.limits, type);
	struct risk_limit new = {
		.id = ident_random(ctx->now_us),
		.type = type,
		.instrument = INSTRUMENT_ANY,
		.value = value,
		.warning = {RISK_WARNING_DEFAULT},
		.critical = {RISK_CRITICAL_DEFAULT},
		.enabled = true,
		.created_us = ctx->now_us,
		.updated_us = ctx->now_us,
	};

	if (decimal_is_none(value))
		return disable_others(ctx, setting, type, NULL);
	if (!row) {
		TRY(risk_row_insert(ctx, &new));
		note(setting, "risk.limit_added", &new);
		return ST_OK;
	}
	TRY(disable_others(ctx, setting, type, row));
	row->value = value;
	row->enabled = true;
	return update(ctx, setting, row);
}

static enum status
set_tx(struct ctx *ctx, void *arg)
{
	struct setting *setting = arg;
	const struct risk_account_change *wanted = setting->wanted;
	size_t i;

	setting->n_noted = 0;
	TRY(risk_change_begin(ctx, &setting->change));
	for (i = 0; i < RISK_ACCOUNT_FIELDS; i++)
		if (wanted->given[i])
			TRY(set_one(ctx, setting, fields[i].type,
				wanted->values[i]));
	TRY(risk_change_end(ctx, &setting->change));
	for (i = 0; i < setting->n_noted; i++)
		TRY(risk_change_audit(ctx, setting->noted[i].action,
			&setting->noted[i].limit));
	return ST_OK;
}

enum status
risk_account_set(struct ctx *ctx, const struct risk_account_change *change,
	struct risk_account *out)
{
	struct setting *setting = arena_alloc(ctx->arena, sizeof(*setting));
	size_t f;

	for (f = 0; f < RISK_ACCOUNT_FIELDS; f++)
		if (change->given[f] && !decimal_is_none(change->values[f]))
			TRY(risk_value_check(ctx, fields[f].type,
				change->values[f], fields[f].name));
	setting->wanted = change;
	TRY(db_tx(ctx, set_tx, setting));
	TRY(risk_keep(ctx, setting->change.ids, setting->change.steps.n));
	return risk_account_read(ctx, out);
}
