/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hub.h - who listens, and to what.
 *
 * One hub a process, one thread.  It knows neither sockets nor clocks: a
 * transport gives it connections and takes work from it (subscriber.h), a feed
 * tells it what happened (feed.h), and the time is handed in by hub_time()
 * before anything else is called.
 *
 * What is promised to a connection:
 *  - every connection is pinged each 5 s, and one that was not heard of for
 *    15 s is closed;
 *  - one of an address that wants a user is closed when it has not shown a
 *    good token within 5 s, when the token expires, when the session ends, and
 *    when the user is locked; a user has at most 20 of them;
 *  - one that does not read what is sent is closed at its outbox's bound (1013),
 *    and one that talks too much is closed, too (1008);
 *  - of its user's order updates it misses none and hears none twice, from the
 *    number on that it names: out of the history in memory, out of the journal
 *    if need be, then as they come.  What cannot be told any more is called a
 *    gap, and never left out in silence.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/status.h"
#include "stream/replay.h"
#include "stream/spelling.h"
#include "stream/subscriber.h"
#include "wire/event.h"
#include "wire/frame.h"

#define PING_EVERY_US (5 * INT64_C(1000000))
#define SILENCE_MAX_US (15 * INT64_C(1000000))
#define LIMBO_MAX_US (5 * INT64_C(1000000))
#define LEAVE_MAX_US (5 * INT64_C(1000000))
#define USER_CONNECTIONS_MAX 20 /* by default */
#define HISTORY_ROOM 131072u /* by default */
#define REPLAY_BACK_MAX UINT64_C(1000000) /* records, by default */
#define READINGS_MAX 2 /* of the journal, at a time */
#define EARLY_MAX 16 /* messages that wait for the core's answer */
#define MARKETS_FOLLOWED_MAX 64
/* A client's own messages: so many in such a time. */
#define SAID_MAX 100
#define SAID_WINDOW_US (10 * INT64_C(1000000))
#define SPELLINGS_MAX 16

struct keyring;

struct hub_settings {
	const struct spelling *const *spellings; /* ended by NULL */
	struct keyring *keyring;    /* NULL: no token is good */
	const char *default_market; /* where nothing names one */
	const char *origins; /* that may connect, beside our own; a list */
	size_t connections_max;
	size_t user_connections_max; /* 0: as above */
	size_t history_room;
	uint64_t replay_back_max;
	const struct replay_files *journal; /* NULL: only the history */
	/*
	 * Do replay_read(), then hub_replayed().  NULL: it is done at once.
	 */
	void (*read)(void *arg, struct replay *replay);
	/* Ask the core about the session of subscriber NUMBER. */
	void (*ask)(void *arg, uint64_t number,
		const struct guard_request *question);
	void *arg;
};

/* What SETTINGS points to is kept. */
struct hub *hub_new(const struct hub_settings *settings);
/* All subscribers must have left. */
void hub_free(struct hub *hub);

/* CLOCK_MONOTONIC for intervals, the wall clock for tokens. */
void hub_time(struct hub *hub, int64_t now_us, int64_t wall_us);
/* Pings, silences, deadlines: about ten times a second. */
void hub_tick(struct hub *hub);

/* ---- The transport's side ---- */

/* Who was let in by door_open(): whom, where, and as who. */
struct admission {
	const struct spelling *spelling;
	struct topic *topic; /* NULL: of no market */
	struct session session; /* with DOOR_TOKEN */
	bool has_after;
	uint64_t after; /* the number of the last update it has */
};

/*
 * SUBSCRIBER is zeroed room of the transport, which keeps it until hub_leave().
 */
void hub_join(struct hub *hub, const struct admission *admission,
	void *transport, struct subscriber *subscriber);
void hub_leave(struct subscriber *subscriber);

/* It lives: a pong or anything else came. */
void hub_heard(struct subscriber *subscriber);
/* A whole text message came. */
void hub_said(struct subscriber *subscriber, const char *text, size_t length);

/* The next one with work to do, taken off the list; or NULL. */
struct subscriber *hub_ready(struct hub *hub);
size_t hub_connections(const struct hub *hub);

/* What the monitor wants to know. */
struct hub_figures {
	uint64_t messages;    /* put into outboxes so far */
	uint64_t closes;      /* connections that we have closed */
	uint64_t slow_closes; /* of those: too slow */
	uint64_t subscriptions; /* now; as is the next */
	uint64_t queue_bytes;
};
const struct hub_figures *hub_figures(const struct hub *hub);

void hub_close_all(struct hub *hub, enum close_code code, const char *reason);

/* The core's answer about the session of subscriber NUMBER. */
void hub_answered(struct hub *hub, uint64_t number, uint32_t verdict);
/* What hub_settings.read was asked for is done. */
void hub_replayed(struct hub *hub, struct replay *replay);
/*
 * Put what they have missed into the outboxes of those who are behind, as far
 * as there is room; once in each turn of the loop.
 */
void hub_catch_up(struct hub *hub);
/* Whether it could go on at once. */
bool hub_is_behind(const struct hub *hub);

/* The core could not be asked: ask all open questions once more. */
void hub_ask_again(struct hub *hub);

/* ---- The feed's side ---- */

/* A user's lock, role or epoch; a session's end. */
void hub_user(struct hub *hub, const struct ev_user *user);
void hub_session_ended(struct hub *hub, uint32_t user, struct ident session);

/*
 * Tell USER's connections that want KIND.  WRITE is called once for each
 * spelling among them.  This is also how what other programs announce
 * (OWN_NOTICES) gets to its user.
 */
typedef bool own_writer(const struct spelling *spelling, struct reply *reply,
	const void *arg);
void hub_tell(struct hub *hub, uint32_t user, enum own_kind kind,
	own_writer *write, const void *arg);
/* What another program announces to a user. */
void hub_notice(struct hub *hub, const struct notice *notice);

/* The order updates of the next RECORD; nobody is told if it is WARMING up. */
void hub_updates(struct hub *hub, const struct record *record, bool warming);
/* Stand behind record SEQ, knowing nothing of what was before. */
void hub_begin(struct hub *hub, uint64_t seq);

/* Whether USER has any connection that wants one of KINDS. */
bool hub_has(const struct hub *hub, uint32_t user, unsigned kinds);
