/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * engine.c - one command at a time, and the engine as a whole.
 *
 * The record is written where the caller wants it as the command runs; when
 * the command is refused, what was written so far is simply not counted.
 */
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/orders.h"
#include "engine/quick.h"
#include "wire/ids.h"

#define MAGIC UINT64_C(0x3445544154535451) /* "QTSTATE4" */
#define INTENT_AHEAD_MS (UINT64_C(3600) * 1000)

const struct engine_options engine_defaults = {
	.users = 1u << 24,
	.orders = 1u << 22,
	.client_ids = 1u << 22,
	.client_ids_user = 1u << 17,
	.intents = 1u << 20,
	.sessions = 1u << 20,
	.withdrawals = 1u << 20,
	.limits = 1u << 22,
	.open_orders_user = 1000,
	.ignore_self_trades = false,
};

/* Index 0 is "none" everywhere, so each pool begins with one used. */
static void
pool_init(struct pool *pool, uint32_t capacity)
{
	pool->used = 1;
	pool->free = NONE;
	pool->capacity = capacity;
}

/*
 * A leaf an order at most, and a path of inner nodes a leaf: so a resting
 * order always finds its place.  It is address space, not memory.
 */
static uint32_t
leaves_of(const struct engine_options *options)
{
	return options->orders + 1;
}

static size_t
levels_of(const struct engine_options *options)
{
	return (size_t)leaves_of(options) * LEVELS;
}

static uint32_t
nodes_of(const struct engine_options *options)
{
	return leaves_of(options) * LADDER_HEIGHT_MAX;
}

/* Room for every user to trade every instrument. */
static uint32_t
positions_of(const struct engine_options *options)
{
	const uint32_t each = INSTRUMENTS_MAX / BLOCK_POSITIONS;

	return options->users < UINT32_MAX / each ? options->users * each
						  : UINT32_MAX;
}

/* Room for every user to own every asset. */
static uint32_t
blocks_of(const struct engine_options *options)
{
	return options->users * (ASSETS_MAX / BLOCK_ASSETS);
}

static bool
reserve(struct engine *engine)
{
	const struct engine_options *options = &engine->options;
	struct state *state;

	engine->state = state = pool_reserve(1, sizeof(*state));
	if (!state)
		return false;
	engine->users = pool_reserve(options->users, sizeof(struct user));
	engine->blocks = pool_reserve(blocks_of(options),
		sizeof(struct balance_block));
	engine->orders = pool_reserve(options->orders, sizeof(struct order));
	engine->links = pool_reserve(options->orders, sizeof(struct links));
	engine->stops = pool_reserve(options->orders, sizeof(struct stop));
	engine->leaves = pool_reserve(leaves_of(options), sizeof(struct leaf));
	engine->levels = pool_reserve(levels_of(options), sizeof(struct level));
	engine->nodes = pool_reserve(nodes_of(options), sizeof(struct node));
	engine->limits = pool_reserve(options->limits, sizeof(struct limit_row));
	engine->withdrawals = pool_reserve(options->withdrawals,
		sizeof(struct withdrawal));
	engine->holdings = pool_reserve(options->users, sizeof(struct holdings));
	engine->positions = pool_reserve(positions_of(options),
		sizeof(struct position_block));
	engine->watches = pool_reserve(options->limits, sizeof(struct watch));
	engine->timers = pool_reserve(options->users, sizeof(struct timer));
	return engine->users && engine->blocks && engine->orders &&
		engine->links && engine->stops && engine->leaves &&
		engine->levels && engine->nodes && engine->limits && engine->withdrawals &&
		engine->holdings && engine->positions && engine->watches &&
		engine->timers &&
		index_init(&engine->withdrawal_index, engine->withdrawals,
			sizeof(struct withdrawal), options->withdrawals) &&
		recall_init(&engine->intents, &state->intents,
			options->intents) &&
		recall_init(&engine->client_ids, &state->client_ids,
			options->client_ids) &&
		recall_init(&engine->sessions, &state->sessions,
			options->sessions);
}

