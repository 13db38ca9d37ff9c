/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * walk.h - prices of the demo market: a few random walks that return home.
 *
 * Each driver (what a bitcoin is worth, what a dollar costs in rand) walks in
 * steps of half a second and is drawn back to 0, so that prices wander by a
 * few per cent for weeks and never leave their band.  An instrument's price
 * is made of its reference price and one to three drivers; BTC/USD, USDT/ZAR
 * and BTC/ZAR therefore agree with each other at all times.
 *
 * Whole numbers only, from a seed: the same seed walks the same way.
 */
#pragma once

#include <stdint.h>

enum driver {
	DRIVER_NONE,
	DRIVER_BTC,
	DRIVER_ETH,
	DRIVER_ZAR,  /* rand for a dollar */
	DRIVER_USDT, /* dollars for a tether */
	DRIVER_MWH,
	DRIVER_REC,
	DRIVER_EUA,
	DRIVERS
};

#define WALK_STEP_US INT64_C(500000)
#define WALK_ONE INT64_C(1000000000)      /* offsets are parts of 10^9 */
#define WALK_FAR (WALK_ONE / 5)           /* no driver goes further */

struct walk {
	uint64_t state; /* of the generator */
	int64_t rest_us; /* time that makes no whole step yet */
	int64_t offset[DRIVERS];
};

void walk_init(struct walk *walk, uint64_t seed);

/* A number from 0 to BOUND - 1. */
uint64_t walk_random(struct walk *walk, uint64_t bound);

/* Let ELAPSED_US pass; a minute at most counts. */
void walk_pass(struct walk *walk, int64_t elapsed_us);

/* What the drivers of an instrument make of REFERENCE. */
struct drivers {
	enum driver up[2]; /* the price rises with them */
	enum driver down;  /* and falls with it */
};
int64_t walk_price(const struct walk *walk, const struct drivers *drivers,
	int64_t reference);

/* Go on from where the market is: at PRICE, which DRIVER alone explains. */
void walk_resume(struct walk *walk, enum driver driver, int64_t reference,
	int64_t price);
