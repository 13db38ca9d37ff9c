/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * spare.h - segments made ahead of their use.
 *
 * A sync of a file whose blocks are there and written is about twice as fast
 * as one that has to grow it, and cannot run out of space.  A spare segment is
 * a file of zeros with a name that says so; it becomes a segment by getting a
 * header and its name.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "journal/disk.h"
#include "journal/format.h"

#define SPARE_PREFIX "spare-"

/*
 * How many spares of SEGMENT_BYTES there are in DIR; the first one's name is
 * put into NAME, if that is not NULL.  Others' temporary files and spares of
 * another size are left alone.  A negative errno on failure.
 */
int spare_count(struct disk *disk, const char *dir, uint64_t segment_bytes,
	char name[JOURNAL_NAME_MAX]) MUST_USE;

/* Make one, synced and named. */
int spare_make(struct disk *disk, const char *dir, uint64_t segment_bytes,
	enum disk_fill fill) MUST_USE;

/*
 * Remove what was begun and never finished, and spares of another size: to
 * be called by the journal's owner at its start.
 */
int spare_sweep(struct disk *disk, const char *dir,
	uint64_t segment_bytes) MUST_USE;

/* ENOSPC and its like: a disk that is full, not one that is broken. */
int is_disk_full(int error);
