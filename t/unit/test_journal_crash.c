/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_journal_crash.c - power cuts, dying processes, failing disks.
 *
 * A journal lives through several lives on one bad disk.  What was
 * acknowledged in any of them (a sync returned) must come back in the next,
 * as it was; what comes back beyond that must be what was written last.
 *
 * The number in a failed assertion is the seed: QUANTORA_SEED=n runs it alone.
 */
#include "t/harness/suite.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "journal/reader.h"
#include "journal/writer_state.h"
#include "t/sim/journal_kit.h"

#define SEQ_MAX 20000

/* What the world knows, apart from the disk. */
struct world {
	uint64_t seed;
	struct disk_sim *sim;
	struct disk *disk;
	struct journal_options options;
	uint64_t salts[SEQ_MAX]; /* that each sequence was last written with */
	uint64_t acknowledged;   /* up to here a sync has returned */
	uint64_t written;        /* up to here something was written */
	uint64_t lives;
};

static void
world_init(struct world *world, uint64_t seed)
{
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->sim = disk_sim_new(seed);
	world->disk = disk_sim_disk(world->sim);
	world->options = kit_options();
}

static void
world_done(struct world *world)
{
	disk_sim_free(world->sim);
}

static uint64_t
chance(struct world *world, uint64_t bound)
{
	return disk_sim_random(world->sim, bound);
}

/* One batch.  The world notes what was written, and what was acknowledged. */
static enum status
append(struct world *world, struct journal *journal)
{
	uint64_t first = journal_next_seq(journal);
	uint32_t n = (uint32_t)chance(world, 12) + 1;
	size_t capacity, used = 0;
	void *buffer;
	uint32_t i;

	TRY(journal_begin(journal, &buffer, &capacity));
	if (chance(world, 40) == 0)
		n = 1000; /* as many as there is room for */
	for (i = 0; i < n && used + KIT_RECORD_MAX <= capacity; i++) {
		used += kit_record((char *)buffer + used, first + i,
			world->lives);
		world->salts[first + i] = world->lives;
	}
	if (i == 0)
		return ST_UNAVAILABLE;
	world->written = first + i - 1;
	TRY(journal_write(journal, used, i, first, KIT_TIME));
	TRY(journal_sync(journal));
	world->acknowledged = journal_durable_seq(journal);
	ck_assert_uint_eq(world->acknowledged, first + i - 1);
	return ST_OK;
}

/* Something else that a matcher does now and then. */
static enum status
chore(struct world *world, struct journal *journal)
{
	struct journal_helper_page page = {0};
	int ignored;

	switch (chance(world, 12)) {
	case 0:
		return journal_tick(journal, KIT_TIME);
	case 1: /* the helper, whose failures are no failures of ours */
		ignored = journal_helper_round(world->disk, &world->options,
			&page);
		(void)ignored;
		return ST_OK;
	case 2: /* and the same of the child that makes a snapshot */
		if (kit_snapshot(world->disk, KIT_DIR, journal) != ST_OK)
			return ST_OK;
		return ST_OK;
	default:
		return ST_OK;
	}
}

/* Recover, and compare with what the world knows. */
static enum status
recover(struct world *world, struct journal **journal)
{
	struct kit_replay replay;
	struct reason reason = {""};
	enum status status;
	uint64_t last;

	kit_replay_init(&replay, world->salts, SEQ_MAX);
	status = kit_open(world->disk, &world->options, &replay, journal,
		&reason);
	if (status != ST_OK) {
		/* Only because the disk failed again, just now. */
		ck_assert_msg(disk_sim_failed(world->sim),
			"seed %" PRIu64 ": %s", world->seed, reason.text);
		return status;
	}
	last = journal_next_seq(*journal) - 1;
	ck_assert_msg(replay.bad == 0, "seed %" PRIu64 ": %" PRIu64 " differs",
		world->seed, replay.bad);
	ck_assert_msg(replay.last == last || replay.snapshot == last,
		"seed %" PRIu64, world->seed);
	ck_assert_msg(replay.first == 0 ||
			replay.first == replay.snapshot + 1,
		"seed %" PRIu64, world->seed);
	ck_assert_msg(last >= world->acknowledged && last <= world->written,
		"seed %" PRIu64 ": %" PRIu64 " came back of %" PRIu64
		" acknowledged, %" PRIu64 " written",
		world->seed, last, world->acknowledged, world->written);
	/* What was recovered can be read, so it must never go again. */
	world->acknowledged = last;
	world->written = last;
	return ST_OK;
}

