/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * bound.c - measuring the machine, to compare with.
 */
#include "bound.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

#define BLOCK 4096
#define ROOM_BYTES ((size_t)8 * 1024 * 1024)
#define MESSAGE_MAX 4096

static int
compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

struct bound
bound_of(int64_t *times_us, unsigned n)
{
	if (n == 0)
		return (struct bound){0, 0};
	qsort(times_us, n, sizeof(*times_us), compare);
	return (struct bound){times_us[n / 2], times_us[n * 99 / 100]};
}

/* ---- Sync ---------------------------------------------------------------- */

/* Written with zeros: a preallocated extent that was never written costs the
 * file system a change of its own when it is. */
static bool
fill(int fd)
{
	char *zeros = calloc(1, 1 << 20);
	bool good = zeros != NULL;
	size_t at;

	for (at = 0; good && at < ROOM_BYTES; at += 1 << 20)
		good = write(fd, zeros, 1 << 20) == 1 << 20;
	free(zeros);
	return good && fsync(fd) == 0;
}

static bool
time_syncs(int fd, unsigned n, int64_t *times_us)
{
	_Alignas(BLOCK) static char block[BLOCK];
	unsigned i;

	for (i = 0; i < n; i++) {
		int64_t begun_us = clock_monotonic_us();
		off_t at = (off_t)((size_t)i * BLOCK % ROOM_BYTES);

		memset(block, (int)(i & 0xff), sizeof(block));
		if (pwrite(fd, block, BLOCK, at) != BLOCK || fdatasync(fd) != 0)
			return false;
		times_us[i] = clock_monotonic_us() - begun_us;
	}
	return true;
}

int
bound_sync(const char *dir, unsigned n, int64_t *times_us)
{
	char path[4096];
	bool good;
	int fd;

	if (snprintf(path, sizeof(path), "%s/sync-bound", dir) >=
		(int)sizeof(path))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	good = fd >= 0 && fill(fd) && time_syncs(fd, n, times_us);
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return good ? 0 : -1;
}

/* ---- Socket -------------------------------------------------------------- */

static bool
read_all(int fd, char *to, size_t n)
{
	while (n > 0) {
		ssize_t some = read(fd, to, n);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return false;
		to += some;
		n -= (size_t)some;
	}
	return true;
}

static void __attribute__((noreturn))
echo(int fd, unsigned request, unsigned answer)
{
	static char message[MESSAGE_MAX];

	while (read_all(fd, message, request))
		if (write(fd, message, answer) != (ssize_t)answer)
			break;
	_exit(0);
}

int
bound_socket(unsigned n, unsigned request, unsigned answer, int64_t *times_us)
{
	static char message[MESSAGE_MAX];
	unsigned i;
	int ends[2];
	pid_t child;

	if (request > MESSAGE_MAX || answer > MESSAGE_MAX ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(ends[0]);
		echo(ends[1], request, answer);
	}
	close(ends[1]);
	for (i = 0; child > 0 && i < n; i++) {
		int64_t begun_us = clock_monotonic_us();

		if (write(ends[0], message, request) != (ssize_t)request ||
			!read_all(ends[0], message, answer))
			break;
		times_us[i] = clock_monotonic_us() - begun_us;
	}
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return i == n ? 0 : -1;
}
