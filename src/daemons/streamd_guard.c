/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd_guard.c - asking the core whether a session still holds.
 *
 * The other programs block for their answers; a loop with ten thousand
 * connections can't.  Questions are sent as they come, and answered in order.
 * When the matcher is away they stay open, and are all asked again once it is
 * back; the hub gives up on who has waited too long.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemons/streamd.h"
#include "wire/frame.h"

#define RETRY_MS 200

struct question {
	uv_write_t write;
	struct frame frame;
	struct guard_request body;
};

static void connect_pipe(struct guard *guard);

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

/* Whatever went wrong: begin anew, later. */
static void
disconnect(struct guard *guard)
{
	if (!guard->pipe)
		return;
	uv_close((uv_handle_t *)guard->pipe, on_closed);
	guard->pipe = NULL;
	guard->connected = false;
	guard->have = 0;
}

static void
on_retry(uv_timer_t *timer)
{
	connect_pipe(timer->data);
}

static void
try_later(struct guard *guard)
{
	disconnect(guard);
	uv_timer_start(&guard->retry, on_retry, RETRY_MS, 0);
}

static void
on_written(uv_write_t *write, int status)
{
	/* A failed one shows as the end of what is read, too. */
	(void)status;
	free(write->data);
}

void
guard_ask(void *arg, uint64_t number, const struct guard_request *question)
{
	struct guard *guard = arg;
	struct question *asked;
	uv_buf_t bytes;

	if (!guard->connected) {
		if (!guard->pipe && !uv_is_active((uv_handle_t *)&guard->retry))
			connect_pipe(guard);
		return; /* asked with all others once there is a connection */
	}
	asked = malloc(sizeof(*asked));
	if (!asked)
		abort();
	asked->frame = (struct frame){
		.length = sizeof(asked->frame) + sizeof(asked->body),
		.type = FRAME_GUARD,
		.tag = number};
	asked->body = *question;
	asked->write.data = asked;
	bytes = uv_buf_init((char *)&asked->frame, asked->frame.length);
	_Static_assert(offsetof(struct question, body) ==
				offsetof(struct question, frame) +
					sizeof(struct frame),
		"sent as one");
	if (uv_write(&asked->write, (uv_stream_t *)guard->pipe, &bytes, 1,
		    on_written) != 0)
		free(asked);
}

/* ---- Answers ----------------------------------------------------------- */

/* Take the whole frames off the input; false when it makes no sense. */
static bool
take_answers(struct guard *guard)
{
	size_t at = 0;

	while (guard->have - at >= sizeof(struct frame)) {
		const struct frame *frame =
			(const void *)(guard->in + at);
		const struct guard_answer *answer = (const void *)(frame + 1);

		if (frame->type != FRAME_GUARDED ||
			frame->length != sizeof(*frame) + sizeof(*answer))
			return false;
		if (guard->have - at < frame->length)
			break;
		hub_answered(guard->hub, frame->tag, answer->verdict);
		at += frame->length;
	}
	memmove(guard->in, guard->in + at, guard->have - at);
	guard->have -= at;
	return true;
}

static void
on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct guard *guard = handle->data;

	(void)suggested;
	*out = uv_buf_init(guard->in + guard->have,
		(unsigned)(sizeof(guard->in) - guard->have));
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *bytes)
{
	struct guard *guard = stream->data;

	(void)bytes;
	if (n == 0)
		return;
	if (n > 0) {
		guard->have += (size_t)n;
		if (take_answers(guard))
			return;
		log_error("the matcher's answer about a session is not one");
	}
	try_later(guard);
}

static void
on_connected(uv_connect_t *request, int status)
{
	struct guard *guard = request->data;

	/* Closed meanwhile: another attempt is under way, or none is wanted. */
	if (status == UV_ECANCELED) {
		free(request);
		return;
	}
	free(request);
	if (status != 0 || uv_read_start((uv_stream_t *)guard->pipe, on_room,
				   on_read) != 0) {
		try_later(guard);
		return;
	}
	guard->connected = true;
	hub_ask_again(guard->hub);
}

static void
connect_pipe(struct guard *guard)
{
	uv_connect_t *request = malloc(sizeof(*request));

	assert(!guard->pipe);
	guard->pipe = malloc(sizeof(*guard->pipe));
	if (!request || !guard->pipe ||
		uv_pipe_init(guard->loop, guard->pipe, 0) != 0)
		abort();
	guard->pipe->data = guard;
	request->data = guard;
	uv_pipe_connect(request, guard->pipe, guard->path, on_connected);
}

void
guard_open(struct guard *guard, uv_loop_t *loop, struct hub *hub,
	const char *path)
{
	guard->loop = loop;
	guard->hub = hub;
	guard->path = path;
	uv_timer_init(loop, &guard->retry);
	guard->retry.data = guard;
}

void
guard_close(struct guard *guard)
{
	disconnect(guard);
	if (guard->loop)
		uv_close((uv_handle_t *)&guard->retry, NULL);
}
