/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.c - how the QuantEnergX document spells.
 */
#include "handlers/quantenergx/edition.h"

#include "base/clock.h"
#include "handlers/editions.h"

/* Its market and device-data routes have a budget of their own besides. */
static const struct limit_rule limit = {
	.id = LIMIT_ID_QUANTENERGX,
	.windows = {{US_PER_MINUTE, CONF_RATE_QUANTENERGX_REALTIME,
			    1u << RATE_REALTIME},
		{US_PER_HOUR, CONF_RATE_QUANTENERGX_HOUR, 0},
		{10 * US_PER_SECOND, CONF_RATE_QUANTENERGX_TEN_SECONDS, 0}},
};

const struct edition quantenergx = {
	.name = "quantenergx",
	.numbers = NUMBERS_JSON,
	.render_error = render_error_object,
	.limits = {[RATE_READ] = &limit,
		[RATE_TRADE] = &trade_limit,
		[RATE_REALTIME] = &limit},
	.routes = (const struct route *const[]){quantenergx_auth,
		quantenergx_alerts,
		quantenergx_market,
		quantenergx_orders,
		quantenergx_positions,
		quantenergx_security, NULL},
};
