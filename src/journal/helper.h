/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * helper.h - the process that prepares spare segments and archives old ones.
 *
 * Writing 64 MiB of zeros, or compressing as much, must not happen on the
 * matcher's thread.  The helper is forked at the very beginning of the
 * program, before there are pools: a child that lives long keeps a copy of
 * every page its parent changes.  It sleeps until it is woken, and ends with
 * its parent.
 *
 * The helper only adds spare segments, and replaces a closed segment by its
 * archived form; it never touches the segment that is written.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

#define JOURNAL_SPARES 2

struct journal_options;

/* Shared with the helper process. */
struct journal_helper_page {
	_Atomic int32_t error;         /* why there are no spares: a negative */
	_Atomic int32_t archive_error; /* errno, or 0; and why no archive */
	_Atomic uint64_t spares_made;
	_Atomic uint64_t archived;
};

struct journal_helper {
	pid_t pid;
	int wake; /* a byte here starts a round; closing it ends the helper */
	struct journal_helper_page *page;
};

/* Fork it.  DIR, ARCHIVE and SEGMENT_BYTES of OPTIONS are used. */
enum status journal_helper_start(struct disk *disk,
	const struct journal_options *options, struct journal_helper *out,
	struct reason *reason) MUST_USE;

/* Ask for a round; never blocks. */
void journal_helper_wake(struct journal_helper *helper);

/* The negative errno that keeps it from making spares, or 0. */
int journal_helper_error(const struct journal_helper *helper);
/* The same for archiving; -EBADMSG: a closed segment is damaged. */
int journal_helper_archive_error(const struct journal_helper *helper);

/* False once the process has ended; it is then reaped. */
bool journal_helper_alive(struct journal_helper *helper);

/* End it and wait.  A helper that was never started is fine. */
void journal_helper_stop(struct journal_helper *helper);

/*
 * One round in this process: make what is missing of the spares, then
 * archive what may be archived.  What the helper does when it is woken; and
 * what a test or a simulation calls instead of having one.
 */
int journal_helper_round(struct disk *disk,
	const struct journal_options *options,
	struct journal_helper_page *page) MUST_USE;

/* The process's main loop: a round for each wake-up until the end of it. */
int journal_helper_main(struct disk *disk,
	const struct journal_options *options, int wake,
	struct journal_helper_page *page);
