/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * journal_kit.c - records made from numbers.
 */
#include "t/sim/journal_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/event.h"

#define DEFAULT_SALT 1
#define SECTION_WORDS 100

static uint64_t
mix(uint64_t a, uint64_t b)
{
	uint64_t z = a * UINT64_C(0x9e3779b97f4a7c15) + b;

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

struct journal_options
kit_options(void)
{
	return (struct journal_options){
		.dir = KIT_DIR,
		.archive = KIT_ARCHIVE,
		.segment_bytes = KIT_SEGMENT,
		.batch_bytes = 8192,
		.engine = 1,
		.create = true,
		.identity = ident_make(1, 2, 3),
		.now_us = KIT_TIME,
	};
}

size_t
kit_record(void *to, uint64_t seq, uint64_t salt)
{
	uint64_t chance = mix(seq, salt);
	struct record record = {
		.n_events = (uint32_t)(chance % 4),
		.seq = seq,
		.time_us = KIT_TIME + (int64_t)seq,
	};
	struct cmd_deposit deposit = {
		.head = {sizeof(deposit), CMD_DEPOSIT,
			(uint32_t)(chance >> 40)},
		.asset = (uint16_t)(chance >> 20),
		.amount = (int64_t)(chance >> 2),
	};
	unsigned char *at = to;

	at += sizeof(record);
	memcpy(at, &deposit, sizeof(deposit));
	at += sizeof(deposit);
	for (uint32_t i = 0; i < record.n_events; i++) {
		struct ev_posting posting = {
			.head = {sizeof(posting), EV_POSTING,
				deposit.head.user},
			.amount = (int64_t)mix(chance, i),
		};

		memcpy(at, &posting, sizeof(posting));
		at += sizeof(posting);
	}
	record.length = (uint32_t)(at - (unsigned char *)to);
	memcpy(to, &record, sizeof(record));
	return record.length;
}

bool
kit_is_record(const struct record *record, uint64_t seq, uint64_t salt)
{
	_Alignas(8) unsigned char want[KIT_RECORD_MAX];
	size_t length = kit_record(want, seq, salt);

	return record->length == length && memcmp(record, want, length) == 0;
}

enum status
kit_append(struct journal *journal, uint32_t n, uint64_t salt)
{
	uint64_t first = journal_next_seq(journal);
	size_t capacity, used = 0;
	void *buffer;
	uint32_t i;

	TRY(journal_begin(journal, &buffer, &capacity));
	for (i = 0; i < n && used + KIT_RECORD_MAX <= capacity; i++)
		used += kit_record((char *)buffer + used, first + i, salt);
	if (i == 0)
		return ST_UNAVAILABLE;
	return journal_commit(journal, used, i, first,
		KIT_TIME + (int64_t)first);
}

/* ---- replay ---- */

static enum status
load(struct journal_replay *replay, struct snapshot *snapshot,
	struct reason *reason)
{
	struct kit_replay *kit = (struct kit_replay *)(void *)replay;
	uint64_t words[SECTION_WORDS];

	kit->snapshot = 0;
	if (snapshot == NULL)
		return ST_OK;
	TRY(snapshot_load(snapshot, 0, words, sizeof(words), reason));
	for (int i = 0; i < SECTION_WORDS; i++)
		if (words[i] != snapshot_info(snapshot)->seq)
			abort();
	kit->snapshot = words[0];
	return ST_OK;
}

static enum status
take(struct journal_replay *replay, const struct record *record,
	struct reason *reason)
{
	struct kit_replay *kit = (struct kit_replay *)(void *)replay;
	uint64_t salt = DEFAULT_SALT;

	(void)reason;
	if (kit->salts != NULL)
		salt = record->seq < kit->n_salts ? kit->salts[record->seq] : 0;
	if (kit->bad == 0 && !kit_is_record(record, record->seq, salt))
		kit->bad = record->seq;
	if (kit->first == 0)
		kit->first = record->seq;
	else if (record->seq != kit->last + 1)
		abort();
	kit->last = record->seq;
	return ST_OK;
}

static void
warned(struct journal_replay *replay, const char *sentence)
{
	(void)sentence;
	((struct kit_replay *)(void *)replay)->warnings++;
}

void
kit_replay_init(struct kit_replay *replay, const uint64_t *salts,
	uint64_t n_salts)
{
	*replay = (struct kit_replay){
		.replay = {.load = load, .record = take, .warn = warned},
		.salts = salts,
		.n_salts = n_salts,
	};
}

enum status
kit_open(struct disk *disk, const struct journal_options *options,
	struct kit_replay *replay, struct journal **out, struct reason *reason)
{
	return journal_open(disk, options, &replay->replay, out, reason);
}

const char *
kit_segment_path(uint64_t first_seq)
{
	static char path[64];

	snprintf(path, sizeof(path), KIT_DIR "/%020llu.seg",
		(unsigned long long)first_seq);
	return path;
}

enum status
kit_snapshot(struct disk *disk, const char *dir, struct journal *journal)
{
	uint64_t words[SECTION_WORDS];
	struct snapshot_extent extent = {words, sizeof(words)};
	struct snapshot_info info = {
		.journal = journal_identity(journal),
		.seq = journal_durable_seq(journal),
		.chain = journal_chain(journal),
		.layout = 1,
	};
	struct snapshot_writer *writer;
	struct reason reason;
	enum status status;

	for (int i = 0; i < SECTION_WORDS; i++)
		words[i] = info.seq;
	TRY(snapshot_begin(disk, dir, &writer, &reason));
	status = snapshot_write(writer, &info, &extent, 1, &reason);
	snapshot_end(writer);
	TRY(status);
	return journal_snapshot_done(journal);
}

uint64_t
kit_scale(uint64_t quick, uint64_t long_value)
{
	const char *text = getenv("QUANTORA_LONG");

	return text != NULL && text[0] == '1' ? long_value : quick;
}
