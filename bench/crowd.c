/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * crowd.c - sockets in one epoll, and just as much of RFC 6455 as they need.
 */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define EVENTS 256
#define BUFFER_BYTES (CROWD_MESSAGE_MAX + 16)
#define OPENING_MAX 128 /* upgrades under way at a time */
#define OPEN_WAIT_US (30 * US_PER_SECOND)
#define TRY_EVERY_US 50000
#define OPCODE_PING 9
#define OPCODE_PONG 10
#define OPCODE_CLOSE 8

struct client {
	int fd;
	bool open;       /* the upgrade is done */
	bool begun;      /* and a first message has come */
	size_t have;
	unsigned char bytes[BUFFER_BYTES];
};

struct crowd {
	unsigned n;
	unsigned n_begun;
	int epoll;
	const char *word;  /* that is waited for */
	int64_t *when_us;
	unsigned n_heard;
	struct client clients[];
};

static int
connect_to(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		log_fatal("cannot connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

static void
add_socket(struct crowd *crowd, unsigned i, int port)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
	int fd = connect_to(port);

	crowd->clients[i].fd = fd;
	if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		log_fatal("epoll: %s", strerror(errno));
}

static void
ask_upgrade(const struct client *client, const char *path)
{
	char text[512];
	int n = snprintf(text, sizeof(text),
		"GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
		"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
		path);

	if (send(client->fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		log_fatal("an upgrade cannot be sent: %s", strerror(errno));
}

void
crowd_await(int port, const char *path)
{
	int64_t until_us = clock_monotonic_us() + OPEN_WAIT_US;
	struct client client = {.fd = -1};
	char head[12] = "";

	while (clock_monotonic_us() < until_us) {
		client.fd = connect_to(port);
		ask_upgrade(&client, path);
		if (recv(client.fd, head, sizeof(head), MSG_WAITALL) !=
			sizeof(head))
			head[0] = '\0';
		close(client.fd);
		if (memcmp(head, "HTTP/1.1 101", sizeof(head)) == 0)
			return;
		usleep(TRY_EVERY_US);
	}
	log_fatal("there is no stream at %s", path);
}

/* A client's frames are masked; by zeros that changes nothing. */
static void
answer_ping(const struct client *client, const unsigned char *body, size_t n)
{
	unsigned char frame[6 + 125] = {0x80 | OPCODE_PONG,
		(unsigned char)(0x80 | n)};

	memcpy(frame + 6, body, n);
	if (send(client->fd, frame, 6 + n, MSG_NOSIGNAL) < 0)
		log_fatal("a pong cannot be sent: %s", strerror(errno));
}

static void
take_message(struct crowd *crowd, unsigned i, const unsigned char *body,
	size_t n)
{
	struct client *client = &crowd->clients[i];

	if (!client->begun) {
		client->begun = true;
		crowd->n_begun++;
	}
	if (crowd->word && crowd->when_us[i] == 0 &&
		memmem(body, n, crowd->word, strlen(crowd->word))) {
		crowd->when_us[i] = clock_monotonic_us();
		crowd->n_heard++;
	}
}

/* Take a frame off the front of the buffer; its size, or 0: not whole yet. */
static size_t
take_frame(struct crowd *crowd, unsigned i)
{
	struct client *client = &crowd->clients[i];
	const unsigned char *at = client->bytes;
	size_t head = 2, n = at[1] & 127;

	if (client->have < 2)
		return 0;
	if (n == 126) {
		head = 4;
		if (client->have < head)
			return 0;
		n = (size_t)at[2] << 8 | at[3];
	}
	if (n > CROWD_MESSAGE_MAX)
		log_fatal("a message of %zu bytes or more", n);
	if (client->have < head + n)
		return 0;
	if ((at[0] & 15) == OPCODE_PING)
		answer_ping(client, at + head, n);
	else if ((at[0] & 15) == OPCODE_CLOSE)
		log_fatal("client %u was closed: %.*s", i,
			n > 2 ? (int)n - 2 : 0, (const char *)at + head + 2);
	else
		take_message(crowd, i, at + head, n);
	return head + n;
}

/* The answer to an upgrade, if it has come whole. */
static size_t
take_head(struct client *client)
{
	const unsigned char *end =
		memmem(client->bytes, client->have, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (memcmp(client->bytes, "HTTP/1.1 101", 12) != 0)
		log_fatal("an upgrade is refused: %.*s", 40,
			(const char *)client->bytes);
	client->open = true;
	return (size_t)(end + 4 - client->bytes);
}

static void
read_client(struct crowd *crowd, unsigned i)
{
	struct client *client = &crowd->clients[i];
	size_t taken;
	ssize_t n = recv(client->fd, client->bytes + client->have,
		sizeof(client->bytes) - client->have, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		log_fatal("client %u was hung up on", i);
	client->have += (size_t)n;
	do {
		taken = client->open ? take_frame(crowd, i)
				     : take_head(client);
		client->have -= taken;
		memmove(client->bytes, client->bytes + taken, client->have);
	} while (taken > 0 && client->have > 0);
}

/* One round of what has come, waiting for it at most until UNTIL_US. */
static bool
turn(struct crowd *crowd, int64_t until_us)
{
	struct epoll_event events[EVENTS];
	int64_t left_us = until_us - clock_monotonic_us();
	int i, n;

	if (left_us <= 0)
		return false;
	n = epoll_wait(crowd->epoll, events, EVENTS,
		(int)((left_us + 999) / 1000));
	for (i = 0; i < n; i++)
		read_client(crowd, events[i].data.u32);
	return true;
}

struct crowd *
crowd_new(unsigned n, int port, const char *path)
{
	struct crowd *crowd =
		calloc(1, sizeof(*crowd) + n * sizeof(struct client));
	int64_t until_us = clock_monotonic_us() + OPEN_WAIT_US;
	unsigned i;

	if (!crowd)
		log_fatal("no memory for %u clients", n);
	crowd->n = n;
	crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (i = 0; i < n; i++) {
		add_socket(crowd, i, port);
		crowd->clients[i].open = !path;
		if (!path)
			continue;
		ask_upgrade(&crowd->clients[i], path);
		while (i > crowd->n_begun + OPENING_MAX)
			if (!turn(crowd, until_us))
				log_fatal("only %u of %u came in",
					crowd->n_begun, n);
	}
	while (path && crowd->n_begun < n)
		if (!turn(crowd, until_us))
			log_fatal("only %u of %u came in", crowd->n_begun, n);
	return crowd;
}

void
crowd_free(struct crowd *crowd)
{
	unsigned i;

	for (i = 0; i < crowd->n; i++)
		close(crowd->clients[i].fd);
	close(crowd->epoll);
	free(crowd);
}

unsigned
crowd_hear(struct crowd *crowd, const char *word, int64_t wait_us,
	int64_t *when_us)
{
	int64_t until_us = clock_monotonic_us() + wait_us;

	memset(when_us, 0, crowd->n * sizeof(*when_us));
	crowd->word = word;
	crowd->when_us = when_us;
	crowd->n_heard = 0;
	while (crowd->n_heard < crowd->n && turn(crowd, until_us))
		;
	crowd->word = NULL;
	return crowd->n_heard;
}

void
crowd_idle(struct crowd *crowd, int64_t wait_us)
{
	int64_t until_us = clock_monotonic_us() + wait_us;

	while (turn(crowd, until_us))
		;
}
