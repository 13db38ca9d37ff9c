/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tell.h - events that both ways of an order write, the short and the long.
 * Private to src/engine.
 *
 * Small fields that lie together are written as the one word that they are.
 */
#pragma once

#include <string.h>

#include "engine/state.h"

_Static_assert(offsetof(struct ev_level, price) == 16 &&
		offsetof(struct ev_level, side) == 10 &&
		offsetof(struct ev_order_closed, instrument) == 24 &&
		offsetof(struct ev_order_closed, side) == 26 &&
		offsetof(struct ev_order_closed, status) == 27 &&
		offsetof(struct ev_order_closed, reason) == 28 &&
		offsetof(struct ev_order_closed, quantity) == 32,
	"the words that events are written in");

/* LOTS are what is left in the level at PRICE. */
static inline void
tell_level(struct ev_level *ev, const struct instrument *at, unsigned side,
	int64_t price, int64_t lots)
{
	uint64_t where = at->terms.instrument | (uint64_t)side << 16;

	message_head(&ev->head, sizeof(*ev), EV_LEVEL, USER_HOUSE);
	memcpy((char *)ev + sizeof(ev->head), &where, sizeof(where));
	ev->price = price;
	ev->quantity = level_quantity(lots, at->terms.lot);
}

/* The end of an order of USER; its amounts are the caller's. */
static inline void
tell_end(struct ev_order_closed *ev, uint32_t user, unsigned instrument,
	unsigned side, enum order_status status, enum close_reason reason)
{
	uint64_t what = instrument | (uint64_t)side << 16 |
		(uint64_t)status << 24 | (uint64_t)reason << 32;

	message_head(&ev->head, sizeof(*ev), EV_ORDER_CLOSED, user);
	memcpy((char *)ev + offsetof(struct ev_order_closed, instrument),
		&what, sizeof(what));
}
