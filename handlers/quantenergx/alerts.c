/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * alerts.c - QuantEnergX "Market Data": price alerts.
 *
 * The document only creates them; to list, read and delete them is ours.
 */
#include "domain/price_alert.h"

#include "handlers/quantenergx/edition.h"
#include "http/request.h"

enum condition { BELOW, ABOVE };

static const struct word conditions[] = {
	{"above", ABOVE},
	{"below", BELOW},
	{NULL, 0},
};

static void
write_alert(struct reply *r, const struct price_alert *alert)
{
	reply_ident(r, "id", alert->id);
	reply_text(r, "symbol", alert->symbol);
	reply_text(r, "condition", conditions[alert->above ? 0 : 1].text);
	reply_dec(r, "price", alert->price);
	reply_text(r, "status", alert->triggered ? "triggered" : "active");
	reply_time(r, "created_at", alert->created_us);
	reply_time(r, "triggered_at", alert->triggered_us);
	reply_dec(r, "triggered_price", alert->triggered_price);
}

static enum status
answer(struct req *req, const struct price_alert *alert)
{
	write_alert(req_reply(req), alert);
	return req_done(req);
}

struct create_in {
	const char *symbol;
	enum condition condition;
	struct decimal price;
};

static const struct field create_fields[] = {
	FIELD_TEXT(create_in, symbol, REQUIRED, 1, SYMBOL_MAX - 1),
	FIELD_ENUM(create_in, condition, REQUIRED, conditions),
	FIELD_DEC(create_in, price, REQUIRED),
	FIELD_END,
};
static const struct shape create_shape = SHAPE(create_in, create_fields);

static enum status
create(struct req *req)
{
	const struct create_in *in = req->in;
	struct price_alert alert;

	TRY(price_alert_add(&req->ctx, in->symbol, in->condition == ABOVE,
		in->price, &alert));
	req_created(req);
	return answer(req, &alert);
}

static const struct word states[] = {
	{"active", PRICE_ALERT_ACTIVE},
	{"triggered", PRICE_ALERT_TRIGGERED},
	{NULL, 0},
};

struct list_in {
	const char *symbol;
	enum price_alert_state status;
	int64_t limit, offset;
};

static const struct field list_fields[] = {
	FIELD_TEXT(list_in, symbol, OPTIONAL, 1, SYMBOL_MAX - 1),
	FIELD_ENUM_OR(list_in, status, OPTIONAL, PRICE_ALERT_ANY, states),
	FIELD_INT_OR(list_in, limit, OPTIONAL, 50, 1, 100),
	FIELD_INT(list_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape list_shape = SHAPE(list_in, list_fields);

static enum status
list(struct req *req)
{
	const struct list_in *in = req->query;
	struct price_alert_list found;
	struct reply *r;
	size_t i;

	TRY(price_alert_list(&req->ctx, in->symbol, in->status, in->limit,
		in->offset, &found));
	r = req_reply(req);
	reply_array(r, "alerts");
	for (i = 0; i < found.n; i++) {
		reply_object(r, NULL);
		write_alert(r, &found.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	reply_int(r, "total", (int64_t)found.total);
	reply_int(r, "limit", in->limit);
	reply_int(r, "offset", in->offset);
	return req_done(req);
}

static enum status
show(struct req *req)
{
	struct price_alert alert;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(price_alert_find(&req->ctx, id, &alert));
	return answer(req, &alert);
}

static enum status
drop(struct req *req)
{
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(price_alert_remove(&req->ctx, id));
	return req_no_content(req);
}

/* clang-format off */
const struct route quantenergx_alerts[] = {
	{POST, "/v1/market/alerts", create, AUTH_USER, RATE_REALTIME, POOL_API,
		.body = &create_shape},
	{GET, "/v1/market/alerts", list, AUTH_USER, RATE_REALTIME, POOL_API,
		.query = &list_shape},
	{GET, "/v1/market/alerts/{id}", show, AUTH_USER, RATE_REALTIME,
		POOL_API, NO_INPUT},
	{DELETE, "/v1/market/alerts/{id}", drop, AUTH_USER, RATE_REALTIME,
		POOL_API, NO_INPUT},
	ROUTE_END
};
/* clang-format on */
