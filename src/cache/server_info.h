/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * server_info.h - what Redis says of itself.
 *
 * A connection of its own for each question, with a short time-out: whoever
 * asks wants to know whether it answers now, and must not be kept.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"

struct cache_server_info {
	int64_t ping_us;
	int32_t pid;
	int64_t uptime_s;
	uint64_t memory_bytes;
	uint64_t rss_bytes;
	uint64_t cpu_us;
	uint64_t clients;
	uint64_t keys; /* of all databases */
	uint64_t hits;
	uint64_t misses;
	uint64_t commands;
	uint64_t evicted;
};

/*
 * PING, then INFO, at the Unix socket PATH.  ST_UNAVAILABLE when it does not
 * answer within TIMEOUT_US a step.
 */
enum status cache_server_info(const char *path, int64_t timeout_us,
	struct cache_server_info *out) MUST_USE;

/* The same out of the text of INFO: lines "name:value".  For tests. */
void cache_server_info_parse(const char *text, struct cache_server_info *out);
