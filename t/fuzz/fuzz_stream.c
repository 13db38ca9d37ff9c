/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_stream.c - what a client may send to the streams, and what the journal
 * may hold.
 *
 * The first byte chooses.  A request: texts divided by NUL, each of which may
 * be missing; who is let in says the rest.  Or a record, which a listener of
 * every kind hears about.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/streams.h"
#include "stream/door.h"
#include "stream/feed.h"
#include "stream/topic.h"

#define TEXTS 9
#define SECOND_US INT64_C(1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Follows whatever the client says, and hears of all that is its own. */
static void
follow(struct subscriber *subscriber, const char *text, size_t length)
{
	char *symbol = strndup(text, length);

	if (!symbol)
		abort();
	if (subscriber_follow(subscriber, symbol) != ST_OK &&
		subscriber_present(subscriber, symbol, strlen(symbol)) !=
			ST_UNAUTHENTICATED)
		abort(); /* there is no key that a token could be good by */
	free(symbol);
}

static bool
write_event(struct reply *reply, const struct own_event *event)
{
	reply_int(reply, NULL, event->event->type);
	return true;
}

static const struct spelling talk = {
	.edition = "fuzz",
	.path = "/talk/{symbol}",
	.door = DOOR_OPEN,
	.market = true,
	.own = OWN_ORDERS | OWN_TRADES | OWN_BALANCES,
	.event = write_event,
	.receive = follow,
};

static const struct spelling own = {
	.edition = "fuzz",
	.path = "/own",
	.door = DOOR_TOKEN,
	.event = write_event,
};

static const struct spelling *const spellings[] = {
	&quantora_stream,
	&talk,
	&own,
	NULL,
};

static void
ask(void *arg, uint64_t number, const struct guard_request *question)
{
	(void)arg;
	(void)number;
	(void)question;
}

static void
make_market(struct hub *hub, uint16_t instrument, const char *symbol)
{
	struct book_slot slot = {.seq = 1, .used = 1};
	struct topic *topic = topic_get(hub, instrument);

	slot.terms.instrument = instrument;
	strncpy(slot.terms.symbol, symbol, sizeof(slot.terms.symbol) - 1);
	topic_take(topic, &slot, 1);
	topic_show(topic);
}

static struct hub *
make_hub(void)
{
	struct hub *hub = hub_new(&(struct hub_settings){
		.spellings = spellings,
		.default_market = "BTC/USD",
		.origins = "https://a.example, https://b.example",
		.connections_max = 10,
		.ask = ask,
	});

	make_market(hub, 0, "BTC/USD");
	make_market(hub, 1, "ETH/USD");
	return hub;
}

/* All that waits is text that was written whole. */
static void
drain(struct hub *hub)
{
	struct subscriber *subscriber;
	struct parcel *parcel;

	while ((subscriber = hub_ready(hub)) != NULL)
		while (subscriber_work(subscriber, &parcel) == WORK_SEND) {
			assert(parcel->length > 0);
			subscriber_sent(subscriber);
		}
}

static void
knock(struct hub *hub, const char *const texts[TEXTS])
{
	const struct knock knock = {
		.path = texts[0] ? texts[0] : "",
		.symbol = texts[1],
		.token = texts[2],
		.ticket = texts[3],
		.authorization = texts[4],
		.origin = texts[5],
		.host = texts[6],
		.scheme = texts[7],
	};
	struct ctx ctx = {.arena = arena_new()};
	struct subscriber subscriber = {.number = 0};
	struct admission admission;

	if (door_open(hub, &ctx, &knock, &admission) == ST_OK) {
		assert(admission.spelling != &own);
		hub_join(hub, &admission, NULL, &subscriber);
		if (texts[8])
			hub_said(&subscriber, texts[8], strlen(texts[8]));
		drain(hub);
		hub_leave(&subscriber);
	}
	arena_free(ctx.arena);
}

/* Cut DATA at its NULs; "-" stands for one that is missing. */
static void
try_request(struct hub *hub, const uint8_t *data, size_t size)
{
	const char *texts[TEXTS] = {NULL};
	char *copy = malloc(size + 1), *at = copy;
	size_t i;

	if (!copy)
		abort();
	memcpy(copy, data, size);
	copy[size] = '\0';
	for (i = 0; i < TEXTS && at <= copy + size; i++) {
		texts[i] = strcmp(at, "-") == 0 ? NULL : at;
		at += strlen(at) + 1;
	}
	knock(hub, texts);
	free(copy);
}

static void
try_record(struct hub *hub, const uint8_t *data, size_t size)
{
	struct admission admission = {.spelling = &talk};
	struct subscriber listeners[2] = {{.number = 0}};
	struct session session = {.user = 7, .expires_us = INT64_MAX};
	struct record *record = malloc(size);
	size_t i;

	memcpy(record, data, size);
	admission.topic = topic_get(hub, 0);
	hub_join(hub, &admission, NULL, &listeners[0]);
	admission = (struct admission){.spelling = &own, .session = session};
	hub_join(hub, &admission, NULL, &listeners[1]);
	hub_answered(hub, listeners[1].number, GUARD_OK);
	if (size >= sizeof(*record) && record_well_formed(record, size) &&
		feed_record(hub, record) != ST_OK)
		hub_close_all(hub, CLOSE_GOING_AWAY, "halted");
	drain(hub);
	hub_time(hub, 20 * SECOND_US, 20 * SECOND_US);
	hub_tick(hub);
	for (i = 0; i < N_ELEMENTS(listeners); i++)
		hub_leave(&listeners[i]);
	free(record);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hub *hub; /* one for all: everybody leaves it again */

	if (size < 1)
		return 0;
	if (!hub)
		hub = make_hub();
	hub_time(hub, SECOND_US, SECOND_US);
	if (data[0] & 1)
		try_record(hub, data + 1, size - 1);
	else
		try_request(hub, data + 1, size - 1);
	assert(hub_connections(hub) == 0);
	return 0;
}
