/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert.c - rows of price_alerts, as their owner sees them.
 */
#include "domain/price_alert.h"

#include <string.h>

#include "auth/session.h"
#include "base/clock.h"
#include "db/db.h"
#include "domain/notice.h"
#include "domain/price_alert_due.h"
#include "domain/user.h"
#include "json/reply.h"

#define COLUMNS                                                                \
	"SELECT public_id, instrument_id, above, price, triggered, "           \
	"created_at, triggered_at, triggered_price FROM price_alerts "

#define ROW_OUT(row)                                                           \
	DB_OUT(db_to_ident(&(row)->id), db_to_u16(&(row)->instrument),         \
		db_to_bool(&(row)->above), db_to_decimal(&(row)->price),       \
		db_to_bool(&(row)->triggered), db_to_time(&(row)->created_us), \
		db_to_time(&(row)->triggered_us),                              \
		db_to_decimal(&(row)->triggered_price))

static enum status
name(struct ctx *ctx, struct price_alert *alert)
{
	struct market market;

	TRY(market_numbered(ctx, alert->instrument, &market));
	memcpy(alert->symbol, market.symbol, sizeof(alert->symbol));
	return ST_OK;
}

/* ---- Reading --------------------------------------------------------------- */

enum status
price_alert_find(struct ctx *ctx, struct ident id, struct price_alert *out)
{
	struct price_alert row = {.above = false};

	TRY(db_one(ctx, COLUMNS "WHERE public_id = ? AND user_id = ?",
		DB_IN(db_ident(id), db_u64(ctx->session->user)),
		ROW_OUT(&row)));
	TRY(name(ctx, &row));
	*out = row;
	return ST_OK;
}

struct listing {
	enum price_alert_state state;
	uint16_t instrument;
	int64_t limit, offset;
	struct price_alert_list list;
};

/* A filter that is not used lets everything pass. */
#define FILTER                                                                 \
	"WHERE user_id = ? AND (? = ? OR triggered = ?) "                      \
	"AND (? = ? OR instrument_id = ?) "
#define FILTER_IN(ctx, l)                                                      \
	db_u64((ctx)->session->user), db_u64((l)->state),                      \
		db_u64(PRICE_ALERT_ANY),                                       \
		db_bool((l)->state == PRICE_ALERT_TRIGGERED),                  \
		db_u64((l)->instrument), db_u64(INSTRUMENT_ANY),               \
		db_u64((l)->instrument)

static enum status
list_read(struct ctx *ctx, void *arg)
{
	struct listing *l = arg;
	struct price_alert row = {.above = false};
	struct db_rows *rows;

	l->list = (struct price_alert_list){.n = 0};
	TRY(db_one(ctx, "SELECT COUNT(*) FROM price_alerts " FILTER,
		DB_IN(FILTER_IN(ctx, l)), DB_OUT(db_to_u64(&l->list.total))));
	TRY(db_query(ctx, COLUMNS FILTER "ORDER BY id DESC LIMIT ? OFFSET ?",
		DB_IN(FILTER_IN(ctx, l), db_i64(l->limit), db_i64(l->offset)),
		&rows));
	l->list.rows = arena_array(ctx->arena, db_count(rows), sizeof(row));
	while (db_next(rows, ROW_OUT(&row))) {
		TRY(name(ctx, &row));
		l->list.rows[l->list.n++] = row;
	}
	return ST_OK;
}

enum status
price_alert_list(struct ctx *ctx, const char *symbol,
	enum price_alert_state state, int64_t limit, int64_t offset,
	struct price_alert_list *out)
{
	struct listing l = {.state = state,
		.instrument = INSTRUMENT_ANY,
		.limit = limit,
		.offset = offset};
	struct market market;

	if (symbol) {
		TRY(market_find(ctx, symbol, &market));
		l.instrument = market.number;
	}
	TRY(db_snapshot(ctx, list_read, &l));
	*out = l.list;
	return ST_OK;
}

/* ---- Changing -------------------------------------------------------------- */

static const char *
data_of(struct ctx *ctx, const struct price_alert *alert)
{
	struct reply r;

	reply_init(&r, ctx->arena, NUMBERS_STRING);
	reply_object(&r, NULL);
	reply_ident(&r, "alert_id", alert->id);
	reply_text(&r, "condition", alert->above ? "above" : "below");
	reply_dec(&r, "price", alert->price);
	reply_dec(&r, "triggered_price", alert->triggered_price);
	reply_time(&r, "triggered_at", alert->triggered_us);
	reply_end(&r);
	return reply_text_of(&r, NULL);
}

