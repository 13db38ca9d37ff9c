/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * fuzz_engine.c - commands made from the fuzzer's bytes, to the engine and to
 * the naive one: a disagreement is told and ends the process.
 */
#include <stdlib.h>

#include "t/engine/model.h"
#include "t/engine/stream.h"

#define STEPS_MAX 600

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes);

static void
fail(struct model *m)
{
	fprintf(stderr, "%s\n", model_why(m));
	model_tell(m, stderr);
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len_bytes)
{
	struct dice dice = dice_given(data, len_bytes);
	struct engine_options options = stream_options(&dice);
	struct model *m = model_new(&options);
	struct stream stream;
	union stream_command command;
	const struct record *record;
	int64_t time_us;
	int step;

	stream_init(&stream, dice);
	for (step = 0; step < STEPS_MAX && !dice_over(&stream.dice); step++) {
		stream_next(&stream, &command, &time_us);
		if (!model_step(m, time_us, &command.head, &record))
			fail(m);
		stream_saw(&stream, record, model_deadline_us(m));
	}
	if (!model_compare(m) || !model_reload(m) || !model_replay(m))
		fail(m);
	model_free(m);
	return 0;
}
