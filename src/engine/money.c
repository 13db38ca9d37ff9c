/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * money.c - money that comes, is set aside, goes, and is corrected.
 *
 * Every leg has its counter-leg on an account of the house in the same
 * command, so that each asset sums to zero over all accounts at all times.
 */
#include <string.h>

#include "engine/owners.h"

static void
emit_posting(struct engine *engine, enum account_kind account, uint32_t user,
	uint16_t asset, int64_t amount, struct balance after,
	struct ident reference)
{
	struct ev_posting *ev =
		emit(engine, EV_POSTING, sizeof(*ev), user);

	ev->asset = asset;
	ev->account = (uint8_t)account;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->amount = amount;
	ev->after = after;
	ev->reference = reference;
}

/*
 * Can AMOUNT more come out of an account of the house that stands at FROM?
 * What customers and the house own together must stay an int64, so that no
 * trade can overflow a balance; and so must the account itself, which many
 * corrections to and fro could otherwise drive out of range.
 */
static bool
can_come(const struct asset *asset, int64_t from, int64_t amount)
{
	__int128 total = -((__int128)asset->world + asset->corrections);

	return total + amount <= INT64_MAX &&
		(__int128)from - amount >= -INT64_MAX &&
		(__int128)from - amount <= INT64_MAX;
}

enum refusal
apply_deposit(struct engine *engine, const struct cmd_deposit *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);
	struct balance *balance;
	struct asset *asset;
	int64_t equity;

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->asset >= engine->state->assets_count)
		return REFUSED_UNKNOWN_ASSET;
	if (cmd->amount <= 0)
		return REFUSED_BAD_AMOUNT;
	asset = &engine->state->assets[cmd->asset];
	if (!can_come(asset, asset->world, cmd->amount))
		return REFUSED_TOTAL_OVERFLOW;
	balance = balance_open(engine, user, cmd->asset);
	if (!balance)
		return REFUSED_FULL;
	equity = flow_begin(engine, cmd->head.user);
	balance->available += cmd->amount;
	asset->world -= cmd->amount;
	flow_end(engine, cmd->head.user, equity);
	emit_posting(engine, ACCOUNT_CUSTOMER, cmd->head.user, cmd->asset,
		cmd->amount, *balance, cmd->intent);
	emit_posting(engine, ACCOUNT_WORLD, USER_HOUSE, cmd->asset,
		-cmd->amount, (struct balance){asset->world, 0}, cmd->intent);
	return REFUSED_NONE;
}

static void
emit_withdrawal(struct engine *engine, const struct withdrawal *withdrawal,
	enum withdrawal_state state)
{
	struct ev_withdrawal *ev = emit(engine, EV_WITHDRAWAL, sizeof(*ev),
		withdrawal->user);

	ev->withdrawal = withdrawal->id;
	ev->asset = withdrawal->asset;
	ev->state = (uint8_t)state;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->amount = withdrawal->amount;
}

enum refusal
apply_withdraw_hold(struct engine *engine, const struct cmd_withdraw_hold *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);
	struct pool *pool = &engine->state->withdrawals;
	struct balance *balance;
	uint32_t i;

	if (ident_is_none(cmd->withdrawal))
		return REFUSED_BAD_COMMAND;
	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (user->locked)
		return REFUSED_USER_LOCKED;
	if (cmd->asset >= engine->state->assets_count)
		return REFUSED_UNKNOWN_ASSET;
	if (cmd->amount <= 0)
		return REFUSED_BAD_AMOUNT;
	balance = balance_open(engine, user, cmd->asset);
	if (!balance)
		return REFUSED_FULL;
	if (balance->available < cmd->amount)
		return REFUSED_NO_FUNDS;
	i = pool_take(pool, engine->withdrawals[pool->free].next_free);
	if (i == NONE)
		return REFUSED_FULL;
	engine->withdrawals[i] = (struct withdrawal){
		.id = cmd->withdrawal,
		.amount = cmd->amount,
		.user = cmd->head.user,
		.asset = cmd->asset,
		.live = 1,
	};
	index_add(&engine->withdrawal_index, i);
	balance->available -= cmd->amount;
	balance->held += cmd->amount;
	emit_withdrawal(engine, &engine->withdrawals[i], WITHDRAWAL_HELD);
	emit_posting(engine, ACCOUNT_CUSTOMER, cmd->head.user, cmd->asset, 0,
		*balance, cmd->withdrawal);
	return REFUSED_NONE;
}

