/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * demo.c - the cast of the demo market.
 */
#include "work/demo.h"

#include <string.h>

#include "base/decimal.h"
#include "domain/robot.h"

const char *const demo_robots[DEMO_ROBOTS] = {
	[DEMO_MAKER] = ROBOT_PREFIX "demo-maker",
	ROBOT_PREFIX "demo-taker-1",
	ROBOT_PREFIX "demo-taker-2",
	ROBOT_PREFIX "demo-taker-3",
};

/* The maker's, in whole units; a taker has a quarter. */
static const struct {
	const char *code;
	int64_t units;
} means[] = {
	{"USD", 20000000},
	{"EUR", 5000000},
	{"ZAR", 300000000},
	{"USDT", 10000000},
	{"BTC", 200},
	{"ETH", 4000},
	{"MWH", 60000},
	{"REC", 600000},
	{"EUA", 60000},
};

int64_t
demo_means(unsigned robot, const char *code)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(means); i++)
		if (strcmp(means[i].code, code) == 0)
			return means[i].units * DECIMAL_ONE /
				(robot == DEMO_MAKER ? 1 : 4);
	return 0;
}

#define MILLI (DECIMAL_ONE / 1000)

/* clang-format off */
const struct demo_plan demo_plans[] = {
	{"BTC/USD", {{DRIVER_BTC}, DRIVER_NONE}, 60, 100, 120 * MILLI, 8},
	{"ETH/USD", {{DRIVER_ETH}, DRIVER_NONE}, 80, 120, 1800 * MILLI, 6},
	{"BTC/USDT", {{DRIVER_BTC}, DRIVER_USDT}, 70, 100, 80 * MILLI, 5},
	{"ETH/USDT", {{DRIVER_ETH}, DRIVER_USDT}, 90, 120, 1200 * MILLI, 4},
	{"BTC/ZAR", {{DRIVER_BTC, DRIVER_ZAR}, DRIVER_NONE}, 120, 150, 50 * MILLI, 4},
	{"ETH/ZAR", {{DRIVER_ETH, DRIVER_ZAR}, DRIVER_NONE}, 150, 180, 800 * MILLI, 3},
	{"USDT/ZAR", {{DRIVER_USDT, DRIVER_ZAR}, DRIVER_NONE}, 300, 556, 2500000 * MILLI, 3},
	{"MWH/USD", {{DRIVER_MWH}, DRIVER_NONE}, 350, 500, 30000 * MILLI, 3},
	{"REC/USD", {{DRIVER_REC}, DRIVER_NONE}, 900, 2000, 300000 * MILLI, 2},
	{"EUA/EUR", {{DRIVER_EUA}, DRIVER_NONE}, 300, 430, 25000 * MILLI, 2},
};
/* clang-format on */
const size_t demo_plans_n = N_ELEMENTS(demo_plans);
