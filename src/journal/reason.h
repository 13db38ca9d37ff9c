/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reason.h - one sentence that says what is wrong with the journal.
 *
 * The journal is read by programs without a request, so what went wrong is
 * kept in a struct that the caller owns, and not in a ctx.  The sentence
 * names the file, and the offset where there is one; it is for the log and
 * for the administrator.
 */
#pragma once

#include "base/status.h"

#define REASON_MAX 512

struct reason {
	char text[REASON_MAX]; /* "" until something went wrong */
};

/* Write the sentence and return STATUS: "return reason_set(…)". */
enum status reason_set(struct reason *reason, enum status status,
	const char *format, ...) PRINTF_LIKE(3, 4);

/* The same with ": " and the words of a negative errno from a disk. */
enum status reason_errno(struct reason *reason, int error, const char *format,
	...) PRINTF_LIKE(3, 4);
