/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * archive.c - segments compressed block by block.
 */
#include "journal/archive.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/crc32c.h"
#include "journal/format.h"

/* Level 3 is zstd's own default: a fast disk's speed, most of the gain. */
#define LEVEL 3

struct archive {
	struct disk_file *file;
	ZSTD_DCtx *zstd;
	struct archive_header header;
	struct archive_entry *index;
	unsigned char *packed; /* one block as it is on disk */
	size_t packed_bytes;
	unsigned char *block; /* the block that is unpacked, and its number */
	uint64_t block_number;
};

/* ---- writing ---- */

struct maker {
	struct disk_file *from;
	struct disk_file *to;
	ZSTD_CCtx *zstd;
	unsigned char *plain;
	unsigned char *packed;
	struct archive_entry *index;
	uint64_t at; /* end of what was written */
};

static int
make_block(struct maker *maker, uint64_t offset, size_t length,
	struct archive_entry *entry)
{
	ssize_t n = disk_read_up_to(maker->from, maker->plain, length, offset);
	size_t packed;
	int error;

	if (n < 0)
		return (int)n;
	if ((size_t)n < length)
		return -EIO; /* shorter than when it was checked */
	packed = ZSTD_compressCCtx(maker->zstd, maker->packed,
		ZSTD_compressBound(ARCHIVE_BLOCK), maker->plain, length, LEVEL);
	if (ZSTD_isError(packed))
		return -EIO;
	error = disk_write_all(maker->to, maker->packed, packed, maker->at);
	if (error != 0)
		return error;
	entry->at = maker->at;
	entry->length = (uint32_t)packed;
	maker->at += packed;
	return 0;
}

/* Which frame begins first at or behind each block's beginning. */
static void
make_index(struct archive_entry *index, uint32_t n_blocks,
	const struct frame_place *places, size_t n_places)
{
	size_t place = 0;

	for (uint32_t i = 0; i < n_blocks; i++) {
		while (place < n_places &&
			places[place].offset < i * (uint64_t)ARCHIVE_BLOCK)
			place++;
		index[i].frame = place < n_places ? places[place].offset : 0;
		index[i].first_seq = place < n_places ? places[place].first_seq
						      : UINT64_MAX;
	}
}

static int
make_blocks(struct maker *maker, struct archive_header *header)
{
	uint64_t offset = 0;
	int error;

	maker->at = sizeof(*header);
	for (uint32_t i = 0; i < header->n_blocks; i++) {
		uint64_t left = header->used - offset;
		size_t length = left < ARCHIVE_BLOCK ? (size_t)left
						     : ARCHIVE_BLOCK;

		error = make_block(maker, offset, length, &maker->index[i]);
		if (error != 0)
			return error;
		offset += length;
	}
	header->index = maker->at;
	header->index_checksum = crc32c(0, maker->index,
		header->n_blocks * sizeof(*maker->index));
	header->checksum = crc32c(0, header,
		offsetof(struct archive_header, checksum));
	error = disk_write_all(maker->to, maker->index,
		header->n_blocks * sizeof(*maker->index), maker->at);
	if (error == 0)
		error = disk_write_all(maker->to, header, sizeof(*header), 0);
	return error != 0 ? error : disk_fsync(maker->to);
}

int
archive_make(struct disk *disk, struct disk_file *from, uint64_t used,
	const struct frame_place *places, size_t n_places, const char *path)
{
	struct archive_header header = {
		.magic = ARCHIVE_MAGIC,
		.format = JOURNAL_FORMAT,
		.n_blocks = (uint32_t)((used + ARCHIVE_BLOCK - 1) /
			ARCHIVE_BLOCK),
		.used = used,
	};
	struct maker maker = {
		.from = from,
		.zstd = ZSTD_createCCtx(),
		.plain = malloc(ARCHIVE_BLOCK),
		.packed = malloc(ZSTD_compressBound(ARCHIVE_BLOCK)),
		.index = calloc(header.n_blocks, sizeof(*maker.index)),
	};
	int error = -ENOMEM;

	if (maker.zstd == NULL || maker.plain == NULL || maker.packed == NULL ||
		maker.index == NULL)
		goto out;
	make_index(maker.index, header.n_blocks, places, n_places);
	error = disk_open(disk, path, DISK_CREATE, &maker.to);
	if (error == 0)
		error = make_blocks(&maker, &header);
out:
	disk_close(maker.to);
	free(maker.index);
	free(maker.packed);
	free(maker.plain);
	ZSTD_freeCCtx(maker.zstd);
	return error;
}

/* ---- reading ---- */

static int
header_is_whole(const struct archive_header *header, uint64_t file_bytes)
{
	uint64_t blocks = (header->used + ARCHIVE_BLOCK - 1) / ARCHIVE_BLOCK;

	return header->checksum == crc32c(0, header,
			offsetof(struct archive_header, checksum)) &&
		header->used <= SEGMENT_BYTES_MAX &&
		header->n_blocks == blocks && header->index <= file_bytes &&
		blocks * sizeof(struct archive_entry) <=
			file_bytes - header->index;
}

/* Blocks lie one after the other between header and index. */
static int
index_is_whole(const struct archive *archive)
{
	const struct archive_header *header = &archive->header;
	uint64_t at = sizeof(*header);

	if (header->index_checksum != crc32c(0, archive->index,
			header->n_blocks * sizeof(*archive->index)))
		return 0;
	for (uint32_t i = 0; i < header->n_blocks; i++) {
		if (archive->index[i].at != at)
			return 0;
		at += archive->index[i].length;
	}
	return at == header->index;
}

