/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * doorbell.c - datagrams that say no more than "look".
 */
#include "journal/doorbell.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Followers are daemons of this machine; there are a handful. */
#define BELLS_MAX 32
#define SOCKET_MODE 0660

struct ring {
	uint64_t durable_seq;
};

struct doorbells {
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int fd;
	unsigned count;
	struct sockaddr_un bells[BELLS_MAX];
};

/* A socket's address has room for 107 characters. */
static enum status
make_address(const char *dir, const char *name, const char *suffix,
	struct sockaddr_un *out)
{
	int n;

	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	n = snprintf(out->sun_path, sizeof(out->sun_path), "%s/%s%s", dir, name,
		suffix);
	return n > 0 && (size_t)n < sizeof(out->sun_path) ? ST_OK : ST_INVALID;
}

static int
open_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

enum status
doorbell_bind(const char *dir, const char *name, int *out,
	struct reason *reason)
{
	struct sockaddr_un address;
	int fd;

	if (make_address(dir, name, DOORBELL_SUFFIX, &address) != ST_OK)
		return reason_set(reason, ST_INVALID,
			"the path of the doorbell %s in %s is too long", name,
			dir);
	fd = open_socket();
	if (fd < 0)
		return reason_errno(reason, -errno, "doorbell");
	if ((unlink(address.sun_path) != 0 && errno != ENOENT) ||
		bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		chmod(address.sun_path, SOCKET_MODE) != 0) {
		reason_errno(reason, -errno, "%s", address.sun_path);
		close(fd);
		return ST_INTERNAL;
	}
	*out = fd;
	return ST_OK;
}

enum status
doorbell_take(int fd, uint64_t *durable_seq)
{
	struct ring ring;
	uint64_t highest = 0;
	bool any = false;

	for (;;) {
		ssize_t n = recv(fd, &ring, sizeof(ring), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if ((size_t)n < sizeof(ring))
			continue;
		any = true;
		if (ring.durable_seq > highest)
			highest = ring.durable_seq;
	}
	if (!any)
		return ST_NOT_FOUND;
	*durable_seq = highest;
	return ST_OK;
}

void
doorbell_unbind(const char *dir, const char *name, int fd)
{
	struct sockaddr_un address;

	if (make_address(dir, name, DOORBELL_SUFFIX, &address) == ST_OK)
		unlink(address.sun_path);
	close(fd);
}

enum status
doorbells_open(const char *dir, struct doorbells **out, struct reason *reason)
{
	struct doorbells *bells = calloc(1, sizeof(*bells));
	int n;

	if (bells == NULL)
		return reason_errno(reason, -ENOMEM, "doorbells");
	n = snprintf(bells->dir, sizeof(bells->dir), "%s", dir);
	bells->fd = open_socket();
	if (n <= 0 || (size_t)n >= sizeof(bells->dir) || bells->fd < 0) {
		reason_errno(reason, bells->fd < 0 ? -errno : -ENAMETOOLONG,
			"doorbells in %s", dir);
		doorbells_close(bells);
		return ST_INTERNAL;
	}
	*out = bells;
	return ST_OK;
}

void
doorbells_close(struct doorbells *bells)
{
	if (bells == NULL)
		return;
	if (bells->fd >= 0)
		close(bells->fd);
	free(bells);
}

static bool
is_known(const struct doorbells *bells, const struct sockaddr_un *address)
{
	for (unsigned i = 0; i < bells->count; i++)
		if (strcmp(bells->bells[i].sun_path, address->sun_path) == 0)
			return true;
	return false;
}

static bool
is_bell(const char *name)
{
	size_t length = strlen(name), tail = strlen(DOORBELL_SUFFIX);

	return length > tail &&
		strcmp(name + length - tail, DOORBELL_SUFFIX) == 0;
}

void
doorbells_scan(struct doorbells *bells)
{
	struct sockaddr_un address;
	struct dirent *entry;
	DIR *dir = opendir(bells->dir);

	if (dir == NULL)
		return;
	while (bells->count < BELLS_MAX && (entry = readdir(dir)) != NULL)
		if (is_bell(entry->d_name) &&
			make_address(bells->dir, entry->d_name, "",
				&address) == ST_OK &&
			!is_known(bells, &address))
			bells->bells[bells->count++] = address;
	closedir(dir);
}

void
doorbells_ring(struct doorbells *bells, uint64_t durable_seq)
{
	const struct ring ring = {.durable_seq = durable_seq};

	for (unsigned i = 0; i < bells->count;) {
		ssize_t n = sendto(bells->fd, &ring, sizeof(ring),
			MSG_DONTWAIT | MSG_NOSIGNAL,
			(struct sockaddr *)&bells->bells[i],
			sizeof(bells->bells[i]));

		/* Full: its owner has rings to take, and will look. */
		if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK ||
			errno == ENOBUFS || errno == EINTR)
			i++;
		else
			bells->bells[i] = bells->bells[--bells->count];
	}
}

unsigned
doorbells_count(const struct doorbells *bells)
{
	return bells->count;
}
