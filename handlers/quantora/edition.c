/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.c - how Quantora's own document spells.
 */
#include "handlers/quantora/edition.h"

#include "base/clock.h"
#include "handlers/editions.h"

static const struct limit_rule limit = {
	.id = LIMIT_ID_QUANTORA,
	.windows = {{US_PER_MINUTE, CONF_RATE_QUANTORA_MINUTE, 0},
		{US_PER_SECOND, CONF_RATE_QUANTORA_SECOND, 0}},
};

static void
open_ok(struct reply *reply)
{
	reply_bool(reply, "success", true);
}

static void
close_ok(struct reply *reply)
{
	reply_null(reply, "error");
}

/* "error" is one string, the message, with its code beside it. */
static void
render_error(const struct ctx *ctx, enum status status,
	const struct outcome *outcome, struct reply *reply)
{
	(void)status;
	reply_object(reply, NULL);
	reply_bool(reply, "success", false);
	reply_null(reply, "data");
	reply_text(reply, "error", fault_message(ctx, outcome));
	reply_text(reply, "code", outcome->code);
	reply_end(reply);
}

const struct edition quantora = {
	.name = "quantora",
	.numbers = NUMBERS_JSON,
	.open_ok = open_ok,
	.close_ok = close_ok,
	.render_error = render_error,
	.limits = {[RATE_READ] = &limit,
		[RATE_TRADE] = &trade_limit,
		[RATE_REALTIME] = &limit},
	.routes = (const struct route *const[]){quantora_auth, quantora_orders,
		quantora_admin, quantora_withdrawals, quantora_addresses,
		quantora_access_keys, quantora_ws_ticket, NULL},
};
