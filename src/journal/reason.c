/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reason.c - keeping the sentence.
 */
#include "journal/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum status
reason_set(struct reason *reason, enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);
	return status;
}

enum status
reason_errno(struct reason *reason, int error, const char *format, ...)
{
	char words[128];
	va_list args;
	size_t used;

	va_start(args, format);
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	va_end(args);
	used = strlen(reason->text);
	snprintf(reason->text + used, sizeof(reason->text) - used, ": %s",
		strerror_r(-error, words, sizeof(words)));
	return ST_INTERNAL;
}
