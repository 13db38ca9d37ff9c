/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * state.h - what the engine is made of.  Private to src/engine.
 *
 * Every object lives in a pool and is named by its index; index 0 of orders,
 * leaves, nodes, limits and withdrawals means "none".  A pool is reserved at
 * its full capacity when the engine is made and costs memory only as it is
 * touched.  Free objects are chained last in, first out, so that which index
 * is used next is part of the state, and the same in every replay.
 *
 * An order is two cache lines: what matching and a neighbour's cancel touch,
 * and the rest.
 */
#pragma once

#include "engine/engine.h"

#include "base/decimal.h"
#include "engine/recall.h"
#include "wire/ids.h"

#define NONE 0u
#define LEVELS 64 /* of a leaf; one bit each */
#define BLOCK_ASSETS 8

struct order {
	uint64_t seq; /* of the command that made it */
	uint32_t user;
	uint32_t next; /* behind it in its level; or the next free slot */
	uint32_t prev;
	uint16_t instrument;
	uint8_t side;
	uint8_t live;
	int64_t ticks; /* limit; of a market order the collar */
	int64_t left;  /* lots */
	int64_t hold;  /* units that are still set aside for it */
	uint32_t user_next; /* older order of the same user */
	uint32_t user_prev;
	uint32_t leaf; /* that its level is in, while it rests */
	uint32_t listed; /* 1: in its user's list of open orders */
};

struct order_more {
	uint64_t time_ms;
	int64_t lots; /* total; of a budget order what it has filled */
	int64_t taker_sum; /* quote units taken and made so far */
	int64_t maker_sum;
	int64_t fees;   /* paid so far */
	int64_t budget; /* quote units; 0: an order by quantity */
	uint32_t taker_rate;
	uint32_t maker_rate;
	uint8_t type;
	uint8_t tif;
	uint8_t stp;
	uint8_t flags;
	uint32_t spare;
};

struct level {
	uint32_t head; /* first to trade */
	uint32_t tail;
	int64_t lots;
};

/* 64 neighbouring prices.  FREE ones are chained through KEY. */
struct leaf {
	uint64_t used; /* bit i: level i has orders */
	uint64_t key;  /* ticks / 64 */
	struct level levels[LEVELS];
};

/* An inner node of the price tree.  Free ones are chained through child[0]. */
struct node {
	uint64_t used;
	uint32_t child[64];
};

/*
 * The prices of one side of a book: a radix tree of six bits a step over
 * ticks / 64, only as high as its largest price needs, with leaves of 64
 * levels.  The best level is remembered.
 */
struct ladder {
	uint32_t root; /* a node, or at height 0 a leaf */
	uint32_t height;
	uint32_t best_leaf;
	uint32_t side;
	uint64_t levels; /* that have orders */
	int64_t best;    /* ticks, while levels > 0 */
};

/* Exact division by a constant: see divider_make(). */
struct divider {
	uint64_t inverse;
	uint64_t limit;
	uint32_t shift;
	uint32_t spare;
};

struct instrument {
	struct instrument_terms terms;
	int64_t unit; /* quote units of one lot at one tick */
	int64_t last_price; /* units, of the last trade; 0 before the first */
	int64_t reference;  /* units; 0: none set */
	uint64_t resting;   /* orders in its books */
	struct divider tick;
	struct divider lot;
	struct ladder books[2]; /* by enum side */
};

struct balance_block {
	struct balance of[BLOCK_ASSETS];
};

struct user {
	uint64_t last_seq;
	uint32_t epoch; /* 0: there is no such user */
	uint8_t role;
	uint8_t locked;
	uint8_t reduce_only;
	uint8_t spare;
	uint32_t blocks[ASSETS_MAX / BLOCK_ASSETS]; /* of balances */
	uint32_t newest_order; /* of the resting ones */
	uint32_t open_orders;
	uint32_t limits; /* first row */
	uint32_t spare2;
	struct recall_chain client_ids;
	struct ident public_id;
	uint8_t spare3[36];
};

