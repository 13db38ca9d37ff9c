/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * snapshot.h - the engine's memory at a sequence, as a file.
 *
 * A snapshot is a header and up to SNAPSHOT_SECTIONS_MAX sections of raw
 * bytes, each with a checksum.  It is written by a forked child out of the
 * memory that it shares with the matcher: the parent opens the temporary
 * file, the child writes, syncs and renames, and calls neither malloc nor
 * anything that takes a lock.
 *
 *	snapshot_begin(disk, dir, &writer, &reason)            parent
 *	fork
 *		snapshot_write(writer, &info, extents, n, …)     child
 *	snapshot_end(writer)                                     parent
 *	… the child has ended well: journal_snapshot_done()
 *
 * Two are kept.  The newest that is whole wins; a damaged one is passed over
 * in favour of the older and a longer replay.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

#define SNAPSHOT_SECTIONS_MAX 64
#define SNAPSHOTS_KEPT 2

/* What a snapshot says of itself. */
struct snapshot_info {
	struct ident journal; /* identity of the journal it belongs to */
	uint64_t seq;         /* the state after this command, on disk */
	int64_t time_us;      /* of the last frame */
	uint32_t chain;       /* checksum of the frame that ends with SEQ */
	uint16_t layout;      /* of the sections: for who loads them to judge */
	uint8_t spare[2];
	uint8_t state_hash[16];
};

/* A piece of the engine's memory; LENGTH may be 0. */
struct snapshot_extent {
	const void *bytes;
	uint64_t length;
};

struct snapshot_writer;

/* Parent, before the fork: open the temporary file. */
enum status snapshot_begin(struct disk *disk, const char *dir,
	struct snapshot_writer **out, struct reason *reason) MUST_USE;

/*
 * Child: write all, sync, rename.  No malloc.  INFO may be completed (the
 * state hash) in the child.  After a failure the temporary file is gone.
 */
enum status snapshot_write(struct snapshot_writer *writer,
	const struct snapshot_info *info, const struct snapshot_extent *extents,
	uint32_t n_extents, struct reason *reason) MUST_USE;

/* Parent, after the fork (and a test, after the write): close the file. */
void snapshot_end(struct snapshot_writer *writer);

/* A snapshot open for reading. */
struct snapshot;

/* The sequences of the snapshots in DIR, newest first; at most MAX. */
enum status snapshot_list(struct disk *disk, const char *dir, uint64_t *seqs,
	size_t max, size_t *count, struct reason *reason) MUST_USE;

/*
 * Open the snapshot of SEQ and check its header.  ST_NOT_FOUND, or ST_INVALID
 * when it is damaged, of another format, or cut short.
 */
enum status snapshot_open(struct disk *disk, const char *dir, uint64_t seq,
	struct snapshot **out, struct reason *reason) MUST_USE;
void snapshot_close(struct snapshot *snapshot);

const struct snapshot_info *snapshot_info(const struct snapshot *snapshot);
uint32_t snapshot_sections(const struct snapshot *snapshot);
uint64_t snapshot_section_bytes(const struct snapshot *snapshot,
	uint32_t section);

/*
 * Read SECTION, which has LENGTH bytes, to TO and check it there.  ST_INVALID
 * when it has another length or its checksum is wrong; TO is then garbage.
 */
enum status snapshot_load(struct snapshot *snapshot, uint32_t section,
	void *to, uint64_t length, struct reason *reason) MUST_USE;

/* Read all sections and check them.  ST_INVALID: one is damaged. */
enum status snapshot_check(struct snapshot *snapshot,
	struct reason *reason) MUST_USE;

/* Remove all but the newest KEEP, and temporary files that were left. */
enum status snapshot_prune(struct disk *disk, const char *dir, size_t keep,
	struct reason *reason) MUST_USE;
