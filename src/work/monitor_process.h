/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_process.h - processes as the kernel sees them.
 */
#pragma once

#include <stdint.h>

#include "work/monitor_look.h"

/* Add what PID uses; without it, or if it cannot be seen, nothing. */
void usage_add(struct usage *usage, int32_t pid);

/* Who listens at the Unix socket PATH; 0 when nobody does. */
int32_t socket_owner(const char *path);
/* Who is at the other end of FD; 0 when that cannot be told. */
int32_t socket_peer(int fd);

/* The room on the disk that PATH is on. */
void disk_look(const char *path, struct look_disk *out);
