/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk.c - API Interfaces "Risk API": the account's three limits.
 *
 * The document's numbers are null until they are set.  In a PUT null lifts a
 * limit; one that is left out stays as it was, because a client that sets one
 * limit does not mean to lose the others.
 */
#include "handlers/interfaces/edition.h"

#include <jansson.h>

#include "domain/risk.h"
#include "http/request.h"

struct limits_in {
	struct decimal values[RISK_ACCOUNT_FIELDS];
};

/* A row for each place of the array; the macro knows no places. */
#define VALUE(place, name_)                                                    \
	{.name = (name_), .kind = FIELD_KIND_DEC, .need = OPTIONAL,            \
		.offset = offsetof(struct limits_in, values[(place)])}

static const struct field limits_fields[] = {
	VALUE(RISK_ACCOUNT_POSITION_VALUE, "max_position_value"),
	VALUE(RISK_ACCOUNT_DAILY_LOSS, "max_daily_loss"),
	VALUE(RISK_ACCOUNT_DRAWDOWN, "max_drawdown"),
	FIELD_END,
};
static const struct shape limits_shape = SHAPE(limits_in, limits_fields);

static enum status
answer(struct req *req, const struct risk_account *account)
{
	struct reply *r = req_reply(req);
	enum risk_account_field f;

	for (f = 0; f < RISK_ACCOUNT_FIELDS; f++)
		reply_dec(r, risk_account_name(f), account->values[f]);
	reply_time(r, "updated_at", account->updated_us);
	return req_done(req);
}

static enum status
show(struct req *req)
{
	struct risk_account account;

	TRY(risk_account_read(&req->ctx, &account));
	return answer(req, &account);
}

static enum status
update(struct req *req)
{
	const struct limits_in *in = req->in;
	struct risk_account_change change = {.given = {false}};
	struct risk_account account;
	enum risk_account_field f;
	json_t *body;

	/* The shape takes null for absent, and here they differ. */
	TRY(json_read(&req->ctx, req->body, req->body_length, &body));
	for (f = 0; f < RISK_ACCOUNT_FIELDS; f++) {
		change.given[f] =
			json_object_get(body, risk_account_name(f)) != NULL;
		change.values[f] = in->values[f];
	}
	TRY(risk_account_set(&req->ctx, &change, &account));
	return answer(req, &account);
}

/* clang-format off */
const struct route interfaces_risk[] = {
	{GET, "/api/v1/risk/limits", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PUT, "/api/v1/risk/limits", update, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &limits_shape},
	ROUTE_END
};
/* clang-format on */
