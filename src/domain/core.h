/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * core.h - the matcher, as everything else sees it.
 *
 * A blocking client of the matcher's socket: one connection a process, made
 * when it is first needed and again when it broke.  One request is under way
 * at a time (but see core_send()).
 *
 * Who asks is taken from ctx->session and checked by the matcher with the
 * command: its user, epoch and session.  Without a session the command is a
 * daemon's own.  Whom it concerns is the command's head.user.
 *
 * A write has three ends.  ST_OK: it is on disk.  A refusal's status, with
 * the fault filled in: nothing was changed.  ST_OUTCOME_UNKNOWN: no answer in
 * time, it may or may not have been done, and it is never sent again; from
 * two seconds after the call began the state is final and can be read.
 * ST_UNAVAILABLE: the matcher could not be reached, nothing was done.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "wire/command.h"
#include "wire/event.h"
#include "wire/frame.h"
#include "wire/record.h"
#include "wire/refusal.h"

/* How long a command may wait before it is too late, and we for its answer. */
#define CORE_PATIENCE_US (2 * INT64_C(1000000))

struct core;

/* PATH is the matcher's socket; nothing is connected yet. */
struct core *core_new(const char *path);
void core_free(struct core *core);

/* Another patience than CORE_PATIENCE_US, for tools and tests. */
void core_set_patience(struct core *core, int64_t patience_us);

/* What the matcher did. */
struct core_answer {
	const struct record *record; /* command and events; in the arena */
	uint64_t seq;
	bool duplicate; /* done before: the record is that of the first */
};

/*
 * Send COMMAND, whose head.size and head.type are set, and wait.  OUT may be
 * NULL.  The record is well-formed; events are walked by core_event().
 */
enum status core_command(struct ctx *ctx, const struct message *command,
	const struct record **out) MUST_USE;
/* The same, telling whether it was a duplicate. */
enum status core_submit(struct ctx *ctx, const struct message *command,
	struct core_answer *out) MUST_USE;

/* Fill in head.size and head.type of a command that is sent whole. */
#define CORE_COMMAND(sym, command_, user_)                                     \
	{.size = sizeof(struct command_), .type = CMD_##sym, .user = (user_)}

/*
 * The event of RECORD after AFTER (NULL: the first); NULL at the end.
 *	for (ev = NULL; (ev = core_event(record, ev)) != NULL;)
 */
const struct message *core_event(const struct record *record,
	const struct message *after);

/*
 * Is ctx->session still good?  ST_UNAUTHENTICATED, ST_LOCKED or, without the
 * matcher, ST_UNAVAILABLE.
 */
enum status core_guard(struct ctx *ctx, struct guard_answer *out) MUST_USE;

/*
 * What the core says of a session or user that is not ctx's, verdict and all
 * (a log-in asks whether the user is known).  SESSION may be IDENT_NONE.
 */
enum status core_ask(struct ctx *ctx, const struct guard_request *question,
	struct guard_answer *out) MUST_USE;

/* Figures for the monitor and quantoractl. */
enum status core_stats(struct ctx *ctx, struct stats_answer *out) MUST_USE;
/* FRAME_STATE_HASH or FRAME_SNAPSHOT; waits up to PATIENCE_US. */
enum status core_hash(struct ctx *ctx, enum frame_type question,
	int64_t patience_us, struct hash_answer *out) MUST_USE;

/* The status and fault of a refusal: "return core_refused(ctx, number)". */
enum status core_refused(struct ctx *ctx, unsigned refusal) MUST_USE;

/* ---- Many at once, for tools -------------------------------------------- */

/*
 * Queue a command without waiting; answers come in order through
 * core_receive().  core_flush() sends what is queued.  NOT_AFTER_US 0: never
 * too late.  The caller bounds how many are under way.
 */
enum status core_send(struct core *core, const struct command_envelope *who,
	const struct message *command) MUST_USE;
enum status core_flush(struct core *core) MUST_USE;

struct core_reply {
	unsigned refusal;            /* 0: done */
	const struct record *record; /* until the next core_receive() */
	uint64_t seq;
	bool duplicate;
};

/* The next answer, waiting up to PATIENCE_US; ST_OUTCOME_UNKNOWN without. */
enum status core_receive(struct core *core, int64_t patience_us,
	struct core_reply *out) MUST_USE;
