/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - the "API Interfaces" document: its sections.
 */
#pragma once

#include "http/route.h"

extern const struct route interfaces_auth[];
extern const struct route interfaces_market[];
extern const struct route interfaces_monitoring[];
extern const struct route interfaces_order_safety[];
extern const struct route interfaces_orders[];
extern const struct route interfaces_risk[];
extern const struct route interfaces_positions[];
extern const struct route interfaces_strategies[];
