/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hex.h - hexadecimal digits.
 */
#pragma once

/* 0 to 15, in either case; -1 for what is no such digit. */
static inline int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}