/* From a start to the next failure, or until ROUNDS batches are written. */
static enum status
live(struct world *world, unsigned rounds)
{
	struct journal *journal;
	enum status status;

	world->lives++;
	TRY(recover(world, &journal));
	do {
		status = append(world, journal);
		if (status == ST_OK)
			status = chore(world, journal);
	} while (status == ST_OK && --rounds > 0 &&
		journal_next_seq(journal) + 1000 < SEQ_MAX);
	if (status == ST_OK && chance(world, 4) == 0)
		status = journal_close(journal);
	else
		journal_abandon(journal);
	return status;
}

/* Afterwards a reader sees all of it, too. */
static void
read_back(struct world *world)
{
	struct journal_reader *reader;
	const struct record *record;
	struct reason reason;
	uint64_t seq = 0;
	enum status status;

	ck_assert_int_eq(live(world, 1), ST_OK);
	ck_assert_int_eq(journal_reader_open(world->disk, KIT_DIR, KIT_ARCHIVE,
		0, &reader, &reason), ST_OK);
	journal_reader_limit(reader, world->acknowledged);
	while ((status = journal_reader_next(reader, &record)) == ST_OK) {
		seq++;
		ck_assert_msg(kit_is_record(record, seq, world->salts[seq]),
			"seed %" PRIu64 ": %" PRIu64, world->seed, seq);
	}
	ck_assert_msg(status == ST_NOT_FOUND, "seed %" PRIu64 ": %s",
		world->seed, journal_reader_reason(reader));
	ck_assert_uint_eq(seq, world->acknowledged);
	journal_reader_close(reader);
}

/*
 * Six lives, each ended by the power at some operation, or by a disk that
 * fails; then the machine starts again, or only the process does.
 */
static void
hard_lives(uint64_t seed)
{
	static const enum disk_fault ends[] = {FAULT_POWER, FAULT_POWER,
		FAULT_EIO, FAULT_SHORT};
	struct world world;

	world_init(&world, seed);
	for (int life = 0; life < 6; life++) {
		enum disk_fault end = ends[chance(&world, N_ELEMENTS(ends))];

		disk_sim_fail(world.sim, chance(&world, 150) + 1, end,
			end == FAULT_POWER || chance(&world, 2) == 0);
		(void)!live(&world, 60);
		if (chance(&world, 3) == 0)
			disk_sim_kill(world.sim);
		else
			disk_sim_crash(world.sim);
	}
	disk_sim_fail(world.sim, 0, FAULT_EIO, false);
	read_back(&world);
	world_done(&world);
}

START_TEST(hard_lives_go_on)
{
	const char *only = getenv("QUANTORA_SEED");
	uint64_t seeds = kit_scale(2000, 60000);

	if (only != NULL) {
		hard_lives(strtoull(only, NULL, 10));
		return;
	}
	/* A start whose zeros were not synced, and a torn frame over them. */
	hard_lives(17881);
	for (uint64_t seed = 1; seed <= seeds; seed++)
		hard_lives(seed);
}
END_TEST

static const struct {
	enum disk_fault fault;
	bool for_good;
	const char *name;
} faults[] = {
	{FAULT_EIO, false, "EIO"},
	{FAULT_EIO, true, "EIO for good"},
	{FAULT_ENOSPC, false, "ENOSPC"},
	{FAULT_ENOSPC, true, "ENOSPC for good"},
	{FAULT_SHORT, false, "short write"},
	{FAULT_SHORT, true, "short writes for good"},
	{FAULT_POWER, true, "power"},
};

