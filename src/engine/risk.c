/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * risk.c - what a buy may add to, and equity against daily loss and drawdown.
 *
 * None of this is on the way of a user without such limits.  Sells are never
 * refused here: they lessen what is at risk.
 */
#include <string.h>

#include "engine/orders.h"

/* What one ASSET is worth in money of account; 0: unknown. */
static int64_t
rate_of(const struct engine *engine, uint16_t asset)
{
	const struct state *state = engine->state;
	uint32_t i;

	if (asset == state->account_asset)
		return DECIMAL_ONE;
	for (i = 0; i < state->instruments_count; i++) {
		const struct instrument *at = &state->instruments[i];
		int64_t price = at->last_price != 0 ? at->last_price
						    : at->reference;

		if (at->terms.base == asset &&
			at->terms.quote == state->account_asset &&
			at->terms.status != MARKET_DELISTED && price != 0)
			return price;
	}
	return state->assets[asset].rate;
}

int64_t
equity_of(const struct engine *engine, const struct user *user)
{
	const struct state *state = engine->state;
	__int128 sum = 0;
	uint16_t asset;

	if (state->account_asset == ASSETS_MAX)
		return 0;
	for (asset = 0; asset < state->assets_count; asset++) {
		const struct balance *b = balance_seen(engine, user, asset);
		__int128 all = (__int128)b->available + b->held;

		if (all != 0)
			sum += all * rate_of(engine, asset) / DECIMAL_ONE;
	}
	return sum > INT64_MAX ? INT64_MAX : (int64_t)sum;
}

static bool
loses_too_much(const struct engine *engine, const struct user *user,
	const struct watch *watch, int64_t equity)
{
	int64_t most =
		limit_of(engine, user, LIMIT_DAILY_LOSS, INSTRUMENT_ANY);

	return most != 0 && (__int128)watch->day_equity - equity >= most;
}

static bool
draws_down_too_much(const struct engine *engine, const struct user *user,
	const struct watch *watch, int64_t equity)
{
	int64_t most = limit_of(engine, user, LIMIT_DRAWDOWN, INSTRUMENT_ANY);

	return most != 0 && watch->peak > 0 && watch->peak > equity &&
		(__int128)(watch->peak - equity) * DECIMAL_ONE >=
		(__int128)most * watch->peak;
}

static enum refusal
breach_of(const struct engine *engine, const struct user *user,
	const struct watch *watch, int64_t equity)
{
	/* Without money of account there is nothing to lose. */
	if (engine->state->account_asset == ASSETS_MAX)
		return REFUSED_NONE;
	if (loses_too_much(engine, user, watch, equity))
		return REFUSED_DAILY_LOSS;
	if (draws_down_too_much(engine, user, watch, equity))
		return REFUSED_DRAWDOWN;
	return REFUSED_NONE;
}

/* Is he in breach now?  A new day that no mark has seen yet begins here. */
static enum refusal
check_breach(const struct engine *engine, const struct user *user)
{
	struct watch watch;
	int64_t equity;

	if (user->watch == NONE)
		return REFUSED_NONE;
	watch = engine->watches[user->watch];
	equity = equity_of(engine, user);
	if (today(engine) > watch.day) {
		watch.day_equity = equity;
		if (user->reduce_only == REDUCE_RISK)
			watch.peak = equity;
	}
	return breach_of(engine, user, &watch, equity);
}

/* His position, his open buys and the new one, in quote units. */
static __int128
exposed(const struct engine *engine, const struct exposure *buy)
{
	const struct instrument *at =
		&engine->state->instruments[buy->instrument];
	const struct position *position =
		position_of(engine, buy->user, buy->instrument);
	int64_t price = at->last_price != 0 ? at->last_price : at->reference;
	__int128 sum = (__int128)position->quantity * price / DECIMAL_ONE +
		buy->value;
	uint32_t slot;

	for (slot = engine->users[buy->user].newest_order; slot != NONE;
		slot = engine->links[slot].user_next) {
		const struct order *order = &engine->orders[slot];
		int64_t ticks = order->ticks;

		if (order->side != SIDE_BUY || slot == buy->except ||
			order->instrument != buy->instrument)
			continue;
		if (order->live == LIVE_WAITING) {
			if (order->paired)
				continue; /* the other one counts */
			if (engine->stops[slot].limit != 0)
				ticks = engine->stops[slot].limit;
		}
		sum += (__int128)order->left * ticks * at->unit;
	}
	return sum;
}

enum refusal
risk_check_slow(const struct engine *engine, const struct exposure *buy)
{
	const struct user *user = &engine->users[buy->user];
	uint16_t quote = engine->state->instruments[buy->instrument].terms.quote;
	int64_t in_quote = limit_of(engine, user, LIMIT_POSITION_SIZE,
		buy->instrument);
	int64_t in_account = limit_of(engine, user, LIMIT_POSITION_VALUE,
		INSTRUMENT_ANY);
	enum refusal refusal = check_breach(engine, user);
	__int128 all;

	if (refusal != REFUSED_NONE || (in_quote == 0 && in_account == 0))
		return refusal;
	all = exposed(engine, buy);
	if (in_quote != 0 && all > in_quote)
		return REFUSED_POSITION_SIZE;
	if (in_account != 0 &&
		(__builtin_mul_overflow(all, rate_of(engine, quote), &all) ||
			all / DECIMAL_ONE > in_account))
		return REFUSED_POSITION_SIZE;
	return REFUSED_NONE;
}

/* ---- The watch ----------------------------------------------------------- */

