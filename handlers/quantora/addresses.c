/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * addresses.c - the list of addresses that one withdraws to.
 *
 * No document has it; it speaks Quantora's envelope, as withdrawals do.
 */
#include "domain/withdrawal.h"
#include "domain/withdrawal_address.h"
#include "handlers/quantora/edition.h"
#include "http/request.h"

struct add_in {
	const char *asset;
	const char *address;
	const char *label;
};

static const struct field add_fields[] = {
	FIELD_TEXT(add_in, asset, REQUIRED, 1, 11),
	FIELD_TEXT(add_in, address, REQUIRED, 1, WITHDRAWAL_ADDRESS_MAX),
	FIELD_TEXT(add_in, label, OPTIONAL, 0, 128),
	FIELD_END,
};
static const struct shape add_shape = SHAPE(add_in, add_fields);

struct only_in {
	bool only;
};

static const struct field only_fields[] = {
	FIELD_BOOL(only_in, only, REQUIRED),
	FIELD_END,
};
static const struct shape only_shape = SHAPE(only_in, only_fields);

static void
view(struct reply *r, const char *key, const struct withdrawal_address *row)
{
	reply_object(r, key);
	reply_ident(r, "id", row->id);
	reply_text(r, "asset", row->asset);
	reply_text(r, "address", row->address);
	reply_text(r, "label", row->label);
	reply_time(r, "created_at", row->created_us);
	reply_time(r, "usable_from", row->usable_us);
	reply_end(r);
}

/* "only": whether one withdraws to nothing else. */
static enum status
list(struct req *req)
{
	struct withdrawal_addresses found;
	struct reply *r;
	size_t i;

	TRY(withdrawal_address_list(&req->ctx, &found));
	r = req_reply(req);
	reply_array(r, "data");
	for (i = 0; i < found.n; i++)
		view(r, NULL, &found.rows[i]);
	reply_end(r);
	reply_bool(r, "only", found.only);
	return req_done(req);
}

static enum status
add(struct req *req)
{
	const struct add_in *in = req->in;
	struct withdrawal_address row;

	TRY(withdrawal_address_add(&req->ctx,
		&(struct withdrawal_address_new){
			.asset = in->asset,
			.address = in->address,
			.label = in->label,
		},
		&row));
	view(req_reply(req), "data", &row);
	return req_done(req);
}

static enum status
drop(struct req *req)
{
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(withdrawal_address_remove(&req->ctx, id));
	reply_null(req_reply(req), "data");
	return req_done(req);
}

static enum status
set_only(struct req *req)
{
	const struct only_in *in = req->in;

	TRY(withdrawal_address_only(&req->ctx, in->only));
	return list(req);
}

/* clang-format off */
const struct route quantora_addresses[] = {
	{GET, "/api/withdrawal/addresses", list, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{POST, "/api/withdrawal/addresses", add, AUTH_USER | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &add_shape,
		.permission = PERMISSION_WITHDRAW},
	{PUT, "/api/withdrawal/addresses", set_only, AUTH_USER | AUTH_OTP,
		RATE_WRITE, POOL_API, .body = &only_shape},
	{DELETE, "/api/withdrawal/addresses/{id}", drop, AUTH_USER | AUTH_OTP,
		RATE_WRITE, POOL_API, NO_INPUT},
	ROUTE_END
};
/* clang-format on */
