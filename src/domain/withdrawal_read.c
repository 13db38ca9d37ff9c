/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal_read.c - where withdrawals stand, out of what people decided and
 * what the core did.
 */
#include "auth/session.h"
#include "db/db.h"
#include "domain/settled.h"
#include "domain/withdrawal.h"
#include "domain/withdrawal_read.h"
#include "wire/event.h"

static const char *const names[] = {
	[WITHDRAWAL_REQUESTED] = "requested",
	[WITHDRAWAL_PENDING] = "pending",
	[WITHDRAWAL_APPROVED] = "approved",
	[WITHDRAWAL_REJECTED] = "rejected",
	[WITHDRAWAL_CANCELLED] = "cancelled",
	[WITHDRAWAL_REFUSED] = "refused",
};

const char *
withdrawal_status_name(enum withdrawal_status status)
{
	return names[status];
}

/* The places of the words in the ENUMs, from 1. */
enum row_state {
	ROW_NEW = 1,
	ROW_PENDING,
	ROW_APPROVED,
	ROW_REJECTED,
	ROW_CANCELLED,
	ROW_REFUSED
};
enum promise_state { PROMISE_OPEN = 1, PROMISE_DONE, PROMISE_REFUSED };

struct row {
	struct withdrawal w;
	uint8_t state;   /* what people decided */
	uint8_t promise; /* of the hold; 0: there is none */
	bool in_core;
	uint8_t approvals, needed;
};

/* The hold's intent has the withdrawal's own id. */
#define TABLES                                                                 \
	"FROM withdrawals w JOIN users u ON u.id = w.user_id "                 \
	"JOIN assets a ON a.id = w.asset_id "                                  \
	"LEFT JOIN core_withdrawals c ON c.public_id = w.public_id "           \
	"LEFT JOIN intents i ON i.id = w.public_id "
#define SELECT_ROW                                                             \
	"SELECT w.public_id, u.public_id, a.code, w.amount, w.address, "       \
	"w.reason, w.usd_value, w.requested_at, w.decided_at, w.state + 0, "   \
	"i.state + 0, c.public_id IS NOT NULL, w.deciders_needed, "            \
	"(SELECT COUNT(*) FROM withdrawal_decisions d "                        \
	"WHERE d.withdrawal_id = w.id AND d.verdict = 'approve') " TABLES
#define OUT_ROW(row)                                                           \
	DB_OUT(db_to_ident(&(row)->w.id), db_to_ident(&(row)->w.user),         \
		db_to_text(&(row)->w.asset), db_to_decimal(&(row)->w.amount),  \
		db_to_text(&(row)->w.address), db_to_text(&(row)->w.reason),   \
		db_to_decimal(&(row)->w.usd_value),                            \
		db_to_time(&(row)->w.requested_us),                            \
		db_to_time(&(row)->w.decided_us), db_to_u8(&(row)->state),     \
		db_to_u8(&(row)->promise), db_to_bool(&(row)->in_core),        \
		db_to_u8(&(row)->needed), db_to_u8(&(row)->approvals))

static enum withdrawal_status
status_of(const struct row *row)
{
	switch ((enum row_state)row->state) {
	case ROW_APPROVED:
		return WITHDRAWAL_APPROVED;
	case ROW_REJECTED:
		return WITHDRAWAL_REJECTED;
	case ROW_CANCELLED:
		return WITHDRAWAL_CANCELLED;
	case ROW_REFUSED:
		return WITHDRAWAL_REFUSED;
	case ROW_NEW:
	case ROW_PENDING:
	default:
		break;
	}
	if (row->in_core || row->promise == PROMISE_DONE)
		return WITHDRAWAL_PENDING;
	/* Given up, too: nothing was held. */
	return row->promise == PROMISE_OPEN ? WITHDRAWAL_REQUESTED
					    : WITHDRAWAL_REFUSED;
}

static struct withdrawal
withdrawal_of(const struct row *row)
{
	struct withdrawal w = row->w;

	w.status = status_of(row);
	w.approvals = row->approvals;
	w.deciders_needed = row->needed;
	return w;
}

static void
collect(struct ctx *ctx, struct db_rows *rows, struct withdrawal_list *list)
{
	struct row row;

	list->n = 0;
	list->rows = arena_array(ctx->arena, db_count(rows),
		sizeof(*list->rows));
	while (db_next(rows, OUT_ROW(&row)))
		list->rows[list->n++] = withdrawal_of(&row);
}

/* ---- One ----------------------------------------------------------------- */

struct one {
	struct ident id;
	struct row row;
};

static enum status
one_read(struct ctx *ctx, void *arg)
{
	struct one *one = arg;

	return db_one(ctx, SELECT_ROW "WHERE w.public_id = ?",
		DB_IN(db_ident(one->id)), OUT_ROW(&one->row));
}

enum status
withdrawal_get(struct ctx *ctx, struct ident id, struct withdrawal *out)
{
	struct one one = {.id = id};

	TRY(settled_read(ctx, one_read, &one));
	*out = withdrawal_of(&one.row);
	return ST_OK;
}

/* ---- Lists --------------------------------------------------------------- */

struct listing {
	int64_t limit, offset;
	struct withdrawal_list list;
};

static enum status
own_read(struct ctx *ctx, void *arg)
{
	struct listing *l = arg;
	struct db_rows *rows;

	TRY(db_one(ctx, "SELECT COUNT(*) FROM withdrawals WHERE user_id = ?",
		DB_IN(db_u64(ctx->session->user)),
		DB_OUT(db_to_u64(&l->list.total))));
	TRY(db_query(ctx,
		SELECT_ROW "WHERE w.user_id = ? "
			   "ORDER BY w.id DESC LIMIT ? OFFSET ?",
		DB_IN(db_u64(ctx->session->user), db_i64(l->limit),
			db_i64(l->offset)),
		&rows));
	collect(ctx, rows, &l->list);
	return ST_OK;
}

#define IS_PENDING                                                             \
	"WHERE w.state IN ('new', 'pending') "                                 \
	"AND (c.public_id IS NOT NULL OR i.state = 'done') "

static enum status
pending_read(struct ctx *ctx, void *arg)
{
	struct listing *l = arg;
	struct db_rows *rows;

	TRY(db_one(ctx, "SELECT COUNT(*) " TABLES IS_PENDING, DB_NOTHING,
		DB_OUT(db_to_u64(&l->list.total))));
	TRY(db_query(ctx,
		SELECT_ROW IS_PENDING "ORDER BY w.id LIMIT ? OFFSET ?",
		DB_IN(db_i64(l->limit), db_i64(l->offset)), &rows));
	collect(ctx, rows, &l->list);
	return ST_OK;
}

static enum status
read_list(struct ctx *ctx, db_tx_fn *read, int64_t limit, int64_t offset,
	struct withdrawal_list *out)
{
	struct listing l = {.limit = limit, .offset = offset};

	TRY(settled_read(ctx, read, &l));
	*out = l.list;
	return ST_OK;
}

enum status
withdrawal_list(struct ctx *ctx, int64_t limit, int64_t offset,
	struct withdrawal_list *out)
{
	return read_list(ctx, own_read, limit, offset, out);
}

enum status
withdrawal_pending(struct ctx *ctx, int64_t limit, int64_t offset,
	struct withdrawal_list *out)
{
	return read_list(ctx, pending_read, limit, offset, out);
}
