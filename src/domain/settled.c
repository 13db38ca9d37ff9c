/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * settled.c - snapshots that are new enough, and waiting for the settler.
 *
 * How far the settler was when we last looked is remembered: it only goes
 * forward, so a later snapshot holds at least that, and most reads need not
 * look again.
 *
 * That the settler is too far behind is its own word (ST_UNAVAILABLE at once):
 * from outside, one that has had nothing to do for an hour and one that has
 * done nothing for an hour look alike.
 */
#include "domain/settled.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "settle/waiting.h"

/* Waiting, reading, and once more if the wait was for a seq that grew. */
#define TRIES_MAX 3

struct settled {
	struct sockaddr_un address;
	int fd; /* -1: not connected */
	struct settled_pool *pool;
	uint32_t waiting_max;
	uint64_t expected; /* by this request */
	uint64_t seen;     /* applied_seq at some time, in MySQL */
	int64_t patience_us;
};

struct settled *
settled_new(const char *path, struct settled_pool *pool, unsigned workers)
{
	struct settled *settled = calloc(1, sizeof(*settled));

	if (!settled)
		abort();
	settled->fd = -1;
	settled->patience_us = SETTLED_PATIENCE_US;
	settled->address.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(settled->address.sun_path))
		memcpy(settled->address.sun_path, path, strlen(path) + 1);
	settled->pool = pool;
	settled->waiting_max = workers >= 4 ? workers / 4 : 1;
	if (settled->waiting_max > SETTLED_PLACES_MAX)
		settled->waiting_max = SETTLED_PLACES_MAX;
	return settled;
}

static void
disconnect(struct settled *settled)
{
	if (settled->fd >= 0)
		close(settled->fd);
	settled->fd = -1;
}

void
settled_free(struct settled *settled)
{
	if (!settled)
		return;
	disconnect(settled);
	free(settled);
}

void
settled_begin(struct settled *settled)
{
	if (settled)
		settled->expected = 0;
}

void
settled_set_patience(struct settled *settled, int64_t patience_us)
{
	disconnect(settled);
	settled->patience_us = patience_us;
}

void
settled_expect(struct settled *settled, uint64_t seq)
{
	if (settled && seq > settled->expected)
		settled->expected = seq;
}

/* ---- Asking the settler ----------------------------------------------- */

static bool
connect_settler(struct settled *settled)
{
	struct timeval patience = {
		.tv_sec = settled->patience_us / US_PER_SECOND,
		.tv_usec = settled->patience_us % US_PER_SECOND};

	if (settled->fd >= 0)
		return true;
	settled->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (settled->fd < 0)
		return false;
	/* A settler that does not accept is waited for like one that does not
	 * answer. */
	setsockopt(settled->fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
		sizeof(patience));
	if (connect(settled->fd, (struct sockaddr *)&settled->address,
		    sizeof(settled->address)) == 0)
		return true;
	disconnect(settled);
	return false;
}

/* Send the question; once more on a new connection if the old one is dead. */
static bool
send_question(struct settled *settled, uint64_t seq)
{
	struct settle_question question = {.seq = seq};
	bool fresh = settled->fd < 0;

	if (!connect_settler(settled))
		return false;
	if (send(settled->fd, &question, sizeof(question), MSG_NOSIGNAL) ==
		(ssize_t)sizeof(question))
		return true;
	disconnect(settled);
	return !fresh && connect_settler(settled) &&
	       send(settled->fd, &question, sizeof(question), MSG_NOSIGNAL) ==
		       (ssize_t)sizeof(question);
}

static bool
receive_answer(
	struct settled *settled, int64_t deadline_us, struct settle_answer *out)
{
	size_t have = 0;

