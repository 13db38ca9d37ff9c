/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * event.c - sizes and names of the events.
 */
#include "wire/event.h"

_Static_assert(sizeof(struct ev_asset) == 24, "pinned");
_Static_assert(sizeof(struct ev_instrument) == 88, "pinned");
_Static_assert(sizeof(struct ev_reference_price) == 24, "pinned");
_Static_assert(sizeof(struct ev_user) == 32, "pinned");
_Static_assert(sizeof(struct ev_session_revoked) == 32, "pinned");
_Static_assert(sizeof(struct ev_limit) == 24, "pinned");
_Static_assert(sizeof(struct ev_posting) == 56, "pinned");
_Static_assert(sizeof(struct ev_withdrawal) == 40, "pinned");
_Static_assert(sizeof(struct ev_order_opened) == 168, "pinned");
_Static_assert(ORDER_OPENED_SHORT == 88, "pinned");
_Static_assert(sizeof(struct ev_order_amended) == 96, "pinned");
_Static_assert(sizeof(struct ev_order_triggered) == 64, "pinned");
_Static_assert(sizeof(struct ev_order_closed) == 80, "pinned");
_Static_assert(sizeof(struct trade_side) == 96, "pinned");
_Static_assert(sizeof(struct position) == 56, "pinned");
_Static_assert(sizeof(struct ev_trade) == 368, "pinned");
_Static_assert(sizeof(struct ev_level) == 32, "pinned");
_Static_assert(sizeof(struct ev_cancel_after) == 16, "pinned");
_Static_assert(sizeof(struct ev_risk) == 40, "pinned");
_Static_assert(sizeof(struct ev_asset_rate) == 24, "pinned");

const char *
event_name(uint16_t type)
{
	static const char *const names[] = {
#define X(sym, number, type) [EV_##sym] = #sym,
		EVENT_LIST(X)
#undef X
	};

	return type < EV_END && names[type] ? names[type] : "?";
}
