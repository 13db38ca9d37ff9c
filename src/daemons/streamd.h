/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * streamd.h - the parts of streamd.
 *
 * One thread, one libuv loop.  libwebsockets brings connections, the matcher's
 * doorbell news; both only leave work in the hub.  Before the loop sleeps the
 * feed is read on and all work is written out (streamd.c), so that however many
 * records came, each connection is written to once.
 *
 * libwebsockets.h is known in streamd_socket.c and streamd_request.c alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "auth/auth.h"
#include "base/arena.h"
#include "base/conf.h"
#include "cache/subscription.h"
#include "http/router.h"
#include "stream/door.h"
#include "stream/feed.h"
#include "stream/hub.h"

struct lws;
struct lws_context;
struct lws_vhost;

/* ---- streamd_guard.c: asking the core about sessions ---- */

struct guard {
	uv_loop_t *loop;
	struct hub *hub;
	const char *path;
	uv_pipe_t *pipe;  /* NULL: not connected */
	bool connected;
	uv_timer_t retry;
	size_t have;
	_Alignas(8) char in[4096];
};

void guard_open(struct guard *guard, uv_loop_t *loop, struct hub *hub,
	const char *path);
void guard_close(struct guard *guard);
/* What the hub calls; ARG is the guard. */
void guard_ask(void *arg, uint64_t number,
	const struct guard_request *question);

/* ---- streamd_notices.c: what other programs announce ---- */

struct streamd;

struct notices {
	struct streamd *streamd; /* NULL: not begun */
	const char *path;
	struct subscription *subscription;
	uv_pipe_t *pipe; /* NULL: not connected */
	uv_timer_t retry;
	uint64_t pause_ms; /* before the next attempt */
	bool away;         /* and it has been said */
	char in[16384];
};

void notices_open(struct streamd *streamd);
/* Let go of the connection; the loop must run once more, then free. */
void notices_close(struct streamd *streamd);
void notices_free(struct streamd *streamd);

/* ---- streamd_socket.c: connections ---- */

struct streamd {
	const struct spelling *const *spellings;
	struct conf *conf;
	struct auth *auth;
	struct meter *meter;
	struct router *router;
	struct hub *hub;
	struct feed *feed;
	struct guard guard;
	struct notices notices;
	struct replay_files journal;
	struct arena *arena; /* of the request, or notice, at hand */
	struct lws_context *lws;
	struct lws_vhost *vhost;
	int listener; /* -1: none */
	bool deaf;    /* it is not listened to: no descriptors are left */
	bool stopping;
	bool failed; /* the feed has halted: exit code 1 */
	bool news;   /* the feed has more than was read */
	int64_t looked_us;
	int64_t stop_by_us;

	uv_loop_t loop;
	uv_signal_t sigterm;
	uv_signal_t sigint;
	uv_timer_t starting;
	uv_timer_t tick;
	uv_timer_t due;
	uv_poll_t bell;
	uv_poll_t knocks;
	uv_prepare_t before_sleep;
	uv_idle_t hurry; /* active: do not sleep */
};

/* Listen at the socket's path; false with the reason logged. */
bool sockets_open(struct streamd *streamd);
/* To be called now and then: descriptors may be free again. */
void sockets_listen_again(struct streamd *streamd);
/* Take no more connections; those that there are stay. */
void sockets_stop_listening(struct streamd *streamd);
/* Write to all connections that have something to be written. */
void sockets_serve(struct streamd *streamd);
/* Let go of libwebsockets; the loop must run once more. */
void sockets_close(struct streamd *streamd);

/* Now, for the hub; called first in each of the loop's callbacks. */
void streamd_time(struct streamd *streamd);

/* ---- streamd_request.c: what comes before an upgrade ---- */

/*
 * May the request of WSI be upgraded?  ST_OK and OUT; or the refusal has been
 * written, and the connection is to be closed.
 */
enum status request_admit(struct streamd *streamd, struct lws *wsi,
	struct admission *out) MUST_USE;
/* It was no upgrade at all: say so. */
void request_refuse(struct streamd *streamd, struct lws *wsi);

/* ---- streamd.c ---- */

/* All but the list of addresses, which is main()'s; so that tests have theirs. */
int streamd_main(int argc, char **argv,
	const struct spelling *const *spellings);