	while (have < sizeof(*out)) {
		int64_t left_us = deadline_us - clock_monotonic_us();
		struct pollfd fd = {settled->fd, POLLIN, 0};
		ssize_t n;

		if (left_us <= 0)
			return false;
		n = poll(&fd, 1, (int)((left_us + 999) / 1000));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		n = recv(settled->fd, (char *)out + have, sizeof(*out) - have,
			0);
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

/* An answer that comes too late must not be taken for the next one. */
static bool
ask(struct settled *settled, uint64_t seq, struct settle_answer *out)
{
	int64_t deadline_us = clock_monotonic_us() + settled->patience_us;

	if (send_question(settled, seq) &&
		receive_answer(settled, deadline_us, out))
		return true;
	disconnect(settled);
	return false;
}

/* One of the few that may wait: its place, or NULL. */
static _Atomic int32_t *
take_place(struct settled *settled)
{
	int32_t pid = (int32_t)getpid(), nobody;
	uint32_t i;

	for (i = 0; i < settled->waiting_max; i++) {
		nobody = 0;
		if (atomic_compare_exchange_strong(&settled->pool->places[i],
			    &nobody, pid))
			return &settled->pool->places[i];
	}
	return NULL;
}

void
settled_pool_bury(struct settled_pool *pool, int32_t pid)
{
	int32_t dead;
	size_t i;

	for (i = 0; i < SETTLED_PLACES_MAX; i++) {
		dead = pid;
		atomic_compare_exchange_strong(&pool->places[i], &dead, 0);
	}
}

static enum status
behind(struct ctx *ctx)
{
	ctx->fault.retry_after_us = US_PER_SECOND;
	return fail(ctx, ST_UNAVAILABLE, NULL,
		"the records are being brought up to date; try again shortly");
}

enum status
settled_enter(struct ctx *ctx, _Atomic int32_t **place)
{
	struct settled *settled = ctx->settled;

	*place = settled && settled->pool ? take_place(settled) : NULL;
	if (settled && settled->pool && !*place) {
		ctx->fault.retry_after_us = US_PER_SECOND;
		return fail(ctx, ST_UNAVAILABLE, NULL,
			"too many wait for the database; try again shortly");
	}
	return ST_OK;
}

void
settled_leave(_Atomic int32_t *place)
{
	if (place)
		atomic_store(place, 0);
}

enum status
settled_wait(struct ctx *ctx, uint64_t seq)
{
	struct settled *settled = ctx->settled;
	struct settle_answer answer = {0};
	_Atomic int32_t *place = NULL;
	bool answered;

	if (!settled || seq <= settled->seen)
		return ST_OK;
	if (settled->pool && !(place = take_place(settled)))
		return behind(ctx);
	answered = ask(settled, seq, &answer);
	if (place)
		atomic_store(place, 0);
	if (!answered || answer.status != ST_OK || answer.applied_seq < seq)
		return behind(ctx);
	settled->seen = answer.applied_seq;
	return ST_OK;
}

/* ---- Snapshots -------------------------------------------------------- */

enum status
settled_position(struct ctx *ctx, uint64_t *applied_seq, int64_t *applied_us)
{
	enum status status = db_one(ctx,
		"SELECT applied_seq, applied_at FROM settle_state WHERE id = 1",
		DB_NOTHING,
		DB_OUT(db_to_u64(applied_seq), db_to_time(applied_us)));

	if (status == ST_NOT_FOUND) {
		*applied_seq = 0;
		*applied_us = 0;
		return ST_OK;
	}
	return status;
}

struct reading {
	db_tx_fn *fn;
	void *arg;
	bool early; /* the snapshot is older than what is expected */
};

static enum status
read_if_there(struct ctx *ctx, void *arg)
{
	struct reading *reading = arg;
	struct settled *settled = ctx->settled;
	uint64_t applied_seq;
	int64_t applied_us;

	reading->early = false;
	if (settled && settled->seen < settled->expected) {
		TRY(settled_position(ctx, &applied_seq, &applied_us));
		if (applied_seq < settled->expected) {
			reading->early = true;
			return ST_CONFLICT;
		}
		settled->seen = applied_seq;
	}
	return reading->fn(ctx, reading->arg);
}

enum status
settled_read(struct ctx *ctx, db_tx_fn *fn, void *arg)
{
	struct reading reading = {fn, arg, false};
	enum status status;
	int try;

	for (try = 0; try < TRIES_MAX; try++) {
		status = db_snapshot(ctx, read_if_there, &reading);
		if (!reading.early)
			return status;
		TRY(settled_wait(ctx, ctx->settled->expected));
	}
	return behind(ctx);
}
