/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_link.h - which strategy or bot an order is of.
 *
 * The core does not know.  The link is a row of MySQL, written before the
 * order is sent and completed with the order's id after it; in between they
 * are held together by the client id, which such an order always has (one is
 * made where none was given).  So a crash leaves at worst an open row, and
 * order_links_settle() brings it to its order, or deletes it.
 *
 * A trade worker asks MySQL for these orders alone, and only a quarter of the
 * pool at a time: a database that hangs never stops the others.
 */
#pragma once

#include <stddef.h>

#include "base/ctx.h"
#include "domain/order.h"

typedef enum status order_place_fn(struct ctx *ctx,
	const struct order_ticket *ticket, struct order_receipt *out);

/*
 * PLACE the TICKET, which has a strategy or a bot, between the promise of its
 * link and the link.  ST_INVALID when the strategy is not the user's own;
 * ST_CONFLICT when the client id's order is of another strategy or bot;
 * ST_UNAVAILABLE without MySQL, and no order is placed.
 */
enum status order_link_around(struct ctx *ctx,
	const struct order_ticket *ticket, order_place_fn *place,
	struct order_receipt *out) MUST_USE;

/*
 * Decide the rows that were left open, a few at a time; *N is how many.  For
 * workerd: over all users, needs ctx->core and ctx->db.
 */
enum status order_links_settle(struct ctx *ctx, size_t *n) MUST_USE;
