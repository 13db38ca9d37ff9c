/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hub.c - the comings and goings of connections, and their deadlines.
 *
 * Each deadline has the same length for all, so a list to whose end one is
 * moved when its time begins anew is ordered by itself: a tick looks at the
 * heads alone.  Only tokens expire in any order, so all who showed one are
 * looked at once a second.
 */
#include "stream/hub.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/hub_state.h"
#include "stream/ticket.h"
#include "stream/topic.h"

struct hub *
hub_new(const struct hub_settings *settings)
{
	struct hub *hub = calloc(1, sizeof(*hub));
	size_t i;

	if (!hub)
		abort();
	hub->settings = *settings;
	while (settings->spellings[hub->n_spellings])
		hub->n_spellings++;
	assert(hub->n_spellings <= SPELLINGS_MAX);
	hub->arena = arena_new();
	hub->said = arena_new();
	if (hub->settings.user_connections_max == 0)
		hub->settings.user_connections_max = USER_CONNECTIONS_MAX;
	if (hub->settings.history_room == 0)
		hub->settings.history_room = HISTORY_ROOM;
	if (hub->settings.replay_back_max == 0)
		hub->settings.replay_back_max = REPLAY_BACK_MAX;
	hub->history = history_new(hub->settings.history_room);
	hub_begin(hub, 0);
	hub->tickets = tickets_new();
	node_init(&hub->ready);
	node_init(&hub->pings);
	node_init(&hub->heard);
	node_init(&hub->limbo);
	node_init(&hub->asked);
	node_init(&hub->known);
	node_init(&hub->closing);
	node_init(&hub->behind);
	for (i = 0; i < PERSON_BUCKETS; i++)
		node_init(&hub->persons[i]);
	return hub;
}

void
hub_free(struct hub *hub)
{
	size_t i;

	if (!hub)
		return;
	assert(hub->connections == 0);
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		topic_free(hub->topics[i]);
	tickets_free(hub->tickets);
	arena_free(hub->arena);
	arena_free(hub->said);
	history_free(hub->history);
	order_updates_free(&hub->updates);
	free(hub);
}

void
hub_time(struct hub *hub, int64_t now_us, int64_t wall_us)
{
	hub->now_us = now_us;
	hub->wall_us = wall_us;
	if (hub->born_us == 0)
		hub->born_us = wall_us;
}

size_t
hub_spelling_number(const struct hub *hub, const struct spelling *spelling)
{
	size_t i;

	for (i = 0; hub->settings.spellings[i] != spelling; i++)
		assert(i < hub->n_spellings);
	return i;
}

struct reply *
hub_pen(struct hub *hub, const struct spelling *spelling, struct reply *reply)
{
	arena_reset(hub->arena);
	reply_init(reply, hub->arena, spelling->numbers);
	return reply;
}

struct parcel *
hub_wrap(struct hub *hub, struct reply *reply)
{
	size_t length;
	const char *text = reply_text_of(reply, &length);
	struct parcel *parcel = parcel_new(text, length);

	arena_reset(hub->arena);
	return parcel;
}

/* ---- Coming and going -------------------------------------------------- */

static void
enter_lists(struct subscriber *subscriber)
{
	struct hub *hub = subscriber->hub;

	node_init(&subscriber->seats);
	node_init(&subscriber->in_ready);
	node_init(&subscriber->in_pings);
	node_init(&subscriber->in_heard);
	node_init(&subscriber->in_limbo);
	node_init(&subscriber->in_asked);
	node_init(&subscriber->in_known);
	node_init(&subscriber->in_closing);
	node_init(&subscriber->in_person);
	node_init(&subscriber->in_behind);
	subscriber->ping_us = hub->now_us + PING_EVERY_US;
	list_append(&hub->pings, &subscriber->in_pings);
	subscriber->heard_us = hub->now_us;
	list_append(&hub->heard, &subscriber->in_heard);
}

void
hub_join(struct hub *hub, const struct admission *admission, void *transport,
	struct subscriber *subscriber)
{
	const struct spelling *spelling = admission->spelling;

	subscriber->number = ++hub->next_number;
	subscriber->hub = hub;
	subscriber->spelling = spelling;
	subscriber->transport = transport;
	subscriber->outbox.total = &hub->figures.queue_bytes;
	hub->connections++;
	enter_lists(subscriber);
	subscriber->first_topic = admission->topic;
	subscriber->joined = update_number_end(hub->seq);
	subscriber->after =
		admission->has_after ? admission->after : UPDATES_NOW;
	if (spelling->door == DOOR_OPEN) {
		if (admission->topic && topic_join(admission->topic,
						subscriber) != ST_OK)
			assert(!"a new connection follows nothing");
		return;
	}
	subscriber->limbo_us = hub->now_us + LIMBO_MAX_US;
	list_append(&hub->limbo, &subscriber->in_limbo);
	if (spelling->door == DOOR_TOKEN &&
		person_add(subscriber, &admission->session) != ST_OK)
		subscriber_close(subscriber, CLOSE_POLICY,
			"too many connections of this user");
}

