/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * query.c - looking at the engine, and its snapshots.
 */
#include <string.h>

#include "engine/orders.h"

uint64_t
engine_seq(const struct engine *engine)
{
	return engine->state->seq;
}

int64_t
engine_time_us(const struct engine *engine)
{
	return engine->state->time_us;
}

struct user_facts
engine_user(const struct engine *engine, uint32_t number)
{
	const struct user *user = user_find(engine, number);

	if (!user)
		return (struct user_facts){.exists = false};
	return (struct user_facts){
		.last_seq = user->last_seq,
		.epoch = user->epoch,
		.role = user->role,
		.locked = user->locked,
		.reduce_only = user->reduce_only,
		.exists = true,
	};
}

bool
engine_session_revoked(const struct engine *engine, struct ident session)
{
	uint64_t key[2];

	memcpy(key, session.bytes, sizeof(key));
	/* Also past its time: a dead token need not be told from a live one. */
	return index_find(&engine->sessions.index, key) != INDEX_NONE;
}

struct balance
engine_balance(const struct engine *engine, uint32_t number, uint16_t asset)
{
	const struct user *user = user_find(engine, number);

	if (!user || asset >= ASSETS_MAX)
		return (struct balance){0, 0};
	return *balance_seen(engine, user, asset);
}

int64_t
engine_house(const struct engine *engine, enum account_kind account,
	uint16_t asset)
{
	const struct asset *of;

	if (asset >= engine->state->assets_count)
		return 0;
	of = &engine->state->assets[asset];
	switch (account) {
	case ACCOUNT_FEES:
		return of->fees;
	case ACCOUNT_WORLD:
		return of->world;
	case ACCOUNT_CORRECTIONS:
		return of->corrections;
	case ACCOUNT_CUSTOMER:
	default:
		return 0;
	}
}

int64_t
engine_deadline_us(const struct engine *engine)
{
	const struct state *state = engine->state;
	size_t i;

	for (i = 0; i < N_ELEMENTS(state->due); i++)
		if ((state->due[i] | state->leftover[i]) != 0)
			return state->time_us;
	return timer_due_us(engine);
}

size_t
engine_depth(const struct engine *engine, uint16_t instrument, enum side side,
	struct depth_level *out, size_t max)
{
	const struct instrument *at = instrument_find(engine, instrument);
	const struct ladder *ladder;
	int64_t ticks;
	uint32_t leaf;
	size_t n = 0;
	bool more;

	if (!at)
		return 0;
	ladder = &at->books[side];
	ticks = ladder->best;
	leaf = ladder->best_leaf;
	for (more = ladder->levels > 0; more && n < max;
		more = ladder_next(engine, ladder, ticks, &leaf, &ticks))
		out[n++] = (struct depth_level){
			.price = ticks * at->terms.tick,
			.quantity = level_quantity(
				level_of(engine, leaf, ticks)->lots,
				at->terms.lot),
		};
	return n;
}

const struct instrument_terms *
engine_terms(const struct engine *engine, uint16_t instrument)
{
	const struct instrument *at = instrument_find(engine, instrument);

	return at ? &at->terms : NULL;
}

unsigned
engine_instruments(const struct engine *engine)
{
	return engine->state->instruments_count;
}

int64_t
engine_last_price(const struct engine *engine, uint16_t instrument)
{
	const struct instrument *at = instrument_find(engine, instrument);

	return at ? at->last_price : 0;
}

int64_t
engine_reference(const struct engine *engine, uint16_t instrument)
{
	const struct instrument *at = instrument_find(engine, instrument);

	return at ? at->reference : 0;
}

uint64_t
engine_open_orders(const struct engine *engine)
{
	return engine->state->orders.live;
}

uint64_t
engine_users(const struct engine *engine)
{
	return engine->state->users_count;
}

uint64_t
engine_trades(const struct engine *engine)
{
	return engine->state->trades;
}

