/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * withdrawal.c - asking for money, and deciding about it.
 */
#include "domain/withdrawal.h"

#include <string.h>
#include <sys/param.h>

#include "auth/auth.h"
#include "auth/digest.h"
#include "auth/session.h"
#include "base/conf.h"
#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"
#include "domain/kyc.h"
#include "domain/rate.h"
#include "domain/user.h"
#include "domain/withdrawal_read.h"

#define HOLD "withdrawal-hold"
#define PAY "withdrawal-pay"
#define RELEASE "withdrawal-release"

/*
 * How many must approve AMOUNT, and its worth in USD.  What cannot be valued
 * is treated as worth more than the limit.
 */
static enum status
weigh(struct ctx *ctx, const char *asset, struct decimal amount,
	struct decimal *usd, unsigned *deciders)
{
	int64_t limit = conf_number(ctx->conf, CONF_WITHDRAWAL_TWO_DECIDERS);
	enum status status = rate_convert(ctx, amount, asset, "USD", usd);

	if (status == ST_NOT_FOUND || status == ST_INVALID) {
		*usd = DECIMAL_NONE;
		*deciders = 2;
		return ST_OK;
	}
	TRY(status);
	*deciders = usd->units > limit * DECIMAL_ONE ? 2 : 1;
	return ST_OK;
}

/* ---- Asking -------------------------------------------------------------- */

struct asking {
	const struct withdrawal_request *request;
	struct ident id;
	struct ident reference; /* of the intent: the id, or of the key */
	uint16_t asset;
	struct decimal usd;
	unsigned deciders;
	int64_t asked_us;
};

static enum status
check_request(struct ctx *ctx, struct asking *a)
{
	enum status status;

	if (!ctx->session->otp)
		return fail(ctx, ST_TOTP_REQUIRED, NULL,
			"log in with a code of the second factor");
	if (a->request->amount.units <= 0)
		return fail(ctx, ST_INVALID, "amount",
			"the amount must be above zero");
	status = db_one(ctx, "SELECT id FROM assets WHERE code = ?",
		DB_IN(db_text(a->request->asset)), DB_OUT(db_to_u16(&a->asset)));
	if (status == ST_NOT_FOUND)
		return fail(ctx, ST_INVALID, "asset", "there is no such asset");
	TRY(status);
	return weigh(ctx, a->request->asset, a->request->amount, &a->usd,
		&a->deciders);
}

/* With the user's row locked, so that none of it changes meanwhile. */
static enum status
check_user(struct ctx *ctx)
{
	int64_t blocked_us;
	const char *kyc;

	TRY(db_one(ctx,
		"SELECT kyc_status, withdrawals_blocked_until "
		"FROM users WHERE id = ? FOR UPDATE",
		DB_IN(db_u64(ctx->session->user)),
		DB_OUT(db_to_text(&kyc), db_to_time(&blocked_us))));
	if (strcmp(kyc, kyc_name(KYC_APPROVED)) != 0)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"KYC must be approved before a withdrawal");
	if (blocked_us != DB_NO_TIME && blocked_us > ctx->now_us)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"withdrawals are blocked for a time after a new "
			"password or second factor");
	return ST_OK;
}

/* Who has switched his list on withdraws to nothing else. */
static enum status
check_address(struct ctx *ctx, const struct asking *a)
{
	uint64_t allowed;

	TRY(db_one(ctx,
		"SELECT u.address_list_only = 0 OR EXISTS (SELECT 1 FROM "
		"withdrawal_addresses l WHERE l.user_id = u.id AND "
		"l.asset_id = ? AND l.address = ? AND l.usable_from <= ?) "
		"FROM users u WHERE u.id = ? FOR UPDATE",
		DB_IN(db_u64(a->asset), db_text(a->request->address),
			db_time(ctx->now_us), db_u64(ctx->session->user)),
		DB_OUT(db_to_u64(&allowed))));
	if (!allowed)
		return fail(ctx, ST_FORBIDDEN, "address",
			"the address is not on your list");
	return ST_OK;
}

