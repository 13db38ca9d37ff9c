/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_model.c - random commands to the engine and to the naive one: equal
 * refusals, equal records, equal balances and books, and the same state again
 * after a replay and after a snapshot.
 *
 * A run is named by its seed: QUANTORA_SEED=n repeats one, QUANTORA_LONG=1
 * runs millions of commands, QUANTORA_RUNS=n as many runs.
 */
#include "t/harness/suite.h"
#include <stdlib.h>

#include "model.h"
#include "stream.h"

#define STEPS 4000
#define RUNS 80
#define RUNS_LONG 2500

static void
fail_run(struct model *m, uint64_t seed, uint64_t step)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(f);
	fprintf(f, "seed %llu step %llu: %s\n", (unsigned long long)seed,
		(unsigned long long)step, model_why(m));
	model_tell(m, f);
	fclose(f);
	fprintf(stderr, "%s", text);
	ck_abort_msg("seed %llu disagrees", (unsigned long long)seed);
}

static uint64_t
run(uint64_t seed)
{
	struct dice dice = dice_seeded(seed);
	struct engine_options options = stream_options(&dice);
	struct model *m = model_new(&options);
	struct stream stream;
	union stream_command command;
	const struct record *record;
	uint64_t applied = 0;
	int64_t time_us;
	int step;

	stream_init(&stream, dice);
	for (step = 0; step < STEPS; step++) {
		bool agree;

		stream_next(&stream, &command, &time_us);
		agree = model_step(m, time_us, &command.head, &record);
		if (agree && step % 16 == 0)
			agree = model_compare(m);
		if (agree && step % 1000 == 999)
			agree = model_reload(m);
		if (!agree)
			fail_run(m, seed, (uint64_t)step);
		stream_saw(&stream, record, model_deadline_us(m));
		applied += record != NULL;
	}
	if (!model_compare(m) || !model_replay(m))
		fail_run(m, seed, STEPS);
	model_free(m);
	return applied;
}

START_TEST(the_two_agree)
{
	const char *seed = getenv("QUANTORA_SEED");
	const char *runs = getenv("QUANTORA_RUNS");
	uint64_t n = getenv("QUANTORA_LONG") ? RUNS_LONG : RUNS, i;
	uint64_t applied = 0;

	if (seed) {
		run(strtoull(seed, NULL, 10));
		return;
	}
	if (runs)
		n = strtoull(runs, NULL, 10);
	for (i = 0; i < n; i++)
		applied += run(i);
	/* A stream of refusals would prove little. */
	ck_assert_uint_gt(applied, n * STEPS / 4);
}
END_TEST

Suite *suite(void);

Suite *
suite(void)
{
	Suite *s = suite_create("engine model");
	TCase *t = tcase_create("model");

	tcase_add_test(t, the_two_agree);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return s;
}
