/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * unix_listen.h - a socket in the file system, for programs of our group.
 */
#pragma once

#include "base/status.h"

/*
 * A stream socket that listens at PATH, of mode 0660 before the first can
 * knock.  FLAGS are socket()'s: 0 or SOCK_NONBLOCK.  What a program that has
 * ended left there is replaced.  -1 with errno: ENAMETOOLONG; EADDRINUSE when
 * another program listens there.
 */
int unix_listen(const char *path, int backlog, int flags) MUST_USE;
