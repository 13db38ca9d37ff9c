/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * topic.h - one market's public feed.
 *
 * A topic is a state of the book (that of one slot of the shared page) with a
 * number, and whoever follows it knows that state: he got it as a snapshot, or
 * got every change since.  The number rises by one with each change that is
 * sent, so a gap shows.  It starts at the slot's command sequence, and there
 * is at most one change for a command; so it never goes back, not even when
 * the program is started again.
 *
 * A newer slot is first taken (topic_take) and shown later (topic_show), when
 * the feed has handed out all trades up to the slot's command and none behind
 * it.  So trades and book stand in their true order: the state under a number
 * holds all trades that were sent before it and none that come after it.
 *
 * Changes are shown at most ten times a second: the first at once, the next
 * ones merged into one message when their time has come.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "journal/book_page.h"
#include "stream/list.h"
#include "stream/parcel.h"
#include "stream/tape.h"
#include "wire/event.h"
#include "wire/message.h"

#define SHOW_EVERY_US INT64_C(100000)
/* So long a new follower waits for a current state, at most. */
#define WAIT_MAX_US INT64_C(1000000)

struct hub;
struct subscriber;

/* A subscriber who follows a topic. */
struct seat {
	struct node in_subscriber;
	struct node in_channel;
	struct subscriber *subscriber;
	struct topic *topic;
	bool waits;          /* for a state that holds all up to WANTED_SEQ */
	uint64_t wanted_seq;
};

/* The followers by one spelling. */
struct channel {
	struct node live;    /* have their snapshot, or need none */
	struct node waiting; /* for the next state */
	struct parcel *snapshot; /* of the shown state; NULL: not yet written */
};

struct topic {
	struct hub *hub;
	uint16_t instrument;
	char key[SYMBOL_MAX]; /* the symbol as symbol_key() makes it */
	bool known;           /* SHOWN holds something */
	bool dirty;           /* the page may have something newer */
	bool has_taken;
	uint64_t seq;
	struct tape tape; /* trades that are told in short */
	int64_t not_before_us; /* when the next change may be shown */
	int64_t waiting_us;    /* since when someone waits */
	size_t n_waiting;
	uint64_t shown_as_of; /* SHOWN holds all up to this command, or more */
	uint64_t taken_as_of;
	struct book_slot shown;
	struct book_slot taken;
	struct channel channels[]; /* by the spelling's number */
};

/* "btc-usd" to "BTCUSD"; false when TEXT can be no symbol. */
bool symbol_key(const char *text, size_t length, char out[SYMBOL_MAX]);

/* The topic of INSTRUMENT, made if need be. */
struct topic *topic_get(struct hub *hub, uint16_t instrument);
/* The one that is called so and has been shown; or NULL. */
struct topic *topic_find(struct hub *hub, const char *symbol, size_t length);
/* Whether the page has a market of that name, which may not be shown yet.
 * Slow: for a name that is not found. */
bool topic_is_coming(const struct hub *hub, const char *symbol, size_t length);
void topic_free(struct topic *topic);
/* NULL: TOPIC is, or nothing is known of it yet. */
const struct instrument_terms *topic_terms(const struct topic *topic);

/* ---- For the feed ---- */

/*
 * A newer state, shown by the next topic_show().  It was read when all up to
 * AS_OF was known to be in the page.
 */
void topic_take(struct topic *topic, const struct book_slot *slot,
	uint64_t as_of);
/* Tell the followers what has changed, and those who wait all of it. */
void topic_show(struct topic *topic);
/* No newer state can be had: who waits too long gets the one there is. */
void topic_relent(struct topic *topic);
void topic_trade(struct topic *topic, const struct ev_trade *trade,
	int64_t time_us);
/* Send PARCEL to those of a channel who are told what happens. */
void channel_post(struct channel *channel, struct parcel *parcel);

/* ---- For subscribers ---- */

/* ST_RISK_LIMIT, ST_CONFLICT as subscriber_follow(). */
enum status topic_join(struct topic *topic,
	struct subscriber *subscriber) MUST_USE;
enum status topic_leave(struct topic *topic,
	struct subscriber *subscriber) MUST_USE;
void seat_free(struct seat *seat);
