/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * updates.c - order updates: none is missed, none is told twice.
 *
 * A connection is either told each update as it comes, or it is behind.  Who is
 * behind is told of the past in order, out of the history or, for what lies
 * before that, out of the journal, as fast as it reads; when there is no next
 * one, it is behind no longer.  All of this happens in one thread between two
 * records, so there is nothing between the past and what comes.
 */
#include <assert.h>

#include "base/log.h"
#include "stream/hub_state.h"
#include "stream/topic.h"

/* What is put into one outbox at a time, and into all of them in a turn. */
#define POUR_PARCELS 256
#define POUR_BYTES ((size_t)128 * 1024)
#define POUR_TURN 4096

static const char too_long_ago[] =
	"that is longer ago than what is kept for streams";
static const char never_was[] = "there has been no such number";
static const char not_readable[] = "what was missed cannot be read";

/* ---- What comes -------------------------------------------------------- */

static bool
write_update(const struct spelling *spelling, struct reply *reply,
	const void *arg)
{
	return spelling->update_own && spelling->update_own(reply, arg);
}

static struct update_view
view_of(const struct hub *hub, const struct order_update *update)
{
	const struct topic *topic = update->instrument < INSTRUMENTS_MAX
					    ? hub->topics[update->instrument]
					    : NULL;

	return (struct update_view){.update = update,
		.terms = topic_terms(topic)};
}

void
hub_updates(struct hub *hub, const struct record *record, bool warming)
{
	struct order_updates *updates = &hub->updates;
	struct update_view view;
	size_t i;

	updates->n = 0;
	order_updates_add(updates, record, USER_HOUSE);
	for (i = 0; i < updates->n; i++) {
		const struct order_update *update = &updates->rows[i];

		history_add(hub->history, update);
		if (warming || !hub_has(hub, update->user, OWN_UPDATES))
			continue;
		view = view_of(hub, update);
		hub_tell(hub, update->user, OWN_UPDATES, write_update, &view);
	}
	hub->seq = record->seq;
}

void
hub_begin(struct hub *hub, uint64_t seq)
{
	hub->seq = seq;
	history_begin(hub->history, seq == 0 ? 0 : update_number_end(seq));
}

/* ---- What was ---------------------------------------------------------- */

static void
set_live(struct subscriber *subscriber)
{
	node_take_out(&subscriber->in_behind);
	subscriber->own |= OWN_UPDATES;
}

static bool
write_gap(const struct spelling *spelling, struct reply *reply, const void *arg)
{
	return spelling->gap && spelling->gap(reply, arg);
}

static void
drop_replay(struct subscriber *subscriber)
{
	struct replay *replay = subscriber->replay;

	subscriber->replay = NULL;
	if (replay && replay->under_way)
		replay->subscriber = NULL; /* freed when it comes back */
	else
		replay_free(replay);
}

/* It can't be told of what is behind TOLD: say so, and go on from here. */
static void
leave_gap(struct subscriber *subscriber, const char *reason)
{
	struct update_gap gap = {.after = subscriber->told,
		.now = update_number_end(subscriber->hub->seq),
		.reason = reason};

	drop_replay(subscriber);
	subscriber->told = gap.now;
	if (subscriber_tell(subscriber, write_gap, &gap))
		set_live(subscriber);
	else
		subscriber_close(subscriber, CLOSE_TRY_AGAIN, reason);
}

static void
tell_update(struct subscriber *subscriber, const struct order_update *update)
{
	struct update_view view = view_of(subscriber->hub, update);

	assert(update->number > subscriber->told);
	subscriber->told = update->number;
	subscriber_tell(subscriber, write_update, &view);
}

/* ---- Out of the journal ------------------------------------------------ */

void
hub_replayed(struct hub *hub, struct replay *replay)
{
	hub->readings--;
	replay->under_way = false;
	if (!replay->subscriber)
		replay_free(replay);
}

static void
begin_replay(struct subscriber *subscriber)
{
	struct hub *hub = subscriber->hub;
	uint64_t seq = update_number_seq(subscriber->told);

	if (!hub->settings.journal ||
		hub->seq - seq > hub->settings.replay_back_max) {
		leave_gap(subscriber, too_long_ago);
		return;
	}
	subscriber->replay = replay_new(hub->settings.journal,
		subscriber->session.user, subscriber->told);
	subscriber->replay->subscriber = subscriber;
}

static void
read_on(struct hub *hub, struct replay *replay)
{
	if (hub->readings == READINGS_MAX)
		return; /* in another turn */
	hub->readings++;
	replay->until = hub->seq;
	replay->begun = replay->under_way = true;
	if (hub->settings.read) {
		hub->settings.read(hub->settings.arg, replay);
		return;
	}
	replay_read(replay);
	hub_replayed(hub, replay);
}

