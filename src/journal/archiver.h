/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * archiver.h - which closed segments go into the archive, and how.
 *
 * A segment goes when the older of two snapshots lies behind its last record,
 * so that a start never needs the archive unless both snapshots are damaged.
 * Every frame of it is checked first: what is damaged stays where it is, for
 * somebody to look at.  The archived form is compared with the segment, byte
 * by byte, before that is removed.
 */
#pragma once

#include "journal/disk.h"
#include "journal/reason.h"

/* Archive the oldest that may go.  1: done, 0: there is none, or an errno. */
int archive_next(struct disk *disk, const char *dir, const char *archive,
	struct reason *reason) MUST_USE;