void
hub_leave(struct subscriber *subscriber)
{
	struct node *at, *after;

	LIST_EACH(at, after, &subscriber->seats)
		seat_free(NODE_OF(at, seat, in_subscriber));
	updates_leave(subscriber);
	person_remove(subscriber);
	outbox_clear(&subscriber->outbox);
	outbox_clear(&subscriber->early);
	node_take_out(&subscriber->in_ready);
	node_take_out(&subscriber->in_pings);
	node_take_out(&subscriber->in_heard);
	node_take_out(&subscriber->in_limbo);
	node_take_out(&subscriber->in_asked);
	node_take_out(&subscriber->in_known);
	node_take_out(&subscriber->in_closing);
	subscriber->hub->connections--;
}

const struct hub_figures *
hub_figures(const struct hub *hub)
{
	return &hub->figures;
}

struct subscriber *
hub_ready(struct hub *hub)
{
	struct node *first = list_first(&hub->ready);

	if (!first)
		return NULL;
	node_take_out(first);
	return NODE_OF(first, subscriber, in_ready);
}

size_t
hub_connections(const struct hub *hub)
{
	return hub->connections;
}

void
hub_close_all(struct hub *hub, enum close_code code, const char *reason)
{
	struct node *at, *after;

	/* Who is not in this list is closing already. */
	LIST_EACH(at, after, &hub->heard)
		subscriber_close(NODE_OF(at, subscriber, in_heard), code,
			reason);
}

/* ---- What it says ------------------------------------------------------ */

void
hub_heard(struct subscriber *subscriber)
{
	if (subscriber->close_code != 0)
		return;
	subscriber->heard_us = subscriber->hub->now_us;
	list_append(&subscriber->hub->heard, &subscriber->in_heard);
}

static void
receive(struct subscriber *subscriber, const char *text, size_t length)
{
	if (!subscriber->spelling->receive || subscriber->close_code != 0)
		return;
	arena_reset(subscriber->hub->said);
	subscriber->spelling->receive(subscriber, text, length);
}

/*
 * Who has shown a token need not wait for the answer before he says what he
 * wants: it is kept until the core has agreed.
 */
static void
keep_early(struct subscriber *subscriber, const char *text, size_t length)
{
	struct parcel *parcel = parcel_new(text, length);

	if (subscriber->early.count == EARLY_MAX ||
		outbox_add(&subscriber->early, parcel) != ST_OK)
		subscriber_close(subscriber, CLOSE_POLICY,
			"too many messages before the log-in was answered");
	parcel_release(parcel);
}

static void
receive_early(struct subscriber *subscriber)
{
	struct parcel *parcel;

	while ((parcel = outbox_first(&subscriber->early)) != NULL) {
		receive(subscriber, (const char *)parcel_text(parcel),
			parcel->length);
		outbox_drop(&subscriber->early);
	}
	outbox_clear(&subscriber->early);
}

void
hub_said(struct subscriber *subscriber, const char *text, size_t length)
{
	struct hub *hub = subscriber->hub;

	hub_heard(subscriber);
	if (subscriber->close_code != 0)
		return;
	if (hub->now_us - subscriber->said_us >= SAID_WINDOW_US) {
		subscriber->said_us = hub->now_us;
		subscriber->said = 0;
	}
	if (++subscriber->said > SAID_MAX)
		subscriber_close(subscriber, CLOSE_POLICY, "too many messages");
	else if (subscriber->spelling->door == DOOR_MESSAGE &&
		 subscriber->standing == STANDING_ASKED)
		keep_early(subscriber, text, length);
	else
		receive(subscriber, text, length);
}

/* ---- What the core says of it ------------------------------------------ */

static void
admit(struct subscriber *subscriber)
{
	const struct spelling *spelling = subscriber->spelling;

	subscriber->standing = STANDING_GOOD;
	subscriber->own = spelling->own & ~(unsigned)OWN_UPDATES;
	node_take_out(&subscriber->in_limbo);
	if (spelling->admitted)
		spelling->admitted(subscriber);
	updates_admit(subscriber);
	if (subscriber->first_topic && subscriber->close_code == 0 &&
		topic_join(subscriber->first_topic, subscriber) != ST_OK)
		subscriber_close(subscriber, CLOSE_POLICY,
			"the market is followed already");
	receive_early(subscriber);
}

