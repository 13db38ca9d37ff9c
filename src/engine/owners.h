/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * owners.h - users and what is theirs: balances, positions, limits, equity.
 * Private to src/engine.
 */
#pragma once

#include "engine/state.h"

/* ---- account.c ---- */

/* The user of that number, or NULL. */
static inline struct user *
user_find(const struct engine *engine, uint32_t user)
{
	if (user == USER_HOUSE || user >= engine->state->users_used ||
		engine->users[user].epoch == 0)
		return NULL;
	return &engine->users[user];
}

/* His balance of ASSET; makes room for it.  NULL when the pool is full. */
struct balance *balance_open(struct engine *engine, struct user *user,
	uint16_t asset);

/* The same, where it is known to exist, or reading zeros is right. */
static inline struct balance *
balance_of(const struct engine *engine, struct user *user, uint16_t asset)
{
	if (__builtin_expect(asset < BLOCK_ASSETS, 1))
		return &user->home[asset];
	return &engine->blocks[user->blocks[asset / BLOCK_ASSETS - 1]]
			.of[asset % BLOCK_ASSETS];
}

/* Only to look at it. */
static inline const struct balance *
balance_seen(const struct engine *engine, const struct user *user,
	uint16_t asset)
{
	if (asset < BLOCK_ASSETS)
		return &user->home[asset];
	return &engine->blocks[user->blocks[asset / BLOCK_ASSETS - 1]]
			.of[asset % BLOCK_ASSETS];
}

/* 0 when he has no such limit. */
int64_t limit_of(const struct engine *engine, const struct user *user,
	enum limit_type type, uint16_t instrument);

void emit_user(struct engine *engine, uint32_t user, bool created);

enum refusal apply_user_create(struct engine *engine,
	const struct cmd_user_create *cmd);
enum refusal apply_user_set(struct engine *engine,
	const struct cmd_user_set *cmd);
enum refusal apply_session_revoke(struct engine *engine,
	const struct cmd_session_revoke *cmd);
enum refusal apply_limit_set(struct engine *engine,
	const struct cmd_limit_set *cmd);

/* ---- money.c ---- */

enum refusal apply_deposit(struct engine *engine, const struct cmd_deposit *cmd);
enum refusal apply_withdraw_hold(struct engine *engine,
	const struct cmd_withdraw_hold *cmd);
enum refusal apply_withdraw_end(struct engine *engine,
	const struct cmd_withdraw_end *cmd);
enum refusal apply_correction(struct engine *engine,
	const struct cmd_correction *cmd);

/* ---- position.c ---- */

/* Room for USER's position in INSTRUMENT; false when the pool is full. */
bool position_make(struct engine *engine, uint32_t user, uint16_t instrument);

/* Most orders are of who has it; his user says so without another look. */
static inline bool
position_open(struct engine *engine, uint32_t user, uint16_t instrument)
{
	unsigned block = instrument / BLOCK_POSITIONS;

	return (block < 8 && (engine->users[user].trades_in >> block & 1)) ||
		position_make(engine, user, instrument);
}

/* Where it is known to have room, or reading zeros is right. */
static inline struct position *
position_of(const struct engine *engine, uint32_t user, uint16_t instrument)
{
	uint32_t block = __builtin_expect(instrument < BLOCK_POSITIONS, 1)
		? engine->users[user].positions
		: engine->holdings[user].blocks[instrument / BLOCK_POSITIONS];

	return &engine->positions[block].of[instrument % BLOCK_POSITIONS].is;
}

/* One side of TRADE, which has its quantity, price and quote; what P is after
 * it goes to AFTER as well. */
void position_book(struct position *p, enum side side,
	const struct ev_trade *trade, struct position *after);

/* ---- timer.c ---- */

enum refusal apply_cancel_after(struct engine *engine,
	const struct cmd_cancel_after *cmd);
/* The earliest switch's time; INT64_MAX without one. */
int64_t timer_due_us(const struct engine *engine);
/* The earliest switch is due: cancel its user's orders. */
void timer_fire(struct engine *engine);
/* Whether the heap is one and users know their places in it. */
bool timers_sound(const struct engine *engine);

/* ---- risk.c ---- */

#define US_PER_DAY (INT64_C(24) * 3600 * 1000000)

static inline int32_t
today(const struct engine *engine)
{
	return (int32_t)(engine->now_us / US_PER_DAY);
}

/* Whether he may not buy. */
static inline bool
reduces_only(const struct engine *engine, const struct user *user)
{
	return user->reduce_only == REDUCE_OPERATOR ||
		(user->reduce_only == REDUCE_RISK &&
			today(engine) <= engine->watches[user->watch].day);
}

/* A buy on its way: what it adds, and which order is not to be counted. */
struct exposure {
	uint32_t user;
	uint16_t instrument;
	uint32_t except; /* NONE: all of his count */
	__int128 value;  /* in quote units */
};

/* May he buy for so much?  Only asked of users with limits. */
enum refusal risk_check_slow(const struct engine *engine,
	const struct exposure *buy);

static inline enum refusal
risk_check(const struct engine *engine, const struct exposure *buy)
{
	return engine->users[buy->user].limits == NONE &&
			engine->users[buy->user].watch == NONE
		? REFUSED_NONE
		: risk_check_slow(engine, buy);
}

int64_t equity_of(const struct engine *engine, const struct user *user);

/* A limit of his was set or lifted: begin or end the watch. */
void watch_follow(struct engine *engine, uint32_t user);
/* An operator's word: all begins anew. */
void watch_restart(struct engine *engine, uint32_t user);
/* Room for one more. */
bool watch_room(const struct engine *engine, const struct user *user);

/* Around a change of his balances that is neither gain nor loss. */
int64_t flow_begin(const struct engine *engine, uint32_t user);
void flow_end(struct engine *engine, uint32_t user, int64_t equity_before);

/*
 * USER's equity will be looked at once the command is done; and now: false
 * when all is as it was at the beginning.
 */
void watch_begin(struct engine *engine, uint32_t user);
bool watch_mark(struct engine *engine);

enum refusal apply_risk_check(struct engine *engine,
	const struct cmd_risk_check *cmd);