/* What orders touch. */
static void
touch(const struct engine *engine)
{
	void *const pools[] = {engine->state, engine->users, engine->blocks,
		engine->orders, engine->links, engine->leaves, engine->levels,
		engine->nodes, engine->holdings, engine->positions};
	size_t i;

	for (i = 0; i < N_ELEMENTS(pools); i++)
		pool_touch(pools[i]);
}

static struct recall_chain *
client_chain(void *owner, uint32_t user)
{
	return &((struct engine *)owner)->users[user].client_ids;
}

struct engine *
engine_new(const struct engine_options *options)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	struct state *state;

	if (!engine)
		return NULL;
	engine->options = *options;
	/* A slot is told in 24 bits of an order's id. */
	if (options->orders > SLOT_MAX ||
		(options->open_orders_user > CANCELS_MAX &&
			!options->ignore_self_trades) ||
		!reserve(engine)) {
		engine_free(engine);
		return NULL;
	}
	if (options->touch)
		touch(engine);
	engine->client_ids.chain_of = client_chain;
	engine->client_ids.owner = engine;
	state = engine->state;
	state->magic = MAGIC;
	state->version = STATE_VERSION;
	pool_init(&state->orders, options->orders);
	pool_init(&state->blocks, blocks_of(options));
	pool_init(&state->leaves, leaves_of(options));
	pool_init(&state->nodes, nodes_of(options));
	pool_init(&state->limits, options->limits);
	pool_init(&state->withdrawals, options->withdrawals);
	pool_init(&state->positions, positions_of(options));
	pool_init(&state->watches, options->limits);
	state->account_asset = ASSETS_MAX;
	engine->leaves[NONE].key = UINT64_MAX;
	return engine;
}

static void
release(void *at, size_t count, size_t size)
{
	if (at)
		pool_release(at, count, size);
}

void
engine_free(struct engine *engine)
{
	const struct engine_options *options;

	if (!engine)
		return;
	options = &engine->options;
	if (engine->state) {
		recall_done(&engine->intents);
		recall_done(&engine->client_ids);
		recall_done(&engine->sessions);
	}
	index_done(&engine->withdrawal_index);
	release(engine->users, options->users, sizeof(struct user));
	release(engine->blocks, blocks_of(options),
		sizeof(struct balance_block));
	release(engine->orders, options->orders, sizeof(struct order));
	release(engine->links, options->orders, sizeof(struct links));
	release(engine->stops, options->orders, sizeof(struct stop));
	release(engine->leaves, leaves_of(options), sizeof(struct leaf));
	release(engine->levels, levels_of(options), sizeof(struct level));
	release(engine->nodes, nodes_of(options), sizeof(struct node));
	release(engine->limits, options->limits, sizeof(struct limit_row));
	release(engine->withdrawals, options->withdrawals,
		sizeof(struct withdrawal));
	release(engine->holdings, options->users, sizeof(struct holdings));
	release(engine->positions, positions_of(options),
		sizeof(struct position_block));
	release(engine->watches, options->limits, sizeof(struct watch));
	release(engine->timers, options->users, sizeof(struct timer));
	release(engine->state, 1, sizeof(struct state));
	free(engine);
}

/* The intent of a command; all that have one have it behind the head. */
static const struct ident *
intent_of(const struct message *command)
{
	if (command->type > CMD_CORRECTION ? command->type != CMD_ASSET_RATE
					   : command->type < CMD_ASSET_SET)
		return NULL;
	return (const struct ident *)(const void *)(command + 1);
}

