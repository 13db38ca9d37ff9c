/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * frame.h - what passes over the matcher's socket.
 *
 * A stream of frames in both directions.  A client may have many requests
 * under way; each answer repeats its request's TAG, in order per connection.
 * Everything is little-endian and 8-byte aligned.
 */
#pragma once

#include <stdint.h>

#include "base/ident.h"
#include "wire/message.h"

struct frame {
	uint32_t length; /* of the frame with this header, a multiple of 8 */
	uint16_t type;   /* enum frame_type */
	uint16_t refusal; /* of an answer: enum refusal, 0 when done */
	uint64_t tag;
};

/* A request holds one command; an answer one record, of any size. */
#define FRAME_REQUEST_MAX 512

enum frame_type {
	FRAME_COMMAND = 1,    /* struct command_envelope, then the command */
	FRAME_GUARD = 2,      /* struct guard_request */
	FRAME_STATE_HASH = 3, /* nothing; answered from a child process */
	FRAME_STATS = 4,      /* nothing */
	FRAME_SNAPSHOT = 5,   /* nothing; answered once it is on disk */

	FRAME_DONE = 16,      /* struct answer_done, then the record */
	FRAME_REFUSED = 17,   /* header alone; nothing was changed */
	FRAME_GUARDED = 18,   /* struct guard_answer */
	FRAME_HASHED = 19,    /* struct hash_answer */
	FRAME_STATISTICS = 20, /* struct stats_answer */
	FRAME_SNAPPED = 21    /* struct hash_answer */
};

/* Who asks, checked before the command is applied; not journaled. */
struct command_envelope {
	struct ident session; /* IDENT_NONE: a daemon's own command */
	uint32_t user;        /* whose session; 0 with IDENT_NONE */
	uint32_t epoch;       /* that the session was made under */
	int64_t not_after_us; /* on CLOCK_MONOTONIC, which nobody sets: refused
				 when later; 0: never too late */
};

enum answer_flag {
	ANSWER_DUPLICATE = 1 /* done before: the record is that of the first */
};

struct answer_done {
	uint64_t seq; /* durable by now */
	uint32_t flags;
	uint32_t spare;
};

/*
 * Is this session still good, and what must a read wait for?  Answered from
 * memory, without waiting for a sync; LAST_SEQ may be not yet durable, but
 * what has been answered to this user is at or below it.
 */
struct guard_request {
	struct ident session;
	uint32_t user;
	uint32_t epoch;
};

enum guard_verdict {
	GUARD_OK = 0,
	GUARD_REVOKED = 1, /* session ended, epoch over, or no such user */
	GUARD_LOCKED = 2
};

struct guard_answer {
	uint64_t last_seq;   /* of this user */
	uint64_t global_seq; /* of all */
	uint32_t verdict;    /* enum guard_verdict */
	uint8_t role;        /* enum user_role, now */
	uint8_t reduce_only;
	uint8_t spare[2];
	uint32_t epoch;      /* the user's, now; 0: the core knows no such user */
	uint32_t spare2;
};

struct hash_answer {
	uint64_t seq; /* the state after this command */
	uint8_t hash[16]; /* XXH3-128, canonical order */
};

struct stats_answer {
	uint64_t seq;
	uint64_t durable_seq;
	uint64_t commands;  /* applied since the start */
	uint64_t refused;   /* commands refused since the start */
	uint64_t guards;
	uint64_t batches;
	uint64_t sync_us_total;
	uint64_t sync_us_max;
	uint64_t open_orders;
	uint64_t users;
	uint64_t trades;
	uint64_t journal_bytes;
	int64_t started_us;
	uint64_t last_snapshot_seq;
	uint32_t connections;
	uint32_t disk_low; /* 1: only cancels are accepted */
};

_Static_assert(sizeof(struct frame) == 16, "pinned");
_Static_assert(sizeof(struct command_envelope) == 32, "pinned");
_Static_assert(sizeof(struct answer_done) == 16, "pinned");
_Static_assert(sizeof(struct guard_request) == 24, "pinned");
_Static_assert(sizeof(struct guard_answer) == 32, "pinned");
_Static_assert(sizeof(struct hash_answer) == 24, "pinned");
_Static_assert(sizeof(struct stats_answer) == 120, "pinned");
