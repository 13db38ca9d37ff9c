/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * waiters.h - who waits for a sequence to be settled (settle/waiting.h).
 *
 * A listening Unix socket and its clients, for one poll loop.
 */
#pragma once

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "settle/waiting.h"

#define WAITERS_MAX 512

struct waiters;

/* Listen at PATH (base/unix_listen.h).  NULL with errno set. */
struct waiters *waiters_new(const char *path);
/* Hang up, and remove the socket's name. */
void waiters_free(struct waiters *waiters);

/* Add what is to be polled to FDS, which has room for WAITERS_MAX + 1. */
size_t waiters_poll(const struct waiters *waiters, struct pollfd *fds);

/* Take what poll() found in these FDS: new clients, questions, hang-ups. */
void waiters_take(struct waiters *waiters, const struct pollfd *fds, size_t n);

/*
 * Answer whoever can be: who asks for APPLIED_SEQ or less, and with a STATUS
 * other than ST_OK all others too.
 */
void waiters_answer(
	struct waiters *waiters, uint64_t applied_seq, enum status status);

/* How many have no answer yet. */
size_t waiters_count(const struct waiters *waiters);
