/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.c - how the Trading Bot Platform's document spells.
 *
 * "detail" is a sentence, but of a validation error (422) a list that says
 * where the value was, as FastAPI does.
 */
#include "handlers/botplatform/edition.h"

#include "base/clock.h"
#include "handlers/editions.h"

static const struct limit_rule limit = {
	.id = LIMIT_ID_BOTPLATFORM,
	.windows = {{US_PER_MINUTE, CONF_RATE_BOTPLATFORM_MINUTE, 0},
		{US_PER_SECOND, CONF_RATE_BOTPLATFORM_SECOND, 0}},
};

/* clang-format off */
static const struct outcome_change changes[] = {
	{ST_UNAUTHENTICATED, NULL, FAULT_VALUE,
		{401, "INVALID_TOKEN", "Invalid or expired token"}},
	/* A number, but no order: not a matter of validation here. */
	{ST_INVALID, "quantity", FAULT_VALUE,
		{400, "INVALID_QUANTITY", "Invalid order quantity"}},
	{ST_INVALID, "price", FAULT_VALUE,
		{400, "INVALID_PRICE", "Invalid order price"}},
	{ST_INVALID, "stop_price", FAULT_VALUE,
		{400, "INVALID_PRICE", "Invalid stop price"}},
	{ST_INVALID, "trail", FAULT_VALUE,
		{400, "INVALID_PRICE", "Invalid trail"}},
	{ST_INVALID, NULL, FAULT_VALUE, {422, "VALIDATION_ERROR", NULL}},
	OUTCOME_CHANGES_END
};
/* clang-format on */

static const char *
place_name(enum fault_place place)
{
	switch (place) {
	case FAULT_QUERY:
		return "query";
	case FAULT_PATH:
		return "path";
	case FAULT_HEADER:
		return "header";
	case FAULT_NOWHERE:
	case FAULT_BODY:
		break;
	}
	return "body";
}

static const char *
kind_name(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_MISSING:
		return "value_error.missing";
	case FAULT_TYPE:
		return "type_error";
	case FAULT_CHOICE:
		return "type_error.enum";
	case FAULT_VALUE:
		break;
	}
	return "value_error";
}

static void
write_detail(const struct ctx *ctx, const struct outcome *outcome,
	struct reply *reply)
{
	const struct fault *fault = &ctx->fault;

	reply_array(reply, "detail");
	reply_object(reply, NULL);
	reply_array(reply, "loc");
	reply_text(reply, NULL, place_name(fault->place));
	if (fault->field)
		reply_text(reply, NULL, fault->field);
	reply_end(reply);
	reply_text(reply, "msg",
		fault->kind == FAULT_MISSING ? "field required"
					     : fault_message(ctx, outcome));
	reply_text(reply, "type", kind_name(fault->kind));
	reply_end(reply);
	reply_end(reply);
}

static void
render_error(const struct ctx *ctx, enum status status,
	const struct outcome *outcome, struct reply *reply)
{
	(void)status;
	reply_object(reply, NULL);
	if (outcome->http == 422)
		write_detail(ctx, outcome, reply);
	else
		reply_text(reply, "detail", fault_message(ctx, outcome));
	reply_text(reply, "code", outcome->code);
	reply_time(reply, "timestamp",
		ctx->now_us - ctx->now_us % US_PER_SECOND);
	reply_end(reply);
}

const struct edition botplatform = {
	.name = "botplatform",
	.numbers = NUMBERS_STRING,
	.render_error = render_error,
	.changes = changes,
	.limits = {[RATE_READ] = &limit,
		[RATE_TRADE] = &trade_limit,
		[RATE_REALTIME] = &limit},
	.routes = (const struct route *const[]){botplatform_auth,
		botplatform_risk,
		botplatform_market,
		botplatform_health, botplatform_users, botplatform_orders, NULL},
};
