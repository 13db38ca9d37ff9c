/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * writer.c - appending frames.
 */
#include "journal/writer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/writer_state.h"

enum status
journal_fail(struct journal *journal, int error, const char *what)
{
	if (!atomic_exchange(&journal->failed, true))
		return reason_errno(&journal->reason, error,
			"%s: %s; the process must end", journal->dir, what);
	return ST_INTERNAL;
}

enum status
journal_begin(struct journal *journal, void **buffer, size_t *capacity)
{
	size_t room = 0;
	enum status status;

	if (atomic_load(&journal->failed))
		return ST_INTERNAL;
	status = journal_reserve(journal);
	if (status == ST_OK) {
		room = journal->batch_bytes;
	} else if (status == ST_UNAVAILABLE && journal->file != NULL) {
		uint64_t left = journal->segment.bytes - journal->offset;

		if (left > sizeof(struct journal_frame) && !journal->rotate)
			room = (size_t)left - sizeof(struct journal_frame);
	}
	if (room == 0)
		return status;
	*buffer = journal->buffers[journal->current] +
		sizeof(struct journal_frame);
	*capacity = room < journal->batch_bytes ? room : journal->batch_bytes;
	return ST_OK;
}

/* The caller's word about the batch is believed by every follower. */
static void
check_batch(const struct journal *journal, size_t used, uint32_t n_records,
	uint64_t first_seq)
{
	const unsigned char *at = journal->buffers[journal->current] +
		sizeof(struct journal_frame);
	size_t left = used;

	if (first_seq != journal->next_seq || n_records == 0 ||
		used > journal->batch_bytes || used % 8 != 0)
		abort();
	for (uint32_t i = 0; i < n_records; i++) {
		const struct record *record =
			(const struct record *)(const void *)at;

		if (left < sizeof(*record) || record->length > left ||
			record->length < sizeof(*record) ||
			record->seq != first_seq + i)
			abort();
		at += record->length;
		left -= record->length;
	}
	if (left != 0)
		abort();
}

enum status
journal_write(struct journal *journal, size_t used, uint32_t n_records,
	uint64_t first_seq, int64_t time_us)
{
	unsigned char *buffer = journal->buffers[journal->current];
	struct journal_frame *frame = (struct journal_frame *)(void *)buffer;
	size_t length = sizeof(*frame) + used;
	int error;

	if (atomic_load(&journal->failed))
		return ST_INTERNAL;
	/* The frame before this one must be on disk: a torn tail then never
	 * concerns more than one frame. */
	if (atomic_load(&journal->durable_seq) + 1 != journal->next_seq)
		abort();
	check_batch(journal, used, n_records, first_seq);
	if (journal->file == NULL || journal->rotate ||
		journal->segment.bytes - journal->offset < length) {
		enum status status = journal_rotate(journal);

		/* The batch has been applied; there is no way back. */
		if (status == ST_UNAVAILABLE)
			return journal_fail(journal, -ENOSPC,
				"no room for a batch");
		TRY(status);
	}
	*frame = (struct journal_frame){
		.magic = FRAME_MAGIC,
		.length = (uint32_t)length,
		.format = JOURNAL_FORMAT,
		.engine = journal->engine,
		.n_records = n_records,
		.segment = journal->segment.segment,
		.first_seq = first_seq,
		.time_us = time_us,
		.durable_seq = first_seq - 1,
		.chain = journal->chain,
	};
	frame_seal(frame, buffer + sizeof(*frame));
	error = disk_write_all(journal->file, buffer, length, journal->offset);
	if (error != 0)
		return journal_fail(journal, error,
			"a frame cannot be written");
	journal->offset += length;
	journal->next_seq += n_records;
	journal->chain = frame->checksum;
	journal->last_time_us = time_us;
	journal->written_bytes += length;
	journal->current ^= 1;
	atomic_store(&journal->written_seq, journal->next_seq - 1);
	return ST_OK;
}

enum status
journal_sync(struct journal *journal)
{
	uint64_t seq = atomic_load(&journal->written_seq);
	int error;

	if (atomic_load(&journal->failed))
		return ST_INTERNAL;
	if (seq == atomic_load(&journal->durable_seq))
		return ST_OK;
	error = disk_fdatasync(journal->file);
	if (error != 0)
		return journal_fail(journal, error, "a sync has failed");
	atomic_store(&journal->durable_seq, seq);
	return ST_OK;
}

enum status
journal_commit(struct journal *journal, size_t used, uint32_t n_records,
	uint64_t first_seq, int64_t time_us)
{
	TRY(journal_write(journal, used, n_records, first_seq, time_us));
	return journal_sync(journal);
}

static enum status
store_mark(struct journal *journal)
{
	uint64_t durable = atomic_load(&journal->durable_seq);
	int error;

	if (durable == journal->superblock.durable_seq)
		return ST_OK;
	error = superblock_store(journal->superblock_file,
		&journal->superblock, durable, journal->now_us);
	return error != 0 ? journal_fail(journal, error,
				    "the durable mark cannot be written")
			  : ST_OK;
}

enum status
journal_tick(struct journal *journal, int64_t now_us)
{
	if (atomic_load(&journal->failed))
		return ST_INTERNAL;
	journal->now_us = now_us;
	journal->reserve_failed = false;
	TRY(store_mark(journal));
	TRY(journal_survey(journal));
	if (journal->helper != NULL && journal->spares < JOURNAL_SPARES)
		journal_helper_wake(journal->helper);
	return ST_OK;
}

enum status
journal_snapshot_done(struct journal *journal)
{
	struct reason reason;

	if (atomic_load(&journal->failed))
		return ST_INTERNAL;
	/* An old snapshot that cannot be removed hurts nobody: next time. */
	if (snapshot_prune(journal->disk, journal->dir, SNAPSHOTS_KEPT,
		    &reason) == ST_OK &&
		journal->helper != NULL)
		journal_helper_wake(journal->helper);
	return ST_OK;
}

enum status
journal_close(struct journal *journal)
{
	enum status status = atomic_load(&journal->failed)
		? ST_INTERNAL
		: store_mark(journal);

	journal_abandon(journal);
	return status;
}

void
journal_abandon(struct journal *journal)
{
	if (journal == NULL)
		return;
	disk_close(journal->file);
	disk_close(journal->superblock_file);
	disk_close(journal->lock);
	free(journal->buffers[0]);
	free(journal->buffers[1]);
	free(journal);
}

bool
journal_disk_low(const struct journal *journal)
{
	return journal->low;
}

uint64_t
journal_next_seq(const struct journal *journal)
{
	return journal->next_seq;
}

uint64_t
journal_durable_seq(const struct journal *journal)
{
	return atomic_load(&journal->durable_seq);
}

uint32_t
journal_chain(const struct journal *journal)
{
	return journal->chain;
}

struct ident
journal_identity(const struct journal *journal)
{
	return journal->superblock.journal;
}

uint64_t
journal_bytes(const struct journal *journal)
{
	return journal->written_bytes;
}

int64_t
journal_last_time_us(const struct journal *journal)
{
	return journal->last_time_us;
}

const char *
journal_reason(const struct journal *journal)
{
	return journal->reason.text;
}
