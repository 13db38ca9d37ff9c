/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * hash.c - one number for the whole state.
 *
 * What is hashed is what the rules speak of, in an order that the rules
 * give: assets and instruments by number, users by number with what they own,
 * orders by instrument, side and priority, memories by age, and the free
 * slots, on which the next orders' ids depend.  Not where in memory a thing
 * lies, so that another layout of the same state has the same hash.
 */
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "engine/orders.h"

struct hasher {
	XXH3_state_t state;
	uint64_t words[64];
	size_t n;
};

static void
flush(struct hasher *h)
{
	XXH3_128bits_update(&h->state, h->words, h->n * sizeof(h->words[0]));
	h->n = 0;
}

static void
put(struct hasher *h, uint64_t word)
{
	if (h->n == N_ELEMENTS(h->words))
		flush(h);
	h->words[h->n++] = word;
}

static void
put_bytes(struct hasher *h, const void *bytes, size_t length)
{
	uint64_t word;

	for (; length > 0; length -= length < 8 ? length : 8) {
		word = 0;
		memcpy(&word, bytes, length < 8 ? length : 8);
		put(h, word);
		bytes = (const char *)bytes + 8;
	}
}

static void
hash_markets(struct hasher *h, const struct state *state)
{
	uint32_t i;

	put(h, state->assets_count);
	for (i = 0; i < state->assets_count; i++) {
		const struct asset *asset = &state->assets[i];

		put_bytes(h, asset->code, sizeof(asset->code));
		put(h, (uint64_t)asset->fees);
		put(h, (uint64_t)asset->world);
		put(h, (uint64_t)asset->corrections);
		put(h, (uint64_t)asset->rate);
	}
	put(h, state->instruments_count);
	for (i = 0; i < state->instruments_count; i++) {
		const struct instrument *at = &state->instruments[i];

		put_bytes(h, &at->terms, sizeof(at->terms));
		put(h, (uint64_t)at->last_price);
		put(h, (uint64_t)at->reference);
	}
}

/* His positions, his watch, and his dead-man switch. */
static void
hash_risk(struct hasher *h, const struct engine *engine, uint32_t number)
{
	const struct user *user = &engine->users[number];
	const struct watch *watch = &engine->watches[user->watch];
	uint16_t i;

	for (i = 0; i < engine->state->instruments_count; i++) {
		const struct position *p = position_of(engine, number, i);

		if (ident_is_none(p->id))
			continue;
		put(h, i);
		put_bytes(h, p, sizeof(*p));
	}
	if (user->watch != NONE) {
		put(h, (uint64_t)watch->peak);
		put(h, (uint64_t)watch->day_equity);
		put(h, (uint64_t)watch->day);
	}
	if (user->timer != NONE)
		put(h, (uint64_t)engine->timers[user->timer].due_us);
}

static void
hash_user(struct hasher *h, const struct engine *engine, uint32_t number)
{
	const struct user *user = &engine->users[number];
	uint32_t i;
	uint16_t asset;

	put(h, number);
	put_bytes(h, &user->public_id, sizeof(user->public_id));
	put(h, user->last_seq);
	put(h, user->epoch);
	put(h, (uint64_t)user->role << 16 | (uint64_t)user->locked << 8 |
			user->reduce_only);
	for (asset = 0; asset < ASSETS_MAX; asset++) {
		const struct balance *balance = balance_seen(engine, user, asset);

		if (balance->available == 0 && balance->held == 0)
			continue;
		put(h, asset);
		put(h, (uint64_t)balance->available);
		put(h, (uint64_t)balance->held);
	}
	for (i = user->limits; i != NONE; i = engine->limits[i].next) {
		const struct limit_row *row = &engine->limits[i];

		put(h, (uint64_t)row->type << 16 | row->instrument);
		put(h, (uint64_t)row->value);
	}
	hash_risk(h, engine, number);
	put(h, user->open_orders);
	for (i = user->newest_order; i != NONE; i = engine->links[i].user_next)
		put(h, i);
}

