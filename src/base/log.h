/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * log.h - one line an event, on stderr.
 *
 * "level time program message key=value …".  Only daemons and the dispatcher
 * log; libraries return.  Control characters are escaped, so that what a
 * client sends cannot forge a line; a line is never cut in two write(2)s.
 */
#pragma once

#include "base/status.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* NAME is kept, not copied.  Lines above LEVEL are dropped. */
void log_open(const char *name, enum log_level level);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* The same of a MESSAGE that is ready: for a line a request. */
void log_text(enum log_level level, const char *message);

/*
 * From here on a line of LOG_LEVEL_INFO or DEBUG waits for others, at most for
 * a second: for who has one for each request.  Errors and warnings never wait,
 * and what waits goes before them.  Whoever is killed takes what waits along.
 *
 * Takes SIGALRM and ITIMER_REAL, so calls that wait may see an EINTR.  Not for
 * a parent: a child would have its lines as well.
 */
void log_gather(void);
/* Write what waits: before the end. */
void log_flush(void);

/* Log an error and end with exit code 1: a start that cannot go on. */
void log_fatal(const char *format, ...) PRINTF_LIKE(1, 2)
	__attribute__((noreturn));
