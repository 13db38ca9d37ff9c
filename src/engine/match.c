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

struct taking {
	struct engine *engine;
	uint32_t slot; /* the taker's */
	struct order *order;
	struct order_more *more;
	struct user *user;
	struct instrument *instrument;
	struct ladder *ladder; /* of the makers */
	enum close_reason end; /* why it must stop, or CLOSE_NONE */
};

static bool
by_budget(const struct taking *t)
{
	return t->more->budget != 0;
}

/* Of a buy: money; of a sell: what is still wanted. */
static int64_t
budget_left(const struct taking *t)
{
	return t->order->side == SIDE_BUY
		? t->order->hold
		: t->more->budget - t->more->taker_sum;
}

/* Lots that a buy's unspent budget pays, at UNIT quote units a lot. */
static int64_t
affordable(const struct taking *t, int64_t unit, int64_t most)
{
	const struct order_more *more = t->more;
	int64_t rest = budget_left(t);
	__int128 lots = (__int128)rest * RATE_SCALE /
		((__int128)unit * (RATE_SCALE + more->taker_rate));
	int64_t q = lots < most ? (int64_t)lots : most;

	/* The fee rounds up, so the quotient may be one lot too many. */
	for (; q > 0; q--) {
		int64_t quote = unit * q;
		int64_t fees = ceil_rate(
			((unsigned __int128)(uint64_t)more->taker_sum +
				(uint64_t)quote) * more->taker_rate);

		if (quote + (fees - more->fees) <= rest)
			break;
	}
	return q;
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

/*
 * Book one side of a fill: sums, fee, hold, balances, and that side of the
 * event.  Returns the fee.
 */
static int64_t
book_side(struct engine *engine, uint32_t slot, int64_t lots, int64_t quote,
	bool taker, const struct instrument *instrument, struct trade_side *ev)
{
	struct order *order = &engine->orders[slot];
	struct order_more *more = &engine->more[slot];
	struct user *user = &engine->users[order->user];
	struct balance *base = balance_of(engine, user, instrument->terms.base);
	struct balance *cash = balance_of(engine, user, instrument->terms.quote);
	int64_t quantity = lots * instrument->terms.lot, fees, hold;
	struct balance base_after, cash_after;

	if (taker)
		more->taker_sum += quote;
	else
		more->maker_sum += quote;
	fees = ceil_rate((unsigned __int128)(uint64_t)more->taker_sum *
			more->taker_rate +
		(unsigned __int128)(uint64_t)more->maker_sum *
			more->maker_rate);
	ev->fee = fees - more->fees;
	more->fees = fees;
	if (more->budget != 0)
		more->lots += lots; /* its quantity is what it fills */
	else
		order->left -= lots;
	base_after = *base;
	cash_after = *cash;
	if (order->side == SIDE_BUY) {
		hold = more->budget != 0
			? order->hold - quote - ev->fee
			: buy_hold(more,
				  order->left * order->ticks * instrument->unit);
		base_after.available += quantity;
		cash_after.held -= order->hold - hold;
		cash_after.available += order->hold - hold - quote - ev->fee;
		order->hold = hold;
	} else {
		base_after.held -= quantity;
		order->hold -= quantity;
		cash_after.available += quote - ev->fee;
	}
	*base = ev->base_after = base_after;
	*cash = ev->quote_after = cash_after;
	user->last_seq = engine->seq;
	ev->order = order_id(engine, slot);
	ev->user = order->user;
	ev->spare = 0;
	ev->filled = (more->lots - (more->budget != 0 ? 0 : order->left)) *
		instrument->terms.lot;
	ev->quote = more->taker_sum + more->maker_sum;
	ev->fees = more->fees;
	ev->left = more->budget != 0 ? 0
				     : order->left * instrument->terms.lot;
	return ev->fee;
}

static void
fill(struct taking *t, uint32_t maker_slot, int64_t lots)
{
	struct engine *engine = t->engine;
	struct instrument *instrument = t->instrument;
	struct order *maker = &engine->orders[maker_slot];
	struct asset *house = &engine->state->assets[instrument->terms.quote];
	int64_t quote = lots * maker->ticks * instrument->unit;
	struct ev_trade *ev =
		emit(engine, EV_TRADE, sizeof(*ev), t->order->user);

	ev->trade = trade_ident(engine->now_us, engine->seq,
		engine->out.fills++);
	ev->instrument = t->order->instrument;
	ev->base = instrument->terms.base;
	ev->quote_asset = instrument->terms.quote;
	ev->taker_side = t->order->side;
	ev->spare = 0;
	ev->price = maker->ticks * instrument->terms.tick;
	ev->quantity = lots * instrument->terms.lot;
	ev->quote = quote;
	level_of(engine, maker->leaf, maker->ticks)->lots -= lots;
	house->fees += book_side(engine, maker_slot, lots, quote, false,
		instrument, &ev->maker);
	house->fees += book_side(engine, t->slot, lots, quote, true, instrument,
		&ev->taker);
	ev->fees_after = house->fees;
	position_book(engine, maker->user, (enum side)maker->side, ev,
		&ev->maker_position);
	position_book(engine, t->order->user, (enum side)t->order->side, ev,
		&ev->taker_position);
	/* Whoever trades with himself has the taker's balances on both sides. */
	if (ev->maker.user == ev->taker.user) {
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
	user_list_remove(engine, &engine->users[engine->orders[slot].user],
		slot);
	order_close(engine, slot, reason);
	if (other != NONE)
		order_cancel(engine, other, CLOSE_OCO);
}

/* The taker has met an order of its own user.  True when it goes on. */
static bool
meet_oneself(struct taking *t, uint32_t maker_slot)
{
	enum stp stp = (enum stp)t->more->stp;

	if (stp == STP_MAKER || stp == STP_BOTH)
		end_maker(t, maker_slot, CLOSE_SELF_TRADE);
	if (stp == STP_MAKER)
		return true;
	t->end = CLOSE_SELF_TRADE;
	return false;
}

static bool
sums_would_overflow(const struct taking *t, const struct order_more *maker,
	int64_t quote)
{
	int64_t sum;

	/* Both sums of an order count: their total is what is told of it. */
	return __builtin_add_overflow(t->more->taker_sum + t->more->maker_sum,
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
		t->end = t->more->lots > 0 ? CLOSE_FILLED : CLOSE_REMAINDER;
		return false;
	}
	if (maker->user == t->order->user && t->more->stp != STP_NONE &&
		!engine->options.ignore_self_trades)
		return meet_oneself(t, maker_slot);
	if (engine->out.fills == FILLS_MAX ||
		sums_would_overflow(t, &engine->more[maker_slot],
			lots * maker->ticks * t->instrument->unit)) {
		t->end = CLOSE_FILL_LIMIT;
		return false;
	}
	fill(t, maker_slot, lots);
	if (maker->left == 0)
		end_maker(t, maker_slot, CLOSE_FILLED);
	return by_budget(t) || t->order->left > 0;
}

/* Go through one level.  False when the taker is done with the book. */
static bool
take_level(struct taking *t)
{
	struct engine *engine = t->engine;
	int64_t ticks = t->ladder->best;
	/* Stays where it is, all zeros, when its last order leaves. */
	struct level *level = level_of(engine, t->ladder->best_leaf, ticks);
	int64_t lots = level->lots;
	uint32_t head = level->head;
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
		user_list_add(engine, &engine->users[order->user], slot);
	emit_level(engine, order->instrument, (enum side)order->side,
		order->ticks, level_of(engine, order->leaf, order->ticks)->lots);
}

/* The taker is done with the book: it rests, or it ends. */
static void
settle_rest(struct taking *t)
{
	struct engine *engine = t->engine;
	struct order *order = t->order;

	if (t->end == CLOSE_NONE) {
		if (by_budget(t) ? t->more->lots > 0 && budget_left(t) == 0
				 : order->left == 0)
			t->end = CLOSE_FILLED;
		else if (t->more->acts != TYPE_LIMIT ||
			t->more->tif != TIF_GTC)
			t->end = CLOSE_REMAINDER;
	}
	if (t->end != CLOSE_NONE) {
		uint32_t other = pair_untie(engine, t->slot);

		if (order->listed)
			user_list_remove(engine, t->user, t->slot);
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
			slot = engine->orders[slot].next) {
			const struct order *maker = &engine->orders[slot];

			if (maker->user == t->order->user &&
				t->more->stp != STP_NONE &&
				!engine->options.ignore_self_trades) {
				if (t->more->stp == STP_MAKER)
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

void
match(struct engine *engine, uint32_t slot)
{
	struct taking t = {.engine = engine, .slot = slot};

	t.order = &engine->orders[slot];
	t.more = &engine->more[slot];
	t.user = &engine->users[t.order->user];
	t.instrument = &engine->state->instruments[t.order->instrument];
	t.ladder = &t.instrument->books[t.order->side == SIDE_BUY ? SIDE_SELL
								  : SIDE_BUY];
	if (t.more->acts == TYPE_LIMIT && t.more->tif == TIF_FOK &&
		!fillable(&t))
		t.end = CLOSE_UNFILLABLE;
	while (t.end == CLOSE_NONE && t.ladder->levels > 0 &&
		crosses((enum side)t.order->side, t.order->ticks,
			t.ladder->best))
		if (!take_level(&t))
			break;
	settle_rest(&t);
	if (t.instrument->waiting_count > 0 && engine->out.fills > 0)
		stops_follow(engine, t.instrument);
}

void
match_or_rest(struct engine *engine, uint32_t slot)
{
	const struct order *order = &engine->orders[slot];
	const struct order_more *more = &engine->more[slot];
	const struct ladder *makers =
		&engine->state->instruments[order->instrument]
			 .books[order->side == SIDE_BUY ? SIDE_SELL : SIDE_BUY];

	if (more->acts == TYPE_LIMIT && more->tif == TIF_GTC &&
		(makers->levels == 0 ||
			!crosses((enum side)order->side, order->ticks,
				makers->best)))
		rest(engine, slot);
	else
		match(engine, slot);
}