/* All that was found has been told. */
static void
end_reading(struct subscriber *subscriber)
{
	struct hub *hub = subscriber->hub;
	struct replay *replay = subscriber->replay;
	uint64_t read_to = update_number_end(replay->seq);

	if (replay->status != ST_OK) {
		if (replay->status != ST_NOT_FOUND)
			log_error("reading the journal for a stream: %s",
				replay->reason.text);
		leave_gap(subscriber, replay->status == ST_NOT_FOUND
					      ? too_long_ago
					      : not_readable);
		return;
	}
	/* Never read yet, it stands before the record of TOLD. */
	if (!replay->begun || read_to < history_from(hub->history)) {
		read_on(hub, replay);
		return;
	}
	if (read_to > subscriber->told)
		subscriber->told = read_to;
	drop_replay(subscriber);
}

/* One step; false: nothing can be done for it now. */
static bool
step(struct subscriber *subscriber)
{
	struct hub *hub = subscriber->hub;
	struct replay *replay = subscriber->replay;
	const struct order_update *update;

	if (replay && replay->under_way)
		return false;
	if (replay && replay->taken < replay->found.n) {
		tell_update(subscriber, &replay->found.rows[replay->taken++]);
		return true;
	}
	if (replay) {
		unsigned before = hub->readings;

		end_reading(subscriber);
		return hub->readings == before && before < READINGS_MAX;
	}
	if (subscriber->told < history_from(hub->history)) {
		begin_replay(subscriber);
		return true;
	}
	update = history_next(hub->history, subscriber->session.user,
		subscriber->told, &subscriber->told_hint);
	if (update)
		tell_update(subscriber, update);
	else
		set_live(subscriber);
	return true;
}

static bool
is_behind(const struct subscriber *subscriber)
{
	return !node_alone(&subscriber->in_behind) &&
	       subscriber->close_code == 0;
}

static bool
has_room(const struct subscriber *subscriber)
{
	return subscriber->outbox.count < POUR_PARCELS &&
	       subscriber->outbox.bytes < POUR_BYTES;
}

void
hub_catch_up(struct hub *hub)
{
	struct node *at, *after, *last = hub->behind.previous;
	unsigned steps = 0;

	LIST_EACH(at, after, &hub->behind)
	{
		struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_behind);
		bool is_last = at == last;

		while (is_behind(subscriber) && has_room(subscriber) &&
			steps < POUR_TURN && step(subscriber))
			steps++;
		/* The next turn begins with another one. */
		if (is_behind(subscriber))
			list_append(&hub->behind, at);
		if (is_last || steps == POUR_TURN)
			return;
	}
}

bool
hub_is_behind(const struct hub *hub)
{
	struct node *at, *after;

	LIST_EACH(at, after, &hub->behind)
	{
		const struct subscriber *subscriber =
			NODE_OF(at, subscriber, in_behind);
		const struct replay *replay = subscriber->replay;

		if (!is_behind(subscriber) || !has_room(subscriber))
			continue;
		if (!replay || replay->taken < replay->found.n ||
			(!replay->under_way && hub->readings < READINGS_MAX))
			return true;
	}
	return false;
}

/* ---- Who asks ---------------------------------------------------------- */

uint64_t
subscriber_number(const struct subscriber *subscriber)
{
	return update_number_end(subscriber->hub->seq);
}

void
subscriber_no_updates(struct subscriber *subscriber)
{
	subscriber->own &= ~(unsigned)OWN_UPDATES;
	node_take_out(&subscriber->in_behind);
	drop_replay(subscriber);
}

void
subscriber_updates(struct subscriber *subscriber, uint64_t after)
{
	struct hub *hub = subscriber->hub;
	uint64_t now = update_number_end(hub->seq);

	assert(subscriber->standing == STANDING_GOOD);
	subscriber_no_updates(subscriber);
	subscriber->told = after == UPDATES_NOW ? now : after;
	subscriber->told_hint = 0;
	list_append(&hub->behind, &subscriber->in_behind);
	if (subscriber->told > now)
		leave_gap(subscriber, never_was);
}

void
updates_admit(struct subscriber *subscriber)
{
	if (subscriber->spelling->own & OWN_UPDATES)
		subscriber_updates(subscriber,
			subscriber->after == UPDATES_NOW ? subscriber->joined
							 : subscriber->after);
}

void
updates_leave(struct subscriber *subscriber)
{
	subscriber_no_updates(subscriber);
}
