/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_peers.h - the matcher's socket and who is connected to it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemons/matcher.h"

#define PEERS_MAX 1024

struct connection {
	struct peer peer; /* first: what the step function sees */
	int fd;
	uint64_t number; /* never used again, unlike the memory */
	char *in;        /* INPUT_BYTES; frames begin 8-byte aligned */
	size_t in_from;
	size_t in_to;
	char *out; /* what the socket has not taken yet */
	size_t out_used;
	size_t out_sent;
	size_t out_size;
	bool closing; /* freed once the batch has been answered */
	bool wants_out;
};

struct peers {
	int epoll;
	int listener;
	struct connection *all[PEERS_MAX];
	unsigned count;
	uint64_t next_number;
	/* a hash or snapshot that was asked for, waiting for a child */
	struct waiter {
		uint64_t number; /* of the connection; 0: free */
		uint64_t tag;
		bool snapshot;
		bool started;
	} waiters[64];
};

/* Listen at PATH, mode 0660; replaces a socket that nobody listens at. */
enum status peers_open(struct peers *peers, const char *path,
	struct reason *reason) MUST_USE;
void peers_close(struct peers *peers, const char *path);

void peers_accept(struct peers *peers);
/* Read what there is.  A peer that has gone is marked closing. */
void peers_read(struct connection *c);
/* Hand frames to the batch.  False when the batch is full. */
bool peers_drain(struct peers *peers, struct matcher *matcher);
/* Send what is kept for each, and free those that are closing. */
void peers_flush(struct peers *peers);
/* Answer whoever still has NUMBER. */
void peers_answer(struct peers *peers, uint64_t number,
	const struct answer *answer);

send_answer connection_send;
