/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_keys.c - keys for programs, as docs/api-keys.md tells.
 *
 * No document has them; they speak Quantora's envelope.
 */
#include "domain/access_key.h"

#include <string.h>

#include "handlers/quantora/edition.h"
#include "http/request.h"

struct create_in {
	const char *name;
	json_t *permissions;
	json_t *addresses;
};

static const struct field create_fields[] = {
	FIELD_TEXT(create_in, name, OPTIONAL, 0, ACCESS_KEY_NAME_MAX),
	FIELD_ARRAY(create_in, permissions, OPTIONAL),
	FIELD_ARRAY(create_in, addresses, OPTIONAL),
	FIELD_END,
};
static const struct shape create_shape = SHAPE(create_in, create_fields);

static void
view(struct reply *r, const char *key, const struct access_key *row,
	const char *secret)
{
	size_t i;

	reply_object(r, key);
	reply_ident(r, "id", row->id);
	reply_text(r, "name", row->name);
	reply_array(r, "permissions");
	reply_text(r, NULL, "read");
	if (row->may_trade)
		reply_text(r, NULL, "trade");
	reply_end(r);
	reply_array(r, "addresses");
	for (i = 0; i < row->n_addresses; i++)
		reply_text(r, NULL, row->addresses[i]);
	reply_end(r);
	reply_time(r, "created_at", row->created_us);
	reply_time(r, "last_used_at", row->used_us);
	reply_text(r, "last_address", *row->used_from ? row->used_from : NULL);
	if (secret)
		reply_text(r, "secret", secret);
	reply_end(r);
}

/* "read" goes without saying. */
static enum status
read_permissions(struct req *req, const json_t *list, bool *may_trade)
{
	size_t i;

	*may_trade = false;
	for (i = 0; list && i < json_array_size(list); i++) {
		const char *word = json_string_text(json_array_get(list, i));

		if (word && strcmp(word, "trade") == 0)
			*may_trade = true;
		else if (!word || strcmp(word, "read") != 0)
			return fail(&req->ctx, ST_INVALID, "permissions",
				"a permission is \"read\" or \"trade\"");
	}
	return ST_OK;
}

static enum status
read_addresses(struct req *req, const json_t *list,
	const char *out[KEY_ADDRESSES_MAX], size_t *n)
{
	*n = list ? json_array_size(list) : 0;
	if (*n > KEY_ADDRESSES_MAX)
		return fail(&req->ctx, ST_INVALID, "addresses",
			"there can be %d of them", KEY_ADDRESSES_MAX);
	for (size_t i = 0; i < *n; i++) {
		out[i] = json_string_text(json_array_get(list, i));
		if (!out[i])
			return fail(&req->ctx, ST_INVALID, "addresses",
				"an address is a text");
	}
	return ST_OK;
}

/* The only time that the secret is seen. */
static enum status
create(struct req *req)
{
	const struct create_in *in = req->in;
	const char *addresses[KEY_ADDRESSES_MAX];
	struct access_key_new new = {.name = in->name ? in->name : "",
		.addresses = addresses};
	struct access_key made;
	char secret[RANDOM_TOKEN_MAX];

	TRY(read_permissions(req, in->permissions, &new.may_trade));
	TRY(read_addresses(req, in->addresses, addresses, &new.n_addresses));
	TRY(access_key_create(&req->ctx, &new, &made, secret));
	view(req_reply(req), "data", &made, secret);
	return req_done(req);
}

static enum status
list(struct req *req)
{
	struct access_key_list found;
	struct reply *r;
	size_t i;

	TRY(access_key_list(&req->ctx, &found));
	r = req_reply(req);
	reply_array(r, "data");
	for (i = 0; i < found.n; i++)
		view(r, NULL, &found.rows[i], NULL);
	reply_end(r);
	return req_done(req);
}

/* Needs no code: who fears for a key must be able to end it at once. */
static enum status
revoke(struct req *req)
{
	struct ident id;

	TRY(req_param_ident(req, "id", &id));
	TRY(access_key_revoke(&req->ctx, id));
	reply_null(req_reply(req), "data");
	return req_done(req);
}

/* clang-format off */
const struct route quantora_access_keys[] = {
	{GET, "/api/access-keys", list, AUTH_USER, RATE_READ, POOL_API,
		NO_INPUT},
	{POST, "/api/access-keys", create, AUTH_USER | AUTH_OTP, RATE_WRITE,
		POOL_API, .body = &create_shape,
		.permission = PERMISSION_MANAGE_KEYS},
	{DELETE, "/api/access-keys/{id}", revoke, AUTH_USER, RATE_WRITE,
		POOL_API, NO_INPUT},
	ROUTE_END
};
/* clang-format on */
