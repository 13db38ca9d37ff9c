/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * snapshot.c - reading, listing and removing snapshots.
 */
#include "journal/snapshot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "journal/snapshot_format.h"

/* Sections are read in pieces, so that the checksum finds them in the cache. */
#define READ_PIECE ((size_t)1 << 20)

struct snapshot {
	struct disk_file *file;
	struct snapshot_header header;
	char name[JOURNAL_NAME_MAX];
};

uint32_t
snapshot_header_checksum(const struct snapshot_header *header)
{
	return crc32c(0, header, offsetof(struct snapshot_header, checksum));
}

static int
newest_first(const void *a, const void *b)
{
	uint64_t one = *(const uint64_t *)a, two = *(const uint64_t *)b;

	return one > two ? -1 : one < two;
}

enum status
snapshot_list(struct disk *disk, const char *dir, uint64_t *seqs, size_t max,
	size_t *count, struct reason *reason)
{
	struct disk_names names;
	int error = disk_list(disk, dir, &names);
	uint64_t *all;
	size_t n = 0;

	if (error != 0)
		return reason_errno(reason, error, "%s cannot be listed", dir);
	all = malloc((names.count + 1) * sizeof(*all));
	if (all == NULL) {
		disk_names_free(&names);
		return reason_errno(reason, -ENOMEM, "%s", dir);
	}
	for (size_t i = 0; i < names.count; i++)
		if (seq_of_name(names.names[i], SNAPSHOT_PREFIX,
			    SNAPSHOT_SUFFIX, &all[n]))
			n++;
	disk_names_free(&names);
	qsort(all, n, sizeof(*all), newest_first);
	*count = n < max ? n : max;
	memcpy(seqs, all, *count * sizeof(*seqs));
	free(all);
	return ST_OK;
}

/* That the sections lie within the file, and behind the header. */
static int
sections_fit(const struct snapshot_header *header, uint64_t file_bytes)
{
	for (uint32_t i = 0; i < header->n_sections; i++) {
		const struct snapshot_section *section = &header->sections[i];

		if (section->offset < sizeof(*header) ||
			section->offset > file_bytes ||
			section->length > file_bytes - section->offset)
			return 0;
	}
	return 1;
}

static enum status
check_header(struct snapshot *snapshot, uint64_t seq, struct reason *reason)
{
	struct snapshot_header *header = &snapshot->header;
	uint64_t size;
	int error = disk_size(snapshot->file, &size);
	ssize_t n = error != 0 ? error
			       : disk_read_up_to(snapshot->file, header,
					 sizeof(*header), 0);

	if (n < 0)
		return reason_errno(reason, (int)n, "%s cannot be read",
			snapshot->name);
	if ((size_t)n < sizeof(*header) || header->magic != SNAPSHOT_MAGIC ||
		header->checksum != snapshot_header_checksum(header) ||
		header->n_sections > SNAPSHOT_SECTIONS_MAX ||
		!sections_fit(header, size))
		return reason_set(reason, ST_INVALID,
			"%s: the header is damaged, or the file was cut",
			snapshot->name);
	if (header->format != JOURNAL_FORMAT)
		return reason_set(reason, ST_INVALID,
			"%s: format %" PRIu32 " is not known to this program",
			snapshot->name, header->format);
	if (header->info.seq != seq)
		return reason_set(reason, ST_INVALID,
			"%s: the snapshot is of sequence %" PRIu64,
			snapshot->name, header->info.seq);
	return ST_OK;
}

enum status
snapshot_open(struct disk *disk, const char *dir, uint64_t seq,
	struct snapshot **out, struct reason *reason)
{
	struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
	char path[JOURNAL_PATH_MAX];
	enum status status;
	int error;

	if (snapshot == NULL)
		return reason_errno(reason, -ENOMEM, "snapshot");
	seq_name(snapshot->name, SNAPSHOT_PREFIX, seq, SNAPSHOT_SUFFIX);
	journal_path(path, dir, snapshot->name);
	error = disk_open(disk, path, DISK_READ, &snapshot->file);
	if (error == -ENOENT)
		status = reason_set(reason, ST_NOT_FOUND, "%s is not there",
			snapshot->name);
	else if (error != 0)
		status = reason_errno(reason, error, "%s cannot be opened",
			snapshot->name);
	else
		status = check_header(snapshot, seq, reason);
	if (status != ST_OK) {
		snapshot_close(snapshot);
		return status;
	}
	*out = snapshot;
	return ST_OK;
}

