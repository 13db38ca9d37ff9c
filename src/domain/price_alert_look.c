/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert_look.c - the trades since the last look, held against the alerts.
 *
 * Trades are settled in the order of their ids, so what is above the mark is
 * what was not looked at.  Most looks end with the range of the prices of each
 * instrument, within which no alert lies; only alerts within it are held
 * against the trades themselves, for those that were before the alert was made
 * do not count.
 *
 * An alert that was just made may become visible after the trades that it was
 * made before; so for its first seconds it is held against all trades since it
 * was made.
 */
#include <string.h>

#include "base/clock.h"
#include "db/db.h"
#include "domain/price_alert.h"
#include "domain/price_alert_due.h"

/* Trades of one look, and alerts of one query. */
#define TRADES_MAX 20000
#define ALERTS_AT_ONCE 256
/* Longer than anybody takes to commit an alert. */
#define YOUNG_US (10 * US_PER_SECOND)

struct window {
	struct ident after, upto; /* ids of trades: (after, upto] */
};

struct candidate {
	uint64_t row;
	uint32_t user;
	struct price_alert alert;
};

/* ---- The mark -------------------------------------------------------------- */

/* Before the first look: from the oldest alert on. */
static enum status
first_mark(struct ctx *ctx, struct ident *out)
{
	int64_t oldest_us;

	TRY(db_one(ctx,
		"SELECT MIN(created_at) FROM price_alerts WHERE triggered = 0",
		DB_NOTHING, DB_OUT(db_to_time(&oldest_us))));
	*out = ident_first_at(
		oldest_us == DB_NO_TIME ? ctx->now_us : oldest_us);
	return ST_OK;
}

static enum status
read_mark(struct ctx *ctx, struct ident *out)
{
	enum status status = db_one(ctx,
		"SELECT trade_id FROM price_alert_mark WHERE id = 1",
		DB_NOTHING, DB_OUT(db_to_ident(out)));

	return status == ST_NOT_FOUND ? first_mark(ctx, out) : status;
}

static enum status
write_mark(struct ctx *ctx, struct ident mark)
{
	return db_exec(ctx,
		"INSERT INTO price_alert_mark (id, trade_id, updated_at) "
		"VALUES (1, ?, ?) ON DUPLICATE KEY UPDATE "
		"trade_id = VALUES(trade_id), updated_at = VALUES(updated_at)",
		DB_IN(db_ident(mark), db_time(ctx->now_us)), NULL);
}

/* How far this look goes. */
static enum status
find_window(struct ctx *ctx, struct window *out, bool *more)
{
	struct window window;
	enum status status;

	TRY(read_mark(ctx, &window.after));
	status = db_one(ctx,
		"SELECT id FROM trades WHERE id > ? ORDER BY id "
		"LIMIT 1 OFFSET ?",
		DB_IN(db_ident(window.after), db_u64(TRADES_MAX - 1)),
		DB_OUT(db_to_ident(&window.upto)));
	*more = status == ST_OK;
	if (status == ST_NOT_FOUND)
		status = db_one(ctx,
			"SELECT id FROM trades ORDER BY id DESC LIMIT 1",
			DB_NOTHING, DB_OUT(db_to_ident(&window.upto)));
	if (status == ST_NOT_FOUND) {
		window.upto = window.after;
		status = ST_OK;
	}
	TRY(status);
	*out = window;
	return ST_OK;
}

/* ---- One alert ---------------------------------------------------------------- */

/* The first trade of WINDOW that makes it due, if any. */
static enum status
first_trade(struct ctx *ctx, const struct window *window,
	struct price_alert *alert)
{
	static const char up[] =
		"SELECT price, executed_at FROM trades WHERE "
		"instrument_id = ? AND id > ? AND id <= ? AND "
		"executed_at >= ? AND price >= ? ORDER BY id LIMIT 1";
	static const char down[] =
		"SELECT price, executed_at FROM trades WHERE "
		"instrument_id = ? AND id > ? AND id <= ? AND "
		"executed_at >= ? AND price <= ? ORDER BY id LIMIT 1";

	return db_one(ctx, alert->above ? up : down,
		DB_IN(db_u64(alert->instrument), db_ident(window->after),
			db_ident(window->upto), db_time(alert->created_us),
			db_decimal(alert->price)),
		DB_OUT(db_to_decimal(&alert->triggered_price),
			db_to_time(&alert->triggered_us)));
}

static enum status
trigger_tx(struct ctx *ctx, void *arg)
{
	struct candidate *c = arg;
	struct db_done done;

	c->alert.triggered = false;
	TRY(db_exec(ctx,
		"UPDATE price_alerts SET triggered = 1, triggered_at = ?, "
		"triggered_price = ? WHERE id = ? AND triggered = 0",
		DB_IN(db_time(c->alert.triggered_us),
			db_decimal(c->alert.triggered_price), db_u64(c->row)),
		&done));
	/* Deleted meanwhile. */
	if (done.affected == 0)
		return ST_OK;
	c->alert.triggered = true;
	return price_alert_tell(ctx, c->user, &c->alert);
}

