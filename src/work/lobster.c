/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lobster.c - lines of digits and commas.
 */
#include "work/lobster.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_DIGITS 9
#define FIELD_MAX (INT64_MAX / 100)

/* ---- One line ------------------------------------------------------------ */

struct scan {
	const char *at, *end;
	bool good;
};

static int64_t
digits(struct scan *scan, int most, int *n)
{
	int64_t value = 0;

	for (*n = 0; scan->at < scan->end && *scan->at >= '0' &&
		*scan->at <= '9';
		scan->at++, ++*n) {
		if (*n == most)
			continue; /* of a fraction: cut */
		if (value > FIELD_MAX)
			scan->good = false;
		else
			value = value * 10 + (*scan->at - '0');
	}
	if (*n == 0)
		scan->good = false;
	return value;
}

static int64_t
number(struct scan *scan)
{
	bool minus = scan->at < scan->end && *scan->at == '-';
	int64_t value;
	int n;

	scan->at += minus;
	value = digits(scan, INT32_MAX, &n);
	return minus ? -value : value;
}

static int64_t
seconds(struct scan *scan)
{
	int64_t whole, part = 0;
	int n;

	whole = digits(scan, INT32_MAX, &n);
	if (whole > 1000 * INT64_C(86400))
		scan->good = false;
	if (!scan->good)
		return 0;
	if (scan->at < scan->end && *scan->at == '.') {
		scan->at++;
		part = digits(scan, NS_DIGITS, &n);
		for (; n < NS_DIGITS; n++)
			part *= 10;
	}
	return whole * NS_PER_SECOND + part;
}

static void
comma(struct scan *scan)
{
	if (scan->at < scan->end && *scan->at == ',')
		scan->at++;
	else
		scan->good = false;
}

enum status
lobster_parse(const char *line, size_t length, struct lobster_message *out)
{
	struct scan scan = {line, line + length, true};
	struct lobster_message message;
	int64_t type, order, direction;

	message.time_ns = seconds(&scan);
	comma(&scan);
	type = number(&scan);
	comma(&scan);
	order = number(&scan);
	comma(&scan);
	message.size = number(&scan);
	comma(&scan);
	message.price = number(&scan);
	comma(&scan);
	direction = number(&scan);
	if (!scan.good || scan.at != scan.end || type < LOBSTER_NEW ||
		type > LOBSTER_HALT || order < 0 ||
		(direction != 1 && direction != -1))
		return ST_MALFORMED;
	/* Of a halt price and size mean something else. */
	if (type != LOBSTER_HALT && type != LOBSTER_CROSS &&
		(message.size <= 0 || message.price <= 0))
		return ST_MALFORMED;
	message.type = (uint8_t)type;
	message.order = (uint64_t)order;
	message.side = direction == 1 ? SIDE_BUY : SIDE_SELL;
	*out = message;
	return ST_OK;
}

/* ---- A file -------------------------------------------------------------- */

struct reading {
	struct lobster_message *messages;
	size_t n, room;
	size_t line;
	char **reason;
};

static enum status PRINTF_LIKE(3, 4)
explain(struct reading *reading, enum status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (vasprintf(reading->reason, format, args) < 0)
		abort();
	va_end(args);
	return status;
}

static enum status
take_line(struct reading *reading, const char *path, const char *line,
	size_t length)
{
	reading->line++;
	while (length > 0 && (line[length - 1] == '\n' ||
				     line[length - 1] == '\r'))
		length--;
	if (length == 0)
		return ST_OK;
	if (reading->n == reading->room) {
		reading->room = reading->room ? reading->room * 2 : 65536;
		reading->messages = reallocarray(reading->messages,
			reading->room, sizeof(*reading->messages));
		if (!reading->messages)
			abort();
	}
	if (lobster_parse(line, length, &reading->messages[reading->n]) !=
		ST_OK)
		return explain(reading, ST_MALFORMED,
			"%s: line %zu is no message", path, reading->line);
	reading->n++;
	return ST_OK;
}

static enum status
take_all(struct reading *reading, const char *path, FILE *file)
{
	enum status status = ST_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while (status == ST_OK && (length = getline(&line, &room, file)) >= 0)
		status = take_line(reading, path, line, (size_t)length);
	if (status == ST_OK && ferror(file))
		status = explain(reading, ST_UNAVAILABLE, "%s: %s", path,
			strerror(errno));
	free(line);
	return status;
}

/* gzip's output as a file; its process in *CHILD. */
static FILE *
open_gzip(const char *path, pid_t *child)
{
	static char gzip[] = "gzip", flags[] = "-dc", end[] = "--";
	char *const argv[] = {gzip, flags, end, (char *)(uintptr_t)path, NULL};
	posix_spawn_file_actions_t actions;
	extern char **environ;
	FILE *file = NULL;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	error = posix_spawnp(child, "gzip", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	if (error == 0)
		file = fdopen(ends[0], "r");
	if (!file) {
		close(ends[0]);
		errno = error;
	}
	return file;
}

static enum status
read_file(struct reading *reading, const char *path)
{
	size_t length = strlen(path);
	bool packed = length > 3 && strcmp(path + length - 3, ".gz") == 0;
	pid_t child = 0;
	FILE *file = packed ? open_gzip(path, &child) : fopen(path, "re");
	enum status status;
	int ended = 0;

	if (!file)
		return explain(reading, ST_UNAVAILABLE,
			"%s cannot be read: %s", path, strerror(errno));
	status = take_all(reading, path, file);
	fclose(file);
	/* gzip has said why on stderr. */
	if (child != 0 && waitpid(child, &ended, 0) == child && ended != 0 &&
		status == ST_OK)
		status = explain(reading, ST_MALFORMED,
			"%s cannot be unpacked", path);
	return status;
}

enum status
lobster_read(const char *path, struct lobster_message **out, size_t *n,
	char **reason)
{
	struct reading reading = {.reason = reason};
	enum status status = read_file(&reading, path);

	if (status != ST_OK) {
		free(reading.messages);
		return status;
	}
	*out = reading.messages;
	*n = reading.n;
	return ST_OK;
}
