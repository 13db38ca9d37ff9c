/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * cursor.c - walking from frame to frame.
 */
#include "journal/cursor.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A follower at the end of the journal wants little, one that catches up
 * wants much: what is read doubles as long as it is read in sequence. */
#define READ_FIRST ((size_t)16 << 10)
#define READ_MOST ((size_t)1 << 20)

void
cursor_init(struct cursor *cursor, const struct segment_home *home,
	struct ident journal)
{
	*cursor = (struct cursor){
		.home = *home,
		.journal = journal,
		.next_seq = 1,
		.chain = chain_start(journal),
		.chain_known = true,
		.window_next = READ_FIRST,
		.trust = UINT64_MAX,
	};
}

void
cursor_done(struct cursor *cursor)
{
	segment_close(&cursor->segment);
	free(cursor->window);
	cursor->window = NULL;
}

static bool
in_segment(const struct cursor *cursor)
{
	return cursor->segment.file != NULL || cursor->segment.archive != NULL;
}

static void
forget_window(struct cursor *cursor)
{
	cursor->window_have = 0;
	cursor->window_next = READ_FIRST;
}

static int
grow_window(struct cursor *cursor, size_t room)
{
	unsigned char *grown;

	if (room <= cursor->window_room)
		return 0;
	grown = realloc(cursor->window, room);
	if (grown == NULL)
		return -ENOMEM;
	cursor->window = grown;
	cursor->window_room = room;
	return 0;
}

/*
 * The LENGTH bytes at the cursor's offset.  What the file does not have (it
 * was cut) reads as zeros: that is for the caller to judge.
 */
static int
need(struct cursor *cursor, size_t length, const unsigned char **out)
{
	uint64_t left = cursor->segment.bytes - cursor->offset;
	size_t want;
	ssize_t n;
	int error;

	if (cursor->next_seq > cursor->window_trust)
		forget_window(cursor);
	if (cursor->window_have > 0 && cursor->offset >= cursor->window_at &&
		cursor->offset + length <=
			cursor->window_at + cursor->window_have) {
		*out = cursor->window + (cursor->offset - cursor->window_at);
		return 0;
	}
	want = cursor->window_next > length ? cursor->window_next : length;
	if (want > left)
		want = (size_t)left;
	error = grow_window(cursor, want);
	if (error != 0)
		return error;
	n = segment_read(&cursor->segment, cursor->window, want,
		cursor->offset);
	if (n < 0)
		return (int)n;
	memset(cursor->window + n, 0, want - (size_t)n);
	cursor->window_at = cursor->offset;
	cursor->window_have = want;
	cursor->window_trust = cursor->trust;
	if (cursor->window_next < READ_MOST)
		cursor->window_next *= 2;
	*out = cursor->window;
	return 0;
}

static enum status
malformed(const struct cursor *cursor, struct reason *reason,
	const char *what)
{
	return reason_set(reason, ST_MALFORMED,
		"%s: offset %" PRIu64 ": sequence %" PRIu64 " should be here, "
		"but %s",
		cursor->segment.name, cursor->offset, cursor->next_seq, what);
}

/* What is wrong with a header that decodes, in this place; NULL: nothing. */
static const char *
misplaced(const struct cursor *cursor, const struct journal_frame *frame)
{
	if (frame->segment != cursor->segment.header.segment)
		return "the frame belongs to another segment";
	if (frame->first_seq != cursor->next_seq)
		return "the frame has another sequence";
	if (cursor->chain_known && frame->chain != cursor->chain)
		return "the frame does not follow the one before it";
	if (frame->durable_seq >= frame->first_seq ||
		frame->n_records > frame->length / 8)
		return "the frame's header makes no sense";
	if (frame->length > cursor->segment.bytes - cursor->offset)
		return "the frame is longer than its segment";
	return NULL;
}

enum status
cursor_look_header(struct cursor *cursor, struct reason *reason)
{
	static const struct journal_frame blank;
	const unsigned char *bytes;
	const char *what;
	int error;

	cursor->sealed = false;
	if (!in_segment(cursor) ||
		cursor->segment.bytes - cursor->offset < sizeof(blank))
		return ST_NOT_FOUND;
	error = need(cursor, sizeof(cursor->frame), &bytes);
	if (error != 0)
		return reason_errno(reason, error,
			"%s: offset %" PRIu64 " cannot be read",
			cursor->segment.name, cursor->offset);
	memcpy(&cursor->frame, bytes, sizeof(cursor->frame));
	if (memcmp(&cursor->frame, &blank, sizeof(blank)) == 0)
		return ST_NOT_FOUND;
	if (!frame_decodes(&cursor->frame))
		return malformed(cursor, reason,
			"the frame's header is damaged");
	if (cursor->frame.format != JOURNAL_FORMAT)
		return reason_set(reason, ST_INVALID,
			"%s: offset %" PRIu64 ": format %u is not known to "
			"this program, which writes %d",
			cursor->segment.name, cursor->offset,
			cursor->frame.format, JOURNAL_FORMAT);
	what = misplaced(cursor, &cursor->frame);
	if (what == NULL)
		return ST_OK;
	cursor->sealed = true;
	return malformed(cursor, reason, what);
}

