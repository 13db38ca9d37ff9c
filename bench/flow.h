/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * flow.h - streams of orders to measure with: made, or read from a file.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FLOW_NOBODY UINT32_MAX /* who cancels an order that never was */

struct flow_op {
	uint32_t order; /* dense id, 0, 1, … in order of first appearance */
	uint16_t instrument;
	uint8_t side;   /* enum side */
	uint8_t cancel; /* 1: a cancel of ORDER */
	int64_t ticks;
	int64_t lots;
	uint32_t user; /* dense, from 0; of a cancel, the order's */
	uint32_t spare;
};

struct flow {
	const char *name;
	struct flow_op *ops;
	size_t n;
	size_t n_warm; /* the first of them are not timed */
	uint32_t orders;
	uint32_t users;
	unsigned instruments;
	int64_t ticks_max;
	uint64_t *ids; /* the file's own id of each order */
	uint32_t *owners; /* the user of each order, or FLOW_NOBODY */
};

/* Made from a fixed seed; the same on every machine. */
struct flow *flow_mix(const char *name, unsigned instruments, uint32_t live,
	size_t n);
struct flow *flow_add(size_t n);
struct flow *flow_cross(size_t n);
struct flow *flow_cancel(size_t n);

/*
 * "A,instrument,id,B|S,ticks,lots,user" and "C,id" lines, plain or gzipped by
 * name; NULL with a sentence on stderr when it cannot be read.
 */
struct flow *flow_read(const char *file);

/* LOBSTER messages (see quantoractl flow replay), TIMES times over. */
struct flow *flow_lobster(const char *file, int times);

void flow_free(struct flow *flow);
