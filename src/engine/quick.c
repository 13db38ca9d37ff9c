/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quick.c - the short way of what nearly all commands are: a limit order that
 * is good till cancelled, of a user without limits of his own, in an open
 * market; and the cancel of an order that rests alone.
 *
 * The rules are those of place.c, pricing.c and book.c.  Here they are only
 * asked together whether all is well; when it is not, or anything is out of
 * the ordinary, nothing has been changed and the long way says what and why.
 *
 * Which side an order is on is as good as random, so what depends on it is
 * computed without a branch.
 */
#include "engine/quick.h"

#include <string.h>

#include "engine/lists.h"
#include "engine/place.h"

/* Far from where a buy's hold, notional and fee together, could overflow. */
#define NOTIONAL_PLAIN_MAX (INT64_MAX / 4)

/* Of the eight bytes from the instrument on, what a plain order may set: the
 * instrument, the side, any self-trade prevention, post-only. */
#define PLAIN_BITS                                                             \
	(UINT64_C(0xffff) | (uint64_t)SIDE_SELL << 16 |                        \
		(uint64_t)STP_NONE << 40 | (uint64_t)ORDER_POST_ONLY << 48)

_Static_assert(offsetof(struct cmd_order_place, instrument) == 8 &&
		offsetof(struct cmd_order_place, side) == 10 &&
		offsetof(struct cmd_order_place, type) == 11 &&
		offsetof(struct cmd_order_place, tif) == 12 &&
		offsetof(struct cmd_order_place, stp) == 13 &&
		offsetof(struct cmd_order_place, flags) == 14 &&
		offsetof(struct cmd_order_place, spare) == 15,
	"the bytes of PLAIN_BITS");
_Static_assert(TYPE_LIMIT == 0 && TIF_GTC == 0 && SIDE_SELL == 1 &&
		STP_NONE == 3 && ORDER_POST_ONLY == 1,
	"the bits of PLAIN_BITS");

_Static_assert(offsetof(struct ev_level, price) == 16 &&
		offsetof(struct ev_level, side) == 10 &&
		offsetof(struct ev_order_closed, instrument) == 24 &&
		offsetof(struct ev_order_closed, side) == 26 &&
		offsetof(struct ev_order_closed, status) == 27 &&
		offsetof(struct ev_order_closed, reason) == 28 &&
		offsetof(struct ev_order_closed, quantity) == 32,
	"the words that events are written in");

/* What an order and its event have in common, in the same order. */
#define COMMON_BYTES (ORDER_PLACE_SHORT - sizeof(struct message))
_Static_assert(offsetof(struct ev_order_opened, hold) -
				offsetof(struct ev_order_opened, instrument) ==
			COMMON_BYTES &&
		offsetof(struct ev_order_opened, stop_price) -
				offsetof(struct ev_order_opened, instrument) ==
			offsetof(struct cmd_order_place, stop_price) -
				offsetof(struct cmd_order_place, instrument) &&
		offsetof(struct ev_order_opened, status) -
				offsetof(struct ev_order_opened, instrument) ==
			offsetof(struct cmd_order_place, spare) -
				offsetof(struct cmd_order_place, instrument) &&
		ORDER_OPEN == 0,
	"an order is told as it was asked for");

/* And it is kept so: ACTS, as a limit order, where the command has zero. */
#define KIND_BYTES 8
_Static_assert(offsetof(struct order, acts) -
				offsetof(struct order, instrument) ==
			KIND_BYTES - 1 &&
		offsetof(struct order, flags) -
				offsetof(struct order, instrument) ==
			offsetof(struct cmd_order_place, flags) -
				offsetof(struct cmd_order_place, instrument),
	"an order is kept as it was asked for");

/* An order that may be placed. */
struct plain {
	struct user *user;
	struct instrument *instrument;
	struct balance *held; /* of what it holds */
	int64_t ticks;
	int64_t lots;
	int64_t hold;
	bool takes; /* it meets the other side */
};

/* A or, of a sell, B. */
static inline int64_t
by_side(unsigned side, int64_t a, int64_t b)
{
	return a ^ ((a ^ b) & -(int64_t)side);
}

/* What is nearly always so; else the long way is to be gone. */
#define NEED(condition)                                                        \
	do {                                                                   \
		if (__builtin_expect(!(condition), 0))                         \
			return false;                                          \
	} while (0)

static inline bool
is_plain(const struct cmd_order_place *cmd)
{
	uint64_t what;

	memcpy(&what, &cmd->instrument, sizeof(what));
	NEED(cmd->head.size == ORDER_PLACE_SHORT);
	NEED(((what & ~PLAIN_BITS) | (uint64_t)cmd->quote_budget |
		     (uint64_t)cmd->stop_price) == 0);
	return true;
}

/* A user of whom nothing is to be asked but whether he has the money. */
static inline bool
is_free(const struct engine *engine, const struct user *user)
{
	NEED((user->limits | user->watch | user->locked |
		     user->reduce_only) == 0);
	NEED(user->open_orders < engine->options.open_orders_user);
	return true;
}

