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

struct ident order_ident(int64_t time_us, uint64_t seq, uint32_t slot,
	uint32_t user);

/* False when ID is no order's id; that says nothing of whether there is one. */
bool order_ident_split(struct ident id, struct order_name *out);

struct ident trade_ident(int64_t time_us, uint64_t seq, uint32_t fill);
