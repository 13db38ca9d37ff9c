/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_process.c - /proc, peers of sockets, disks.
 */
#include "work/monitor_process.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

/* A file of /proc, whole; false when it cannot be read. */
static bool
read_proc(int32_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	if (n <= 0)
		return false;
	out[n] = '\0';
	return true;
}

/* The Nth word of TEXT as a number, counted from 1. */
static uint64_t
word_of(const char *text, unsigned n)
{
	while (--n > 0 && text) {
		text = strchr(text, ' ');
		if (text)
			text++;
	}
	return text ? strtoull(text, NULL, 10) : 0;
}

void
usage_add(struct usage *usage, int32_t pid)
{
	uint64_t ticks, ticks_a_second = (uint64_t)sysconf(_SC_CLK_TCK);
	char text[1024];
	const char *rest;

	if (pid <= 0 || !read_proc(pid, "stat", text, sizeof(text)))
		return;
	/* A program's name may hold anything; its end is the last ')'. */
	rest = strrchr(text, ')');
	if (!rest || rest[1] != ' ')
		return;
	/* utime and stime are words 14 and 15, the state behind ')' is 3. */
	ticks = word_of(rest + 2, 12) + word_of(rest + 2, 13);
	if (!read_proc(pid, "statm", text, sizeof(text)))
		return;
	usage->known = true;
	usage->cpu_us += ticks * (US_PER_SECOND / ticks_a_second);
	usage->rss_bytes += word_of(text, 2) * (uint64_t)sysconf(_SC_PAGESIZE);
}

int32_t
socket_peer(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (fd < 0 ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return 0;
	return peer.pid;
}

int32_t
socket_owner(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int32_t pid = 0;
	int fd;

	if (strlen(path) >= sizeof(address.sun_path))
		return 0;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		pid = socket_peer(fd);
	close(fd);
	return pid;
}

void
disk_look(const char *path, struct look_disk *out)
{
	struct statvfs facts;

	*out = (struct look_disk){.known = statvfs(path, &facts) == 0};
	if (!out->known)
		return;
	/* What we may use, and what there is for us: not root's reserve. */
	out->free_bytes = (uint64_t)facts.f_bavail * facts.f_frsize;
	out->total_bytes = (uint64_t)(facts.f_blocks - facts.f_bfree +
				      facts.f_bavail) *
			   facts.f_frsize;
}
