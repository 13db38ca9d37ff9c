/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * intent.h - a command that a transaction has promised to send.
 *
 * What starts in MySQL and ends in the core (a registration, the payment of a
 * withdrawal, a lock) cannot be one transaction.  So the transaction writes an
 * intent, and the command is sent once that has committed, under the intent's
 * id.  Should we die in between, workerd sends it again.  The core does an id
 * once, however often it comes, for 24 hours; an intent that is older than
 * that is not sent any more and waits for an operator.
 *
 * An intent is sent in nobody's name: that its user was allowed to was checked
 * by the transaction, and his session may have ended since.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/ident.h"
#include "wire/command.h"

/* No later than this after its making; the core's memory is a little longer. */
#define INTENT_LIFE_US (INT64_C(23) * 3600 * 1000000)

struct intent {
	struct ident id;
	const char *source;
	struct ident reference;
	uint32_t user;
	uint32_t attempts;
	int64_t created_us;
	const struct message *command;
	size_t command_length;
};

/*
 * Promise COMMAND, in the caller's transaction.  ID is a new version 7 ident
 * and stands in the command as its intent (or withdrawal).  SOURCE is at most
 * 32 characters, a constant of the caller's; (SOURCE, REFERENCE) is unique.
 * ST_CONFLICT when it was promised before.
 */
enum status intent_write(struct ctx *ctx, struct ident id, const char *source,
	struct ident reference, const struct message *command) MUST_USE;

/*
 * Send the command of ID and note the outcome.  ST_OK: the core has done it,
 * now or before.  A refusal's status, with its fault: it never will.
 * ST_UNAVAILABLE, ST_OUTCOME_UNKNOWN: it stays open, and will be sent again.
 * Not inside a transaction.
 */
enum status intent_send(struct ctx *ctx, struct ident id) MUST_USE;
/* The same, with the sequence of the command that did it. */
enum status intent_send_seq(
	struct ctx *ctx, struct ident id, uint64_t *seq) MUST_USE;

/*
 * The same, behind what its user was promised before of the same kind and is
 * still open: of limits, locks and roles the last word has to be the last one
 * that the core hears.  While one of those stays open ID does too, and is not
 * sent: their status.  That one of them is refused stands there, and is no
 * reason to stop.
 */
enum status intent_send_in_turn(struct ctx *ctx, struct ident id) MUST_USE;

/* One by what it is for; ST_NOT_FOUND. */
enum status intent_find(struct ctx *ctx, const char *source,
	struct ident reference, struct ident *id) MUST_USE;

/*
 * At most LIMIT open ones that were made, and last tried, before BEFORE_US;
 * the oldest first.  USER 0: of anybody.  For workerd, and for a log-in that
 * finds its user unknown to the core.
 */
struct intent_list {
	struct intent *intents;
	size_t n;
};
enum status intent_open(struct ctx *ctx, uint32_t user, int64_t before_us,
	unsigned limit, struct intent_list *out) MUST_USE;

/*
 * At most LIMIT open ones that are due to be sent again, the longest due
 * first: who made one had INTENT_PAUSE_US to send it himself, and the pause
 * doubles with each try, up to INTENT_PAUSE_MAX_S.
 */
#define INTENT_PAUSE_US (5 * INT64_C(1000000))
#define INTENT_PAUSE_MAX_S 300
enum status intent_due(
	struct ctx *ctx, unsigned limit, struct intent_list *out) MUST_USE;

/* Mark as stale what is too old to be sent; how many were. */
enum status intent_retire(struct ctx *ctx, uint64_t *out) MUST_USE;