static enum status
load_index(struct archive *archive, const char *name, struct reason *reason)
{
	struct archive_header *header = &archive->header;
	size_t bytes;
	uint64_t size;
	int error = disk_size(archive->file, &size);
	ssize_t n;

	if (error != 0)
		return reason_errno(reason, error, "%s cannot be read", name);
	n = disk_read_up_to(archive->file, header, sizeof(*header), 0);
	if (n < 0)
		return reason_errno(reason, (int)n, "%s cannot be read", name);
	if ((size_t)n < sizeof(*header) || header->magic != ARCHIVE_MAGIC ||
		!header_is_whole(header, size))
		return reason_set(reason, ST_INTERNAL,
			"%s: offset 0: the archive's header is damaged", name);
	if (header->format != JOURNAL_FORMAT)
		return reason_set(reason, ST_INVALID,
			"%s: format %" PRIu32 " is not known to this program",
			name, header->format);
	bytes = header->n_blocks * sizeof(*archive->index);
	archive->index = malloc(bytes + 1);
	if (archive->index == NULL)
		return reason_errno(reason, -ENOMEM, "%s", name);
	n = disk_read_up_to(archive->file, archive->index, bytes,
		header->index);
	if (n < 0)
		return reason_errno(reason, (int)n, "%s cannot be read", name);
	if ((size_t)n < bytes || !index_is_whole(archive))
		return reason_set(reason, ST_INTERNAL,
			"%s: offset %" PRIu64 ": the archive's index is "
			"damaged", name, header->index);
	return ST_OK;
}

enum status
archive_open(struct disk *disk, const char *path, const char *name,
	struct archive **out, struct reason *reason)
{
	struct archive *archive;
	struct disk_file *file;
	int error = disk_open(disk, path, DISK_READ, &file);
	enum status status;

	if (error == -ENOENT)
		return reason_set(reason, ST_NOT_FOUND, "%s is not there",
			name);
	if (error != 0)
		return reason_errno(reason, error, "%s cannot be opened", name);
	archive = calloc(1, sizeof(*archive));
	if (archive == NULL) {
		disk_close(file);
		return reason_errno(reason, -ENOMEM, "%s", name);
	}
	archive->file = file;
	archive->packed_bytes = ZSTD_compressBound(ARCHIVE_BLOCK);
	archive->packed = malloc(archive->packed_bytes);
	archive->block = malloc(ARCHIVE_BLOCK);
	archive->zstd = ZSTD_createDCtx();
	archive->block_number = UINT64_MAX;
	if (archive->packed == NULL || archive->block == NULL ||
		archive->zstd == NULL)
		status = reason_errno(reason, -ENOMEM, "%s", name);
	else
		status = load_index(archive, name, reason);
	if (status != ST_OK) {
		archive_close(archive);
		return status;
	}
	*out = archive;
	return ST_OK;
}

void
archive_close(struct archive *archive)
{
	if (archive == NULL)
		return;
	disk_close(archive->file);
	ZSTD_freeDCtx(archive->zstd);
	free(archive->index);
	free(archive->packed);
	free(archive->block);
	free(archive);
}

/* How many bytes of the segment block NUMBER holds. */
static size_t
block_bytes(const struct archive *archive, uint64_t number)
{
	uint64_t left = archive->header.used - number * ARCHIVE_BLOCK;

	return left < ARCHIVE_BLOCK ? (size_t)left : ARCHIVE_BLOCK;
}

static int
unpack(struct archive *archive, uint64_t number)
{
	const struct archive_entry *entry = &archive->index[number];
	size_t plain = block_bytes(archive, number);
	ssize_t n;

	if (archive->block_number == number)
		return 0;
	archive->block_number = UINT64_MAX;
	if (entry->length > archive->packed_bytes)
		return -EIO;
	n = disk_read_up_to(archive->file, archive->packed, entry->length,
		entry->at);
	if (n < 0)
		return (int)n;
	if ((size_t)n < entry->length ||
		ZSTD_decompressDCtx(archive->zstd, archive->block,
			ARCHIVE_BLOCK, archive->packed,
			entry->length) != plain)
		return -EIO;
	archive->block_number = number;
	return 0;
}

ssize_t
archive_read(struct archive *archive, void *to, size_t length, uint64_t offset)
{
	char *at = to;
	size_t done = 0;

	while (done < length && offset < archive->header.used) {
		uint64_t number = offset / ARCHIVE_BLOCK;
		size_t skip = (size_t)(offset % ARCHIVE_BLOCK);
		size_t n = block_bytes(archive, number) - skip;
		int error = unpack(archive, number);

		if (error != 0)
			return error;
		if (n > length - done)
			n = length - done;
		memcpy(at + done, archive->block + skip, n);
		done += n;
		offset += n;
	}
	return (ssize_t)done;
}

int
archive_place(const struct archive *archive, uint64_t seq,
	struct frame_place *out)
{
	uint32_t low = 0, high = archive->header.n_blocks;

	/* The first block whose frame begins behind SEQ; the one before it. */
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (archive->index[middle].first_seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return 0;
	*out = (struct frame_place){archive->index[low - 1].frame,
		archive->index[low - 1].first_seq};
	return 1;
}