static void
hash_order(struct hasher *h, const struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot];

	put(h, slot);
	put_bytes(h, &order->id, sizeof(order->id));
	put(h, order->user);
	put(h, (uint64_t)order->ticks);
	put(h, (uint64_t)order->left);
	put(h, (uint64_t)order->hold);
	put(h, (uint64_t)order->lots);
	put(h, (uint64_t)order->taker_sum);
	put(h, (uint64_t)order->maker_sum);
	put(h, (uint64_t)order->fees);
	put(h, (uint64_t)order->taker_rate << 32 | order->maker_rate);
	put(h, (uint64_t)order->type << 24 | (uint64_t)order->tif << 16 |
			(uint64_t)order->stp << 8 | order->flags);
	if (order->paired)
		put(h, engine->stops[slot].pair);
	if (order->live != LIVE_WAITING)
		return;
	put(h, (uint64_t)engine->stops[slot].limit);
	put(h, (uint64_t)engine->stops[slot].peak);
	put(h, (uint64_t)engine->stops[slot].trail);
	put(h, (uint64_t)engine->stops[slot].trail_rate << 32 |
			engine->stops[slot].older);
}

static void
hash_ladder(struct hasher *h, const struct engine *engine,
	const struct ladder *ladder)
{
	int64_t ticks = ladder->best;
	uint32_t leaf = ladder->best_leaf, slot;
	bool more;

	put(h, ladder->levels);
	for (more = ladder->levels > 0; more;
		more = ladder_next(engine, ladder, ticks, &leaf, &ticks))
		for (slot = level_of(engine, leaf, ticks)->head; slot != NONE;
			slot = engine->links[slot].next)
			hash_order(h, engine, slot);
}

static void
hash_books(struct hasher *h, const struct engine *engine)
{
	uint32_t i;

	for (i = 0; i < engine->state->instruments_count; i++) {
		const struct instrument *at = &engine->state->instruments[i];

		hash_ladder(h, engine, &at->books[SIDE_BUY]);
		hash_ladder(h, engine, &at->books[SIDE_SELL]);
		hash_ladder(h, engine, &at->waiting[FALLING]);
		hash_ladder(h, engine, &at->waiting[RISING]);
	}
}

static void
hash_memory(struct hasher *h, const struct recall *recall)
{
	uint32_t i;

	put(h, (uint64_t)recall->state->forgotten_us);
	for (i = recall->state->oldest; i != NONE;
		i = recall->entries[i].younger) {
		const struct remembered *entry = &recall->entries[i];

		put_bytes(h, entry->key, sizeof(entry->key));
		put(h, (uint64_t)entry->until_us);
		put(h, entry->seq);
		put(h, entry->terms);
		put(h, entry->user);
		put_bytes(h, &entry->order, sizeof(entry->order));
	}
}

void
engine_hash(const struct engine *engine, uint8_t out[16])
{
	const struct state *state = engine->state;
	XXH128_canonical_t canonical;
	struct hasher h;
	uint32_t i;

	XXH3_128bits_reset(&h.state);
	h.n = 0;
	put(&h, state->seq);
	put(&h, (uint64_t)state->time_us);
	put(&h, state->trades);
	hash_markets(&h, state);
	for (i = 1; i < state->users_used; i++)
		if (engine->users[i].epoch != 0)
			hash_user(&h, engine, i);
	hash_books(&h, engine);
	put(&h, state->orders.used);
	for (i = state->orders.free; i != NONE; i = engine->links[i].next)
		put(&h, i);
	for (i = 1; i < state->withdrawals.used; i++) {
		const struct withdrawal *w = &engine->withdrawals[i];

		if (!w->live)
			continue;
		put_bytes(&h, &w->id, sizeof(w->id));
		put(&h, (uint64_t)w->amount);
		put(&h, (uint64_t)w->asset << 32 | w->user);
	}
	hash_memory(&h, &engine->intents);
	hash_memory(&h, &engine->client_ids);
	hash_memory(&h, &engine->sessions);
	flush(&h);
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&h.state));
	memcpy(out, canonical.digest, 16);
}