static void
emit_risk(struct engine *engine, uint32_t number, int64_t equity)
{
	const struct user *user = &engine->users[number];
	const struct watch *watch = &engine->watches[user->watch];
	bool watched = user->watch != NONE;
	struct ev_risk *ev = emit(engine, EV_RISK, sizeof(*ev), number);

	ev->equity = watched ? equity : 0;
	ev->peak = watched ? watch->peak : 0;
	ev->day_equity = watched ? watch->day_equity : 0;
	ev->day = watched ? watch->day : 0;
	ev->watched = watched;
	memset(ev->spare, 0, sizeof(ev->spare));
}

static bool
wants_watch(const struct engine *engine, const struct user *user)
{
	return limit_of(engine, user, LIMIT_DAILY_LOSS, INSTRUMENT_ANY) != 0 ||
		limit_of(engine, user, LIMIT_DRAWDOWN, INSTRUMENT_ANY) != 0;
}

bool
watch_room(const struct engine *engine, const struct user *user)
{
	const struct pool *pool = &engine->state->watches;

	return user->watch != NONE || pool->free != NONE ||
		pool->used < pool->capacity;
}

static void
watch_end(struct engine *engine, struct user *user)
{
	uint32_t i = user->watch;

	user->watch = NONE;
	engine->watches[i] = (struct watch){
		.next_free = pool_give(&engine->state->watches, i)};
}

void
watch_follow(struct engine *engine, uint32_t number)
{
	struct user *user = &engine->users[number];
	struct pool *pool = &engine->state->watches;
	bool wanted = wants_watch(engine, user);
	int64_t equity;

	if (wanted == (user->watch != NONE) ||
		(!wanted && user->reduce_only == REDUCE_RISK))
		return;
	equity = equity_of(engine, user);
	if (wanted) {
		user->watch = pool_take(pool,
			engine->watches[pool->free].next_free);
		engine->watches[user->watch] = (struct watch){
			.peak = equity,
			.day_equity = equity,
			.day = today(engine),
		};
	} else {
		watch_end(engine, user);
	}
	emit_risk(engine, number, equity);
}

void
watch_restart(struct engine *engine, uint32_t number)
{
	struct user *user = &engine->users[number];
	struct watch *watch = &engine->watches[user->watch];
	int64_t equity;

	if (user->watch == NONE)
		return;
	equity = equity_of(engine, user);
	if (wants_watch(engine, user)) {
		watch->peak = watch->day_equity = equity;
		watch->day = today(engine);
	} else {
		watch_end(engine, user);
	}
	emit_risk(engine, number, equity);
}

void
watch_begin(struct engine *engine, uint32_t number)
{
	engine->out.marked = number;
	engine->watch_before = engine->watches[engine->users[number].watch];
}

int64_t
flow_begin(const struct engine *engine, uint32_t number)
{
	const struct user *user = &engine->users[number];

	if (user->watch == NONE)
		return 0;
	return equity_of(engine, user);
}

void
flow_end(struct engine *engine, uint32_t number, int64_t before)
{
	const struct user *user = &engine->users[number];
	struct watch *watch = &engine->watches[user->watch];
	__int128 day_equity, peak;
	int64_t after;

	if (user->watch == NONE)
		return;
	after = equity_of(engine, user);
	day_equity = (__int128)watch->day_equity + after - before;
	peak = before > 0 ? (__int128)watch->peak * after / before : after;
	watch->day_equity = day_equity > INT64_MAX ? INT64_MAX
		: day_equity < INT64_MIN	   ? INT64_MIN
						   : (int64_t)day_equity;
	watch->peak = peak > INT64_MAX ? INT64_MAX : (int64_t)peak;
}

static void
look(struct engine *engine, struct user *user, int64_t equity)
{
	struct watch *watch = &engine->watches[user->watch];

	if (today(engine) > watch->day) {
		watch->day = today(engine);
		watch->day_equity = equity;
		if (user->reduce_only == REDUCE_RISK) {
			user->reduce_only = REDUCE_NO;
			watch->peak = equity;
		}
		if (!wants_watch(engine, user)) {
			watch_end(engine, user);
			return;
		}
	}
	if (equity > watch->peak)
		watch->peak = equity;
	if (user->reduce_only == REDUCE_NO &&
		breach_of(engine, user, watch, equity) != REFUSED_NONE)
		user->reduce_only = REDUCE_RISK;
}

bool
watch_mark(struct engine *engine)
{
	uint32_t number = engine->out.marked;
	struct user *user = &engine->users[number];
	const struct watch *watch = &engine->watches[user->watch];
	const struct watch *before = &engine->watch_before;
	uint8_t reduce_only = user->reduce_only;
	int64_t equity;

	if (user->watch == NONE)
		return false;
	equity = equity_of(engine, user);
	look(engine, user, equity);
	if (user->watch != NONE && watch->peak == before->peak &&
		watch->day_equity == before->day_equity &&
		watch->day == before->day && user->reduce_only == reduce_only)
		return false;
	emit_risk(engine, number, equity);
	if (user->reduce_only != reduce_only)
		emit_user(engine, number, false);
	return true;
}

enum refusal
apply_risk_check(struct engine *engine, const struct cmd_risk_check *cmd)
{
	bool changed;

	if (!engine->actor)
		return REFUSED_UNKNOWN_USER;
	watch_begin(engine, cmd->head.user);
	changed = watch_mark(engine);
	engine->out.marked = USER_HOUSE; /* it has been */
	return changed ? REFUSED_NONE : REFUSED_NO_CHANGE;
}
