/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * verify.h - reading a whole journal to see whether it is sound.
 *
 * Everything up to the durable mark is checked as a follower would: all
 * checksums, the chain through all segments and the archive, each sequence,
 * each record's form.  When no process has the journal open what lies above
 * the mark is judged as a start would judge it, so a journal that verifies
 * is one that starts.
 *
 * Not to be called by the process that writes the journal: asking for its lock
 * would lose it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

struct journal_report {
	struct ident journal;
	uint64_t first_seq, last_seq; /* of what was checked; 0, 0: nothing */
	uint64_t mark;                /* known to be on disk */
	uint64_t segments, archived;  /* how many, and how many of them */
	uint64_t records;
	bool live;              /* a process has it open */
	bool torn;              /* a torn frame waits to be dropped */
	uint32_t snapshots;     /* how many are whole */
	uint32_t snapshots_bad; /* and how many are not */
	struct reason snapshot; /* what is wrong with the last of these */
};

/* ST_OK: sound.  ST_INTERNAL: damage, and REASON says where. */
enum status journal_verify(struct disk *disk, const char *dir,
	const char *archive, struct journal_report *out,
	struct reason *reason) MUST_USE;
