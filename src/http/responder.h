/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * responder.h - the responder's side of FastCGI, for one request at a time;
 * private to http/.
 *
 * libfcgi ends each connection with a shutdown and a wait for nginx to close
 * first, and copies and allocates much for what is usually one read and one
 * write.  This is the part of the protocol that nginx speaks: a connection
 * carries one request, whose parameters come before its body; it is answered
 * with one writev() and closed.  FCGI_KEEP_CONN is not honoured, since a kept
 * connection would pin the worker; the web server then connects again.
 *
 * What does not follow the protocol is closed without an answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/status.h"
#include "http/incoming.h"

struct responder;

/* LISTEN_FD is kept, not owned. */
struct responder *responder_new(int listen_fd);
void responder_free(struct responder *responder);

/*
 * Wait for the next connection and read its parameters into IN, all texts in
 * ARENA.  ST_CONFLICT when a signal came first; ST_MALFORMED when the
 * connection was of no use and is closed; ST_UNAVAILABLE when accept failed.
 */
enum status responder_accept(struct responder *responder, struct arena *arena,
	struct incoming *in) MUST_USE;

/* The same on a connected socket, which is then owned; for tests. */
enum status responder_take(struct responder *responder, int fd, struct arena *arena,
	struct incoming *in) MUST_USE;

/*
 * Send HEAD and BODY and close.  A client that has gone is no failure of ours:
 * false, and nobody needs to know but the log.
 */
struct responder_text {
	const char *bytes;
	size_t length;
};
bool responder_answer(struct responder *responder, struct arena *arena,
	struct responder_text head, struct responder_text body);
