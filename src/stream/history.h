/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * history.h - the latest updates of all users' orders, in memory.
 *
 * A ring: a new update takes the place of the oldest one.  Those of one user
 * are chained, so that whoever comes back after a break is told what he missed
 * for the price of just that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "stream/order_update.h"

struct history;

/* Of at most ROOM updates, at least 1. */
struct history *history_new(size_t room);
void history_free(struct history *history);

/* Empty it: what comes from now on is all behind number FROM. */
void history_begin(struct history *history, uint64_t from);

/* To be called in the order of their numbers. */
void history_add(struct history *history, const struct order_update *update);

/* Every update that was added and is behind this number is still there. */
uint64_t history_from(const struct history *history);

/*
 * USER's next update behind number AFTER, which is not below history_from();
 * NULL: there is none.  *HINT is 0 at first and then left alone: it saves the
 * search.
 */
const struct order_update *history_next(struct history *history,
	uint32_t user, uint64_t after, uint64_t *hint);

/* What all searches have cost so far: entries that were looked at. */
uint64_t history_steps(const struct history *history);
