/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_change.h - what all changes of a user's limits have in common; for
 * risk_limit.c and risk_account.c alone.
 *
 * In one transaction: begin (locks the user's limits and reads them), the
 * change itself, end (promises what the core has to hear), audit.  After it,
 * risk_keep() sends what was promised.
 */
#pragma once

#include "domain/risk_core.h"

struct risk_change {
	struct risk_limits limits; /* as they were; a change may write there */
	struct risk_bounds before;
	struct risk_steps steps;
	struct ident ids[2 * RISK_ROWS_MAX];
};

enum status risk_change_begin(
	struct ctx *ctx, struct risk_change *change) MUST_USE;
enum status risk_change_end(
	struct ctx *ctx, struct risk_change *change) MUST_USE;
enum status risk_change_audit(struct ctx *ctx, const char *action,
	const struct risk_limit *limit) MUST_USE;

enum status risk_row_insert(
	struct ctx *ctx, const struct risk_limit *limit) MUST_USE;
/* Stamps it; the alerts of one that is not enabled are over. */
enum status risk_row_update(
	struct ctx *ctx, struct risk_limit *limit) MUST_USE;

/* ST_INVALID, at FIELD, for what is no limit of TYPE. */
enum status risk_value_check(struct ctx *ctx, enum risk_type type,
	struct decimal value, const char *field) MUST_USE;
