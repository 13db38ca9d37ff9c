/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * edition.h - how one API document spells what all of them share.
 *
 * An edition is its routes, and how it writes numbers, successes and
 * failures.  handlers/editions.c lists them; nothing in src/ knows one.
 */
#pragma once

#include <stdbool.h>

#include "base/ctx.h"
#include "http/route.h"
#include "json/reply.h"

/* What an outcome is called: its HTTP status, code, and default sentence. */
struct outcome {
	int http;
	const char *code;
	const char *message;
};

/*
 * The spelling that the documents have in common, a row for each status.  An
 * edition that differs copies the row it wants to change (see outcome_of()).
 */
extern const struct outcome common_outcomes[ST_N];

/* The field that is at fault when no token was sent (FAULT_MISSING). */
#define FAULT_TOKEN "Authorization"

/*
 * A change of one row: for any fault, or (with FIELD) only for a fault of KIND
 * in that field.  The first that fits is taken.
 */
struct outcome_change {
	enum status at;
	const char *field; /* NULL: any fault */
	enum fault_kind kind;
	struct outcome to; /* message NULL: as it was */
};

#define OUTCOME_CHANGES_END {.at = ST_OK}

struct limit_rule;

struct edition {
	const char *name;
	enum numbers numbers;
	/* Start and finish the object of a success; NULL: nothing to add. */
	void (*open_ok)(struct reply *reply);
	void (*close_ok)(struct reply *reply);
	/* Write all of a failure's body. */
	void (*render_error)(const struct ctx *ctx, enum status status,
		const struct outcome *outcome, struct reply *reply);
	const struct outcome_change *changes; /* or NULL */
	/* Its budgets, by class; a class without one is not limited. */
	const struct limit_rule *limits[RATE_CLASSES];
	const struct route *const *routes; /* tables, ended by NULL */
};

/*
 * How EDITION calls STATUS, with CTX's fault.  ST_TOTP_REQUIRED is a 401 when
 * nobody is logged in (a log-in that wants a code), otherwise a 403.
 */
struct outcome outcome_of(const struct edition *edition,
	const struct ctx *ctx, enum status status);

/* What stands behind a number in the status line: "Not Found". */
const char *http_phrase(int http_status);

/*
 * {"error":{"code", "message", "details":{"field", "reason"}}}, which two of
 * the documents share.
 */
void render_error_object(const struct ctx *ctx, enum status status,
	const struct outcome *outcome, struct reply *reply);

/* The sentence for people: the fault's reason, else the outcome's own. */
const char *fault_message(const struct ctx *ctx,
	const struct outcome *outcome);

/* ---- Which edition answers what ----------------------------------------- */

/*
 * The editions of a program, and who speaks where nobody has a route: the
 * first row whose PREFIX the path begins with.  AMBIGUOUS editions share
 * paths; nginx says in QUANTORA_EDITION which of them is meant.
 */
struct edition_prefix {
	const char *prefix;             /* "" matches everything */
	const struct edition *edition; /* NULL: the one that nginx named */
};

struct edition_list {
	const struct edition *const *editions; /* ended by NULL */
	const struct edition_prefix *prefixes; /* ended by prefix "" */
	const struct edition *by_default;      /* where nginx names none */
};
