/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * journal_kit.h - what the tests of the journal have in common.
 *
 * A record's content is a function of its sequence and a salt, so that a
 * record that comes back can be compared with what was written without
 * keeping it.  Each life of a journal has its own salt: a record that was
 * lost in a crash and written again differs from the first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal/writer.h"
#include "t/sim/disk_sim.h"
#include "wire/record.h"

#define KIT_DIR "/j"
#define KIT_ARCHIVE "/a"
#define KIT_RECORD_MAX 512
#define KIT_SEGMENT ((uint64_t)64 << 10)
#define KIT_TIME INT64_C(1750000000000000)

/* Options for a small journal on a disk in memory. */
struct journal_options kit_options(void);

/* Make the record of SEQ at TO; returns its length. */
size_t kit_record(void *to, uint64_t seq, uint64_t salt);
bool kit_is_record(const struct record *record, uint64_t seq, uint64_t salt);

/*
 * Append one batch of N records and commit it.  The status is that of the
 * first function that did not return ST_OK.
 */
enum status kit_append(struct journal *journal, uint32_t n, uint64_t salt);

/* A replay that checks each record against the salt that it was written with. */
struct kit_replay {
	struct journal_replay replay;
	/* salts[i] is that of sequence i; 0: any that is not known, yet. */
	const uint64_t *salts;
	uint64_t n_salts;
	uint64_t first, last; /* handed out; 0: none */
	uint64_t snapshot;    /* that was loaded, or 0 */
	uint64_t bad;         /* the first record that was not as written */
	unsigned warnings;
};

/* Every sequence has the same SALT when SALTS is NULL. */
void kit_replay_init(struct kit_replay *replay, const uint64_t *salts,
	uint64_t n_salts);

/* journal_open() on that disk with a replay of its own; last seq in *LAST. */
enum status kit_open(struct disk *disk, const struct journal_options *options,
	struct kit_replay *replay, struct journal **out,
	struct reason *reason);

/* "KIT_DIR/<first_seq>.seg", in a static buffer. */
const char *kit_segment_path(uint64_t first_seq);

/* Write a snapshot of SEQ whose only section is SEQ itself, 100 times. */
enum status kit_snapshot(struct disk *disk, const char *dir,
	struct journal *journal);

/* A number from the environment: QUANTORA_LONG=1 makes it LONG_VALUE. */
uint64_t kit_scale(uint64_t quick, uint64_t long_value);
