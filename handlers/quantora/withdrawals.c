/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawals.c - Quantora "Admin API": deciding withdrawals; and, which its
 * document forgets, asking for them.
 */
#include "domain/settled.h"
#include "domain/withdrawal.h"
#include "handlers/quantora/edition.h"
#include "http/request.h"

struct request_in {
	const char *asset;
	struct decimal amount;
	const char *address;
};

static const struct field request_fields[] = {
	FIELD_TEXT(request_in, asset, REQUIRED, 1, 11),
	FIELD_DEC(request_in, amount, REQUIRED),
	FIELD_TEXT(request_in, address, REQUIRED, 1, WITHDRAWAL_ADDRESS_MAX),
	FIELD_END,
};
static const struct shape request_shape = SHAPE(request_in, request_fields);

struct decision_in {
	struct ident withdrawal_id;
};

static const struct field decision_fields[] = {
	FIELD_ID(decision_in, withdrawal_id, REQUIRED),
	FIELD_END,
};
static const struct shape decision_shape = SHAPE(decision_in, decision_fields);

struct page_in {
	int64_t limit, offset;
};

static const struct field page_fields[] = {
	FIELD_INT_OR(page_in, limit, OPTIONAL, 100, 1, 1000),
	FIELD_INT(page_in, offset, OPTIONAL, 0, INT32_MAX),
	FIELD_END,
};
static const struct shape page_shape = SHAPE(page_in, page_fields);

/* ---- What is shown ------------------------------------------------------- */

static void
view(struct reply *r, const char *key, const struct withdrawal *w)
{
	reply_object(r, key);
	reply_ident(r, "id", w->id);
	reply_ident(r, "user_id", w->user);
	reply_text(r, "asset", w->asset);
	reply_dec(r, "amount", w->amount);
	reply_text(r, "address", w->address);
	reply_text(r, "status", withdrawal_status_name(w->status));
	reply_dec(r, "usd_value", w->usd_value);
	reply_int(r, "approvals", w->approvals);
	reply_int(r, "approvals_needed", w->deciders_needed);
	reply_time(r, "requested_at", w->requested_us);
	reply_time(r, "decided_at", w->decided_us);
	reply_end(r);
}

static enum status
answer(struct req *req, const struct withdrawal *w)
{
	view(req_reply(req), "data", w);
	return req_done(req);
}

static enum status
answer_list(struct req *req, const struct withdrawal_list *list)
{
	const struct page_in *page = req->query;
	struct reply *r = req_reply(req);
	size_t i;

	reply_array(r, "data");
	for (i = 0; i < list->n; i++)
		view(r, NULL, &list->rows[i]);
	reply_end(r);
	reply_int(r, "total", (int64_t)list->total);
	reply_int(r, "limit", page->limit);
	reply_int(r, "offset", page->offset);
	return req_done(req);
}

/* ---- The user's ---------------------------------------------------------- */

static enum status
request(struct req *req)
{
	const struct request_in *in = req->in;
	struct withdrawal w;
	const char *key;

	TRY(req_idempotency_key(req, NULL, &key));
	TRY(withdrawal_request(&req->ctx,
		&(struct withdrawal_request){
			.asset = in->asset,
			.amount = in->amount,
			.address = in->address,
			.key = key,
		},
		&w));
	return answer(req, &w);
}

static enum status
list(struct req *req)
{
	const struct page_in *page = req->query;
	struct withdrawal_list found;

	TRY(withdrawal_list(&req->ctx, page->limit, page->offset, &found));
	return answer_list(req, &found);
}

static enum status
cancel(struct req *req)
{
	struct withdrawal w;
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(withdrawal_cancel(&req->ctx, id, &w));
	return answer(req, &w);
}

/* ---- The administrators' ------------------------------------------------- */

static enum status
pending(struct req *req)
{
	const struct page_in *page = req->query;
	struct withdrawal_list found;

	settled_expect(req->ctx.settled, req->guard.global_seq);
	TRY(withdrawal_pending(&req->ctx, page->limit, page->offset, &found));
	return answer_list(req, &found);
}

static enum status
approve(struct req *req)
{
	const struct decision_in *in = req->in;
	struct withdrawal w;

	settled_expect(req->ctx.settled, req->guard.global_seq);
	TRY(withdrawal_approve(&req->ctx, in->withdrawal_id, &w));
	return answer(req, &w);
}

static enum status
reject(struct req *req)
{
	const struct decision_in *in = req->in;
	struct withdrawal w;

	settled_expect(req->ctx.settled, req->guard.global_seq);
	TRY(withdrawal_reject(&req->ctx, in->withdrawal_id, &w));
	return answer(req, &w);
}

/* clang-format off */
const struct route quantora_withdrawals[] = {
	{POST, "/api/withdrawal", request, AUTH_USER | AUTH_OTP, RATE_WRITE,
		POOL_API, .body = &request_shape,
		.permission = PERMISSION_WITHDRAW},
	{GET, "/api/withdrawals", list, AUTH_USER, RATE_READ, POOL_API,
		.query = &page_shape},
	{DELETE, "/api/withdrawal/{id}", cancel, AUTH_USER, RATE_WRITE,
		POOL_API, NO_INPUT},
	{GET, "/admin/withdrawals/pending", pending, AUTH_OPERATOR, RATE_READ,
		POOL_API, .query = &page_shape},
	{POST, "/admin/withdrawal/approve", approve, AUTH_OPERATOR | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &decision_shape,
		.permission = PERMISSION_DECIDE_WITHDRAWALS},
	{POST, "/admin/withdrawal/reject", reject, AUTH_OPERATOR | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &decision_shape,
		.permission = PERMISSION_DECIDE_WITHDRAWALS},
	ROUTE_END
};
/* clang-format on */
