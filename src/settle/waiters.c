/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * waiters.c - questions in, answers out, nobody trusted to read his.
 *
 * A question is 8 bytes and an answer 16, so both pass whole; a client that
 * sends less, or whose buffer is full, is hung up on.
 */
#include "settle/waiters.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unix_listen.h"

struct client {
	int fd;
	bool asking;
	uint64_t seq;
};

struct waiters {
	int listener;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct client clients[WAITERS_MAX];
	size_t n;
};

struct waiters *
waiters_new(const char *path)
{
	int fd = unix_listen(path, 128, SOCK_NONBLOCK);
	struct waiters *waiters;

	if (fd < 0)
		return NULL;
	waiters = calloc(1, sizeof(*waiters));
	if (!waiters)
		abort();
	waiters->listener = fd;
	strncpy(waiters->path, path, sizeof(waiters->path) - 1);
	return waiters;
}

void
waiters_free(struct waiters *waiters)
{
	size_t i;

	if (!waiters)
		return;
	for (i = 0; i < waiters->n; i++)
		close(waiters->clients[i].fd);
	close(waiters->listener);
	unlink(waiters->path);
	free(waiters);
}

/* The clients first, so that the I-th of FDS is the I-th of them. */
size_t
waiters_poll(const struct waiters *waiters, struct pollfd *fds)
{
	size_t i;

	for (i = 0; i < waiters->n; i++)
		fds[i] = (struct pollfd){waiters->clients[i].fd, POLLIN, 0};
	fds[i++] = (struct pollfd){
		waiters->n < WAITERS_MAX ? waiters->listener : -1, POLLIN, 0};
	return i;
}

/* False: hang up. */
static bool
take_question(struct client *client)
{
	struct settle_question question;
	ssize_t n = recv(client->fd, &question, sizeof(question), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != (ssize_t)sizeof(question) || client->asking)
		return false;
	client->asking = true;
	client->seq = question.seq;
	return true;
}

/* The last one takes the place of one that goes. */
static void
hang_up(struct waiters *waiters, size_t i)
{
	close(waiters->clients[i].fd);
	waiters->clients[i] = waiters->clients[--waiters->n];
}

static void
accept_all(struct waiters *waiters)
{
	while (waiters->n < WAITERS_MAX) {
		int fd = accept4(waiters->listener, NULL, NULL,
			SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		waiters->clients[waiters->n++] = (struct client){.fd = fd};
	}
}

void
waiters_take(struct waiters *waiters, const struct pollfd *fds, size_t n)
{
	size_t i = n - 1;

	assert(i == waiters->n);
	/* Backwards: who takes the place of one that goes has had his turn. */
	while (i-- > 0)
		if (fds[i].revents && !take_question(&waiters->clients[i]))
			hang_up(waiters, i);
	if (fds[n - 1].revents)
		accept_all(waiters);
}

void
waiters_answer(
	struct waiters *waiters, uint64_t applied_seq, enum status status)
{
	size_t i = waiters->n;

	while (i-- > 0) {
		struct client *client = &waiters->clients[i];
		bool there = client->seq <= applied_seq;
		struct settle_answer answer = {.applied_seq = applied_seq,
			.status = there ? ST_OK : (uint32_t)status};

		if (!client->asking || (!there && status == ST_OK))
			continue;
		client->asking = false;
		if (send(client->fd, &answer, sizeof(answer),
			    MSG_NOSIGNAL | MSG_DONTWAIT) !=
			(ssize_t)sizeof(answer))
			hang_up(waiters, i);
	}
}

size_t
waiters_count(const struct waiters *waiters)
{
	size_t i, n = 0;

	for (i = 0; i < waiters->n; i++)
		n += waiters->clients[i].asking;
	return n;
}
