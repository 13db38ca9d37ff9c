/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * editions.c - all documents that are served.
 */
#include "handlers/editions.h"

#include "base/clock.h"

const struct limit_rule trade_limit = {
	.id = LIMIT_ID_TRADE,
	.windows = {{US_PER_SECOND, CONF_RATE_TRADE_SECOND, 0}},
};

static const struct edition *const all[] = {
	&quantora,
	&interfaces,
	&amarktai,
	&quantenergx,
	&botplatform,
	NULL,
};

/* Who speaks about a path that no document has. */
static const struct edition_prefix prefixes[] = {
	{"/api/v1", NULL},
	{"/v1", &quantenergx},
	{"/api", &amarktai},
	{"", &quantora},
};

const struct edition_list editions = {
	.editions = all,
	.prefixes = prefixes,
	.by_default = &botplatform,
};
