/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quick_take.c - the short way of a plain order that trades at once.
 *
 * The rules are those of match.c.  What the taker has and owes is kept in
 * registers from maker to maker, and written once in the end; the order itself
 * only if something of it rests.  Buying and selling have a copy of the loop
 * each, in which the side is a constant.
 *
 * A maker who is out of the ordinary (the taker himself, one of a pair) or
 * a sum or count at its limit ends it before that fill: all is written as
 * match() would have left it, and match() goes on from there.
 */
#include "engine/quick.h"

/* What the taker has in hand. */
struct hand {
	struct position *position;
	/* Each number by itself: what is copied as a balance is kept as one, in
	 * memory, and would be waited for. */
	int64_t base;
	int64_t base_held;
	int64_t cash;
	int64_t cash_held;
	int64_t left; /* lots */
	int64_t hold;
	int64_t sum; /* quote units traded */
	int64_t fees;
};

/* What one fill is about. */
struct deal {
	int64_t lots;
	int64_t quantity; /* units of them */
	int64_t quote;
};

/* A level as it was when the taker came to it. */
struct seen {
	uint32_t head;
	int64_t lots;
};

/* Where the record has got to. */
struct told {
	char *at;
	uint32_t events;
	uint32_t fills;
};

INLINE void *
tell(struct told *told, size_t size)
{
	void *at = told->at;

	told->at += size;
	told->events++;
	return at;
}

/* Whether MAKER may be met here for QUOTE. */
static inline bool
is_plain_maker(const struct engine *engine, const struct order *maker,
	const struct user *taker, const struct hand *hand, int64_t quote,
	uint32_t fills)
{
	int64_t sum;

	return &engine->users[maker->user] != taker && !maker->paired &&
		fills < FILLS_MAX &&
		!__builtin_add_overflow(hand->sum, quote, &sum) &&
		!__builtin_add_overflow(maker->taker_sum + maker->maker_sum,
			quote, &sum);
}

INLINE void
tell_trade(struct ev_trade *ev, const struct engine *engine,
	const struct quick_taking *t, const struct deal *deal, int64_t price,
	uint32_t fill)
{
	const struct instrument_terms *terms = &t->plain.instrument->terms;

	message_head(&ev->head, sizeof(*ev), EV_TRADE, t->cmd->head.user);
	ident_put(trade_ident_words(engine->state->time_us, t->out->seq, fill),
		&ev->trade);
	ev->instrument = terms->instrument;
	ev->base = terms->base;
	ev->quote_asset = terms->quote;
	ev->taker_side = t->cmd->side;
	ev->spare = 0;
	ev->price = price;
	ev->quantity = deal->quantity;
	ev->quote = deal->quote;
}

/* The maker's part, who is on SIDE; returns his fee.  HELD is the balance that
 * his order holds of. */
INLINE int64_t
book_maker(const struct engine *engine, const struct instrument *at,
	struct order *maker, unsigned side, const struct deal *deal,
	struct trade_side *ev, struct balance *held)
{
	struct user *user = &engine->users[maker->user];
	struct balance *base = balance_of(engine, user, at->terms.base);
	struct balance *cash = balance_of(engine, user, at->terms.quote);
	int64_t before = maker->hold, fee, freed;

	maker->left -= deal->lots;
	maker->maker_sum += deal->quote;
	fee = fees_due(maker) - maker->fees;
	maker->fees += fee;
	ev->order = maker->id;
	ev->user = maker->user;
	ev->spare = 0;
	ev->fee = fee;
	ev->filled = (maker->lots - maker->left) * at->terms.lot;
	ev->quote = maker->taker_sum + maker->maker_sum;
	ev->fees = maker->fees;
	ev->left = maker->left * at->terms.lot;
	if (side == SIDE_BUY) {
		maker->hold = buy_hold(maker,
			maker->left * maker->ticks * at->unit);
		freed = before - maker->hold;
		balance_put(base, &ev->base_after,
			base->available + deal->quantity, base->held);
		held->available = cash->available + freed - deal->quote - fee;
		held->held = cash->held - freed;
		balance_put(cash, &ev->quote_after, held->available,
			held->held);
	} else {
		maker->hold = before - deal->quantity;
		held->available = base->available;
		held->held = base->held - deal->quantity;
		balance_put(base, &ev->base_after, held->available,
			held->held);
		balance_put(cash, &ev->quote_after,
			cash->available + deal->quote - fee, cash->held);
	}
	return fee;
}

