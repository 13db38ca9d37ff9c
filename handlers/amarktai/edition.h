/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - the Amarktai Network document: its sections.
 */
#pragma once

#include "http/route.h"

extern const struct route amarktai_auth[];
extern const struct route amarktai_account[];
extern const struct route amarktai_system[];
