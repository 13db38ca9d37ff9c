/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * proxy.c - one connection after the other, in a thread.
 */
#include "t/db/proxy.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "t/db/server.h"

struct proxy {
	char path[100];
	int listener;
	enum cut cut;
	int every, left, seen;
	_Atomic int done;
	pthread_t thread;
};

static struct sockaddr_un
address_of(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	return address;
}

static int
dial(void)
{
	struct sockaddr_un address = address_of(server_socket());
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	/* The server may be away, which the client then sees as well. */
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
is_cut(struct proxy *proxy, const char *bytes, ssize_t n)
{
	if (proxy->left == 0 || !memmem(bytes, (size_t)n, "COMMIT", 6) ||
		++proxy->seen % proxy->every != 0)
		return false;
	proxy->left--;
	proxy->done++;
	return true;
}

/* False when the connection is to be cut. */
static bool
ask(struct proxy *proxy, int client, int server)
{
	char bytes[65536];
	ssize_t n = read(client, bytes, sizeof(bytes));

	if (n <= 0)
		return false;
	if (!is_cut(proxy, bytes, n))
		return write(server, bytes, (size_t)n) == n;
	if (proxy->cut == CUT_COMMIT ||
		(proxy->cut == CUT_EITHER && proxy->done % 2 == 0))
		return false;
	/* Once the answer has come it is committed. */
	if (write(server, bytes, (size_t)n) != n ||
		read(server, bytes, sizeof(bytes)) <= 0)
		abort();
	return false;
}

static bool
answer(int server, int client)
{
	char bytes[65536];
	ssize_t n = read(server, bytes, sizeof(bytes));

	return n > 0 && write(client, bytes, (size_t)n) == n;
}

static void *
run(void *arg)
{
	struct proxy *proxy = arg;
	int client;

	while ((client = accept(proxy->listener, NULL, NULL)) >= 0) {
		int server = dial();
		struct pollfd fds[2] = {
			{client, POLLIN, 0}, {server, POLLIN, 0}};
		bool open = server >= 0;

		while (open && poll(fds, 2, -1) > 0) {
			if (fds[0].revents)
				open = ask(proxy, client, server);
			if (open && fds[1].revents)
				open = answer(server, client);
		}
		close(client);
		if (server >= 0)
			close(server);
	}
	return NULL;
}

struct proxy *
proxy_start(enum cut cut, int every, int cuts)
{
	struct proxy *proxy = calloc(1, sizeof(*proxy));
	struct sockaddr_un address;

	if (!proxy)
		abort();
	proxy->cut = cut;
	proxy->every = every;
	proxy->left = cuts;
	snprintf(proxy->path, sizeof(proxy->path), "%s/proxy-%d", server_dir(),
		getpid());
	unlink(proxy->path);
	address = address_of(proxy->path);
	proxy->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(proxy->listener, (struct sockaddr *)&address,
		    sizeof(address)) != 0 ||
		listen(proxy->listener, 8) != 0 ||
		pthread_create(&proxy->thread, NULL, run, proxy) != 0)
		abort();
	return proxy;
}

const char *
proxy_path(const struct proxy *proxy)
{
	return proxy->path;
}

int
proxy_cuts(const struct proxy *proxy)
{
	return proxy->done;
}

void
proxy_stop(struct proxy *proxy)
{
	shutdown(proxy->listener, SHUT_RDWR);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	unlink(proxy->path);
	free(proxy);
}
