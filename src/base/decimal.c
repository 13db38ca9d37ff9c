/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * decimal.c - exact text and arithmetic of 10^-8 units.
 *
 * The parser collects the significant digits as an integer and the position
 * of the point as a power of ten, and only then scales, so that "1e-7",
 * "0.0000001" and "0.00000010000" are one number.  All accumulation is in
 * 128 bits and stops as soon as the value cannot come back into range.
 */
#include "base/decimal.h"

#include <assert.h>
#include <string.h>

/* 10^38 is the largest power of ten in an int128; sums stay below it. */
#define SUM_LIMIT_DIGITS 38
/* Enough to tell "far out of range" without overflowing an int. */
#define EXPONENT_LIMIT 1000

struct scanner {
	const char *at;
	const char *end;
	unsigned __int128 digits; /* significant digits read so far */
	int n_digits;             /* how many, without leading zeros */
	int scale;                /* value = digits × 10^scale */
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
at_digit(const struct scanner *s)
{
	return s->at < s->end && is_digit(*s->at);
}

/*
 * Take one run of digits.  Zeros at the end of the number are kept as a
 * pending power, so that "1.000000000000000000000000000000000000000000" does
 * not overflow for digits that say nothing.
 */
static bool
scan_digits(struct scanner *s, bool fraction, int *zeros)
{
	if (!at_digit(s))
		return false;
	for (; at_digit(s); s->at++) {
		if (fraction)
			s->scale--;
		if (*s->at == '0') {
			if (s->n_digits > 0)
				(*zeros)++;
			continue;
		}
		if (s->n_digits + *zeros >= SUM_LIMIT_DIGITS)
			return false;
		for (; *zeros > 0; (*zeros)--, s->n_digits++)
			s->digits *= 10;
		s->digits = s->digits * 10 + (unsigned)(*s->at - '0');
		s->n_digits++;
	}
	return true;
}

static bool
scan_exponent(struct scanner *s)
{
	bool negative = false;
	int exponent = 0;

	s->at++;
	if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
		negative = *s->at++ == '-';
	if (!at_digit(s))
		return false;
	for (; at_digit(s); s->at++)
		if (exponent < EXPONENT_LIMIT)
			exponent = exponent * 10 + (*s->at - '0');
	s->scale += negative ? -exponent : exponent;
	return true;
}

/* Bring digits × 10^scale to units of 10^-8, exactly or not at all. */
static bool
scale_to_units(struct scanner *s)
{
	int power = s->scale + DECIMAL_PLACES;

	if (s->digits == 0)
		return true;
	if (power < 0 || s->n_digits + power > SUM_LIMIT_DIGITS)
		return false;
	for (; power > 0; power--)
		s->digits *= 10;
	return true;
}

enum status
decimal_parse_sum(const char *text, size_t length, __int128 *out)
{
	struct scanner s = {.at = text, .end = text + length};
	bool negative = false;
	int zeros = 0;

	if (s.at < s.end && *s.at == '-') {
		negative = true;
		s.at++;
	}
	/* As in JSON, a leading zero stands alone: "007" is not a number. */
	if (s.end - s.at > 1 && s.at[0] == '0' && is_digit(s.at[1]))
		return ST_INVALID;
	if (!scan_digits(&s, false, &zeros))
		return ST_INVALID;
	if (s.at < s.end && *s.at == '.') {
		s.at++;
		if (!scan_digits(&s, true, &zeros))
			return ST_INVALID;
	}
	if (s.at < s.end && (*s.at == 'e' || *s.at == 'E'))
		if (!scan_exponent(&s))
			return ST_INVALID;
	s.scale += zeros;
	if (s.at != s.end || !scale_to_units(&s))
		return ST_INVALID;
	*out = negative ? -(__int128)s.digits : (__int128)s.digits;
	return ST_OK;
}

static enum status
narrow(__int128 wide, struct decimal *out)
{
	/* INT64_MIN is DECIMAL_NONE, and so is no number. */
	if (wide > INT64_MAX || wide <= INT64_MIN)
		return ST_INVALID;
	out->units = (int64_t)wide;
	return ST_OK;
}

enum status
decimal_parse_n(const char *text, size_t length, struct decimal *out)
{
	__int128 wide;

	TRY(decimal_parse_sum(text, length, &wide));
	return narrow(wide, out);
}

enum status
decimal_parse(const char *text, struct decimal *out)
{
	return decimal_parse_n(text, strlen(text), out);
}

/*
 * Write NUMBER's digits so that they end before END, at least WIDTH of them;
 * returns where they begin.
 */
static char *
put_digits(char *end, uint64_t number, int width)
{
	for (; number > 0 || width > 0; number /= 10, width--)
		*--end = (char)('0' + number % 10);
	return end;
}

/* What nearly all are; divisions of 128 bits are slow. */
static size_t
format_u64(uint64_t units, bool negative, int min_places, char *buf)
{
	static const int steps[] = {4, 2, 1};
	static const uint32_t powers[] = {10000, 100, 10};
	char text[DECIMAL_TEXT_MAX], *end = text + sizeof(text), *at = end;
	uint32_t fraction = (uint32_t)(units % DECIMAL_ONE);
	int places = fraction == 0 ? min_places : DECIMAL_PLACES;
	size_t i;

	/* Zeros at the end that nobody asked for. */
	for (i = 0; fraction > 0 && i < N_ELEMENTS(steps); i++)
		if (places - steps[i] >= min_places &&
			fraction % powers[i] == 0) {
			fraction /= powers[i];
			places -= steps[i];
		}
	if (places > 0) {
		at = put_digits(at, fraction, places);
		*--at = '.';
	}
	at = put_digits(at, units / DECIMAL_ONE, 1);
	if (negative)
		*--at = '-';
	memcpy(buf, at, (size_t)(end - at));
	buf[end - at] = '\0';
	return (size_t)(end - at);
}

size_t
decimal_format_sum(__int128 units, int min_places, char *buf)
{
	char reversed[DECIMAL_SUM_TEXT_MAX];
	unsigned __int128 rest = units < 0 ? -(unsigned __int128)units
					   : (unsigned __int128)units;
	size_t n = 0, length = 0;
	int place;

	assert(min_places >= 0 && min_places <= DECIMAL_PLACES);
	if (rest <= UINT64_MAX)
		return format_u64((uint64_t)rest, units < 0, min_places, buf);
	for (place = DECIMAL_PLACES; place > 0; place--) {
		char digit = (char)('0' + (int)(rest % 10));

		rest /= 10;
		if (n > 0 || digit != '0' || place <= min_places)
			reversed[n++] = digit;
	}
	if (n > 0)
		reversed[n++] = '.';
	do {
		reversed[n++] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest > 0);
	if (units < 0)
		buf[length++] = '-';
	while (n > 0)
		buf[length++] = reversed[--n];
	buf[length] = '\0';
	return length;
}

size_t
decimal_format(struct decimal d, int min_places, char *buf)
{
	return decimal_format_sum(d.units, min_places, buf);
}

enum status
decimal_add(struct decimal a, struct decimal b, struct decimal *out)
{
	return narrow((__int128)a.units + b.units, out);
}

enum status
decimal_sub(struct decimal a, struct decimal b, struct decimal *out)
{
	return narrow((__int128)a.units - b.units, out);
}

enum status
decimal_mul_exact(struct decimal a, struct decimal b, struct decimal *out)
{
	__int128 wide = (__int128)a.units * b.units;

	if (wide % DECIMAL_ONE != 0)
		return ST_INVALID;
	return narrow(wide / DECIMAL_ONE, out);
}

static __int128
floor_div(__int128 a, __int128 b)
{
	__int128 q = a / b;

	return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}

enum status
decimal_mul_down(struct decimal a, struct decimal b, struct decimal *out)
{
	return narrow(floor_div((__int128)a.units * b.units, DECIMAL_ONE), out);
}

enum status
decimal_mul_up(struct decimal a, struct decimal b, struct decimal *out)
{
	return narrow(-floor_div(-((__int128)a.units * b.units), DECIMAL_ONE),
		out);
}

enum status
decimal_div_down(struct decimal a, struct decimal b, struct decimal *out)
{
	if (b.units == 0)
		return ST_INVALID;
	return narrow(floor_div((__int128)a.units * DECIMAL_ONE, b.units), out);
}

int
decimal_places(struct decimal d)
{
	int places = DECIMAL_PLACES;
	int64_t units = d.units;

	while (places > 0 && units % 10 == 0) {
		units /= 10;
		places--;
	}
	return places;
}
