/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * outcome.c - what failures are called.
 */
#include <string.h>

#include "http/edition.h"

/* clang-format off */
const struct outcome common_outcomes[ST_N] = {
	[ST_OK] = {200, "OK", "OK"},
	[ST_MALFORMED] = {400, "BAD_REQUEST", "The request cannot be read"},
	[ST_INVALID] = {400, "VALIDATION_ERROR", "A value is not valid"},
	[ST_UNAUTHENTICATED] = {401, "UNAUTHORIZED", "Authentication required"},
	[ST_TOTP_REQUIRED] = {403, "TOTP_REQUIRED",
		"A code of the second factor is required"},
	[ST_FORBIDDEN] = {403, "FORBIDDEN", "Not permitted"},
	[ST_LOCKED] = {403, "ACCOUNT_LOCKED", "The account is locked"},
	[ST_NOT_FOUND] = {404, "NOT_FOUND", "Not found"},
	[ST_CONFLICT] = {409, "CONFLICT", "It conflicts with what is there"},
	[ST_NO_FUNDS] = {400, "INSUFFICIENT_FUNDS", "Insufficient funds"},
	[ST_RISK_LIMIT] = {400, "RISK_LIMIT_EXCEEDED",
		"A risk limit does not allow it"},
	[ST_PRICE_BAND] = {400, "PRICE_BAND",
		"The price is outside the price band"},
	[ST_MARKET_CLOSED] = {400, "MARKET_CLOSED", "The market is not open"},
	[ST_RATE_LIMITED] = {429, "RATE_LIMIT", "Too many requests"},
	[ST_TOO_LARGE] = {413, "PAYLOAD_TOO_LARGE", "The request is too large"},
	[ST_MEDIA_TYPE] = {415, "UNSUPPORTED_MEDIA_TYPE",
		"Unsupported content type"},
	[ST_METHOD] = {405, "METHOD_NOT_ALLOWED", "Method not allowed"},
	[ST_UNAVAILABLE] = {503, "SERVICE_UNAVAILABLE",
		"The service is unavailable; nothing was done"},
	[ST_OUTCOME_UNKNOWN] = {503, "OUTCOME_UNKNOWN",
		"It may or may not have been done; look again in two seconds"},
	[ST_UPSTREAM] = {502, "PROVIDER_ERROR", "An outside service failed"},
	[ST_INTERNAL] = {500, "INTERNAL_ERROR", "Internal error"},
};
/* clang-format on */

static bool
change_fits(const struct outcome_change *change, const struct fault *fault,
	enum status status)
{
	if (change->at != status)
		return false;
	if (!change->field)
		return true;
	return fault->field && strcmp(fault->field, change->field) == 0 &&
	       fault->kind == change->kind;
}

struct outcome
outcome_of(const struct edition *edition, const struct ctx *ctx,
	enum status status)
{
	const struct outcome_change *change = edition->changes;
	struct outcome outcome = common_outcomes[status];

	for (; change && change->at != ST_OK; change++) {
		if (!change_fits(change, &ctx->fault, status))
			continue;
		if (change->to.message)
			outcome.message = change->to.message;
		outcome.http = change->to.http;
		outcome.code = change->to.code;
		break;
	}
	/* A log-in that wants a code, not an action that does. */
	if (status == ST_TOTP_REQUIRED && !ctx->session)
		outcome.http = 401;
	return outcome;
}

const char *
fault_message(const struct ctx *ctx, const struct outcome *outcome)
{
	return ctx->fault.reason ? ctx->fault.reason : outcome->message;
}

void
render_error_object(const struct ctx *ctx, enum status status,
	const struct outcome *outcome, struct reply *reply)
{
	const struct fault *fault = &ctx->fault;
	const char *message = fault_message(ctx, outcome);

	(void)status;
	reply_object(reply, NULL);
	reply_object(reply, "error");
	reply_text(reply, "code", outcome->code);
	reply_text(reply, "message", message);
	reply_object(reply, "details");
	if (fault->field) {
		reply_text(reply, "field", fault->field);
		reply_text(reply, "reason", message);
	}
	reply_end(reply);
	reply_end(reply);
	reply_end(reply);
}

/*
 * nginx hands on what stands here as it is, and a status line without a word
 * behind the number is not HTTP.
 */
const char *
http_phrase(int http_status)
{
	/* clang-format off */
	static const struct { int status; const char *phrase; } known[] = {
		{200, "OK"}, {201, "Created"}, {202, "Accepted"},
		{204, "No Content"}, {302, "Found"}, {400, "Bad Request"},
		{401, "Unauthorized"}, {403, "Forbidden"},
		{404, "Not Found"}, {405, "Method Not Allowed"},
		{409, "Conflict"}, {413, "Payload Too Large"},
		{415, "Unsupported Media Type"},
		{422, "Unprocessable Entity"}, {426, "Upgrade Required"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"}, {502, "Bad Gateway"},
		{503, "Service Unavailable"}, {504, "Gateway Timeout"},
	};
	/* clang-format on */
	size_t i;

	for (i = 0; i < N_ELEMENTS(known); i++)
		if (known[i].status == http_status)
			return known[i].phrase;
	return "Status";
}
