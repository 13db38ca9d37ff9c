/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * editions.h - the five documents, and the list of them.
 */
#pragma once

#include "http/edition.h"
#include "http/limit.h"

extern const struct edition quantora;
extern const struct edition interfaces;
extern const struct edition amarktai;
extern const struct edition quantenergx;
extern const struct edition botplatform;

extern const struct edition_list editions;

/*
 * Every budget has a number of its own here.  Order entry on the house's book
 * is one budget over all editions.
 */
enum limit_id {
	LIMIT_ID_TRADE = 1,
	LIMIT_ID_QUANTORA = 2,
	LIMIT_ID_INTERFACES = 3,
	LIMIT_ID_AMARKTAI = 4,
	LIMIT_ID_QUANTENERGX = 5,
	LIMIT_ID_BOTPLATFORM = 6
};

extern const struct limit_rule trade_limit;
