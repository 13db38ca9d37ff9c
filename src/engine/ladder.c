/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * ladder.c - the price levels of one side of a book.
 *
 * A real book is dense near its best price and sparse far away.  Levels lie
 * in leaves of 64 neighbours with one bit each, so that the next level is
 * found by counting zeros; leaves hang in a radix tree of 64 ways whose
 * height follows the largest price seen.  At an ordinary price that is two
 * to four steps, all near the best price in the same few cache lines, and a
 * step up or down the book rarely leaves its leaf.  No price is out of reach
 * and no operation depends on how many levels there are.
 */
#include <assert.h>

#include "engine/orders.h"

#define STEP_BITS 6
#define STEP_MASK 63

static unsigned
step(uint64_t key, uint32_t height)
{
	return (unsigned)(key >> (STEP_BITS * (height - 1))) & STEP_MASK;
}

static bool
key_fits(uint64_t key, uint32_t height)
{
	return height >= LADDER_HEIGHT_MAX || key >> (STEP_BITS * height) == 0;
}

static uint32_t
leaf_new(struct engine *engine, uint64_t key)
{
	struct pool *pool = &engine->state->leaves;
	uint32_t i = pool_take(pool, (uint32_t)engine->leaves[pool->free].key);

	assert(i != NONE);
	/* Levels of a given-back leaf are all empty, which is all zeros. */
	engine->leaves[i].used = 0;
	engine->leaves[i].key = key;
	return i;
}

static void
leaf_free(struct engine *engine, uint32_t i)
{
	engine->leaves[i].key = pool_give(&engine->state->leaves, i);
}

static uint32_t
node_new(struct engine *engine)
{
	struct pool *pool = &engine->state->nodes;
	uint32_t i = pool_take(pool, engine->nodes[pool->free].child[0]);

	assert(i != NONE);
	engine->nodes[i].used = 0;
	engine->nodes[i].child[0] = NONE;
	return i;
}

static void
node_free(struct engine *engine, uint32_t i)
{
	engine->nodes[i].child[0] = pool_give(&engine->state->nodes, i);
}

/* Give back what a cleared leaf has left empty. */
static RARE void
prune(struct engine *engine, struct ladder *ladder, uint64_t key)
{
	uint32_t path[LADDER_HEIGHT_MAX];
	uint32_t at = ladder->root, height = ladder->height, depth = 0;

	for (; height > 0; height--) {
		path[depth++] = at;
		at = engine->nodes[at].child[step(key, height)];
	}
	leaf_free(engine, at);
	if (ladder->near[key % NEAR] == at)
		ladder->near[key % NEAR] = NONE;
	if (depth == 0) {
		ladder->root = NONE;
		return;
	}
	height = 1;
	engine->nodes[path[depth - 1]].used &=
		~(UINT64_C(1) << step(key, 1));
	for (; depth > 0 && engine->nodes[path[depth - 1]].used == 0;
		height++) {
		node_free(engine, path[--depth]);
		if (depth == 0) {
			ladder->root = NONE;
			ladder->height = 0;
			return;
		}
		engine->nodes[path[depth - 1]].used &=
			~(UINT64_C(1) << step(key, height + 1));
	}
}

/* Put new roots on top until KEY fits. */
static void
grow(struct engine *engine, struct ladder *ladder, uint64_t key)
{
	while (!key_fits(key, ladder->height)) {
		uint32_t root = node_new(engine);

		/* All that there is has zeros in the new step. */
		engine->nodes[root].used = 1;
		engine->nodes[root].child[0] = ladder->root;
		ladder->root = root;
		ladder->height++;
	}
}

/* In an empty tree the height is chosen for KEY at once. */
static void
plant(struct engine *engine, struct ladder *ladder, uint64_t key)
{
	uint32_t height = 0;

	while (!key_fits(key, height))
		height++;
	ladder->root = height == 0 ? leaf_new(engine, key) : node_new(engine);
	ladder->height = height;
}

uint32_t
ladder_open(struct engine *engine, struct ladder *ladder, int64_t ticks)
{
	uint64_t key = (uint64_t)ticks / LEVELS;
	uint32_t at, height;

	if (ladder->root == NONE)
		plant(engine, ladder, key);
	else
		grow(engine, ladder, key);
	at = ladder->root;
	for (height = ladder->height; height > 0; height--) {
		struct node *node = &engine->nodes[at];
		unsigned way = step(key, height);

		if (!(node->used >> way & 1)) {
			node->child[way] = height > 1 ? node_new(engine)
						      : leaf_new(engine, key);
			node->used |= UINT64_C(1) << way;
		}
		at = node->child[way];
	}
	ladder->near[key % NEAR] = at;
	return at;
}

