/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * subscriber.c - what waits for one connection, and what it asks for.
 */
#include <assert.h>
#include <string.h>

#include "stream/hub_state.h"
#include "stream/topic.h"

#define REASON_MAX_BYTES 123 /* of a close frame */

void
subscriber_stir(struct subscriber *subscriber)
{
	if (node_alone(&subscriber->in_ready))
		list_append(&subscriber->hub->ready, &subscriber->in_ready);
}

/* ---- What waits -------------------------------------------------------- */

static void
begin_close(struct subscriber *subscriber, enum close_code code,
	const char *reason)
{
	struct hub *hub = subscriber->hub;

	assert(strlen(reason) <= REASON_MAX_BYTES);
	if (subscriber->close_code != 0)
		return;
	hub->figures.closes++;
	subscriber->close_code = (uint16_t)code;
	subscriber->close_reason = reason;
	subscriber->closing_us = hub->now_us + LEAVE_MAX_US;
	list_append(&hub->closing, &subscriber->in_closing);
	node_take_out(&subscriber->in_pings);
	node_take_out(&subscriber->in_heard);
	node_take_out(&subscriber->in_limbo);
	subscriber_stir(subscriber);
}

void
subscriber_close(struct subscriber *subscriber, enum close_code code,
	const char *reason)
{
	/* Nothing is due to it any more but its leave. */
	if (subscriber->close_code == 0)
		outbox_clear(&subscriber->outbox);
	begin_close(subscriber, code, reason);
}

void
subscriber_part(struct subscriber *subscriber, enum close_code code,
	const char *reason)
{
	if (subscriber->close_code == 0)
		subscriber->parting = true;
	begin_close(subscriber, code, reason);
}

void
subscriber_post(struct subscriber *subscriber, struct parcel *parcel)
{
	if (subscriber->close_code != 0)
		return;
	if (outbox_add(&subscriber->outbox, parcel) != ST_OK) {
		subscriber->hub->figures.slow_closes++;
		subscriber_close(subscriber, CLOSE_TRY_AGAIN,
			"too slow: more was waiting to be read than is kept");
		return;
	}
	subscriber->hub->figures.messages++;
	subscriber_stir(subscriber);
}

enum work
subscriber_work(struct subscriber *subscriber, struct parcel **out)
{
	if (subscriber->overdue)
		return WORK_ABORT;
	if (subscriber->close_code != 0) {
		if (subscriber->leave_taken)
			return WORK_NONE;
		*out = outbox_first(&subscriber->outbox);
		if (subscriber->parting && *out)
			return WORK_SEND;
		subscriber->leave_taken = true;
		return WORK_CLOSE;
	}
	if (subscriber->ping_owed) {
		subscriber->ping_owed = false;
		return WORK_PING;
	}
	*out = outbox_first(&subscriber->outbox);
	return *out ? WORK_SEND : WORK_NONE;
}

void
subscriber_sent(struct subscriber *subscriber)
{
	/* Sending may have failed, and closing has emptied the outbox. */
	if (outbox_first(&subscriber->outbox))
		outbox_drop(&subscriber->outbox);
}

void
subscriber_dismiss(struct subscriber *subscriber, enum status status,
	enum close_code code, const char *reason)
{
	if (subscriber->close_code != 0)
		return;
	outbox_clear(&subscriber->outbox);
	if (subscriber->spelling->refused)
		subscriber->spelling->refused(subscriber, status, reason);
	subscriber_part(subscriber, code, reason);
}

bool
subscriber_tell(struct subscriber *subscriber, own_writer *write,
	const void *arg)
{
	struct hub *hub = subscriber->hub;
	struct parcel *parcel;
	struct reply reply;

	if (!write(subscriber->spelling,
		    hub_pen(hub, subscriber->spelling, &reply), arg))
		return false;
	parcel = hub_wrap(hub, &reply);
	subscriber_post(subscriber, parcel);
	parcel_release(parcel);
	return true;
}

struct arena *
subscriber_arena(const struct subscriber *subscriber)
{
	return subscriber->hub->said;
}

void
subscriber_say(struct subscriber *subscriber, const char *text, size_t length)
{
	struct parcel *parcel = parcel_new(text, length);

	subscriber_post(subscriber, parcel);
	parcel_release(parcel);
}

/* ---- What it asks for -------------------------------------------------- */

enum status
subscriber_follow(struct subscriber *subscriber, const char *symbol)
{
	struct topic *topic =
		topic_find(subscriber->hub, symbol, strlen(symbol));

	return topic ? topic_join(topic, subscriber) : ST_INVALID;
}

enum status
subscriber_unfollow(struct subscriber *subscriber, const char *symbol)
{
	struct topic *topic =
		topic_find(subscriber->hub, symbol, strlen(symbol));

	return topic ? topic_leave(topic, subscriber) : ST_INVALID;
}

const struct instrument_terms *
subscriber_terms(const struct subscriber *subscriber, const char *symbol)
{
	return topic_terms(
		topic_find(subscriber->hub, symbol, strlen(symbol)));
}

void
subscriber_unfollow_all(struct subscriber *subscriber)
{
	struct node *at, *after;

	LIST_EACH(at, after, &subscriber->seats)
		seat_free(NODE_OF(at, seat, in_subscriber));
}

void
subscriber_want(struct subscriber *subscriber, unsigned kinds, bool want)
{
	assert(!(kinds & OWN_UPDATES));
	if (want)
		subscriber->own |= kinds;
	else
		subscriber->own &= ~kinds;
}

enum status
subscriber_present(struct subscriber *subscriber, const char *token,
	size_t length)
{
	struct hub *hub = subscriber->hub;
	struct session session;

	if (subscriber->standing == STANDING_ASKED)
		return ST_CONFLICT;
	if (!hub->settings.keyring)
		return ST_UNAUTHENTICATED;
	TRY(token_verify(hub->settings.keyring, token, length, TOKEN_ACCESS,
		hub->wall_us, &session));
	return subscriber->standing == STANDING_GOOD
		       ? person_renew(subscriber, &session)
		       : person_add(subscriber, &session);
}
