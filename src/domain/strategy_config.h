/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * strategy_config.h - a strategy's config: JSON on one side, a spec on the
 * other.
 *
 *	{"type": "sma_cross", "fast": 10, "slow": 30}
 *
 * Reading checks everything against the tables of quant/strategy_types.h and
 * fills in the defaults; writing puts down all that there is.  So what is
 * stored, and answered, is what was understood.  Absent and null are alike.
 */
#pragma once

#include <jansson.h>

#include "base/ctx.h"
#include "quant/strategy_rules.h"
#include "quant/strategy_types.h"
#include "json/reply.h"

/*
 * ST_INVALID names the member at fault by its path: "config.fast",
 * "config.entry.all[1].left".  OUT->rules is in the arena.
 */
enum status strategy_config_read(
	struct ctx *ctx, json_t *config, struct strategy_spec *out) MUST_USE;

/* All defaults of TYPE. */
void strategy_config_default(
	struct ctx *ctx, enum strategy_type type, struct strategy_spec *out);

/* The whole config as one object; numbers are JSON numbers. */
void strategy_config_write(
	struct reply *r, const char *key, const struct strategy_spec *spec);

/* ---- Between the two files of it ----------------------------------------- */

/*
 * Read what BLUEPRINT takes out of OBJECT, which stands at PATH; besides it
 * OBJECT may only have the members that ALSO lists, up to a NULL.
 */
enum status parameters_read(struct ctx *ctx, const char *path,
	const struct blueprint *blueprint, const json_t *object,
	const char *const *also,
	struct decimal values[PARAMETERS_MAX]) MUST_USE;
void parameters_default(const struct blueprint *blueprint,
	struct decimal values[PARAMETERS_MAX]);
void parameters_write(struct reply *r, const struct blueprint *blueprint,
	const struct decimal *values);

/* ENTRY and EXIT; NULL stands for the default. */
enum status rules_read(struct ctx *ctx, const json_t *entry, const json_t *exit,
	struct rules *out) MUST_USE;
void rules_default(struct rules *out);
/* Writes the members "entry" and "exit". */
void rules_write(struct reply *r, const struct rules *rules);
