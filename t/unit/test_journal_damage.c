/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal_damage.c - torn or corrupt?
 *
 * A journal is written once and kept as an image.  Each case damages a copy,
 * and starts from it.  Whatever was done, one of two things may happen: the
 * start is refused, naming a place; or all up to the durable mark comes back,
 * and behind it a part of what was written, each record as it was.
 *
 * QUANTORA_LONG=1 flips every bit and not some of them.
 */
#include "t/harness/suite.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "journal/format.h"
#include "journal/reader.h"
#include "journal/superblock.h"
#include "t/sim/journal_kit.h"

/* The records of the image; the mark is written after MARKED of them. */
#define RECORDS 1260
#define MARKED 1120
#define SEGMENT (2 * KIT_SEGMENT)

static struct disk_sim *sim;
static struct disk *disk;
static struct journal_options options;
static struct reason reason;

struct image {
	unsigned char *bytes;
	size_t size;
};

static uint64_t last_segment;   /* first sequence of it */
static struct image segment;    /* the last one */
static struct image superblock; /* with the mark at MARKED */
static size_t used;             /* of SEGMENT, up to its last frame's end */

static struct image
copy_of(const char *path)
{
	struct image image;
	unsigned char *bytes = disk_sim_bytes(sim, path, &image.size);

	image.bytes = malloc(image.size);
	memcpy(image.bytes, bytes, image.size);
	return image;
}

/* Where the frame of SEQ begins in the image, and its header. */
static size_t
frame_of(uint64_t seq, struct journal_frame *frame)
{
	size_t at = SEGMENT_HEADER_BYTES;

	for (;;) {
		memcpy(frame, segment.bytes + at, sizeof(*frame));
		ck_assert_uint_eq(frame->magic, FRAME_MAGIC);
		if (seq < frame->first_seq + frame->n_records)
			return at;
		at += frame->length;
	}
}

/* Frames of 1 to 9 records; a segment, and more than 64 KiB of another. */
static void
setup(void)
{
	struct journal_frame frame;
	struct kit_replay replay;
	struct journal *journal;

	sim = disk_sim_new(7);
	disk = disk_sim_disk(sim);
	options = kit_options();
	options.segment_bytes = SEGMENT;
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_OK);
	while (journal_next_seq(journal) <= RECORDS) {
		uint64_t next = journal_next_seq(journal);
		uint32_t n = (uint32_t)(next * 7 % 9 + 1);

		if (next <= MARKED && next + n > MARKED)
			n = (uint32_t)(MARKED + 1 - next);
		if (next + n > RECORDS)
			n = (uint32_t)(RECORDS + 1 - next);
		ck_assert_int_eq(kit_append(journal, n, 1), ST_OK);
		if (next + n == MARKED + 1)
			ck_assert_int_eq(journal_tick(journal, KIT_TIME),
				ST_OK);
	}
	journal_abandon(journal);
	for (uint64_t seq = 1; seq <= RECORDS; seq++) {
		size_t size;

		if (disk_sim_bytes(sim, kit_segment_path(seq), &size) != NULL)
			last_segment = seq;
	}
	ck_assert_uint_gt(last_segment, 1);
	ck_assert_uint_lt(last_segment, MARKED);
	segment = copy_of(kit_segment_path(last_segment));
	superblock = copy_of(KIT_DIR "/" SUPERBLOCK_NAME);
	used = frame_of(RECORDS, &frame) + frame.length;
	ck_assert_uint_gt(used, 64 << 10);
	ck_assert_uint_lt(used, segment.size - (8 << 10));
}

static void
teardown(void)
{
	free(segment.bytes);
	free(superblock.bytes);
	disk_sim_free(sim);
}

/* As it was before the damage. */
static void
restore(void)
{
	disk_sim_put(sim, kit_segment_path(last_segment), segment.bytes,
		segment.size);
	disk_sim_put(sim, KIT_DIR "/" SUPERBLOCK_NAME, superblock.bytes,
		superblock.size);
}

