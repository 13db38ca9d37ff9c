/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * rate.h - what an amount of one asset is worth in another.
 *
 * By the last prices of the house's own books (or reference prices, before
 * any trade), over as few of them as it takes; where no books connect the
 * two, by a table of round figures.  Good for limits and overviews, and for
 * nothing that moves money.
 */
#pragma once

#include "base/ctx.h"
#include "base/decimal.h"

/*
 * AMOUNT of the asset called FROM in the asset called TO.  ST_NOT_FOUND
 * (without a fault) when nothing connects them; ST_INVALID when the result is
 * out of range; ST_UNAVAILABLE when the prices cannot be read.
 */
enum status rate_convert(struct ctx *ctx, struct decimal amount,
	const char *from, const char *to, struct decimal *out) MUST_USE;
