/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ladder.h - a bare price ladder: the bound that the engine is held against.
 *
 * Price-time priority and nothing else: dense prices, dense order ids, no
 * users, balances, checks or events.  Nothing that matches orders can be
 * much faster, and nothing that only does this is an exchange.
 */
#pragma once

#include <stdint.h>

struct ladders *ladders_new(unsigned instruments, int64_t ticks_max,
	uint32_t orders_max);
void ladders_free(struct ladders *ladders);

struct ladders_count {
	uint64_t trades;
	uint64_t volume;
	uint64_t hash; /* see docs/performance.md */
};
struct ladders_count ladders_count(const struct ladders *ladders);

/* A good-till-cancelled limit order; ORDER is its dense id. */
void ladders_add(struct ladders *ladders, unsigned instrument, uint32_t order,
	int side, int64_t ticks, int64_t lots);
/* 1 when it was there. */
int ladders_cancel(struct ladders *ladders, uint32_t order);
int ladders_live(const struct ladders *ladders, uint32_t order);

/* What is measured from here on hashes from 0. */
void ladders_reset_hash(struct ladders *ladders);