struct limit_row {
	int64_t value;
	uint32_t next; /* row of the same user, or free */
	uint16_t instrument;
	uint8_t type;
	uint8_t spare;
};

struct withdrawal {
	struct ident id; /* first: what the index compares */
	int64_t amount;
	uint32_t user;
	uint32_t next_free;
	uint16_t asset;
	uint8_t live;
	uint8_t spare[5];
};

struct asset {
	char code[ASSET_CODE_MAX];
	uint8_t spare[4];
	int64_t fees; /* the house's accounts, units */
	int64_t world;
	int64_t corrections;
};

/* How much of a pool has ever been used, and its chain of free ones. */
struct pool {
	uint32_t used; /* indexes below it have been used; at least 1 */
	uint32_t free; /* or NONE */
	uint32_t live;
	uint32_t capacity;
};

struct state {
	uint64_t magic;
	uint32_t version;
	uint32_t assets_count;
	uint64_t seq;
	int64_t time_us;
	uint64_t trades;
	uint64_t users_count;
	uint32_t users_used; /* highest number + 1 */
	uint32_t instruments_count;
	struct pool orders;
	struct pool blocks;
	struct pool leaves;
	struct pool nodes;
	struct pool limits;
	struct pool withdrawals;
	struct recall_state intents;
	struct recall_state client_ids;
	struct recall_state sessions;
	struct asset assets[ASSETS_MAX];
	struct instrument instruments[INSTRUMENTS_MAX];
};

/* Where a record is being written. */
struct emitter {
	struct record *record;
	char *at;
	const char *end;
	uint32_t fills;
};

struct engine {
	struct engine_options options;
	struct state *state;
	struct user *users;
	struct balance_block *blocks;
	struct order *orders;
	struct order_more *more;
	struct leaf *leaves;
	struct node *nodes;
	struct limit_row *limits;
	struct withdrawal *withdrawals;
	struct index withdrawal_index;
	struct recall intents;
	struct recall client_ids;
	struct recall sessions;
	/* of the command that is being applied */
	struct emitter out;
	int64_t now_us;
	uint64_t seq;
};

_Static_assert(sizeof(struct order) == 64, "a cache line");
_Static_assert(sizeof(struct order_more) == 64, "a cache line");
_Static_assert(sizeof(struct user) == 128, "two cache lines");
_Static_assert(sizeof(struct leaf) == 1040, "no padding in a snapshot");
_Static_assert(sizeof(struct node) == 264, "no padding in a snapshot");
_Static_assert(sizeof(struct ladder) == 32, "no padding in a snapshot");
_Static_assert(sizeof(struct instrument) == 224, "no padding in a snapshot");
_Static_assert(sizeof(struct withdrawal) == 40, "no padding in a snapshot");
_Static_assert(sizeof(struct asset) == 40, "no padding in a snapshot");

/* ---- pool.c ---- */

/* An index of its own, or NONE when POOL is full.  The object is not cleared
 * but by whoever frees it.  NEXT is the free object's chain. */
static inline uint32_t
pool_take(struct pool *pool, uint32_t next_free)
{
	uint32_t i = pool->free;

	if (i != NONE)
		pool->free = next_free;
	else if (pool->used < pool->capacity)
		i = pool->used++;
	else
		return NONE;
	pool->live++;
	return i;
}

/* I goes on top of the free ones; returns what its chain must hold. */
static inline uint32_t
pool_give(struct pool *pool, uint32_t i)
{
	uint32_t next = pool->free;

	pool->free = i;
	pool->live--;
	return next;
}

/* COUNT × SIZE zeroed bytes of address space; NULL when it cannot be had. */
void *pool_reserve(size_t count, size_t size);
void pool_release(void *at, size_t count, size_t size);

/* ---- emit ---- */

/* Room for the next event, its header set; the caller fills all the rest. */
static inline void *
emit(struct engine *engine, enum event_type type, size_t size, uint32_t user)
{
	struct message *head = (struct message *)(void *)engine->out.at;

	/* RECORD_MAX_BYTES is what FILLS_MAX fills and every order's end need;
	 * beyond it is our bug, and nothing has been acknowledged yet. */
	if (__builtin_expect(size > (size_t)(engine->out.end - engine->out.at),
		    0))
		__builtin_trap();
	engine->out.at += size;
	engine->out.record->n_events++;
	head->size = (uint16_t)size;
	head->type = (uint16_t)type;
	head->user = user;
	return head;
}

