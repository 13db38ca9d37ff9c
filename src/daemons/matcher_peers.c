/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_peers.c - connections, frames in, answers out.
 *
 * A peer is trusted to speak for any user, so who may connect is decided
 * here: the same user as ours, or root, or a member of our group by its
 * effective group.  A frame whose length is impossible ends the connection,
 * since nothing behind it can be found.
 */
#include "matcher_peers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define INPUT_BYTES ((size_t)256 * 1024)
#define OUTPUT_BYTES_MAX ((size_t)32 * 1024 * 1024)
/* Of one connection in one batch, so that none can keep the others out. */
#define FRAMES_A_TURN 2048

static bool
someone_listens(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens;

	if (fd < 0)
		return false;
	listens = connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0;
	close(fd);
	return listens;
}

enum status
peers_open(struct peers *peers, const char *path, struct reason *reason)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct epoll_event event = {.events = EPOLLIN};

	if (strlen(path) >= sizeof(at.sun_path))
		return reason_set(reason, ST_INVALID,
			"%s is too long for a socket's name", path);
	memcpy(at.sun_path, path, strlen(path));
	if (someone_listens(&at))
		return reason_set(reason, ST_CONFLICT,
			"another matcher listens at %s", path);
	unlink(path);
	peers->listener = socket(AF_UNIX,
		SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	peers->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (peers->listener < 0 || peers->epoll < 0 ||
		bind(peers->listener, (struct sockaddr *)&at, sizeof(at)) < 0 ||
		chmod(path, 0660) < 0 || listen(peers->listener, 512) < 0)
		return reason_errno(reason, -errno, "cannot listen at %s", path);
	event.data.ptr = peers;
	if (epoll_ctl(peers->epoll, EPOLL_CTL_ADD, peers->listener, &event) < 0)
		return reason_errno(reason, -errno, "cannot wait at %s", path);
	return ST_OK;
}

static void
connection_free(struct connection *c)
{
	close(c->fd);
	free(c->in);
	free(c->out);
	free(c);
}

void
peers_close(struct peers *peers, const char *path)
{
	unsigned i;

	for (i = 0; i < peers->count; i++)
		connection_free(peers->all[i]);
	peers->count = 0;
	close(peers->listener);
	close(peers->epoll);
	unlink(path);
}

static bool
is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return false;
	return peer.uid == geteuid() || peer.uid == 0 || peer.gid == getegid();
}

static struct connection *
connection_new(int fd, uint64_t number)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->fd = fd;
	c->number = number;
	c->in = aligned_alloc(64, INPUT_BYTES);
	if (!c->in) {
		free(c);
		return NULL;
	}
	return c;
}

