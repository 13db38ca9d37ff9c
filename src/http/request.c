/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * request.c - requests from FastCGI, and replies back.
 */
#include "http/request.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/dispatch.h"
#include "http/responder.h"
#include "http/incoming.h"

#define BACKLOG 511

/* One connection; false when there can be no more. */
static bool
serve_one(const struct server *server, struct responder *responder,
	struct arena *arena,
	void (*done)(const struct outgoing *out, int64_t took_us))
{
	struct incoming in;
	struct outgoing out;
	int64_t began_us;
	enum status status = responder_accept(responder, arena, &in);

	if (status != ST_OK)
		return status != ST_UNAVAILABLE;
	began_us = clock_monotonic_us();
	dispatch(server, &in, arena, clock_wall_us(), &out);
	responder_answer(responder, arena,
		(struct responder_text){out.head, out.head_length},
		(struct responder_text){out.body, out.body_length});
	done(&out, clock_monotonic_us() - began_us);
	return true;
}

void
request_loop(const struct server *server, int listen_fd,
	const volatile int *stop,
	void (*done)(const struct outgoing *out, int64_t took_us))
{
	struct responder *responder = responder_new(listen_fd);
	struct arena *arena = arena_new();

	while (!*stop && serve_one(server, responder, arena, done))
		arena_reset(arena);
	arena_free(arena);
	responder_free(responder);
}

/* Whether somebody listens at ADDRESS already. */
static bool
is_taken(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool taken = fd >= 0 &&
		     connect(fd, (const struct sockaddr *)address,
			     sizeof(*address)) == 0;

	if (fd >= 0)
		close(fd);
	return taken;
}

int
request_listen(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (is_taken(&address)) {
		errno = EADDRINUSE;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	unlink(path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		chmod(path, 0660) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
