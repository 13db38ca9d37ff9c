/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * reader.c - following the journal.
 */
#include "journal/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/cursor.h"
#include "journal/superblock.h"

struct journal_reader {
	char dir[JOURNAL_PATH_MAX];
	char archive[JOURNAL_PATH_MAX];
	struct cursor cursor;
	uint64_t seq;   /* handed out last */
	uint64_t limit; /* on disk, as far as we were told */
	/* What is left of the frame that is being handed out. */
	const unsigned char *at;
	uint32_t left;
	enum status failed;
	struct reason reason;
};

/* Stand before the record behind SEQ, within its frame if need be. */
static enum status
stand_behind(struct journal_reader *reader, uint64_t seq, struct reason *reason)
{
	struct cursor *cursor = &reader->cursor;

	reader->seq = seq;
	/* The caller has read up to here before, so it was on disk. */
	reader->limit = seq;
	cursor->trust = seq;
	TRY(cursor_find(cursor, seq + 1, reason));
	if (cursor->next_seq > seq)
		return ST_OK;
	TRY(cursor_look(cursor, reason));
	reader->at = cursor->payload;
	reader->left = cursor->frame.n_records;
	for (uint64_t at = cursor->next_seq; at <= seq; at++) {
		reader->at += ((const struct record *)(const void *)
				       reader->at)->length;
		reader->left--;
	}
	cursor_skip(cursor);
	return ST_OK;
}

enum status
journal_reader_open(struct disk *disk, const char *dir, const char *archive,
	uint64_t after_seq, struct journal_reader **out, struct reason *reason)
{
	struct journal_reader *reader;
	struct superblock superblock;
	struct segment_home home = {.disk = disk};
	enum status status;

	TRY(journal_dir_check(dir, reason));
	if (archive != NULL)
		TRY(journal_dir_check(archive, reason));
	TRY(superblock_load(disk, dir, &superblock, reason));
	reader = calloc(1, sizeof(*reader));
	if (reader == NULL)
		return reason_errno(reason, -ENOMEM, "reader");
	snprintf(reader->dir, sizeof(reader->dir), "%s", dir);
	home.dir = reader->dir;
	if (archive != NULL) {
		snprintf(reader->archive, sizeof(reader->archive), "%s",
			archive);
		home.archive = reader->archive;
	}
	cursor_init(&reader->cursor, &home, superblock.journal);
	status = stand_behind(reader, after_seq, reason);
	if (status != ST_OK) {
		journal_reader_close(reader);
		return status == ST_MALFORMED ? ST_INTERNAL : status;
	}
	*out = reader;
	return ST_OK;
}

void
journal_reader_close(struct journal_reader *reader)
{
	if (reader == NULL)
		return;
	cursor_done(&reader->cursor);
	free(reader);
}

void
journal_reader_limit(struct journal_reader *reader, uint64_t durable_seq)
{
	if (durable_seq <= reader->limit)
		return;
	reader->limit = durable_seq;
	reader->cursor.trust = durable_seq;
}

/* There is no frame here, but there must be one: in the next segment. */
static enum status
next_segment(struct journal_reader *reader, enum status found)
{
	struct cursor *cursor = &reader->cursor;
	struct reason reason;
	enum status status = ST_NOT_FOUND;

	/* An empty segment has the name of the one that would follow it. */
	if (cursor->next_seq != cursor->segment.header.first_seq)
		status = cursor_enter(cursor, &reason);
	if (status == ST_OK)
		return ST_OK;
	if (status == ST_NOT_FOUND && found == ST_MALFORMED)
		return ST_INTERNAL; /* the reason is that of the frame */
	if (status == ST_NOT_FOUND)
		return reason_set(&reader->reason, ST_INTERNAL,
			"%s: offset %" PRIu64 ": sequence %" PRIu64
			" should be here, but there is nothing",
			cursor->segment.name[0] != '\0' ? cursor->segment.name
							: reader->dir,
			cursor->offset, cursor->next_seq);
	reader->reason = reason;
	return ST_INTERNAL;
}

/* The frame that begins with the next sequence. */
static enum status
next_frame(struct journal_reader *reader)
{
	struct cursor *cursor = &reader->cursor;
	enum status status;

	for (;;) {
		status = cursor_look(cursor, &reader->reason);
		if (status == ST_OK)
			break;
		if (status != ST_NOT_FOUND && status != ST_MALFORMED)
			return status;
		TRY(next_segment(reader, status));
	}
	reader->at = cursor->payload;
	reader->left = cursor->frame.n_records;
	cursor_skip(cursor);
	return ST_OK;
}

enum status
journal_reader_next(struct journal_reader *reader, const struct record **out)
{
	const struct record *record;

	if (reader->failed != ST_OK)
		return reader->failed;
	if (reader->seq >= reader->limit)
		return ST_NOT_FOUND;
	if (reader->left == 0) {
		reader->failed = next_frame(reader);
		if (reader->failed != ST_OK)
			return reader->failed;
	}
	record = (const struct record *)(const void *)reader->at;
	reader->at += record->length;
	reader->left--;
	reader->seq = record->seq;
	*out = record;
	return ST_OK;
}

uint64_t
journal_reader_seq(const struct journal_reader *reader)
{
	return reader->seq;
}

struct ident
journal_reader_identity(const struct journal_reader *reader)
{
	return reader->cursor.journal;
}

const char *
journal_reader_reason(const struct journal_reader *reader)
{
	return reader->reason.text;
}

enum status
journal_mark(struct disk *disk, const char *dir, struct ident *identity,
	uint64_t *durable_seq, struct reason *reason)
{
	struct superblock superblock;

	TRY(journal_dir_check(dir, reason));
	TRY(superblock_load(disk, dir, &superblock, reason));
	*identity = superblock.journal;
	*durable_seq = superblock.durable_seq;
	return ST_OK;
}
