/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * server_info.c - PING and INFO.
 */
#include "cache/server_info.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/decimal.h"

/* ---- The text of INFO ---------------------------------------------------- */

/* The value of NAME ("used_memory"), or NULL; it ends with the line. */
static const char *
value_of(const char *text, const char *name)
{
	size_t length = strlen(name);
	const char *line = text;

	while (line) {
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			return line + length + 1;
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return NULL;
}

static uint64_t
number_of(const char *text, const char *name)
{
	const char *value = value_of(text, name);

	return value ? strtoull(value, NULL, 10) : 0;
}

/* Seconds with a fraction, in microseconds. */
static uint64_t
seconds_of(const char *text, const char *name)
{
	const char *value = value_of(text, name);
	struct decimal seconds;

	if (!value || decimal_parse_n(value, strspn(value, "0123456789."),
			      &seconds) != ST_OK)
		return 0;
	return (uint64_t)seconds.units / 100;
}

/* "db0:keys=3,expires=0,avg_ttl=0", a line a database. */
static uint64_t
keys_of(const char *text)
{
	const char *line = text;
	uint64_t keys = 0;

	while (line) {
		if (strncmp(line, "db", 2) == 0) {
			const char *at = line + 2;

			at += strspn(at, "0123456789");
			if (strncmp(at, ":keys=", 6) == 0)
				keys += strtoull(at + 6, NULL, 10);
		}
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return keys;
}

void
cache_server_info_parse(const char *text, struct cache_server_info *out)
{
	out->pid = (int32_t)number_of(text, "process_id");
	out->uptime_s = (int64_t)number_of(text, "uptime_in_seconds");
	out->memory_bytes = number_of(text, "used_memory");
	out->rss_bytes = number_of(text, "used_memory_rss");
	out->cpu_us = seconds_of(text, "used_cpu_sys") +
		      seconds_of(text, "used_cpu_user");
	out->clients = number_of(text, "connected_clients");
	out->keys = keys_of(text);
	out->hits = number_of(text, "keyspace_hits");
	out->misses = number_of(text, "keyspace_misses");
	out->commands = number_of(text, "total_commands_processed");
	out->evicted = number_of(text, "evicted_keys");
}

/* ---- Asking --------------------------------------------------------------- */

static enum status
ask(redisContext *redis, struct cache_server_info *out)
{
	struct cache_server_info info = {.pid = 0};
	int64_t began_us = clock_monotonic_us();
	redisReply *reply = redisCommand(redis, "PING");
	bool good = reply && reply->type == REDIS_REPLY_STATUS;

	info.ping_us = clock_monotonic_us() - began_us;
	freeReplyObject(reply);
	if (!good)
		return ST_UNAVAILABLE;
	reply = redisCommand(redis, "INFO");
	good = reply && reply->type == REDIS_REPLY_STRING;
	if (good)
		cache_server_info_parse(reply->str, &info);
	freeReplyObject(reply);
	if (!good)
		return ST_UNAVAILABLE;
	*out = info;
	return ST_OK;
}

enum status
cache_server_info(const char *path, int64_t timeout_us,
	struct cache_server_info *out)
{
	struct timeval timeout = {.tv_sec = timeout_us / US_PER_SECOND,
		.tv_usec = timeout_us % US_PER_SECOND};
	redisContext *redis = redisConnectUnixWithTimeout(path, timeout);
	enum status status = ST_UNAVAILABLE;

	if (redis && redis->err == 0 &&
		redisSetTimeout(redis, timeout) == REDIS_OK)
		status = ask(redis, out);
	redisFree(redis);
	return status;
}
