/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fastcgi.h - the responder's side of FastCGI, for one request at a time;
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

struct fastcgi;

/* LISTEN_FD is kept, not owned. */
struct fastcgi *fastcgi_new(int listen_fd);
void fastcgi_free(struct fastcgi *fastcgi);

/*
 * Wait for the next connection and read its parameters into IN, all texts in
 * ARENA.  ST_CONFLICT when a signal came first; ST_MALFORMED when the
 * connection was of no use and is closed; ST_UNAVAILABLE when accept failed.
 */
enum status fastcgi_accept(struct fastcgi *fastcgi, struct arena *arena,
	struct incoming *in) MUST_USE;

/* The same on a connected socket, which is then owned; for tests. */
enum status fastcgi_take(struct fastcgi *fastcgi, int fd, struct arena *arena,
	struct incoming *in) MUST_USE;

/*
 * Send HEAD and BODY and close.  A client that has gone is no failure of ours:
 * false, and nobody needs to know but the log.
 */
struct fastcgi_text {
	const char *bytes;
	size_t length;
};
bool fastcgi_answer(struct fastcgi *fastcgi, struct arena *arena,
	struct fastcgi_text head, struct fastcgi_text body);
