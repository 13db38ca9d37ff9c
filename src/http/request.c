/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * request.c - requests from FastCGI, and replies back.
 */
#include "http/request.h"

#include <errno.h>
#include <fcgiapp.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/dispatch.h"
#include "http/incoming.h"

#define YIELDS_MAX 3
/* A connection that brings nothing must not keep a worker from ending. */
#define INTERRUPTS_MAX 100
#define PATIENCE_MS 1000

/* The reader of an incoming body. */
static size_t
read_body(void *source, char *buf, size_t n)
{
	int got = FCGX_GetStr(buf, (int)n, source);

	return got > 0 ? (size_t)got : 0;
}

/*
 * Before it closes a connection libfcgi waits until nginx has closed its end,
 * lest what that still sends be reset.  Answered ones are only closed (see
 * answer()); nobody waits for one that brought no request either.
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
	/*
	 * drain() has seen the end of what nginx sends, so closing can reset
	 * nothing: one call instead of the three that shut a connection down
	 * with care.
	 */
	FCGX_Detach(request);
	FCGX_Finish_r(request);
}

/*
 * nginx connects, and writes a few microseconds later; but it is the connection
 * that wakes a worker, which often takes nginx's place on its processor, finds
 * nothing to read, and sleeps until it is woken again.  Letting nginx go on
 * costs a call and saves those switches of context.
 */
static void
let_nginx_write(int fd)
{
	struct pollfd there = {.fd = fd, .events = POLLIN};
	char first;
	int i;

	for (i = 0; i < YIELDS_MAX; i++) {
		if (recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT) >= 0)
			return;
		sched_yield();
	}
	/* Not in libfcgi's read(): a signal to stop would interrupt that one,
	 * and the request that is on its way would be lost with it. */
	for (i = 0; i < INTERRUPTS_MAX; i++)
		if (poll(&there, 1, PATIENCE_MS) >= 0 || errno != EINTR)
			return;
}

/*
 * Wait for a connection, and hand it to libfcgi as one that was kept since the
 * last request.  Its own accept asks poll() each time whether something came,
 * which its read() then waits for anyway.
 */
static bool
next_connection(FCGX_Request *request, int listen_fd)
{
	int fd;

	if (request->ipcFd >= 0)
		return true; /* it was kept indeed */
	fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0)
		return false;
	let_nginx_write(fd);
	request->ipcFd = fd;
	request->keepConnection = 1;
	return true;
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

		if (!next_connection(&request, listen_fd) ||
			FCGX_Accept_r(&request) < 0) {
			if (errno == EINTR || errno == ECONNABORTED)
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
