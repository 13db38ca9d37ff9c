/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * unix_listen.c - bind, mode, listen; but not in another's place.
 */
#include "base/unix_listen.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool
someone_listens(const struct sockaddr_un *at)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool listens = fd >= 0 && connect(fd, (const struct sockaddr *)at,
					  sizeof(*at)) == 0;

	if (fd >= 0)
		close(fd);
	return listens;
}

int
unix_listen(const char *path, int backlog, int flags)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd, error;

	if (strlen(path) >= sizeof(at.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	if (someone_listens(&at)) {
		errno = EADDRINUSE;
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -1;
	unlink(path);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 &&
		chmod(path, 0660) == 0 && listen(fd, backlog) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}
