/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_journal.c - any bytes, as any file of the journal.
 *
 * The first byte says what the rest is: a segment as it is, the records of
 * frames that are then sealed as a forger would (or no checksum would ever be
 * right), an archived segment, a snapshot, the superblock.  The disk is one in
 * memory, with a small journal on it.
 *
 * Whatever they are: no crash; what recovery hands out is well-formed and
 * numbered without a gap; a second start finds the same; and a reader reads
 * the same as recovery has.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "journal/format.h"
#include "journal/lookup.h"
#include "journal/reader.h"
#include "journal/snapshot.h"
#include "journal/verify.h"
#include "t/sim/journal_kit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum kind { AS_IT_IS, AS_RECORDS, AS_FRAMES, AS_ARCHIVE, AS_SNAPSHOT, AS_MARK,
	KINDS };

#define BATCHES 6
#define RECORDS_EACH 4
#define ARCHIVED KIT_ARCHIVE "/00000000000000000001.seg.zst"
#define SNAPSHOT KIT_DIR "/snapshot-00000000000000000012.snap"

/* ---- what recovery finds ---- */

struct finding {
	struct journal_replay replay;
	uint64_t first, last;
	uint32_t sum; /* over all records */
};

static void
insist(int what)
{
	if (!what)
		abort();
}

static enum status
load(struct journal_replay *replay, struct snapshot *snapshot,
	struct reason *reason)
{
	struct finding *finding = (struct finding *)(void *)replay;
	unsigned char bytes[4096];

	finding->last = 0;
	if (snapshot == NULL)
		return ST_OK;
	for (uint32_t i = 0; i < snapshot_sections(snapshot); i++) {
		uint64_t size = snapshot_section_bytes(snapshot, i);

		if (size > sizeof(bytes))
			return reason_set(reason, ST_INVALID, "too large");
		TRY(snapshot_load(snapshot, i, bytes, size, reason));
	}
	finding->last = snapshot_info(snapshot)->seq;
	return ST_OK;
}

static enum status
take(struct journal_replay *replay, const struct record *record,
	struct reason *reason)
{
	struct finding *finding = (struct finding *)(void *)replay;

	(void)reason;
	insist(record_well_formed(record, record->length));
	insist(record->seq == finding->last + 1);
	finding->last = record->seq;
	if (finding->first == 0)
		finding->first = record->seq;
	finding->sum = crc32c(finding->sum, record, record->length);
	return ST_OK;
}

static enum status
start(struct disk_sim *sim, struct finding *finding)
{
	struct journal_options options = kit_options();
	struct journal *journal;
	struct reason reason;
	enum status status;

	*finding = (struct finding){.replay = {.load = load, .record = take}};
	options.engine = UINT16_MAX;
	status = journal_open(disk_sim_disk(sim), &options, &finding->replay,
		&journal, &reason);
	if (status == ST_OK)
		journal_abandon(journal);
	else
		insist(reason.text[0] != '\0');
	return status;
}

/* The same records, as a follower gets them. */
static void
read_back(struct disk_sim *sim, const struct finding *finding)
{
	struct journal_reader *reader;
	const struct record *record;
	struct reason reason;
	uint32_t sum = 0;

	if (finding->first == 0)
		return;
	insist(journal_reader_open(disk_sim_disk(sim), KIT_DIR, KIT_ARCHIVE,
		finding->first - 1, &reader, &reason) == ST_OK);
	journal_reader_limit(reader, finding->last);
	while (journal_reader_next(reader, &record) == ST_OK)
		sum = crc32c(sum, record, record->length);
	insist(journal_reader_seq(reader) == finding->last);
	insist(sum == finding->sum);
	journal_reader_close(reader);
}

/* Those who only look: they may say no, but must not fall over. */
static void
look(struct disk_sim *sim, uint64_t seq)
{
	struct disk *disk = disk_sim_disk(sim);
	struct journal_lookup *lookup;
	struct journal_report report;
	const struct record *record;
	struct reason reason;

	if (journal_verify(disk, KIT_DIR, KIT_ARCHIVE, &report, &reason) !=
		ST_OK)
		insist(reason.text[0] != '\0');
	if (journal_lookup_open(disk, KIT_DIR, KIT_ARCHIVE, &lookup, &reason) !=
		ST_OK)
		return;
	if (journal_lookup_find(lookup, seq, &record, &reason) == ST_OK)
		insist(record->seq == seq &&
			record_well_formed(record, record->length));
	journal_lookup_close(lookup);
}

/* ---- what it looks for it in ---- */

