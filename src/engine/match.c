/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * match.c - one taker against the other side of the book.
 *
 * There is one loop for both sides and all kinds of orders; what differs is
 * how much the taker may still take at a price (want()) and what becomes of
 * its rest (settle_rest()).
 */
#include <assert.h>
#include <string.h>

#include "engine/orders.h"
#include "wire/ids.h"

/* One side of a fill: the order, and what is its user's. */
struct party {
	struct order *order;
	struct user *user;
	struct balance *base;
	struct balance *cash;
};

static inline struct party
party_of(const struct engine *engine, const struct instrument *instrument,
	struct order *order)
{
	struct user *user = &engine->users[order->user];

	return (struct party){
		.order = order,
		.user = user,
		.base = balance_of(engine, user, instrument->terms.base),
		.cash = balance_of(engine, user, instrument->terms.quote),
	};
}

struct taking {
	struct engine *engine;
	uint32_t slot; /* the taker's */
	struct order *order;
	struct party party; /* as a party to its fills */
	struct instrument *instrument;
	struct ladder *ladder; /* of the makers */
	enum close_reason end; /* why it must stop, or CLOSE_NONE */
};

static bool
by_budget(const struct taking *t)
{
	return t->order->budget != 0;
}

/* Of a buy: money; of a sell: what is still wanted. */
static int64_t
budget_left(const struct taking *t)
{
	return t->order->side == SIDE_BUY
		? t->order->hold
		: t->order->budget - t->order->taker_sum;
}

/*
 * Lots that a buy's unspent budget pays, at UNIT quote units a lot.  The fee
 * rounds up, but what is left is whole units: if they pay quote and fee, they
 * pay the fee rounded up as well, and that of all trades together is no more.
 */
static int64_t
affordable(const struct taking *t, int64_t unit, int64_t most)
{
	__int128 lots = (__int128)budget_left(t) * RATE_SCALE /
		((__int128)unit * (RATE_SCALE + t->order->taker_rate));

	return lots < most ? (int64_t)lots : most;
}

/* How many lots of MAKER the taker takes; 0 ends it. */
static int64_t
want(const struct taking *t, const struct order *maker)
{
	int64_t unit, wanted;

	if (!by_budget(t))
		return t->order->left < maker->left ? t->order->left
						    : maker->left;
	unit = maker->ticks * t->instrument->unit;
	if (t->order->side == SIDE_BUY)
		return affordable(t, unit, maker->left);
	wanted = budget_left(t) / unit;
	return wanted < maker->left ? wanted : maker->left;
}

struct fill {
	const struct instrument *instrument;
	uint64_t seq;
	int64_t lots;
	int64_t quantity; /* units of them */
	int64_t quote;
};

/* What an order has bought or sold gives and takes; its hold is lowered. */
static inline void
book_balances(const struct fill *f, const struct party *p, int64_t fee,
	struct trade_side *ev)
{
	struct order *order = p->order;
	int64_t before = order->hold, hold;

	if (order->side == SIDE_BUY) {
		hold = __builtin_expect(order->budget != 0, 0)
			? before - f->quote - fee
			: buy_hold(order,
				  order->left * order->ticks *
					  f->instrument->unit);
		balance_put(p->base, &ev->base_after,
			p->base->available + f->quantity, p->base->held);
		balance_put(p->cash, &ev->quote_after,
			p->cash->available + before - hold - f->quote - fee,
			p->cash->held - (before - hold));
	} else {
		hold = before - f->quantity;
		balance_put(p->base, &ev->base_after, p->base->available,
			p->base->held - f->quantity);
		balance_put(p->cash, &ev->quote_after,
			p->cash->available + f->quote - fee, p->cash->held);
	}
	order->hold = hold;
}

/*
 * Book one side of a fill: sums, fee, hold, balances, and that side of the
 * event.  Returns the fee.
 */
INLINE int64_t
book_side(const struct fill *f, const struct party *p, int64_t *sum,
	struct trade_side *ev)
{
	struct order *order = p->order;
	int64_t lot = f->instrument->terms.lot, fees, fee;

	*sum += f->quote;
	fees = fees_due(order);
	fee = fees - order->fees;
	ev->fee = fee;
	ev->quote = order->taker_sum + order->maker_sum;
	order->fees = ev->fees = fees;
	if (__builtin_expect(order->budget != 0, 0)) {
		order->lots += f->lots; /* its quantity is what it fills */
		ev->filled = order->lots * lot;
		ev->left = 0;
	} else {
		order->left -= f->lots;
		ev->filled = (order->lots - order->left) * lot;
		ev->left = order->left * lot;
	}
	ev->order = order->id;
	ev->user = order->user;
	ev->spare = 0;
	p->user->last_seq = f->seq;
	book_balances(f, p, fee, ev);
	return fee;
}