/* ---- numbers ---- */

/*
 * For a divisor d = odd × 2^k, n is a multiple of d exactly when
 * n × odd^-1 (mod 2^64), rotated right by k, is at most (2^64 - 1) / d, and
 * then that is the quotient (Granlund and Montgomery, "Division by Invariant
 * Integers using Multiplication", PLDI 1994, section 9).
 */
struct divider divider_make(int64_t divisor);

static inline bool
divide_exactly(struct divider d, int64_t n, int64_t *quotient)
{
	uint64_t q = (uint64_t)n * d.inverse;

	q = q >> d.shift | q << (-d.shift & 63);
	if (n < 0 || q > d.limit)
		return false;
	*quotient = (int64_t)q;
	return true;
}

/* What a hold reckons with: the order may turn out maker or taker. */
static inline uint32_t
higher_rate(uint32_t taker_rate, uint32_t maker_rate)
{
	return taker_rate > maker_rate ? taker_rate : maker_rate;
}

/* ceil(weighted / RATE_SCALE) */
static inline int64_t
ceil_rate(unsigned __int128 weighted)
{
	if (__builtin_expect((uint64_t)(weighted >> 64) == 0 &&
			(uint64_t)weighted <= UINT64_MAX - RATE_SCALE, 1))
		return (int64_t)(((uint64_t)weighted + RATE_SCALE - 1) /
			RATE_SCALE);
	return (int64_t)((weighted + RATE_SCALE - 1) / RATE_SCALE);
}

/*
 * What LOTS come to, of a level: bids at a tiny price can want more of an
 * asset together than an int64 can say, though not in lots, since the money
 * that they hold is one.  Then it says the most.
 */
static inline int64_t
level_quantity(int64_t lots, int64_t lot)
{
	int64_t quantity;

	return __builtin_mul_overflow(lots, lot, &quantity) ? INT64_MAX
							    : quantity;
}

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
balance_of(const struct engine *engine, const struct user *user,
	uint16_t asset)
{
	return &engine->blocks[user->blocks[asset / BLOCK_ASSETS]]
			.of[asset % BLOCK_ASSETS];
}

/* 0 when he has no such limit. */
int64_t limit_of(const struct engine *engine, const struct user *user,
	enum limit_type type, uint16_t instrument);

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

/* ---- market.c ---- */

static inline struct instrument *
instrument_find(const struct engine *engine, uint16_t instrument)
{
	return instrument < engine->state->instruments_count
		? &engine->state->instruments[instrument]
		: NULL;
}

enum refusal apply_asset_set(struct engine *engine,
	const struct cmd_asset_set *cmd);
enum refusal apply_instrument_set(struct engine *engine,
	const struct cmd_instrument_set *cmd);
enum refusal apply_reference_price(struct engine *engine,
	const struct cmd_reference_price *cmd);

/* ---- ladder.c ---- */

/* Keys have 57 bits: ten steps of six bits above the leaves. */
#define LADDER_HEIGHT_MAX 10

static inline struct level *
level_of(const struct engine *engine, uint32_t leaf, int64_t ticks)
{
	return &engine->leaves[leaf].levels[(uint64_t)ticks % LEVELS];
}

/*
 * The leaf that holds TICKS, made if need be; a level of it is to be marked
 * used at once.  The pools have room for a path for each order.
 */
uint32_t ladder_open(struct engine *engine, struct ladder *ladder,
	int64_t ticks);
/* The leaf that holds TICKS, or NONE. */
uint32_t ladder_find(const struct engine *engine, const struct ladder *ladder,
	int64_t ticks);
/* A level got its first order, or lost its last. */
void ladder_mark(struct engine *engine, struct ladder *ladder, uint32_t leaf,
	int64_t ticks);
