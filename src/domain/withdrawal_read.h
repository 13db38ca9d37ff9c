/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal_read.h - what withdrawal.c needs of withdrawal_read.c.
 */
#pragma once

#include "domain/withdrawal.h"

/* Whoever's it is; ST_NOT_FOUND. */
enum status withdrawal_get(struct ctx *ctx, struct ident id,
	struct withdrawal *out) MUST_USE;
