/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk_alert.h - that a user comes near a limit of his, or has reached it.
 *
 * Each limit has three levels: its warning threshold, its critical one, and
 * the limit itself.  An alert is raised when a level is reached and is over
 * when it is left; meanwhile it is active, and is told once.  Should it come
 * and go all the time, it is not told each time anew.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "domain/alert.h"
#include "domain/risk.h"

enum risk_level { RISK_NONE, RISK_WARNING, RISK_CRITICAL, RISK_BREACH };

struct risk_alert {
	struct ident id;
	struct ident limit; /* IDENT_NONE: the account may only reduce */
	const char *type;   /* "POSITION_SIZE_WARNING" */
	enum risk_level level;
	uint16_t instrument; /* or INSTRUMENT_ANY */
	const char *message;
	struct decimal current, bound;
	int64_t triggered_us;
};

struct risk_alerts {
	struct risk_alert *rows;
	size_t n;
};

/* The active ones of ctx->session's user, the gravest and newest first. */
enum status risk_alert_list(struct ctx *ctx, struct risk_alerts *out) MUST_USE;

/* LIMIT is no more: nor are its alerts.  In a transaction. */
enum status risk_alerts_end(struct ctx *ctx, struct ident limit) MUST_USE;

enum alert_severity risk_severity(enum risk_level level);

/* ---- For the watch (risk_watch.h) ---------------------------------------- */

/* How one limit is used just now. */
struct risk_usage {
	struct ident limit; /* IDENT_NONE: the account may only reduce */
	enum risk_type type;
	uint16_t instrument;
	struct decimal current, bound;
	enum risk_level level; /* the highest that is reached */
};

/* An active alert as the watch needs it. */
struct risk_active {
	uint32_t user;
	struct ident id, limit;
	uint16_t instrument;
	enum risk_level level;
	struct decimal current, bound;
};

/*
 * Bring USER's alerts, ACTIVE of N_ACTIVE, to what his N USAGES say: raise,
 * refresh and end, in one transaction, which is none when nothing changed.
 * *RAISED (may be NULL) counts those that he is told of.
 */
enum status risk_alerts_set(struct ctx *ctx, uint32_t user,
	const struct risk_active *active, size_t n_active,
	const struct risk_usage *usages, size_t n, unsigned *raised) MUST_USE;
