/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * demo.h - who trades in the demo market, and with how much.
 *
 * One maker, who keeps all the books, and a few takers; robots all of them
 * (domain/robot.h).  "quantoractl demo setup" makes them and gives each its
 * means; workerd lets them trade.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "work/walk.h"

#define DEMO_MAKER 0
#define DEMO_ROBOTS 4
/* The maker is the last to be made: when he is there, all are. */
extern const char *const demo_robots[DEMO_ROBOTS];

/* The source of the deposits that they live on, and of those made later. */
#define DEMO_SOURCE_FIRST "demo-first"
#define DEMO_SOURCE_MORE "demo"

/* What robot ROBOT begins with of the asset CODE; 0 of one it does not need. */
int64_t demo_means(unsigned robot, const char *code);

/* How an instrument of the house is quoted. */
struct demo_plan {
	const char *symbol;
	struct drivers drivers;
	uint32_t half; /* of the spread, parts of 10^6 of the reference price */
	uint32_t step; /* between rungs of the ladder, the same */
	int64_t size;  /* of the first rung, in the base asset */
	unsigned busy; /* share of the takers' attention */
};

extern const struct demo_plan demo_plans[];
extern const size_t demo_plans_n;
