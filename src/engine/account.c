/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * account.c - users, their sessions' epochs and limits, and where their
 * balances are.
 */
#include <string.h>

#include "engine/orders.h"

/* A revoked session whose tokens would outlive this is refused. */
#define REVOKED_MAX_US (INT64_C(366) * 24 * 3600 * 1000000)

struct balance *
balance_open(struct engine *engine, struct user *user, uint16_t asset)
{
	uint32_t *block;

	if (asset < BLOCK_ASSETS)
		return &user->home[asset];
	block = &user->blocks[asset / BLOCK_ASSETS - 1];
	if (*block == NONE)
		/* Blocks are never given back, so there is no chain. */
		*block = pool_take(&engine->state->blocks, NONE);
	return *block == NONE ? NULL : balance_of(engine, user, asset);
}

int64_t
limit_of(const struct engine *engine, const struct user *user,
	enum limit_type type, uint16_t instrument)
{
	int64_t any = 0;
	uint32_t i;

	for (i = user->limits; i != NONE; i = engine->limits[i].next) {
		const struct limit_row *row = &engine->limits[i];

		if (row->type != type)
			continue;
		if (row->instrument == instrument)
			return row->value;
		if (row->instrument == INSTRUMENT_ANY)
			any = row->value;
	}
	return any;
}

void
emit_user(struct engine *engine, uint32_t number, bool created)
{
	const struct user *user = &engine->users[number];
	struct ev_user *ev = emit(engine, EV_USER, sizeof(*ev), number);

	ev->public_id = user->public_id;
	ev->epoch = user->epoch;
	ev->role = user->role;
	ev->locked = user->locked;
	ev->reduce_only = user->reduce_only;
	ev->created = created;
}

enum refusal
apply_user_create(struct engine *engine, const struct cmd_user_create *cmd)
{
	struct state *state = engine->state;
	uint32_t number = cmd->head.user;
	struct user *user;

	if (number == USER_HOUSE || number > USER_MAX ||
		number >= engine->options.users)
		return REFUSED_FULL;
	if (user_find(engine, number))
		return REFUSED_USER_EXISTS;
	if (cmd->role > ROLE_ADMIN)
		return REFUSED_BAD_COMMAND;
	user = &engine->users[number];
	user->epoch = 1;
	user->role = cmd->role;
	user->public_id = cmd->public_id;
	if (number >= state->users_used)
		state->users_used = number + 1;
	state->users_count++;
	emit_user(engine, number, true);
	return REFUSED_NONE;
}

enum refusal
apply_user_set(struct engine *engine, const struct cmd_user_set *cmd)
{
	const unsigned known = USER_CHANGE_LOCK | USER_CHANGE_ROLE |
		USER_CHANGE_EPOCH | USER_CHANGE_REDUCE;
	struct user *user = user_find(engine, cmd->head.user);
	bool lock = (cmd->change & USER_CHANGE_LOCK) && cmd->locked;

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->change == 0 || (cmd->change & ~known) != 0)
		return REFUSED_BAD_COMMAND;
	if ((cmd->change & USER_CHANGE_ROLE) && cmd->role > ROLE_ADMIN)
		return REFUSED_BAD_COMMAND;
	if (cmd->change & USER_CHANGE_LOCK)
		user->locked = cmd->locked != 0;
	if (cmd->change & USER_CHANGE_ROLE)
		user->role = cmd->role;
	if (cmd->change & USER_CHANGE_REDUCE)
		user->reduce_only = cmd->reduce_only ? REDUCE_OPERATOR
						     : REDUCE_NO;
	if (lock || (cmd->change & (USER_CHANGE_ROLE | USER_CHANGE_EPOCH)))
		user->epoch++;
	emit_user(engine, cmd->head.user, false);
	if ((cmd->change & USER_CHANGE_REDUCE) && !cmd->reduce_only)
		watch_restart(engine, cmd->head.user);
	if (lock)
		cancel_all(engine, user, INSTRUMENT_ANY, SIDE_BOTH, CLOSE_LOCK);
	return REFUSED_NONE;
}