/* A snapshot of the first half, and all records in one segment. */
static void
write_journal(struct disk_sim *sim)
{
	struct journal_options options = kit_options();
	struct kit_replay replay;
	struct journal *journal;
	struct reason reason;

	kit_replay_init(&replay, NULL, 0);
	insist(kit_open(disk_sim_disk(sim), &options, &replay, &journal,
		&reason) == ST_OK);
	for (int i = 0; i < BATCHES; i++) {
		insist(kit_append(journal, RECORDS_EACH, 1) == ST_OK);
		if (i == 2)
			insist(kit_snapshot(disk_sim_disk(sim), KIT_DIR,
				       journal) == ST_OK);
	}
	journal_abandon(journal);
}

/* A copy of it: written once, and copied for each input. */
static void
make_journal(struct disk_sim *sim)
{
	static struct disk_sim *origin;
	const char *const paths[] = {KIT_DIR "/superblock", SNAPSHOT,
		kit_segment_path(1)};

	if (origin == NULL) {
		origin = disk_sim_new(1);
		write_journal(origin);
	}
	for (size_t i = 0; i < N_ELEMENTS(paths); i++) {
		size_t size;
		const unsigned char *bytes =
			disk_sim_bytes(origin, paths[i], &size);

		disk_sim_put(sim, paths[i], bytes, size);
	}
}

/* Behind the journal's own frames one more, sealed, with these records. */
static void
put_records(struct disk_sim *sim, const uint8_t *data, size_t length)
{
	size_t size, at = SEGMENT_HEADER_BYTES;
	unsigned char *bytes =
		disk_sim_bytes(sim, kit_segment_path(1), &size);
	struct journal_frame frame;

	for (int i = 0; i < BATCHES; i++) {
		memcpy(&frame, bytes + at, sizeof(frame));
		at += frame.length;
	}
	if (length == 0)
		return;
	frame.n_records = *data++ % 8;
	length--;
	length -= length % 8;
	if (length == 0 || at + sizeof(frame) + length > size)
		return;
	frame.chain = frame.checksum;
	frame.first_seq += RECORDS_EACH;
	frame.durable_seq = frame.first_seq - 1;
	frame.length = (uint32_t)(sizeof(frame) + length);
	memcpy(bytes + at + sizeof(frame), data, length);
	frame_seal(&frame, bytes + at + sizeof(frame));
	memcpy(bytes + at, &frame, sizeof(frame));
	disk_sim_settle(sim, kit_segment_path(1));
}

/* Change single bytes of the frames, and seal each again. */
static void
put_frames(struct disk_sim *sim, const uint8_t *data, size_t length)
{
	size_t size, at = SEGMENT_HEADER_BYTES;
	unsigned char *bytes =
		disk_sim_bytes(sim, kit_segment_path(1), &size);
	struct journal_frame frame;
	uint32_t own;

	for (int i = 0; i < BATCHES; i++) {
		memcpy(&frame, bytes + at, sizeof(frame));
		own = frame.length;
		for (; length >= 4 && data[0] % BATCHES == i;
			data += 4, length -= 4)
			bytes[at + (size_t)(data[1] << 8 | data[2]) % own] ^=
				data[3];
		memcpy(&frame, bytes + at, sizeof(frame));
		if (frame.length == own)
			frame_seal(&frame, bytes + at + sizeof(frame));
		else
			frame.checksum = crc32c(0, &frame,
				offsetof(struct journal_frame, checksum));
		memcpy(bytes + at, &frame, sizeof(frame));
		at += own;
	}
	disk_sim_settle(sim, kit_segment_path(1));
}

static void
put(struct disk_sim *sim, enum kind kind, const uint8_t *data, size_t length)
{
	switch (kind) {
	case AS_IT_IS:
		disk_sim_put(sim, kit_segment_path(1), data, length);
		break;
	case AS_RECORDS:
		put_records(sim, data, length);
		break;
	case AS_FRAMES:
		put_frames(sim, data, length);
		break;
	case AS_ARCHIVE:
		disk_sim_remove(sim, kit_segment_path(1));
		disk_sim_put(sim, ARCHIVED, data, length);
		break;
	case AS_SNAPSHOT:
		disk_sim_put(sim, SNAPSHOT, data, length);
		break;
	case AS_MARK:
		disk_sim_put(sim, KIT_DIR "/superblock", data, length);
		break;
	case KINDS:
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct finding one, two;
	struct disk_sim *sim;
	enum status status;

	if (length < 1 || length > KIT_SEGMENT)
		return 0;
	sim = disk_sim_new(1);
	make_journal(sim);
	put(sim, (enum kind)(data[0] % KINDS), data + 1, length - 1);
	look(sim, data[0]);
	status = start(sim, &one);
	if (status == ST_OK) {
		insist(start(sim, &two) == ST_OK);
		insist(one.last == two.last && one.sum == two.sum);
		read_back(sim, &one);
	}
	disk_sim_free(sim);
	return 0;
}
