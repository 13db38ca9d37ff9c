/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - the QuantEnergX document: its sections.
 */
#pragma once

#include "http/route.h"

extern const struct route quantenergx_alerts[];
extern const struct route quantenergx_auth[];
extern const struct route quantenergx_market[];
extern const struct route quantenergx_orders[];
extern const struct route quantenergx_positions[];
extern const struct route quantenergx_security[];
