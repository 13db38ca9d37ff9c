/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * pockets.h - what the robots of the demo market own.
 *
 * Nobody is asked: the matcher's answers carry each balance as it is after
 * them, so a pocket is known from the first answer that changes it.  Only
 * when a pocket was found empty, and what is known of it agrees, is it worth
 * a deposit.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/event.h"
#include "wire/message.h"
#include "work/demo.h"

#define PER_MILLION INT64_C(1000000)

struct pocket {
	struct balance balance;
	bool known; /* BALANCE is that of the last answer */
	bool empty; /* a command was refused for it */
};

struct pockets {
	uint32_t users[DEMO_ROBOTS]; /* the robots' numbers */
	struct pocket of[DEMO_ROBOTS][ASSETS_MAX];
	char codes[ASSETS_MAX][ASSET_CODE_MAX];
	struct {
		uint16_t base, quote;
		bool known;
	} pairs[INSTRUMENTS_MAX];
};

/* Learn which assets an instrument is about. */
void pockets_instrument(struct pockets *pockets,
	const struct instrument_terms *terms);

/* Whatever was known of the balances may be wrong by now. */
void pockets_forget(struct pockets *pockets);

void pockets_event(struct pockets *pockets, const struct message *event);

/*
 * How far ROBOT's store of ASSET is from what it began with, from -10^6
 * (nothing is left) to 10^6 (twice as much, or more); 0 when it is not known.
 */
int64_t pockets_lean(const struct pockets *pockets, unsigned robot,
	uint16_t asset);

/* An order of ROBOT on SIDE of INSTRUMENT could not be paid. */
void pockets_short(struct pockets *pockets, unsigned robot,
	uint16_t instrument, enum side side);

/* One that needs a deposit, once; false when none does. */
bool pockets_find_empty(struct pockets *pockets, unsigned *robot,
	uint16_t *asset);
