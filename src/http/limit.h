/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * limit.h - how often a user may ask, over all workers of all pools.
 *
 * A rule has up to three windows: a long one, which is what the X-RateLimit
 * headers speak of, a short one against bursts, and maybe one of its own for a
 * class of routes.  A window begins with the user's first request and ends its
 * length later; the request that would be one too many is refused, exactly,
 * and refused requests are not counted.
 *
 * The counters are in a file that all workers map.  A bucket of users has a
 * robust mutex, so a worker that dies inside is only forgotten.  The file
 * means nothing between runs: the first process to open it makes it anew.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "base/status.h"

#define LIMIT_WINDOWS 3

struct limit_window {
	int64_t length_us; /* 0: there is no such window */
	enum conf_key key; /* how many requests; 0 of them: no limit */
	unsigned classes; /* bits of enum rate_class it is for; 0: all */
};

struct limit_rule {
	/* Unique over all rules; editions that share one share its budget. */
	uint32_t id;
	/* The first that is for a request's class is what he is told of. */
	struct limit_window windows[LIMIT_WINDOWS];
};

struct limiter;

/* NULL, and a sentence in *REASON, which the caller frees. */
struct limiter *limiter_open(const char *path, char **reason) MUST_USE;
void limiter_free(struct limiter *limiter);

struct limit_state {
	bool limited; /* false: the rule says nothing, the rest is zero */
	int64_t limit;
	int64_t remaining;
	int64_t reset_us;       /* when the window ends, wall clock */
	int64_t retry_after_us; /* with a refusal: when to come again */
};

/*
 * Charge one request of USER, of CLASS (a rate_class), to RULE.
 * ST_RATE_LIMITED when it is one too many; OUT is filled in either case.
 */
struct limit_charge {
	const struct limit_rule *rule;
	unsigned class;
	uint32_t user;
	int64_t now_us;
};

enum status limiter_charge(struct limiter *limiter, const struct conf *conf,
	const struct limit_charge *charge, struct limit_state *out) MUST_USE;
