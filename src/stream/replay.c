/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * replay.c - reading a journal for one user.
 */
#include "stream/replay.h"

#include <stdlib.h>

#include "journal/reader.h"

struct replay *
replay_new(const struct replay_files *files, uint32_t user, uint64_t after)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	uint64_t seq = update_number_seq(after);

	if (!replay)
		abort();
	replay->files = files;
	replay->user = user;
	replay->after = after;
	/* The record of AFTER may have more of them. */
	replay->seq = seq > 0 ? seq - 1 : 0;
	return replay;
}

void
replay_free(struct replay *replay)
{
	if (!replay)
		return;
	journal_reader_close(replay->reader);
	order_updates_free(&replay->found);
	free(replay);
}

static enum status
open_reader(struct replay *replay)
{
	const struct replay_files *files = replay->files;

	if (replay->reader)
		return ST_OK;
	return journal_reader_open(files->disk, files->journal, files->archive,
		replay->seq, &replay->reader, &replay->reason);
}

/* Those up to AFTER the client has heard. */
static void
drop_heard(struct replay *replay)
{
	struct order_updates *found = &replay->found;

	while (replay->taken < found->n &&
		found->rows[replay->taken].number <= replay->after)
		replay->taken++;
}

static enum status
read_records(struct replay *replay)
{
	const struct record *record;
	enum status status;
	unsigned n;

	journal_reader_limit(replay->reader, replay->until);
	for (n = 0; n < REPLAY_RECORDS_MAX && replay->seq < replay->until &&
		    replay->found.n < REPLAY_UPDATES_MAX;
		n++) {
		status = journal_reader_next(replay->reader, &record);
		if (status == ST_NOT_FOUND)
			break;
		if (status != ST_OK)
			return reason_set(&replay->reason, ST_INTERNAL, "%s",
				journal_reader_reason(replay->reader));
		order_updates_add(&replay->found, record, replay->user);
		replay->seq = record->seq;
	}
	return ST_OK;
}

void
replay_read(struct replay *replay)
{
	enum status status = open_reader(replay);

	replay->found.n = replay->taken = 0;
	if (status == ST_OK)
		status = read_records(replay);
	drop_heard(replay);
	/* A journal that has become shorter is not the one it was. */
	replay->status = status == ST_CONFLICT ? ST_NOT_FOUND : status;
}
