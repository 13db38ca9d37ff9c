/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * format.c - sealing and checking headers and frames; names of files.
 */
#include "journal/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "wire/record.h"

#define SEQ_DIGITS 20

uint32_t
chain_start(struct ident journal)
{
	return crc32c(0, journal.bytes, sizeof(journal.bytes));
}

static uint32_t
header_checksum(const struct segment_header *header)
{
	return crc32c(0, header, offsetof(struct segment_header, checksum));
}

void
segment_header_seal(struct segment_header *header)
{
	header->checksum = header_checksum(header);
}

enum status
segment_header_check(const struct segment_header *header, const char *name,
	struct reason *reason)
{
	if (header->magic != SEGMENT_MAGIC ||
		header->checksum != header_checksum(header))
		return reason_set(reason, ST_INTERNAL,
			"%s: offset 0: the segment's header is damaged", name);
	if (header->format != JOURNAL_FORMAT)
		return reason_set(reason, ST_INVALID,
			"%s: format %" PRIu32 " is not known to this program, "
			"which writes %d",
			name, header->format, JOURNAL_FORMAT);
	if (header->bytes < SEGMENT_BYTES_MIN ||
		header->bytes > SEGMENT_BYTES_MAX || header->segment == 0 ||
		header->first_seq == 0)
		return reason_set(reason, ST_INTERNAL,
			"%s: offset 0: the segment's header makes no sense",
			name);
	return ST_OK;
}

static uint32_t
frame_checksum(const struct journal_frame *frame)
{
	return crc32c(0, frame, offsetof(struct journal_frame, checksum));
}

void
frame_seal(struct journal_frame *frame, const void *payload)
{
	frame->payload_checksum =
		crc32c(0, payload, frame->length - sizeof(*frame));
	frame->checksum = frame_checksum(frame);
}

int
frame_decodes(const struct journal_frame *frame)
{
	return frame->magic == FRAME_MAGIC &&
		frame->checksum == frame_checksum(frame) &&
		frame->length % 8 == 0 && frame->length > sizeof(*frame) &&
		frame->length <= FRAME_BYTES_MAX;
}

int
frame_payload_whole(const struct journal_frame *frame, const void *payload)
{
	return frame->payload_checksum ==
		crc32c(0, payload, frame->length - sizeof(*frame));
}

const char *
frame_payload_fault(const struct journal_frame *frame, const void *payload)
{
	const char *at = payload;
	size_t left = frame->length - sizeof(*frame);
	uint32_t i;

	for (i = 0; i < frame->n_records; i++) {
		const struct record *record =
			(const struct record *)(const void *)at;

		if (!record_well_formed(record, left))
			return "a record is malformed";
		if (record->seq != frame->first_seq + i)
			return "a record has the wrong sequence";
		at += record->length;
		left -= record->length;
	}
	return left == 0 ? NULL : "there is more than the records";
}

void
journal_path(char path[JOURNAL_PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, JOURNAL_PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= JOURNAL_PATH_MAX)
		abort();
}

enum status
journal_dir_check(const char *dir, struct reason *reason)
{
	if (dir[0] == '\0' ||
		strlen(dir) + 1 + JOURNAL_NAME_MAX > JOURNAL_PATH_MAX)
		return reason_set(reason, ST_INVALID,
			"the journal's directory has no name, or one that is "
			"too long");
	return ST_OK;
}

void
seq_name(char name[JOURNAL_NAME_MAX], const char *prefix, uint64_t seq,
	const char *suffix)
{
	int n = snprintf(name, JOURNAL_NAME_MAX, "%s%0*" PRIu64 "%s", prefix,
		SEQ_DIGITS, seq, suffix);

	if (n < 0 || n >= JOURNAL_NAME_MAX)
		abort();
}

int
seq_of_name(const char *name, const char *prefix, const char *suffix,
	uint64_t *seq)
{
	size_t length = strlen(prefix);
	uint64_t value = 0;

	if (strncmp(name, prefix, length) != 0)
		return 0;
	name += length;
	for (int i = 0; i < SEQ_DIGITS; i++) {
		if (name[i] < '0' || name[i] > '9' ||
			__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value,
				(uint64_t)(name[i] - '0'), &value))
			return 0;
	}
	if (strcmp(name + SEQ_DIGITS, suffix) != 0)
		return 0;
	*seq = value;
	return 1;
}
