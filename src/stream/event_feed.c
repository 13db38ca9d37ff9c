/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * event_feed.c - one record of the journal, as the hub is told about it.
 *
 * Each event is copied out by message_read(), so that one of an older writer
 * has zeros where it knew nothing yet.
 */
#include "stream/feed.h"
#include "stream/hub_state.h"
#include "stream/topic.h"

#define NO_INSTRUMENT INSTRUMENTS_MAX

/* An event, and whose own it is. */
struct own {
	struct hub *hub;
	const struct record *record;
	const struct message *event;
	unsigned instrument; /* or NO_INSTRUMENT */
};

static bool
write_own(const struct spelling *spelling, struct reply *reply, const void *arg)
{
	return spelling->event && spelling->event(reply, arg);
}

static void
tell(const struct own *own, uint32_t user, unsigned kinds)
{
	struct own_event event = {.user = user,
		.record = own->record,
		.event = own->event,
		.terms = own->instrument < INSTRUMENTS_MAX
				 ? topic_terms(
					   own->hub->topics[own->instrument])
				 : NULL};
	unsigned i;

	/* Most events are of users who listen to nothing. */
	if (user == USER_HOUSE || !hub_has(own->hub, user, kinds))
		return;
	for (i = 0; i < OWN_KINDS; i++) {
		event.kind = (enum own_kind)(1u << i);
		if (kinds & event.kind)
			hub_tell(own->hub, user, event.kind, write_own, &event);
	}
}

/* The page may have a new state of INSTRUMENT's book. */
static void
stir_topic(struct hub *hub, uint16_t instrument)
{
	if (instrument < INSTRUMENTS_MAX)
		topic_get(hub, instrument)->dirty = true;
}

static void
on_trade(struct own *own)
{
	struct ev_trade trade;

	message_read(own->event, &trade, sizeof(trade));
	if (trade.instrument >= INSTRUMENTS_MAX)
		return;
	own->instrument = trade.instrument;
	topic_trade(topic_get(own->hub, trade.instrument), &trade,
		own->record->time_us);
	stir_topic(own->hub, trade.instrument);
	tell(own, trade.maker.user, OWN_ORDERS | OWN_TRADES | OWN_BALANCES);
	/* Of a trade with oneself both sides stand in the one message. */
	if (trade.taker.user != trade.maker.user)
		tell(own, trade.taker.user,
			OWN_ORDERS | OWN_TRADES | OWN_BALANCES);
}

/* The events of an order have the instrument at the same place. */
_Static_assert(offsetof(struct ev_order_opened, instrument) ==
			offsetof(struct ev_order_closed, instrument) &&
		offsetof(struct ev_order_opened, instrument) ==
			offsetof(struct ev_order_amended, instrument) &&
		offsetof(struct ev_order_opened, instrument) ==
			offsetof(struct ev_order_triggered, instrument),
	"read as one");

static void
on_order(struct own *own)
{
	struct ev_order_triggered order;

	message_read(own->event, &order, sizeof(order));
	own->instrument = order.instrument;
	tell(own, order.head.user, OWN_ORDERS | OWN_BALANCES);
}

static void
on_user(const struct own *own)
{
	struct ev_user user;

	message_read(own->event, &user, sizeof(user));
	hub_user(own->hub, &user);
}

static void
on_session(const struct own *own)
{
	struct ev_session_revoked ended;

	message_read(own->event, &ended, sizeof(ended));
	hub_session_ended(own->hub, ended.head.user, ended.session);
}

static void
on_level(const struct own *own)
{
	struct ev_level level;

	message_read(own->event, &level, sizeof(level));
	stir_topic(own->hub, level.instrument);
}

static void
on_instrument(const struct own *own)
{
	struct ev_instrument set;

	message_read(own->event, &set, sizeof(set));
	stir_topic(own->hub, set.terms.instrument);
}

static void
on_reference(const struct own *own)
{
	struct ev_reference_price set;

	message_read(own->event, &set, sizeof(set));
	stir_topic(own->hub, set.instrument);
}

static enum status
on_event(struct own *own)
{
	const struct message *event = own->event;

	own->instrument = NO_INSTRUMENT;
	switch ((enum event_type)event->type) {
	case EV_TRADE:
		on_trade(own);
		return ST_OK;
	case EV_LEVEL:
		on_level(own);
		return ST_OK;
	case EV_ORDER_OPENED:
	case EV_ORDER_AMENDED:
	case EV_ORDER_TRIGGERED:
	case EV_ORDER_CLOSED:
		on_order(own);
		return ST_OK;
	case EV_POSTING:
	case EV_WITHDRAWAL:
		tell(own, event->user, OWN_BALANCES);
		return ST_OK;
	case EV_USER:
		on_user(own);
		return ST_OK;
	case EV_SESSION_REVOKED:
		on_session(own);
		return ST_OK;
	case EV_INSTRUMENT:
		on_instrument(own);
		return ST_OK;
	case EV_REFERENCE_PRICE:
		on_reference(own);
		return ST_OK;
	case EV_ASSET:
	case EV_LIMIT:
	case EV_CANCEL_AFTER:
	case EV_RISK:
	case EV_ASSET_RATE:
		return ST_OK; /* nobody is told */
	case EV_END:
		break;
	}
	return ST_INVALID;
}

enum status
feed_record(struct hub *hub, const struct record *record)
{
	struct own own = {.hub = hub, .record = record};
	uint32_t i;

	hub_updates(hub, record, false);
	own.event = record->n_events > 0 ? record_events(record) : NULL;
	for (i = 0; i < record->n_events; i++) {
		TRY(on_event(&own));
		own.event = message_next(own.event);
	}
	return ST_OK;
}
