/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * notice.h - what a user is told on his streams: alerts, and what else happens
 * without his asking.
 *
 * A notice is written in the transaction of what it tells, so it is there
 * exactly if that is; a task of workerd publishes what is not yet published,
 * in order, through Redis (CACHE_NOTICES).  With Redis away nothing is lost:
 * it is published when Redis is back.  One that dies between publishing and
 * noting so publishes twice; "id" tells.
 *
 * A message is one JSON object:
 *
 *	{"id": 17, "user": 4711, "kind": "risk_alert", "level": "warning",
 *	 "message": "…", "symbol": "BTC/USD" or null, "at_us": 1766…, "data": {…}}
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "domain/alert.h"

#define NOTICE_RISK "risk_alert"
#define NOTICE_PRICE "price_alert"

#define NOTICE_MESSAGE_MAX 255 /* bytes */

struct notice_new {
	uint32_t user;
	const char *kind;
	enum alert_severity level;
	const char *message;
	const char *symbol; /* "BTC/USD", or NULL */
	const char *data;   /* JSON text, an object */
	int64_t at_us;
};

/* Write NOTICE; in the caller's transaction, or one of its own. */
enum status notice_write(struct ctx *ctx, const struct notice_new *notice) MUST_USE;

/*
 * Publish at most LIMIT that are not yet, the oldest first; how many were.
 * ST_UPSTREAM, with the reason, when Redis is away; *OUT counts those before.
 */
enum status notice_publish(struct ctx *ctx, unsigned limit,
	size_t *out) MUST_USE;

/* Forget at most LIMIT that were published before BEFORE_US. */
enum status notice_prune(struct ctx *ctx, int64_t before_us,
	unsigned limit) MUST_USE;
