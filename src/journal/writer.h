/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * writer.h - the matcher's own side of the journal: recover, then append.
 *
 * One process writes, and holds the directory's lock.  journal_open() finds
 * the newest snapshot that can be used, replays what follows it, decides
 * whether a damaged end is a torn frame (dropped) or damage (refused), and
 * leaves the journal ready.  Then, for each batch:
 *
 *	journal_begin()    a buffer for the records
 *	…                  the engine writes them there, one after the other
 *	journal_write()    seals them as one frame and writes it
 *	journal_sync()     returns when they are on disk: now answer
 *
 * There are two buffers, so the next batch may be applied while journal_sync
 * runs in a thread; it must not be written before that has returned.
 *
 * Fail-stop: when a write, sync or rename fails, the call returns
 * ST_INTERNAL, so does every later one, and the process must end at once,
 * without an answer: what is on disk is known only to the next recovery.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ident.h"
#include "base/status.h"
#include "journal/disk.h"
#include "journal/helper.h"
#include "journal/reason.h"
#include "journal/snapshot.h"
#include "wire/record.h"

struct journal;

struct journal_options {
	const char *dir;     /* the journal, its snapshots and spares */
	const char *archive; /* where closed segments go */
	uint64_t segment_bytes;
	size_t batch_bytes; /* most bytes of records in one frame */
	uint16_t engine;    /* version of the engine that appends */
	bool create;        /* make a journal where there is none */
	struct ident identity; /* of a new one; IDENT_NONE: made at random */
	int64_t now_us;
	struct journal_helper *helper; /* or NULL; see helper.h */
};

/*
 * What recovery calls back; the caller embeds it.  A function that does not
 * return ST_OK from RECORD stops the start, with its own sentence in REASON.
 */
struct journal_replay {
	/*
	 * Load SNAPSHOT.  NULL: begin from nothing.  On anything but ST_OK an
	 * older one is handed in, or NULL, and has to replace what this call
	 * has left behind.
	 */
	enum status (*load)(struct journal_replay *replay,
		struct snapshot *snapshot, struct reason *reason);
	/* The next record, in order; it lives until the call returns. */
	enum status (*record)(struct journal_replay *replay,
		const struct record *record, struct reason *reason);
	/* Something worth a line in the log; may be NULL. */
	void (*warn)(struct journal_replay *replay, const char *sentence);

	uint16_t engine; /* set by recovery: which version made the record */
};

/*
 * Recover and lock.  REASON has the sentence on failure: ST_CONFLICT another
 * process has the journal, ST_NOT_FOUND there is none and CREATE is off,
 * ST_INTERNAL damage or a failing disk, or what a callback returned.
 */
enum status journal_open(struct disk *disk,
	const struct journal_options *options, struct journal_replay *replay,
	struct journal **out, struct reason *reason) MUST_USE;

/* Write the durable mark, and let go.  Not while a sync is under way. */
enum status journal_close(struct journal *journal) MUST_USE;
/* Let go without writing anything: after a failure, and in tests. */
void journal_abandon(struct journal *journal);

/*
 * A buffer for the next batch, 8-byte aligned; the same one again until it is
 * written.  Once written it is left alone until the next batch is written,
 * too, so that answers can be sent from it.
 * CAPACITY is options.batch_bytes (at most half a segment), or less when the
 * disk is full.  ST_UNAVAILABLE: there is no room for anything; apply
 * nothing, and try again after journal_tick().
 */
enum status journal_begin(struct journal *journal, void **buffer,
	size_t *capacity) MUST_USE;

/*
 * Seal and write what is in the buffer: USED bytes, N_RECORDS whole records,
 * FIRST_SEQ the first one's sequence, which follows the last one written.
 */
enum status journal_write(struct journal *journal, size_t used,
	uint32_t n_records, uint64_t first_seq, int64_t time_us) MUST_USE;

/* Returns when all that was written is on disk.  May run in a thread. */
enum status journal_sync(struct journal *journal) MUST_USE;

/* journal_write() and journal_sync(). */
enum status journal_commit(struct journal *journal, size_t used,
	uint32_t n_records, uint64_t first_seq, int64_t time_us) MUST_USE;

/*
 * To be called about once a second, not while a sync is under way: writes
 * the durable mark, looks after the spare segments and the free space, and
 * wakes the helper when there is something to do.
 */
enum status journal_tick(struct journal *journal, int64_t now_us) MUST_USE;

/*
 * Less than two spare segments, and no space for more: commands that take
 * room (orders, deposits) are to be refused, those that free it go on.
 */
bool journal_disk_low(const struct journal *journal);

/* After a snapshot has been renamed: older ones go, segments may be archived. */
enum status journal_snapshot_done(struct journal *journal) MUST_USE;

uint64_t journal_next_seq(const struct journal *journal);
uint64_t journal_durable_seq(const struct journal *journal);
/* Of the last frame written; a snapshot of that state carries it. */
uint32_t journal_chain(const struct journal *journal);
/* Made with the journal, and in every segment of it. */
struct ident journal_identity(const struct journal *journal);
/* Bytes of frames that this process has written. */
uint64_t journal_bytes(const struct journal *journal);
/* Time of the last frame, 0 in an empty journal. */
int64_t journal_last_time_us(const struct journal *journal);
/* Why it has failed. */
const char *journal_reason(const struct journal *journal);
