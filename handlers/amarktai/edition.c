/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.c - how the Amarktai Network document spells.
 *
 * Most of its successes begin with "success": true; those that don't (log-in,
 * registration, ping, platforms) are written by req_reply_plain().
 */
#include "handlers/amarktai/edition.h"

#include "base/clock.h"
#include "handlers/editions.h"

static const struct limit_rule limit = {
	.id = LIMIT_ID_AMARKTAI,
	.windows = {{US_PER_MINUTE, CONF_RATE_AMARKTAI_MINUTE, 0},
		{US_PER_SECOND, CONF_RATE_AMARKTAI_SECOND, 0}},
};

/* clang-format off */
static const struct outcome_change changes[] = {
	{ST_UNAUTHENTICATED, FAULT_TOKEN, FAULT_MISSING,
		{401, "AUTH_REQUIRED", NULL}},
	{ST_UNAUTHENTICATED, NULL, FAULT_VALUE,
		{401, "AUTH_INVALID", "Invalid or expired token"}},
	{ST_FORBIDDEN, NULL, FAULT_VALUE, {403, "PERMISSION_DENIED", NULL}},
	OUTCOME_CHANGES_END
};
/* clang-format on */

static void
open_ok(struct reply *reply)
{
	reply_bool(reply, "success", true);
}

static void
render_error(const struct ctx *ctx, enum status status,
	const struct outcome *outcome, struct reply *reply)
{
	(void)status;
	reply_object(reply, NULL);
	reply_bool(reply, "success", false);
	reply_text(reply, "error", fault_message(ctx, outcome));
	reply_text(reply, "error_code", outcome->code);
	reply_time(reply, "timestamp",
		ctx->now_us - ctx->now_us % US_PER_SECOND);
	reply_end(reply);
}

const struct edition amarktai = {
	.name = "amarktai",
	.numbers = NUMBERS_JSON,
	.open_ok = open_ok,
	.render_error = render_error,
	.changes = changes,
	.limits = {[RATE_READ] = &limit,
		[RATE_TRADE] = &trade_limit,
		[RATE_REALTIME] = &limit},
	.routes = (const struct route *const[]){amarktai_auth, amarktai_account,
		amarktai_system, NULL},
};