void
snapshot_close(struct snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	disk_close(snapshot->file);
	free(snapshot);
}

const struct snapshot_info *
snapshot_info(const struct snapshot *snapshot)
{
	return &snapshot->header.info;
}

uint32_t
snapshot_sections(const struct snapshot *snapshot)
{
	return snapshot->header.n_sections;
}

uint64_t
snapshot_section_bytes(const struct snapshot *snapshot, uint32_t section)
{
	return section < snapshot->header.n_sections
		? snapshot->header.sections[section].length
		: 0;
}

/*
 * Read a section and compare its checksum.  KEEP: to TO, all of it; else
 * piece by piece through READ_PIECE bytes at TO.
 */
static enum status
read_section(struct snapshot *snapshot, uint32_t number, unsigned char *to,
	bool keep, struct reason *reason)
{
	const struct snapshot_section *section =
		&snapshot->header.sections[number];
	uint64_t done = 0;
	uint32_t crc = 0;

	while (done < section->length) {
		unsigned char *at = keep ? to + done : to;
		size_t piece = section->length - done < READ_PIECE
			? (size_t)(section->length - done)
			: READ_PIECE;
		ssize_t n = disk_read_up_to(snapshot->file, at, piece,
			section->offset + done);

		if (n < 0)
			return reason_errno(reason, (int)n,
				"%s cannot be read", snapshot->name);
		if ((size_t)n < piece)
			break;
		crc = crc32c(crc, at, piece);
		done += piece;
	}
	if (done < section->length || crc != section->checksum)
		return reason_set(reason, ST_INVALID,
			"%s: offset %" PRIu64 ": section %" PRIu32
			" is damaged", snapshot->name, section->offset, number);
	return ST_OK;
}

enum status
snapshot_load(struct snapshot *snapshot, uint32_t section, void *to,
	uint64_t length, struct reason *reason)
{
	if (section >= snapshot->header.n_sections ||
		snapshot->header.sections[section].length != length)
		return reason_set(reason, ST_INVALID,
			"%s: section %" PRIu32 " has not the length that is "
			"expected", snapshot->name, section);
	return read_section(snapshot, section, to, true, reason);
}

enum status
snapshot_check(struct snapshot *snapshot, struct reason *reason)
{
	unsigned char *piece = malloc(READ_PIECE);
	enum status status = ST_OK;

	if (piece == NULL)
		return reason_errno(reason, -ENOMEM, "%s", snapshot->name);
	for (uint32_t i = 0; i < snapshot->header.n_sections; i++) {
		status = read_section(snapshot, i, piece, false, reason);
		if (status != ST_OK)
			break;
	}
	free(piece);
	return status;
}

static int
ends_with(const char *name, const char *suffix)
{
	size_t length = strlen(name), tail = strlen(suffix);

	return length >= tail && strcmp(name + length - tail, suffix) == 0;
}

enum status
snapshot_prune(struct disk *disk, const char *dir, size_t keep,
	struct reason *reason)
{
	struct disk_names names = {0};
	char path[JOURNAL_PATH_MAX];
	size_t seen = 0;
	uint64_t seq;
	int error = disk_list(disk, dir, &names);

	/* Sorted by name is sorted by sequence; so the newest come last. */
	for (size_t i = names.count; error == 0 && i-- > 0;) {
		const char *name = names.names[i];

		if (seq_of_name(name, SNAPSHOT_PREFIX, SNAPSHOT_SUFFIX, &seq)) {
			if (seen++ < keep)
				continue;
		} else if (strncmp(name, SNAPSHOT_PREFIX,
				   strlen(SNAPSHOT_PREFIX)) != 0 ||
			!ends_with(name, TEMPORARY_SUFFIX)) {
			continue;
		}
		journal_path(path, dir, name);
		error = disk_unlink(disk, path);
		if (error == -ENOENT)
			error = 0;
	}
	disk_names_free(&names);
	return error != 0 ? reason_errno(reason, error,
				    "old snapshots in %s cannot be removed",
				    dir)
			  : ST_OK;
}