static enum refusal
check_intent(const struct engine *engine, const struct message *command,
	const struct ident *intent, uint64_t *done_seq)
{
	const struct remembered *entry;
	uint64_t key[2], ms, high, low;
	int64_t intent_us;

	if (!ident_split(*intent, &ms, &high, &low) ||
		ms > (uint64_t)engine->now_us / 1000 + INTENT_AHEAD_MS)
		return REFUSED_BAD_COMMAND;
	memcpy(key, intent->bytes, sizeof(key));
	entry = recall_find(&engine->intents, key, engine->now_us);
	if (entry) {
		if (entry->terms != XXH3_64bits(command, command->size))
			return REFUSED_INTENT_OTHER;
		*done_seq = entry->seq;
		return REFUSED_NONE;
	}
	intent_us = (int64_t)ms * 1000;
	if (intent_us <= engine->now_us - MEMORY_US ||
		intent_us <= engine->state->intents.forgotten_us)
		return REFUSED_INTENT_OLD;
	return REFUSED_NONE;
}

/* The time in an intent's own id. */
static int64_t
intent_time_us(const uint64_t key[2])
{
	uint64_t ms = 0, high, low;
	struct ident id;

	memcpy(id.bytes, key, sizeof(id.bytes));
	(void)ident_split(id, &ms, &high, &low);
	return (int64_t)ms * 1000;
}

/*
 * For a day after it was done, or after the time in its own id when that is
 * later: from then on it is refused for its age.  When one is pushed out of a
 * full memory, all that are as old as it are refused instead.
 */
static void
remember_intent(struct engine *engine, const struct message *command,
	const struct ident *intent)
{
	struct remembered entry = {
		.seq = engine->seq,
		.terms = XXH3_64bits(command, command->size),
		.user = command->user,
		.type = command->type,
	};
	int64_t own_us, lost_us;

	memcpy(entry.key, intent->bytes, sizeof(entry.key));
	own_us = intent_time_us(entry.key);
	entry.until_us = MEMORY_US +
		(own_us > engine->now_us ? own_us : engine->now_us);
	recall_expire(&engine->intents, engine->now_us);
	if (recall_full(&engine->intents)) {
		lost_us = intent_time_us(recall_oldest(&engine->intents)->key);
		if (lost_us > engine->state->intents.forgotten_us)
			engine->state->intents.forgotten_us = lost_us;
		recall_forget_oldest(&engine->intents);
	}
	recall_add(&engine->intents, &entry);
}

/* One piece of work; what else is due gets a TICK of its own. */
static enum refusal
apply_tick(struct engine *engine)
{
	const uint64_t *leftover = engine->state->leftover;
	unsigned i;

	if (stop_fire(engine))
		return REFUSED_NONE;
	if (timer_due_us(engine) <= engine->now_us) {
		timer_fire(engine);
		return REFUSED_NONE;
	}
	for (i = 0; i < N_ELEMENTS(engine->state->leftover); i++)
		if (leftover[i] != 0) {
			cancel_book(engine,
				(uint16_t)(i * 64 +
					(unsigned)__builtin_ctzll(leftover[i])));
			break;
		}
	return REFUSED_NONE;
}

static enum refusal
dispatch(struct engine *engine, const struct message *command,
	uint64_t *done_seq)
{
	const void *cmd = command;

	switch (command->type) {
	case CMD_ORDER_PLACE:
		return apply_order_place(engine, cmd, done_seq);
	case CMD_ORDER_CANCEL:
		return apply_order_cancel(engine, cmd);
	case CMD_ORDER_CANCEL_ALL:
		return apply_order_cancel_all(engine, cmd);
	case CMD_ORDER_AMEND:
		return apply_order_amend(engine, cmd);
	case CMD_TICK:
		return apply_tick(engine);
	case CMD_ASSET_SET:
		return apply_asset_set(engine, cmd);
	case CMD_INSTRUMENT_SET:
		return apply_instrument_set(engine, cmd);
	case CMD_REFERENCE_PRICE:
		return apply_reference_price(engine, cmd);
	case CMD_USER_CREATE:
		return apply_user_create(engine, cmd);
	case CMD_USER_SET:
		return apply_user_set(engine, cmd);
	case CMD_SESSION_REVOKE:
		return apply_session_revoke(engine, cmd);
	case CMD_LIMIT_SET:
		return apply_limit_set(engine, cmd);
	case CMD_DEPOSIT:
		return apply_deposit(engine, cmd);
	case CMD_WITHDRAW_HOLD:
		return apply_withdraw_hold(engine, cmd);
	case CMD_WITHDRAW_PAY:
	case CMD_WITHDRAW_RELEASE:
		return apply_withdraw_end(engine, cmd);
	case CMD_CORRECTION:
		return apply_correction(engine, cmd);
	case CMD_ORDER_OCO:
		return apply_order_oco(engine, cmd, done_seq);
	case CMD_CANCEL_AFTER:
		return apply_cancel_after(engine, cmd);
	case CMD_RISK_CHECK:
		return apply_risk_check(engine, cmd);
	case CMD_ASSET_RATE:
		return apply_asset_rate(engine, cmd);
	default:
		return REFUSED_BAD_COMMAND;
	}
}

