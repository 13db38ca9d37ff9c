/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * prune.h - removing archived segments, by hand and never too many.
 *
 * Nothing but this deletes a part of the journal.  The journal must reach
 * back to the oldest backup of MySQL that is kept, or that backup is worth
 * nothing; so who makes backups notes here which sequence each was settled up
 * to (empty files "backup-<20 digits>" in the archive), and takes the note
 * away with the backup.  Without any note nothing is pruned.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

/* A backup exists in which everything up to SEQ was settled; or none does. */
enum status journal_backup_note(struct disk *disk, const char *archive,
	uint64_t seq, struct reason *reason) MUST_USE;
enum status journal_backup_forget(struct disk *disk, const char *archive,
	uint64_t seq, struct reason *reason) MUST_USE;

/* The oldest that is noted.  ST_NOT_FOUND: none. */
enum status journal_backup_oldest(struct disk *disk, const char *archive,
	uint64_t *seq, struct reason *reason) MUST_USE;

struct journal_prune {
	uint64_t segments;  /* how many are, or were, removed */
	uint64_t first_seq; /* that the journal begins with afterwards */
};

/*
 * Remove the archived segments that hold nothing but sequences below BEFORE;
 * with DRY only count them.  ST_CONFLICT: a backup or a snapshot needs them.
 */
enum status journal_prune(struct disk *disk, const char *dir,
	const char *archive, uint64_t before, bool dry,
	struct journal_prune *out, struct reason *reason) MUST_USE;