static enum status
consider(struct ctx *ctx, const struct window *window, struct candidate *c,
	unsigned *triggered)
{
	enum status status = first_trade(ctx, window, &c->alert);
	struct market market;

	if (status == ST_NOT_FOUND)
		return ST_OK;
	TRY(status);
	TRY(market_numbered(ctx, c->alert.instrument, &market));
	memcpy(c->alert.symbol, market.symbol, sizeof(c->alert.symbol));
	TRY(db_tx(ctx, trigger_tx, c));
	*triggered += c->alert.triggered;
	return ST_OK;
}

#define CANDIDATES                                                             \
	"SELECT id, user_id, public_id, instrument_id, above, price, "         \
	"created_at FROM price_alerts WHERE triggered = 0 "

static bool
next_candidate(struct db_rows *rows, struct candidate *out)
{
	struct price_alert *alert = &out->alert;

	*out = (struct candidate){.row = 0};
	return db_next(rows,
		DB_OUT(db_to_u64(&out->row), db_to_u32(&out->user),
			db_to_ident(&alert->id), db_to_u16(&alert->instrument),
			db_to_bool(&alert->above), db_to_decimal(&alert->price),
			db_to_time(&alert->created_us)));
}

/* ---- Those whose price was passed ----------------------------------------------- */

struct range {
	uint16_t instrument;
	struct decimal low, high;
};

/* Of one side of RANGE, all of them, some at a time. */
static enum status
consider_side(struct ctx *ctx, const struct window *window,
	const struct range *range, bool above, unsigned *triggered)
{
	static const char up[] = CANDIDATES
		"AND instrument_id = ? AND above = 1 AND price <= ? "
		"AND id > ? ORDER BY id LIMIT ?";
	static const char down[] = CANDIDATES
		"AND instrument_id = ? AND above = 0 AND price >= ? "
		"AND id > ? ORDER BY id LIMIT ?";
	struct candidate c = {.row = 0};
	struct db_rows *rows;
	uint64_t last = 0;
	size_t n;

	do {
		TRY(db_query(ctx, above ? up : down,
			DB_IN(db_u64(range->instrument),
				db_decimal(above ? range->high : range->low),
				db_u64(last), db_u64(ALERTS_AT_ONCE)),
			&rows));
		n = db_count(rows);
		while (next_candidate(rows, &c)) {
			last = c.row;
			TRY(consider(ctx, window, &c, triggered));
		}
	} while (n == ALERTS_AT_ONCE);
	return ST_OK;
}

static enum status
consider_passed(struct ctx *ctx, const struct window *window,
	unsigned *triggered)
{
	struct db_rows *rows;
	struct range range;

	TRY(db_query(ctx,
		"SELECT instrument_id, MIN(price), MAX(price) FROM trades "
		"FORCE INDEX (PRIMARY) WHERE id > ? AND id <= ? "
		"GROUP BY instrument_id LIMIT ?",
		DB_IN(db_ident(window->after), db_ident(window->upto),
			db_u64(INSTRUMENTS_MAX)),
		&rows));
	while (db_next(rows,
		DB_OUT(db_to_u16(&range.instrument), db_to_decimal(&range.low),
			db_to_decimal(&range.high)))) {
		TRY(consider_side(ctx, window, &range, true, triggered));
		TRY(consider_side(ctx, window, &range, false, triggered));
	}
	return ST_OK;
}

/* ---- Those that were just made ----------------------------------------------------- */

static enum status
consider_young(struct ctx *ctx, const struct window *window,
	unsigned *triggered)
{
	struct candidate c = {.row = 0};
	struct db_rows *rows;

	TRY(db_query(ctx,
		CANDIDATES "AND created_at > ? ORDER BY created_at LIMIT 10000",
		DB_IN(db_time(ctx->now_us - YOUNG_US)), &rows));
	while (next_candidate(rows, &c)) {
		struct window since = {
			.after = ident_first_at(c.alert.created_us),
			.upto = window->upto,
		};

		TRY(consider(ctx, &since, &c, triggered));
	}
	return ST_OK;
}

enum status
price_alerts_look(struct ctx *ctx, unsigned *out, bool *more)
{
	struct window window;

	*out = 0;
	TRY(find_window(ctx, &window, more));
	TRY(consider_young(ctx, &window, out));
	if (memcmp(&window.upto, &window.after, sizeof(window.upto)) <= 0)
		return ST_OK;
	TRY(consider_passed(ctx, &window, out));
	return write_mark(ctx, window.upto);
}
