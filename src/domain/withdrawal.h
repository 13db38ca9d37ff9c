/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal.h - money that leaves: asked for, held, decided, paid or freed.
 *
 * MySQL holds what people asked for and decided, the core holds the money.
 * A request is a row and an intent to hold; a decision is a row, and when it
 * is the last one needed an intent to pay or to release.  The first decision
 * that commits wins; the core would refuse the second in any case.
 *
 * Who asks has passed a second factor and KYC, and has not changed password
 * or second factor lately.  Who decides is not the owner; above a configured
 * worth two must approve.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/decimal.h"
#include "base/ident.h"

#define WITHDRAWAL_ADDRESS_MAX 128 /* characters */

enum withdrawal_status {
	WITHDRAWAL_REQUESTED, /* not held yet: the core was not reached */
	WITHDRAWAL_PENDING,   /* held, and waits for a decision */
	WITHDRAWAL_APPROVED,  /* to be paid, or paid */
	WITHDRAWAL_REJECTED,
	WITHDRAWAL_CANCELLED,
	WITHDRAWAL_REFUSED    /* the core would not hold it */
};

struct withdrawal {
	struct ident id;
	struct ident user; /* public */
	const char *asset;
	struct decimal amount;
	const char *address;
	enum withdrawal_status status;
	const char *reason; /* of a refusal; "" otherwise */
	struct decimal usd_value; /* DECIMAL_NONE: unknown */
	unsigned approvals, deciders_needed;
	int64_t requested_us;
	int64_t decided_us; /* DB_NO_TIME: not yet */
};

/* "pending", … */
const char *withdrawal_status_name(enum withdrawal_status status);

struct withdrawal_request {
	const char *asset;
	struct decimal amount;
	const char *address;
	/*
	 * What its sender calls it, or NULL: the same terms under the same key
	 * are answered as the first time, others are ST_CONFLICT.
	 */
	const char *key;
};

/*
 * ST_INVALID about a field, ST_FORBIDDEN (KYC, a block, the address list),
 * ST_TOTP_REQUIRED, ST_NO_FUNDS.  On ST_OUTCOME_UNKNOWN and ST_UNAVAILABLE it
 * is recorded, and will be held or refused before long: the list tells.
 */
enum status withdrawal_request(struct ctx *ctx,
	const struct withdrawal_request *request,
	struct withdrawal *out) MUST_USE;

/* By the owner, while it is pending; ST_CONFLICT afterwards. */
enum status withdrawal_cancel(struct ctx *ctx, struct ident id,
	struct withdrawal *out) MUST_USE;

/*
 * By an operator or admin.  An approval that is not the last one needed
 * leaves it pending.  ST_CONFLICT when it is decided, or the caller has
 * spoken before; ST_FORBIDDEN when it is his own.
 */
enum status withdrawal_approve(struct ctx *ctx, struct ident id,
	struct withdrawal *out) MUST_USE;
enum status withdrawal_reject(struct ctx *ctx, struct ident id,
	struct withdrawal *out) MUST_USE;

struct withdrawal_list {
	struct withdrawal *rows;
	size_t n;
	uint64_t total;
};

/* The caller's own, the newest first. */
enum status withdrawal_list(struct ctx *ctx, int64_t limit, int64_t offset,
	struct withdrawal_list *out) MUST_USE;

/* Everybody's that wait for a decision, the oldest first. */
enum status withdrawal_pending(struct ctx *ctx, int64_t limit, int64_t offset,
	struct withdrawal_list *out) MUST_USE;
