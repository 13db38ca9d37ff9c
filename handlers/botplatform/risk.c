/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk.c - Trading Bot Platform "Risk Management": limits by type, alerts.
 *
 * A MAX_DRAWDOWN is a fraction of the peak equity, as in the twin document.
 * One limit by its id (read, changed, removed) is ours.
 */
#include <string.h>

#include "auth/session.h"
#include "domain/market.h"
#include "domain/risk.h"
#include "domain/risk_alert.h"
#include "handlers/botplatform/edition.h"
#include "http/request.h"

static const struct word types[] = {
	{"POSITION_SIZE", RISK_POSITION_SIZE},
	{"ORDER_SIZE", RISK_ORDER_SIZE},
	{"DAILY_LOSS", RISK_DAILY_LOSS},
	{"MAX_DRAWDOWN", RISK_MAX_DRAWDOWN},
	{"OPEN_ORDERS", RISK_OPEN_ORDERS},
	{NULL, 0},
};

/*
 * Both lists are whole: a reader who misses a limit is misled.  Every list of
 * the document has pages, though, and who asks for one gets it.
 */
struct page_in {
	int64_t limit, offset;
};

static const struct field page_fields[] = {
	FIELD_INT_OR(page_in, limit, OPTIONAL, INT32_MAX, 1, 100),
	FIELD_INT(page_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape page_shape = SHAPE(page_in, page_fields);

/* Whether the row at I is on the page. */
static bool
is_shown(struct req *req, size_t i)
{
	const struct page_in *in = req->query;
	int64_t at = (int64_t)i - in->offset;

	return at >= 0 && at < in->limit;
}

/* ---- What they look like ------------------------------------------------- */

/* Of one instrument, its name without a slash. */
static void
write_symbol(struct reply *r, const struct market *market)
{
	char key[SYMBOL_MAX];

	if (market && market_key(market->symbol, key))
		reply_text(r, "symbol", key);
	else
		reply_null(r, "symbol");
}

/* What a limit's value is counted in; NULL: no money, or each quote asset. */
static const char *
currency_of(const struct risk_limit *limit, const struct market *market)
{
	switch (limit->type) {
	case RISK_POSITION_SIZE:
	case RISK_ORDER_SIZE:
		return market ? market->quote : NULL;
	case RISK_DAILY_LOSS:
	case RISK_POSITION_VALUE:
		return "USD";
	case RISK_MAX_DRAWDOWN:
	case RISK_OPEN_ORDERS:
	case RISK_TYPES:
		break;
	}
	return NULL;
}

static void
write_value(struct reply *r, const char *key, bool is_money,
	struct decimal value)
{
	if (is_money)
		reply_money(r, key, value);
	else
		reply_dec(r, key, value);
}

static bool
is_money(enum risk_type type)
{
	return type != RISK_MAX_DRAWDOWN && type != RISK_OPEN_ORDERS;
}

/* NULL when it is of no instrument, or of one that is no more. */
static const struct market *
market_of(struct req *req, uint16_t instrument, struct market *market)
{
	if (instrument == INSTRUMENT_ANY ||
		market_numbered(&req->ctx, instrument, market) != ST_OK)
		return NULL;
	return market;
}

static void
write_limit(struct req *req, struct reply *r, const struct risk_limit *limit)
{
	struct market room;
	const struct market *market = market_of(req, limit->instrument, &room);

	reply_ident(r, "id", limit->id);
	reply_ident(r, "user_id", req->ctx.session->public_id);
	reply_text(r, "limit_type", risk_type_name(limit->type));
	write_value(r, "limit_value", is_money(limit->type), limit->value);
	write_symbol(r, market);
	reply_text(r, "currency", currency_of(limit, market));
	reply_number(r, "warning_threshold", limit->warning);
	reply_number(r, "critical_threshold", limit->critical);
	reply_bool(r, "enabled", limit->enabled);
	reply_time(r, "created_at", limit->created_us);
	reply_time(r, "updated_at", limit->updated_us);
}

static enum status
answer(struct req *req, const struct risk_limit *limit)
{
	write_limit(req, req_reply(req), limit);
	return req_done(req);
}

/* ---- Limits -------------------------------------------------------------- */

struct create_in {
	enum risk_type limit_type;
	struct decimal limit_value;
	const char *symbol;
	struct decimal warning_threshold, critical_threshold;
};

static const struct field create_fields[] = {
	FIELD_ENUM(create_in, limit_type, REQUIRED, types),
	FIELD_DEC(create_in, limit_value, REQUIRED),
	FIELD_TEXT(create_in, symbol, OPTIONAL, 1, SYMBOL_MAX - 1),
	FIELD_DEC(create_in, warning_threshold, OPTIONAL),
	FIELD_DEC(create_in, critical_threshold, OPTIONAL),
	FIELD_END,
};
static const struct shape create_shape = SHAPE(create_in, create_fields);

static enum status
create(struct req *req)
{
	const struct create_in *in = req->in;
	struct risk_limit limit;

	TRY(risk_limit_add(&req->ctx,
		&(struct risk_limit_new){
			.type = in->limit_type,
			.symbol = in->symbol,
			.value = in->limit_value,
			.warning = in->warning_threshold,
			.critical = in->critical_threshold,
		},
		&limit));
	req_created(req);
	return answer(req, &limit);
}

static enum status
list(struct req *req)
{
	struct risk_limits limits;
	struct reply *r;
	size_t i;

	TRY(risk_limit_list(&req->ctx, &limits));
	r = req_reply_plain(req);
	reply_array(r, NULL);
	for (i = 0; i < limits.n; i++) {
		if (!is_shown(req, i))
			continue;
		reply_object(r, NULL);
		write_limit(req, r, &limits.rows[i]);
		reply_end(r);
	}
	reply_end(r);
	return ST_OK;
}

static enum status
show(struct req *req)
{
	struct risk_limit limit;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(risk_limit_find(&req->ctx, id, &limit));
	return answer(req, &limit);
}

struct change_in {
	struct decimal limit_value, warning_threshold, critical_threshold;
	bool enabled;
};

static const struct field change_fields[] = {
	FIELD_DEC(change_in, limit_value, OPTIONAL),
	FIELD_DEC(change_in, warning_threshold, OPTIONAL),
	FIELD_DEC(change_in, critical_threshold, OPTIONAL),
	FIELD_BOOL(change_in, enabled, OPTIONAL),
	FIELD_END,
};
static const struct shape change_shape = SHAPE(change_in, change_fields);

static enum status
change(struct req *req)
{
	const struct change_in *in = req->in;
	struct risk_limit_change wanted = {
		.value = in->limit_value,
		.warning = in->warning_threshold,
		.critical = in->critical_threshold,
		.enabled = RISK_KEEP,
	};
	struct risk_limit limit;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	if (REQ_HAS(req, change_in, enabled))
		wanted.enabled = in->enabled ? RISK_ENABLE : RISK_DISABLE;
	TRY(risk_limit_change(&req->ctx, id, &wanted, &limit));
	return answer(req, &limit);
}

static enum status
drop(struct req *req)
{
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(risk_limit_remove(&req->ctx, id));
	return req_no_content(req);
}

/* ---- Alerts -------------------------------------------------------------- */

/* Of a count or a fraction the values are no money. */
static bool
counts_money(const struct risk_alert *alert)
{
	return strncmp(alert->type, "MAX_DRAWDOWN", 12) != 0 &&
	       strncmp(alert->type, "OPEN_ORDERS", 11) != 0;
}

static void
write_alert(struct req *req, struct reply *r, const struct risk_alert *alert)
{
	struct market room;

	reply_object(r, NULL);
	reply_ident(r, "id", alert->id);
	reply_text(r, "alert_type", alert->type);
	reply_text(r, "severity",
		alert_severity_name(risk_severity(alert->level)));
	reply_text(r, "message", alert->message);
	write_value(r, "current_value", counts_money(alert), alert->current);
	write_value(r, "limit_value", counts_money(alert), alert->bound);
	reply_ident(r, "limit_id", alert->limit);
	write_symbol(r, market_of(req, alert->instrument, &room));
	reply_time(r, "triggered_at", alert->triggered_us);
	reply_end(r);
}

static enum status
alerts(struct req *req)
{
	struct risk_alerts active;
	struct reply *r;
	size_t i;

	TRY(risk_alert_list(&req->ctx, &active));
	r = req_reply(req);
	reply_array(r, "alerts");
	for (i = 0; i < active.n; i++)
		if (is_shown(req, i))
			write_alert(req, r, &active.rows[i]);
	reply_end(r);
	return req_done(req);
}

/* clang-format off */
const struct route botplatform_risk[] = {
	{POST, "/api/v1/risk/limits", create, AUTH_USER, RATE_WRITE, POOL_API,
		.body = &create_shape},
	{GET, "/api/v1/risk/limits", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &page_shape},
	{GET, "/api/v1/risk/limits/{id}", show, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{PATCH, "/api/v1/risk/limits/{id}", change, AUTH_USER, RATE_WRITE,
		POOL_API, .body = &change_shape},
	{DELETE, "/api/v1/risk/limits/{id}", drop, AUTH_USER, RATE_WRITE,
		POOL_API, NO_INPUT},
	{GET, "/api/v1/risk/alerts", alerts, AUTH_USER, RATE_READ, POOL_API,
		.query = &page_shape},
	ROUTE_END
};
/* clang-format on */