/* His balances and his position are there. */
static inline bool
has_room(const struct user *user, const struct instrument_terms *terms)
{
	unsigned block = terms->instrument / BLOCK_POSITIONS;

	NEED(block < 8 && (user->trades_in >> block & 1) != 0);
	NEED(user->blocks[terms->base / BLOCK_ASSETS] != NONE);
	NEED(user->blocks[terms->quote / BLOCK_ASSETS] != NONE);
	return true;
}

/* Ticks, lots, and what it must hold. */
static inline bool
reckon(struct plain *p, const struct cmd_order_place *cmd)
{
	const struct instrument *at = p->instrument;
	int64_t notional, fee;

	NEED(cmd->quantity > 0 && cmd->price > 0);
	NEED(divide_exactly(at->lot, cmd->quantity, &p->lots));
	NEED(divide_exactly(at->tick, cmd->price, &p->ticks));
	NEED(at->terms.band_high == 0 ||
		check_band(at, cmd->price) == REFUSED_NONE);
	NEED(!__builtin_mul_overflow(p->ticks, p->lots, &notional));
	NEED(!__builtin_mul_overflow(notional, at->unit, &notional));
	NEED(notional <= NOTIONAL_PLAIN_MAX);
	NEED(notional >= at->terms.min_notional);
	fee = ceil_rate((unsigned __int128)(uint64_t)notional *
		higher_rate(at->terms.taker_rate, at->terms.maker_rate));
	p->hold = by_side(cmd->side, notional + fee, cmd->quantity);
	return true;
}

static inline bool
may_place(const struct engine *engine, const struct cmd_order_place *cmd,
	struct plain *p)
{
	const struct ladder *opposite;
	unsigned side = cmd->side;

	NEED(is_plain(cmd));
	p->user = user_find(engine, cmd->head.user);
	NEED(p->user != NULL);
	NEED(is_free(engine, p->user));
	p->instrument = instrument_find(engine, cmd->instrument);
	NEED(p->instrument != NULL);
	NEED(p->instrument->terms.status == MARKET_TRADING);
	NEED(has_room(p->user, &p->instrument->terms));
	NEED(reckon(p, cmd));
	opposite = &p->instrument->books[side ^ 1];
	p->takes = opposite->levels > 0 &&
		crosses((enum side)side, p->ticks, opposite->best);
	NEED(!p->takes || (cmd->flags & ORDER_POST_ONLY) == 0);
	p->held = balance_of(engine, p->user,
		(uint16_t)by_side(side, p->instrument->terms.quote,
			p->instrument->terms.base));
	NEED(p->held->available >= p->hold);
	return true;
}

/* Field by field, since clearing it first would take as long as all the rest.
 * When it takes, it is not in its user's list yet. */
static inline void
write_order(const struct cmd_order_place *cmd, const struct plain *p,
	struct ident_words id, struct order *order)
{
	const struct instrument_terms *terms = &p->instrument->terms;

	ident_put(id, &order->id);
	order->ticks = p->ticks;
	order->left = p->lots;
	order->hold = p->hold;
	order->lots = p->lots;
	order->user = cmd->head.user;
	order->level = NONE;
	memcpy((char *)order + offsetof(struct order, instrument),
		(const char *)cmd + sizeof(struct message), KIND_BYTES);
	order->live = LIVE_BOOK;
	order->listed = !p->takes;
	order->paired = 0;
	order->taker_sum = order->maker_sum = 0;
	order->fees = order->budget = 0;
	order->maker_rate = terms->maker_rate;
	order->taker_rate = terms->taker_rate;
}

static inline void
tell_opened(struct ev_order_opened *ev, const struct cmd_order_place *cmd,
	struct ident_words id, int64_t hold, struct balance after)
{
	message_head(&ev->head, ORDER_OPENED_SHORT, EV_ORDER_OPENED,
		cmd->head.user);
	ident_put(id, &ev->order);
	memcpy((char *)ev + offsetof(struct ev_order_opened, instrument),
		(const char *)cmd + sizeof(struct message), COMMON_BYTES);
	ev->hold = hold;
	ev->after = after;
}

/* The next record, at TIME_US; returns its sequence. */
static inline uint64_t
open_record(struct state *state, int64_t time_us, struct record *out)
{
	out->seq = ++state->seq;
	out->time_us = state->time_us = time_us;
	return out->seq;
}

/* It has N events, which end at END. */
static inline void
close_record(struct record *out, uint32_t n, const char *end)
{
	out->length = (uint32_t)(end - (const char *)out);
	out->n_events = n;
}

static inline void
tell_level(struct ev_level *ev, const struct instrument *at, unsigned side,
	int64_t price, int64_t lots)
{
	uint64_t where = at->terms.instrument | (uint64_t)side << 16;

	message_head(&ev->head, sizeof(*ev), EV_LEVEL, USER_HOUSE);
	memcpy((char *)ev + sizeof(ev->head), &where, sizeof(where));
	ev->price = price;
	ev->quantity = level_quantity(lots, at->terms.lot);
}

