/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * open.c - from a directory to a journal that is ready for the next batch.
 *
 * Order matters: first the lock, then everything is read and replayed, and
 * only when all of it is sound is anything written.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/recover.h"
#include "journal/spare.h"
#include "journal/writer_state.h"

#define LOCK_NAME "lock"
/* More than are ever kept; the rest would be older still. */
#define SNAPSHOTS_TRIED 8

static enum status
take_lock(struct journal *journal, struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];
	int error;

	journal_path(path, journal->dir, LOCK_NAME);
	error = disk_lock(journal->disk, path, &journal->lock);
	if (error == -EWOULDBLOCK)
		return reason_set(reason, ST_CONFLICT,
			"another process has the journal in %s",
			journal->dir);
	return error != 0 ? reason_errno(reason, error, "%s cannot be locked",
				    path)
			  : ST_OK;
}

/* A directory without superblock must not have anything else, either. */
static enum status
make_superblock(struct journal *journal, const struct journal_options *options,
	struct reason *reason)
{
	struct ident identity = options->identity;
	struct segment_list list;
	uint64_t newest;
	size_t segments, snapshots;

	TRY(segment_list_load(&journal->home, &list, reason));
	segments = list.count;
	segment_list_free(&list);
	TRY(snapshot_list(journal->disk, journal->dir, &newest, 1, &snapshots,
		reason));
	if (segments > 0 || snapshots > 0)
		return reason_set(reason, ST_INTERNAL,
			"%s has segments or snapshots, but no " SUPERBLOCK_NAME
			": it does not say what was on disk",
			journal->dir);
	if (ident_is_none(identity))
		identity = ident_random(options->now_us);
	TRY(superblock_create(journal->disk, journal->dir, identity,
		options->now_us, reason));
	return superblock_load(journal->disk, journal->dir,
		&journal->superblock, reason);
}

static enum status
open_superblock(struct journal *journal, const struct journal_options *options,
	struct reason *reason)
{
	char path[JOURNAL_PATH_MAX];
	enum status status = superblock_load(journal->disk, journal->dir,
		&journal->superblock, reason);
	int error;

	if (status == ST_NOT_FOUND && options->create)
		status = make_superblock(journal, options, reason);
	TRY(status);
	journal_path(path, journal->dir, SUPERBLOCK_NAME);
	error = disk_open(journal->disk, path, DISK_WRITE,
		&journal->superblock_file);
	return error != 0
		? reason_errno(reason, error, "%s cannot be opened", path)
		: ST_OK;
}

static void
warn(struct journal_replay *replay, const char *sentence)
{
	if (replay->warn != NULL)
		replay->warn(replay, sentence);
}

/* Offer the snapshot of SEQ to the caller.  Not ST_OK: try an older one. */
static enum status
try_snapshot(struct journal *journal, uint64_t seq,
	struct recovery *recovery, struct reason *reason)
{
	const struct snapshot_info *info;
	struct snapshot *snapshot;
	enum status status;

	TRY(snapshot_open(journal->disk, journal->dir, seq, &snapshot, reason));
	info = snapshot_info(snapshot);
	if (!ident_equal(info->journal, journal->superblock.journal)) {
		status = reason_set(reason, ST_INVALID,
			"the snapshot of sequence %" PRIu64
			" belongs to another journal", seq);
	} else {
		/* It was made of what was on disk: as good as a mark. */
		if (recovery->mark < seq)
			recovery->mark = seq;
		status = recovery->replay->load(recovery->replay, snapshot,
			reason);
	}
	if (status == ST_OK) {
		recovery->snapshot_seq = seq;
		recovery->snapshot_chain = info->chain;
	}
	snapshot_close(snapshot);
	return status;
}

static enum status
load_snapshot(struct journal *journal, struct recovery *recovery,
	struct reason *reason)
{
	uint64_t seqs[SNAPSHOTS_TRIED];
	char sentence[REASON_MAX + 64];
	size_t count;

	TRY(snapshot_list(journal->disk, journal->dir, seqs, SNAPSHOTS_TRIED,
		&count, reason));
	for (size_t i = 0; i < count; i++) {
		enum status status = try_snapshot(journal, seqs[i], recovery,
			reason);

		if (status == ST_OK)
			return ST_OK;
		snprintf(sentence, sizeof(sentence),
			"a snapshot is passed over: %s", reason->text);
		warn(recovery->replay, sentence);
	}
	return recovery->replay->load(recovery->replay, NULL, reason);
}

