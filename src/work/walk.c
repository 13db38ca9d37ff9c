/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * walk.c - seeded steps, drawn back to 0.
 */
#include "work/walk.h"

/* Standard deviation of a step, and steps until 1/e of an offset is left. */
static const struct {
	int64_t step;
	int64_t home;
} drivers_of[DRIVERS] = {
	[DRIVER_NONE] = {0, 1},
	[DRIVER_BTC] = {45000, 172800}, /* a day */
	[DRIVER_ETH] = {55000, 172800},
	[DRIVER_ZAR] = {12000, 172800},
	[DRIVER_USDT] = {4000, 7200}, /* a peg returns within the hour */
	[DRIVER_MWH] = {90000, 86400},
	[DRIVER_REC] = {80000, 86400},
	[DRIVER_EUA] = {45000, 172800},
};

#define PASS_MAX_US (60 * INT64_C(1000000))

void
walk_init(struct walk *walk, uint64_t seed)
{
	*walk = (struct walk){.state = seed};
}

/* SplitMix64 (Steele, Lea, Flood: Fast splittable generators, 2014). */
static uint64_t
next(struct walk *walk)
{
	uint64_t z = walk->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

uint64_t
walk_random(struct walk *walk, uint64_t bound)
{
	return (uint64_t)((unsigned __int128)next(walk) * bound >> 64);
}

/*
 * About normal, in thousandths of the standard deviation: the sum of four
 * even 16-bit numbers deviates by 65536 × sqrt(4 / 12) = 37837.
 */
static int64_t
noise(struct walk *walk)
{
	uint64_t bits = next(walk);
	int64_t sum = (int64_t)(bits & 0xffff) +
		(int64_t)(bits >> 16 & 0xffff) +
		(int64_t)(bits >> 32 & 0xffff) + (int64_t)(bits >> 48);

	return (sum - 2 * 65535) * 1000 / 37837;
}

static int64_t
within(int64_t value, int64_t most)
{
	return value > most ? most : value < -most ? -most : value;
}

void
walk_pass(struct walk *walk, int64_t elapsed_us)
{
	int i;

	if (elapsed_us < 0)
		elapsed_us = 0;
	if (elapsed_us > PASS_MAX_US)
		elapsed_us = PASS_MAX_US;
	walk->rest_us += elapsed_us;
	for (; walk->rest_us >= WALK_STEP_US; walk->rest_us -= WALK_STEP_US)
		for (i = DRIVER_NONE + 1; i < DRIVERS; i++) {
			int64_t *offset = &walk->offset[i];

			*offset += drivers_of[i].step * noise(walk) / 1000 -
				*offset / drivers_of[i].home;
			*offset = within(*offset, WALK_FAR);
		}
}

int64_t
walk_price(const struct walk *walk, const struct drivers *drivers,
	int64_t reference)
{
	__int128 price = reference;

	price = price * (WALK_ONE + walk->offset[drivers->up[0]]) / WALK_ONE;
	price = price * (WALK_ONE + walk->offset[drivers->up[1]]) / WALK_ONE;
	price = price * WALK_ONE / (WALK_ONE + walk->offset[drivers->down]);
	return (int64_t)price;
}

void
walk_resume(struct walk *walk, enum driver driver, int64_t reference,
	int64_t price)
{
	__int128 offset;

	if (driver == DRIVER_NONE || reference <= 0 || price <= 0)
		return;
	offset = ((__int128)price - reference) * WALK_ONE / reference;
	walk->offset[driver] = offset > WALK_FAR ? WALK_FAR
		: offset < -WALK_FAR                 ? -WALK_FAR
						     : (int64_t)offset;
}
