/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * retention.c - old rows of risk_alerts, price_alerts and intents.
 *
 * A promise's id is of version 7 and is its reference, so the promises of one
 * source lie in the order of their making.
 */
#include "domain/retention.h"

#include "db/db.h"
#include "domain/risk_core.h"
#include "wire/command.h"

#define ALERTS_AT_ONCE 1000
#define PROMISES_AT_ONCE 100

/* Which limit a stored command sets: the instrument and the type behind it. */
#define LIMIT_AT (offsetof(struct cmd_limit_set, instrument) + 1)
#define LIMIT_BYTES                                                            \
	(offsetof(struct cmd_limit_set, spare) -                               \
		offsetof(struct cmd_limit_set, instrument))

static enum status
forget_alerts(struct ctx *ctx, int64_t before_us, bool *more)
{
	struct db_done risk, price;

	TRY(db_exec(ctx, "DELETE FROM risk_alerts WHERE resolved_at < ? LIMIT ?",
		DB_IN(db_time(before_us), db_u64(ALERTS_AT_ONCE)), &risk));
	/* The index has the time of its making, which is before the other. */
	TRY(db_exec(ctx,
		"DELETE FROM price_alerts WHERE triggered = 1 "
		"AND created_at < ? AND triggered_at < ? LIMIT ?",
		DB_IN(db_time(before_us), db_time(before_us),
			db_u64(ALERTS_AT_ONCE)),
		&price));
	*more = risk.affected == ALERTS_AT_ONCE ||
		price.affected == ALERTS_AT_ONCE;
	return ST_OK;
}

struct promise {
	struct ident id;
	uint32_t user;
	bool closed;
	uint8_t limit[LIMIT_BYTES];
};

/* Has the same limit been set, or lifted, again since? */
static enum status
is_followed(struct ctx *ctx, const struct promise *promise, bool *out)
{
	uint64_t n;

	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM (SELECT 1 FROM intents "
		"FORCE INDEX (intents_source) WHERE user_id = ? "
		"AND source = ? AND reference > ? "
		"AND SUBSTRING(command, ?, ?) = ? LIMIT 1) later",
		DB_IN(db_u64(promise->user), db_text(RISK_SOURCE),
			db_ident(promise->id), db_u64(LIMIT_AT),
			db_u64(LIMIT_BYTES),
			db_bytes(promise->limit, LIMIT_BYTES)),
		DB_OUT(db_to_u64(&n))));
	*out = n > 0;
	return ST_OK;
}

static enum status
forget_promise(struct ctx *ctx, const struct promise *promise)
{
	bool followed;

	if (!promise->closed)
		return ST_OK;
	TRY(is_followed(ctx, promise, &followed));
	if (!followed)
		return ST_OK;
	return db_exec(ctx, "DELETE FROM intents WHERE id = ?",
		DB_IN(db_ident(promise->id)), NULL);
}

static enum status
forget_promises(struct ctx *ctx, int64_t before_us, struct retention *at,
	bool *more)
{
	struct promise promises[PROMISES_AT_ONCE];
	struct db_rows *rows;
	size_t i, n = 0;

	TRY(db_query(ctx,
		"SELECT reference, user_id, state IN ('done', 'refused'), "
		"SUBSTRING(command, ?, ?) FROM intents "
		"WHERE source = ? AND reference > ? AND reference < ? "
		"ORDER BY reference LIMIT ?",
		DB_IN(db_u64(LIMIT_AT), db_u64(LIMIT_BYTES),
			db_text(RISK_SOURCE), db_ident(at->after),
			db_ident(ident_random(before_us)),
			db_u64(PROMISES_AT_ONCE)),
		&rows));
	while (n < PROMISES_AT_ONCE &&
		db_next(rows, DB_OUT(db_to_ident(&promises[n].id),
				      db_to_u32(&promises[n].user),
				      db_to_bool(&promises[n].closed),
				      db_to_fixed(promises[n].limit,
					      LIMIT_BYTES))))
		n++;
	for (i = 0; i < n; i++)
		TRY(forget_promise(ctx, &promises[i]));
	*more = n == PROMISES_AT_ONCE;
	at->after = *more ? promises[n - 1].id : IDENT_NONE;
	return ST_OK;
}

enum status
retention_turn(struct ctx *ctx, struct retention *at, bool *more)
{
	int64_t before_us = ctx->now_us - RETENTION_KEPT_US;
	bool alerts, promises;

	TRY(forget_alerts(ctx, before_us, &alerts));
	TRY(forget_promises(ctx, before_us, at, &promises));
	*more = alerts || promises;
	return ST_OK;
}
