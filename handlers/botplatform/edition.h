/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - the Trading Bot Platform's document: its sections.
 */
#pragma once

#include "http/route.h"

extern const struct route botplatform_auth[];
extern const struct route botplatform_health[];
extern const struct route botplatform_market[];
extern const struct route botplatform_orders[];
extern const struct route botplatform_risk[];
extern const struct route botplatform_users[];
