/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tape.c - a bucket of messages that fills with time.
 *
 * The bucket is kept as the time at which it would be full: each message moves
 * that on by what it costs, and there is none left when it is a whole bucket
 * ahead of now.
 */
#include "stream/tape.h"

#include "stream/hub_state.h"
#include "stream/topic.h"

static bool
has_followers(const struct topic *topic)
{
	const struct hub *hub = topic->hub;
	size_t i;

	for (i = 0; i < hub->n_spellings; i++)
		if (hub->settings.spellings[i]->tick &&
			!node_alone(&topic->channels[i].live))
			return true;
	return false;
}

static void
tell(struct topic *topic)
{
	struct hub *hub = topic->hub;
	const struct market_tick tick = {.terms = &topic->shown.terms,
		.price = topic->tape.price,
		.volume = topic->tape.volume,
		.time_us = topic->tape.time_us};
	struct parcel *parcel;
	struct reply reply;
	size_t i;

	for (i = 0; i < hub->n_spellings; i++) {
		const struct spelling *spelling = hub->settings.spellings[i];

		if (!spelling->tick || node_alone(&topic->channels[i].live))
			continue;
		if (!spelling->tick(hub_pen(hub, spelling, &reply), &tick))
			continue;
		parcel = hub_wrap(hub, &reply);
		channel_post(&topic->channels[i], parcel);
		parcel_release(parcel);
	}
	topic->tape.volume = 0;
}

int64_t
tape_due_us(const struct topic *topic)
{
	if (topic->tape.volume == 0)
		return INT64_MAX;
	return topic->tape.spent_us - (TAPE_BURST - 1) * TAPE_EVERY_US;
}

void
tape_show(struct topic *topic)
{
	struct tape *tape = &topic->tape;
	int64_t now_us = topic->hub->now_us;

	if (tape->volume == 0 || tape_due_us(topic) > now_us)
		return;
	if (tape->spent_us < now_us)
		tape->spent_us = now_us;
	tape->spent_us += TAPE_EVERY_US;
	tell(topic);
}

void
tape_trade(struct topic *topic, const struct ev_trade *trade, int64_t time_us)
{
	struct tape *tape = &topic->tape;

	if (!has_followers(topic)) {
		tape->volume = 0;
		return;
	}
	if (__builtin_add_overflow(tape->volume, trade->quantity,
		    &tape->volume))
		tape->volume = INT64_MAX;
	tape->price = trade->price;
	tape->time_us = time_us;
	tape_show(topic);
}
