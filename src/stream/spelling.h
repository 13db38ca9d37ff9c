/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * spelling.h - what an edition gives to have a stream.
 *
 * A spelling is one address of one document: who may connect, what a new
 * connection gets by itself, how each message is written, and what a client's
 * own messages mean.  All else (queues, sequences, conflation, sessions) is
 * the same for all of them.
 *
 * A writer writes one whole JSON value and returns true; or it returns false,
 * and nothing is sent: the document has no message for this.  It is called
 * once, however many get the message.
 *
 * handlers/streams.c lists them; nothing in src/ knows one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "journal/book_page.h"
#include "json/reply.h"
#include "stream/notice.h"
#include "stream/order_update.h"
#include "wire/event.h"
#include "wire/record.h"

struct subscriber;

/* Who may connect. */
enum stream_door {
	DOOR_OPEN,   /* everybody; a token is not even looked at */
	DOOR_TOKEN,  /* the request carries a token or a ticket */
	DOOR_MESSAGE /* anybody, but the first message must be a token */
};

/* What a user may hear of his own things: bits. */
enum own_kind {
	OWN_ORDERS = 1,
	OWN_TRADES = 2,
	OWN_BALANCES = 4,
	OWN_NOTICES = 8, /* what other programs announce */
	OWN_UPDATES = 16, /* of orders: numbered, none is ever left out */
	OWN_KINDS = 5     /* how many bits there are */
};

/* One market, as its followers are told about it. */
struct market_view {
	const struct book_slot *slot; /* terms, last trade, and the levels */
	uint64_t seq;                 /* of the message that shows this state */
};

/* The levels that are not as in the message before; quantity 0: gone. */
struct market_change {
	struct market_view view; /* the state after the change */
	const struct book_level *bids;
	const struct book_level *asks;
	size_t n_bids;
	size_t n_asks;
};

struct market_trade {
	const struct instrument_terms *terms;
	const struct ev_trade *trade;
	int64_t time_us;
};

/* The trades since the message before: one, or under load several. */
struct market_tick {
	const struct instrument_terms *terms;
	int64_t price;  /* the last one's */
	int64_t volume; /* of all of them; at most INT64_MAX */
	int64_t time_us;
};

/* One of a user's order updates, on its way to him. */
struct update_view {
	const struct order_update *update;
	const struct instrument_terms *terms; /* NULL: not known any more */
};

/* What a client that asked for updates behind AFTER cannot be told. */
struct update_gap {
	uint64_t after;
	uint64_t now; /* it is told all behind this number */
	const char *reason;
};

/* Something of USER's own has changed. */
struct own_event {
	uint32_t user;
	enum own_kind kind; /* for whom it is written */
	const struct record *record; /* when */
	const struct message *event; /* what */
	/* Of the instrument that it is about; NULL: of none. */
	const struct instrument_terms *terms;
};

struct spelling {
	const char *edition; /* by whom errors are rendered */
	const char *path;    /* "/ws"; its last segment may be "{symbol}" */
	enum stream_door door;
	enum numbers numbers;

	/* What a new connection gets without asking. */
	bool market;  /* that of the path, of ?symbol=, or the default one */
	unsigned own; /* bits of enum own_kind, once the user is known */

	/*
	 * Of a market.  Who has SNAPSHOT gets it first, and then each update
	 * and trade behind it.  Any may be NULL.
	 */
	bool (*snapshot)(struct reply *reply, const struct market_view *view);
	bool (*update)(struct reply *reply,
		const struct market_change *change);
	bool (*trade)(struct reply *reply, const struct market_trade *trade);

	/* The same in short: price and volume, merged when there are many. */
	bool (*tick)(struct reply *reply, const struct market_tick *tick);

	/* Of one's own things; NULL: there are no such messages. */
	bool (*event)(struct reply *reply, const struct own_event *event);

	/*
	 * OWN_UPDATES: each update; and, where what was missed is not there
	 * any more, that it is so.
	 */
	bool (*update_own)(struct reply *reply, const struct update_view *view);
	bool (*gap)(struct reply *reply, const struct update_gap *gap);

	/* OWN_NOTICES. */
	bool (*notice)(struct reply *reply, const struct notice *notice);

	/*
	 * The client sent LENGTH bytes of UTF-8 text.  It may answer by
	 * subscriber_say(), and close.  NULL: whatever comes is ignored.
	 */
	void (*receive)(struct subscriber *subscriber, const char *text,
		size_t length);

	/* The user is known now, and his session is good; may be NULL. */
	void (*admitted)(struct subscriber *subscriber);

	/*
	 * Who he says he is was not believed, he did not say it in time, or it
	 * is over.  REASON is what the close that follows says; none follows
	 * when only another token than the good one was not.  May be NULL.
	 */
	void (*refused)(struct subscriber *subscriber, enum status status,
		const char *reason);
};
