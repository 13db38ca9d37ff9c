/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ticket.h - tickets are good once.
 *
 * A ticket is a token of its own kind (TOKEN_STREAM) that lives for half a
 * minute, so that what a browser has to put into an address is worth nothing
 * afterwards.  Those that were used are remembered until they have expired.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct tickets;

struct tickets *tickets_new(void);
void tickets_free(struct tickets *tickets);

/*
 * Use the ticket TEXT, which has been verified.  ST_UNAUTHENTICATED: it has
 * been used before.
 */
enum status tickets_use(struct tickets *tickets, const char *text,
	size_t length, int64_t expires_us, int64_t wall_us) MUST_USE;
