/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * log.c - lines on stderr.
 */
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"

#define LINE_MAX_BYTES 2048
/* What a pipe takes in one piece, and a file and journald's socket too. */
#define GATHERED_BYTES 4096
#define GATHER_S 1

static const char *program = "quantora";
static enum log_level threshold = LOG_LEVEL_INFO;

/*
 * Lines that wait.  The signal comes at any time; while BUSY it leaves the
 * lines alone, and says by DUE that their time is over.
 */
static struct {
	bool on;
	char text[GATHERED_BYTES];
	volatile size_t length;
	volatile sig_atomic_t busy, due, timed;
} gathered;

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

/* ---- Gathering --------------------------------------------------------- */

/* The compiler may not move what is done with the lines across either. */
static void
set_busy(bool busy)
{
	atomic_signal_fence(memory_order_seq_cst);
	gathered.busy = busy;
	atomic_signal_fence(memory_order_seq_cst);
}

/* A log that cannot be written has nowhere to be reported. */
static void
put(const char *text, size_t n)
{
	if (write(STDERR_FILENO, text, n) < 0)
		return;
}

static void
put_gathered(void)
{
	if (gathered.length > 0)
		put(gathered.text, gathered.length);
	gathered.length = 0;
	gathered.due = 0;
}

static void
on_time(int number)
{
	int error = errno;

	(void)number;
	gathered.timed = 0;
	if (gathered.busy)
		gathered.due = 1;
	else
		put_gathered();
	errno = error;
}

static void
start_timer(void)
{
	const struct itimerval time = {.it_value.tv_sec = GATHER_S};

	gathered.timed = 1;
	setitimer(ITIMER_REAL, &time, NULL);
}

static void
gather(enum log_level level, const char *line, size_t n)
{
	set_busy(true);
	if (n > sizeof(gathered.text) - gathered.length)
		put_gathered();
	memcpy(gathered.text + gathered.length, line, n);
	gathered.length += n;
	if (level < LOG_LEVEL_INFO || gathered.due)
		put_gathered();
	set_busy(false);
	/* Did it come after we had looked? */
	if (gathered.due)
		log_flush();
	if (gathered.length > 0 && !gathered.timed)
		start_timer();
}

void
log_gather(void)
{
	struct sigaction action = {
		.sa_handler = on_time, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGALRM, &action, NULL);
	gathered.on = true;
}

void
log_flush(void)
{
	set_busy(true);
	put_gathered();
	set_busy(false);
}

/* ---- Lines ------------------------------------------------------------- */

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
	if (gathered.on)
		gather(level, line, (size_t)(at - line));
	else
		put(line, (size_t)(at - line));
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
