/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * lookup.c - sparse indexes, made when they are first needed.
 */
#include "journal/lookup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/cursor.h"
#include "journal/superblock.h"

/* A mark for each so many bytes of a segment. */
#define MARK_EVERY ((uint64_t)64 << 10)

/* Segments whose index is remembered: 16 KiB each when they have 64 MiB. */
#define INDEXES_MAX 512

struct index {
	uint64_t first_seq;
	struct frame_place *marks;
	size_t count, room;
	struct frame_place end; /* as far as it has been walked */
	uint64_t used_at;       /* for throwing out the one not used longest */
};

struct journal_lookup {
	char dir[JOURNAL_PATH_MAX];
	char archive[JOURNAL_PATH_MAX];
	struct cursor cursor;
	struct segment_list list;
	struct index indexes[INDEXES_MAX];
	size_t n_indexes;
	uint64_t clock;
};

enum status
journal_lookup_open(struct disk *disk, const char *dir, const char *archive,
	struct journal_lookup **out, struct reason *reason)
{
	struct journal_lookup *lookup;
	struct superblock superblock;
	struct segment_home home = {.disk = disk};

	TRY(journal_dir_check(dir, reason));
	if (archive != NULL)
		TRY(journal_dir_check(archive, reason));
	TRY(superblock_load(disk, dir, &superblock, reason));
	lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL)
		return reason_errno(reason, -ENOMEM, "lookup");
	snprintf(lookup->dir, sizeof(lookup->dir), "%s", dir);
	home.dir = lookup->dir;
	if (archive != NULL) {
		snprintf(lookup->archive, sizeof(lookup->archive), "%s",
			archive);
		home.archive = lookup->archive;
	}
	cursor_init(&lookup->cursor, &home, superblock.journal);
	*out = lookup;
	return ST_OK;
}

void
journal_lookup_close(struct journal_lookup *lookup)
{
	if (lookup == NULL)
		return;
	for (size_t i = 0; i < lookup->n_indexes; i++)
		free(lookup->indexes[i].marks);
	segment_list_free(&lookup->list);
	cursor_done(&lookup->cursor);
	free(lookup);
}

static struct index *
take_index(struct journal_lookup *lookup, uint64_t first_seq)
{
	struct index *index = NULL;

	for (size_t i = 0; i < lookup->n_indexes; i++) {
		struct index *at = &lookup->indexes[i];

		if (at->first_seq == first_seq) {
			at->used_at = ++lookup->clock;
			return at;
		}
		if (index == NULL || at->used_at < index->used_at)
			index = at;
	}
	if (lookup->n_indexes < INDEXES_MAX)
		index = &lookup->indexes[lookup->n_indexes++];
	free(index->marks);
	*index = (struct index){
		.first_seq = first_seq,
		.end = {SEGMENT_HEADER_BYTES, first_seq},
		.used_at = ++lookup->clock,
	};
	return index;
}

static int
add_mark(struct index *index)
{
	if (index->count > 0 && index->end.offset <
			index->marks[index->count - 1].offset + MARK_EVERY)
		return 0;
	if (index->count == index->room) {
		size_t room = index->room == 0 ? 64 : index->room * 2;
		struct frame_place *grown = realloc(index->marks,
			room * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		index->marks = grown;
		index->room = room;
	}
	index->marks[index->count++] = index->end;
	return 0;
}

/* Walk on, setting marks, until the frame that holds SEQ has been passed. */
static enum status
extend(struct cursor *cursor, struct index *index, uint64_t seq,
	struct reason *reason)
{
	cursor_place(cursor, &index->end);
	while (index->end.first_seq <= seq) {
		TRY(cursor_look_header(cursor, reason));
		if (add_mark(index) != 0)
			return reason_errno(reason, -ENOMEM, "lookup");
		cursor_skip(cursor);
		index->end = (struct frame_place){cursor->offset,
			cursor->next_seq};
	}
	return ST_OK;
}

/* The last mark at or before SEQ; extend() has set one. */
static const struct frame_place *
find_mark(const struct index *index, uint64_t seq)
{
	size_t low = 0, high = index->count;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (index->marks[middle].first_seq <= seq)
			low = middle;
		else
			high = middle;
	}
	return &index->marks[low];
}

/* Stand at a frame not far before SEQ. */
static enum status
approach(struct journal_lookup *lookup, uint64_t first_seq, uint64_t seq,
	struct reason *reason)
{
	struct cursor *cursor = &lookup->cursor;
	struct frame_place place;
	struct index *index;

	/* SEQ is on disk, and so is all before it. */
	cursor->trust = seq;
	TRY(cursor_jump(cursor, first_seq, reason));
	if (cursor->segment.archive != NULL) {
		if (archive_place(cursor->segment.archive, seq, &place) &&
			place.offset >= SEGMENT_HEADER_BYTES &&
			place.offset < cursor->segment.bytes)
			cursor_place(cursor, &place);
		return ST_OK;
	}
	index = take_index(lookup, first_seq);
	if (index->end.first_seq <= seq)
		TRY(extend(cursor, index, seq, reason));
	cursor_place(cursor, find_mark(index, seq));
	return ST_OK;
}

/* Walk to the frame, check it, and find the record in it. */
static enum status
pick(struct cursor *cursor, uint64_t seq, const struct record **out,
	struct reason *reason)
{
	const unsigned char *at;

	for (;;) {
		TRY(cursor_look_header(cursor, reason));
		if (seq - cursor->next_seq < cursor->frame.n_records)
			break;
		cursor_skip(cursor);
	}
	TRY(cursor_look(cursor, reason));
	at = cursor->payload;
	for (uint64_t i = cursor->next_seq; i < seq; i++)
		at += ((const struct record *)(const void *)at)->length;
	*out = (const struct record *)(const void *)at;
	return ST_OK;
}

/* In the segments that are known.  ST_NOT_FOUND: not in these. */
static enum status
find_known(struct journal_lookup *lookup, uint64_t seq,
	const struct record **out, struct reason *reason)
{
	size_t i = segment_list_find(&lookup->list, seq);

	if (i == lookup->list.count)
		return ST_NOT_FOUND;
	TRY(approach(lookup, lookup->list.entries[i].first_seq, seq, reason));
	return pick(&lookup->cursor, seq, out, reason);
}

enum status
journal_lookup_find(struct journal_lookup *lookup, uint64_t seq,
	const struct record **out, struct reason *reason)
{
	enum status status = ST_NOT_FOUND;

	if (seq > 0)
		status = find_known(lookup, seq, out, reason);
	if (status == ST_NOT_FOUND && seq > 0) {
		/* There may be more segments by now. */
		segment_list_free(&lookup->list);
		TRY(segment_list_load(&lookup->cursor.home, &lookup->list,
			reason));
		status = find_known(lookup, seq, out, reason);
	}
	if (status == ST_NOT_FOUND)
		return reason_set(reason, ST_NOT_FOUND,
			"the journal does not hold sequence %" PRIu64, seq);
	return status == ST_MALFORMED ? ST_INTERNAL : status;
}
