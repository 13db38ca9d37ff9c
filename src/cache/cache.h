/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cache.h - the one way to Redis.
 *
 * Redis holds nothing that cannot be made again, and nobody waits for it: one
 * call takes CACHE_PATIENCE_US at most, connecting included.  Who finds it away
 * is told so at once for a while (the pause doubles from try to try), and goes
 * on without it.
 *
 * A struct cache is one process's connection, made when it is first needed and
 * again when it broke; the process ignores SIGPIPE.  Failures are
 * ST_UNAVAILABLE, with cache_reason() for the log; OUT is written only on ST_OK.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define CACHE_PATIENCE_US INT64_C(200000)
#define CACHE_PAUSE_MIN_US INT64_C(250000)
#define CACHE_PAUSE_MAX_US INT64_C(5000000)

struct cache;

/* PATH is Redis' Unix socket; nothing is connected yet. */
struct cache *cache_new(const char *path);
void cache_free(struct cache *cache);

/* How long a call may take, and how long it is left alone after the next failure:
 * for who knows better than the constants above. */
void cache_set_patience(struct cache *cache, int64_t patience_us,
	int64_t pause_us);

/* Is it there?  Connects if it has to. */
enum status cache_ping(struct cache *cache) MUST_USE;

/* Tell who has subscribed to CHANNEL; how many that were (OUT may be NULL). */
enum status cache_publish(struct cache *cache, const char *channel,
	const char *text, size_t length, uint64_t *out) MUST_USE;

/* What users are told: one JSON object a message (domain/notice.h). */
#define CACHE_NOTICES "quantora:notices"
enum status cache_notice_publish(struct cache *cache, const char *text,
	size_t length) MUST_USE;

/* Why it was last not there; "" before any failure. */
const char *cache_reason(const struct cache *cache);
