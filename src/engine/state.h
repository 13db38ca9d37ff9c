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
 * An order is two neighbouring cache lines, which memory brings together.  Its
 * place in its lists is kept apart: to take it out touches four neighbours,
 * and their links are close enough together to stay in the cache.
 */
#pragma once

#include "engine/engine.h"

#include "base/decimal.h"
#include "engine/recall.h"
#include "wire/ids.h"

/* Kept out of the functions that nearly every command goes through. */
#define RARE __attribute__((cold, noinline))
/* What every order goes through. */
#define HOT __attribute__((hot, noinline))
#define INLINE static inline __attribute__((always_inline))

#define NONE 0u
#define LEVELS 64 /* of a leaf; one bit each */
#define BLOCK_ASSETS 8

struct order {
	struct ident id;
	int64_t ticks; /* limit; of a market order the collar; of a stop that
			  waits its stop price */
	int64_t left;  /* lots */
	int64_t hold;  /* units that are still set aside for it */
	int64_t lots;  /* total; of a budget order what it has filled */
	uint32_t user;
	uint32_t level; /* that it is in, while it rests or waits, or NONE */
	uint16_t instrument; /* from here to FLAGS as in cmd_order_place */
	uint8_t side;
	uint8_t type;
	uint8_t tif;
	uint8_t stp;
	uint8_t flags;
	uint8_t acts; /* as which type it meets the book: LIMIT or MARKET */
	/* the second line */
	uint8_t live;   /* enum live */
	uint8_t listed; /* 1: in its user's list of open orders */
	uint8_t paired; /* 1: its stop row names the other of its pair */
	uint8_t spare[5];
	int64_t taker_sum; /* quote units taken and made so far */
	int64_t maker_sum;
	int64_t fees;   /* paid so far */
	int64_t budget; /* quote units; 0: an order by quantity */
	uint32_t maker_rate;
	uint32_t taker_rate;
	uint8_t spare2[16];
};

enum live {
	LIVE_NOT = 0,
	LIVE_BOOK = 1, /* in the book, or on its way there */
	LIVE_WAITING = 2 /* a stop that has not fired */
};

/*
 * An order's neighbours, in a row of the order's own index.  Row NONE belongs
 * to nobody, and may be written to by who does not ask whether he has a
 * neighbour.
 */
struct links {
	uint32_t next; /* behind it in its level; or the next free slot */
	uint32_t prev;
	uint32_t user_next; /* older order of the same user */
	uint32_t user_prev;
};

/* What only stops and pairs have; in a row of the order's own index. */
struct stop {
	int64_t limit; /* ticks; 0: it becomes a market order */
	int64_t peak;  /* trailing: the best last price since, units */
	int64_t trail; /* ticks; 0: by rate, or not trailing */
	uint32_t trail_rate;
	uint32_t pair;    /* the other order */
	uint32_t older;   /* trailing stop of its side and instrument */
	uint32_t younger;
};

struct level {
	uint32_t head; /* first to trade */
	uint32_t tail;
	int64_t lots;
};

/*
 * 64 neighbouring prices, whose levels have the leaf's number × 64 + i.  FREE
 * ones are chained through KEY.  Leaf NONE has a key that no price has.
 */
struct leaf {
	uint64_t used; /* bit i: level i has orders */
	uint64_t key;  /* ticks / 64 */
};

/* An inner node of the price tree.  Free ones are chained through child[0]. */
struct node {
	uint64_t used;
	uint32_t child[64];
};

/*
 * The prices of one side of a book: a radix tree of six bits a step over
 * ticks / 64, only as high as its largest price needs, with leaves of 64
 * levels.  The best level is remembered, and where the leaves of the latest
 * prices are.
 */
#define NEAR 8

struct ladder {
	uint32_t root; /* a node, or at height 0 a leaf */
	uint32_t height;
	uint32_t best_leaf;
	uint32_t side;
	uint64_t levels; /* that have orders */
	int64_t best;    /* ticks, while levels > 0 */
	uint32_t near[NEAR]; /* by key % NEAR: a leaf of its, or NONE */
};

/* Exact division by a constant: see divider_make(). */
struct divider {
	uint64_t inverse;
	uint64_t limit;
	uint32_t shift;
	uint32_t spare;
};

/*
 * Trailing stops of a side, by age.  Who came later has seen less, so peaks
 * never get better from the oldest to the youngest.
 */
struct trailing {
	uint32_t oldest;
	uint32_t youngest;
	uint32_t count;
	uint32_t spare;
};

enum waiting { FALLING = SIDE_BUY, RISING = SIDE_SELL };

struct instrument {
	struct instrument_terms terms;
	int64_t unit; /* quote units of one lot at one tick */
	int64_t last_price; /* units, of the last trade; 0 before the first */
	struct divider tick;
	struct divider lot;
	struct ladder books[2]; /* by enum side */
	uint64_t resting;   /* orders in its books */
	int64_t reference;  /* units; 0: none set */
	uint64_t waiting_count;
	/*
	 * Stops by their stop price: those that fire when the last price falls
	 * to it, the highest first as bids are, and those that fire when it
	 * rises to it, the lowest first.
	 */
	struct ladder waiting[2];
	struct trailing trailing[2]; /* by the orders' side */
	uint64_t spare[7]; /* to a power of two, which finds its place soonest */
};

