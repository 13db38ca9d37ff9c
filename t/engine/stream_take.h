/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream_take.h - a stream of orders that trade: a few users in three markets
 * at a few prices, where all that is out of the ordinary about a maker or a
 * market comes up often: pairs, stops that have fired, amendments, users with
 * limits, one's own orders, fees and ticks that change.
 *
 * The markets lie all over the numbers of instruments and assets.
 */
#pragma once

#include "stream.h"

#define TAKE_USERS 8
#define TAKE_MARKETS 3
#define TAKE_LIVE 64

/* ENGINE is the caller's, and only looked at. */
struct take {
	const struct engine *engine;
	struct dice dice;
	int64_t now;
	uint16_t markets[TAKE_MARKETS];
	bool rich; /* amounts near the end of an int64 */
	struct seen live[TAKE_LIVE];
	size_t n_live;
};

void take_init(struct take *s, const struct engine *engine, uint64_t seed);
/* The N-th command of those that make markets, users and money; false: that
 * is all. */
bool take_set_up(const struct take *s, unsigned n, union stream_command *out);
void take_next(struct take *s, union stream_command *out);
/* What became of it. */
void take_saw(struct take *s, const struct record *record);
