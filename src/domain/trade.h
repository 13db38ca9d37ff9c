/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * trade.h - fills: a trade as one of its two users sees it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "wire/event.h"
#include "wire/order.h"

struct market;

struct trade {
	struct ident id;
	struct ident order; /* one's own */
	uint16_t instrument;
	const char *symbol;
	int price_places;
	enum side side; /* one's own */
	bool maker;
	struct decimal price;
	struct decimal quantity;
	struct decimal quote;
	struct decimal fee; /* one's own, in the quote asset */
	int64_t executed_us;
};

struct trade_filter {
	const struct market *market; /* NULL: all */
	struct ident order;          /* IDENT_NONE: all */
	int64_t since_us;            /* TIME_NONE or 0: from the beginning */
	int64_t limit;
	int64_t offset;
};

struct trade_list {
	struct trade *rows; /* the newest first */
	size_t n;
	int64_t total; /* without limit and offset */
};

/* Those of ctx->session's user, behind the settled mark. */
enum status trade_list(struct ctx *ctx, const struct trade_filter *filter,
	struct trade_list *out) MUST_USE;
