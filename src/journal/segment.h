/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * segment.h - one segment open for reading, and the list of all.
 *
 * Whether a segment is a plain file in the journal or a compressed one in the
 * archive makes no difference to who reads it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "journal/archive.h"
#include "journal/disk.h"
#include "journal/format.h"
#include "journal/reason.h"

/* Where the segments are.  ARCHIVE may be NULL.  Not copied. */
struct segment_home {
	struct disk *disk;
	const char *dir;
	const char *archive;
};

struct segment_entry {
	uint64_t first_seq;
	bool plain;    /* it is in the journal's own directory */
	bool archived; /* it is in the archive; may be both for a moment */
};

struct segment_list {
	struct segment_entry *entries; /* by first_seq, each once */
	size_t count;
};

enum status segment_list_load(const struct segment_home *home,
	struct segment_list *out, struct reason *reason) MUST_USE;
void segment_list_free(struct segment_list *list);

/* Index of the last one that begins at or before SEQ, or COUNT. */
size_t segment_list_find(const struct segment_list *list, uint64_t seq);

struct segment {
	struct segment_header header;
	struct disk_file *file;  /* of a plain one, or NULL */
	struct archive *archive; /* of an archived one, or NULL */
	uint64_t bytes;          /* no frame reaches beyond this */
	char name[JOURNAL_NAME_MAX];
};

/*
 * Open the segment that begins with FIRST_SEQ, plain or else archived, and
 * check its header.  ST_NOT_FOUND when there is neither.
 */
enum status segment_open(const struct segment_home *home, uint64_t first_seq,
	struct segment *out, struct reason *reason) MUST_USE;
/* A segment that is all zeros may be closed, too. */
void segment_close(struct segment *segment);

/* Up to LENGTH bytes; fewer only at the end; or a negative errno. */
ssize_t segment_read(struct segment *segment, void *to, size_t length,
	uint64_t offset) MUST_USE;
