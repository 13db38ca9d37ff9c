/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * topic.c - states, changes and trades of one market.
 */
#include "stream/topic.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "stream/hub_state.h"
#include "stream/levels.h"

bool
symbol_key(const char *text, size_t length, char out[SYMBOL_MAX])
{
	char key[SYMBOL_MAX];
	size_t i, n = 0;

	for (i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '/' || c == '-')
			continue;
		if (c >= 0x80 || !isalnum(c) || n == SYMBOL_MAX - 1)
			return false;
		key[n++] = (char)toupper(c);
	}
	if (n == 0)
		return false;
	key[n] = '\0';
	memcpy(out, key, n + 1);
	return true;
}

struct topic *
topic_get(struct hub *hub, uint16_t instrument)
{
	struct topic *topic = hub->topics[instrument];
	size_t i;

	if (topic)
		return topic;
	topic = calloc(1, sizeof(*topic) +
				  hub->n_spellings * sizeof(struct channel));
	if (!topic)
		abort();
	topic->hub = hub;
	topic->instrument = instrument;
	for (i = 0; i < hub->n_spellings; i++) {
		node_init(&topic->channels[i].live);
		node_init(&topic->channels[i].waiting);
	}
	hub->topics[instrument] = topic;
	return topic;
}

struct topic *
topic_find(struct hub *hub, const char *symbol, size_t length)
{
	char key[SYMBOL_MAX];
	size_t i;

	if (!symbol_key(symbol, length, key))
		return NULL;
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (hub->topics[i] && strcmp(hub->topics[i]->key, key) == 0)
			return hub->topics[i];
	return NULL;
}

bool
topic_is_coming(const struct hub *hub, const char *symbol, size_t length)
{
	char key[SYMBOL_MAX], other[SYMBOL_MAX];
	struct book_slot slot;
	uint16_t i;

	if (!hub->page || !symbol_key(symbol, length, key))
		return false;
	for (i = 0; i < INSTRUMENTS_MAX; i++)
		if (book_page_read(hub->page, i, &slot) == ST_OK &&
			symbol_key(slot.terms.symbol,
				strlen(slot.terms.symbol), other) &&
			strcmp(key, other) == 0)
			return true;
	return false;
}

static void
forget_snapshots(struct topic *topic)
{
	size_t i;

	for (i = 0; i < topic->hub->n_spellings; i++) {
		parcel_release(topic->channels[i].snapshot);
		topic->channels[i].snapshot = NULL;
	}
}

void
topic_free(struct topic *topic)
{
	if (!topic)
		return;
	forget_snapshots(topic);
	free(topic);
}

const struct instrument_terms *
topic_terms(const struct topic *topic)
{
	return topic && topic->known ? &topic->shown.terms : NULL;
}

void
channel_post(struct channel *channel, struct parcel *parcel)
{
	struct node *at, *after;

	LIST_EACH(at, after, &channel->live)
		subscriber_post(NODE_OF(at, seat, in_channel)->subscriber,
			parcel);
}

static struct market_view
view_of(const struct topic *topic)
{
	return (struct market_view){.slot = &topic->shown, .seq = topic->seq};
}

/* ---- Trades ------------------------------------------------------------ */

void
topic_trade(struct topic *topic, const struct ev_trade *trade, int64_t time_us)
{
	struct market_trade told = {.terms = &topic->shown.terms,
		.trade = trade,
		.time_us = time_us};
	struct hub *hub = topic->hub;
	struct parcel *parcel;
	struct reply reply;
	size_t i;

	for (i = 0; i < hub->n_spellings; i++) {
		const struct spelling *spelling = hub->settings.spellings[i];

		if (!spelling->trade || node_alone(&topic->channels[i].live))
			continue;
		if (!spelling->trade(hub_pen(hub, spelling, &reply), &told))
			continue;
		parcel = hub_wrap(hub, &reply);
		channel_post(&topic->channels[i], parcel);
		parcel_release(parcel);
	}
	tape_trade(topic, trade, time_us);
}

/* ---- The book ---------------------------------------------------------- */

void
topic_take(struct topic *topic, const struct book_slot *slot, uint64_t as_of)
{
	topic->taken = *slot;
	topic->taken_as_of = as_of;
	topic->has_taken = true;
	topic->dirty = false;
}

/* Send CHANGE to those who knew the state before it. */
static void
send_change(struct topic *topic, const struct market_change *change)
{
	struct hub *hub = topic->hub;
	struct parcel *parcel;
	struct reply reply;
	size_t i;

	for (i = 0; i < hub->n_spellings; i++) {
		const struct spelling *spelling = hub->settings.spellings[i];

		if (!spelling->update || node_alone(&topic->channels[i].live))
			continue;
		if (!spelling->update(hub_pen(hub, spelling, &reply), change))
			continue;
		parcel = hub_wrap(hub, &reply);
		channel_post(&topic->channels[i], parcel);
		parcel_release(parcel);
	}
}

/* The shown state in CHANNEL's spelling, written at most once. */
static struct parcel *
snapshot_of(struct topic *topic, const struct spelling *spelling,
	struct channel *channel)
{
	struct market_view view = view_of(topic);
	struct reply reply;

