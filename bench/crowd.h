/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * crowd.h - very many WebSocket clients in one thread.
 *
 * They count the messages that hold a word, and answer pings.  No message may
 * be longer than CROWD_MESSAGE_MAX.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CROWD_MESSAGE_MAX 2048

struct crowd;

/*
 * N clients of 127.0.0.1:PORT.  With PATH they ask for an upgrade, and each has
 * had a first message when this returns; with NULL they are streams of bare
 * frames.  Ends the program when it cannot be done.
 */
struct crowd *crowd_new(unsigned n, int port, const char *path);
void crowd_free(struct crowd *crowd);

/* Wait until an upgrade is granted there; ends the program if it is not. */
void crowd_await(int port, const char *path);

/*
 * Wait until each client has had one more message with WORD in it, at most
 * WAIT_US.  WHEN_US[i] is when client i had it (CLOCK_MONOTONIC), 0: it had
 * not.  Returns how many had.
 */
unsigned crowd_hear(struct crowd *crowd, const char *word, int64_t wait_us,
	int64_t *when_us);

/* Read, and answer pings, for WAIT_US. */
void crowd_idle(struct crowd *crowd, int64_t wait_us);
