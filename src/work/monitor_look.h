/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * monitor_look.h - one look at all components, as they tell of themselves.
 *
 * Counters as they stand; what becomes of two such looks is in
 * monitor_figures.h.  The matcher, the settler, MySQL and Redis are asked; the
 * api's pools, settlerd and streamd are read from their meters (base/meter.h).
 * Whatever is away is not up, and what it would have said is left at zero.
 *
 * A look waits for nobody longer than about a second.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/meter.h"
#include "cache/server_info.h"
#include "http/route.h"
#include "wire/frame.h"
#include "work/schedule.h"

/* What the kernel says of one or more processes. */
struct usage {
	bool known;
	uint64_t rss_bytes;
	uint64_t cpu_us;
};

/* What every component has.  LIFE differs from one start to the next. */
struct vital {
	bool up;
	uint64_t life;
	int64_t born_us; /* wall clock; 0: not known */
	int64_t ping_us;
	struct usage usage;
};

struct look_database {
	uint64_t connections, running;
	uint64_t queries, slow;
	uint64_t pool_reads, pool_misses;
	uint64_t pool_pages, pool_free, page_bytes, pool_data_bytes;
};

struct look_disk {
	bool known;
	uint64_t free_bytes, total_bytes;
};

struct look {
	int64_t at_us; /* wall clock */

	struct vital matcher;
	struct stats_answer stats;
	uint64_t books;
	struct look_disk journal_disk;

	struct vital settler;
	struct meter_reading settler_meter;
	bool applied_known;
	uint64_t applied_seq;
	/* Since when every look has found it behind; 0: it is not. */
	int64_t behind_since_us;

	struct vital pools[POOLS];
	struct meter_reading pool_meters[POOLS];

	struct vital streams;
	struct meter_reading streams_meter;

	struct vital database;
	struct look_database db;

	struct vital cache;
	struct cache_server_info redis;

	struct vital workers;
	size_t n_tasks;
	struct task_stats tasks[SCHEDULE_TASKS_MAX];
	struct look_disk run_disk;
};

struct looker;

/* CTX's settings; SCHEDULE may be NULL.  NULL with *REASON to be freed. */
struct looker *looker_new(const struct conf *conf, struct schedule *schedule,
	char **reason) MUST_USE;
void looker_free(struct looker *looker);

/*
 * Look at everything at CTX's time; memory is ctx->arena's.  The looker has
 * connections of its own, so that nobody else's waiting is in its figures.
 */
void looker_look(struct looker *looker, struct ctx *ctx, struct look *out);

/* The connection to MySQL that it uses, for who stores what was found. */
struct db *looker_db(const struct looker *looker);