void ladder_clear(struct engine *engine, struct ladder *ladder, uint32_t leaf,
	int64_t ticks);
/* The next used level that is worse than TICKS; false when there is none. */
bool ladder_next(const struct engine *engine, const struct ladder *ladder,
	int64_t ticks, uint32_t *leaf, int64_t *next);

/* Whether a price of SIDE meets or passes the other side's price. */
static inline bool
crosses(enum side side, int64_t ticks, int64_t other)
{
	return side == SIDE_BUY ? ticks >= other : ticks <= other;
}

/* ---- book.c ---- */

/* A slot for an order of USER, live but neither resting nor listed. */
uint32_t order_take(struct engine *engine, uint32_t user);
void order_give(struct engine *engine, uint32_t slot);
/* Put it at the back of its level. */
void book_rest(struct engine *engine, uint32_t slot);
/* Take it out of its level; the level's lots are lowered by what is left. */
void book_unlink(struct engine *engine, uint32_t slot);
/* His list of resting orders, the newest first. */
void user_list_add(struct engine *engine, struct user *user, uint32_t slot);
void user_list_remove(struct engine *engine, struct user *user, uint32_t slot);

void emit_level(struct engine *engine, uint16_t instrument, enum side side,
	int64_t ticks, int64_t lots);
/* Free what it still holds, tell its end, give its slot back. */
void order_close(struct engine *engine, uint32_t slot, enum close_reason reason);
/* The same for one that rests: out of the book first, and tell the level. */
void order_cancel(struct engine *engine, uint32_t slot,
	enum close_reason reason);
void cancel_all(struct engine *engine, struct user *user, uint16_t instrument,
	unsigned side, enum close_reason reason);
/* Of every user, at a delisting: up to CANCELS_MAX; the next TICK goes on. */
void cancel_book(struct engine *engine, uint16_t instrument);

static inline struct ident
order_id(const struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot];

	return order_ident(engine->more[slot].time_ms, order->seq, slot,
		order->user);
}
/* The live order that ID names, or why there is none. */
enum refusal order_find(const struct engine *engine, uint32_t user,
	struct ident id, uint32_t *slot);

enum refusal apply_order_cancel(struct engine *engine,
	const struct cmd_order_cancel *cmd);
enum refusal apply_order_cancel_all(struct engine *engine,
	const struct cmd_order_cancel_all *cmd);

/* ---- match.c ---- */

/* What a buy must hold for LEFT lots at TICKS, given what it has paid. */
static inline int64_t
buy_hold(const struct order_more *more, int64_t notional)
{
	uint32_t rate = higher_rate(more->taker_rate, more->maker_rate);

	return notional - more->fees +
		ceil_rate((unsigned __int128)(uint64_t)more->taker_sum *
				more->taker_rate +
			(unsigned __int128)(uint64_t)more->maker_sum *
				more->maker_rate +
			(unsigned __int128)(uint64_t)notional * rate);
}

/* Trade the order against the other side, then let it rest or end. */
void match(struct engine *engine, uint32_t slot);

/* ---- place.c ---- */

enum refusal apply_order_place(struct engine *engine,
	const struct cmd_order_place *cmd, uint64_t *done_seq);

/* What new terms of an order must satisfy, and what they come to. */
struct terms {
	struct instrument *instrument;
	enum side side;
	int64_t ticks;
	int64_t lots;
	int64_t notional;
};

/* The band around the last trade or the reference price. */
enum refusal check_band(const struct instrument *instrument, int64_t price);
/* Fills in NOTIONAL; TOO_BIG when it, or a buy's hold, is out of range. */
enum refusal check_notional(struct terms *terms, uint32_t rate);
enum refusal check_value(const struct engine *engine, const struct user *user,
	const struct instrument *instrument, __int128 value);

/* The key that a client order id is remembered under. */
void client_key(uint32_t user, const char *id, size_t length, uint64_t key[2]);

/* ---- amend.c ---- */

enum refusal apply_order_amend(struct engine *engine,
	const struct cmd_order_amend *cmd);