void
ladder_mark(struct engine *engine, struct ladder *ladder, uint32_t leaf,
	int64_t ticks)
{
	engine->leaves[leaf].used |= UINT64_C(1) << ((uint64_t)ticks % LEVELS);
	if (ladder->levels++ == 0 ||
		crosses(ladder->side, ticks, ladder->best)) {
		ladder->best = ticks;
		ladder->best_leaf = leaf;
	}
}

/* The best used level of the subtree AT. */
static uint32_t
descend(const struct engine *engine, const struct ladder *ladder, uint32_t at,
	uint32_t height, int64_t *ticks)
{
	bool highest = ladder->side == SIDE_BUY;
	uint64_t used;

	for (; height > 0; height--) {
		used = engine->nodes[at].used;
		at = engine->nodes[at].child[highest ? 63 - __builtin_clzll(used)
						     : __builtin_ctzll(used)];
	}
	used = engine->leaves[at].used;
	*ticks = (int64_t)engine->leaves[at].key * LEVELS +
		(highest ? 63 - __builtin_clzll(used) : __builtin_ctzll(used));
	return at;
}

/* Of the bits USED, those that are worse than bit I. */
static uint64_t
worse_bits(enum side side, uint64_t used, unsigned i)
{
	if (side == SIDE_BUY)
		return used & ((UINT64_C(1) << i) - 1);
	return used & ~((UINT64_C(2) << i) - 1);
}

bool
ladder_next(const struct engine *engine, const struct ladder *ladder,
	int64_t ticks, uint32_t *leaf, int64_t *next)
{
	uint64_t key = (uint64_t)ticks / LEVELS, worse = 0;
	uint32_t at = ladder->root, height, turn = NONE, turn_height = 0;
	enum side side = (enum side)ladder->side;
	unsigned way;

	if (ladder->levels == 0)
		return false;
	if (!key_fits(key, ladder->height))
		return false;
	/* Down towards TICKS, remembering where one could turn for the worse. */
	for (height = ladder->height; height > 0; height--) {
		struct node *node = &engine->nodes[at];
		uint64_t bits;

		way = step(key, height);
		bits = worse_bits(side, node->used, way);
		if (bits != 0) {
			turn = at;
			turn_height = height;
			worse = bits;
		}
		if (!(node->used >> way & 1))
			break;
		at = node->child[way];
	}
	if (height == 0 && engine->leaves[at].key == key) {
		uint64_t bits = worse_bits(side, engine->leaves[at].used,
			(unsigned)((uint64_t)ticks % LEVELS));

		if (bits != 0) {
			way = side == SIDE_BUY ? 63 - (unsigned)__builtin_clzll(bits)
					       : (unsigned)__builtin_ctzll(bits);
			*leaf = at;
			*next = (int64_t)(key * LEVELS + way);
			return true;
		}
	}
	if (turn == NONE)
		return false;
	way = side == SIDE_BUY ? 63 - (unsigned)__builtin_clzll(worse)
			       : (unsigned)__builtin_ctzll(worse);
	*leaf = descend(engine, ladder, engine->nodes[turn].child[way],
		turn_height - 1, next);
	return true;
}

void
ladder_clear(struct engine *engine, struct ladder *ladder, uint32_t leaf,
	int64_t ticks)
{
	struct leaf *at = &engine->leaves[leaf];

	assert(at->used >> ((uint64_t)ticks % LEVELS) & 1);
	at->used &= ~(UINT64_C(1) << ((uint64_t)ticks % LEVELS));
	ladder->levels--;
	if (at->used == 0)
		prune(engine, ladder, at->key);
	if (ticks != ladder->best || ladder->levels == 0)
		return;
	if (at->used != 0) {
		/* What is left of the best leaf is worse than the old best. */
		ladder->best = (int64_t)at->key * LEVELS +
			(ladder->side == SIDE_BUY
					? 63 - __builtin_clzll(at->used)
					: __builtin_ctzll(at->used));
		return;
	}
	ladder->best_leaf = descend(engine, ladder, ladder->root,
		ladder->height, &ladder->best);
}
