/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * clock.c - the system's clocks, and the proleptic Gregorian calendar.
 *
 * Days from civil and back: Howard Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", http://howardhinnant.github.io/date_algorithms.html.
 */
#include "base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

static int64_t
read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * US_PER_SECOND + now.tv_nsec / 1000;
}

int64_t
clock_wall_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_monotonic_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int64_t
days_from_civil(int64_t year, int month, int day)
{
	int64_t era, year_of_era, day_of_year, day_of_era;

	year -= month <= 2;
	era = (year >= 0 ? year : year - 399) / 400;
	year_of_era = year - era * 400;
	day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	day_of_era =
		year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
		day_of_year;
	return era * 146097 + day_of_era - 719468;
}

static void
civil_from_days(int64_t days, int *year, int *month, int *day)
{
	int64_t era, day_of_era, year_of_era, day_of_year, m;

	days += 719468;
	era = (days >= 0 ? days : days - 146096) / 146097;
	day_of_era = days - era * 146097;
	year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
			      day_of_era / 146096) /
		365;
	day_of_year = day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	m = (5 * day_of_year + 2) / 153;
	*day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(year_of_era + era * 400 + (*month <= 2));
}

/* WIDTH digits of NUMBER and then AFTER; without printf, since it is hot. */
static char *
put_digits(char *to, int number, int width, char after)
{
	int i;

	for (i = width; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	to[width] = after;
	return to + width + 1;
}

size_t
clock_format(int64_t time_us, int places, char *buf)
{
	int64_t days = time_us / US_PER_DAY;
	int64_t rest = time_us % US_PER_DAY;
	int year, month, day, seconds;
	char *to = buf;

	if (rest < 0) {
		rest += US_PER_DAY;
		days--;
	}
	civil_from_days(days, &year, &month, &day);
	seconds = (int)(rest / US_PER_SECOND);
	rest %= US_PER_SECOND;
	to = put_digits(to, year, 4, '-');
	to = put_digits(to, month, 2, '-');
	to = put_digits(to, day, 2, 'T');
	to = put_digits(to, seconds / 3600, 2, ':');
	to = put_digits(to, seconds / 60 % 60, 2, ':');
	to = put_digits(to, seconds % 60, 2, places > 0 ? '.' : 'Z');
	if (places == 3)
		to = put_digits(to, (int)(rest / 1000), 3, 'Z');
	else if (places == 6)
		to = put_digits(to, (int)rest, 6, 'Z');
	*to = '\0';
	return (size_t)(to - buf);
}

struct reader {
	const char *at;
	const char *end;
};

/* Exactly DIGITS digits. */
static bool
take_number(struct reader *r, int digits, int *out)
{
	int value = 0;

	for (; digits > 0; digits--) {
		if (r->at == r->end || *r->at < '0' || *r->at > '9')
			return false;
		value = value * 10 + (*r->at++ - '0');
	}
	*out = value;
	return true;
}

static bool
take_char(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static bool
take_date(struct reader *r, int64_t *days)
{
	static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
		30, 31};
	int year, month, day, y, m, d;

	if (!take_number(r, 4, &year) || !take_char(r, '-') ||
		!take_number(r, 2, &month) || !take_char(r, '-') ||
		!take_number(r, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
		return false;
	*days = days_from_civil(year, month, day);
	/* The 29th of February comes back as another day in a common year. */
	civil_from_days(*days, &y, &m, &d);
	return d == day;
}

static bool
take_time(struct reader *r, int64_t *us)
{
	int hour, minute, second, unit = 100000;

	if (!take_number(r, 2, &hour) || !take_char(r, ':') ||
		!take_number(r, 2, &minute))
		return false;
	second = 0;
	if (take_char(r, ':') && !take_number(r, 2, &second))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*us = ((int64_t)hour * 3600 + minute * 60 + second) * US_PER_SECOND;
	if (!take_char(r, '.'))
		return true;
	if (r->at == r->end || *r->at < '0' || *r->at > '9')
		return false;
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; unit /= 10)
		*us += (int64_t)(*r->at++ - '0') * unit;
	return true;
}

static bool
take_zone(struct reader *r, int64_t *offset_us)
{
	int hours, minutes = 0, sign;

	*offset_us = 0;
	if (r->at == r->end || take_char(r, 'Z') || take_char(r, 'z'))
		return true;
	if (take_char(r, '+'))
		sign = 1;
	else if (take_char(r, '-'))
		sign = -1;
	else
		return false;
	if (!take_number(r, 2, &hours))
		return false;
	(void)take_char(r, ':');
	if (r->at < r->end && !take_number(r, 2, &minutes))
		return false;
	*offset_us = sign * ((int64_t)hours * 60 + minutes) * US_PER_MINUTE;
	return hours < 24 && minutes < 60;
}

static bool
all_digits(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return length > 0;
}

static enum status
parse_unix(const char *text, size_t length, int64_t *time_us)
{
	int64_t value = 0;
	size_t i;

	if (length > 16)
		return ST_INVALID;
	for (i = 0; i < length; i++)
		value = value * 10 + (text[i] - '0');
	*time_us = length <= 10 ? value * US_PER_SECOND
		: length <= 13  ? value * 1000
				: value;
	return ST_OK;
}

enum status
clock_parse(const char *text, size_t length, int64_t *time_us)
{
	struct reader r = {text, text + length};
	int64_t days, us = 0, offset = 0;

	if (all_digits(text, length))
		return parse_unix(text, length, time_us);
	if (!take_date(&r, &days))
		return ST_INVALID;
	if (r.at < r.end) {
		if (!take_char(&r, 'T') && !take_char(&r, 't') &&
			!take_char(&r, ' '))
			return ST_INVALID;
		if (!take_time(&r, &us) || !take_zone(&r, &offset) ||
			r.at != r.end)
			return ST_INVALID;
	}
	*time_us = days * US_PER_DAY + us - offset;
	return ST_OK;
}
