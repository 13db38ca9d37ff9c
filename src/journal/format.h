/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * format.h - what the journal's bytes mean.
 *
 * A directory holds
 *
 *	lock                          of the process that writes
 *	superblock                    two alternating copies of the durable mark
 *	<20 digits>.seg               a segment, named by its first sequence
 *	spare-<pid>-<n>               a segment that waits to be used, all zeros
 *	snapshot-<20 digits>.snap     see snapshot.h
 *	*.tmp                         being made; left over after a crash
 *
 * and the archive <20 digits>.seg.zst (archive.h).  A segment is a header in
 * a block of its own, then frames, then zeros.  A frame is one batch: this
 * header, then whole records.  Each frame names its segment and carries the
 * checksum of the frame before it, also across segments, so that a stale, a
 * misplaced or a missing block is noticed although it is sound in itself.
 *
 * Everything is little-endian and 8-byte aligned.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/reason.h"

#define JOURNAL_FORMAT 1

#define SEGMENT_MAGIC UINT64_C(0x314745534c4e524a) /* "JRNLSEG1" */
#define FRAME_MAGIC UINT32_C(0x454d5246)           /* "FRME" */

#define SEGMENT_HEADER_BYTES 4096
#define SEGMENT_BYTES_MIN ((uint64_t)64 << 10)
#define SEGMENT_BYTES_MAX ((uint64_t)1 << 30)
#define FRAME_BYTES_MAX ((uint32_t)64 << 20)

struct segment_header {
	uint64_t magic;
	uint32_t format;
	uint32_t chain; /* checksum of the frame before the first one here */
	struct ident journal;
	uint64_t segment; /* 1, 2, 3, … */
	uint64_t first_seq;
	uint64_t bytes; /* of the file */
	int64_t created_us;
	uint32_t spare;
	uint32_t checksum; /* of all above */
};

struct journal_frame {
	uint32_t magic;
	uint32_t length; /* with this header, a multiple of 8 */
	uint16_t format;
	uint16_t engine;
	uint32_t n_records;
	uint64_t segment;
	uint64_t first_seq;
	int64_t time_us;
	uint64_t durable_seq; /* what was on disk before this was written */
	uint32_t chain;       /* CHECKSUM of the frame before */
	uint32_t payload_checksum;
	uint32_t spare;
	uint32_t checksum; /* of all above; so it also vouches for the payload */
};

_Static_assert(sizeof(struct segment_header) == 72, "pinned");
_Static_assert(sizeof(struct journal_frame) == 64, "pinned");

/* What a segment of so many bytes takes on disk: whole blocks. */
static inline uint64_t
segment_file_bytes(uint64_t bytes)
{
	return bytes - bytes % SEGMENT_HEADER_BYTES;
}

/* The chain before the very first frame of a journal. */
uint32_t chain_start(struct ident journal);

/* Compute and set the header's checksum. */
void segment_header_seal(struct segment_header *header);

/*
 * Whether HEADER is one, of this format.  ST_INVALID for another format,
 * ST_INTERNAL for damage; NAME is the file's, for the sentence.
 */
enum status segment_header_check(const struct segment_header *header,
	const char *name, struct reason *reason) MUST_USE;

/* Set both checksums of FRAME, whose payload is PAYLOAD. */
void frame_seal(struct journal_frame *frame, const void *payload);

/*
 * Whether these bytes are a frame's header, by themselves: magic, checksum,
 * and a length that can be.  Only then may the length be believed.
 */
int frame_decodes(const struct journal_frame *frame);

/* Whether PAYLOAD matches the checksum of a frame that decodes. */
int frame_payload_whole(const struct journal_frame *frame,
	const void *payload);

/*
 * Whether PAYLOAD is N_RECORDS well-formed records, numbered from FIRST_SEQ.
 * NULL when it is, else what is wrong.
 */
const char *frame_payload_fault(const struct journal_frame *frame,
	const void *payload);

/* ---- names ---- */

#define JOURNAL_PATH_MAX 512
#define JOURNAL_NAME_MAX 64

/* DIR/NAME; aborts when it does not fit, so check DIR once at the start. */
void journal_path(char path[JOURNAL_PATH_MAX], const char *dir,
	const char *name);
/* ST_INVALID with a sentence when DIR is too long for journal_path(). */
enum status journal_dir_check(const char *dir,
	struct reason *reason) MUST_USE;

/* "<20 digits>" and SUFFIX. */
void seq_name(char name[JOURNAL_NAME_MAX], const char *prefix, uint64_t seq,
	const char *suffix);
/* The way back; 0 when NAME is no such name. */
int seq_of_name(const char *name, const char *prefix, const char *suffix,
	uint64_t *seq);

#define SEGMENT_SUFFIX ".seg"
#define ARCHIVE_SUFFIX ".seg.zst"