enum refusal
apply_session_revoke(struct engine *engine,
	const struct cmd_session_revoke *cmd)
{
	struct remembered entry = {
		.until_us = cmd->expires_us,
		.seq = engine->seq,
		.user = cmd->head.user,
	};
	struct ev_session_revoked *ev;

	if (!user_find(engine, cmd->head.user))
		return REFUSED_UNKNOWN_USER;
	if (ident_is_none(cmd->session) ||
		cmd->expires_us > engine->now_us + REVOKED_MAX_US)
		return REFUSED_BAD_COMMAND;
	memcpy(entry.key, cmd->session.bytes, sizeof(entry.key));
	recall_expire(&engine->sessions, engine->now_us);
	if (!recall_extend(&engine->sessions, entry.key, cmd->expires_us)) {
		/* None is pushed out: it would come back to life.  And where
		 * nothing has expired, nothing has been changed here. */
		if (recall_full(&engine->sessions))
			return REFUSED_FULL;
		recall_add(&engine->sessions, &entry);
	}
	ev = emit(engine, EV_SESSION_REVOKED, sizeof(*ev), cmd->head.user);
	ev->session = cmd->session;
	ev->expires_us = cmd->expires_us;
	return REFUSED_NONE;
}

static enum refusal
store_limit(struct engine *engine, struct user *user,
	const struct cmd_limit_set *cmd)
{
	struct pool *pool = &engine->state->limits;
	uint32_t *link = &user->limits, i;

	for (; *link != NONE; link = &engine->limits[*link].next) {
		struct limit_row *row = &engine->limits[*link];

		if (row->type != cmd->type || row->instrument != cmd->instrument)
			continue;
		row->value = cmd->value;
		if (cmd->value == 0) {
			i = *link;
			*link = row->next;
			row->next = pool_give(pool, i);
		}
		return REFUSED_NONE;
	}
	if (cmd->value == 0)
		return REFUSED_NONE;
	i = pool_take(pool, engine->limits[pool->free].next);
	if (i == NONE)
		return REFUSED_FULL;
	engine->limits[i] = (struct limit_row){
		.value = cmd->value,
		.next = NONE,
		.instrument = cmd->instrument,
		.type = cmd->type,
	};
	*link = i;
	return REFUSED_NONE;
}

enum refusal
apply_limit_set(struct engine *engine, const struct cmd_limit_set *cmd)
{
	struct user *user = user_find(engine, cmd->head.user);
	enum refusal refusal;
	struct ev_limit *ev;

	if (!user)
		return REFUSED_UNKNOWN_USER;
	if (cmd->instrument != INSTRUMENT_ANY &&
		!instrument_find(engine, cmd->instrument))
		return REFUSED_UNKNOWN_INSTRUMENT;
	if (cmd->type >= LIMIT_TYPES ||
		(cmd->instrument != INSTRUMENT_ANY &&
			cmd->type != LIMIT_ORDER_SIZE &&
			cmd->type != LIMIT_POSITION_SIZE))
		return REFUSED_BAD_COMMAND;
	if (cmd->value < 0 ||
		(cmd->type == LIMIT_DRAWDOWN && cmd->value > DECIMAL_ONE))
		return REFUSED_BAD_AMOUNT;
	if (!watch_room(engine, user))
		return REFUSED_FULL;
	refusal = store_limit(engine, user, cmd);
	if (refusal != REFUSED_NONE)
		return refusal;
	ev = emit(engine, EV_LIMIT, sizeof(*ev), cmd->head.user);
	ev->instrument = cmd->instrument;
	ev->type = cmd->type;
	memset(ev->spare, 0, sizeof(ev->spare));
	ev->value = cmd->value;
	if (cmd->type == LIMIT_DAILY_LOSS || cmd->type == LIMIT_DRAWDOWN)
		watch_follow(engine, cmd->head.user);
	return REFUSED_NONE;
}