/* What a start makes of it: the last sequence, or 0 when it is refused. */
static uint64_t
start(void)
{
	struct kit_replay replay;
	struct journal *journal;
	uint64_t last;
	enum status status;

	kit_replay_init(&replay, NULL, 0);
	reason.text[0] = '\0';
	status = kit_open(disk, &options, &replay, &journal, &reason);
	/* Nothing that was altered is ever handed out. */
	ck_assert_uint_eq(replay.bad, 0);
	if (status != ST_OK) {
		ck_assert_int_ne(status, ST_CONFLICT);
		ck_assert_msg(strstr(reason.text, "offset") != NULL ||
				strstr(reason.text, "superblock") != NULL ||
				strstr(reason.text, "no segment") != NULL,
			"no place is named: %s", reason.text);
		return 0;
	}
	ck_assert_uint_ge(replay.last, MARKED);
	ck_assert_uint_le(replay.last, RECORDS);
	last = replay.last;
	journal_abandon(journal);
	return last;
}

/* And once more: what was accepted once stays, and can be built on. */
static void
start_and_go_on(uint64_t want)
{
	struct kit_replay replay;
	struct journal *journal;

	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_OK);
	ck_assert_uint_eq(replay.last, want);
	ck_assert_int_eq(kit_append(journal, 3, 1), ST_OK);
	journal_abandon(journal);
	kit_replay_init(&replay, NULL, 0);
	ck_assert_int_eq(kit_open(disk, &options, &replay, &journal, &reason),
		ST_OK);
	ck_assert_uint_eq(replay.last, want + 3);
	ck_assert_uint_eq(replay.bad, 0);
	journal_abandon(journal);
}

static unsigned char *
bytes(void)
{
	size_t size;

	return disk_sim_bytes(sim, kit_segment_path(last_segment), &size);
}

static void
settle(void)
{
	disk_sim_settle(sim, kit_segment_path(last_segment));
}

START_TEST(sound_as_it_is)
{
	ck_assert_uint_eq(start(), RECORDS);
	start_and_go_on(RECORDS);
}
END_TEST

/* The frame's end, without the zeros that its last record may end in. */
static size_t
solid_end(uint64_t seq)
{
	struct journal_frame frame;
	size_t end = frame_of(seq, &frame) + frame.length;

	while (segment.bytes[end - 1] == 0)
		end--;
	return end;
}

