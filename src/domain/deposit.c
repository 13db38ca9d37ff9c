/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * deposit.c - promised in MySQL, made by the core, once.
 */
#include "domain/deposit.h"

#include <string.h>

#include "db/db.h"
#include "domain/audit.h"
#include "domain/core.h"
#include "domain/intent.h"

struct promise {
	const struct deposit *deposit;
	struct cmd_deposit command;
};

static enum status
promise_tx(struct ctx *ctx, void *arg)
{
	const struct promise *promise = arg;
	const struct deposit *deposit = promise->deposit;
	char amount[DECIMAL_TEXT_MAX];

	TRY(intent_write(ctx, promise->command.intent, deposit->source,
		deposit->reference, &promise->command.head));
	decimal_format(deposit->amount, 0, amount);
	return audit_write(ctx,
		&(struct audit_event){
			.action = "deposit",
			.outcome = AUDIT_OK,
			.user = deposit->user,
			.subject = promise->command.intent,
			.details = arena_printf(ctx->arena,
				"source=%s asset=%u amount=%s",
				deposit->source, deposit->asset, amount),
		});
}

static enum status
promise_check(struct ctx *ctx, void *arg, bool *committed)
{
	const struct promise *promise = arg;
	uint32_t user;
	enum status status = db_one(ctx,
		"SELECT user_id FROM intents WHERE id = ?",
		DB_IN(db_ident(promise->command.intent)),
		DB_OUT(db_to_u32(&user)));

	*committed = status == ST_OK;
	return status == ST_NOT_FOUND ? ST_OK : status;
}

/* What the reference stands for; ST_CONFLICT when it is another deposit. */
static enum status
promised_before(struct ctx *ctx, const struct deposit *deposit,
	struct ident *id)
{
	struct cmd_deposit command;
	const uint8_t *bytes;
	size_t length;

	TRY(db_one(ctx,
		"SELECT id, command FROM intents "
		"WHERE source = ? AND reference = ?",
		DB_IN(db_text(deposit->source), db_ident(deposit->reference)),
		DB_OUT(db_to_ident(id), db_to_bytes(&bytes, &length))));
	if (length != sizeof(command))
		return fail(ctx, ST_CONFLICT, "reference",
			"the reference stands for something else");
	memcpy(&command, bytes, sizeof(command));
	if (command.head.type != CMD_DEPOSIT ||
		command.head.user != deposit->user ||
		command.asset != deposit->asset ||
		command.amount != deposit->amount.units)
		return fail(ctx, ST_CONFLICT, "reference",
			"the reference stands for another deposit");
	return ST_OK;
}

static struct promise
new_promise(const struct ctx *ctx, const struct deposit *deposit)
{
	return (struct promise){
		.deposit = deposit,
		.command = {
			.head = CORE_COMMAND(DEPOSIT, cmd_deposit,
				deposit->user),
			.intent = ident_random(ctx->now_us),
			.asset = deposit->asset,
			.amount = deposit->amount.units,
		},
	};
}

enum status
deposit_make(struct ctx *ctx, const struct deposit *deposit, bool *fresh)
{
	struct promise promise = new_promise(ctx, deposit);
	struct ident id = promise.command.intent;
	enum status status = promised_before(ctx, deposit, &id);
	bool is_new = status == ST_NOT_FOUND;

	if (is_new) {
		status = db_tx_checked(ctx, promise_tx, promise_check,
			&promise);
		/* Somebody was faster. */
		if (status == ST_CONFLICT) {
			is_new = false;
			status = promised_before(ctx, deposit, &id);
		}
	}
	TRY(status);
	if (fresh)
		*fresh = is_new;
	return intent_send(ctx, id);
}

/* ---- Many at once -------------------------------------------------------- */

struct batch {
	struct promise *promises; /* that are new */
	size_t n_promises;
	struct ident *ids; /* of all that are to be made */
	size_t n_ids;
};

static enum status
promise_all_tx(struct ctx *ctx, void *arg)
{
	struct batch *batch = arg;
	size_t i;

	for (i = 0; i < batch->n_promises; i++)
		TRY(promise_tx(ctx, &batch->promises[i]));
	return ST_OK;
}

/*
 * All are promised by now, so what this transaction keeps together is only
 * what is noted of their outcomes: run again, or lost, it changes nothing in
 * the core, which does an intent once.
 */
static enum status
send_all_tx(struct ctx *ctx, void *arg)
{
	struct batch *batch = arg;
	size_t i;

	for (i = 0; i < batch->n_ids; i++)
		TRY(intent_send(ctx, batch->ids[i]));
	return ST_OK;
}

static enum status
sort_out(struct ctx *ctx, const struct deposit *deposit, struct batch *batch)
{
	struct ident *id = &batch->ids[batch->n_ids];
	enum status status = promised_before(ctx, deposit, id);

	if (status == ST_CONFLICT) {
		ctx->fault = (struct fault){0};
		return ST_OK;
	}
	if (status == ST_NOT_FOUND) {
		struct promise *promise =
			&batch->promises[batch->n_promises++];

		*promise = new_promise(ctx, deposit);
		*id = promise->command.intent;
		status = ST_OK;
	}
	batch->n_ids++;
	return status;
}

enum status
deposits_make(struct ctx *ctx, const struct deposit *deposits, size_t n)
{
	struct batch batch = {
		.promises = arena_array(ctx->arena, n + 1,
			sizeof(*batch.promises)),
		.ids = arena_array(ctx->arena, n + 1, sizeof(*batch.ids)),
	};
	size_t i;

	for (i = 0; i < n; i++)
		TRY(sort_out(ctx, &deposits[i], &batch));
	if (batch.n_promises > 0)
		TRY(db_tx(ctx, promise_all_tx, &batch));
	return db_tx(ctx, send_all_tx, &batch);
}
