/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * command.c - sizes and names of the commands.
 *
 * A layout without unnamed padding is what makes a copy a codec, so each
 * struct's size is pinned here.
 */
#include "wire/command.h"

_Static_assert(sizeof(struct cmd_tick) == 8, "pinned");
_Static_assert(sizeof(struct cmd_asset_set) == 40, "pinned");
_Static_assert(sizeof(struct instrument_terms) == 80, "pinned");
_Static_assert(sizeof(struct cmd_instrument_set) == 104, "pinned");
_Static_assert(sizeof(struct cmd_reference_price) == 40, "pinned");
_Static_assert(sizeof(struct cmd_user_create) == 48, "pinned");
_Static_assert(sizeof(struct cmd_user_set) == 32, "pinned");
_Static_assert(sizeof(struct cmd_session_revoke) == 48, "pinned");
_Static_assert(sizeof(struct cmd_limit_set) == 40, "pinned");
_Static_assert(sizeof(struct cmd_deposit) == 40, "pinned");
_Static_assert(sizeof(struct cmd_withdraw_hold) == 40, "pinned");
_Static_assert(sizeof(struct cmd_withdraw_end) == 40, "pinned");
_Static_assert(sizeof(struct cmd_correction) == 40, "pinned");
_Static_assert(sizeof(struct cmd_order_place) == 112, "pinned");
_Static_assert(ORDER_PLACE_SHORT == 48, "pinned");
_Static_assert(sizeof(struct cmd_order_cancel) == 72, "pinned");
_Static_assert(ORDER_CANCEL_SHORT == 24, "pinned");
_Static_assert(sizeof(struct cmd_order_cancel_all) == 16, "pinned");
_Static_assert(sizeof(struct cmd_order_amend) == 40, "pinned");
_Static_assert(sizeof(struct cmd_order_oco) == 96, "pinned");
_Static_assert(ORDER_OCO_SHORT == 48, "pinned");
_Static_assert(sizeof(struct cmd_cancel_after) == 16, "pinned");
_Static_assert(sizeof(struct cmd_risk_check) == 8, "pinned");
_Static_assert(sizeof(struct cmd_asset_rate) == 40, "pinned");

size_t
command_size_min(uint16_t type)
{
	static const uint16_t sizes[] = {
#define X(sym, number, type) [CMD_##sym] = sizeof(struct type),
		COMMAND_LIST(X)
#undef X
	};

	if (type == CMD_ORDER_PLACE)
		return ORDER_PLACE_SHORT;
	if (type == CMD_ORDER_CANCEL)
		return ORDER_CANCEL_SHORT;
	if (type == CMD_ORDER_OCO)
		return ORDER_OCO_SHORT;
	return type < CMD_END ? sizes[type] : 0;
}

const char *
command_name(uint16_t type)
{
	static const char *const names[] = {
#define X(sym, number, type) [CMD_##sym] = #sym,
		COMMAND_LIST(X)
#undef X
	};

	return type < CMD_END && names[type] ? names[type] : "?";
}

int
command_well_formed(const struct message *message, size_t length)
{
	size_t least;

	if (length < sizeof(*message) || message->size != length ||
		length % 8 != 0)
		return 0;
	least = command_size_min(message->type);
	return least != 0 && length >= least;
}
