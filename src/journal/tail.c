/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * tail.c - torn or corrupt?
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/recover.h"

#define SCAN_PIECE ((size_t)1 << 20)

/* What a scan of the bytes behind the end has found. */
struct scan {
	uint64_t segment;   /* number of the segment that is searched */
	uint64_t seq;       /* frames that begin behind this are later ones */
	uint64_t used_end;  /* behind the last byte that is not zero */
	uint64_t later_at;  /* the first later frame, if LATER_SEQ is not 0 */
	uint64_t later_seq;
};

static bool
all_zero(const unsigned char *bytes, size_t length)
{
	return length == 0 ||
		(bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

/* Look for headers at each place where one may begin. */
static void
scan_headers(struct scan *scan, const unsigned char *bytes, size_t length,
	uint64_t offset)
{
	static const uint32_t magic = FRAME_MAGIC;
	struct journal_frame frame;

	for (size_t i = 0; i + sizeof(frame) <= length; i += 8) {
		if (memcmp(bytes + i, &magic, sizeof(magic)) != 0)
			continue;
		memcpy(&frame, bytes + i, sizeof(frame));
		if (!frame_decodes(&frame) || frame.segment != scan->segment ||
			frame.first_seq <= scan->seq)
			continue;
		scan->later_at = offset + i;
		scan->later_seq = frame.first_seq;
		return;
	}
}

static void
scan_piece(struct scan *scan, const unsigned char *bytes, size_t length,
	uint64_t offset)
{
	size_t used = length;

	if (all_zero(bytes, length))
		return;
	while (bytes[used - 1] == 0)
		used--;
	scan->used_end = offset + used;
	scan_headers(scan, bytes, length, offset);
}

/* Pieces overlap by a header, so that none is cut in two. */
static enum status
scan_tail(struct scan *scan, struct segment *segment, uint64_t from,
	struct reason *reason)
{
	unsigned char *bytes = malloc(segment->bytes < SCAN_PIECE
			? (size_t)segment->bytes
			: SCAN_PIECE);
	ssize_t n = 0;

	if (bytes == NULL)
		return reason_set(reason, ST_INTERNAL, "out of memory");
	while (from < segment->bytes && scan->later_seq == 0) {
		size_t want = segment->bytes - from < SCAN_PIECE
			? (size_t)(segment->bytes - from)
			: SCAN_PIECE;

		n = segment_read(segment, bytes, want, from);
		if (n <= 0)
			break;
		scan_piece(scan, bytes, (size_t)n, from);
		if ((size_t)n < want || n <= (ssize_t)sizeof(
						 struct journal_frame))
			break;
		from += (uint64_t)n - sizeof(struct journal_frame);
		if (from + sizeof(struct journal_frame) >= segment->bytes)
			break;
	}
	free(bytes);
	return n < 0 ? reason_errno(reason, (int)n,
			       "%s: offset %" PRIu64 " cannot be read",
			       segment->name, from)
		     : ST_OK;
}

/* Something that was on disk is not there any more. */
static enum status
below_mark(const struct recovery *recovery, enum status found,
	struct reason *reason)
{
	const struct cursor *cursor = &recovery->cursor;
	char what[sizeof(reason->text)];

	if (found == ST_MALFORMED) {
		memcpy(what, reason->text, sizeof(what));
		return reason_set(reason, ST_INTERNAL,
			"%.400s; everything up to %" PRIu64
			" is known to have been on disk",
			what, recovery->mark);
	}
	return reason_set(reason, ST_INTERNAL,
		"%s: offset %" PRIu64 ": sequence %" PRIu64
		" should be here, but there is nothing; everything up to "
		"%" PRIu64 " is known to have been on disk",
		cursor->segment.name[0] != '\0' ? cursor->segment.name
						: cursor->home.dir,
		cursor->offset, cursor->next_seq, recovery->mark);
}

enum status
tail_judge(struct recovery *recovery, enum status found, struct reason *reason)
{
	struct cursor *cursor = &recovery->cursor;
	struct scan scan = {
		.segment = cursor->segment.header.segment,
		.seq = cursor->next_seq,
	};

	if (recovery->mark >= cursor->next_seq)
		return below_mark(recovery, found, reason);
	if (cursor->segment.file == NULL)
		return found == ST_NOT_FOUND ? ST_OK : ST_INTERNAL;
	/*
	 * Bytes that are just as they were written, and still not the frame
	 * that belongs here, were not torn.  A stale copy of an earlier frame
	 * may lie where a torn one was to be, though.
	 */
	if (found == ST_MALFORMED && cursor->sealed &&
		cursor->frame.segment == scan.segment &&
		cursor->frame.first_seq >= cursor->next_seq)
		return ST_INTERNAL;
	TRY(scan_tail(&scan, &cursor->segment, cursor->offset, reason));
	/* If its header is sound we know how far it reached.  What lies
	 * further on was written later, and so after its sync. */
	if (found == ST_MALFORMED && frame_decodes(&cursor->frame) &&
		cursor->frame.first_seq == cursor->next_seq &&
		scan.later_seq == 0 &&
		scan.used_end > cursor->offset + cursor->frame.length)
		return ST_INTERNAL;
	if (scan.later_seq != 0)
		return reason_set(reason, ST_INTERNAL,
			"%s: offset %" PRIu64 ": sequence %" PRIu64
			" is damaged or missing, although sequence %" PRIu64
			" stands at offset %" PRIu64 " behind it",
			cursor->segment.name, cursor->offset, cursor->next_seq,
			scan.later_seq, scan.later_at);
	recovery->torn = scan.used_end > cursor->offset;
	recovery->torn_end = scan.used_end;
	return ST_OK;
}