struct balance_block {
	struct balance of[BLOCK_ASSETS];
};

#define BLOCK_POSITIONS 16

/* One cache line a position. */
struct position_row {
	struct position is;
	uint64_t spare;
};

struct position_block {
	struct position_row of[BLOCK_POSITIONS];
};

/* Where a user's positions are, by instrument; the first row is the user's own,
 * so that most trades need not look here. */
struct holdings {
	uint32_t blocks[INSTRUMENTS_MAX / BLOCK_POSITIONS];
};

/* The equity of a user with a daily loss or drawdown limit. */
struct watch {
	int64_t peak;
	int64_t day_equity;
	int32_t day;
	uint32_t next_free;
};

/* A dead-man switch, in a heap by (due_us, user). */
struct timer {
	int64_t due_us;
	uint32_t user;
	uint32_t spare;
};

/*
 * The first cache line is what an order asks of its user; then his balances
 * of the first assets, which are the most traded, so that they are found
 * without another look.
 */
struct user {
	uint64_t last_seq;
	uint32_t epoch; /* 0: there is no such user */
	uint32_t newest_order; /* of the resting ones */
	uint32_t open_orders;
	uint32_t limits; /* first row */
	uint32_t watch;
	uint8_t role;
	uint8_t locked;
	uint8_t reduce_only; /* enum reduce_only */
	uint8_t trades_in; /* bit i: has his i-th block of positions */
	uint32_t positions; /* block of his, of the first instruments */
	uint32_t blocks[ASSETS_MAX / BLOCK_ASSETS - 1]; /* behind HOME */
	struct balance home[BLOCK_ASSETS];
	struct ident public_id;
	struct recall_chain client_ids;
	uint32_t timer; /* its place in the heap, from 1 */
	uint8_t spare[32];
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
	int64_t rate; /* in money of account, where no book says */
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
	uint32_t account_asset; /* ASSETS_MAX: none */
	uint32_t timers_count;
	/* Which instruments have a stop that is due, or, delisted, orders left
	 * to cancel: a bit each. */
	uint64_t due[INSTRUMENTS_MAX / 64];
	uint64_t leftover[INSTRUMENTS_MAX / 64];
	struct pool orders;
	struct pool blocks;
	struct pool leaves;
	struct pool nodes;
	struct pool limits;
	struct pool withdrawals;
	struct pool positions;
	struct pool watches;
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
	uint32_t marked; /* the user whose equity is looked at in the end */
};

struct engine {
	struct engine_options options;
	struct state *state;
	struct user *users;
	struct balance_block *blocks;
	struct order *orders;
	struct links *links;
	struct stop *stops;
	struct leaf *leaves;
	struct level *levels; /* of the leaves */
	struct node *nodes;
	struct limit_row *limits;
	struct withdrawal *withdrawals;
	struct holdings *holdings;
	struct position_block *positions;
	struct watch *watches;
	struct timer *timers; /* a heap from index 1 */
	struct index withdrawal_index;
	struct recall intents;
	struct recall client_ids;
	struct recall sessions;
	/* of the command that is being applied */
	struct emitter out;
	struct user *actor; /* head.user, or NULL: there is no such user */
	int64_t now_us;
	uint64_t seq;
	struct watch watch_before; /* that of out.marked, before a flow */
};

_Static_assert(offsetof(struct order, live) == 64, "a cache line");
_Static_assert(sizeof(struct order) == 128, "two cache lines");
_Static_assert(sizeof(struct links) == 16, "no padding in a snapshot");
_Static_assert(sizeof(struct level) == 16, "no padding in a snapshot");
_Static_assert(offsetof(struct user, home) == 64, "a cache line");
_Static_assert(sizeof(struct user) == 256, "a power of two");
_Static_assert(sizeof(struct leaf) == 16, "no padding in a snapshot");
_Static_assert(sizeof(struct node) == 264, "no padding in a snapshot");
_Static_assert(sizeof(struct ladder) == 64, "no padding in a snapshot");
_Static_assert(sizeof(struct stop) == 40, "no padding in a snapshot");
_Static_assert(sizeof(struct position_row) == 64, "a cache line");
_Static_assert(sizeof(struct holdings) == 64, "a cache line");
_Static_assert(sizeof(struct watch) == 24, "no padding in a snapshot");
_Static_assert(sizeof(struct instrument) == 512, "a power of two");
_Static_assert(sizeof(struct withdrawal) == 40, "no padding in a snapshot");
_Static_assert(sizeof(struct asset) == 48, "no padding in a snapshot");

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
/* Have the kernel fetch what comes first of a pool, up to a huge page. */
void pool_touch(void *at);

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
	message_head(head, size, type, user);
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

/* N / D where D divides N, else a number that means nothing. */
static inline uint64_t
divide_unchecked(struct divider d, int64_t n)
{
	uint64_t q = (uint64_t)n * d.inverse;

	return q >> d.shift | q << (-d.shift & 63);
}

static inline bool
divide_exactly(struct divider d, int64_t n, int64_t *quotient)
{
	uint64_t q = divide_unchecked(d, n);

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
