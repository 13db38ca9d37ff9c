/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_update.h - what a record changed of whose orders, each with a number.
 *
 * A number is the record's sequence and the update's place among the record's
 * updates.  So it rises with each update, is the same after any restart and in
 * any replay, and a client that has heard a number can be told all that came
 * behind it.  It stays below 2^53, since JSON's readers hold numbers in doubles:
 * that is room for 10^12 commands.
 *
 * An order that its last fill ends has one update for both.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "wire/order.h"
#include "wire/record.h"

#define UPDATE_INDEX_BITS 13
#define UPDATE_INDEX_MAX ((UINT64_C(1) << UPDATE_INDEX_BITS) - 1)
#define UPDATE_NUMBER_MAX ((UINT64_C(1) << 53) - 1)

enum update_cause {
	UPDATE_OPENED,
	UPDATE_AMENDED,
	UPDATE_TRIGGERED,
	UPDATE_FILL,
	UPDATE_CLOSED
};

/* An order's state after the change.  INT64_MIN: the event does not say. */
struct order_update {
	uint64_t number;
	int64_t time_us;
	struct ident order;
	uint32_t user;
	uint16_t instrument;
	uint8_t side;
	uint8_t status; /* enum order_status */
	uint8_t cause;  /* enum update_cause */
	uint8_t reason; /* enum close_reason; of an end */
	bool maker;     /* of a fill: the order was in the book before */
	int64_t quantity; /* the whole order's */
	int64_t filled;
	int64_t quote; /* of all its fills */
	int64_t fees;

	/* Of a fill. */
	struct ident trade;
	int64_t fill_price;
	int64_t fill_quantity;
	int64_t fill_fee;
};

struct order_updates {
	struct order_update *rows;
	size_t n, room;
};

/* The number behind which all of record SEQ's updates stand, and none later. */
static inline uint64_t
update_number_end(uint64_t seq)
{
	return seq << UPDATE_INDEX_BITS | UPDATE_INDEX_MAX;
}

static inline uint64_t
update_number_seq(uint64_t number)
{
	return number >> UPDATE_INDEX_BITS;
}

/*
 * Put the updates of RECORD behind those in LIST; of USER alone, unless that
 * is USER_HOUSE.
 */
void order_updates_add(struct order_updates *list, const struct record *record,
	uint32_t user);
void order_updates_free(struct order_updates *list);
