/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hub_state.h - the insides of the hub; private to stream/.
 */
#pragma once

#include "base/arena.h"
#include "stream/history.h"
#include "stream/hub.h"
#include "stream/list.h"
#include "wire/message.h"

#define PERSON_BUCKETS 4096
#define NOTICES_KNOWN 64 /* the last ones, by which a second is known */

/* A user with connections. */
struct person {
	struct node in_bucket;
	struct node subscribers;
	uint32_t user;
	unsigned count;
};

struct hub {
	struct hub_settings settings;
	size_t n_spellings;
	struct arena *arena; /* messages are written here, then copied */
	struct book_page *page; /* the feed's; NULL: none yet */
	struct topic *topics[INSTRUMENTS_MAX]; /* NULL: no such market */
	struct tickets *tickets;
	struct arena *said; /* what is made of a client's message */
	struct history *history;
	struct order_updates updates; /* of the record at hand */
	uint64_t seq;                 /* the last record handed on */
	unsigned readings;            /* of the journal, under way */
	uint64_t notices[NOTICES_KNOWN];
	size_t n_notices;

	int64_t now_us;
	int64_t wall_us;
	int64_t born_us; /* by the wall clock */
	int64_t expiry_looked_us;

	size_t connections;
	struct hub_figures figures;
	uint64_t next_number;
	struct node ready;
	struct node pings;
	struct node heard;
	struct node limbo;
	struct node asked;
	struct node known;
	struct node closing;
	struct node behind;
	struct node persons[PERSON_BUCKETS];
};

/* ---- subscriber.c ---- */

/* Queue PARCEL for it; who does not keep up is closed. */
void subscriber_post(struct subscriber *subscriber, struct parcel *parcel);
/* There is work for it. */
void subscriber_stir(struct subscriber *subscriber);
/* It may not stay: it is told so, and of nothing else any more. */
void subscriber_dismiss(struct subscriber *subscriber, enum status status,
	enum close_code code, const char *reason);

/* Write to it alone what WRITE makes of ARG; false: it makes nothing. */
bool subscriber_tell(struct subscriber *subscriber, own_writer *write,
	const void *arg);

/* ---- updates.c ---- */

/* It is let in: tell it what it wants by itself. */
void updates_admit(struct subscriber *subscriber);
void updates_leave(struct subscriber *subscriber);

/* ---- person.c ---- */

/*
 * SUBSCRIBER is one of SESSION's user; the core is asked.  ST_RATE_LIMITED
 * when that user has enough.
 */
enum status person_add(struct subscriber *subscriber,
	const struct session *session) MUST_USE;
void person_remove(struct subscriber *subscriber);
/* The same user shows another token. */
enum status person_renew(struct subscriber *subscriber,
	const struct session *session) MUST_USE;
/* As many connections as a user may have. */
size_t person_room(const struct hub *hub);
/* NULL: he has no connection. */
struct person *person_find(const struct hub *hub, uint32_t user);

/* ---- hub.c ---- */

/* The number of SPELLING in the hub's list. */
size_t hub_spelling_number(const struct hub *hub,
	const struct spelling *spelling);

/* A reply to write a message into, by its spelling's numbers. */
struct reply *hub_pen(struct hub *hub, const struct spelling *spelling,
	struct reply *reply);
/* What was written, as a parcel; forgets the reply. */
struct parcel *hub_wrap(struct hub *hub, struct reply *reply);
