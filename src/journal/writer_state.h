/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * writer_state.h - the inside of a journal that is open for appending; shared
 * by the files that make it up, and by nobody else.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/format.h"
#include "journal/segment.h"
#include "journal/superblock.h"
#include "journal/writer.h"

struct journal {
	struct disk *disk;
	struct journal_helper *helper;
	char dir[JOURNAL_PATH_MAX];
	char archive[JOURNAL_PATH_MAX];
	struct segment_home home; /* the two above */
	uint64_t segment_bytes;
	size_t batch_bytes;
	uint16_t engine;

	struct disk_file *lock;
	struct disk_file *superblock_file;
	struct superblock superblock;

	/* The segment that is written; FILE is NULL when a new one is due. */
	struct disk_file *file;
	struct segment_header segment;
	uint64_t offset; /* where the next frame goes */
	bool rotate;     /* the next frame shall begin a new segment */

	uint64_t next_seq;
	uint32_t chain;
	int64_t last_time_us;
	int64_t now_us;
	uint64_t written_bytes;

	/* Room for a frame's header, then for BATCH_BYTES of records. */
	unsigned char *buffers[2];
	unsigned current;

	int spares;
	bool low;
	bool reserve_failed; /* no use in trying again before the next tick */

	/* Read and set from the thread that syncs, too. */
	_Atomic uint64_t written_seq;
	_Atomic uint64_t durable_seq;
	_Atomic bool failed;
	struct reason reason;
};

/* Remember the first failure; ST_INTERNAL. */
enum status journal_fail(struct journal *journal, int error,
	const char *what) MUST_USE;

/* Count the spares and look at the free space; sets SPARES and LOW. */
enum status journal_survey(struct journal *journal) MUST_USE;

/*
 * See to it that BATCH_BYTES more can be written: in the segment, or in a
 * spare one, which is reserved if there is none.  ST_UNAVAILABLE: disk full.
 */
enum status journal_reserve(struct journal *journal) MUST_USE;

/*
 * At the start: a survey, and room for the first batch.  A segment that is to
 * be used at once is filled with zeros here and now.
 */
enum status journal_prepare(struct journal *journal) MUST_USE;

/* Begin a new segment with next_seq.  ST_UNAVAILABLE: disk full. */
enum status journal_rotate(struct journal *journal) MUST_USE;
