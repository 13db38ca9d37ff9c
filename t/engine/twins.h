/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twins.h - two engines that get the same commands, the one by its short ways.
 *
 * One gets plain orders and cancels in their short form, for which there is
 * the short way of quick.c, the other in the long form with nothing in its
 * tail, which must go the long way.  What they answer is compared with each
 * command, to the byte; their state when asked.
 */
#pragma once

#include "t/harness/suite.h"

#include "stream.h"

struct twins {
	struct engine *quick;
	struct engine *plain;
	struct record *records[2];
	bool by_hand; /* ask quick.c itself, to see how often it can */
	bool was_quick; /* by hand, the last command: it could */
	uint64_t orders, quick_orders, cancels, quick_cancels;
	uint64_t seed, step; /* to be named when they differ */
};

#define AGREE(t, what)                                                         \
	ck_assert_msg((what), "seed %llu step %llu: %s",                       \
		(unsigned long long)(t)->seed, (unsigned long long)(t)->step,  \
		#what)

void twins_begin(struct twins *t, const struct engine_options *options,
	uint64_t seed);
/* Compares them a last time. */
void twins_end(struct twins *t);

/* One command to both; the record, or NULL when it was not applied. */
const struct record *twins_apply(struct twins *t, int64_t now,
	const union stream_command *command, enum refusal *refusal);
void twins_compare(struct twins *t);
