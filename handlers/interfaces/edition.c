/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.c - how the "API Interfaces" document spells.
 */
#include "handlers/interfaces/edition.h"

#include "base/clock.h"
#include "handlers/editions.h"

static const struct limit_rule limit = {
	.id = LIMIT_ID_INTERFACES,
	.windows = {{US_PER_MINUTE, CONF_RATE_INTERFACES_MINUTE, 0},
		{US_PER_SECOND, CONF_RATE_INTERFACES_SECOND, 0}},
};

const struct edition interfaces = {
	.name = "interfaces",
	.numbers = NUMBERS_JSON,
	.render_error = render_error_object,
	.limits = {[RATE_READ] = &limit,
		[RATE_TRADE] = &trade_limit,
		[RATE_REALTIME] = &limit},
	.routes = (const struct route *const[]){interfaces_auth,
		interfaces_risk,
		interfaces_market,
		interfaces_monitoring,
		interfaces_orders, interfaces_order_safety,
		interfaces_positions,
		interfaces_strategies, NULL},
};
