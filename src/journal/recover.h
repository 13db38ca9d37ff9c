/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recover.h - from what is on disk to the end of the journal.
 *
 * Recovery reads; it changes nothing.  It walks from the snapshot on, hands
 * out the records, and decides about the end:
 *
 * A last frame that is damaged is torn, and to be dropped whole, when it may
 * be one that was never acknowledged: it lies above the durable mark, and
 * nothing of a later frame decodes anywhere behind it (a frame is written
 * only after the sync of the one before has returned).  Otherwise something
 * that was acknowledged is lost, and recovery fails, naming the place.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "journal/cursor.h"
#include "journal/reason.h"
#include "journal/writer.h"

struct recovery {
	struct journal_replay *replay; /* NULL: only look */
	uint16_t engine;               /* newest version that is understood */
	uint64_t mark;                 /* known to have been on disk */
	uint64_t snapshot_seq;         /* records behind this are handed out */
	uint32_t snapshot_chain;

	/* What was found. */
	bool snapshot_checked; /* the chain goes through the snapshot */
	struct cursor cursor;   /* at the end */
	uint64_t frame_at;      /* the last frame in the cursor's segment, */
	uint32_t frame_length;  /* or 0 */
	uint16_t frame_engine;  /* 0: there is no frame */
	int64_t frame_time_us;
	uint64_t frames, records;
	bool torn;         /* something behind the end has to be zeroed, */
	uint64_t torn_end; /* up to here */
};

/* Fill in the first group and the cursor (cursor_init), then call this. */
enum status recover(struct recovery *recovery, struct reason *reason) MUST_USE;

/*
 * tail.c: judge what stands at the cursor, where no frame was accepted, and
 * nothing comes after this segment.  FOUND is what cursor_look() said.
 */
enum status tail_judge(struct recovery *recovery, enum status found,
	struct reason *reason) MUST_USE;
