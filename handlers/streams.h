/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streams.h - the addresses at which the documents' streams are served, and
 * what their messages have in common.
 *
 * A message about an order is what the document shows, and more, alike in all
 * of them:
 *
 *	seq       its number: rises with each message about one's orders; who was
 *	          cut off is told what he missed by after_seq
 *	event     opened, amended, triggered, fill or closed
 *	symbol, side, quantity, fees
 *	reason    of an order that has ended, why; or null
 *	fill      the trade that this is about: {trade_id, price, quantity, fee,
 *	          liquidity: maker or taker}; or null
 *
 * and where what was missed is not kept any more:
 *
 *	{"type":"resync","after_seq","seq","reason","orders","timestamp"}
 *
 * All behind its seq follows.  What was before is found by asking for the
 * orders, at the path that it names: each has all that it has been filled.
 */
#pragma once

#include "stream/spelling.h"

extern const struct spelling botplatform_market_stream;
extern const struct spelling botplatform_order_stream;
extern const struct spelling interfaces_stream;
extern const struct spelling quantora_stream; /* handlers/quantora/stream.c */

/* All of them, ended by NULL. */
extern const struct spelling *const stream_spellings[];

/* What is more than the documents show; SYMBOL and SIDE in their words. */
void stream_update_more(struct reply *reply, const struct update_view *view,
	const char *symbol, const char *side);

/* The whole message of a gap; PATH is where the document lists orders. */
void stream_gap(struct reply *reply, const struct update_gap *gap,
	const char *path);

/* A value of an update; INT64_MIN is none. */
static inline struct decimal
stream_decimal(int64_t units)
{
	return (struct decimal){units};
}

/* The average price of all its fills so far; or none. */
struct decimal stream_average(const struct order_update *update);
