/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal_address.c - rows of withdrawal_addresses.
 */
#include "domain/withdrawal_address.h"

#include "auth/session.h"
#include "base/clock.h"
#include "base/conf.h"
#include "db/db.h"
#include "domain/audit.h"

#define ADDRESSES_MAX 100

static int64_t
block_us(const struct ctx *ctx)
{
	return conf_number(ctx->conf, CONF_WITHDRAWAL_BLOCK_HOURS) *
		US_PER_HOUR;
}

static enum status
audit_list_change(struct ctx *ctx, const char *action, struct ident id)
{
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.user = ctx->session->user,
			.subject = id,
		});
}

/* ---- Reading ------------------------------------------------------------- */

enum status
withdrawal_address_list(struct ctx *ctx, struct withdrawal_addresses *out)
{
	struct withdrawal_addresses list = {.n = 0};
	struct withdrawal_address row;
	struct db_rows *rows;

	TRY(db_one(ctx, "SELECT address_list_only FROM users WHERE id = ?",
		DB_IN(db_u64(ctx->session->user)),
		DB_OUT(db_to_bool(&list.only))));
	TRY(db_query(ctx,
		"SELECT l.public_id, a.code, l.address, l.label, l.created_at, "
		"l.usable_from FROM withdrawal_addresses l "
		"JOIN assets a ON a.id = l.asset_id WHERE l.user_id = ? "
		"ORDER BY l.id LIMIT ?",
		DB_IN(db_u64(ctx->session->user), db_i64(ADDRESSES_MAX)),
		&rows));
	list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_text(&row.asset),
			db_to_text(&row.address), db_to_text(&row.label),
			db_to_time(&row.created_us),
			db_to_time(&row.usable_us))))
		list.rows[list.n++] = row;
	*out = list;
	return ST_OK;
}

/* ---- Changing ------------------------------------------------------------ */

struct adding {
	const struct withdrawal_address_new *new;
	uint16_t asset;
	struct ident id;
	int64_t usable_us;
};

/* With the user's row locked: how many there are, and is the list on? */
static enum status
look(struct ctx *ctx, bool *only)
{
	uint64_t n;

	TRY(db_one(ctx,
		"SELECT address_list_only FROM users WHERE id = ? FOR UPDATE",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_bool(only))));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM withdrawal_addresses WHERE user_id = ? "
		"LOCK IN SHARE MODE",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_u64(&n))));
	if (n >= ADDRESSES_MAX)
		return fail(ctx, ST_CONFLICT, NULL, "the list is full");
	return ST_OK;
}

static enum status
add_tx(struct ctx *ctx, void *arg)
{
	struct adding *a = arg;
	enum status status;
	bool only;

	TRY(look(ctx, &only));
	a->usable_us = ctx->now_us + (only ? block_us(ctx) : 0);
	status = db_exec(ctx,
		"INSERT INTO withdrawal_addresses (public_id, user_id, "
		"asset_id, address, label, created_at, usable_from) "
		"VALUES (?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(a->id), db_u64(ctx->session->user),
			db_u64(a->asset), db_text(a->new->address),
			db_text(a->new->label ? a->new->label : ""),
			db_time(ctx->now_us), db_time(a->usable_us)),
		NULL);
	if (status == ST_CONFLICT)
		return fail(ctx, ST_CONFLICT, "address",
			"the address is on the list already");
	TRY(status);
	return audit_list_change(ctx, "withdrawal.address_added", a->id);
}

enum status
withdrawal_address_add(struct ctx *ctx,
	const struct withdrawal_address_new *new,
	struct withdrawal_address *out)
{
	struct adding a = {.new = new, .id = ident_random(ctx->now_us)};
	enum status status = db_one(ctx, "SELECT id FROM assets WHERE code = ?",
		DB_IN(db_text(new->asset)), DB_OUT(db_to_u16(&a.asset)));

	if (status == ST_NOT_FOUND)
		return fail(ctx, ST_INVALID, "asset", "there is no such asset");
	TRY(status);
	TRY(db_tx(ctx, add_tx, &a));
	*out = (struct withdrawal_address){
		.id = a.id,
		.asset = new->asset,
		.address = new->address,
		.label = new->label ? new->label : "",
		.created_us = ctx->now_us,
		.usable_us = a.usable_us,
	};
	return ST_OK;
}

static enum status
remove_tx(struct ctx *ctx, void *arg)
{
	const struct ident *id = arg;
	struct db_done done;

	TRY(db_exec(ctx,
		"DELETE FROM withdrawal_addresses "
		"WHERE public_id = ? AND user_id = ?",
		DB_IN(db_ident(*id), db_u64(ctx->session->user)), &done));
	if (done.affected == 0)
		return ST_NOT_FOUND;
	return audit_list_change(ctx, "withdrawal.address_removed", *id);
}

enum status
withdrawal_address_remove(struct ctx *ctx, struct ident id)
{
	return db_tx(ctx, remove_tx, &id);
}

static enum status
only_tx(struct ctx *ctx, void *arg)
{
	const bool *only = arg;
	struct db_done done;

	if (*only)
		TRY(db_exec(ctx,
			"UPDATE users SET address_list_only = 1, "
			"updated_at = ? WHERE id = ? AND address_list_only = 0",
			DB_IN(db_time(ctx->now_us),
				db_u64(ctx->session->user)),
			&done));
	else
		TRY(db_exec(ctx,
			"UPDATE users SET address_list_only = 0, "
			"withdrawals_blocked_until = ?, updated_at = ? "
			"WHERE id = ? AND address_list_only = 1",
			DB_IN(db_time(ctx->now_us + block_us(ctx)),
				db_time(ctx->now_us),
				db_u64(ctx->session->user)),
			&done));
	if (done.affected == 0)
		return ST_OK; /* it was so already */
	return audit_list_change(ctx,
		*only ? "withdrawal.list_on" : "withdrawal.list_off",
		ctx->session->public_id);
}

enum status
withdrawal_address_only(struct ctx *ctx, bool only)
{
	return db_tx(ctx, only_tx, &only);
}