static void
emit_trade(const struct taking *t, const struct fill *f,
	const struct order *maker, struct ev_trade *ev)
{
	const struct instrument_terms *terms = &f->instrument->terms;

	ident_put(trade_ident_words(t->engine->now_us, f->seq,
			  t->engine->out.fills++),
		&ev->trade);
	ev->instrument = terms->instrument;
	ev->base = terms->base;
	ev->quote_asset = terms->quote;
	ev->taker_side = t->order->side;
	ev->spare = 0;
	ev->price = maker->ticks * terms->tick;
	ev->quantity = f->quantity;
	ev->quote = f->quote;
}

static void
fill(struct taking *t, uint32_t maker_slot, int64_t lots)
{
	struct engine *engine = t->engine;
	struct instrument *instrument = t->instrument;
	struct order *maker = &engine->orders[maker_slot];
	struct asset *house = &engine->state->assets[instrument->terms.quote];
	struct party party = party_of(engine, instrument, maker);
	struct fill f = {
		.instrument = instrument,
		.seq = engine->seq,
		.lots = lots,
		.quantity = lots * instrument->terms.lot,
		.quote = lots * maker->ticks * instrument->unit,
	};
	struct ev_trade *ev =
		emit(engine, EV_TRADE, sizeof(*ev), t->order->user);
	int64_t fees;

	emit_trade(t, &f, maker, ev);
	level_of_order(engine, maker)->lots -= lots;
	fees = book_side(&f, &party, &maker->maker_sum, &ev->maker);
	fees += book_side(&f, &t->party, &t->order->taker_sum, &ev->taker);
	house->fees += fees;
	ev->fees_after = house->fees;
	position_book(position_of(engine, maker->user, ev->instrument),
		(enum side)maker->side, ev, &ev->maker_position);
	position_book(position_of(engine, t->order->user, ev->instrument),
		(enum side)t->order->side, ev, &ev->taker_position);
	/* Whoever trades with himself has the taker's balances on both sides. */
	if (__builtin_expect(maker->user == t->order->user, 0)) {
		ev->maker.base_after = ev->taker.base_after;
		ev->maker.quote_after = ev->taker.quote_after;
	}
	instrument->last_price = ev->price;
	engine->state->trades++;
	if (__builtin_expect(t->order->paired, 0))
		pair_end_other(engine, t->slot);
	if (__builtin_expect(maker->paired, 0))
		pair_end_other(engine, maker_slot);
}

static void
end_maker(struct taking *t, uint32_t slot, enum close_reason reason)
{
	struct engine *engine = t->engine;
	uint32_t other = pair_untie(engine, slot);

	book_unlink(engine, slot);
	order_unlist(engine, slot);
	order_close(engine, slot, reason);
	if (other != NONE)
		order_cancel(engine, other, CLOSE_OCO);
}

/* The taker has met an order of its own user.  True when it goes on. */
static bool
meet_oneself(struct taking *t, uint32_t maker_slot)
{
	enum stp stp = (enum stp)t->order->stp;

	if (stp == STP_MAKER || stp == STP_BOTH)
		end_maker(t, maker_slot, CLOSE_SELF_TRADE);
	if (stp == STP_MAKER)
		return true;
	t->end = CLOSE_SELF_TRADE;
	return false;
}

static bool
sums_would_overflow(const struct taking *t, const struct order *maker,
	int64_t quote)
{
	int64_t sum;

	/* Both sums of an order count: their total is what is told of it. */
	return __builtin_add_overflow(t->order->taker_sum + t->order->maker_sum,
		       quote, &sum) ||
		__builtin_add_overflow(maker->taker_sum + maker->maker_sum,
			quote, &sum);
}

/* Meet the best maker.  False when the taker is done with the book. */
static bool
meet(struct taking *t, uint32_t maker_slot)
{
	struct engine *engine = t->engine;
	struct order *maker = &engine->orders[maker_slot];
	int64_t lots;

	/* Who cannot pay for a lot of it meets nobody, not even himself. */
	lots = want(t, maker);
	if (lots == 0) {
		t->end = t->order->lots > 0 ? CLOSE_FILLED : CLOSE_REMAINDER;
		return false;
	}
	if (maker->user == t->order->user && t->order->stp != STP_NONE &&
		!engine->options.ignore_self_trades)
		return meet_oneself(t, maker_slot);
	if (engine->out.fills == FILLS_MAX ||
		sums_would_overflow(t, maker,
			lots * maker->ticks * t->instrument->unit)) {
		t->end = CLOSE_FILL_LIMIT;
		return false;
	}
	fill(t, maker_slot, lots);
	if (maker->left == 0)
		end_maker(t, maker_slot, CLOSE_FILLED);
	return by_budget(t) || t->order->left > 0;
}

