/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * matcher.h - the parts of matcherd.
 *
 * The core is a step function under a socket loop:
 *
 *	matcher_begin()    a new batch
 *	matcher_take()     one request: applied at once, its answer kept back
 *	…
 *	matcher_commit()   journal, one sync, publish, and only then answer
 *
 * It knows neither sockets nor the wall clock: who asks is an opaque PEER,
 * answers leave through SEND, and the time is handed in.  So a simulation can
 * run it on a disk and a clock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "engine/engine.h"
#include "journal/book_page.h"
#include "journal/lookup.h"
#include "journal/reason.h"
#include "journal/writer.h"
#include "wire/frame.h"

/* A peer's answer; BODY may be in two parts, the second may be empty. */
struct answer {
	struct frame frame; /* length is filled in by the sender */
	const void *body;
	size_t body_size;
	const void *tail;
	size_t tail_size;
};

/* Embedded by whoever it is that asks. */
struct peer {
	uint32_t pending; /* of its requests in the batch, not yet answered */
};
typedef void send_answer(struct peer *peer, const struct answer *answer);

/* A command of the batch, to be answered after the sync. */
struct pending {
	struct peer *peer;
	uint64_t tag;
	uint64_t done_seq; /* not 0: done before, under this sequence */
	uint32_t record;   /* offset in the batch; unused for a refusal */
	uint16_t refusal;
	uint8_t kind; /* enum frame_type of the answer */
	uint8_t spare;
	union {
		struct guard_answer guard;
		struct stats_answer stats;
	};
};

struct matcher {
	struct engine *engine;
	struct engine_options options;
	struct journal *journal;
	struct journal_lookup *lookup;
	struct book_page *page; /* NULL in a simulation */
	struct book_slot *slots; /* by instrument: what was published last */
	send_answer *send;
	int64_t now_us; /* of the batch; never below the journal's last */
	int64_t monotonic_us; /* of the batch: what deadlines are compared with */
	int64_t started_us;
	/* the batch */
	char *buffer;
	size_t capacity;
	size_t used;
	uint64_t first_seq;
	uint32_t n_records;
	struct pending *pending;
	size_t n_pending;
	uint64_t dirty[INSTRUMENTS_MAX / 64]; /* instruments to publish */
	/* figures */
	uint64_t commands;
	uint64_t refused;
	uint64_t guards;
	uint64_t batches;
	uint64_t sync_us_total;
	uint64_t sync_us_max;
	uint64_t last_snapshot_seq;
	uint32_t connections;
};

#define PENDING_MAX 16384
/* A batch is committed when it holds this much, or nobody has more to say. */
#define BATCH_TARGET_BYTES ((size_t)1024 * 1024)

/* ---- matcher_recover.c ---- */

/*
 * Open the journal in OPTIONS and bring the engine to its end.  The sentence
 * in REASON when that cannot be done.
 */
enum status matcher_recover(struct matcher *matcher, struct disk *disk,
	const struct journal_options *options, struct reason *reason) MUST_USE;

/* ---- matcher_step.c ---- */

/* ST_INTERNAL: the process must end, without an answer. */
enum status matcher_begin(struct matcher *matcher, int64_t now_us) MUST_USE;

/* False: the batch is full, ask again after the next matcher_begin(). */
bool matcher_take(struct matcher *matcher, struct peer *peer,
	const struct frame *frame);

/* The matcher's own commands, as long as the engine's deadline has come and
 * there is room in the batch. */
void matcher_tick(struct matcher *matcher);

/* ST_INTERNAL as above.  With nothing applied there is no sync. */
enum status matcher_commit(struct matcher *matcher) MUST_USE;

/* Refuse what the peer sent: it is answered with the batch, in its place. */
void matcher_refuse(struct matcher *matcher, struct peer *peer, uint64_t tag,
	enum refusal refusal);

/* ---- matcher_publish.c ---- */

/* Note which instruments RECORD changes, and its last trades. */
void publish_note(struct matcher *matcher, const struct record *record);
/* Write the slots of all that were noted. */
void publish_dirty(struct matcher *matcher);
/* Write every slot: at the start. */
void publish_all(struct matcher *matcher);

/* ---- matcher_child.c ---- */

/* A child that hashes the state and perhaps writes a snapshot. */
struct child {
	int pid;  /* 0: none */
	int pipe; /* readable when it has an answer or has ended */
	bool snapshot;
	uint64_t seq;
};

/*
 * Fork one; everything applied so far is durable.  DIR gets the snapshot.
 * ST_CONFLICT: one is at work already.
 */
enum status child_start(struct matcher *matcher, struct child *child,
	struct disk *disk, const char *dir, bool snapshot,
	struct reason *reason) MUST_USE;
/* Its pipe is readable: reap it.  False when it failed. */
bool child_finish(struct child *child, struct hash_answer *out);
