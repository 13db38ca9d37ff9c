/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * stream.h - a stream of commands made from dice: few users, few instruments
 * and few prices, so that everything collides, with hostile values among them.
 *
 * The dice are either a seeded generator, which never ends, or given bytes,
 * as a fuzzer makes them; either way the same dice make the same commands.
 */
#pragma once

#include "engine/engine.h"

struct dice {
	const uint8_t *bytes; /* NULL: the generator */
	size_t left;
	uint64_t state;
};

struct dice dice_seeded(uint64_t seed);
struct dice dice_given(const uint8_t *bytes, size_t length);
bool dice_over(const struct dice *dice);
/* 0 to N - 1; 0 when the bytes are used up. */
uint64_t roll(struct dice *dice, uint64_t n);
/* True ONE time in this many. */
bool chance(struct dice *dice, uint64_t one);

#define STREAM_USERS 6 /* 1 to this are made, and meet */
#define STREAM_ASSETS 4
#define STREAM_INSTRUMENTS 4
#define STREAM_COMMAND_MAX 256

union stream_command {
	struct message head;
	uint8_t bytes[STREAM_COMMAND_MAX];
};

struct seen {
	struct ident id;
	uint32_t user;
};

struct stream {
	struct dice dice;
	int64_t now;
	uint64_t step;
	bool rich; /* amounts near the end of an int64 */
	bool poor; /* what some orders cost is all that one has */
	struct seen orders[24]; /* most of them live */
	size_t n_orders;
	/* What else it has seen, to come back to: rings, counting on. */
	struct seen withdrawals[8];
	size_t n_withdrawals;
	struct seen intents[8];
	size_t n_intents;
	struct ident sessions[8];
	size_t n_sessions;
	union stream_command sent[16];
	size_t n_sent;
	struct instrument_terms terms[STREAM_INSTRUMENTS];
	int64_t middle[STREAM_INSTRUMENTS]; /* ticks, around which it trades */
	int64_t last[STREAM_INSTRUMENTS]; /* price; 0: none yet */
	int64_t deadline_us; /* when a TICK is due, as its reader says */
};

/* The dice decide the options of both engines, all of them small. */
struct engine_options stream_options(struct dice *dice);
void stream_init(struct stream *s, struct dice dice);
/* The next command, and the time it comes at. */
void stream_next(struct stream *s, union stream_command *out, int64_t *time_us);
/* What became of it: RECORD, or NULL when it was not applied, and when a TICK
 * is due. */
void stream_saw(struct stream *s, const struct record *record,
	int64_t deadline_us);

/*
 * For its own files.  No two rolls stand in one expression: the order would be
 * the compiler's, and a seed another stream with each.
 */
/* Some bits of one of the bytes change. */
void stream_spoil(struct stream *s, void *bytes, size_t size);
/* Parts of commands, */
int64_t stream_hostile(struct stream *s, int64_t near);
uint32_t stream_user(struct stream *s);
uint16_t stream_instrument(struct stream *s);
int64_t stream_amount(struct stream *s);
/* Up to MOST, by some power of two less than BITS. */
int64_t stream_number(struct stream *s, uint64_t most, uint64_t bits);
/* What some orders of the instrument come to, in its quote asset. */
int64_t stream_value(struct stream *s, uint16_t instrument);
int64_t stream_quantity(struct stream *s, uint16_t instrument);
/* Its length. */
uint8_t stream_client_id(struct stream *s, char *out);
void stream_terms(struct stream *s, struct instrument_terms *t);
/* and commands: their size. */
size_t stream_place(struct stream *s, void *out);
size_t stream_stop(struct stream *s, void *out);
size_t stream_pair(struct stream *s, void *out);
size_t stream_cancel_after(struct stream *s, void *out);
size_t stream_cancel(struct stream *s, void *out);
size_t stream_cancel_all(struct stream *s, void *out);
size_t stream_amend(struct stream *s, void *out);
size_t stream_tick(struct stream *s, void *out);
size_t stream_house(struct stream *s, void *out);