enum status
price_alert_tell(
	struct ctx *ctx, uint32_t user, const struct price_alert *alert)
{
	char wanted[DECIMAL_TEXT_MAX], was[DECIMAL_TEXT_MAX];

	decimal_format(alert->price, 0, wanted);
	decimal_format(alert->triggered_price, 0, was);
	return notice_write(ctx,
		&(struct notice_new){
			.user = user,
			.kind = NOTICE_PRICE,
			.level = ALERT_INFO,
			.message = arena_printf(ctx->arena,
				"%s traded at %s, %s %s", alert->symbol, was,
				alert->above ? "at or above" : "at or below",
				wanted),
			.symbol = alert->symbol,
			.data = data_of(ctx, alert),
			.at_us = ctx->now_us,
		});
}

static enum status
insert(struct ctx *ctx, const struct price_alert *alert)
{
	return db_exec(ctx,
		"INSERT INTO price_alerts (public_id, user_id, instrument_id, "
		"above, price, triggered, created_at, triggered_at, "
		"triggered_price) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(alert->id), db_u64(ctx->session->user),
			db_u64(alert->instrument), db_bool(alert->above),
			db_decimal(alert->price), db_bool(alert->triggered),
			db_time(alert->created_us),
			db_time(alert->triggered_us),
			db_decimal(alert->triggered_price)),
		NULL);
}

/* With the user's row locked, so that two at once are counted. */
static enum status
add_tx(struct ctx *ctx, void *arg)
{
	const struct price_alert *alert = arg;
	uint64_t n;

	TRY(user_hold(ctx, ctx->session->user));
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM price_alerts "
		"WHERE user_id = ? AND triggered = 0",
		DB_IN(db_u64(ctx->session->user)), DB_OUT(db_to_u64(&n))));
	if (n >= PRICE_ALERTS_MAX)
		return fail(ctx, ST_CONFLICT, NULL,
			"there are %d active alerts already", PRICE_ALERTS_MAX);
	TRY(insert(ctx, alert));
	return alert->triggered
		? price_alert_tell(ctx, ctx->session->user, alert)
		: ST_OK;
}

/*
 * From when on trades count.  They have the matcher's time of before they were
 * on disk and to be seen; so one of just now can still come to light, and
 * counts, while what was to be seen when the alert was made does not.  Its time
 * comes again only where the matcher waits for a clock that was set back.
 */
static int64_t
counts_from(const struct book_slot *slot, int64_t now_us)
{
	int64_t least_us = now_us - PRICE_ALERT_LATE_US;

	if (slot->last_price == 0 || slot->last_time_us < least_us)
		return least_us;
	return slot->last_time_us + (slot->last_time_us < now_us);
}

enum status
price_alert_add(struct ctx *ctx, const char *symbol, bool above,
	struct decimal price, struct price_alert *out)
{
	struct price_alert alert = {
		.id = ident_random(ctx->now_us),
		.above = above,
		.price = price,
		.triggered_us = DB_NO_TIME,
		.triggered_price = DECIMAL_NONE,
	};
	struct market market;
	struct book_slot slot;
	int64_t now_us;

	if (price.units <= 0)
		return fail(ctx, ST_INVALID, "price",
			"the price must be above zero");
	TRY(market_find(ctx, symbol, &market));
	alert.instrument = market.number;
	memcpy(alert.symbol, market.symbol, sizeof(alert.symbol));
	/* Later trades are for price_alerts_look(): first the time, then the
	 * price, so that none is between the two. */
	now_us = clock_wall_us();
	TRY(market_slot(ctx, market.number, &slot));
	alert.triggered = slot.last_price != 0 &&
			  (above ? slot.last_price >= price.units
				 : slot.last_price <= price.units);
	alert.created_us =
		alert.triggered ? now_us : counts_from(&slot, now_us);
	if (alert.triggered) {
		alert.triggered_us = now_us;
		alert.triggered_price.units = slot.last_price;
	}
	TRY(db_tx(ctx, add_tx, &alert));
	*out = alert;
	return ST_OK;
}

enum status
price_alert_remove(struct ctx *ctx, struct ident id)
{
	struct db_done done;

	TRY(db_exec(ctx,
		"DELETE FROM price_alerts WHERE public_id = ? AND user_id = ?",
		DB_IN(db_ident(id), db_u64(ctx->session->user)), &done));
	return done.affected > 0 ? ST_OK : ST_NOT_FOUND;
}
