/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher_recover.c - from the files back to the state.
 *
 * The commands are applied again, and the events that come out are compared
 * with those that were written: a difference means that this program would
 * not have done what that one did, and stops the start.
 */
#include <string.h>

#include "base/log.h"
#include "daemons/matcher.h"

struct recovery {
	struct journal_replay replay; /* first: what the callbacks get */
	struct matcher *matcher;
	struct record *scratch;
	uint64_t replayed;
};

static struct recovery *
recovery_of(struct journal_replay *replay)
{
	return (struct recovery *)(void *)replay;
}

struct section_reader {
	struct snapshot *snapshot;
	uint32_t section;
	struct reason *reason;
};

static bool
read_section(void *source, struct extent extent)
{
	struct section_reader *r = source;

	if (r->section >= snapshot_sections(r->snapshot))
		return false;
	return snapshot_load(r->snapshot, r->section++, extent.at,
		       extent.length, r->reason) == ST_OK;
}

static enum status
load_snapshot(struct journal_replay *replay, struct snapshot *snapshot,
	struct reason *reason)
{
	struct matcher *m = recovery_of(replay)->matcher;
	const struct snapshot_info *info;
	struct section_reader reader = {snapshot, 0, reason};
	uint8_t hash[16];

	engine_free(m->engine);
	m->engine = engine_new(&m->options);
	if (!m->engine)
		return reason_set(reason, ST_UNAVAILABLE,
			"there is not enough memory for the books");
	if (!snapshot)
		return ST_OK;
	info = snapshot_info(snapshot);
	if (info->layout != STATE_VERSION)
		return reason_set(reason, ST_INVALID,
			"snapshot %llu is laid out as version %u, this is %u",
			(unsigned long long)info->seq, info->layout,
			STATE_VERSION);
	if (!engine_load(m->engine, read_section, &reader))
		return reason_set(reason, ST_INVALID,
			"snapshot %llu does not fit this engine",
			(unsigned long long)info->seq);
	engine_hash(m->engine, hash);
	if (engine_seq(m->engine) != info->seq ||
		memcmp(hash, info->state_hash, sizeof(hash)) != 0)
		return reason_set(reason, ST_INVALID,
			"snapshot %llu does not have the state it names",
			(unsigned long long)info->seq);
	m->last_snapshot_seq = info->seq;
	return ST_OK;
}

static enum status
replay_record(struct journal_replay *replay, const struct record *record,
	struct reason *reason)
{
	struct recovery *r = recovery_of(replay);
	uint64_t done_seq;
	enum refusal refusal;

	if (replay->engine != ENGINE_VERSION)
		return reason_set(reason, ST_INTERNAL,
			"command %llu was applied by engine version %u, this is %u",
			(unsigned long long)record->seq, replay->engine,
			ENGINE_VERSION);
	refusal = engine_apply(r->matcher->engine, record->time_us,
		record_command(record), r->scratch, &done_seq);
	if (refusal != REFUSED_NONE || done_seq != 0)
		return reason_set(reason, ST_INTERNAL,
			"command %llu of the journal is refused: %s",
			(unsigned long long)record->seq,
			refusal_row(refusal)->name);
	if (r->scratch->length != record->length ||
		memcmp(r->scratch, record, record->length) != 0)
		return reason_set(reason, ST_INTERNAL,
			"command %llu of the journal has other events now",
			(unsigned long long)record->seq);
	r->replayed++;
	return ST_OK;
}

static void
warn(struct journal_replay *replay, const char *sentence)
{
	(void)replay;
	log_warn("%s", sentence);
}

enum status
matcher_recover(struct matcher *m, struct disk *disk,
	const struct journal_options *options, struct reason *reason)
{
	/* Static: a megabyte is too much for a stack, and needed only here. */
	static _Alignas(64) char scratch[RECORD_MAX_BYTES];
	struct recovery r = {
		.replay = {.load = load_snapshot,
			.record = replay_record,
			.warn = warn},
		.matcher = m,
		.scratch = (struct record *)(void *)scratch,
	};

	TRY(journal_open(disk, options, &r.replay, &m->journal, reason));
	TRY(journal_lookup_open(disk, options->dir, options->archive,
		&m->lookup, reason));
	log_info("recovered seq=%llu snapshot=%llu replayed=%llu",
		(unsigned long long)engine_seq(m->engine),
		(unsigned long long)m->last_snapshot_seq,
		(unsigned long long)r.replayed);
	return ST_OK;
}
