/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_core.c - the strictest of all, and how the core hears of it.
 */
#include "domain/risk_core.h"

#include <stdbool.h>
#include <sys/param.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/user.h"

/* Between two attempts at what the core has refused. */
#define REPAIR_PAUSE_US US_PER_MINUTE

static const uint8_t core_types[RISK_TYPES] = {
	[RISK_POSITION_SIZE] = LIMIT_POSITION_SIZE,
	[RISK_ORDER_SIZE] = LIMIT_ORDER_SIZE,
	[RISK_DAILY_LOSS] = LIMIT_DAILY_LOSS,
	[RISK_MAX_DRAWDOWN] = LIMIT_DRAWDOWN,
	[RISK_OPEN_ORDERS] = LIMIT_OPEN_ORDERS,
	[RISK_POSITION_VALUE] = LIMIT_POSITION_VALUE,
};

/* N when there is none. */
static size_t
place_of(const struct risk_bounds *bounds, uint8_t type, uint16_t instrument)
{
	size_t i;

	for (i = 0; i < bounds->n; i++)
		if (bounds->rows[i].type == type &&
			bounds->rows[i].instrument == instrument)
			break;
	return i;
}

static void
add(struct risk_bounds *bounds, const struct risk_bound *bound)
{
	size_t at = place_of(bounds, bound->type, bound->instrument);

	if (at == bounds->n)
		bounds->rows[bounds->n++] = *bound;
	else
		bounds->rows[at].value =
			MIN(bounds->rows[at].value, bound->value);
}

struct risk_bounds
risk_bounds_of(const struct risk_limits *limits)
{
	struct risk_bounds bounds = {.n = 0};
	size_t i;

	for (i = 0; i < limits->n && bounds.n < RISK_ROWS_MAX; i++) {
		const struct risk_limit *limit = &limits->rows[i];
		struct risk_bound bound = {
			.type = core_types[limit->type],
			.instrument = limit->instrument,
			.value = limit->type == RISK_OPEN_ORDERS
					 ? limit->value.units / DECIMAL_ONE
					 : limit->value.units,
		};

		if (limit->enabled)
			add(&bounds, &bound);
	}
	for (i = 0; i < bounds.n; i++) {
		struct risk_bound *bound = &bounds.rows[i];
		size_t any = place_of(&bounds, bound->type, INSTRUMENT_ANY);

		if (any < bounds.n)
			bound->value =
				MIN(bound->value, bounds.rows[any].value);
	}
	return bounds;
}

struct risk_steps
risk_steps_between(
	const struct risk_bounds *before, const struct risk_bounds *after)
{
	struct risk_steps steps = {.n = 0};
	size_t i;

	for (i = 0; i < after->n; i++) {
		const struct risk_bound *to = &after->rows[i];
		size_t was = place_of(before, to->type, to->instrument);

		if (was == before->n || before->rows[was].value != to->value)
			steps.rows[steps.n++] = *to;
	}
	/* A limit is set before another is lifted: never is there none. */
	for (i = 0; i < before->n; i++) {
		struct risk_bound lifted = before->rows[i];

		if (place_of(after, lifted.type, lifted.instrument) < after->n)
			continue;
		lifted.value = 0;
		steps.rows[steps.n++] = lifted;
	}
	return steps;
}

static enum status
promise_one(struct ctx *ctx, uint32_t user, const struct risk_bound *bound,
	struct ident id)
{
	struct cmd_limit_set set = {
		.head = CORE_COMMAND(LIMIT_SET, cmd_limit_set, user),
		.intent = id,
		.instrument = bound->instrument,
		.type = bound->type,
		.value = bound->value,
	};

	return intent_write(ctx, id, RISK_SOURCE, id, &set.head);
}

enum status
risk_promise(struct ctx *ctx, uint32_t user, const struct risk_steps *steps,
	struct ident *ids)
{
	size_t i;

	for (i = 0; i < steps->n; i++) {
		ids[i] = ident_random(ctx->now_us);
		TRY(promise_one(ctx, user, &steps->rows[i], ids[i]));
	}
	return ST_OK;
}

static enum status
keep_one(struct ctx *ctx, struct ident id)
{
	enum status status = intent_send_in_turn(ctx, id);

	if (status == ST_UNAVAILABLE || status == ST_OUTCOME_UNKNOWN)
		return fail(ctx, ST_OUTCOME_UNKNOWN, NULL,
			"the limits are noted and will be in force "
			"when the exchange can be reached");
	return status;
}

