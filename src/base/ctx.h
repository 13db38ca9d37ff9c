/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctx.h - what a piece of work carries with it: memory, time, connections,
 * and the explanation of what went wrong.
 *
 * One ctx a request (or job).  The connections belong to the process and are
 * opaque here; a trade worker uses its db for orders of a strategy or bot
 * alone.  Functions that fail return a status and leave the detail in FAULT
 * through fail(); the edition renders it, so that all error schemas come from
 * one place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

/* Where the bad value was, for editions that say so. */
enum fault_place { FAULT_NOWHERE, FAULT_BODY, FAULT_QUERY, FAULT_PATH, FAULT_HEADER };

/* What was wrong with it. */
enum fault_kind {
	FAULT_VALUE,   /* of the right type, but not acceptable */
	FAULT_MISSING, /* required and not there */
	FAULT_TYPE,    /* of the wrong type */
	FAULT_CHOICE   /* not one of the allowed words */
};

struct fault {
	enum fault_place place;
	enum fault_kind kind;
	const char *field;  /* static or in the arena; NULL when none is at fault */
	const char *reason; /* for people, without internals; NULL: the default */
	int64_t retry_after_us; /* with ST_RATE_LIMITED and ST_UNAVAILABLE */
};

struct conf;
struct session; /* auth/session.h: who asks */
struct auth;    /* auth/auth.h: keys, sealed secrets, the password gate */
struct db;      /* db/db.h */
struct cache;   /* cache/cache.h */
struct core;    /* domain/core.h: the connection to the matcher */
struct settled; /* domain/settled.h: waiting for the settler */
struct markets; /* domain/market.h: instruments, and the shared book page */

struct ctx {
	struct arena *arena;
	int64_t now_us; /* wall clock when the work began */
	int64_t arrived_us; /* when the edge had the request; not after now_us */
	const char *request_id;
	const char *remote_address;
	const struct conf *conf;
	const struct session *session; /* NULL: nobody is logged in */
	struct auth *auth;
	struct db *db;
	struct cache *cache;
	struct core *core;
	struct settled *settled;
	struct markets *markets;
	struct fault fault;
};

/* Does somebody outside ask, and not a program of ours for itself? */
static inline bool
ctx_is_remote(const struct ctx *ctx)
{
	return ctx->remote_address && *ctx->remote_address;
}

/*
 * Record why, and return STATUS: "return fail(ctx, ST_INVALID, "price", …)".
 * FIELD may be NULL.  The reason is kept in the arena.
 */
enum status fail(struct ctx *ctx, enum status status, const char *field,
	const char *format, ...) PRINTF_LIKE(4, 5);