/* What can move its user's equity, or be refused for it. */
#define MARKING                                                                \
	(1u << CMD_ORDER_PLACE | 1u << CMD_ORDER_OCO | 1u << CMD_ORDER_AMEND | \
		1u << CMD_DEPOSIT | 1u << CMD_WITHDRAW_PAY |                   \
		1u << CMD_CORRECTION)

static void
begin(struct engine *engine, int64_t time_us, const struct message *command,
	struct record *out)
{
	engine->actor = user_find(engine, command->user);
	engine->now_us = time_us;
	engine->seq = engine->state->seq + 1;
	out->n_events = 0;
	out->seq = engine->seq;
	out->time_us = time_us;
	memcpy(out + 1, command, command->size);
	engine->out = (struct emitter){
		.record = out,
		.at = (char *)(out + 1) + command->size,
		.end = (char *)out + RECORD_MAX_BYTES,
	};
	if (engine->actor && __builtin_expect(engine->actor->watch != NONE, 0) &&
		(MARKING >> command->type & 1))
		watch_begin(engine, command->user);
}

/* It is applied: all that is left is what every command does. */
static void
finish(struct engine *engine, struct record *out)
{
	if (__builtin_expect(engine->out.marked != USER_HOUSE, 0))
		(void)watch_mark(engine);
	out->length = (uint32_t)(engine->out.at - (char *)out);
	engine->state->seq = engine->seq;
	engine->state->time_us = engine->now_us;
	if (engine->actor)
		engine->actor->last_seq = engine->seq;
}

/* The long way, for all that quick.c leaves.  Not RARE: what can lead here is
 * the order itself, which gcc would then compile for size. */
static __attribute__((noinline)) enum refusal
apply_long(struct engine *engine, int64_t time_us,
	const struct message *command, struct record *out, uint64_t *done_seq)
{
	const struct ident *intent = intent_of(command);
	enum refusal refusal;

	/* A withdrawal's own id cannot be left out; see money.c. */
	if (intent && ident_is_none(*intent))
		intent = NULL;
	engine->now_us = time_us;
	if (intent) {
		refusal = check_intent(engine, command, intent, done_seq);
		if (refusal != REFUSED_NONE || *done_seq != 0)
			return refusal;
	}
	begin(engine, time_us, command, out);
	refusal = dispatch(engine, command, done_seq);
	if (refusal != REFUSED_NONE || *done_seq != 0)
		return refusal;
	if (!engine->actor) /* it may have made him */
		engine->actor = user_find(engine, command->user);
	finish(engine, out);
	if (intent)
		remember_intent(engine, command, intent);
	return REFUSED_NONE;
}

HOT enum refusal
engine_apply(struct engine *engine, int64_t time_us,
	const struct message *command, struct record *out, uint64_t *done_seq)
{
	const void *cmd = command;

	*done_seq = 0;
	if (command->type == CMD_ORDER_PLACE) {
		if (quick_place(engine, time_us, cmd, out))
			return REFUSED_NONE;
	} else if (command->type == CMD_ORDER_CANCEL) {
		if (quick_cancel(engine, time_us, cmd, out))
			return REFUSED_NONE;
	}
	return apply_long(engine, time_us, command, out, done_seq);
}
