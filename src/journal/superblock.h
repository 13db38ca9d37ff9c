/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * superblock.h - the durable mark, kept apart from what it is about.
 *
 * A flipped bit in the last acknowledged frame looks like a torn one.  So the
 * highest sequence known to be on disk is also written elsewhere, each second
 * and at stop, into two copies by turns: one of them is whole at any moment.
 * Recovery never drops anything at or below the mark.
 */
#pragma once

#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

#define SUPERBLOCK_NAME "superblock"
#define SUPERBLOCK_MAGIC UINT64_C(0x31524550554e524a) /* "JRNUPER1" */
#define SUPERBLOCK_BYTES 4096 /* a copy; the file has two */

struct superblock {
	uint64_t magic;
	uint32_t format;
	uint32_t spare;
	struct ident journal;
	uint64_t generation; /* 1, 2, 3, …; copy GENERATION % 2 */
	uint64_t durable_seq;
	int64_t time_us;
	uint32_t spare2;
	uint32_t checksum; /* of all above */
};

_Static_assert(sizeof(struct superblock) == 64, "pinned");

/* Make the file, whole or not at all. */
enum status superblock_create(struct disk *disk, const char *dir,
	struct ident journal, int64_t now_us, struct reason *reason) MUST_USE;

/*
 * The newer of the copies that are whole.  ST_NOT_FOUND: there is no file;
 * ST_INTERNAL: neither is whole; ST_INVALID: another format.
 */
enum status superblock_load(struct disk *disk, const char *dir,
	struct superblock *out, struct reason *reason) MUST_USE;

/*
 * Write LAST's successor, with a new mark, over the older copy, and sync.
 * LAST is updated on success.
 */
int superblock_store(struct disk_file *file, struct superblock *last,
	uint64_t durable_seq, int64_t now_us) MUST_USE;
