/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_notices.c - hearing what other programs announce, by way of Redis.
 *
 * Without Redis the streams go on, and only notices are missing; it is tried
 * again after pauses that grow to ten seconds.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "daemons/streamd.h"

#define PAUSE_MIN_MS 200
#define PAUSE_MAX_MS 10000

static void connect_pipe(struct notices *notices);

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
on_retry(uv_timer_t *timer)
{
	connect_pipe(timer->data);
}

static void
disconnect(struct notices *notices)
{
	if (notices->pipe)
		uv_close((uv_handle_t *)notices->pipe, on_closed);
	notices->pipe = NULL;
}

static void
try_later(struct notices *notices)
{
	/* Said once, however long it takes. */
	if (!notices->away)
		log_warn("redis is away: no notices path=%s", notices->path);
	notices->away = true;
	disconnect(notices);
	uv_timer_start(&notices->retry, on_retry, notices->pause_ms, 0);
	notices->pause_ms *= 2;
	if (notices->pause_ms > PAUSE_MAX_MS)
		notices->pause_ms = PAUSE_MAX_MS;
}

/* One notice. */
static void
on_heard(void *arg, const char *text, size_t length)
{
	struct streamd *streamd = arg;
	struct ctx ctx = {.arena = streamd->arena, .now_us = clock_wall_us()};
	struct notice notice;

	arena_reset(streamd->arena);
	if (notice_read(&ctx, text, length, &notice) == ST_OK)
		hub_notice(streamd->hub, &notice);
	else
		log_error("what came as a notice is none: %s",
			ctx.fault.reason ? ctx.fault.reason : "?");
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct notices *notices = handle->data;

	(void)suggested;
	*out = uv_buf_init(notices->in, sizeof(notices->in));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct notices *notices = stream->data;

	if (n == 0)
		return;
	streamd_time(notices->streamd);
	if (n < 0 || subscription_feed(notices->subscription, bytes->base,
			     (size_t)n) != ST_OK) {
		try_later(notices);
		return;
	}
	/* It has answered. */
	if (notices->away)
		log_info("redis is back: notices are heard");
	notices->away = false;
	notices->pause_ms = PAUSE_MIN_MS;
}

static void
on_written(uv_write_t *write, int status)
{
	/* A failed one shows as the end of what is read, too. */
	(void)status;
	free(write);
}

static void
on_connected(uv_connect_t *request, int status)
{
	struct notices *notices = request->data;
	uv_write_t *write;
	uv_buf_t bytes;
	size_t length;

	free(request);
	if (status == UV_ECANCELED)
		return;
	if (status != 0 || uv_read_start((uv_stream_t *)notices->pipe, on_room,
				   on_read) != 0) {
		try_later(notices);
		return;
	}
	write = malloc(sizeof(*write));
	if (!write)
		abort();
	bytes.base = (char *)(uintptr_t)subscription_request(
		notices->subscription, &length);
	bytes.len = length;
	if (uv_write(write, (uv_stream_t *)notices->pipe, &bytes, 1,
		    on_written) == 0)
		return;
	free(write);
	try_later(notices);
}

static void
connect_pipe(struct notices *notices)
{
	uv_connect_t *request = malloc(sizeof(*request));

	notices->pipe = malloc(sizeof(*notices->pipe));
	if (!request || !notices->pipe ||
		uv_pipe_init(&notices->streamd->loop, notices->pipe, 0) != 0)
		abort();
	notices->pipe->data = notices;
	request->data = notices;
	uv_pipe_connect(request, notices->pipe, notices->path, on_connected);
}

void
notices_open(struct streamd *streamd)
{
	struct notices *notices = &streamd->notices;

	notices->streamd = streamd;
	notices->path = conf_text(streamd->conf, CONF_REDIS_SOCKET);
	notices->pause_ms = PAUSE_MIN_MS;
	notices->subscription =
		subscription_new(NOTICE_CHANNEL, on_heard, streamd);
	uv_timer_init(&streamd->loop, &notices->retry);
	notices->retry.data = notices;
	connect_pipe(notices);
}

void
notices_close(struct streamd *streamd)
{
	struct notices *notices = &streamd->notices;

	if (!notices->streamd)
		return;
	disconnect(notices);
	uv_close((uv_handle_t *)&notices->retry, NULL);
}

void
notices_free(struct streamd *streamd)
{
	subscription_free(streamd->notices.subscription);
}
