/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy.h - the strategies that users keep.
 *
 * The same objects serve all editions: who runs one (a bot, a backtest) takes
 * a copy of its config when it begins, and strategy_spec_of() makes that copy
 * something that can be run.  Another's strategy is as one that is not there.
 *
 * OUT is written only on ST_OK.  What it points to lives in ctx->arena.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"
#include "quant/strategy_types.h"

#define STRATEGIES_MAX 1000 /* of one user */
#define STRATEGY_NAME_MAX 100
#define STRATEGY_DESCRIPTION_MAX 2000

struct strategy {
	uint64_t number; /* the row's */
	struct ident id; /* the world's */
	uint32_t user;
	const char *name;
	const char *description; /* "" for none */
	const char *config; /* JSON text, an object, all defaults filled in */
	bool is_active;
	bool is_deleted; /* only strategy_load() finds such a one */
	int64_t created_us;
	int64_t updated_us;
};

/* ---- The caller's own ---------------------------------------------------- */

enum status strategy_get(
	struct ctx *ctx, struct ident id, struct strategy *out) MUST_USE;

struct strategy_filter {
	int active; /* 1, 0, or -1: all */
	int64_t limit, offset;
};

struct strategy_list {
	struct strategy *rows; /* the newest first */
	size_t n;
	uint64_t total; /* that the filter lets through */
};

enum status strategy_list(struct ctx *ctx, const struct strategy_filter *filter,
	struct strategy_list *out) MUST_USE;

struct strategy_change {
	const char *name;        /* 1 to STRATEGY_NAME_MAX characters */
	const char *description; /* NULL: empty, or as it was */
	json_t *config;          /* an object */
	int is_active;           /* 1, 0, or -1: as it was */
};

/*
 * A new one; it is active.  ST_INVALID about the config, ST_CONFLICT when
 * there are STRATEGIES_MAX.
 */
enum status strategy_create(struct ctx *ctx, const struct strategy_change *new,
	struct strategy *out) MUST_USE;

/* What is NULL in CHANGE, or -1, stays. */
enum status strategy_update(struct ctx *ctx, struct ident id,
	const struct strategy_change *change, struct strategy *out) MUST_USE;

enum status strategy_delete(struct ctx *ctx, struct ident id) MUST_USE;

/*
 * The caller's strategy that stands for the built-in TYPE, made with all
 * defaults when he has none.
 */
enum status strategy_builtin(struct ctx *ctx, enum strategy_type type,
	struct strategy *out) MUST_USE;

/* ---- For who runs them --------------------------------------------------- */

/* By its row's number, whoever owns it, deleted or not. */
enum status strategy_load(
	struct ctx *ctx, uint64_t number, struct strategy *out) MUST_USE;

/* CONFIG as it is kept, as something that can be run. */
enum status strategy_spec_of(struct ctx *ctx, const char *config,
	struct strategy_spec *out) MUST_USE;
