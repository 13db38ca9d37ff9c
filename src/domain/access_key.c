/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * access_key.c - rows of access_keys: making, listing, ending.
 */
#include "domain/access_key.h"

#include "auth/auth.h"
#include "auth/session.h"
#include "db/db.h"
#include "domain/access_key_parts.h"
#include "domain/audit.h"
#include "domain/user.h"

#define TABLE "access_keys"

/* ---- Making one -----------------------------------------------------------
 */

struct making {
	const struct access_key_new *new;
	struct key_entry entry;
	const char *addresses;
};

struct vault_place
access_key_place(const struct key_entry *entry)
{
	return (struct vault_place){TABLE, entry->user, entry->id};
}

static enum status
audit_key(struct ctx *ctx, const char *action, struct ident id,
	const char *details)
{
	return audit_write(ctx, &(struct audit_event){
					.action = action,
					.outcome = AUDIT_OK,
					.user = ctx->session->user,
					.subject = id,
					.details = details,
				});
}

static enum status
make_tx(struct ctx *ctx, void *arg)
{
	const struct making *m = arg;
	uint64_t n;

	/* One at a time for a user, so that they can be counted. */
	TRY(user_hold(ctx, ctx->session->user));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM access_keys "
		"WHERE user_id = ? AND revoked_at IS NULL LOCK IN SHARE MODE",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_u64(&n))));
	if (n >= ACCESS_KEYS_MAX)
		return fail(ctx, ST_CONFLICT, NULL,
			"you have %d keys already; delete one",
			ACCESS_KEYS_MAX);
	TRY(db_exec(ctx,
		"INSERT INTO access_keys (public_id, user_id, name, secret, "
		"key_version, permissions, addresses, created_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(m->entry.id), db_u64(ctx->session->user),
			db_text(m->new->name),
			db_bytes(m->entry.sealed, sizeof(m->entry.sealed)),
			db_u64(vault_sealed_version(m->entry.sealed)),
			db_text(m->new->may_trade ? "[\"read\", \"trade\"]"
						  : "[\"read\"]"),
			db_text(m->addresses), db_time(ctx->now_us)),
		NULL));
	return audit_key(ctx, "key.created", m->entry.id,
		arena_printf(ctx->arena, "permissions=%s addresses=%zu",
			m->new->may_trade ? "read,trade" : "read",
			m->new->n_addresses));
}

static enum status
check_addresses(struct ctx *ctx, const struct access_key_new *new,
	struct key_entry *entry)
{
	size_t i;

	if (new->n_addresses > KEY_ADDRESSES_MAX)
		return fail(ctx, ST_INVALID, "addresses",
			"there can be %d of them", KEY_ADDRESSES_MAX);
	for (i = 0; i < new->n_addresses; i++)
		if (!key_address_parse(new->addresses[i], &entry->addresses[i]))
			return fail(ctx, ST_INVALID, "addresses",
				"one is no IP address or network");
	entry->n_addresses = (uint8_t) new->n_addresses;
	return ST_OK;
}

/* In MySQL and in the page, or in neither. */
static enum status
make_held(struct ctx *ctx, struct making *m)
{
	TRY(db_tx(ctx, make_tx, m));
	if (key_page_put(ctx->auth->keys, &m->entry) == ST_OK)
		return ST_OK;
	TRY(db_exec(ctx,
		"UPDATE access_keys SET revoked_at = ? WHERE public_id = ?",
		DB_IN(db_time(ctx->now_us), db_ident(m->entry.id)), NULL));
	return fail(ctx, ST_UNAVAILABLE, NULL,
		"there is no room for another program key");
}

enum status
access_key_create(struct ctx *ctx, const struct access_key_new *new,
	struct access_key *out, char secret[RANDOM_TOKEN_MAX])
{
	struct key_page *page = ctx->auth->keys;
	struct making m = {
		.new = new,
		.entry = {.id = ident_random(ctx->now_us),
			.owner = ctx->session->public_id,
			.user = ctx->session->user,
			.may_trade = new->may_trade},
	};
	struct vault_place place = access_key_place(&m.entry);
	enum status status;

