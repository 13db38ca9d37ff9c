/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * order_update.c - out of events, one after the other.
 */
#include "stream/order_update.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/event.h"

#define FIRST_ROOM 64

/* One record on its way into a list. */
struct reading {
	struct order_updates *list;
	const struct record *record;
	uint32_t user;   /* whose alone; USER_HOUSE: everybody's */
	uint64_t number; /* of the next update, whoever's it is */
	size_t begin;    /* in the list, of this record's */
};

static struct order_update *
add(struct reading *r, enum update_cause cause, uint32_t user)
{
	struct order_updates *list = r->list;
	uint64_t number = r->number;

	assert(number < update_number_end(r->record->seq));
	r->number++;
	if (r->user != USER_HOUSE && r->user != user)
		return NULL;
	if (list->n == list->room) {
		list->room = list->room ? list->room * 2 : FIRST_ROOM;
		list->rows = realloc(list->rows,
			list->room * sizeof(*list->rows));
		if (!list->rows)
			abort();
	}
	list->rows[list->n] = (struct order_update){
		.number = number,
		.time_us = r->record->time_us,
		.user = user,
		.cause = (uint8_t)cause,
		.quantity = INT64_MIN,
		.quote = INT64_MIN,
		.fees = INT64_MIN,
	};
	return &list->rows[list->n++];
}

/* ---- Each event -------------------------------------------------------- */

static void
on_opened(struct reading *r, const struct message *event)
{
	struct ev_order_opened opened;
	struct order_update *update;

	message_read(event, &opened, sizeof(opened));
	update = add(r, UPDATE_OPENED, opened.head.user);
	if (!update)
		return;
	update->order = opened.order;
	update->instrument = opened.instrument;
	update->side = opened.side;
	update->status = opened.status;
	/* One by budget has no quantity before it has ended. */
	if (opened.quote_budget == 0)
		update->quantity = opened.quantity;
	update->quote = update->fees = 0;
}

static void
on_amended(struct reading *r, const struct message *event)
{
	struct ev_order_amended amended;
	struct order_update *update;

	message_read(event, &amended, sizeof(amended));
	update = add(r, UPDATE_AMENDED, amended.head.user);
	if (!update)
		return;
	update->order = amended.order;
	update->instrument = amended.instrument;
	update->side = amended.side;
	update->status = ORDER_OPEN;
	update->quantity = amended.quantity;
	update->filled = amended.filled;
	/* An older writer did not say what the fills were worth. */
	if (amended.filled == 0 || amended.quote > 0) {
		update->quote = amended.quote;
		update->fees = amended.fee;
	}
}

/* Only one that waited can be triggered, so nothing is filled. */
static void
on_triggered(struct reading *r, const struct message *event)
{
	struct ev_order_triggered triggered;
	struct order_update *update;

	message_read(event, &triggered, sizeof(triggered));
	update = add(r, UPDATE_TRIGGERED, triggered.head.user);
	if (!update)
		return;
	update->order = triggered.order;
	update->instrument = triggered.instrument;
	update->side = triggered.side;
	update->status = ORDER_OPEN;
	update->quote = update->fees = 0;
}

/*
 * Whether the fill was the order's last is told by what follows.  LEFT is 0 of
 * an order by budget, too, so it does not say so.
 */
static void
on_side(struct reading *r, const struct ev_trade *trade, bool maker)
{
	const struct trade_side *side = maker ? &trade->maker : &trade->taker;
	struct order_update *update = add(r, UPDATE_FILL, side->user);

	if (!update)
		return;
	update->order = side->order;
	update->instrument = trade->instrument;
	update->side = (trade->taker_side == SIDE_BUY) == maker ? SIDE_SELL
							       : SIDE_BUY;
	update->status = ORDER_OPEN;
	update->maker = maker;
	if (side->left > 0)
		update->quantity = side->filled + side->left;
	update->filled = side->filled;
	update->quote = side->quote;
	update->fees = side->fees;
	update->trade = trade->trade;
	update->fill_price = trade->price;
	update->fill_quantity = trade->quantity;
	update->fill_fee = side->fee;
}

static void
on_trade(struct reading *r, const struct message *event)
{
	struct ev_trade trade;

	message_read(event, &trade, sizeof(trade));
	on_side(r, &trade, true);
	on_side(r, &trade, false);
}

/* This record's fill of ORDER, if its last update is one. */
static struct order_update *
find_fill(const struct reading *r, struct ident order)
{
	size_t i;

	for (i = r->list->n; i-- > r->begin;)
		if (ident_equal(r->list->rows[i].order, order))
			return r->list->rows[i].cause == UPDATE_FILL
				       ? &r->list->rows[i]
				       : NULL;
	return NULL;
}

static void
on_closed(struct reading *r, const struct message *event)
{
	struct ev_order_closed closed;
	struct order_update *update = NULL;

	message_read(event, &closed, sizeof(closed));
	/* The fill before it is told as the end; its number is left out. */
	if (closed.status == ORDER_FILLED && closed.reason == CLOSE_FILLED)
		update = find_fill(r, closed.order);
	if (update)
		r->number++;
	else
		update = add(r, UPDATE_CLOSED, closed.head.user);
	if (!update)
		return;
	if (update->cause == UPDATE_CLOSED) {
		update->order = closed.order;
		update->instrument = closed.instrument;
		update->side = closed.side;
	}
	update->status = closed.status;
	update->reason = closed.reason;
	update->quantity = closed.quantity;
	update->filled = closed.filled;
	update->quote = closed.quote;
	update->fees = closed.fee;
}

static void
on_event(struct reading *r, const struct message *event)
{
	switch (event->type) {
	case EV_ORDER_OPENED:
		on_opened(r, event);
		break;
	case EV_ORDER_AMENDED:
		on_amended(r, event);
		break;
	case EV_ORDER_TRIGGERED:
		on_triggered(r, event);
		break;
	case EV_TRADE:
		on_trade(r, event);
		break;
	case EV_ORDER_CLOSED:
		on_closed(r, event);
		break;
	default:
		break;
	}
}

void
order_updates_add(struct order_updates *list, const struct record *record,
	uint32_t user)
{
	struct reading r = {.list = list,
		.record = record,
		.user = user,
		.number = record->seq << UPDATE_INDEX_BITS,
		.begin = list->n};
	const struct message *event =
		record->n_events > 0 ? record_events(record) : NULL;
	uint32_t i;

	for (i = 0; i < record->n_events; i++) {
		on_event(&r, event);
		event = message_next(event);
	}
}

void
order_updates_free(struct order_updates *list)
{
	free(list->rows);
	*list = (struct order_updates){.rows = NULL};
}
