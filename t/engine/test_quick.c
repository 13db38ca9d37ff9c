/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * test_quick.c - the same commands by both ways of the engine.
 *
 * Two engines get the same commands; one has plain orders and cancels in their
 * short form, for which there is the short way, the other in the long form
 * with nothing in its tail, which must go the long way.  What they answer is
 * compared with each command, their state every now and then.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/quick.h"
#include "stream_plain.h"
#include "t/harness/suite.h"
#include "wire/command.h"

#define STEPS 2500
#define RUNS 100

struct twins {
	struct engine *quick;
	struct engine *plain;
	struct record *records[2];
	struct stream stream;
	struct plain source;
	bool by_hand; /* ask quick.c itself, to see how often it can */
	uint64_t orders, quick_orders, cancels, quick_cancels;
	uint64_t seed, step;
};

#define AGREE(t, what)                                                         \
	ck_assert_msg((what), "seed %llu step %llu: " #what,                   \
		(unsigned long long)(t)->seed, (unsigned long long)(t)->step)

/* ---- One command to both ------------------------------------------------- */

/* The same with all of its tail, which says nothing. */
static const struct message *
long_form(const union stream_command *command, union stream_command *out)
{
	size_t size = command->head.size;

	memset(out, 0, sizeof(*out));
	memcpy(out, command, size);
	if (command->head.type == CMD_ORDER_PLACE && size == ORDER_PLACE_SHORT)
		size = sizeof(struct cmd_order_place);
	else if (command->head.type == CMD_ORDER_CANCEL &&
		size == ORDER_CANCEL_SHORT)
		size = sizeof(struct cmd_order_cancel);
	out->head.size = (uint16_t)size;
	return &out->head;
}

static enum refusal
apply_quick(struct twins *t, int64_t now, const struct message *command,
	uint64_t *done_seq)
{
	const void *cmd = command;
	struct record *out = t->records[0];
	bool done = false;

	*done_seq = 0;
	if (command->type == CMD_ORDER_PLACE && t->by_hand) {
		done = quick_place(t->quick, now, cmd, out);
		t->orders++;
		t->quick_orders += done;
	} else if (command->type == CMD_ORDER_CANCEL && t->by_hand) {
		done = quick_cancel(t->quick, now, cmd, out);
		t->cancels++;
		t->quick_cancels += done;
	}
	return done ? REFUSED_NONE
		    : engine_apply(t->quick, now, command, out, done_seq);
}

/* Their records, but for the command: that has its own length in each. */
static void
compare_records(struct twins *t, const struct message *command)
{
	const struct record *a = t->records[0], *b = t->records[1];
	size_t size = a->length - ((const char *)record_events(a) -
					  (const char *)a);

	AGREE(t, a->seq == b->seq);
	AGREE(t, a->time_us == b->time_us);
	AGREE(t, a->n_events == b->n_events);
	AGREE(t, record_well_formed(a, a->length));
	AGREE(t, record_well_formed(b, b->length));
	AGREE(t, memcmp(record_command(a), command, command->size) == 0);
	AGREE(t, size == b->length - (size_t)((const char *)record_events(b) -
						(const char *)b));
	AGREE(t, memcmp(record_events(a), record_events(b), size) == 0);
}

static void
compare_states(struct twins *t)
{
	uint8_t a[16], b[16];
	char why[200] = "";

	engine_hash(t->quick, a);
	engine_hash(t->plain, b);
	AGREE(t, memcmp(a, b, sizeof(a)) == 0);
	ck_assert_msg(engine_sound(t->quick, why, sizeof(why)), "%s", why);
	ck_assert_msg(engine_sound(t->plain, why, sizeof(why)), "%s", why);
}

static void
give(struct twins *t, int64_t now, const union stream_command *command)
{
	union stream_command longer;
	const struct message *other = long_form(command, &longer);
	uint64_t done[2];
	enum refusal refusal[2];
	bool applied;

	refusal[0] = apply_quick(t, now, &command->head, &done[0]);
	refusal[1] = engine_apply(t->plain, now, other, t->records[1],
		&done[1]);
	AGREE(t, refusal[0] == refusal[1]);
	AGREE(t, done[0] == done[1]);
	AGREE(t, engine_deadline_us(t->quick) == engine_deadline_us(t->plain));
	AGREE(t, engine_seq(t->quick) == engine_seq(t->plain));
	AGREE(t, engine_time_us(t->quick) == engine_time_us(t->plain));
	applied = refusal[0] == REFUSED_NONE && done[0] == 0;
	if (applied) {
		compare_records(t, &command->head);
		plain_saw(&t->source, t->records[0]);
	}
	stream_saw(&t->stream, applied ? t->records[0] : NULL,
		engine_deadline_us(t->quick));
	if (++t->step % 64 == 0)
		compare_states(t);
}

/* ---- The runs ------------------------------------------------------------ */

