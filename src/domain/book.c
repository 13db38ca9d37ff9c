/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * book.c - reading a slot of the book page.
 */
#include "domain/book.h"

#include "json/fields.h"

enum status
book_depth(struct ctx *ctx, const struct market *market,
	const struct book_slot **out)
{
	struct book_slot *slot = arena_alloc(ctx->arena, sizeof(*slot));

	TRY(market_slot(ctx, market->number, slot));
	*out = slot;
	return ST_OK;
}

struct ticker
book_ticker_of(const struct book_slot *slot)
{
	return (struct ticker){
		.price = decimal_or_none(slot->last_price != 0
					 ? slot->last_price
					 : slot->reference_price),
		.quantity = decimal_or_none(slot->last_quantity),
		.bid = slot->n_bids > 0 ? decimal_or_none(slot->bids[0].price)
					: DECIMAL_NONE,
		.ask = slot->n_asks > 0 ? decimal_or_none(slot->asks[0].price)
					: DECIMAL_NONE,
		.time_us = slot->last_price != 0 ? slot->last_time_us
						 : TIME_NONE,
	};
}

enum status
book_ticker(struct ctx *ctx, const struct market *market, struct ticker *out)
{
	struct book_slot slot;

	TRY(market_slot(ctx, market->number, &slot));
	*out = book_ticker_of(&slot);
	return ST_OK;
}