static enum status
insert(struct ctx *ctx, const struct asking *a)
{
	return db_exec(ctx,
		"INSERT INTO withdrawals (public_id, user_id, asset_id, "
		"amount, address, usd_value, deciders_needed, requested_at) "
		"VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
		DB_IN(db_ident(a->id), db_u64(ctx->session->user),
			db_u64(a->asset), db_decimal(a->request->amount),
			db_text(a->request->address), db_decimal(a->usd),
			db_u64(a->deciders), db_time(ctx->now_us)),
		NULL);
}

static enum status
audit_withdrawal(struct ctx *ctx, const char *action, struct ident id,
	uint32_t user, const char *details)
{
	return audit_write(ctx,
		&(struct audit_event){
			.action = action,
			.outcome = AUDIT_OK,
			.user = user,
			.subject = id,
			.details = details,
		});
}

static enum status
ask_tx(struct ctx *ctx, void *arg)
{
	const struct asking *a = arg;
	char amount[DECIMAL_TEXT_MAX];
	struct cmd_withdraw_hold hold = {
		.head = CORE_COMMAND(WITHDRAW_HOLD, cmd_withdraw_hold,
			ctx->session->user),
		.withdrawal = a->id,
		.asset = a->asset,
		.amount = a->request->amount.units,
	};

	TRY(check_user(ctx));
	TRY(check_address(ctx, a));
	TRY(insert(ctx, a));
	TRY(intent_write(ctx, a->id, HOLD, a->reference, &hold.head));
	decimal_format(a->request->amount, 0, amount);
	return audit_withdrawal(ctx, "withdrawal.requested", a->id,
		ctx->session->user,
		arena_printf(ctx->arena, "asset=%s amount=%s",
			a->request->asset, amount));
}

/* ---- Asking twice --------------------------------------------------------- */

static struct ident
reference_of(struct ctx *ctx, const char *key)
{
	struct digest_state state;
	struct digest digest;
	struct ident reference;

	digest_begin(&state, ctx->auth->vault, DIGEST_REFERENCE);
	digest_text(&state, HOLD);
	digest_number(&state, ctx->session->user);
	digest_text(&state, key);
	digest = digest_end(&state);
	memcpy(reference.bytes, digest.bytes, sizeof(reference.bytes));
	return reference;
}

/* What stands under the key; ST_NOT_FOUND when nothing does. */
static enum status
asked_before(struct ctx *ctx, struct asking *a)
{
	struct asking was = *a;
	struct decimal amount;
	const char *address;

	TRY(intent_find(ctx, HOLD, a->reference, &was.id));
	TRY(db_one(ctx,
		"SELECT asset_id, amount, address, usd_value, deciders_needed, "
		"requested_at FROM withdrawals WHERE public_id = ?",
		DB_IN(db_ident(was.id)),
		DB_OUT(db_to_u16(&was.asset), db_to_decimal(&amount),
			db_to_text(&address), db_to_decimal(&was.usd),
			db_to_u32(&was.deciders), db_to_time(&was.asked_us))));
	if (was.asset != a->asset || amount.units != a->request->amount.units ||
		strcmp(address, a->request->address) != 0)
		return fail(ctx, ST_CONFLICT, "Idempotency-Key",
			"the key stands for another withdrawal");
	*a = was;
	return ST_OK;
}

/* Promise it, unless that was done under its key. */
static enum status
ask(struct ctx *ctx, struct asking *a)
{
	enum status status = ST_NOT_FOUND;

	if (!a->request->key) {
		a->reference = a->id;
		return db_tx(ctx, ask_tx, a);
	}
	a->reference = reference_of(ctx, a->request->key);
	status = asked_before(ctx, a);
	if (status != ST_NOT_FOUND)
		return status;
	status = db_tx(ctx, ask_tx, a);
	/* Somebody was faster. */
	return status == ST_CONFLICT ? asked_before(ctx, a) : status;
}

/* The core said no: the row says so too, or the list finds it out. */
static enum status
refused(struct ctx *ctx, struct ident id, enum status why)
{
	struct fault fault = ctx->fault;

	if (why == ST_UNAVAILABLE || why == ST_OUTCOME_UNKNOWN)
		return why;
	if (db_exec(ctx,
		    "UPDATE withdrawals SET state = 'refused', reason = ?, "
		    "decided_at = ? WHERE public_id = ? AND state = 'new'",
		    DB_IN(db_text(fault.reason ? fault.reason : ""),
			    db_time(ctx->now_us), db_ident(id)),
		    NULL) != ST_OK)
		ctx->fault = fault;
	return why;
}

