/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * quick.c - the short way of what nearly all commands are: a limit order that
 * is good till cancelled, of a user without limits of his own, in an open
 * market; and the cancel of an order that rests alone.
 *
 * The rules are those of place.c, pricing.c and book.c.  Here they are only
 * asked together whether all is well; when it is not, or anything is out of
 * the ordinary, nothing has been changed and the long way says what and why.
 * An order that trades at once goes on in quick_take.c.
 */
#include "engine/quick.h"

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

static inline bool
has_balance(const struct user *user, uint16_t asset)
{
	return asset < BLOCK_ASSETS ||
		user->blocks[asset / BLOCK_ASSETS - 1] != NONE;
}

/* His balances and his position are there. */
static inline bool
has_room(const struct user *user, const struct instrument_terms *terms)
{
	unsigned block = terms->instrument / BLOCK_POSITIONS;

	NEED(block < 8 && (user->trades_in >> block & 1) != 0);
	NEED(has_balance(user, terms->base) && has_balance(user, terms->quote));
	return true;
}

/* Ticks, lots, and what it must hold. */
static inline bool
reckon(struct plain_order *p, const struct cmd_order_place *cmd)
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

INLINE bool
may_place(const struct engine *engine, const struct cmd_order_place *cmd,
	struct plain_order *p)
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

bool
quick_place(struct engine *engine, int64_t time_us,
	const struct cmd_order_place *cmd, struct record *out)
{
	char *at = (char *)(out + 1) + ORDER_PLACE_SHORT;
	struct balance after;
	struct order *order;
	struct ident_words id;
	struct plain_order p;
	uint32_t slot;
	uint64_t seq;

	NEED(may_place(engine, cmd, &p));
	slot = order_take(engine);
	NEED(slot != NONE);
	seq = open_record(engine->state, time_us, out);
	memcpy(out + 1, cmd, ORDER_PLACE_SHORT);
	id = order_ident_words((uint64_t)time_us / 1000, seq, slot,
		cmd->head.user);
	after.available = p.held->available - p.hold;
	after.held = p.held->held + p.hold;
	*p.held = after;
	p.user->last_seq = seq;
	tell_opened((struct ev_order_opened *)(void *)at, cmd, id, p.hold,
		after);
	at += ORDER_OPENED_SHORT;
	if (p.takes) {
		quick_take(engine, &(struct quick_taking){.cmd = cmd,
			.plain = p, .id = id, .slot = slot, .out = out,
			.at = at});
		return true;
	}
	order = &engine->orders[slot];
	write_order(cmd, &p, id, order);
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
tell_cancelled(struct ev_order_closed *ev, const struct order *order,
	int64_t lot, struct balance after)
{
	tell_end(ev, order->user, order->instrument, order->side,
		ORDER_CANCELLED, CLOSE_USER);
	ev->order = order->id;
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
	struct cmd_order_cancel *copy = (struct cmd_order_cancel *)(out + 1);
	char *at = (char *)copy + ORDER_CANCEL_SHORT;
	uint32_t slot = order_ident_slot(cmd->order);
	struct order *order = &engine->orders[slot];
	struct instrument *instrument;
	const struct level *level;
	struct balance *held, after;
	struct user *user;
	uint64_t seq;

	NEED(may_cancel(engine, cmd, slot));
	seq = open_record(engine->state, time_us, out);
	/* Piece by piece, as it may have been written just now. */
	copy->head = cmd->head;
	copy->order = order->id;
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
	tell_cancelled((struct ev_order_closed *)(void *)at, order,
		instrument->terms.lot, after);
	order->hold = 0;
	order_give(engine, slot);
	at += sizeof(struct ev_order_closed);
	tell_level((struct ev_level *)(void *)at, instrument, order->side,
		order->ticks * instrument->terms.tick, level->lots);
	close_record(out, 2, at + sizeof(struct ev_level));
	return true;
}