/*
 * Make the file as long again as it was, and zero what was torn.  Where the
 * next frame goes zeros are written even over zeros: a start before this one
 * may have written them, and its sync may have failed.
 */
static int
mend_tail(struct journal *journal, const struct recovery *recovery)
{
	static const unsigned char zeros[64 << 10];
	uint64_t at = journal->offset, size;
	uint64_t end = at + sizeof(struct journal_frame) + journal->batch_bytes;
	int error = disk_size(journal->file, &size);

	if (error == 0 && size < journal->segment.bytes)
		error = disk_allocate(journal->file, size,
			journal->segment.bytes, FILL_ZEROS);
	if (recovery->torn && end < recovery->torn_end)
		end = recovery->torn_end;
	if (end > journal->segment.bytes)
		end = journal->segment.bytes;
	while (error == 0 && at < end) {
		size_t n = end - at < sizeof(zeros) ? (size_t)(end - at)
						    : sizeof(zeros);

		error = disk_write_all(journal->file, zeros, n, at);
		at += n;
	}
	return error;
}

static int
rewrite(struct disk_file *file, uint64_t offset, size_t length)
{
	unsigned char *bytes = malloc(length);
	ssize_t n;
	int error;

	if (bytes == NULL)
		return -ENOMEM;
	n = disk_read_up_to(file, bytes, length, offset);
	if (n < 0)
		error = (int)n;
	else if ((size_t)n < length)
		error = -EIO;
	else
		error = disk_write_all(file, bytes, length, offset);
	free(bytes);
	return error;
}

/*
 * What recovery has read may be in the page cache alone: the process that
 * wrote it may have died before its sync, or because its sync failed, and
 * after a failure the kernel thinks of the pages as clean.  So the header, the
 * last frame and the place behind it, all that can be concerned, are written
 * again, and synced.
 */
static int
settle_tail(struct journal *journal, const struct recovery *recovery)
{
	int error = mend_tail(journal, recovery);

	if (error == 0)
		error = rewrite(journal->file, 0, SEGMENT_HEADER_BYTES);
	if (error == 0 && recovery->frame_length > 0)
		error = rewrite(journal->file, recovery->frame_at,
			recovery->frame_length);
	return error != 0 ? error : disk_fsync(journal->file);
}

/* Take over the segment that recovery has ended in. */
static int
continue_segment(struct journal *journal, const struct recovery *recovery)
{
	const struct cursor *cursor = &recovery->cursor;
	char path[JOURNAL_PATH_MAX];
	int error;

	if (cursor->segment.file == NULL) {
		/* None at all, or closed and archived: a new one follows. */
		journal->segment = cursor->segment.header;
		journal->segment.segment = cursor->segment_id;
		return 0;
	}
	journal_path(path, journal->dir, cursor->segment.name);
	error = disk_open(journal->disk, path, DISK_WRITE, &journal->file);
	if (error != 0)
		return error;
	journal->segment = cursor->segment.header;
	journal->offset = cursor->offset;
	/* An upgraded engine begins a segment of its own. */
	journal->rotate = recovery->frame_length > 0 &&
		recovery->frame_engine != journal->engine;
	return settle_tail(journal, recovery);
}

/* From here on the disk is written. */
static enum status
make_ready(struct journal *journal, struct recovery *recovery,
	struct reason *reason)
{
	uint64_t last_seq = recovery->cursor.next_seq - 1;
	int error = spare_sweep(journal->disk, journal->dir,
		journal->segment_bytes);

	if (error == 0)
		error = spare_sweep(journal->disk, journal->archive,
			journal->segment_bytes);
	journal->next_seq = last_seq + 1;
	journal->chain = recovery->cursor.chain;
	journal->last_time_us = recovery->frame_time_us;
	if (error == 0)
		error = continue_segment(journal, recovery);
	/* The last rotation, or snapshot, may have got no further. */
	if (error == 0)
		error = disk_fsync_dir(journal->disk, journal->dir);
	if (error == 0)
		error = superblock_store(journal->superblock_file,
			&journal->superblock, last_seq, journal->now_us);
	if (error != 0)
		return reason_errno(reason, error,
			"the journal in %s cannot be written", journal->dir);
	atomic_store(&journal->written_seq, last_seq);
	atomic_store(&journal->durable_seq, last_seq);
	if (journal_prepare(journal) != ST_OK) {
		*reason = journal->reason;
		return ST_INTERNAL;
	}
	if (journal->helper != NULL)
		journal_helper_wake(journal->helper);
	return ST_OK;
}