/* The taker's part; returns his fee. */
INLINE int64_t
book_taker(const struct quick_taking *t, struct hand *hand, unsigned side,
	const struct deal *deal, struct trade_side *ev)
{
	const struct instrument *at = t->plain.instrument;
	uint32_t rate = at->terms.taker_rate;
	int64_t fees, fee, hold, notional, freed;

	hand->left -= deal->lots;
	hand->sum += deal->quote;
	fees = ceil_rate((unsigned __int128)(uint64_t)hand->sum * rate);
	fee = fees - hand->fees;
	hand->fees = fees;
	ident_put(t->id, &ev->order);
	ev->user = t->cmd->head.user;
	ev->spare = 0;
	ev->fee = fee;
	ev->filled = (t->plain.lots - hand->left) * at->terms.lot;
	ev->quote = hand->sum;
	ev->fees = fees;
	ev->left = hand->left * at->terms.lot;
	if (side == SIDE_BUY) {
		/* As buy_hold(), of an order that was never a maker. */
		notional = hand->left * t->plain.ticks * at->unit;
		hold = notional - fees +
			ceil_rate((unsigned __int128)(uint64_t)hand->sum * rate +
				(unsigned __int128)(uint64_t)notional *
					higher_rate(rate,
						at->terms.maker_rate));
		freed = hand->hold - hold;
		hand->hold = hold;
		hand->base += deal->quantity;
		hand->cash += freed - deal->quote - fee;
		hand->cash_held -= freed;
	} else {
		hand->hold -= deal->quantity;
		hand->base_held -= deal->quantity;
		hand->cash += deal->quote - fee;
	}
	ev->base_after.available = hand->base;
	ev->base_after.held = hand->base_held;
	ev->quote_after.available = hand->cash;
	ev->quote_after.held = hand->cash_held;
	return fee;
}

INLINE void
fill(struct engine *engine, const struct quick_taking *t, struct hand *hand,
	unsigned side, struct order *maker, const struct deal *deal,
	int64_t price, struct told *told, struct balance *makers)
{
	struct instrument *at = t->plain.instrument;
	struct asset *house = &engine->state->assets[at->terms.quote];
	struct position *position =
		position_of(engine, maker->user, at->terms.instrument);
	struct ev_trade *ev = tell(told, sizeof(*ev));
	int64_t fees;

	__builtin_prefetch(position, 1);

	tell_trade(ev, engine, t, deal, price, told->fills++);
	fees = book_maker(engine, at, maker, side ^ 1, deal, &ev->maker,
		makers);
	fees += book_taker(t, hand, side, deal, &ev->taker);
	house->fees += fees;
	ev->fees_after = house->fees;
	position_book(position, (enum side)(side ^ 1), ev, &ev->maker_position);
	position_book(hand->position, (enum side)side, ev,
		&ev->taker_position);
	engine->users[maker->user].last_seq = t->out->seq;
}

/* The first of its level is filled, and holds nothing any more. */
INLINE void
end_maker(struct engine *engine, const struct quick_taking *t, uint32_t slot,
	unsigned side, struct balance after, struct told *told)
{
	struct order *maker = &engine->orders[slot];
	const struct instrument_terms *terms = &t->plain.instrument->terms;
	struct ev_order_closed *ev = tell(told, sizeof(*ev));

	user_list_remove(engine, &engine->users[maker->user], slot);
	t->plain.instrument->resting--;
	tell_end(ev, maker->user, terms->instrument, side, ORDER_FILLED,
		CLOSE_FILLED);
	ev->order = maker->id;
	ev->filled = ev->quantity = maker->lots * terms->lot;
	ev->quote = maker->taker_sum + maker->maker_sum;
	ev->fee = maker->fees;
	ev->after = after;
	order_give(engine, slot);
}

/* Nothing is left of the taker, who was not in any list. */
INLINE void
end_taker(struct engine *engine, const struct quick_taking *t,
	const struct hand *hand, unsigned side, struct told *told)
{
	const struct instrument_terms *terms = &t->plain.instrument->terms;
	struct ev_order_closed *ev = tell(told, sizeof(*ev));

	tell_end(ev, t->cmd->head.user, terms->instrument, side, ORDER_FILLED,
		CLOSE_FILLED);
	ident_put(t->id, &ev->order);
	ev->filled = ev->quantity = t->cmd->quantity;
	ev->quote = hand->sum;
	ev->fee = hand->fees;
	ev->after.available = side == SIDE_BUY ? hand->cash : hand->base;
	ev->after.held = side == SIDE_BUY ? hand->cash_held : hand->base_held;
	order_give(engine, t->slot);
}

/* The order as its fills have left it. */
INLINE void
write_taker(struct engine *engine, const struct quick_taking *t,
	const struct hand *hand)
{
	struct order *order = &engine->orders[t->slot];

	write_order(t->cmd, &t->plain, t->id, order);
	order->left = hand->left;
	order->hold = hand->hold;
	order->taker_sum = hand->sum;
	order->fees = hand->fees;
}