enum status
withdrawal_request(struct ctx *ctx, const struct withdrawal_request *request,
	struct withdrawal *out)
{
	struct asking a = {
		.request = request,
		.id = ident_random(ctx->now_us),
		.asked_us = ctx->now_us,
	};
	enum status status;

	TRY(check_request(ctx, &a));
	TRY(ask(ctx, &a));
	status = intent_send(ctx, a.id);
	if (status != ST_OK)
		return refused(ctx, a.id, status);
	/* It is held, whether the row says so yet or the intent alone does. */
	if (db_exec(ctx,
		    "UPDATE withdrawals SET state = 'pending' "
		    "WHERE public_id = ? AND state = 'new'",
		    DB_IN(db_ident(a.id)), NULL) != ST_OK)
		ctx->fault = (struct fault){0};
	*out = (struct withdrawal){
		.id = a.id,
		.user = ctx->session->public_id,
		.asset = request->asset,
		.amount = request->amount,
		.address = request->address,
		.status = WITHDRAWAL_PENDING,
		.reason = "",
		.usd_value = a.usd,
		.deciders_needed = a.deciders,
		.requested_us = a.asked_us,
		.decided_us = DB_NO_TIME,
	};
	return ST_OK;
}

/* ---- Deciding ------------------------------------------------------------ */

enum decision { CANCEL, APPROVE, REJECT };

static const struct {
	const char *state, *action;
	enum withdrawal_status status;
} words[] = {
	[CANCEL] = {"cancelled", "withdrawal.cancelled", WITHDRAWAL_CANCELLED},
	[APPROVE] = {"approved", "withdrawal.approved", WITHDRAWAL_APPROVED},
	[REJECT] = {"rejected", "withdrawal.rejected", WITHDRAWAL_REJECTED},
};

struct deciding {
	enum decision decision;
	struct ident id;
	struct ident intent;  /* to pay or release */
	unsigned deciders;    /* that it takes today */
	bool final;           /* nobody else is needed */
	uint64_t key;         /* the row's */
	uint32_t user;
	unsigned needed;      /* that it took when it was asked for */
};

static enum status
lock_row(struct ctx *ctx, struct deciding *d)
{
	const char *state;

	TRY(db_one(ctx,
		"SELECT id, user_id, state, deciders_needed FROM withdrawals "
		"WHERE public_id = ? FOR UPDATE",
		DB_IN(db_ident(d->id)),
		DB_OUT(db_to_u64(&d->key), db_to_u32(&d->user),
			db_to_text(&state), db_to_u32(&d->needed))));
	if (strcmp(state, "new") != 0 && strcmp(state, "pending") != 0)
		return fail(ctx, ST_CONFLICT, NULL,
			"the withdrawal has already been decided");
	return ST_OK;
}

static enum status
insert_decision(struct ctx *ctx, const struct deciding *d)
{
	enum status status = db_exec(ctx,
		"INSERT INTO withdrawal_decisions "
		"(withdrawal_id, decider_id, verdict, decided_at) "
		"VALUES (?, ?, ?, ?)",
		DB_IN(db_u64(d->key), db_u64(ctx->session->user),
			db_text(d->decision == APPROVE ? "approve" : "reject"),
			db_time(ctx->now_us)),
		NULL);

	if (status == ST_CONFLICT)
		return fail(ctx, ST_CONFLICT, NULL,
			"you have decided about this withdrawal before");
	return status;
}

/* May it be paid today, and are there enough who say so? */
static enum status
count_approvals(struct ctx *ctx, struct deciding *d)
{
	uint64_t approvals;
	const char *kyc;

	TRY(db_one(ctx, "SELECT kyc_status FROM users WHERE id = ? FOR UPDATE",
		DB_IN(db_u64(d->user)), DB_OUT(db_to_text(&kyc))));
	if (strcmp(kyc, kyc_name(KYC_APPROVED)) != 0)
		return fail(ctx, ST_CONFLICT, NULL,
			"the customer's KYC is not approved any more");
	TRY(db_one(ctx,
		"SELECT COUNT(*) FROM withdrawal_decisions "
		"WHERE withdrawal_id = ? AND verdict = 'approve' "
		"LOCK IN SHARE MODE",
		DB_IN(db_u64(d->key)), DB_OUT(db_to_u64(&approvals))));
	d->final = approvals >= d->needed && approvals >= d->deciders;
	return ST_OK;
}

