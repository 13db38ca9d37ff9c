/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * segment.c - opening segments wherever they are.
 */
#include "journal/segment.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int
by_first_seq(const void *a, const void *b)
{
	const struct segment_entry *one = a, *two = b;

	return one->first_seq < two->first_seq ? -1
					       : one->first_seq > two->first_seq;
}

/* Sort, and join the two rows of a segment that is in both places. */
static void
tidy(struct segment_list *list)
{
	size_t kept = 0;

	if (list->count > 0)
		qsort(list->entries, list->count, sizeof(*list->entries),
			by_first_seq);
	for (size_t i = 0; i < list->count; i++) {
		struct segment_entry *entry = &list->entries[i];

		if (kept > 0 && list->entries[kept - 1].first_seq ==
				entry->first_seq) {
			list->entries[kept - 1].plain |= entry->plain;
			list->entries[kept - 1].archived |= entry->archived;
		} else {
			list->entries[kept++] = *entry;
		}
	}
	list->count = kept;
}

/* Add the segments among NAMES, which end in SUFFIX. */
static int
add_names(struct segment_list *list, const struct disk_names *names,
	const char *suffix, struct segment_entry as)
{
	struct segment_entry *grown = realloc(list->entries,
		(list->count + names->count + 1) * sizeof(*grown));

	if (grown == NULL)
		return -ENOMEM;
	list->entries = grown;
	for (size_t i = 0; i < names->count; i++) {
		as.first_seq = 0;
		if (seq_of_name(names->names[i], "", suffix, &as.first_seq))
			list->entries[list->count++] = as;
	}
	return 0;
}

enum status
segment_list_load(const struct segment_home *home, struct segment_list *out,
	struct reason *reason)
{
	struct segment_list list = {0};
	struct disk_names names;
	/* The journal first: what is moved meanwhile is then found in the
	 * archive, and not missed in both. */
	int error = disk_list(home->disk, home->dir, &names);

	if (error != 0)
		return reason_errno(reason, error, "%s cannot be listed",
			home->dir);
	error = add_names(&list, &names, SEGMENT_SUFFIX,
		(struct segment_entry){.plain = true});
	disk_names_free(&names);
	if (error == 0 && home->archive != NULL) {
		error = disk_list(home->disk, home->archive, &names);
		if (error == 0) {
			error = add_names(&list, &names, ARCHIVE_SUFFIX,
				(struct segment_entry){.archived = true});
			disk_names_free(&names);
		} else if (error == -ENOENT) {
			error = 0;
		}
	}
	if (error != 0) {
		segment_list_free(&list);
		return reason_errno(reason, error, "%s cannot be listed",
			home->archive != NULL ? home->archive : home->dir);
	}
	tidy(&list);
	*out = list;
	return ST_OK;
}

void
segment_list_free(struct segment_list *list)
{
	free(list->entries);
	*list = (struct segment_list){0};
}

size_t
segment_list_find(const struct segment_list *list, uint64_t seq)
{
	size_t i = list->count;

	while (i > 0)
		if (list->entries[--i].first_seq <= seq)
			return i;
	return list->count;
}

static enum status
open_plain(const struct segment_home *home, uint64_t first_seq,
	struct segment *out, struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];
	int error;

	seq_name(out->name, "", first_seq, SEGMENT_SUFFIX);
	journal_path(path, home->dir, out->name);
	error = disk_open(home->disk, path, DISK_READ, &out->file);
	if (error == -ENOENT)
		return reason_set(reason, ST_NOT_FOUND, "%s is not there",
			out->name);
	return error != 0 ? reason_errno(reason, error, "%s cannot be opened",
				    out->name)
			  : ST_OK;
}

static enum status
open_archived(const struct segment_home *home, uint64_t first_seq,
	struct segment *out, struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];

	if (home->archive == NULL)
		return ST_NOT_FOUND;
	seq_name(out->name, "", first_seq, ARCHIVE_SUFFIX);
	journal_path(path, home->archive, out->name);
	return archive_open(home->disk, path, out->name, &out->archive, reason);
}

static enum status
check_header(struct segment *segment, uint64_t first_seq, struct reason *reason)
{
	struct segment_header *header = &segment->header;
	ssize_t n = segment_read(segment, header, sizeof(*header), 0);

	if (n < 0)
		return reason_errno(reason, (int)n, "%s cannot be read",
			segment->name);
	if ((size_t)n < sizeof(*header))
		return reason_set(reason, ST_INTERNAL,
			"%s: offset 0: the segment has no header",
			segment->name);
	TRY(segment_header_check(header, segment->name, reason));
	if (header->first_seq != first_seq)
		return reason_set(reason, ST_INTERNAL,
			"%s: offset 0: the segment begins with sequence "
			"%" PRIu64 ", not with that of its name",
			segment->name, header->first_seq);
	segment->bytes = header->bytes;
	return ST_OK;
}

enum status
segment_open(const struct segment_home *home, uint64_t first_seq,
	struct segment *out, struct reason *reason)
{
	struct segment segment = {0};
	enum status status = open_plain(home, first_seq, &segment, reason);

	if (status == ST_NOT_FOUND)
		status = open_archived(home, first_seq, &segment, reason);
	if (status == ST_OK)
		status = check_header(&segment, first_seq, reason);
	if (status != ST_OK) {
		segment_close(&segment);
		return status;
	}
	*out = segment;
	return ST_OK;
}

void
segment_close(struct segment *segment)
{
	disk_close(segment->file);
	archive_close(segment->archive);
	segment->file = NULL;
	segment->archive = NULL;
}

ssize_t
segment_read(struct segment *segment, void *to, size_t length, uint64_t offset)
{
	if (segment->archive != NULL)
		return archive_read(segment->archive, to, length, offset);
	return disk_read_up_to(segment->file, to, length, offset);
}
