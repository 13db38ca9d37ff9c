/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * load.c - epoll over blocking-size requests and replies.
 *
 * A request fits the socket's buffer and is one send(); a reply is read until
 * its Content-Length is there.  Latencies go into buckets of 10 µs.
 */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define REPLY_MAX 65536
#define BUCKET_US 10
#define BUCKETS 100000 /* one second; later ones count as that */
#define EVENTS 64

struct connection {
	int fd;
	unsigned number;
	int64_t sent_us;
	size_t have;
	char reply[REPLY_MAX];
};

struct load {
	int epoll_fd;
	int port;
	struct connection *connections;
	unsigned n;
	unsigned under_way;
	const struct load_source *source;
	struct load_result *out;
	uint32_t *buckets;
};

static int
open_connection(struct load *load, struct connection *connection)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)load->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
	int one = 1;

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	connection->have = 0;
	if (connect(connection->fd, (struct sockaddr *)&address,
		    sizeof(address)) != 0)
		return -1;
	setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &event);
}

static void
send_next(struct load *load, struct connection *connection)
{
	const char *text;
	size_t length;

	load->source->next(load->source->arg, connection->number, &text,
		&length);
	connection->have = 0;
	connection->sent_us = clock_monotonic_us();
	load->under_way++;
	/* If it does not go out, the reply's absence will tell. */
	if (send(connection->fd, text, length, MSG_NOSIGNAL) !=
		(ssize_t)length)
		shutdown(connection->fd, SHUT_RDWR);
}

/* The status when the reply is whole, 0 when more is to come, -1 if broken. */
static int
whole_reply(struct connection *connection)
{
	char *reply = connection->reply, *end, *length;

	reply[connection->have] = '\0';
	end = strstr(reply, "\r\n\r\n");
	if (!end)
		return 0;
	length = strcasestr(reply, "\r\ncontent-length:");
	if (!length || length > end || strncmp(reply, "HTTP/1.1 ", 9) != 0)
		return -1;
	if (connection->have <
		(size_t)(end + 4 - reply) + strtoul(length + 17, NULL, 10))
		return 0;
	return (int)strtol(reply + 9, NULL, 10);
}

static void
note(struct load *load, int http_status, int64_t took_us)
{
	int64_t bucket = took_us / BUCKET_US;

	load->under_way--;
	load->buckets[bucket < BUCKETS ? bucket : BUCKETS - 1]++;
	if (http_status >= 200 && http_status < 300) {
		load->out->requests++;
		return;
	}
	if (load->out->errors++ == 0)
		load->out->first_error = http_status;
}

/* Read what there is; true when the connection is free for the next request. */
static bool
take(struct load *load, struct connection *connection)
{
	ssize_t n = recv(connection->fd, connection->reply + connection->have,
		REPLY_MAX - 1 - connection->have, 0);
	int http_status;

	if (n > 0) {
		connection->have += (size_t)n;
		http_status = whole_reply(connection);
		if (http_status == 0)
			return false;
		note(load, http_status,
			clock_monotonic_us() - connection->sent_us);
		if (http_status > 0)
			return true;
	} else {
		note(load, 0, clock_monotonic_us() - connection->sent_us);
	}
	close(connection->fd);
	return open_connection(load, connection) == 0;
}

static int64_t
percentile(const struct load *load, double part)
{
	uint64_t all = load->out->requests + load->out->errors, seen = 0;
	int64_t i;

	for (i = 0; i < BUCKETS; i++) {
		seen += load->buckets[i];
		if ((double)seen >= (double)all * part)
			break;
	}
	return i * BUCKET_US;
}

static void
drive(struct load *load, int64_t end_us)
{
	struct epoll_event events[EVENTS];
	unsigned i;

	for (i = 0; i < load->n; i++)
		send_next(load, &load->connections[i]);
	while (load->under_way > 0) {
		int n = epoll_wait(load->epoll_fd, events, EVENTS, 5000), e;

		if (n == 0 || (n < 0 && errno != EINTR))
			break;
		for (e = 0; e < n; e++) {
			struct connection *connection = events[e].data.ptr;

			if (take(load, connection) &&
				clock_monotonic_us() < end_us)
				send_next(load, connection);
		}
	}
	load->out->errors += load->under_way;
}

int
load_run(int port, unsigned connections, double seconds,
	const struct load_source *source, struct load_result *out)
{
	struct load load = {.epoll_fd = epoll_create1(EPOLL_CLOEXEC),
		.port = port,
		.connections = calloc(connections, sizeof(struct connection)),
		.n = connections,
		.source = source,
		.out = out,
		.buckets = calloc(BUCKETS, sizeof(uint32_t))};
	int64_t began_us;
	unsigned i;
	int result = 0;

	*out = (struct load_result){0};
	if (!load.connections || !load.buckets || load.epoll_fd < 0)
		abort();
	for (i = 0; i < connections && result == 0; i++) {
		load.connections[i].number = i;
		result = open_connection(&load, &load.connections[i]);
	}
	began_us = clock_monotonic_us();
	if (result == 0) {
		drive(&load, began_us + (int64_t)(seconds * 1e6));
		out->seconds = (double)(clock_monotonic_us() - began_us) / 1e6;
		out->per_s = (double)out->requests / out->seconds;
		out->p50_us = percentile(&load, 0.5);
		out->p99_us = percentile(&load, 0.99);
	}
	for (i = 0; i < connections; i++)
		if (load.connections[i].fd > 0)
			close(load.connections[i].fd);
	close(load.epoll_fd);
	free(load.connections);
	free(load.buckets);
	return result;
}