	TRY(check_addresses(ctx, new, &m.entry));
	m.addresses = key_addresses_json(ctx, new);
	random_token(secret);
	vault_seal(ctx->auth->vault, VAULT_ACCESS_KEY, &place, secret,
		KEY_SECRET_BYTES, m.entry.sealed);
	TRY(key_page_hold(page));
	status = make_held(ctx, &m);
	key_page_release(page);
	TRY(status);
	*out = (struct access_key){
		.id = m.entry.id,
		.name = new->name,
		.may_trade = new->may_trade,
		.addresses = new->addresses,
		.n_addresses = new->n_addresses,
		.created_us = ctx->now_us,
		.used_us = DB_NO_TIME,
		.used_from = "",
	};
	return ST_OK;
}

/* ---- Listing and revoking ---------------------------------------------------
 */

/* The page knows of what was not yet written down. */
static void
note_use(struct ctx *ctx, struct access_key *row)
{
	struct key_use use = key_page_last_use(ctx->auth->keys, row->id);

	if (use.at_us == 0 || use.at_us <= row->used_us)
		return;
	row->used_us = use.at_us;
	row->used_from = arena_strdup(ctx->arena, use.from);
}

enum status
access_key_list(struct ctx *ctx, struct access_key_list *out)
{
	struct access_key_list list = {.n = 0};
	struct access_key row = {.n_addresses = 0};
	const char *json;
	struct db_rows *rows;

	TRY(db_query(ctx,
		"SELECT public_id, name, JSON_CONTAINS(permissions, "
		"'\"trade\"'), addresses, created_at, last_used_at, "
		"COALESCE(last_address, '') FROM access_keys "
		"WHERE user_id = ? AND revoked_at IS NULL ORDER BY id LIMIT ?",
		DB_IN(db_u64(ctx->session->user), db_i64(ACCESS_KEYS_MAX)),
		&rows));
	list.rows = arena_array(ctx->arena, db_count(rows) + 1, sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_text(&row.name),
			db_to_bool(&row.may_trade), db_to_text(&json),
			db_to_time(&row.created_us), db_to_time(&row.used_us),
			db_to_text(&row.used_from)))) {
		const char **addresses = arena_array(
			ctx->arena, KEY_ADDRESSES_MAX, sizeof(*addresses));

		row.n_addresses = key_addresses_of(ctx, json, addresses);
		row.addresses = addresses;
		note_use(ctx, &row);
		list.rows[list.n++] = row;
	}
	*out = list;
	return ST_OK;
}

/* With its last use, which leaves the page with the key. */
static enum status
revoke_tx(struct ctx *ctx, void *arg)
{
	const struct key_use *use = arg;
	struct db_done done;

	if (use->at_us > 0)
		TRY(access_key_save_use(ctx, use));
	TRY(db_exec(ctx,
		"UPDATE access_keys SET revoked_at = ? WHERE public_id = ? "
		"AND user_id = ? AND revoked_at IS NULL",
		DB_IN(db_time(ctx->now_us), db_ident(use->id),
			db_u64(ctx->session->user)),
		&done));
	if (done.affected == 0)
		return ST_NOT_FOUND;
	return audit_key(ctx, "key.revoked", use->id, NULL);
}

/*
 * Out of the page first: whatever comes after, the key is out of force.  When
 * MySQL will not have it, what is in force is read anew.
 */
static enum status
revoke_held(struct ctx *ctx, struct ident id)
{
	struct key_page *page = ctx->auth->keys;
	struct key_use use = key_page_last_use(page, id);
	enum status status;

	key_page_drop(page, id);
	status = db_tx(ctx, revoke_tx, &use);
	if (status != ST_OK)
		key_page_set_loaded(page, false);
	return status;
}

enum status
access_key_revoke(struct ctx *ctx, struct ident id)
{
	struct key_page *page = ctx->auth->keys;
	enum status status;
	uint64_t mine;

	TRY(db_one(ctx,
		"SELECT id FROM access_keys WHERE public_id = ? "
		"AND user_id = ? AND revoked_at IS NULL",
		DB_IN(db_ident(id), db_u64(ctx->session->user)),
		DB_OUT(db_to_u64(&mine))));
	TRY(key_page_hold(page));
	status = revoke_held(ctx, id);
	key_page_release(page);
	return status;
}
