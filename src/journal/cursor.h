/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cursor.h - a place between two frames, and what stands behind it.
 *
 * Recovery, followers, lookups and verification all walk the journal with
 * this, so that there is one notion of what a sound frame is.  A cursor knows
 * what must come next (sequence, segment, checksum of the frame before) and
 * accepts nothing else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/format.h"
#include "journal/reason.h"
#include "journal/segment.h"

struct cursor {
	struct segment_home home;
	struct ident journal;

	struct segment segment; /* file and archive NULL: in none yet */
	uint64_t offset;        /* in it, of the next frame */
	uint64_t next_seq;      /* that it must begin with */
	uint32_t chain;         /* checksum of the frame before */
	bool chain_known;
	uint64_t segment_id; /* of the last segment; 0: not known */

	/* After a successful look: the frame there, and its records. */
	struct journal_frame frame;
	const unsigned char *payload;
	bool sealed; /* its bytes are what was written, whatever that was */

	/*
	 * A piece of the segment in memory.  It was read when sequences up to
	 * WINDOW_TRUST were known to be on disk; what lies behind may have
	 * been half written then, and is read anew.
	 */
	unsigned char *window;
	size_t window_room, window_have, window_next;
	uint64_t window_at;
	uint64_t window_trust;
	uint64_t trust;
};

/* In no segment yet, before sequence 1 of JOURNAL. */
void cursor_init(struct cursor *cursor, const struct segment_home *home,
	struct ident journal);
void cursor_done(struct cursor *cursor);

/*
 * What the next frame is.  ST_NOT_FOUND: none, there are only zeros or the
 * segment ends (or there is no segment yet).  ST_MALFORMED: something that is
 * not the frame that has to be there.  ST_INVALID: written by a later version
 * of this format.  ST_INTERNAL: the disk fails.  _header does not look at the
 * records; the other one checks every one of them.
 */
enum status cursor_look_header(struct cursor *cursor,
	struct reason *reason) MUST_USE;
enum status cursor_look(struct cursor *cursor, struct reason *reason) MUST_USE;

/* Step over the frame that was looked at. */
void cursor_skip(struct cursor *cursor);

/*
 * Go on in the segment that begins with next_seq.  ST_NOT_FOUND: there is
 * none.  ST_MALFORMED: one that does not continue what came before.
 */
enum status cursor_enter(struct cursor *cursor,
	struct reason *reason) MUST_USE;

/*
 * Stand before the frame that holds SEQ, or at the end when SEQ comes right
 * behind it.  ST_NOT_FOUND: the journal begins later.  ST_CONFLICT: it ends
 * earlier.
 */
enum status cursor_find(struct cursor *cursor, uint64_t seq,
	struct reason *reason) MUST_USE;

/*
 * Enter the segment that begins with FIRST_SEQ, whatever came before; the
 * chain is then believed from its header.
 */
enum status cursor_jump(struct cursor *cursor, uint64_t first_seq,
	struct reason *reason) MUST_USE;

/* Stand at a frame of this segment whose place is known. */
void cursor_place(struct cursor *cursor, const struct frame_place *place);
