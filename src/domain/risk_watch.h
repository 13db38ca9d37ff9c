/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_watch.h - looking after users' limits between their orders.
 *
 * The core looks at a limit when an order comes.  What happens between, by
 * prices alone, is looked at here, for some users at a time: the core is asked
 * to look at the equity of those that it watches, and each limit's present use
 * is reckoned and held against its thresholds (risk_alert.h).
 *
 * The figures are the core's own, from what is settled of it and from the book
 * page: a position's value with the open buys at the last price, equity with
 * the same rates.  They may be older than the core's by what is not settled
 * yet, so an alert may come a moment later; a refusal never does.  Of a
 * trailing stop that buys, the first stop price is counted.
 *
 * For a task of workerd: needs ctx->core and ctx->markets.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "wire/message.h"

/* Users that somebody has to look after, by number. */
struct risk_people {
	uint32_t *users;
	size_t n;
};

/*
 * At most LIMIT of those after user AFTER who have an enabled limit, a limit
 * in the core, or an active alert.
 */
enum status risk_watch_pick(struct ctx *ctx, uint32_t after, unsigned limit,
	struct risk_people *out) MUST_USE;

struct risk_turn {
	unsigned checked; /* by the core */
	unsigned changed; /* of these, where it found something new */
	unsigned raised;  /* alerts that their users are told of */
};

/* Look after PEOPLE, who are neighbours in the order of risk_watch_pick(). */
enum status risk_watch_look(struct ctx *ctx, const struct risk_people *people,
	struct risk_turn *out) MUST_USE;

/* ---- What things are worth ------------------------------------------------ */

/* As the core sees it; see asset_rate of the engine. */
struct risk_prices {
	size_t n; /* instruments that are not delisted, by number */
	struct risk_price {
		uint16_t instrument, base, quote;
		int64_t price; /* last, else reference, else 0 */
	} of[INSTRUMENTS_MAX];
	uint16_t account;          /* the asset of account; ASSETS_MAX: none */
	int64_t rates[ASSETS_MAX]; /* in money of account */
	bool by_book[ASSETS_MAX];  /* the rate is a book's */
	char codes[ASSETS_MAX][ASSET_CODE_MAX]; /* "": no such asset */
};

enum status risk_prices_read(struct ctx *ctx,
	struct risk_prices *out) MUST_USE;

/*
 * Tell the core what those assets are worth that no book values in money of
 * account, where that moved by more than 1 %; how many it was told.
 */
enum status risk_rates_tell(struct ctx *ctx, unsigned *out) MUST_USE;
