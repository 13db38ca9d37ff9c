/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cache.c - a connection that is given up quickly and tried again slowly.
 *
 * hiredis' time-outs are those of the socket: one for connecting, and one for
 * each read and write.  A call that connects first does three such steps, so
 * each has a fourth of the patience.
 */
#include "cache/cache.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define REASON_MAX 160

struct cache {
	redisContext *redis; /* NULL: not connected */
	int64_t again_us;    /* monotonic: not to be tried before */
	int64_t pause_us;    /* of the next failure */
	int64_t patience_us; /* of a call */
	char reason[REASON_MAX];
	char path[];
};

struct cache *
cache_new(const char *path)
{
	size_t size = strlen(path) + 1;
	struct cache *cache = calloc(1, sizeof(*cache) + size);

	if (!cache)
		abort();
	memcpy(cache->path, path, size);
	cache->pause_us = CACHE_PAUSE_MIN_US;
	cache->patience_us = CACHE_PATIENCE_US;
	return cache;
}

void
cache_set_patience(struct cache *cache, int64_t patience_us, int64_t pause_us)
{
	cache->patience_us = patience_us;
	cache->pause_us = pause_us;
}

void
cache_free(struct cache *cache)
{
	if (!cache)
		return;
	if (cache->redis)
		redisFree(cache->redis);
	free(cache);
}

const char *
cache_reason(const struct cache *cache)
{
	return cache->reason;
}

/* Drop the connection, and leave Redis alone for a while. */
static enum status
give_up(struct cache *cache, const char *why)
{
	snprintf(cache->reason, sizeof(cache->reason), "%s", why);
	if (cache->redis)
		redisFree(cache->redis);
	cache->redis = NULL;
	cache->again_us = clock_monotonic_us() + cache->pause_us;
	cache->pause_us *= 2;
	if (cache->pause_us > CACHE_PAUSE_MAX_US)
		cache->pause_us = CACHE_PAUSE_MAX_US;
	return ST_UNAVAILABLE;
}

static enum status
connect_if_due(struct cache *cache)
{
	const int64_t step_us = cache->patience_us / 4;
	const struct timeval step = {.tv_sec = step_us / US_PER_SECOND,
		.tv_usec = step_us % US_PER_SECOND};

	if (cache->redis)
		return ST_OK;
	if (clock_monotonic_us() < cache->again_us)
		return ST_UNAVAILABLE;
	cache->redis = redisConnectUnixWithTimeout(cache->path, step);
	if (!cache->redis)
		abort(); /* no memory */
	if (cache->redis->err)
		return give_up(cache, cache->redis->errstr);
	if (redisSetTimeout(cache->redis, step) != REDIS_OK)
		return give_up(cache, "its time-out cannot be set");
	return ST_OK;
}

/* Take REPLY, of which NUMBER is wanted if WANTED is its type. */
static enum status
take(struct cache *cache, redisReply *reply, int wanted, uint64_t *number)
{
	bool fits = reply && reply->type == wanted;

	if (!reply)
		return give_up(cache, cache->redis->errstr);
	if (!fits)
		/* "-OOM …", "-LOADING …": it is there, and of no use. */
		give_up(cache, reply->type == REDIS_REPLY_ERROR
				       ? reply->str
				       : "an answer of another kind");
	else if (number)
		*number = (uint64_t)reply->integer;
	freeReplyObject(reply);
	if (!fits)
		return ST_UNAVAILABLE;
	cache->pause_us = CACHE_PAUSE_MIN_US;
	return ST_OK;
}

static bool
was_closed(const redisContext *redis)
{
	return redis->err == REDIS_ERR_EOF ||
	       (redis->err == REDIS_ERR_IO &&
		       (errno == EPIPE || errno == ECONNRESET));
}

/*
 * A connection that idled may have been closed at the other end, as by a Redis
 * that was started anew.  What is asked here may be done twice, so it is tried
 * once more on a new connection before Redis counts as away.
 */
static enum status
ask(struct cache *cache, int argc, const char **argv, const size_t *lengths,
	int wanted, uint64_t *number)
{
	bool idled = cache->redis != NULL;
	redisReply *reply;

	TRY(connect_if_due(cache));
	reply = redisCommandArgv(cache->redis, argc, argv, lengths);
	if (!reply && idled && was_closed(cache->redis)) {
		redisFree(cache->redis);
		cache->redis = NULL;
		TRY(connect_if_due(cache));
		reply = redisCommandArgv(cache->redis, argc, argv, lengths);
	}
	return take(cache, reply, wanted, number);
}

enum status
cache_ping(struct cache *cache)
{
	const char *argv[] = {"PING"};
	size_t lengths[] = {4};

	return ask(cache, 1, argv, lengths, REDIS_REPLY_STATUS, NULL);
}

enum status
cache_publish(struct cache *cache, const char *channel, const char *text,
	size_t length, uint64_t *out)
{
	const char *argv[] = {"PUBLISH", channel, text};
	size_t lengths[] = {7, strlen(channel), length};

	return ask(cache, 3, argv, lengths, REDIS_REPLY_INTEGER, out);
}

enum status
cache_notice_publish(struct cache *cache, const char *text, size_t length)
{
	return cache_publish(cache, CACHE_NOTICES, text, length, NULL);
}
