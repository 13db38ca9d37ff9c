/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * events.h - what each event does to the rows of a batch.  For batch.c, which
 * uses the first three functions, and for the files events*.c.
 */
#pragma once

#include "settle/batch.h"
#include "wire/event.h"

/* NULL when EVENT can be taken; else why not. */
const char *event_fault(
	const struct settle_batch *batch, const struct message *event);

void event_learn_market(
	struct settle_batch *batch, const struct message *event);

void event_take(struct settle_batch *batch, const struct record *record,
	const struct message *event);

/* ---- One function for each event ---- */

typedef void event_taker(struct settle_batch *batch,
	const struct record *record, const struct message *event);

event_taker event_take_trade;
event_taker event_take_cancel_after;
event_taker event_take_risk;
event_taker event_take_asset_rate;
event_taker event_take_order_opened;
event_taker event_take_order_amended;
event_taker event_take_order_triggered;
event_taker event_take_order_closed;
event_taker event_take_posting;
event_taker event_take_withdrawal;
event_taker event_take_user;
event_taker event_take_session_revoked;
event_taker event_take_limit;
event_taker event_take_asset;
event_taker event_take_instrument;
event_taker event_take_reference_price;

/* ---- What they share ---- */

struct row_key event_key(struct ident id);

/* The row of KEY in ROWS, made if it is not there. */
void *event_row(struct rows *rows, struct row_index *index, struct row_key key,
	int *is_new);

void event_set_balance(struct settle_batch *batch, const struct record *record,
	uint32_t user, uint16_t asset, struct balance after);
void event_set_house(struct settle_batch *batch, const struct record *record,
	uint8_t account, uint16_t asset, int64_t balance);
/* POSITION of USER after TRADE; one that is not there is passed over. */
void event_set_position(struct settle_batch *batch, const struct record *record,
	const struct ev_trade *trade, uint32_t user,
	const struct position *position);

/* Add LEG as the record's next. */
void event_add_leg(struct settle_batch *batch, const struct record *record,
	const struct leg_row *leg);

/* The lowest number stands for "none" in a decimal, and no sum is that. */
static inline int64_t
event_amount(int64_t units)
{
	return units == INT64_MIN ? INT64_MIN + 1 : units;
}

static inline int64_t
balance_total(struct balance balance)
{
	return balance.available + balance.held;
}
