/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ids.h - what the matcher's identifiers are made of.
 *
 * An order's id is a version 7 UUID of its command's time and, in the 74 free
 * bits, 22 bits of the command's sequence, the order's slot in the engine's
 * pool (24) and its user (28).  So it is the same in every replay; a cancel
 * finds its order without a search; and a finished order of one's own can be
 * told from another's, or from none, by the id alone.
 *
 * A trade's id has user 0, 36 bits of the sequence and the fill's index (10)
 * in the bits of sequence and slot.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "wire/message.h"

#define SLOT_BITS 24
#define SLOT_MAX ((UINT32_C(1) << SLOT_BITS) - 1)
#define ORDER_SEQ_BITS 22
#define USER_BITS 28
#define FILL_BITS 10

struct order_name {
	uint64_t time_ms; /* of the command */
	uint32_t seq;     /* its sequence, the low 22 bits */
	uint32_t slot;
	uint32_t user;
};

/*
 * Of the 74 bits the sequence's top 12 go before the variant, the rest after:
 * 10 of the sequence, 24 of the slot, 28 of the user.
 */
static inline struct ident_words
order_ident_words(uint64_t time_ms, uint64_t seq, uint32_t slot, uint32_t user)
{
	return ident_words(time_ms, seq >> 10,
		(seq & 0x3ff) << 52 |
			(uint64_t)(slot & SLOT_MAX) << USER_BITS |
			(user & USER_MAX));
}

static inline struct ident
order_ident(uint64_t time_ms, uint64_t seq, uint32_t slot, uint32_t user)
{
	struct ident id;

	ident_put(order_ident_words(time_ms, seq, slot, user), &id);
	return id;
}

/* False when ID is no order's id; that says nothing of whether there is one. */
static inline bool
order_ident_split(struct ident id, struct order_name *out)
{
	uint64_t high, low;

	if (!ident_split(id, &out->time_ms, &high, &low))
		return false;
	out->user = (uint32_t)low & USER_MAX;
	out->slot = (uint32_t)(low >> USER_BITS) & SLOT_MAX;
	out->seq = (uint32_t)(high << 10 | low >> 52);
	return out->user != USER_HOUSE;
}

/* The slot alone, of what is taken for an order's id. */
static inline uint32_t
order_ident_slot(struct ident id)
{
	uint64_t low;

	__builtin_memcpy(&low, id.bytes + 8, sizeof(low));
	return (uint32_t)(__builtin_bswap64(low) >> USER_BITS) & SLOT_MAX;
}

static inline struct ident_words
trade_ident_words(int64_t time_us, uint64_t seq, uint32_t fill)
{
	uint64_t bits = seq << FILL_BITS | (fill & ((1u << FILL_BITS) - 1));

	/* 46 bits: 12 before the variant, 34 after, over a user of 0. */
	return ident_words((uint64_t)time_us / 1000, bits >> 34,
		bits << USER_BITS);
}

static inline struct ident
trade_ident(int64_t time_us, uint64_t seq, uint32_t fill)
{
	struct ident id;

	ident_put(trade_ident_words(time_us, seq, fill), &id);
	return id;
}
