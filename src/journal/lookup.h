/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lookup.h - one record by its sequence.
 *
 * The matcher answers a command that was done before with the record of its
 * first doing.  A lookup keeps a sparse index of each segment that it has
 * been asked about (an entry for 64 KiB), made once, extended as the last
 * segment grows; an archived segment brings its own.  So an answer costs one
 * read of at most a frame and 64 KiB, however old the record is.
 */
#pragma once

#include <stdint.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"
#include "wire/record.h"

struct journal_lookup;

enum status journal_lookup_open(struct disk *disk, const char *dir,
	const char *archive, struct journal_lookup **out,
	struct reason *reason) MUST_USE;
void journal_lookup_close(struct journal_lookup *lookup);

/*
 * The record of SEQ, which must be on disk; valid until the next call.
 * ST_NOT_FOUND: the journal does not reach back, or up, so far.
 * ST_INTERNAL: damage.
 */
enum status journal_lookup_find(struct journal_lookup *lookup, uint64_t seq,
	const struct record **out, struct reason *reason) MUST_USE;
