/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * request.c - requests from FastCGI, and replies back.
 */
#include "http/request.h"

#include <errno.h>
#include <fcgiapp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/dispatch.h"
#include "http/incoming.h"

/* The reader of an incoming body. */
static size_t
read_body(void *source, char *buf, size_t n)
{
	int got = FCGX_GetStr(buf, (int)n, source);

	return got > 0 ? (size_t)got : 0;
}

/*
 * libfcgi waits after each reply until nginx has closed its end, lest what it
 * still sends be reset; that is a switch of context for each request.  Here
 * nothing is still sent: what a row did not want is read by drain().
 */
static void
wait_for_nobody(void)
{
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 0);
}

/* Take what is left of the body, so that nginx can send all of it. */
static void
drain(FCGX_Request *request)
{
	char rest[4096];

	while (FCGX_GetStr(rest, sizeof(rest), request->in) ==
		(int)sizeof(rest))
		;
}

/* For the monitor, which may read it at any time. */
static void
set_busy(const struct server *server, int32_t busy)
{
	if (server->busy)
		atomic_store_explicit(
			server->busy, busy, memory_order_relaxed);
}

static void
answer(FCGX_Request *request, const struct outgoing *out)
{
	drain(request);
	/* A client that has gone is no failure of ours; the log says enough. */
	FCGX_PutStr(out->head, (int)out->head_length, request->out);
	if (out->body_length > 0)
		FCGX_PutStr(out->body, (int)out->body_length, request->out);
	FCGX_Finish_r(request);
}

void
request_stop(void)
{
	FCGX_ShutdownPending();
}

void
request_loop(const struct server *server, int listen_fd,
	const volatile int *stop,
	void (*done)(const struct outgoing *out, int64_t took_us))
{
	struct arena *arena = arena_new();
	FCGX_Request request;

	wait_for_nobody();
	FCGX_Init();
	FCGX_InitRequest(&request, listen_fd, FCGI_FAIL_ACCEPT_ON_INTR);
	while (!*stop) {
		struct incoming in;
		struct outgoing out;
		int64_t began_us;

		if (FCGX_Accept_r(&request) < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		began_us = clock_monotonic_us();
		set_busy(server, 1);
		incoming_read(request.envp, &in);
		in.read_body = read_body;
		in.source = request.in;
		dispatch(server, &in, arena, clock_wall_us(), &out);
		answer(&request, &out);
		done(&out, clock_monotonic_us() - began_us);
		arena_reset(arena);
		set_busy(server, 0);
	}
	FCGX_Free(&request, 1);
	arena_free(arena);
}