enum status
risk_keep(struct ctx *ctx, const struct ident *ids, size_t n)
{
	enum status worst = ST_OK, status;
	size_t i;

	for (i = 0; i < n; i++) {
		status = keep_one(ctx, ids[i]);
		if (status == ST_OUTCOME_UNKNOWN)
			return status;
		if (status != ST_OK)
			worst = status;
	}
	return worst;
}

/* ---- Repairing ----------------------------------------------------------- */

/* Is all that was promised kept, and has the settler seen it? */
static enum status
is_quiet(struct ctx *ctx, uint32_t user, bool *out)
{
	uint64_t open, seq, applied;
	int64_t last_us;

	TRY(db_one(ctx,
		"SELECT COALESCE(SUM(i.state = 'open'), 0), "
		"COALESCE(MAX(i.seq), 0), MAX(i.created_at), "
		"(SELECT applied_seq FROM settle_state) FROM intents i "
		"WHERE i.user_id = ? AND i.source = ?",
		DB_IN(db_u64(user), db_text(RISK_SOURCE)),
		DB_OUT(db_to_u64(&open), db_to_u64(&seq), db_to_time(&last_us),
			db_to_u64(&applied))));
	*out = open == 0 && seq <= applied &&
	       (last_us == DB_NO_TIME ||
		       last_us < ctx->now_us - REPAIR_PAUSE_US);
	return ST_OK;
}

/* Did it ever come from here?  Its place in the stored command tells. */
static enum status
is_ours(struct ctx *ctx, uint32_t user, const struct risk_bound *bound,
	bool *out)
{
	struct cmd_limit_set set = {
		.instrument = bound->instrument, .type = bound->type};
	uint64_t n;

	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM intents WHERE user_id = ? AND "
		"source = ? AND SUBSTRING(command, ?, ?) = ?",
		DB_IN(db_u64(user), db_text(RISK_SOURCE),
			db_u64(offsetof(struct cmd_limit_set, instrument) + 1),
			db_u64(sizeof(set.instrument) + sizeof(set.type)),
			db_bytes(&set.instrument,
				sizeof(set.instrument) + sizeof(set.type))),
		DB_OUT(db_to_u64(&n))));
	*out = n > 0;
	return ST_OK;
}

static enum status
keep_ours(struct ctx *ctx, uint32_t user, struct risk_steps *steps)
{
	size_t i, n = 0;

	for (i = 0; i < steps->n; i++) {
		bool ours = true;

		if (steps->rows[i].value == 0)
			TRY(is_ours(ctx, user, &steps->rows[i], &ours));
		if (ours)
			steps->rows[n++] = steps->rows[i];
	}
	steps->n = n;
	return ST_OK;
}

struct repair {
	uint32_t user;
	const struct risk_bounds *core;
	struct risk_steps steps;
	struct ident ids[2 * RISK_ROWS_MAX];
};

/* Whoever changes the limits meanwhile waits, and comes after. */
static enum status
repair_tx(struct ctx *ctx, void *arg)
{
	struct repair *repair = arg;
	struct risk_limits limits;
	struct risk_bounds want;
	bool quiet;

	repair->steps.n = 0;
	TRY(user_hold(ctx, repair->user));
	TRY(is_quiet(ctx, repair->user, &quiet));
	if (!quiet)
		return ST_OK;
	TRY(risk_limits_read(ctx, repair->user, &limits));
	want = risk_bounds_of(&limits);
	repair->steps = risk_steps_between(repair->core, &want);
	TRY(keep_ours(ctx, repair->user, &repair->steps));
	return risk_promise(ctx, repair->user, &repair->steps, repair->ids);
}

enum status
risk_repair(struct ctx *ctx, uint32_t user, const struct risk_limits *limits,
	const struct risk_bounds *core)
{
	struct risk_bounds want = risk_bounds_of(limits);
	struct repair *repair;
	enum status status;
	bool quiet;

	if (risk_steps_between(core, &want).n == 0)
		return ST_OK;
	/* First without a lock: mostly it is only not settled yet. */
	TRY(is_quiet(ctx, user, &quiet));
	if (!quiet)
		return ST_OK;
	repair = arena_alloc(ctx->arena, sizeof(*repair));
	repair->user = user;
	repair->core = core;
	TRY(db_tx(ctx, repair_tx, repair));
	status = risk_keep(ctx, repair->ids, repair->steps.n);
	if (status == ST_OK || status == ST_OUTCOME_UNKNOWN ||
		status == ST_INTERNAL)
		return status;
	/* A refusal stands at its intent, and is no reason to stop here. */
	ctx->fault = (struct fault){0};
	return ST_OK;
}