/* What is left of it rests. */
INLINE void
rest(struct engine *engine, const struct quick_taking *t,
	const struct hand *hand, struct told *told)
{
	struct instrument *at = t->plain.instrument;
	struct order *order = &engine->orders[t->slot];
	unsigned side = t->cmd->side;

	write_taker(engine, t, hand);
	order->listed = 1;
	user_list_add(engine, t->plain.user, t->slot);
	order->level = level_join(engine, &at->books[side], t->slot,
		t->plain.ticks, hand->left);
	at->resting++;
	tell_level(tell(told, sizeof(struct ev_level)), at, side,
		t->cmd->price, engine->levels[order->level].lots);
}

/* The next maker is not for us. */
static __attribute__((noinline)) void
leave_to_match(struct engine *engine, const struct quick_taking *t,
	const struct hand *hand, const struct seen *seen,
	const struct told *told)
{
	write_taker(engine, t, hand);
	t->out->n_events = told->events;
	engine->now_us = t->out->time_us;
	engine->seq = t->out->seq;
	engine->actor = t->plain.user;
	engine->out = (struct emitter){
		.record = t->out,
		.at = told->at,
		.end = (char *)t->out + RECORD_MAX_BYTES,
		.fills = told->fills,
	};
	match_on(engine, t->slot, seen->head, seen->lots);
	close_record(t->out, t->out->n_events, engine->out.at);
}

/* Go through the best level.  False when match() must go on in it. */
INLINE bool
take_level(struct engine *engine, const struct quick_taking *t,
	struct hand *hand, unsigned side, struct ladder *ladder,
	struct seen *seen, struct told *told)
{
	struct instrument *at = t->plain.instrument;
	int64_t ticks = ladder->best, unit = ticks * at->unit;
	int64_t price = ticks * at->terms.tick;
	uint32_t leaf = ladder->best_leaf, head, next;
	struct level *level = level_of(engine, leaf, ticks);
	struct balance makers;
	struct order *maker;
	struct deal deal;

	*seen = (struct seen){level->head, level->lots};
	for (head = level->head; head != NONE && hand->left > 0;) {
		maker = &engine->orders[head];
		deal.lots = hand->left < maker->left ? hand->left : maker->left;
		deal.quote = deal.lots * unit;
		deal.quantity = deal.lots * at->terms.lot;
		if (__builtin_expect(!is_plain_maker(engine, maker,
			    t->plain.user, hand, deal.quote, told->fills), 0))
			return false;
		fill(engine, t, hand, side, maker, &deal, price, told, &makers);
		at->last_price = price;
		level->lots -= deal.lots;
		if (maker->left > 0)
			break;
		next = engine->links[head].next;
		level->head = next;
		engine->links[next].prev = NONE;
		end_maker(engine, t, head, side ^ 1, makers, told);
		head = next;
	}
	if (head == NONE) {
		level->tail = NONE;
		ladder_clear(engine, ladder, leaf, ticks);
	}
	tell_level(tell(told, sizeof(struct ev_level)), at, side ^ 1, price,
		level->lots);
	return true;
}

INLINE void
take(struct engine *engine, const struct quick_taking *t, unsigned side)
{
	struct instrument *at = t->plain.instrument;
	struct ladder *ladder = &at->books[side ^ 1];
	struct told told = {.at = t->at, .events = 1};
	struct balance *base =
		balance_of(engine, t->plain.user, at->terms.base);
	struct balance *cash =
		balance_of(engine, t->plain.user, at->terms.quote);
	struct hand hand = {
		.position = position_of(engine, t->cmd->head.user,
			at->terms.instrument),
		.base = base->available,
		.base_held = base->held,
		.cash = cash->available,
		.cash_held = cash->held,
		.left = t->plain.lots,
		.hold = t->plain.hold,
	};
	struct seen seen;
	bool on = true;

	__builtin_prefetch(hand.position, 1);
	while (on && hand.left > 0 && ladder->levels > 0 &&
		crosses((enum side)side, t->plain.ticks, ladder->best))
		on = take_level(engine, t, &hand, side, ladder, &seen, &told);
	*base = (struct balance){hand.base, hand.base_held};
	*cash = (struct balance){hand.cash, hand.cash_held};
	engine->state->trades += told.fills;
	if (__builtin_expect(!on, 0)) {
		struct hand left = hand;
		struct told so_far = told;

		leave_to_match(engine, t, &left, &seen, &so_far);
		return;
	}
	if (hand.left == 0)
		end_taker(engine, t, &hand, side, &told);
	else
		rest(engine, t, &hand, &told);
	if (__builtin_expect(at->waiting_count > 0, 0))
		stops_follow(engine, at);
	close_record(t->out, told.events, told.at);
}

HOT void
quick_take(struct engine *engine, const struct quick_taking *taking)
{
	if (taking->cmd->side == SIDE_BUY)
		take(engine, taking, SIDE_BUY);
	else
		take(engine, taking, SIDE_SELL);
}
