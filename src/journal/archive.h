/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * archive.h - a closed segment, compressed, and still readable anywhere.
 *
 * The segment is cut into blocks of 256 KiB, each a zstd frame of its own, so
 * that any place can be read for the price of one block; the zeros at its end
 * are left out.  An index says where each block is, and which frame begins in
 * it.  The bytes that come out are those that went in, so everything that
 * checks a segment checks an archived one as well.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"

#define ARCHIVE_MAGIC UINT64_C(0x3148435241524a51) /* "QJRARCH1" */
#define ARCHIVE_BLOCK ((size_t)256 << 10)

struct archive_header {
	uint64_t magic;
	uint32_t format;
	uint32_t n_blocks;
	uint64_t used;  /* bytes of the segment up to its last frame's end */
	uint64_t index; /* where the index begins, right after the blocks */
	uint32_t index_checksum;
	uint32_t checksum; /* of all above */
};

struct archive_entry {
	uint64_t at;        /* in the archive's file */
	uint32_t length;    /* compressed */
	uint32_t spare;
	uint64_t frame;     /* offset in the segment of the first frame that
			     * begins in this block or behind it */
	uint64_t first_seq; /* of that frame; UINT64_MAX: none begins there */
};

_Static_assert(sizeof(struct archive_header) == 40, "pinned");
_Static_assert(sizeof(struct archive_entry) == 32, "pinned");

/* Where a frame begins; what the index is made of. */
struct frame_place {
	uint64_t offset;
	uint64_t first_seq;
};

/*
 * Write the first USED bytes of the segment FROM to the new file PATH and
 * sync it.  PLACES are its N_PLACES frames, in order.  0, or a negative errno;
 * the caller removes what was begun.
 */
int archive_make(struct disk *disk, struct disk_file *from, uint64_t used,
	const struct frame_place *places, size_t n_places,
	const char *path) MUST_USE;

struct archive;

/* NAME is for the sentence.  ST_NOT_FOUND, ST_INVALID, ST_INTERNAL. */
enum status archive_open(struct disk *disk, const char *path, const char *name,
	struct archive **out, struct reason *reason) MUST_USE;
void archive_close(struct archive *archive);

/*
 * Bytes of the segment.  Fewer than LENGTH only at the end of what is used;
 * -EIO when a block is damaged.
 */
ssize_t archive_read(struct archive *archive, void *to, size_t length,
	uint64_t offset) MUST_USE;

/* The last indexed frame that begins at or before SEQ; 0 when there is none. */
int archive_place(const struct archive *archive, uint64_t seq,
	struct frame_place *out);
