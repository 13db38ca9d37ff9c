/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_link.c - the rows of order_links, before and after the order.
 */
#include "domain/order_link.h"

#include "auth/session.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/core.h"
#include "domain/settled.h"
#include "domain/strategy.h"

/* Who sent the order has given it up long before. */
#define ABANDONED_US (30 * US_PER_SECOND)
/* How far the order's time, the matcher's, may be from the row's. */
#define NEAR_US (10 * US_PER_SECOND)
#define BATCH 64

/* A link that was promised and not kept yet. */
struct promise {
	struct ident id;
	struct ident strategy;
	struct ident bot;
};

/* ---- Around an order --------------------------------------------------- */

static enum status
check_strategy(struct ctx *ctx, struct ident id)
{
	struct strategy strategy;
	enum status status;

	if (ident_is_none(id))
		return ST_OK;
	status = strategy_get(ctx, id, &strategy);
	if (status == ST_NOT_FOUND)
		return fail(ctx, ST_INVALID, "strategy_id",
			"there is no such strategy");
	return status;
}

/* ORDER is IDENT_NONE in a promise. */
static enum status
insert(struct ctx *ctx, const struct order_ticket *ticket, struct ident id,
	struct ident order)
{
	return db_exec(ctx,
		"INSERT INTO order_links (id, user_id, client_id, order_id, "
		"strategy_id, bot_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(id), db_u64(ctx->session->user),
			db_text(ticket->client_id), db_ident_or_null(order),
			db_ident_or_null(ticket->strategy),
			db_ident_or_null(ticket->bot),
			db_time(clock_wall_us())),
		NULL);
}

static enum status
drop(struct ctx *ctx, struct ident id)
{
	return db_exec(ctx, "DELETE FROM order_links WHERE id = ?",
		DB_IN(db_ident(id)), NULL);
}

/* What ORDER has as its link, or ST_NOT_FOUND. */
static enum status
find_link(struct ctx *ctx, struct ident order, struct promise *out)
{
	return db_one(ctx,
		"SELECT strategy_id, bot_id FROM order_links "
		"WHERE order_id = ?",
		DB_IN(db_ident(order)),
		DB_OUT(db_to_ident(&out->strategy), db_to_ident(&out->bot)));
}

/*
 * The promise under which ORDER was placed, if it was not kept yet: it was
 * there before the order, so what was promised since is not looked at.
 */
static enum status
find_promise(struct ctx *ctx, const struct order_ticket *ticket,
	struct ident mine, const struct order *order, struct promise *out)
{
	return db_one(ctx,
		"SELECT strategy_id, bot_id FROM order_links "
		"FORCE INDEX (order_links_order) WHERE order_id IS NULL "
		"AND user_id = ? AND client_id = ? AND id <> ? "
		"AND created_at < ? ORDER BY created_at LIMIT 1",
		DB_IN(db_u64(ctx->session->user), db_text(ticket->client_id),
			db_ident(mine),
			db_time(order->opened_us + US_PER_SECOND)),
		DB_OUT(db_to_ident(&out->strategy), db_to_ident(&out->bot)));
}

static enum status
compare(struct ctx *ctx, const struct promise *mine,
	const struct promise *first)
{
	if (ident_equal(first->strategy, mine->strategy) &&
		ident_equal(first->bot, mine->bot))
		return ST_OK;
	return core_refused(ctx, REFUSED_OTHER_TERMS);
}

/* The order was there before; ST_CONFLICT unless it is of the same. */
static enum status
check_first(struct ctx *ctx, const struct order_ticket *ticket,
	const struct promise *mine, const struct order *order)
{
	struct promise first;
	enum status status = find_link(ctx, order->id, &first);

	if (status == ST_NOT_FOUND)
		status = find_promise(ctx, ticket, mine->id, order, &first);
	if (status == ST_NOT_FOUND) /* it is of none */
		return core_refused(ctx, REFUSED_OTHER_TERMS);
	TRY(status);
	return compare(ctx, mine, &first);
}

static enum status
write_order(struct ctx *ctx, const struct order_ticket *ticket,
	const struct promise *mine, struct ident order)
{
	struct db_done done;
	enum status status = db_exec(ctx,
		"UPDATE order_links SET order_id = ? WHERE id = ?",
		DB_IN(db_ident(order), db_ident(mine->id)), &done);

	/* Another try of the same was faster. */
	if (status == ST_CONFLICT && drop(ctx, mine->id) != ST_OK)
		return ST_UNAVAILABLE;
	TRY(status);
	if (done.affected > 0)
		return ST_OK;
	/*
	 * We took so long that workerd has deleted it; or completed it, which
	 * is a conflict then.
	 */
	return insert(ctx, ticket, mine->id, order);
}

/*
 * The order is placed, so MySQL is nothing to fail for: what cannot be
 * written now, workerd writes.  A client id that is sent again finds the link
 * of its first time; that none is found is known only from MySQL.
 */