/* The file ends at any byte: below the mark refused, above it cut to frames. */
START_TEST(cut_at_every_byte)
{
	struct journal_frame frame;
	size_t marked_end = solid_end(MARKED);
	uint64_t step = kit_scale(13, 1), refused = 0, cut = 0;

	for (size_t size = 0; size < used; size += step) {
		uint64_t last;

		restore();
		disk_sim_resize(sim, kit_segment_path(last_segment), size);
		last = start();
		if (size < marked_end) {
			ck_assert_uint_eq(last, 0);
			refused++;
		} else {
			/* All frames that end before the cut. */
			frame_of(last, &frame);
			ck_assert_uint_eq(last,
				frame.first_seq + frame.n_records - 1);
			ck_assert_uint_le(solid_end(last), size);
			ck_assert(last == RECORDS ||
				solid_end(last + 1) > size);
			cut++;
		}
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_gt(cut, 100);
	start_and_go_on(start());
}
END_TEST

/* What follows the cut is not missing but zero. */
START_TEST(zero_from_every_byte)
{
	size_t marked_end = solid_end(MARKED);
	uint64_t step = kit_scale(29, 1);

	for (size_t size = 0; size < used; size += step) {
		uint64_t last;

		restore();
		memset(bytes() + size, 0, segment.size - size);
		settle();
		last = start();
		if (size < marked_end) {
			ck_assert_uint_eq(last, 0);
			continue;
		}
		ck_assert_uint_le(solid_end(last), size);
		ck_assert(last == RECORDS || solid_end(last + 1) > size);
	}
}
END_TEST

/*
 * One bit.  Only in the last frame of all can it be taken for a torn write;
 * anywhere else a later frame, or the mark, speaks against it.
 */
START_TEST(flip_bits)
{
	struct journal_frame frame;
	size_t last_frame = frame_of(RECORDS, &frame);
	uint64_t before_last = frame.first_seq - 1;
	uint64_t step = kit_scale(331, 1);

	for (uint64_t bit = 0; bit < used * 8; bit += step) {
		size_t at = (size_t)(bit / 8);
		uint64_t last;

		restore();
		bytes()[at] ^= (unsigned char)(1 << bit % 8);
		settle();
		last = start();
		if (at >= last_frame)
			ck_assert_uint_eq(last, before_last);
		else if (at >= SEGMENT_HEADER_BYTES ||
			at < sizeof(struct segment_header))
			ck_assert_uint_eq(last, 0);
		else /* the rest of the header's block means nothing */
			ck_assert_uint_eq(last, RECORDS);
	}
}
END_TEST

/* A bit in the zeros behind the end is harmless, and does not stay. */
START_TEST(flip_unused_bits)
{
	uint64_t step = kit_scale(9001, 61);

	for (uint64_t bit = used * 8; bit < segment.size * 8;
		bit += step) {
		restore();
		bytes()[bit / 8] ^= (unsigned char)(1 << bit % 8);
		settle();
		ck_assert_uint_eq(start(), RECORDS);
		ck_assert_mem_eq(bytes(), segment.bytes, segment.size);
	}
	start_and_go_on(RECORDS);
}
END_TEST

/* Each sector: lost (zero), doubled (from the next one), stale (an old one). */
START_TEST(bad_sectors)
{
	struct journal_frame frame;
	size_t last_frame = frame_of(RECORDS, &frame);
	uint64_t before_last = frame.first_seq - 1;

	for (size_t at = 0; at < used; at += DISK_SIM_SECTOR) {
		for (int kind = 0; kind < 3; kind++) {
			unsigned char *sector;
			uint64_t last;
			bool same;

			restore();
			sector = bytes() + at;
			if (kind == 0)
				memset(sector, 0, DISK_SIM_SECTOR);
			else if (kind == 1)
				memcpy(sector, sector + DISK_SIM_SECTOR,
					DISK_SIM_SECTOR);
			else
				memcpy(sector, segment.bytes +
						SEGMENT_HEADER_BYTES,
					DISK_SIM_SECTOR);
			settle();
			same = memcmp(sector, segment.bytes + at,
				       DISK_SIM_SECTOR) == 0;
			last = start();
			if (same || (at > 0 && at < SEGMENT_HEADER_BYTES))
				ck_assert_uint_eq(last, RECORDS);
			else if (at + DISK_SIM_SECTOR > used && kind != 0)
				/* no torn write reaches behind its frame */
				ck_assert(last == 0 || last == before_last);
			else if (at >= last_frame)
				ck_assert_uint_eq(last, before_last);
			else if (at + DISK_SIM_SECTOR <= last_frame)
				ck_assert_uint_eq(last, 0);
			/* else it may have the headers of the last two */
		}
	}
}
END_TEST

/* An earlier frame once more behind the end: not the one that belongs there. */
START_TEST(a_stale_frame_behind_the_end)
{
	struct journal_frame frame;
	size_t from = frame_of(MARKED, &frame);

	memcpy(bytes() + used, segment.bytes + from, frame.length);
	settle();
	ck_assert_uint_eq(start(), RECORDS);
	start_and_go_on(RECORDS);
}
END_TEST

/*
 * The header of the last frame is lost, and the one before it is damaged; its
 * own header says where it ended, and there is more behind that.
 */
START_TEST(something_behind_the_end)
{
	struct journal_frame frame;
	size_t last_frame = frame_of(RECORDS, &frame);

	memset(bytes() + last_frame, 0, sizeof(frame));
	settle();
	ck_assert_uint_eq(start(), frame.first_seq - 1);
	restore();
	memset(bytes() + last_frame, 0, sizeof(frame));
	bytes()[last_frame - 9] ^= 1;
	settle();
	ck_assert_uint_eq(start(), 0);
}
END_TEST

/* Seal the header that was changed, as a forger would. */
static void
forge(size_t at, struct journal_frame *frame)
{
	frame_seal(frame, segment.bytes + at + sizeof(*frame));
	memcpy(bytes() + at, frame, sizeof(*frame));
	settle();
}

enum field {
	F_LENGTH, F_LENGTH_HUGE, F_LENGTH_ODD, F_FORMAT, F_ENGINE, F_RECORDS,
	F_RECORDS_NONE, F_RECORDS_HUGE, F_SEGMENT, F_FIRST_SEQ,
	F_FIRST_SEQ_LATE, F_DURABLE, F_CHAIN, F_N
};

static void
change(struct journal_frame *frame, enum field field)
{
	switch (field) {
	case F_LENGTH: frame->length -= 8; break;
	case F_LENGTH_HUGE: frame->length = UINT32_MAX - 7; break;
	case F_LENGTH_ODD: frame->length -= 1; break;
	case F_FORMAT: frame->format++; break;
	case F_ENGINE: frame->engine++; break;
	case F_RECORDS: frame->n_records++; break;
	case F_RECORDS_NONE: frame->n_records = 0; break;
	case F_RECORDS_HUGE: frame->n_records = UINT32_MAX; break;
	case F_SEGMENT: frame->segment++; break;
	case F_FIRST_SEQ: frame->first_seq--; break;
	case F_FIRST_SEQ_LATE: frame->first_seq++; break;
	case F_DURABLE: frame->durable_seq = frame->first_seq; break;
	case F_CHAIN: frame->chain ^= 1; break;
	case F_N: break;
	}
}

/* A header with a right checksum and a wrong word, at the mark and last. */
START_TEST(forged_headers)
{
	static const uint64_t seqs[] = {MARKED, RECORDS};
	struct journal_frame frame;

	for (size_t i = 0; i < N_ELEMENTS(seqs); i++) {
		size_t at = frame_of(seqs[i], &frame);
		uint64_t before = frame.first_seq - 1;
		uint64_t last;
		uint32_t length = frame.length;

		restore();
		change(&frame, (enum field)_i);
		if (frame.length > length)
			frame.checksum = crc32c(0, &frame,
				offsetof(struct journal_frame, checksum));
		else
			forge(at, &frame);
		memcpy(bytes() + at, &frame, sizeof(frame));
		settle();
		last = start();
		/* Below the mark refused; above it not accepted, either. */
		if (seqs[i] == MARKED)
			ck_assert_uint_eq(last, 0);
		else
			ck_assert(last == 0 || last == before);
	}
}
END_TEST

/* Records that are malformed under a right checksum were never ours. */
START_TEST(forged_records)
{
	static const size_t places[] = {0, 4, 8, sizeof(struct record),
		sizeof(struct record) + 2};
	struct journal_frame frame;
	size_t at = frame_of(RECORDS, &frame);
	unsigned char *record = bytes() + at + sizeof(frame);

	record[places[_i]] ^= 0x41;
	frame_seal(&frame, record);
	memcpy(bytes() + at, &frame, sizeof(frame));
	settle();
	ck_assert_uint_eq(start(), 0);
}
END_TEST

/* A whole segment in another's place, of another journal, or gone. */
START_TEST(misplaced_segments)
{
	struct image first = copy_of(kit_segment_path(1));
	struct segment_header header;

	disk_sim_put(sim, kit_segment_path(last_segment), first.bytes,
		first.size);
	ck_assert_uint_eq(start(), 0);
	/* Under a header that fits its name. */
	memcpy(&header, first.bytes, sizeof(header));
	header.first_seq = last_segment;
	segment_header_seal(&header);
	memcpy(first.bytes, &header, sizeof(header));
	disk_sim_put(sim, kit_segment_path(last_segment), first.bytes,
		first.size);
	ck_assert_uint_eq(start(), 0);
	/* The right frames, but the journal is another. */
	restore();
	memcpy(&header, segment.bytes, sizeof(header));
	header.journal.bytes[3] ^= 1;
	segment_header_seal(&header);
	memcpy(bytes(), &header, sizeof(header));
	settle();
	ck_assert_uint_eq(start(), 0);
	/* One in the middle is gone, or the last. */
	restore();
	ck_assert_uint_eq(start(), RECORDS);
	disk_sim_remove(sim, kit_segment_path(1));
	ck_assert_uint_eq(start(), 0);
	disk_sim_put(sim, kit_segment_path(1), first.bytes, first.size);
	disk_sim_remove(sim, kit_segment_path(last_segment));
	ck_assert_uint_eq(start(), 0);
	free(first.bytes);
}
END_TEST

/* One copy of the mark may be bad, then the older holds; both may not. */
START_TEST(damaged_marks)
{
	const char *path = KIT_DIR "/" SUPERBLOCK_NAME;
	struct superblock block;
	size_t size;
	int newer, good = 0;

	ck_assert_int_eq(superblock_load(disk, KIT_DIR, &block, &reason),
		ST_OK);
	ck_assert_uint_eq(block.durable_seq, MARKED);
	newer = (int)(block.generation % 2);
	for (int copy = 0; copy < 2; copy++) {
		for (size_t i = 0; i < sizeof(block); i++) {
			restore();
			disk_sim_bytes(sim, path, &size)
				[copy * SUPERBLOCK_BYTES + i] ^= 0x10;
			disk_sim_settle(sim, path);
			ck_assert_int_eq(superblock_load(disk, KIT_DIR, &block,
				&reason), ST_OK);
			ck_assert_int_eq(block.durable_seq == MARKED,
				copy != newer);
			good += start() == RECORDS;
		}
	}
	ck_assert_int_eq(good, 2 * (int)sizeof(block));
	restore();
	disk_sim_bytes(sim, path, &size)[9] ^= 1;
	disk_sim_bytes(sim, path, &size)[SUPERBLOCK_BYTES + 9] ^= 1;
	disk_sim_settle(sim, path);
	ck_assert_uint_eq(start(), 0);
	disk_sim_remove(sim, path);
	ck_assert_uint_eq(start(), 0);
	restore();
	disk_sim_resize(sim, path, sizeof(block) / 2);
	ck_assert_uint_eq(start(), 0);
}
END_TEST

/* What a follower makes of any damage: it stops there and says so. */
START_TEST(followers_stop_at_damage)
{
	uint64_t step = kit_scale(2003, 31);

	for (uint64_t bit = SEGMENT_HEADER_BYTES * 8; bit < used * 8;
		bit += step) {
		struct journal_reader *reader;
		const struct record *record;
		enum status status;
		uint64_t seq = 0;

		restore();
		bytes()[bit / 8] ^= (unsigned char)(1 << bit % 8);
		settle();
		ck_assert_int_eq(journal_reader_open(disk, KIT_DIR, KIT_ARCHIVE,
			0, &reader, &reason), ST_OK);
		journal_reader_limit(reader, RECORDS);
		while ((status = journal_reader_next(reader, &record)) == ST_OK)
			ck_assert(kit_is_record(record, ++seq, 1));
		ck_assert_int_eq(status, ST_INTERNAL);
		ck_assert_uint_lt(seq, RECORDS);
		ck_assert_ptr_nonnull(strstr(journal_reader_reason(reader),
			"offset"));
		/* And it does not get over it. */
		ck_assert_int_eq(journal_reader_next(reader, &record),
			ST_INTERNAL);
		journal_reader_close(reader);
	}
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal damage");
	TCase *tail = tcase_create("tail");
	TCase *forged = tcase_create("forged");

	tcase_add_checked_fixture(tail, setup, teardown);
	tcase_set_timeout(tail, 3600); /* the long form */
	tcase_add_test(tail, sound_as_it_is);
	tcase_add_test(tail, cut_at_every_byte);
	tcase_add_test(tail, zero_from_every_byte);
	tcase_add_test(tail, flip_bits);
	tcase_add_test(tail, flip_unused_bits);
	tcase_add_test(tail, bad_sectors);
	tcase_add_test(tail, a_stale_frame_behind_the_end);
	tcase_add_test(tail, something_behind_the_end);
	tcase_add_test(tail, followers_stop_at_damage);
	suite_add_tcase(s, tail);
	tcase_add_checked_fixture(forged, setup, teardown);
	tcase_add_loop_test(forged, forged_headers, 0, F_N);
	tcase_add_loop_test(forged, forged_records, 0, 5);
	tcase_add_test(forged, misplaced_segments);
	tcase_add_test(forged, damaged_marks);
	suite_add_tcase(s, forged);
	return s;
}