static enum status
promise(struct ctx *ctx, const struct deciding *d)
{
	bool pay = d->decision == APPROVE;
	struct cmd_withdraw_end end = {
		.head = {.size = sizeof(end),
			.type = pay ? CMD_WITHDRAW_PAY : CMD_WITHDRAW_RELEASE,
			.user = d->user},
		.intent = d->intent,
		.withdrawal = d->id,
	};

	TRY(db_exec(ctx,
		"UPDATE withdrawals SET state = ?, decided_at = ? WHERE id = ?",
		DB_IN(db_text(words[d->decision].state), db_time(ctx->now_us),
			db_u64(d->key)),
		NULL));
	return intent_write(ctx, d->intent, pay ? PAY : RELEASE, d->id,
		&end.head);
}

static enum status
decide_tx(struct ctx *ctx, void *arg)
{
	struct deciding *d = arg;
	uint32_t by = ctx->session->user;

	d->final = true;
	TRY(lock_row(ctx, d));
	if (d->decision == CANCEL && d->user != by)
		return ST_NOT_FOUND;
	if (d->decision != CANCEL && d->user == by)
		return fail(ctx, ST_FORBIDDEN, NULL,
			"nobody decides about his own withdrawal");
	if (d->decision != CANCEL)
		TRY(insert_decision(ctx, d));
	if (d->decision == APPROVE)
		TRY(count_approvals(ctx, d));
	if (d->final)
		TRY(promise(ctx, d));
	return audit_withdrawal(ctx, words[d->decision].action, d->id, d->user,
		d->final ? "" : "another approval is needed");
}

/*
 * A hold whose outcome we do not know is settled first: a release must not
 * come before it.  What the core refuses to hold cannot be decided.
 */
static enum status
settle_hold(struct ctx *ctx, struct ident id)
{
	enum status status = intent_send(ctx, id);

	if (status == ST_OK || status == ST_UNAVAILABLE ||
		status == ST_OUTCOME_UNKNOWN || status == ST_NOT_FOUND)
		return status;
	ctx->fault = (struct fault){0};
	return fail(ctx, ST_CONFLICT, NULL, "the withdrawal was not possible");
}

static enum status
decide(struct ctx *ctx, struct ident id, enum decision decision,
	struct withdrawal *out)
{
	struct deciding d = {
		.decision = decision,
		.id = id,
		.intent = ident_random(ctx->now_us),
	};
	struct withdrawal w;
	struct decimal usd;

	TRY(withdrawal_get(ctx, id, &w));
	/* Another's is answered like one that is not there, before anything
	 * is done about it. */
	if (decision == CANCEL && !ident_equal(w.user, ctx->session->public_id))
		return ST_NOT_FOUND;
	if (w.status == WITHDRAWAL_REQUESTED)
		TRY(settle_hold(ctx, id));
	else if (w.status == WITHDRAWAL_REFUSED)
		return fail(ctx, ST_CONFLICT, NULL,
			"the withdrawal was not possible");
	TRY(weigh(ctx, w.asset, w.amount, &usd, &d.deciders));
	TRY(db_tx(ctx, decide_tx, &d));
	if (d.final)
		TRY(intent_send(ctx, d.intent));
	/* Not read again: what was done is done, also when the settler lags. */
	w.approvals += decision == APPROVE;
	w.deciders_needed = MAX(d.needed, d.deciders);
	if (d.final) {
		w.status = words[decision].status;
		w.decided_us = ctx->now_us;
	} else {
		w.status = WITHDRAWAL_PENDING;
	}
	*out = w;
	return ST_OK;
}

enum status
withdrawal_cancel(struct ctx *ctx, struct ident id, struct withdrawal *out)
{
	return decide(ctx, id, CANCEL, out);
}

enum status
withdrawal_approve(struct ctx *ctx, struct ident id, struct withdrawal *out)
{
	return decide(ctx, id, APPROVE, out);
}

enum status
withdrawal_reject(struct ctx *ctx, struct ident id, struct withdrawal *out)
{
	return decide(ctx, id, REJECT, out);
}
