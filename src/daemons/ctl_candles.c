/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ctl_candles.c - "quantoractl candles": those of outside venues, out of files.
 *
 *	quantoractl candles import FILE --exchange NAME --symbol S --interval I
 *	quantoractl candles list
 *
 * What a line is, and what makes a good one, is told in
 * domain/market_data_import.h.  A FILE that ends in ".gz" is read through
 * "gzip -dc".  Bad lines are named, with their number, and left out; then the
 * exit code is 1, though the good ones are there.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "daemons/ctl.h"
#include "domain/audit.h"
#include "domain/market_data_import.h"

#define TELL_MAX 20 /* bad lines that are named */
#define PROGRESS_US 100000
#define BAR_WIDTH 40
#define STEPS 10 /* of progress where there is no terminal */

struct source {
	const char *path;
	FILE *lines;
	int fd;        /* of FILE itself: how far it has been read */
	int64_t bytes; /* of FILE; 0: unknown, a pipe */
	pid_t child;   /* gzip, or 0 */
};

struct progress {
	int64_t shown_us;
	int step;
};

/* ---- The file -------------------------------------------------------------- */

/* gzip's output; its input is our descriptor, which tells how far it is. */
static FILE *
unpack(int fd, pid_t *child)
{
	static char gzip[] = "gzip", flags[] = "-dc";
	char *const argv[] = {gzip, flags, NULL};
	posix_spawn_file_actions_t actions;
	extern char **environ;
	FILE *file = NULL;
	int ends[2], error;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
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

static int
open_source(struct source *source)
{
	size_t length = strlen(source->path);
	bool packed = length > 3 &&
		      strcmp(source->path + length - 3, ".gz") == 0;
	struct stat about;

	source->fd = open(source->path, O_RDONLY | O_CLOEXEC);
	if (source->fd < 0 || fstat(source->fd, &about) != 0)
		return ctl_complain("%s: %s", source->path, strerror(errno));
	if (S_ISDIR(about.st_mode))
		return ctl_complain("%s: %s", source->path, strerror(EISDIR));
	if (S_ISREG(about.st_mode))
		source->bytes = about.st_size;
	source->lines = packed ? unpack(source->fd, &source->child)
			       : fdopen(dup(source->fd), "r");
	if (!source->lines)
		return ctl_complain("%s: %s", source->path, strerror(errno));
	return CTL_OK;
}

/* Whether all of it could be read. */
static int
close_source(struct source *source)
{
	bool failed = source->lines && ferror(source->lines);
	int ended = 0;

	if (source->lines)
		fclose(source->lines);
	if (source->fd >= 0)
		close(source->fd);
	/* gzip has said why on stderr. */
	if (source->child > 0 &&
		waitpid(source->child, &ended, 0) == source->child &&
		ended != 0)
		return ctl_complain("%s cannot be unpacked to its end",
			source->path);
	return failed ? ctl_complain("%s: %s", source->path, strerror(errno))
		      : CTL_OK;
}

/* ---- Progress -------------------------------------------------------------- */

static void
show_bar(int64_t done, int64_t all, uint64_t lines)
{
	int filled = (int)(done * BAR_WIDTH / all);

	fprintf(stderr, "\r[%-*.*s] %3d %%, %" PRIu64 " lines", BAR_WIDTH,
		filled, "########################################",
		(int)(done * 100 / all), lines);
}

/* A bar for people, a line now and then for logs. */
static void
show_progress(const struct source *source, struct progress *progress,
	uint64_t lines, bool end)
{
	int64_t now_us = clock_monotonic_us(), done = source->bytes;
	int step = STEPS;

	if (source->bytes == 0)
		return;
	if (!end)
		done = lseek(source->fd, 0, SEEK_CUR);
	if (isatty(STDERR_FILENO)) {
		if (!end && now_us - progress->shown_us < PROGRESS_US)
			return;
		progress->shown_us = now_us;
		show_bar(done, source->bytes, lines);
		if (end)
			fputc('\n', stderr);
		return;
	}
	step = (int)(done * STEPS / source->bytes);
	if (step <= progress->step)
		return;
	progress->step = step;
	fprintf(stderr, "%d %%, %" PRIu64 " lines\n", step * 100 / STEPS,
		lines);
}

/* ---- import ---------------------------------------------------------------- */

static void
tell_bad(struct ctl *ctl, const struct source *source,
	const struct candle_import_counts *counts)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
	if (counts->bad <= TELL_MAX)
		ctl_complain("%s: line %" PRIu64 ": %s", source->path,
			counts->lines, ctl->ctx.fault.reason);
	if (counts->bad == TELL_MAX)
		ctl_complain("further bad lines are only counted");
}

static int
take_lines(struct ctl *ctl, const struct source *source,
	struct candle_import *import)
{
	struct progress progress = {0};
	struct candle_import_counts counts;
	enum status status = ST_OK;
	char *line = NULL;
	size_t room = 0;
	ssize_t length;

	while ((length = getline(&line, &room, source->lines)) >= 0) {
		if (length > 0 && line[length - 1] == '\n')
			length--;
		status = candle_import_line(import, line, (size_t)length);
		counts = candle_import_counts(import);
		if (status == ST_INVALID) {
			tell_bad(ctl, source, &counts);
			status = ST_OK;
		}
		if (status != ST_OK)
			break;
		if (counts.lines % 512 == 0)
			show_progress(source, &progress, counts.lines, false);
	}
	free(line);
	if (status == ST_OK)
		status = candle_import_end(import);
	if (status != ST_OK)
		return ctl_failed(ctl, status, source->path);
	counts = candle_import_counts(import);
	show_progress(source, &progress, counts.lines, true);
	return CTL_OK;
}

