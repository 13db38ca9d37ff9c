/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ids.c - packing the 74 free bits of a version 7 UUID.
 */
#include "wire/ids.h"

#include "wire/message.h"

/* BITS is a 74-bit number; its top 12 go before the variant, 62 after. */
static struct ident
pack(int64_t time_us, unsigned __int128 bits)
{
	return ident_make((uint64_t)time_us / 1000, (uint16_t)(bits >> 62),
		(uint64_t)bits);
}

struct ident
order_ident(int64_t time_us, uint64_t seq, uint32_t slot, uint32_t user)
{
	unsigned __int128 bits = seq & ((1u << ORDER_SEQ_BITS) - 1);

	bits = bits << SLOT_BITS | (slot & SLOT_MAX);
	bits = bits << USER_BITS | (user & USER_MAX);
	return pack(time_us, bits);
}

bool
order_ident_split(struct ident id, struct order_name *out)
{
	unsigned __int128 bits;
	uint64_t low;
	uint16_t high;

	if (!ident_split(id, &out->time_ms, &high, &low))
		return false;
	bits = (unsigned __int128)high << 62 | low;
	out->user = (uint32_t)bits & USER_MAX;
	bits >>= USER_BITS;
	out->slot = (uint32_t)bits & SLOT_MAX;
	bits >>= SLOT_BITS;
	out->seq = (uint32_t)bits;
	return out->user != USER_HOUSE;
}

struct ident
trade_ident(int64_t time_us, uint64_t seq, uint32_t fill)
{
	unsigned __int128 bits = seq & ((UINT64_C(1) << 36) - 1);

	bits = bits << FILL_BITS | (fill & ((1u << FILL_BITS) - 1));
	return pack(time_us, bits << USER_BITS);
}
