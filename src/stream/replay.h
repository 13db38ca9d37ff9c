/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay.h - one user's updates out of the journal, from long ago.
 *
 * For whoever has been away longer than the history in memory reaches.  Reading
 * a journal takes time, so the hub only orders it (hub_settings.read), and the
 * program does it, in a thread of its own if it likes: replay_read() touches
 * nothing but its REPLAY.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"
#include "journal/disk.h"
#include "journal/reason.h"
#include "stream/order_update.h"

/* What one reading does at most. */
#define REPLAY_RECORDS_MAX 65536u
#define REPLAY_UPDATES_MAX 1024u

struct journal_reader;
struct subscriber;

struct replay_files {
	struct disk *disk;
	const char *journal;
	const char *archive; /* or NULL */
};

struct replay {
	struct subscriber *subscriber; /* NULL: it has left meanwhile */
	const struct replay_files *files;
	struct journal_reader *reader;
	uint32_t user;
	uint64_t after; /* a number: what is told begins behind it */
	uint64_t until; /* the last record that may be read */
	uint64_t seq;   /* all up to this record has been read */
	bool begun;
	bool under_way; /* the program has it */
	/*
	 * ST_OK; ST_NOT_FOUND: the journal does not reach back so far;
	 * ST_INTERNAL: it cannot be read.
	 */
	enum status status;
	struct reason reason;
	struct order_updates found;
	size_t taken; /* of those */
};

struct replay *replay_new(const struct replay_files *files, uint32_t user,
	uint64_t after);
void replay_free(struct replay *replay);

/* Read on, up to record UNTIL or one reading's bound; blocks. */
void replay_read(struct replay *replay);
