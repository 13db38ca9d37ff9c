/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * log.c - lines on stderr.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 2048

static const char *program = "quantora";
static enum log_level threshold = LOG_LEVEL_INFO;

void
log_open(const char *name, enum log_level level)
{
	program = name;
	threshold = level;
}

/* Copy FROM to TO with control characters as \xNN; returns the new end. */
static char *
escape(const char *from, char *to, const char *end)
{
	static const char hex[] = "0123456789abcdef";

	for (; *from && to + 4 < end; from++) {
		unsigned char c = (unsigned char)*from;

		if (c >= 0x20 && c != 0x7f) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

void
log_text(enum log_level level, const char *message)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	char line[LINE_MAX_BYTES];
	char when[CLOCK_TEXT_MAX];
	const char *end = line + sizeof(line) - 1;
	char *at;

	if (level > threshold)
		return;
	clock_format(clock_wall_us(), 6, when);
	at = escape(names[level], line, end);
	*at++ = ' ';
	at = escape(when, at, end);
	*at++ = ' ';
	at = escape(program, at, end);
	*at++ = ' ';
	at = escape(message, at, end);
	*at++ = '\n';
	/* A log that cannot be written has nowhere to be reported. */
	if (write(STDERR_FILENO, line, (size_t)(at - line)) < 0)
		return;
}

static void PRINTF_LIKE(2, 0)
log_line(enum log_level level, const char *format, va_list args)
{
	char message[LINE_MAX_BYTES / 2];

	if (level > threshold)
		return;
	vsnprintf(message, sizeof(message), format, args);
	log_text(level, message);
}

#define DEFINE_LOG(name, level)                                                \
	void name(const char *format, ...)                                     \
	{                                                                      \
		va_list args;                                                  \
		va_start(args, format);                                        \
		log_line(level, format, args);                                 \
		va_end(args);                                                  \
	}

DEFINE_LOG(log_error, LOG_LEVEL_ERROR)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)

void
log_fatal(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_LEVEL_ERROR, format, args);
	va_end(args);
	exit(1);
}