static enum status
open_and_replay(struct journal *journal, const struct journal_options *options,
	struct journal_replay *replay, struct reason *reason)
{
	struct recovery recovery = {
		.replay = replay,
		.engine = options->engine,
	};
	char sentence[256];
	enum status status;

	TRY(take_lock(journal, reason));
	TRY(open_superblock(journal, options, reason));
	recovery.mark = journal->superblock.durable_seq;
	TRY(load_snapshot(journal, &recovery, reason));
	cursor_init(&recovery.cursor, &journal->home,
		journal->superblock.journal);
	status = recover(&recovery, reason);
	if (status == ST_OK && recovery.torn) {
		snprintf(sentence, sizeof(sentence),
			"%s: offset %" PRIu64 ": a frame that was never "
			"acknowledged is torn and dropped",
			recovery.cursor.segment.name, recovery.cursor.offset);
		warn(replay, sentence);
	}
	if (status == ST_OK)
		status = make_ready(journal, &recovery, reason);
	cursor_done(&recovery.cursor);
	return status;
}

static enum status
check_options(const struct journal_options *options, struct reason *reason)
{
	TRY(journal_dir_check(options->dir, reason));
	TRY(journal_dir_check(options->archive, reason));
	if (options->segment_bytes < SEGMENT_BYTES_MIN ||
		options->segment_bytes > SEGMENT_BYTES_MAX)
		return reason_set(reason, ST_INVALID,
			"a segment has %" PRIu64 " to %" PRIu64 " bytes",
			SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX);
	if (options->engine == 0)
		return reason_set(reason, ST_INVALID,
			"the engine has no version");
	return ST_OK;
}

static enum status
allocate(struct journal *journal, const struct journal_options *options,
	struct reason *reason)
{
	/* Two frames fit into any segment: the one that is written when the
	 * next has been begun, and that one. */
	size_t most = (size_t)(journal->segment_bytes - SEGMENT_HEADER_BYTES) /
			2 - sizeof(struct journal_frame);

	journal->batch_bytes = options->batch_bytes < most
		? options->batch_bytes
		: most;
	journal->batch_bytes -= journal->batch_bytes % 8;
	for (int i = 0; i < 2; i++) {
		journal->buffers[i] = aligned_alloc(64,
			(sizeof(struct journal_frame) + journal->batch_bytes +
				63) / 64 * 64);
		if (journal->buffers[i] == NULL)
			return reason_errno(reason, -ENOMEM, "journal");
	}
	return ST_OK;
}

enum status
journal_open(struct disk *disk, const struct journal_options *options,
	struct journal_replay *replay, struct journal **out,
	struct reason *reason)
{
	struct journal *journal;
	enum status status;
	int error;

	TRY(check_options(options, reason));
	error = disk_mkdir(disk, options->dir);
	if (error == 0)
		error = disk_mkdir(disk, options->archive);
	if (error != 0)
		return reason_errno(reason, error, "%s or %s cannot be made",
			options->dir, options->archive);
	journal = calloc(1, sizeof(*journal));
	if (journal == NULL)
		return reason_errno(reason, -ENOMEM, "journal");
	journal->disk = disk;
	journal->helper = options->helper;
	snprintf(journal->dir, sizeof(journal->dir), "%s", options->dir);
	snprintf(journal->archive, sizeof(journal->archive), "%s",
		options->archive);
	journal->home = (struct segment_home){disk, journal->dir,
		journal->archive};
	journal->segment_bytes = segment_file_bytes(options->segment_bytes);
	journal->engine = options->engine;
	journal->now_us = options->now_us;
	status = allocate(journal, options, reason);
	if (status == ST_OK)
		status = open_and_replay(journal, options, replay, reason);
	if (status != ST_OK) {
		journal_abandon(journal);
		return status;
	}
	*out = journal;
	return ST_OK;
}