/* It is there, and meets the other side. */
static __attribute__((noinline)) bool
take(struct engine *engine, struct user *user, uint32_t slot,
	struct record *out, char *at)
{
	out->n_events = 1;
	engine->now_us = out->time_us;
	engine->seq = out->seq;
	engine->actor = user;
	engine->out = (struct emitter){
		.record = out,
		.at = at,
		.end = (char *)out + RECORD_MAX_BYTES,
	};
	match(engine, slot);
	close_record(out, out->n_events, engine->out.at);
	return true;
}

bool
quick_place(struct engine *engine, int64_t time_us,
	const struct cmd_order_place *cmd, struct record *out)
{
	char *at = (char *)(out + 1) + ORDER_PLACE_SHORT;
	struct balance after;
	struct order *order;
	struct ident_words id;
	struct plain p;
	uint32_t slot;
	uint64_t seq;

	NEED(may_place(engine, cmd, &p));
	slot = order_take(engine);
	NEED(slot != NONE);
	seq = open_record(engine->state, time_us, out);
	memcpy(out + 1, cmd, ORDER_PLACE_SHORT);
	id = order_ident_words((uint64_t)time_us / 1000, seq, slot,
		cmd->head.user);
	order = &engine->orders[slot];
	write_order(cmd, &p, id, order);
	after.available = p.held->available - p.hold;
	after.held = p.held->held + p.hold;
	*p.held = after;
	p.user->last_seq = seq;
	tell_opened((struct ev_order_opened *)(void *)at, cmd, id, p.hold,
		after);
	at += ORDER_OPENED_SHORT;
	if (p.takes)
		return take(engine, p.user, slot, out, at);
	user_list_add(engine, p.user, slot);
	order->level = level_join(engine, &p.instrument->books[cmd->side],
		slot, p.ticks, p.lots);
	p.instrument->resting++;
	tell_level((struct ev_level *)(void *)at, p.instrument, cmd->side,
		cmd->price, engine->levels[order->level].lots);
	close_record(out, 2, at + sizeof(struct ev_level));
	return true;
}

/* Whether a cancel names an order that rests alone, and its id. */
static inline bool
may_cancel(const struct engine *engine, const struct cmd_order_cancel *cmd,
	uint32_t slot)
{
	const struct order *order = &engine->orders[slot];

	NEED(cmd->head.size == ORDER_CANCEL_SHORT);
	NEED(slot < engine->state->orders.used);
	NEED(ident_equal(order->id, cmd->order));
	NEED(order->user == cmd->head.user);
	NEED(order->live == LIVE_BOOK);
	NEED(!order->paired);
	return true;
}

static inline void
tell_closed(struct ev_order_closed *ev, const struct order *order,
	int64_t lot, struct balance after)
{
	uint64_t what = order->instrument | (uint64_t)order->side << 16 |
		(uint64_t)ORDER_CANCELLED << 24 | (uint64_t)CLOSE_USER << 32;

	message_head(&ev->head, sizeof(*ev), EV_ORDER_CLOSED, order->user);
	ev->order = order->id;
	memcpy((char *)ev + offsetof(struct ev_order_closed, instrument),
		&what, sizeof(what));
	ev->quantity = order->lots * lot;
	ev->filled = (order->lots - order->left) * lot;
	ev->quote = order->taker_sum + order->maker_sum;
	ev->fee = order->fees;
	ev->after = after;
}

bool
quick_cancel(struct engine *engine, int64_t time_us,
	const struct cmd_order_cancel *cmd, struct record *out)
{
	char *at = (char *)(out + 1) + ORDER_CANCEL_SHORT;
	uint32_t slot = order_ident_slot(cmd->order);
	struct order *order = &engine->orders[slot];
	struct instrument *instrument;
	const struct level *level;
	struct balance *held, after;
	struct user *user;
	uint64_t seq;

	NEED(may_cancel(engine, cmd, slot));
	seq = open_record(engine->state, time_us, out);
	memcpy(out + 1, cmd, ORDER_CANCEL_SHORT);
	user = &engine->users[order->user];
	instrument = &engine->state->instruments[order->instrument];
	/* Of a level that loses its last order the lots are 0, wherever its
	 * leaf goes. */
	level = level_of_order(engine, order);
	level_leave(engine, &instrument->books[order->side], slot);
	instrument->resting--;
	user_list_remove(engine, user, slot);
	held = balance_of(engine, user,
		(uint16_t)by_side(order->side, instrument->terms.quote,
			instrument->terms.base));
	after.available = held->available + order->hold;
	after.held = held->held - order->hold;
	*held = after;
	user->last_seq = seq;
	tell_closed((struct ev_order_closed *)(void *)at, order,
		instrument->terms.lot, after);
	order->hold = 0;
	order_give(engine, slot);
	at += sizeof(struct ev_order_closed);
	tell_level((struct ev_level *)(void *)at, instrument, order->side,
		order->ticks * instrument->terms.tick, level->lots);
	close_record(out, 2, at + sizeof(struct ev_level));
	return true;
}