static enum status
keep(struct ctx *ctx, const struct order_ticket *ticket,
	const struct promise *mine, const struct order_receipt *receipt)
{
	struct fault before = ctx->fault;
	struct promise first;
	enum status status;

	if (receipt->duplicate) {
		status = check_first(ctx, ticket, mine, &receipt->order);
		if (status != ST_OK) {
			struct fault why = ctx->fault;

			(void)!drop(ctx, mine->id); /* or workerd does */
			ctx->fault = why;
		}
		TRY(status);
	}
	status = write_order(ctx, ticket, mine, receipt->order.id);
	if (status == ST_CONFLICT &&
		find_link(ctx, receipt->order.id, &first) == ST_OK)
		TRY(compare(ctx, mine, &first));
	ctx->fault = before;
	return ST_OK;
}

static enum status
place_linked(struct ctx *ctx, const struct order_ticket *ticket,
	order_place_fn *place, struct order_receipt *out)
{
	struct order_receipt receipt;
	struct guard_answer guard;
	struct promise link;
	enum status status;

	/* What follows is done for the user before the core has seen him. */
	TRY(core_guard(ctx, &guard));
	TRY(check_strategy(ctx, ticket->strategy));
	link = (struct promise){
		ident_random(ctx->now_us), ticket->strategy, ticket->bot};
	TRY(insert(ctx, ticket, link.id, IDENT_NONE));
	status = place(ctx, ticket, &receipt);
	if (status == ST_OK)
		status = keep(ctx, ticket, &link, &receipt);
	else if (status != ST_OUTCOME_UNKNOWN) {
		struct fault why = ctx->fault;

		(void)!drop(ctx, link.id); /* or workerd does */
		ctx->fault = why;
	}
	TRY(status);
	*out = receipt;
	return ST_OK;
}

enum status
order_link_around(struct ctx *ctx, const struct order_ticket *ticket,
	order_place_fn *place, struct order_receipt *out)
{
	struct order_ticket named = *ticket;
	_Atomic int32_t *waiting;
	enum status status;

	if (!named.client_id) {
		char *made = arena_alloc(ctx->arena, IDENT_TEXT_MAX);

		ident_format(ident_random(ctx->now_us), made);
		named.client_id = made;
	}
	TRY(settled_enter(ctx, &waiting));
	status = place_linked(ctx, &named, place, out);
	settled_leave(waiting);
	return status;
}

/* ---- What was left open ------------------------------------------------ */

struct open_link {
	struct ident id;
	uint32_t user;
	const char *client_id;
	int64_t created_us;
};

static enum status
settle_one(struct ctx *ctx, const struct open_link *link)
{
	struct ident order;
	enum status status = db_one(ctx,
		"SELECT order_id FROM order_names WHERE user_id = ? "
		"AND client_id = ? AND order_id BETWEEN ? AND ? "
		"ORDER BY order_id DESC LIMIT 1",
		DB_IN(db_u64(link->user), db_text(link->client_id),
			db_ident(ident_first_at(link->created_us - NEAR_US)),
			db_ident(ident_last_at(link->created_us + NEAR_US))),
		DB_OUT(db_to_ident(&order)));

	if (status == ST_NOT_FOUND)
		return drop(ctx, link->id);
	TRY(status);
	status = db_exec(ctx,
		"UPDATE order_links SET order_id = ? WHERE id = ?",
		DB_IN(db_ident(order), db_ident(link->id)), NULL);
	/* The order has its link: this was another try of the same. */
	return status == ST_CONFLICT ? drop(ctx, link->id) : status;
}

/* Whether the settler has all that the core had when we asked. */
static enum status
is_settled(struct ctx *ctx, bool *settled)
{
	struct stats_answer stats;
	uint64_t applied_seq;
	int64_t applied_us;

	TRY(core_stats(ctx, &stats));
	TRY(settled_position(ctx, &applied_seq, &applied_us));
	*settled = applied_seq >= stats.seq;
	return ST_OK;
}

enum status
order_links_settle(struct ctx *ctx, size_t *n)
{
	struct open_link *links;
	struct db_rows *rows;
	struct open_link row;
	size_t i, count = 0;
	bool settled;

	TRY(db_query(ctx,
		"SELECT id, user_id, client_id, created_at FROM order_links "
		"WHERE order_id IS NULL AND created_at < ? LIMIT ?",
		DB_IN(db_time(ctx->now_us - ABANDONED_US), db_i64(BATCH)),
		&rows));
	links = arena_array(ctx->arena, db_count(rows), sizeof(*links));
	while (db_next(rows,
		DB_OUT(db_to_ident(&row.id), db_to_u32(&row.user),
			db_to_text(&row.client_id),
			db_to_time(&row.created_us))))
		links[count++] = row;
	*n = 0;
	if (count == 0)
		return ST_OK;
	/* After the rows were found: nothing can come for them any more. */
	TRY(is_settled(ctx, &settled));
	for (i = 0; settled && i < count; i++) {
		TRY(settle_one(ctx, &links[i]));
		++*n;
	}
	return ST_OK;
}
