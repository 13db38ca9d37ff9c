/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * recover.c - the walk from a snapshot to the end.
 */
#include "journal/recover.h"

#include <inttypes.h>

/* Hand out the records of the frame that was looked at. */
static enum status
deliver(struct recovery *recovery, struct reason *reason)
{
	const struct cursor *cursor = &recovery->cursor;
	const unsigned char *at = cursor->payload;

	if (cursor->frame.engine > recovery->engine)
		return reason_set(reason, ST_INVALID,
			"%s: offset %" PRIu64 ": written by version %u of the "
			"engine; this program has version %u",
			cursor->segment.name, cursor->offset,
			cursor->frame.engine, recovery->engine);
	recovery->records += cursor->frame.n_records;
	if (recovery->replay == NULL)
		return ST_OK;
	recovery->replay->engine = cursor->frame.engine;
	for (uint32_t i = 0; i < cursor->frame.n_records; i++) {
		const struct record *record =
			(const struct record *)(const void *)at;

		if (record->seq > recovery->snapshot_seq)
			TRY(recovery->replay->record(recovery->replay, record,
				reason));
		at += record->length;
	}
	return ST_OK;
}

/* A snapshot of another history would give a state that never was. */
static enum status
check_snapshot_chain(struct recovery *recovery, struct reason *reason)
{
	const struct cursor *cursor = &recovery->cursor;

	uint64_t behind = recovery->snapshot_seq + 1;

	if (recovery->snapshot_seq == 0 || cursor->next_seq < behind ||
		recovery->snapshot_checked)
		return ST_OK;
	recovery->snapshot_checked = cursor->next_seq == behind &&
		cursor->chain == recovery->snapshot_chain;
	if (recovery->snapshot_checked)
		return ST_OK;
	return reason_set(reason, ST_INTERNAL,
		"%s: offset %" PRIu64 ": the snapshot of sequence %" PRIu64
		" was not made from this journal",
		cursor->segment.name, cursor->offset, recovery->snapshot_seq);
}

static enum status
take_frame(struct recovery *recovery, struct reason *reason)
{
	struct cursor *cursor = &recovery->cursor;

	TRY(deliver(recovery, reason));
	recovery->frame_at = cursor->offset;
	recovery->frame_length = cursor->frame.length;
	recovery->frame_engine = cursor->frame.engine;
	recovery->frame_time_us = cursor->frame.time_us;
	recovery->frames++;
	cursor_skip(cursor);
	return check_snapshot_chain(recovery, reason);
}

/* Is there a segment that begins behind SEQ?  Then this was not the end. */
static enum status
find_later(const struct recovery *recovery, uint64_t seq, uint64_t *later,
	struct reason *reason)
{
	struct segment_list list;

	TRY(segment_list_load(&recovery->cursor.home, &list, reason));
	*later = 0;
	if (list.count > 0 && list.entries[list.count - 1].first_seq > seq)
		*later = list.entries[list.count - 1].first_seq;
	segment_list_free(&list);
	return ST_OK;
}

/* No frame here.  The next segment, the end, or damage? */
static enum status
end_of_segment(struct recovery *recovery, enum status found, bool *more,
	struct reason *reason)
{
	struct cursor *cursor = &recovery->cursor;
	uint64_t later, beyond = cursor->next_seq - 1;
	struct reason ignored;
	enum status status = ST_NOT_FOUND;

	*more = false;
	/*
	 * If the next segment continues the chain then nothing is missing in
	 * between, whatever has happened to the zeros at the end of this one.
	 */
	if (cursor->next_seq > cursor->segment.header.first_seq)
		status = cursor_enter(cursor, &ignored);
	if (status == ST_OK) {
		recovery->frame_length = 0;
		*more = true;
		return check_snapshot_chain(recovery, reason);
	}
	if (status != ST_NOT_FOUND) {
		*reason = ignored;
		return ST_INTERNAL;
	}
	/* An empty segment is named by the very sequence that is missing. */
	if (cursor->segment.header.first_seq > beyond)
		beyond = cursor->segment.header.first_seq;
	TRY(find_later(recovery, beyond, &later, reason));
	if (later == 0)
		return tail_judge(recovery, found, reason);
	if (found == ST_NOT_FOUND)
		return reason_set(reason, ST_INTERNAL,
			"%s: offset %" PRIu64 ": sequence %" PRIu64
			" should be here, but there is nothing, although a "
			"segment begins with %" PRIu64,
			cursor->segment.name, cursor->offset, cursor->next_seq,
			later);
	return ST_INTERNAL; /* REASON says what is wrong with the frame */
}

/* Stand at the beginning of the segment that holds what comes next. */
static enum status
stand_before(struct recovery *recovery, struct reason *reason)
{
	uint64_t seq = recovery->snapshot_seq + 1, first_seq = 0;
	struct segment_list list;
	size_t i;

	TRY(segment_list_load(&recovery->cursor.home, &list, reason));
	i = segment_list_find(&list, seq);
	if (i < list.count)
		first_seq = list.entries[i].first_seq;
	i = list.count;
	segment_list_free(&list);
	if (first_seq != 0)
		return cursor_jump(&recovery->cursor, first_seq, reason);
	if (i == 0 && recovery->mark == 0)
		return ST_OK; /* a journal that has just been made */
	return reason_set(reason, ST_INTERNAL,
		"no segment in %s holds sequence %" PRIu64 "%s",
		recovery->cursor.home.dir, seq,
		recovery->snapshot_seq == 0
			? ", and no snapshot that can be read stands for it"
			: "");
}

enum status
recover(struct recovery *recovery, struct reason *reason)
{
	struct cursor *cursor = &recovery->cursor;
	enum status status = stand_before(recovery, reason);
	bool more = true;

	/* Whatever stands for a damaged segment at its very beginning. */
	if (status == ST_MALFORMED || status == ST_NOT_FOUND)
		status = ST_INTERNAL;
	if (status == ST_OK)
		status = check_snapshot_chain(recovery, reason);
	while (status == ST_OK && more) {
		enum status found = cursor_look(cursor, reason);

		if (found == ST_OK)
			status = take_frame(recovery, reason);
		else if (found == ST_NOT_FOUND || found == ST_MALFORMED)
			status = end_of_segment(recovery, found, &more, reason);
		else
			status = found;
	}
	return status;
}