/* Was it held once?  A hold is remembered as an intent under its own id. */
static enum refusal
why_not_held(const struct engine *engine, const struct cmd_withdraw_end *cmd)
{
	const struct remembered *hold;
	uint64_t key[2];

	memcpy(key, cmd->withdrawal.bytes, sizeof(key));
	hold = recall_find(&engine->intents, key, engine->now_us);
	return hold && hold->user == cmd->head.user &&
			hold->type == CMD_WITHDRAW_HOLD
		? REFUSED_WITHDRAWAL_DECIDED
		: REFUSED_UNKNOWN_WITHDRAWAL;
}

enum refusal
apply_withdraw_end(struct engine *engine, const struct cmd_withdraw_end *cmd)
{
	struct withdrawal *withdrawal;
	struct balance *balance;
	struct asset *asset;
	uint32_t i;
	int64_t equity;

	if (!user_find(engine, cmd->head.user))
		return REFUSED_UNKNOWN_USER;
	i = index_find(&engine->withdrawal_index, cmd->withdrawal.bytes);
	if (i == INDEX_NONE)
		return why_not_held(engine, cmd);
	withdrawal = &engine->withdrawals[i];
	if (withdrawal->user != cmd->head.user)
		return REFUSED_UNKNOWN_WITHDRAWAL;
	asset = &engine->state->assets[withdrawal->asset];
	balance = balance_of(engine, &engine->users[withdrawal->user],
		withdrawal->asset);
	equity = flow_begin(engine, cmd->head.user);
	balance->held -= withdrawal->amount;
	if (cmd->head.type == CMD_WITHDRAW_PAY) {
		asset->world += withdrawal->amount;
		flow_end(engine, cmd->head.user, equity);
		emit_withdrawal(engine, withdrawal, WITHDRAWAL_PAID);
		emit_posting(engine, ACCOUNT_CUSTOMER, withdrawal->user,
			withdrawal->asset, -withdrawal->amount, *balance,
			withdrawal->id);
		emit_posting(engine, ACCOUNT_WORLD, USER_HOUSE,
			withdrawal->asset, withdrawal->amount,
			(struct balance){asset->world, 0}, withdrawal->id);
	} else {
		balance->available += withdrawal->amount;
		emit_withdrawal(engine, withdrawal, WITHDRAWAL_RELEASED);
		emit_posting(engine, ACCOUNT_CUSTOMER, withdrawal->user,
			withdrawal->asset, 0, *balance, withdrawal->id);
	}
	index_remove(&engine->withdrawal_index, i);
	*withdrawal = (struct withdrawal){
		.next_free = pool_give(&engine->state->withdrawals, i)};
	return REFUSED_NONE;
}

enum refusal
apply_correction(struct engine *engine, const struct cmd_correction *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);
	struct balance *balance;
	struct asset *asset;
	int64_t equity;

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->asset >= engine->state->assets_count)
		return REFUSED_UNKNOWN_ASSET;
	if (cmd->amount == 0 || cmd->amount == INT64_MIN)
		return REFUSED_BAD_AMOUNT;
	asset = &engine->state->assets[cmd->asset];
	balance = balance_open(engine, user, cmd->asset);
	if (!balance)
		return REFUSED_FULL;
	if (cmd->amount < 0 && balance->available < -cmd->amount)
		return REFUSED_NO_FUNDS;
	if (!can_come(asset, asset->corrections, cmd->amount))
		return REFUSED_TOTAL_OVERFLOW;
	equity = flow_begin(engine, cmd->head.user);
	balance->available += cmd->amount;
	asset->corrections -= cmd->amount;
	flow_end(engine, cmd->head.user, equity);
	emit_posting(engine, ACCOUNT_CUSTOMER, cmd->head.user, cmd->asset,
		cmd->amount, *balance, cmd->intent);
	emit_posting(engine, ACCOUNT_CORRECTIONS, USER_HOUSE, cmd->asset,
		-cmd->amount, (struct balance){asset->corrections, 0},
		cmd->intent);
	return REFUSED_NONE;
}
