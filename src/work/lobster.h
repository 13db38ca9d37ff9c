/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lobster.h - real order flow, as the LOBSTER project publishes it.
 *
 * A message file has a line an event of one instrument's book:
 *
 *	seconds after midnight, type, order id, size, price × 10^4, direction
 *
 * where direction is the side of the resting order: 1 buy, -1 sell.  No
 * binary float is involved: 34200.004241176 is read as it stands.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wire/order.h"

enum lobster_type {
	LOBSTER_NEW = 1,     /* a limit order comes to rest */
	LOBSTER_PARTIAL = 2, /* SIZE of it is cancelled */
	LOBSTER_DELETE = 3,  /* all that was left of it is */
	LOBSTER_EXECUTE = 4, /* SIZE of it trades */
	LOBSTER_HIDDEN = 5,  /* an order that was never shown trades */
	LOBSTER_CROSS = 6,   /* an auction */
	LOBSTER_HALT = 7
};

struct lobster_message {
	int64_t time_ns; /* after midnight */
	uint64_t order;
	int64_t size;
	int64_t price; /* × 10^4 */
	uint8_t type;  /* enum lobster_type */
	uint8_t side;  /* enum side, of the resting order */
};

/* One line, without its end.  ST_MALFORMED. */
enum status lobster_parse(const char *line, size_t length,
	struct lobster_message *out) MUST_USE;

/*
 * All of the file PATH; one that ends in ".gz" is read through gzip.  The
 * caller frees *OUT.  On failure *REASON is one sentence, also to be freed.
 */
enum status lobster_read(const char *path, struct lobster_message **out,
	size_t *n, char **reason) MUST_USE;
