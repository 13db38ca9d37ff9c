/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key_verify.c - who signed a request?
 */
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "auth/session.h"
#include "domain/access_key_parts.h"
#include "domain/core.h"

static enum status
refuse(struct ctx *ctx, enum status status, const char *header,
	const char *reason)
{
	ctx->fault = (struct fault){
		.place = FAULT_HEADER, .field = header, .reason = reason};
	return status;
}

/* The core knows under which epoch its user is now. */
static enum status
learn_epoch(struct ctx *ctx, struct session *session)
{
	struct guard_answer answer;

	TRY(core_ask(ctx,
		&(struct guard_request){
			.session = session->id, .user = session->user},
		&answer));
	session->epoch = answer.epoch;
	return ST_OK;
}

static enum status
find_key(struct ctx *ctx, const struct signed_request *request,
	struct key_entry *out)
{
	struct ident id;
	enum status status;

	if (ident_parse(request->key, strlen(request->key), &id) != ST_OK)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			"the key or the signature is wrong");
	status = key_page_find(ctx->auth->keys, id, out);
	if (status == ST_NOT_FOUND)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			"the key or the signature is wrong");
	if (status == ST_UNAVAILABLE)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"program keys are not loaded yet");
	return status;
}

static enum status
check_signature(struct ctx *ctx, const struct signed_request *request,
	const struct key_entry *entry, struct signer *out)
{
	struct vault_place place = access_key_place(entry);
	char secret[KEY_SECRET_BYTES];
	size_t length;
	bool good;

	TRY(vault_open_sealed(ctx->auth->vault, VAULT_ACCESS_KEY, &place,
		entry->sealed, sizeof(entry->sealed), secret, &length));
	good = signed_by(request, secret, length, out->nonce);
	explicit_bzero(secret, sizeof(secret));
	return good ? ST_OK
		    : refuse(ctx, ST_UNAUTHENTICATED, "X-Key",
			      "the key or the signature is wrong");
}

enum status
access_key_verify(struct ctx *ctx, const struct signed_request *request,
	struct signer *out)
{
	struct key_entry entry;
	struct signer signer = {.may_trade = false};

	if (signed_in_time(request, ctx->now_us, &signer.nonce_until_us) !=
		ST_OK)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Timestamp",
			"the timestamp is missing or outside the window");
	TRY(find_key(ctx, request, &entry));
	TRY(check_signature(ctx, request, &entry, &signer));
	if (!key_address_allows(&entry, ctx->remote_address))
		return refuse(ctx, ST_FORBIDDEN, "X-Key",
			"the key may not be used from this address");
	signer.may_trade = entry.may_trade;
	signer.session = (struct session){
		.id = entry.id,
		.public_id = entry.owner,
		.user = entry.user,
		.role = ROLE_USER,
		.issued_us = ctx->now_us,
		.expires_us = ctx->now_us,
	};
	TRY(learn_epoch(ctx, &signer.session));
	*out = signer;
	return ST_OK;
}

enum status
access_key_spend(struct ctx *ctx, const struct signer *signer)
{
	struct key_use use = {.id = signer->session.id, .at_us = ctx->now_us};
	enum status status;

	if (ctx->remote_address)
		snprintf(use.from, sizeof(use.from), "%s", ctx->remote_address);
	status = key_page_spend(ctx->auth->keys, signer, &use);

	if (status == ST_CONFLICT)
		return refuse(ctx, ST_UNAUTHENTICATED, "X-Signature",
			"the signature was used before");
	if (status == ST_UNAVAILABLE)
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"there are too many signed requests");
	return status;
}