static struct level *
best_level(const struct taking *t)
{
	return level_of(t->engine, t->ladder->best_leaf, t->ladder->best);
}

/* Go through the best level, which had LOTS and began with HEAD when it was
 * come to.  False when the taker is done with the book. */
static bool
take_level(struct taking *t, uint32_t head, int64_t lots)
{
	struct engine *engine = t->engine;
	int64_t ticks = t->ladder->best;
	/* Stays where it is, all zeros, when its last order leaves. */
	struct level *level = best_level(t);
	bool on = true;

	while (on && level->head != NONE)
		on = meet(t, level->head);
	if (level->lots != lots || level->head != head)
		emit_level(engine, t->order->instrument,
			(enum side)t->ladder->side, ticks, level->lots);
	return on;
}

/* Into the book, and told. */
static void
rest(struct engine *engine, uint32_t slot)
{
	struct order *order = &engine->orders[slot];

	book_rest(engine, slot);
	if (!order->listed)
		order_list(engine, slot);
	emit_level(engine, order->instrument, (enum side)order->side,
		order->ticks, level_of_order(engine, order)->lots);
}

/* The taker is done with the book: it rests, or it ends. */
static void
settle_rest(struct taking *t)
{
	struct engine *engine = t->engine;
	struct order *order = t->order;

	if (t->end == CLOSE_NONE) {
		if (by_budget(t) ? t->order->lots > 0 && budget_left(t) == 0
				 : order->left == 0)
			t->end = CLOSE_FILLED;
		else if (t->order->acts != TYPE_LIMIT ||
			t->order->tif != TIF_GTC)
			t->end = CLOSE_REMAINDER;
	}
	if (t->end != CLOSE_NONE) {
		uint32_t other = pair_untie(engine, t->slot);

		if (order->listed)
			order_unlist(engine, t->slot);
		order_close(engine, t->slot, t->end);
		if (other != NONE)
			order_cancel(engine, other, CLOSE_OCO);
		return;
	}
	rest(engine, t->slot);
}

/* Whether a FOK order can be filled whole; see engine.h. */
static bool
fillable(const struct taking *t)
{
	const struct engine *engine = t->engine;
	const struct ladder *ladder = t->ladder;
	int64_t missing = t->order->left, ticks = ladder->best;
	uint32_t leaf = ladder->best_leaf, slot;
	unsigned fills = 0;
	bool more = ladder->levels > 0;

	for (; more; more = ladder_next(engine, ladder, ticks, &leaf, &ticks)) {
		if (!crosses((enum side)t->order->side, t->order->ticks, ticks))
			return false;
		for (slot = level_of(engine, leaf, ticks)->head; slot != NONE;
			slot = engine->links[slot].next) {
			const struct order *maker = &engine->orders[slot];

			if (maker->user == t->order->user &&
				t->order->stp != STP_NONE &&
				!engine->options.ignore_self_trades) {
				if (t->order->stp == STP_MAKER)
					continue;
				return false;
			}
			missing -= maker->left;
			if (missing <= 0)
				return fills < FILLS_MAX;
			if (++fills == FILLS_MAX)
				return false;
		}
	}
	return false;
}

static struct taking
begin(struct engine *engine, uint32_t slot)
{
	struct taking t = {.engine = engine, .slot = slot};

	t.order = &engine->orders[slot];
	t.instrument = &engine->state->instruments[t.order->instrument];
	t.party = party_of(engine, t.instrument, t.order);
	t.ladder = &t.instrument->books[t.order->side == SIDE_BUY ? SIDE_SELL
								  : SIDE_BUY];
	return t;
}

static bool
meets(const struct taking *t)
{
	return t->end == CLOSE_NONE && t->ladder->levels > 0 &&
		crosses((enum side)t->order->side, t->order->ticks,
			t->ladder->best);
}

/* Through all levels that it meets while it is ON, then to its end. */
static void
finish(struct taking *t, bool on)
{
	struct engine *engine = t->engine;

	while (on && meets(t)) {
		const struct level *level = best_level(t);

		on = take_level(t, level->head, level->lots);
	}
	settle_rest(t);
	if (t->instrument->waiting_count > 0 && engine->out.fills > 0)
		stops_follow(engine, t->instrument);
}

void
match(struct engine *engine, uint32_t slot)
{
	struct taking t = begin(engine, slot);

	if (t.order->acts == TYPE_LIMIT && t.order->tif == TIF_FOK &&
		!fillable(&t))
		t.end = CLOSE_UNFILLABLE;
	finish(&t, true);
}

void
match_on(struct engine *engine, uint32_t slot, uint32_t head, int64_t lots)
{
	struct taking t = begin(engine, slot);

	finish(&t, take_level(&t, head, lots));
}
