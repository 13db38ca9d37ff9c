/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * traffic.h - commands for a matcher over its socket, as fast as it answers.
 *
 * What is sent is that of bench core's "mix1": half new limit orders within 50
 * ticks of a mid that walks, four tenths cancels of a random live order, one
 * tenth orders through the touch; ten thousand orders live.  An order is
 * cancelled by the id that the matcher gave it, so every answer is read.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "wire/frame.h"

#define TRAFFIC_USERS 64
#define TRAFFIC_CONNECTIONS_MAX 16

struct traffic_connection {
	int fd;
	unsigned under_way;
	char *out; /* frames that are not sent yet */
	size_t out_from, out_to;
	char *in;
	size_t in_from, in_to;
};

struct live_order {
	struct ident id;
	uint32_t user;
	uint32_t slot;
};

struct traffic {
	struct traffic_connection connections[TRAFFIC_CONNECTIONS_MAX];
	unsigned n;
	unsigned window; /* commands under way on each */
	uint64_t state;  /* of the random numbers */
	uint64_t tag;
	int64_t mid;     /* ticks */
	uint32_t next_user;
	struct live_order *live;
	uint32_t n_live;
	uint32_t *place_of_slot; /* in LIVE + 1 */
	/* Figures. */
	uint64_t answers, refused, trades;
	uint32_t last_refusal;
};

/* Assets, an instrument without a band, users with money. */
bool traffic_make_market(const char *socket);

/* Connect N times; false with errno. */
bool traffic_open(struct traffic *traffic, const char *socket, unsigned n,
	unsigned window);
void traffic_close(struct traffic *traffic);

/* Run for SECONDS, then take what is still to be answered. */
bool traffic_run(struct traffic *traffic, double seconds);

/* One command and its answer, N times; the time of each. */
bool traffic_blocking(struct traffic *traffic, unsigned n, int64_t *times_us);

bool traffic_stats(const char *socket, struct stats_answer *out);