void
peers_accept(struct peers *peers)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct connection *c;
	int fd;

	for (;;) {
		fd = accept4(peers->listener, NULL, NULL,
			SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			return;
		if (!is_trusted(fd)) {
			log_warn("refused a peer that is not of our group");
			close(fd);
			continue;
		}
		c = peers->count < PEERS_MAX
			? connection_new(fd, ++peers->next_number)
			: NULL;
		if (!c) {
			log_warn("no room for another connection");
			close(fd);
			continue;
		}
		event.data.ptr = c;
		if (epoll_ctl(peers->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
			connection_free(c);
			continue;
		}
		peers->all[peers->count++] = c;
	}
}

void
peers_read(struct connection *c)
{
	ssize_t n;

	if (c->in_from > 0 && c->in_from == c->in_to) {
		c->in_from = c->in_to = 0;
	} else if (c->in_from > INPUT_BYTES / 2) {
		memmove(c->in, c->in + c->in_from, c->in_to - c->in_from);
		c->in_to -= c->in_from;
		c->in_from = 0;
	}
	if (c->in_to == INPUT_BYTES)
		return; /* a full batch is waiting; the socket can wait too */
	n = read(c->fd, c->in + c->in_to, INPUT_BYTES - c->in_to);
	if (n > 0)
		c->in_to += (size_t)n;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		c->closing = true;
}

static struct waiter *
free_waiter(struct peers *peers)
{
	size_t i;

	for (i = 0; i < N_ELEMENTS(peers->waiters); i++)
		if (peers->waiters[i].number == 0)
			return &peers->waiters[i];
	return NULL;
}

/* A question that a child process has to answer is noted, not taken. */
static bool
note_waiter(struct peers *peers, struct matcher *m, struct connection *c,
	const struct frame *frame)
{
	struct waiter *waiter;

	if (frame->type != FRAME_STATE_HASH && frame->type != FRAME_SNAPSHOT)
		return false;
	waiter = free_waiter(peers);
	if (!waiter)
		matcher_refuse(m, &c->peer, frame->tag, REFUSED_FULL);
	else
		*waiter = (struct waiter){.number = c->number,
			.tag = frame->tag,
			.snapshot = frame->type == FRAME_SNAPSHOT};
	return true;
}

/* The next whole frame of C, or NULL. */
static const struct frame *
next_frame(struct connection *c)
{
	const struct frame *frame = (const void *)(c->in + c->in_from);

	if (c->in_to - c->in_from < sizeof(*frame))
		return NULL;
	if (frame->length < sizeof(*frame) ||
		frame->length > FRAME_REQUEST_MAX || frame->length % 8 != 0) {
		log_warn("a peer sent a frame of %u bytes", frame->length);
		c->closing = true;
		c->in_from = c->in_to;
		return NULL;
	}
	return c->in_to - c->in_from >= frame->length ? frame : NULL;
}

/*
 * Commands that wait in the input are shown to the engine ahead of their
 * turn; see engine_expect().  AT runs before the frame that is taken.
 */
struct scout {
	size_t at;
	void (*hint)(const struct engine *engine,
		const struct message *command);
};

#define AHEAD 6
#define AHEAD_SOON 3

static void
scout_step(struct scout *scout, const struct connection *c,
	const struct engine *engine)
{
	const struct frame *frame = (const void *)(c->in + scout->at);
	const struct command_envelope *who = (const void *)(frame + 1);
	const struct message *command = (const void *)(who + 1);
	size_t there = c->in_to - scout->at, head = sizeof(*frame) + sizeof(*who);

	if (there < sizeof(*frame) || frame->length > there ||
		frame->length < sizeof(*frame) || frame->length % 8 != 0)
		return;
	if (frame->type == FRAME_COMMAND &&
		frame->length >= head + sizeof(*command) &&
		command_well_formed(command, frame->length - head))
		scout->hint(engine, command);
	scout->at += frame->length;
}

/* One connection's turn.  False when the batch is full. */
static bool
take_turn(struct peers *peers, struct matcher *m, struct connection *c,
	bool *all)
{
	struct scout far = {c->in_from, engine_expect};
	struct scout near = {c->in_from, engine_expect_soon};
	enum hints hints = engine_hints(m->engine);
	const struct frame *frame;
	unsigned n;

	for (n = 0; n < AHEAD && hints >= HINTS_FIRST; n++)
		scout_step(&far, c, m->engine);
	for (n = 0; n < AHEAD_SOON && hints >= HINTS_BOTH; n++)
		scout_step(&near, c, m->engine);
	for (n = 0; (frame = next_frame(c)) != NULL; n++) {
		if (n == FRAMES_A_TURN) {
			*all = false;
			return true;
		}
		if (hints >= HINTS_FIRST)
			scout_step(&far, c, m->engine);
		if (hints >= HINTS_BOTH)
			scout_step(&near, c, m->engine);
		if (!note_waiter(peers, m, c, frame) &&
			!matcher_take(m, &c->peer, frame))
			return false;
		c->in_from += frame->length;
	}
	return true;
}

bool
peers_drain(struct peers *peers, struct matcher *m)
{
	bool all = true;
	unsigned i;

	for (i = 0; i < peers->count; i++)
		if (!take_turn(peers, m, peers->all[i], &all))
			return false;
	return all;
}

static bool
reserve_out(struct connection *c, size_t more)
{
	size_t size = c->out_size ? c->out_size : 4096;
	char *grown;

	if (c->out_used + more <= c->out_size)
		return true;
	/* What is sent counts for nothing: only what is not yet read does. */
	if (c->out_sent > 0)
		memmove(c->out, c->out + c->out_sent,
			c->out_used - c->out_sent);
	c->out_used -= c->out_sent;
	c->out_sent = 0;
	if (c->out_used + more <= c->out_size)
		return true;
	if (c->out_used + more > OUTPUT_BYTES_MAX)
		return false;
	while (size < c->out_used + more)
		size *= 2;
	grown = realloc(c->out, size);
	if (!grown)
		return false;
	c->out = grown;
	c->out_size = size;
	return true;
}

static void
append(struct connection *c, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	memcpy(c->out + c->out_used, bytes, n);
	c->out_used += n;
}

static void
connection_write(struct connection *c)
{
	ssize_t n;

	while (c->out_sent < c->out_used) {
		n = send(c->fd, c->out + c->out_sent, c->out_used - c->out_sent,
			MSG_NOSIGNAL);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno != EAGAIN)
				c->closing = true;
			return;
		}
		c->out_sent += (size_t)n;
	}
	c->out_sent = c->out_used = 0;
}

void
connection_send(struct peer *peer, const struct answer *answer)
{
	struct connection *c = (struct connection *)(void *)peer;
	struct frame frame = answer->frame;

	if (c->closing)
		return;
	frame.length = (uint32_t)(sizeof(frame) + answer->body_size +
		answer->tail_size);
	if (!reserve_out(c, frame.length)) {
		/* It does not read its answers; they are in the journal. */
		log_warn("closed a peer that does not read");
		c->closing = true;
		return;
	}
	append(c, &frame, sizeof(frame));
	append(c, answer->body, answer->body_size);
	append(c, answer->tail, answer->tail_size);
	/* What was answered before the sync must not wait for it. */
	if (frame.type == FRAME_GUARDED && c->out_sent == 0)
		connection_write(c);
}

static void
watch_out(struct peers *peers, struct connection *c)
{
	bool wants = c->out_sent < c->out_used;
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	if (wants == c->wants_out)
		return;
	if (wants)
		event.events |= EPOLLOUT;
	if (epoll_ctl(peers->epoll, EPOLL_CTL_MOD, c->fd, &event) == 0)
		c->wants_out = wants;
}

void
peers_flush(struct peers *peers)
{
	unsigned i = 0;

	while (i < peers->count) {
		struct connection *c = peers->all[i];

		if (!c->closing && c->out_sent < c->out_used)
			connection_write(c);
		if (c->closing) {
			connection_free(c);
			peers->all[i] = peers->all[--peers->count];
			continue;
		}
		watch_out(peers, c);
		i++;
	}
}

void
peers_answer(struct peers *peers, uint64_t number, const struct answer *answer)
{
	unsigned i;

	for (i = 0; i < peers->count; i++)
		if (peers->all[i]->number == number)
			connection_send(&peers->all[i]->peer, answer);
}
