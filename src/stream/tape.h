/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tape.h - the trades of one market in short: last price and volume.
 *
 * Each trade is a message of its own as long as there are few: a burst of
 * TAPE_BURST, and one more for each TAPE_EVERY_US.  Beyond that they are
 * merged, so that a busy market costs its followers a bounded number of
 * messages and no volume gets lost.
 */
#pragma once

#include <stdint.h>

#include "wire/event.h"

#define TAPE_BURST 10
#define TAPE_EVERY_US INT64_C(50000)

struct topic;

struct tape {
	int64_t volume; /* not told yet; 0: nothing is */
	int64_t price;
	int64_t time_us;
	/* By the hub's clock: before then one message less may be sent. */
	int64_t spent_us;
};

void tape_trade(struct topic *topic, const struct ev_trade *trade,
	int64_t time_us);
/* Tell what waits, if it may be told by now. */
void tape_show(struct topic *topic);
/* When that is; INT64_MAX: nothing waits. */
int64_t tape_due_us(const struct topic *topic);
