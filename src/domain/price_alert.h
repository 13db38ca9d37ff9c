/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * price_alert.h - prices that a user wants to be told of.
 *
 * An alert is due when a trade of its instrument is at its price or beyond,
 * from the moment it was made; or at once, if the last trade is.  It is
 * triggered once, by a transaction that also writes the notice, and then stays
 * as a record until it is deleted.
 *
 * Every trade counts, also one that is followed by others at once: what is
 * looked at is not the last price but all trades as they are settled, and how
 * far one has come is kept in MySQL (price_alert_mark).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "domain/market.h"

#define PRICE_ALERTS_MAX 100 /* active ones a user */
/* How long a trade may take from its time until it can be seen. */
#define PRICE_ALERT_LATE_US INT64_C(1000000)

struct price_alert {
	struct ident id;
	uint16_t instrument;
	char symbol[SYMBOL_MAX];
	bool above; /* from below: due at PRICE or above */
	struct decimal price;
	bool triggered;
	int64_t created_us;   /* trades since then count */
	int64_t triggered_us; /* DB_NO_TIME: not yet */
	struct decimal triggered_price;
};

/* ---- Of ctx->session's user ------------------------------------------------ */

/* ST_INVALID about symbol or price; ST_CONFLICT when there are too many. */
enum status price_alert_add(struct ctx *ctx, const char *symbol, bool above,
	struct decimal price, struct price_alert *out) MUST_USE;

/* ST_NOT_FOUND when there is none, or it is another's. */
enum status price_alert_find(struct ctx *ctx, struct ident id,
	struct price_alert *out) MUST_USE;
enum status price_alert_remove(struct ctx *ctx, struct ident id) MUST_USE;

enum price_alert_state {
	PRICE_ALERT_ACTIVE,
	PRICE_ALERT_TRIGGERED,
	PRICE_ALERT_ANY
};

struct price_alert_list {
	struct price_alert *rows; /* the newest first */
	size_t n;
	uint64_t total;
};
/* SYMBOL NULL: of all. */
enum status price_alert_list(struct ctx *ctx, const char *symbol,
	enum price_alert_state state, int64_t limit, int64_t offset,
	struct price_alert_list *out) MUST_USE;

/* ---- For a task of workerd -------------------------------------------------- */

/*
 * Trigger what the trades since the last look have made due; how many were.
 * Looks at a bounded number of trades; *MORE: there are others.
 */
enum status price_alerts_look(struct ctx *ctx, unsigned *out,
	bool *more) MUST_USE;