enum status
cursor_look(struct cursor *cursor, struct reason *reason)
{
	const unsigned char *bytes;
	const char *what;
	int error;

	TRY(cursor_look_header(cursor, reason));
	error = need(cursor, cursor->frame.length, &bytes);
	if (error != 0)
		return reason_errno(reason, error,
			"%s: offset %" PRIu64 " cannot be read",
			cursor->segment.name, cursor->offset);
	cursor->payload = bytes + sizeof(cursor->frame);
	if (!frame_payload_whole(&cursor->frame, cursor->payload))
		return malformed(cursor, reason,
			"the records do not match their checksum");
	cursor->sealed = true;
	what = frame_payload_fault(&cursor->frame, cursor->payload);
	return what == NULL ? ST_OK : malformed(cursor, reason, what);
}

void
cursor_skip(struct cursor *cursor)
{
	cursor->offset += cursor->frame.length;
	cursor->next_seq += cursor->frame.n_records;
	cursor->chain = cursor->frame.checksum;
	cursor->chain_known = true;
}

/* Make SEGMENT the one that the cursor is in, at its first frame. */
static void
move_into(struct cursor *cursor, const struct segment *segment)
{
	segment_close(&cursor->segment);
	cursor->segment = *segment;
	cursor->segment_id = segment->header.segment;
	cursor->offset = SEGMENT_HEADER_BYTES;
	cursor->next_seq = segment->header.first_seq;
	cursor->chain = segment->header.chain;
	cursor->chain_known = true;
	forget_window(cursor);
}

static enum status
foreign(struct segment *segment, struct reason *reason, const char *what)
{
	segment_close(segment);
	return reason_set(reason, ST_MALFORMED, "%s: offset 0: %s",
		segment->name, what);
}

enum status
cursor_enter(struct cursor *cursor, struct reason *reason)
{
	struct segment segment;

	TRY(segment_open(&cursor->home, cursor->next_seq, &segment, reason));
	if (!ident_equal(segment.header.journal, cursor->journal))
		return foreign(&segment, reason,
			"the segment belongs to another journal");
	if (cursor->segment_id != 0 &&
		segment.header.segment != cursor->segment_id + 1)
		return foreign(&segment, reason,
			"the segment does not have the next number");
	if (cursor->chain_known && segment.header.chain != cursor->chain)
		return foreign(&segment, reason,
			"the segment does not follow the one before it");
	move_into(cursor, &segment);
	return ST_OK;
}

enum status
cursor_jump(struct cursor *cursor, uint64_t first_seq, struct reason *reason)
{
	cursor->segment_id = 0;
	cursor->next_seq = first_seq;
	cursor->chain_known = first_seq == 1;
	cursor->chain = chain_start(cursor->journal);
	return cursor_enter(cursor, reason);
}

void
cursor_place(struct cursor *cursor, const struct frame_place *place)
{
	cursor->offset = place->offset;
	cursor->next_seq = place->first_seq;
	cursor->chain_known = false;
}

/* Step from frame to frame until the one that holds SEQ. */
static enum status
walk_to(struct cursor *cursor, uint64_t seq, struct reason *reason)
{
	enum status status = ST_OK;

	while (cursor->next_seq < seq && status == ST_OK) {
		status = cursor_look_header(cursor, reason);
		if (status == ST_OK) {
			if (seq - cursor->next_seq < cursor->frame.n_records)
				return ST_OK;
			cursor_skip(cursor);
		}
	}
	if (status == ST_NOT_FOUND)
		return reason_set(reason, ST_CONFLICT,
			"the journal ends with sequence %" PRIu64
			" in %s, before %" PRIu64,
			cursor->next_seq - 1, cursor->segment.name, seq);
	return status;
}

enum status
cursor_find(struct cursor *cursor, uint64_t seq, struct reason *reason)
{
	struct segment_list list;
	struct frame_place place;
	uint64_t first_seq;
	size_t i;

	TRY(segment_list_load(&cursor->home, &list, reason));
	i = segment_list_find(&list, seq);
	first_seq = i < list.count ? list.entries[i].first_seq : 0;
	i = list.count;
	segment_list_free(&list);
	if (first_seq == 0 && i == 0 && seq == 1)
		return ST_OK; /* a journal without a segment yet */
	if (first_seq == 0)
		return reason_set(reason,
			i == 0 ? ST_CONFLICT : ST_NOT_FOUND,
			"no segment holds sequence %" PRIu64, seq);
	TRY(cursor_jump(cursor, first_seq, reason));
	if (cursor->segment.archive != NULL &&
		archive_place(cursor->segment.archive, seq, &place) &&
		place.offset >= SEGMENT_HEADER_BYTES &&
		place.offset < cursor->segment.bytes)
		cursor_place(cursor, &place);
	return walk_to(cursor, seq, reason);
}