	if (!channel->snapshot &&
		spelling->snapshot(
			hub_pen(topic->hub, spelling, &reply), &view))
		channel->snapshot = hub_wrap(topic->hub, &reply);
	return channel->snapshot;
}

static void
seat_begin(struct topic *topic, struct seat *seat, size_t number)
{
	const struct spelling *spelling =
		topic->hub->settings.spellings[number];
	struct channel *channel = &topic->channels[number];
	struct parcel *snapshot = NULL;

	list_append(&channel->live, &seat->in_channel);
	if (spelling->snapshot)
		snapshot = snapshot_of(topic, spelling, channel);
	if (snapshot)
		subscriber_post(seat->subscriber, snapshot);
}

/* Those who wait for nothing behind AS_OF need wait no longer. */
static void
begin_waiting(struct topic *topic, uint64_t as_of)
{
	struct node *at, *after;
	struct seat *seat;
	size_t i;

	for (i = 0; i < topic->hub->n_spellings; i++)
		LIST_EACH(at, after, &topic->channels[i].waiting)
		{
			seat = NODE_OF(at, seat, in_channel);
			if (seat->wanted_seq > as_of)
				continue;
			seat->waits = false;
			topic->n_waiting--;
			seat_begin(topic, seat, i);
		}
}

void
topic_show(struct topic *topic)
{
	struct book_level bids[LEVELS_CHANGED_MAX], asks[LEVELS_CHANGED_MAX];
	struct book_slot *before = &topic->shown, *now = &topic->taken;
	struct market_change change = {.bids = bids, .asks = asks};

	assert(topic->has_taken);
	topic->has_taken = false;
	change.n_bids = levels_changed(SIDE_BUY, before->bids, before->n_bids,
		now->bids, now->n_bids, bids);
	change.n_asks = levels_changed(SIDE_SELL, before->asks, before->n_asks,
		now->asks, now->n_asks, asks);
	topic->shown = *now;
	topic->shown_as_of = topic->taken_as_of;
	forget_snapshots(topic);
	if (!topic->known) {
		topic->known = true;
		topic->seq = now->seq;
	} else if (change.n_bids + change.n_asks > 0) {
		topic->seq++;
		topic->not_before_us = topic->hub->now_us + SHOW_EVERY_US;
		change.view = view_of(topic);
		send_change(topic, &change);
	}
	if (!symbol_key(now->terms.symbol,
		    strnlen(now->terms.symbol, SYMBOL_MAX), topic->key))
		topic->key[0] = '\0';
	begin_waiting(topic, topic->shown_as_of);
}

void
topic_relent(struct topic *topic)
{
	if (topic->known && topic->n_waiting > 0 &&
		topic->hub->now_us - topic->waiting_us >= WAIT_MAX_US)
		begin_waiting(topic, UINT64_MAX);
}

/* ---- Followers --------------------------------------------------------- */

/* Whether the page has, or will have, another state than is shown. */
static bool
is_old(const struct topic *topic)
{
	if (!topic->known || topic->dirty || topic->has_taken)
		return true;
	return topic->hub->page &&
	       book_page_slot_seq(topic->hub->page, topic->instrument) !=
		       topic->shown.seq;
}

static struct seat *
find_seat(const struct topic *topic, const struct subscriber *subscriber)
{
	struct node *at, *after;

	LIST_EACH(at, after, &subscriber->seats)
		if (NODE_OF(at, seat, in_subscriber)->topic == topic)
			return NODE_OF(at, seat, in_subscriber);
	return NULL;
}

enum status
topic_join(struct topic *topic, struct subscriber *subscriber)
{
	size_t number = hub_spelling_number(topic->hub, subscriber->spelling);
	struct seat *seat;

	if (find_seat(topic, subscriber))
		return ST_CONFLICT;
	if (subscriber->n_seats == MARKETS_FOLLOWED_MAX)
		return ST_RISK_LIMIT;
	seat = calloc(1, sizeof(*seat));
	if (!seat)
		abort();
	seat->subscriber = subscriber;
	seat->topic = topic;
	node_init(&seat->in_channel);
	node_init(&seat->in_subscriber);
	list_append(&subscriber->seats, &seat->in_subscriber);
	subscriber->n_seats++;
	topic->hub->figures.subscriptions++;
	if (!subscriber->spelling->snapshot || !is_old(topic)) {
		seat_begin(topic, seat, number);
		return ST_OK;
	}
	/* What he was answered elsewhere must be in the first he sees here. */
	if (topic->hub->page)
		seat->wanted_seq = book_page_durable_seq(topic->hub->page);
	topic->dirty = true;
	seat->waits = true;
	if (topic->n_waiting++ == 0)
		topic->waiting_us = topic->hub->now_us;
	list_append(&topic->channels[number].waiting, &seat->in_channel);
	return ST_OK;
}

void
seat_free(struct seat *seat)
{
	node_take_out(&seat->in_channel);
	node_take_out(&seat->in_subscriber);
	seat->subscriber->n_seats--;
	seat->topic->hub->figures.subscriptions--;
	seat->topic->n_waiting -= seat->waits;
	free(seat);
}

enum status
topic_leave(struct topic *topic, struct subscriber *subscriber)
{
	struct seat *seat = find_seat(topic, subscriber);

	if (!seat)
		return ST_CONFLICT;
	seat_free(seat);
	return ST_OK;
}