/* What comes from outside leaves a trace. */
static int
note(struct ctl *ctl, const char *details)
{
	enum status status;
	char *reason;

	ctl->ctx.auth = auth_open(ctl->conf, AUTH_SECRETS, &reason);
	if (!ctl->ctx.auth)
		return ctl_complain("%s", reason);
	status = audit_write(&ctl->ctx,
		&(struct audit_event){.action = "candles.imported",
			.outcome = AUDIT_OK,
			.details = details});
	return status == ST_OK ? CTL_OK
			       : ctl_failed(ctl, status, "the audit log");
}

static int
tell(struct ctl *ctl, const struct candle_import_terms *terms,
	const struct candle_import *import)
{
	struct candle_import_counts counts = candle_import_counts(import);
	const char *text = arena_printf(ctl->ctx.arena,
		"exchange=%s symbol=%s interval=%s new=%" PRIu64
		" replaced=%" PRIu64 " bad=%" PRIu64,
		terms->exchange, candle_import_symbol(import),
		interval_name(terms->interval), counts.fresh, counts.replaced,
		counts.bad);

	puts(text);
	if (counts.fresh + counts.replaced > 0 && note(ctl, text) != CTL_OK)
		return CTL_FAILED;
	return counts.bad == 0 ? CTL_OK : CTL_FAILED;
}

static int
import_file(struct ctl *ctl, const struct candle_import_terms *terms,
	struct source *source)
{
	struct candle_import *import;
	enum status status;
	int code = open_source(source), told;

	if (code != CTL_OK)
		return code;
	status = candle_import_begin(&ctl->ctx, terms, &import);
	if (status != ST_OK)
		return ctl_failed(ctl, status, "import");
	code = take_lines(ctl, source, import);
	/* Also of what was cut short something may be there. */
	told = tell(ctl, terms, import);
	return code == CTL_OK ? told : code;
}

static int
import(struct ctl *ctl, int argc, char **argv)
{
	const char *interval = ctl_option(&argc, argv, "interval");
	struct candle_import_terms terms = {
		.exchange = ctl_option(&argc, argv, "exchange"),
		.symbol = ctl_option(&argc, argv, "symbol"),
	};
	struct source source = {.fd = -1};
	int code, closed;

	if (argc != 2 || !interval || !terms.exchange || !terms.symbol)
		return CTL_USAGE;
	if (!interval_named(interval, &terms.interval))
		return ctl_complain("%s is no interval: give 1m, 5m, 15m, 1h, "
				    "4h, 1d or 1w", interval);
	source.path = argv[1];
	code = import_file(ctl, &terms, &source);
	closed = close_source(&source);
	return code == CTL_OK ? closed : code;
}

/* ---- list ------------------------------------------------------------------ */

static const char *
interval_text(struct ctl *ctl, int64_t seconds)
{
	enum interval i;

	for (i = 0; i < INTERVALS; i++)
		if (interval_us(i) == seconds * US_PER_SECOND)
			return interval_name(i);
	return arena_printf(ctl->ctx.arena, "%" PRId64 "s", seconds);
}

static enum status
list_series(struct ctl *ctl)
{
	int64_t seconds, candles, first_us, last_us;
	const char *exchange, *symbol;
	struct db_rows *rows;

	TRY(db_query(&ctl->ctx,
		"SELECT s.exchange, s.symbol, s.interval_s, "
		"COUNT(c.series_id), MIN(c.opened_at), MAX(c.opened_at) "
		"FROM candle_series s LEFT JOIN imported_candles c "
		"ON c.series_id = s.id AND c.step_s = 0 "
		"GROUP BY s.id, s.exchange, s.symbol, s.interval_s "
		"ORDER BY s.exchange, s.symbol, s.interval_s LIMIT 100000",
		DB_NOTHING, &rows));
	while (db_next(rows,
		DB_OUT(db_to_text(&exchange), db_to_text(&symbol),
			db_to_i64(&seconds), db_to_i64(&candles),
			db_to_time(&first_us), db_to_time(&last_us)))) {
		char first[CLOCK_TEXT_MAX] = "-", last[CLOCK_TEXT_MAX] = "-";

		if (candles > 0) {
			clock_format(first_us, 0, first);
			clock_format(last_us, 0, last);
		}
		printf("%s %s %s candles=%" PRId64 " first=%s last=%s\n",
			exchange, symbol, interval_text(ctl, seconds), candles,
			first, last);
	}
	return ST_OK;
}

static int
list(struct ctl *ctl, int argc, char **argv)
{
	enum status status;

	(void)argv;
	if (argc != 1)
		return CTL_USAGE;
	status = list_series(ctl);
	return status == ST_OK ? CTL_OK : ctl_failed(ctl, status, "candles");
}

const struct ctl_command ctl_candles_commands[] = {
	{"candles", "import",
		"FILE --exchange NAME --symbol BASE/QUOTE --interval "
		"1m|5m|15m|1h|4h|1d|1w",
		"read candles of an outside venue out of CSV (or .csv.gz)",
		CTL_DB, DB_AS_WORKER, import},
	{"candles", "list", "", "what was imported", CTL_DB, DB_AS_WORKER,
		list},
	CTL_END,
};
