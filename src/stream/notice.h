/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * notice.h - what other programs announce to a user, by way of Redis.
 *
 * On the channel NOTICE_CHANNEL, one JSON object each:
 *
 *	{"id": 93, "user": 17, "kind": "risk_alert", "level": "warning",
 *	 "message": "…", "symbol": "BTC/USD" or null, "at_us": 1763787600000000,
 *	 "data": {…} or null}
 *
 * A notice is lost to whoever is not there to hear it, so whatever it is about
 * must be found in the database, too.  One that is published twice has the same
 * id, and is told once.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/status.h"

#define NOTICE_CHANNEL "quantora:notices"

struct notice {
	uint64_t id; /* 0: it has none */
	uint32_t user;
	const char *kind; /* "risk_alert", "price_alert", … */
	const char *level; /* or NULL */
	const char *message;
	const char *symbol; /* or NULL */
	int64_t at_us;
	const json_t *data; /* or NULL */
};

/* ST_MALFORMED, ST_INVALID: it is none.  What OUT points to is in the arena. */
enum status notice_read(struct ctx *ctx, const char *text, size_t length,
	struct notice *out) MUST_USE;
