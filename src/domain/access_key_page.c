/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key_page.c - what MySQL and the workers' shared page tell each other.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "db/db.h"
#include "domain/access_key_parts.h"

/* ---- What is in force -------------------------------------------------------
 */

static enum status
put_row(struct ctx *ctx, struct key_entry *entry, const char *json)
{
	const char *addresses[KEY_ADDRESSES_MAX];
	size_t i, n = key_addresses_of(ctx, json, addresses);

	for (i = 0; i < n; i++)
		if (!key_address_parse(addresses[i], &entry->addresses[i]))
			return fail(ctx, ST_INTERNAL, NULL,
				"a key's addresses cannot be read");
	entry->n_addresses = (uint8_t)n;
	return key_page_put(ctx->auth->keys, entry);
}

static enum status
load_held(struct ctx *ctx)
{
	struct key_entry entry = {.user = 0};
	struct db_rows *rows;
	const char *json;

	if (key_page_loaded(ctx->auth->keys))
		return ST_OK;
	TRY(db_query(ctx,
		"SELECT k.public_id, u.public_id, k.user_id, "
		"JSON_CONTAINS(k.permissions, '\"trade\"'), k.addresses, "
		"k.secret FROM access_keys k JOIN users u ON u.id = k.user_id "
		"WHERE k.revoked_at IS NULL",
		DB_NOTHING, &rows));
	while (db_next(
		rows, DB_OUT(db_to_ident(&entry.id), db_to_ident(&entry.owner),
			      db_to_u32(&entry.user),
			      db_to_bool(&entry.may_trade), db_to_text(&json),
			      db_to_fixed(entry.sealed, sizeof(entry.sealed)))))
		TRY(put_row(ctx, &entry, json));
	key_page_set_loaded(ctx->auth->keys, true);
	return ST_OK;
}

enum status
access_keys_load(struct ctx *ctx)
{
	enum status status;

	if (key_page_loaded(ctx->auth->keys))
		return ST_OK;
	TRY(key_page_hold(ctx->auth->keys));
	status = load_held(ctx);
	key_page_release(ctx->auth->keys);
	return status;
}

/* ---- Uses -----------------------------------------------------------------
 */

#define USES_AT_ONCE 256

enum status
access_key_save_use(struct ctx *ctx, const struct key_use *use)
{
	return db_exec(ctx,
		"UPDATE access_keys SET last_used_at = ?, last_address = ? "
		"WHERE public_id = ? AND COALESCE(last_used_at < ?, 1)",
		DB_IN(db_time(use->at_us),
			db_text(*use->from ? use->from : NULL),
			db_ident(use->id), db_time(use->at_us)),
		NULL);
}

/* In the order of ids, so that two who do it never wait for each other. */
static int
by_id(const void *a, const void *b)
{
	const struct key_use *x = a, *y = b;

	return memcmp(&x->id, &y->id, sizeof(x->id));
}

struct saving {
	struct key_use uses[USES_AT_ONCE];
	size_t n;
};

static enum status
save_tx(struct ctx *ctx, void *arg)
{
	const struct saving *saving = arg;
	size_t i;

	for (i = 0; i < saving->n; i++)
		TRY(access_key_save_use(ctx, &saving->uses[i]));
	return ST_OK;
}

enum status
access_keys_save(struct ctx *ctx)
{
	struct key_page *page = ctx->auth->keys;
	struct saving *saving = arena_alloc(ctx->arena, sizeof(*saving));
	unsigned at = 0;
	size_t i;

	while ((saving->n = key_page_unsaved(page, &at, saving->uses,
			USES_AT_ONCE)) > 0) {
		qsort(saving->uses, saving->n, sizeof(*saving->uses), by_id);
		TRY(db_tx(ctx, save_tx, saving));
		for (i = 0; i < saving->n; i++)
			key_page_saved(page, &saving->uses[i]);
	}
	return ST_OK;
}