size_t
engine_extents(const struct engine *engine,
	struct extent out[ENGINE_EXTENTS_MAX])
{
	const struct state *state = engine->state;
	size_t n = 0;

#define WHOLE(array, count)                                                    \
	out[n++] = (struct extent){(array), (size_t)(count) * sizeof(*(array))}
	WHOLE(engine->state, 1);
	WHOLE(engine->users, state->users_used);
	WHOLE(engine->blocks, state->blocks.used);
	WHOLE(engine->orders, state->orders.used);
	WHOLE(engine->links, state->orders.used);
	WHOLE(engine->stops, state->orders.used);
	WHOLE(engine->leaves, state->leaves.used);
	WHOLE(engine->levels, (size_t)state->leaves.used * LEVELS);
	WHOLE(engine->nodes, state->nodes.used);
	WHOLE(engine->limits, state->limits.used);
	WHOLE(engine->withdrawals, state->withdrawals.used);
	WHOLE(engine->holdings, state->users_used);
	WHOLE(engine->positions, state->positions.used);
	WHOLE(engine->watches, state->watches.used);
	WHOLE(engine->timers, state->timers_count + 1);
	WHOLE(engine->intents.entries, state->intents.used);
	WHOLE(engine->client_ids.entries, state->client_ids.used);
	WHOLE(engine->sessions.entries, state->sessions.used);
#undef WHOLE
	return n;
}

static bool
pool_fits(const struct pool *loaded, struct pool *pool, uint32_t capacity)
{
	pool->capacity = capacity;
	return loaded->used >= 1 && loaded->used <= capacity &&
		loaded->free < loaded->used;
}

static bool
memory_fits(const struct recall_state *loaded, uint32_t max)
{
	return loaded->max == max && loaded->used >= 1 &&
		loaded->used <= max + 1 && loaded->count <= max;
}

/* May a header that was read be believed with these options? */
static bool
header_fits(struct engine *engine, const struct state *own)
{
	struct state *state = engine->state;

	return state->magic == own->magic && state->version == own->version &&
		state->assets_count <= ASSETS_MAX &&
		state->instruments_count <= INSTRUMENTS_MAX &&
		state->users_used <= engine->options.users &&
		memory_fits(&state->intents, own->intents.max) &&
		memory_fits(&state->client_ids, own->client_ids.max) &&
		memory_fits(&state->sessions, own->sessions.max) &&
		pool_fits(&state->orders, &state->orders, own->orders.capacity) &&
		pool_fits(&state->blocks, &state->blocks, own->blocks.capacity) &&
		pool_fits(&state->leaves, &state->leaves, own->leaves.capacity) &&
		pool_fits(&state->nodes, &state->nodes, own->nodes.capacity) &&
		pool_fits(&state->limits, &state->limits, own->limits.capacity) &&
		pool_fits(&state->withdrawals, &state->withdrawals,
			own->withdrawals.capacity) &&
		pool_fits(&state->positions, &state->positions,
			own->positions.capacity) &&
		pool_fits(&state->watches, &state->watches,
			own->watches.capacity) &&
		state->timers_count < engine->options.users;
}

bool
engine_load(struct engine *engine,
	bool (*read)(void *source, struct extent extent), void *source)
{
	struct extent extents[ENGINE_EXTENTS_MAX];
	struct state *own;
	size_t n, i;
	bool fits;

	own = pool_reserve(1, sizeof(*own));
	if (!own)
		return false;
	*own = *engine->state;
	fits = read(source, (struct extent){engine->state,
			sizeof(*engine->state)}) &&
		header_fits(engine, own);
	pool_release(own, 1, sizeof(*own));
	if (!fits)
		return false;
	n = engine_extents(engine, extents);
	for (i = 1; i < n; i++)
		if (!read(source, extents[i]))
			return false;
	recall_reindex(&engine->intents);
	recall_reindex(&engine->client_ids);
	recall_reindex(&engine->sessions);
	for (i = 1; i < engine->state->withdrawals.used; i++)
		if (engine->withdrawals[i].live)
			index_add(&engine->withdrawal_index, (uint32_t)i);
	return true;
}
