/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * decimal.h - money, prices and quantities as exact fixed-point numbers.
 *
 * A decimal is an int64 count of 10^-8 units: from -92233720368.54775808 to
 * 92233720368.54775807.  Text that cannot be held exactly is refused, never
 * rounded, and no function here passes through a binary float.  Products are
 * made in 128 bits and checked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

#define DECIMAL_PLACES 8
#define DECIMAL_ONE INT64_C(100000000) /* units in 1 */
/* "-92233720368.54775808" and its NUL fit, also with "min_places" zeros. */
#define DECIMAL_TEXT_MAX 32

struct decimal {
	int64_t units;
};

/* Stands for "no value" where a decimal is optional; not a parsable number. */
#define DECIMAL_NONE ((struct decimal){INT64_MIN})

static inline bool
decimal_is_none(struct decimal d)
{
	return d.units == INT64_MIN;
}

/* For where 0 stands for "none": in commands, events, rows, the book page. */
static inline struct decimal
decimal_or_none(int64_t units)
{
	return units == 0 ? DECIMAL_NONE : (struct decimal){units};
}

static inline int64_t
decimal_or_zero(struct decimal d)
{
	return decimal_is_none(d) ? 0 : d.units;
}

/*
 * Read all of TEXT (LENGTH bytes, no NUL needed): an optional '-', digits,
 * an optional fraction, an optional exponent, as JSON writes numbers.
 * ST_INVALID when it is not such a number, needs more than eight places, or
 * is out of range; OUT is then untouched.  "1e-7" is read, "1e-9" is not.
 */
enum status decimal_parse_n(const char *text, size_t length,
	struct decimal *out) MUST_USE;
enum status decimal_parse(const char *text, struct decimal *out) MUST_USE;

/*
 * Write D as text without trailing zeros, but with at least MIN_PLACES digits
 * after the point (0 to 8): (45000, 2) is "45000.00", (0.001, 0) is "0.001".
 * Returns the length.  BUF holds DECIMAL_TEXT_MAX bytes.
 */
size_t decimal_format(struct decimal d, int min_places, char *buf);

/* The same for a sum that outgrows int64 (turnover, totals). */
#define DECIMAL_SUM_TEXT_MAX 48
size_t decimal_format_sum(__int128 units, int min_places, char *buf);

/* A sum as MySQL's DECIMAL(38,8) prints it, back into units. */
enum status decimal_parse_sum(const char *text, size_t length,
	__int128 *out) MUST_USE;

/* a + b, a - b; ST_INVALID on overflow. */
enum status decimal_add(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;
enum status decimal_sub(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;

/*
 * a × b.  _exact refuses a product that needs a ninth place; _down and _up
 * round towards minus and plus infinity.  ST_INVALID on overflow.
 */
enum status decimal_mul_exact(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;
enum status decimal_mul_down(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;
enum status decimal_mul_up(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;

/* a / b, rounded towards minus infinity; ST_INVALID for b = 0 or overflow. */
enum status decimal_div_down(struct decimal a, struct decimal b,
	struct decimal *out) MUST_USE;

/* How many places D needs: 0 for whole numbers, up to 8. */
int decimal_places(struct decimal d);