/* A run that is the same each time, up to the fault. */
static enum status
scripted(struct world *world, struct journal **out)
{
	struct journal_helper_page page = {0};
	struct journal *journal;
	int ignored;

	*out = NULL;
	world->lives++;
	TRY(recover(world, &journal));
	*out = journal;
	for (int i = 0; i < 30; i++) {
		TRY(append(world, journal));
		if (i % 10 == 3) {
			ignored = journal_helper_round(world->disk,
				&world->options, &page);
			(void)ignored;
		}
		if (i % 5 == 4)
			TRY(journal_tick(journal, KIT_TIME));
		if (i % 8 == 7 && kit_snapshot(world->disk, KIT_DIR, journal) != ST_OK)
			continue;
	}
	return ST_OK;
}

/*
 * The N-th operation fails, for each N until none does.  After a failure of
 * the journal's own nothing more is acknowledged, whatever is tried; and the
 * next life has all that was.
 */
START_TEST(nth_operation_fails)
{
	uint64_t n, failed = 0;

	for (n = 1;; n++) {
		struct journal *journal;
		struct world world;
		uint64_t acknowledged;
		enum status status;
		bool hit;

		world_init(&world, 1000 + n);
		disk_sim_fail(world.sim, n, faults[_i].fault,
			faults[_i].for_good);
		status = scripted(&world, &journal);
		hit = disk_sim_failed(world.sim);
		acknowledged = world.acknowledged;
		if (journal != NULL && status == ST_INTERNAL) {
			failed++;
			ck_assert_ptr_nonnull(strstr(journal_reason(journal),
				"must end"));
			disk_sim_fail(world.sim, 0, FAULT_EIO, false);
			ck_assert_int_eq(append(&world, journal), ST_INTERNAL);
			ck_assert_int_eq(journal_sync(journal), ST_INTERNAL);
			ck_assert_int_eq(journal_tick(journal, KIT_TIME),
				ST_INTERNAL);
			ck_assert_uint_eq(journal_durable_seq(journal),
				acknowledged);
			ck_assert_int_eq(journal_close(journal), ST_INTERNAL);
		} else {
			journal_abandon(journal);
		}
		ck_assert_uint_eq(world.acknowledged, acknowledged);
		if (n % 2 == 0)
			disk_sim_crash(world.sim);
		else
			disk_sim_kill(world.sim);
		disk_sim_fail(world.sim, 0, FAULT_EIO, false);
		read_back(&world);
		/* What was built upon the remains is as firm as anything. */
		disk_sim_crash(world.sim);
		read_back(&world);
		world_done(&world);
		if (!hit)
			break;
	}
	ck_assert_msg(n > 100, "%s: only %" PRIu64 " operations",
		faults[_i].name, n);
	ck_assert_uint_gt(failed, 20);
}
END_TEST

/*
 * A sync fails, and the pages are clean: the frame can be read, and is not on
 * the platter.  The process dies; the next one must not believe its eyes.
 */
START_TEST(what_a_failed_sync_left)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct journal *journal;
		struct world world;
		size_t capacity, used;
		void *buffer;

		world_init(&world, seed);
		world.lives = 1;
		ck_assert_int_eq(recover(&world, &journal), ST_OK);
		ck_assert_int_eq(append(&world, journal), ST_OK);
		world.written = journal_next_seq(journal);
		ck_assert_int_eq(journal_begin(journal, &buffer, &capacity),
			ST_OK);
		used = kit_record(buffer, world.written, 1);
		world.salts[world.written] = 1;
		ck_assert_int_eq(journal_write(journal, used, 1, world.written,
			KIT_TIME), ST_OK);
		disk_sim_fail(world.sim, 1, FAULT_EIO, false);
		ck_assert_int_eq(journal_sync(journal), ST_INTERNAL);
		journal_abandon(journal);
		disk_sim_kill(world.sim);
		/* It is there, and from now on it counts. */
		ck_assert_int_eq(recover(&world, &journal), ST_OK);
		journal_abandon(journal);
		disk_sim_crash(world.sim);
		read_back(&world);
		world_done(&world);
	}
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("journal crash");
	TCase *crash = tcase_create("crash");

	tcase_set_timeout(crash, 3600); /* the long form */
	tcase_add_test(crash, hard_lives_go_on);
	tcase_add_loop_test(crash, nth_operation_fails, 0, N_ELEMENTS(faults));
	tcase_add_test(crash, what_a_failed_sync_left);
	suite_add_tcase(s, crash);
	return s;
}
