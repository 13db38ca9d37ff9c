/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk.h - the limits that users set themselves.
 *
 * One table for all editions.  What is enforced is the core's: each change
 * promises the commands that follow from it in the same transaction
 * (domain/intent.h), and where several limits bound the same the core gets the
 * strictest, see risk_core.h.
 *
 * In one edition the account has three limits, each a number or none (struct
 * risk_account); in another there are any number of limits, each a row with an
 * id.  They are the same rows: what the account's number says is the strictest
 * row of its type, and setting the number leaves one row of that type.
 *
 * All functions are about ctx->session's user.  OUT is written only on ST_OK;
 * what it points to lives in ctx->arena.  A change whose command could not be
 * sent is ST_OUTCOME_UNKNOWN: it will be, by workerd.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"
#include "wire/message.h"

/* Numbers of the table; they never change. */
enum risk_type {
	RISK_POSITION_SIZE = 0, /* in the quote asset */
	RISK_ORDER_SIZE = 1,    /* in the quote asset */
	RISK_DAILY_LOSS = 2,    /* in money of account */
	RISK_MAX_DRAWDOWN = 3,  /* of the peak; 0.2 is 20 % */
	RISK_OPEN_ORDERS = 4,   /* a count */
	RISK_POSITION_VALUE = 5, /* as POSITION_SIZE, in money of account */
	RISK_TYPES
};

#define RISK_LIMITS_MAX 100 /* rows a user may add */
#define RISK_WARNING_DEFAULT (80 * DECIMAL_ONE)
#define RISK_CRITICAL_DEFAULT (95 * DECIMAL_ONE)

struct risk_limit {
	struct ident id;
	enum risk_type type;
	uint16_t instrument; /* or INSTRUMENT_ANY */
	struct decimal value;
	struct decimal warning; /* percent of VALUE */
	struct decimal critical;
	bool enabled;
	int64_t created_us;
	int64_t updated_us;
};

struct risk_limits {
	struct risk_limit *rows; /* the oldest first */
	size_t n;
};

struct risk_limit_new {
	enum risk_type type;
	const char *symbol; /* NULL: any; only POSITION_SIZE, ORDER_SIZE */
	struct decimal value;
	/* DECIMAL_NONE: 80 and 95, or the other one where that is beyond. */
	struct decimal warning, critical;
	bool disabled;
};

/* ST_INVALID about a field; ST_CONFLICT when there are too many. */
enum status risk_limit_add(struct ctx *ctx, const struct risk_limit_new *new,
	struct risk_limit *out) MUST_USE;

enum status risk_limit_list(struct ctx *ctx, struct risk_limits *out) MUST_USE;

/* ST_NOT_FOUND when there is none, or it is another's; also below. */
enum status risk_limit_find(struct ctx *ctx, struct ident id,
	struct risk_limit *out) MUST_USE;

/* DECIMAL_NONE keeps a number. */
struct risk_limit_change {
	struct decimal value, warning, critical;
	enum { RISK_KEEP, RISK_ENABLE, RISK_DISABLE } enabled;
};
enum status risk_limit_change(struct ctx *ctx, struct ident id,
	const struct risk_limit_change *change,
	struct risk_limit *out) MUST_USE;

enum status risk_limit_remove(struct ctx *ctx, struct ident id) MUST_USE;

/* ---- The account's three numbers ----------------------------------------- */

enum risk_account_field {
	RISK_ACCOUNT_POSITION_VALUE,
	RISK_ACCOUNT_DAILY_LOSS,
	RISK_ACCOUNT_DRAWDOWN,
	RISK_ACCOUNT_FIELDS
};

struct risk_account {
	struct decimal values[RISK_ACCOUNT_FIELDS]; /* DECIMAL_NONE: no limit */
	int64_t updated_us; /* since when they are so: registration at first */
};

enum status risk_account_read(struct ctx *ctx,
	struct risk_account *out) MUST_USE;

/*
 * Change those that are given.  A value replaces all limits of its type by
 * one, which keeps its thresholds; DECIMAL_NONE disables them all.
 */
struct risk_account_change {
	bool given[RISK_ACCOUNT_FIELDS];
	struct decimal values[RISK_ACCOUNT_FIELDS];
};
enum status risk_account_set(struct ctx *ctx,
	const struct risk_account_change *change,
	struct risk_account *out) MUST_USE;

/* The most rows that a user can have. */
#define RISK_ROWS_MAX (RISK_LIMITS_MAX + RISK_ACCOUNT_FIELDS)

/* All of USER's, whoever asks. */
enum status risk_limits_read(struct ctx *ctx, uint32_t user,
	struct risk_limits *out) MUST_USE;

/* The field's name, for faults: "max_daily_loss". */
const char *risk_account_name(enum risk_account_field field);

/* "POSITION_SIZE", …; POSITION_VALUE is a POSITION_SIZE too. */
const char *risk_type_name(enum risk_type type);
