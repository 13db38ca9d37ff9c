/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subscriber.h - one connection, as the hub sees it.
 *
 * It belongs to the transport, which makes it room, asks it what is to be
 * done, and tells it what came:
 *
 *	while ((sub = hub_ready(hub)) != NULL)
 *		while the connection takes more:
 *			switch (subscriber_work(sub, &parcel)) …
 *
 * Nothing here writes to a connection or frees a subscriber, so it may be
 * called from anywhere, also from within a spelling.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/session.h"
#include "auth/token.h"
#include "base/status.h"
#include "stream/list.h"
#include "stream/outbox.h"
#include "stream/spelling.h"

struct arena;
struct hub;
struct person;
struct replay;
struct seat;
struct topic;

/* Why a connection is closed (RFC 6455, 7.4.1). */
enum close_code {
	CLOSE_GOING_AWAY = 1001,
	CLOSE_UNSUPPORTED = 1003,
	CLOSE_POLICY = 1008,
	CLOSE_TOO_BIG = 1009,
	CLOSE_TRY_AGAIN = 1013
};

/* How far a connection has come in telling who it is. */
enum standing {
	STANDING_NOBODY,
	STANDING_ASKED, /* the token is good; the core is asked of its session */
	STANDING_GOOD
};

struct subscriber {
	uint64_t number; /* given once in the hub's life */
	struct hub *hub;
	const struct spelling *spelling;
	void *transport; /* its own */
	struct outbox outbox;
	struct node seats; /* what it follows; struct seat */
	unsigned n_seats;
	struct topic *first_topic; /* to follow when it is let in; or NULL */

	struct node in_ready;  /* there is something to do */
	struct node in_pings;  /* by when the next is due */
	struct node in_heard;  /* by when it was last heard of */
	struct node in_limbo;  /* has not said who it is, by when it must have */
	struct node in_asked;  /* the core has not answered yet */
	struct node in_known;  /* has said who it is */
	struct node in_closing; /* by when it must have taken its leave */
	int64_t ping_us;
	int64_t heard_us;
	int64_t limbo_us;
	int64_t closing_us;
	bool ping_owed;
	bool leave_taken; /* the transport has been told to close */
	bool overdue;     /* it did not close in time */
	bool deserted;    /* its end is not waited for: nobody is there */

	bool parting;     /* what waits is sent before it is closed */

	uint16_t close_code; /* 0: open */
	const char *close_reason; /* static, at most 123 bytes */

	unsigned said; /* messages of the client in the current window */
	int64_t said_us;

	enum standing standing;
	struct session session;
	struct person *person;
	struct node in_person;
	unsigned own; /* bits of enum own_kind that it is told */

	struct outbox early; /* said while the core is being asked */
	bool renewing;       /* it has shown another token; the core is asked */
	struct session renewal;

	/* Of OWN_UPDATES: the bit is not set in OWN before it has caught up. */
	uint64_t joined;   /* the hub's number when it came */
	uint64_t after;    /* of the request, or UPDATES_NOW */
	uint64_t told;     /* it has all up to this number */
	uint64_t told_hint;
	struct node in_behind; /* has to be told of the past first */
	struct replay *replay; /* reading the journal for it; or NULL */
};

/* ---- The transport's side ---- */

enum work {
	WORK_NONE,
	WORK_SEND,  /* the parcel, then subscriber_sent() */
	WORK_PING,
	WORK_CLOSE, /* with close_code and close_reason */
	WORK_ABORT  /* at once: it did not even take its leave in time */
};

/*
 * What is to be done next.  PING and CLOSE are said once, SEND until
 * subscriber_sent(), so only a connection that can take more may ask; but for
 * ABORT, which needs nobody's consent: see OVERDUE.
 */
enum work subscriber_work(struct subscriber *subscriber, struct parcel **out);
void subscriber_sent(struct subscriber *subscriber);

/* ---- For spellings ---- */

/* Send TEXT to this one alone. */
void subscriber_say(struct subscriber *subscriber, const char *text,
	size_t length);

/*
 * Close it, with a REASON that is static text of at most 123 bytes.  What
 * still waits to be sent is dropped.  The first close is the one that counts.
 */
void subscriber_close(struct subscriber *subscriber, enum close_code code,
	const char *reason);

/* The same, but what waits is sent before, and nothing more is taken. */
void subscriber_part(struct subscriber *subscriber, enum close_code code,
	const char *reason);

/* Memory for what is being made of its message; emptied before the next. */
struct arena *subscriber_arena(const struct subscriber *subscriber);

/*
 * Follow a market (the client's word for it), or no more.  ST_INVALID: there
 * is none of that name.  ST_RISK_LIMIT: it follows as many as it may.
 * ST_CONFLICT: it follows that one already, or does not.
 */
enum status subscriber_follow(struct subscriber *subscriber,
	const char *symbol) MUST_USE;
enum status subscriber_unfollow(struct subscriber *subscriber,
	const char *symbol) MUST_USE;

/* The terms of the market that is followed by this name, or NULL. */
const struct instrument_terms *subscriber_terms(
	const struct subscriber *subscriber, const char *symbol);
/* No market any more. */
void subscriber_unfollow_all(struct subscriber *subscriber);

/*
 * Tell it of its user's own things: KINDS, which are not OWN_UPDATES, are
 * wanted, or not any more.
 */
void subscriber_want(struct subscriber *subscriber, unsigned kinds, bool want);

/*
 * Tell it all order updates behind number AFTER, and then each as it comes.
 * UPDATES_NOW: only those.  To be said of one whose standing is good.
 */
#define UPDATES_NOW UINT64_MAX
void subscriber_updates(struct subscriber *subscriber, uint64_t after);
void subscriber_no_updates(struct subscriber *subscriber);
/* All that has been told to anybody so far has at most this number. */
uint64_t subscriber_number(const struct subscriber *subscriber);

/*
 * This is who I am.  ST_UNAUTHENTICATED: the token is not good.  ST_CONFLICT:
 * the core is still being asked.  ST_FORBIDDEN: it is known as somebody else.
 * ST_RATE_LIMITED: that user has too many connections.  On ST_OK the core is
 * asked, and "admitted" is called when it has agreed.  Said once more by the
 * same user it puts the new token in the place of the old one.
 */
enum status subscriber_present(struct subscriber *subscriber,
	const char *token, size_t length) MUST_USE;