static void
begin(struct twins *t, uint64_t seed)
{
	static const uint32_t orders[] = {40, 150, 1000};
	static const uint32_t of_user[] = {20, 60, 400};
	struct dice dice = dice_seeded(seed);
	struct engine_options options = stream_options(&dice);
	union stream_command command;
	int64_t now = 0;
	unsigned i;

	memset(t, 0, sizeof(*t));
	options.orders = orders[roll(&dice, N_ELEMENTS(orders))];
	options.open_orders_user = of_user[roll(&dice, N_ELEMENTS(of_user))];
	t->seed = seed;
	t->by_hand = seed % 2 == 0;
	t->quick = engine_new(&options);
	t->plain = engine_new(&options);
	t->records[0] = malloc(RECORD_MAX_BYTES);
	t->records[1] = malloc(RECORD_MAX_BYTES);
	ck_assert(t->quick && t->plain && t->records[0] && t->records[1]);
	stream_init(&t->stream, dice);
	t->source = (struct plain){
		.engine = t->quick,
		.stream = &t->stream,
		.dice = dice_seeded(seed + UINT64_C(1000000)),
	};
	/* The stream's own first: they are fewer than these. */
	for (i = 0; i < 60; i++) {
		stream_next(&t->stream, &command, &now);
		give(t, now, &command);
	}
	for (i = 0; plain_set_up(i, &command); i++)
		give(t, now, &command);
	AGREE(t, engine_instruments(t->quick) == PLAIN_INSTRUMENTS);
}

static void
end(struct twins *t)
{
	compare_states(t);
	engine_free(t->quick);
	engine_free(t->plain);
	free(t->records[0]);
	free(t->records[1]);
}

static uint64_t
scale(uint64_t usual)
{
	const char *runs = getenv("QUANTORA_RUNS");

	return runs ? strtoull(runs, NULL, 10) : usual;
}

START_TEST(both_ways_are_one)
{
	static struct twins t;
	union stream_command command;
	uint64_t seed, n = scale(RUNS), orders = 0, cancels = 0;
	uint64_t quick_orders = 0, quick_cancels = 0, trades = 0;
	int64_t now;
	int step;

	for (seed = 0; seed < n; seed++) {
		begin(&t, seed);
		now = t.stream.now;
		for (step = 0; step < STEPS; step++) {
			plain_next(&t.source, &command, &now);
			give(&t, now, &command);
		}
		orders += t.orders;
		cancels += t.cancels;
		quick_orders += t.quick_orders;
		quick_cancels += t.quick_cancels;
		trades += engine_trades(t.quick);
		end(&t);
	}
	/* Else it is not the short way that was looked at. */
	ck_assert_uint_gt(quick_orders, orders / 4);
	ck_assert_uint_gt(quick_cancels, cancels / 4);
	ck_assert_uint_gt(trades, n * STEPS / 40);
}
END_TEST

/* ---- Hints --------------------------------------------------------------- */

/* In memory of its own, so that a look behind its end is seen. */
static void
hint(const struct engine *engine, const struct message *command)
{
	struct message *copy = malloc(command->size);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, command, command->size);
	engine_expect(engine, copy);
	engine_expect_soon(engine, copy);
	free(copy);
}

/* Anything that is well formed: of any type, with anything in it. */
static void
hostile(struct twins *t, const union stream_command *from,
	union stream_command *out)
{
	struct dice *d = &t->source.dice;
	size_t least, size, at;

	*out = *from;
	if (chance(d, 2))
		out->head.type = (uint16_t)(1 + roll(d, CMD_END - 1));
	if (chance(d, 3))
		out->head.user = stream_user(&t->stream);
	least = command_size_min(out->head.type);
	size = out->head.size > least ? out->head.size : least;
	if (chance(d, 2))
		size = least;
	out->head.size = (uint16_t)size;
	for (at = sizeof(out->head); at < size; at++)
		if (chance(d, 4))
			out->bytes[at] = (uint8_t)roll(d, 256);
}

START_TEST(hints_change_nothing)
{
	static struct twins t;
	union stream_command command, other;
	uint8_t before[16], after[16];
	int64_t now;
	int step, i;

	begin(&t, (uint64_t)_i);
	now = t.stream.now;
	for (step = 0; step < STEPS; step++) {
		plain_next(&t.source, &command, &now);
		engine_hash(t.quick, before);
		hint(t.quick, &command.head);
		for (i = 0; i < 4; i++) {
			hostile(&t, &command, &other);
			hint(t.quick, &other.head);
		}
		engine_hash(t.quick, after);
		AGREE(&t, memcmp(before, after, sizeof(before)) == 0);
		give(&t, now, &command);
	}
	end(&t);
}
END_TEST

Suite *
suite(void)
{
	Suite *s = suite_create("engine quick");
	TCase *t = tcase_create("both ways");

	tcase_add_test(t, both_ways_are_one);
	tcase_add_loop_test(t, hints_change_nothing, 0, 4);
	tcase_set_timeout(t, 0);
	suite_add_tcase(s, t);
	return s;
}