/* The answer about another token of the same user. */
static void
renewed(struct subscriber *subscriber, uint32_t verdict)
{
	subscriber->renewing = false;
	if (verdict == GUARD_OK) {
		subscriber->session = subscriber->renewal;
		if (subscriber->spelling->admitted)
			subscriber->spelling->admitted(subscriber);
	} else if (subscriber->spelling->refused) {
		/* The one that it has is good still. */
		subscriber->spelling->refused(subscriber, ST_UNAUTHENTICATED,
			"the session has ended");
	}
}

void
hub_answered(struct hub *hub, uint64_t number, uint32_t verdict)
{
	struct subscriber *subscriber = NULL;
	struct node *at, *after;

	/* Questions are answered in their order: it is one of the first. */
	LIST_EACH(at, after, &hub->asked)
	{
		subscriber = NODE_OF(at, subscriber, in_asked);
		if (subscriber->number == number)
			break;
	}
	if (at == &hub->asked)
		return; /* it has left meanwhile */
	node_take_out(&subscriber->in_asked);
	if (subscriber->close_code != 0)
		return;
	if (subscriber->renewing)
		renewed(subscriber, verdict);
	else if (verdict == GUARD_OK)
		admit(subscriber);
	else if (verdict == GUARD_LOCKED)
		subscriber_dismiss(subscriber, ST_LOCKED, CLOSE_POLICY,
			"the account is locked");
	else
		subscriber_dismiss(subscriber, ST_UNAUTHENTICATED,
			CLOSE_POLICY, "the session has ended");
}

void
hub_ask_again(struct hub *hub)
{
	struct node *at, *after;

	LIST_EACH(at, after, &hub->asked)
	{
		const struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_asked);
		const struct session *session = subscriber->renewing
							? &subscriber->renewal
							: &subscriber->session;

		hub->settings.ask(hub->settings.arg, subscriber->number,
			&(struct guard_request){.session = session->id,
				.user = session->user,
				.epoch = session->epoch});
	}
}

/* ---- Deadlines --------------------------------------------------------- */

static void
tick_pings(struct hub *hub)
{
	struct node *first;

	while ((first = list_first(&hub->pings)) != NULL) {
		struct subscriber *subscriber =
			NODE_OF(first, subscriber, in_pings);

		if (subscriber->ping_us > hub->now_us)
			return;
		subscriber->ping_us = hub->now_us + PING_EVERY_US;
		subscriber->ping_owed = true;
		list_append(&hub->pings, first);
		subscriber_stir(subscriber);
	}
}

static void
tick_silence(struct hub *hub)
{
	struct node *first;

	while ((first = list_first(&hub->heard)) != NULL) {
		struct subscriber *subscriber =
			NODE_OF(first, subscriber, in_heard);

		if (subscriber->heard_us + SILENCE_MAX_US > hub->now_us)
			return;
		subscriber_close(subscriber, CLOSE_POLICY,
			"silent for 15 seconds");
		/* Nobody is there to answer its leave. */
		subscriber->deserted = true;
	}
}

static void
tick_limbo(struct hub *hub)
{
	struct node *first;

	while ((first = list_first(&hub->limbo)) != NULL) {
		struct subscriber *subscriber =
			NODE_OF(first, subscriber, in_limbo);

		if (subscriber->limbo_us > hub->now_us)
			return;
		node_take_out(first);
		if (subscriber->standing == STANDING_ASKED)
			subscriber_dismiss(subscriber, ST_UNAVAILABLE,
				CLOSE_TRY_AGAIN,
				"the session cannot be checked now");
		else
			subscriber_dismiss(subscriber, ST_UNAUTHENTICATED,
				CLOSE_POLICY, "no token came in time");
	}
}

static void
tick_closing(struct hub *hub)
{
	struct node *first;

	while ((first = list_first(&hub->closing)) != NULL) {
		struct subscriber *subscriber =
			NODE_OF(first, subscriber, in_closing);

		if (subscriber->closing_us > hub->now_us)
			return;
		node_take_out(first);
		subscriber->overdue = true;
		subscriber_stir(subscriber);
	}
}

static void
tick_expiry(struct hub *hub)
{
	struct node *at, *after;

	if (hub->now_us - hub->expiry_looked_us < US_PER_SECOND)
		return;
	hub->expiry_looked_us = hub->now_us;
	LIST_EACH(at, after, &hub->known)
	{
		struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_known);

		if (subscriber->session.until_us <= hub->wall_us)
			subscriber_dismiss(subscriber, ST_UNAUTHENTICATED,
				CLOSE_POLICY, "the token has expired");
	}
}

void
hub_tick(struct hub *hub)
{
	/* Who is dismissed without having said anything is written to, too. */
	arena_reset(hub->said);
	tick_pings(hub);
	tick_silence(hub);
	tick_limbo(hub);
	tick_expiry(hub);
	tick_closing(hub);
}
