/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * twins.c - the same commands by both ways of the engine.
 */
#include "twins.h"

#include <stdlib.h>
#include <string.h>

#include "engine/quick.h"

void
twins_begin(struct twins *t, const struct engine_options *options,
	uint64_t seed)
{
	memset(t, 0, sizeof(*t));
	t->seed = seed;
	t->by_hand = seed % 2 == 0;
	t->quick = engine_new(options);
	t->plain = engine_new(options);
	t->records[0] = malloc(RECORD_MAX_BYTES);
	t->records[1] = malloc(RECORD_MAX_BYTES);
	ck_assert(t->quick && t->plain && t->records[0] && t->records[1]);
}

void
twins_end(struct twins *t)
{
	twins_compare(t);
	engine_free(t->quick);
	engine_free(t->plain);
	free(t->records[0]);
	free(t->records[1]);
}

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
	t->was_quick = done;
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

void
twins_compare(struct twins *t)
{
	uint8_t a[16], b[16];
	char why[200] = "";

	engine_hash(t->quick, a);
	engine_hash(t->plain, b);
	AGREE(t, memcmp(a, b, sizeof(a)) == 0);
	ck_assert_msg(engine_sound(t->quick, why, sizeof(why)), "%s", why);
	ck_assert_msg(engine_sound(t->plain, why, sizeof(why)), "%s", why);
}

/* Of what is not written, something else is there in each. */
static void
litter(struct twins *t)
{
	memset(t->records[0], 0xa5, 4096);
	memset(t->records[1], 0x5a, 4096);
}

const struct record *
twins_apply(struct twins *t, int64_t now, const union stream_command *command,
	enum refusal *refusal)
{
	union stream_command longer;
	const struct message *other = long_form(command, &longer);
	enum refusal by_plain;
	uint64_t done[2];

	litter(t);
	*refusal = apply_quick(t, now, &command->head, &done[0]);
	by_plain = engine_apply(t->plain, now, other, t->records[1], &done[1]);
	AGREE(t, *refusal == by_plain);
	AGREE(t, done[0] == done[1]);
	AGREE(t, engine_deadline_us(t->quick) == engine_deadline_us(t->plain));
	AGREE(t, engine_seq(t->quick) == engine_seq(t->plain));
	AGREE(t, engine_time_us(t->quick) == engine_time_us(t->plain));
	AGREE(t, engine_trades(t->quick) == engine_trades(t->plain));
	t->step++;
	if (*refusal != REFUSED_NONE || done[0] != 0)
		return NULL;
	compare_records(t, &command->head);
	return t->records[0];
}
