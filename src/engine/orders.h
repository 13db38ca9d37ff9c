/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.h - markets, and what becomes of orders: placed, matched, waiting,
 * paired, amended, ended.  Private to src/engine.
 */
#pragma once

#include "engine/owners.h"

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
enum refusal apply_asset_rate(struct engine *engine,
	const struct cmd_asset_rate *cmd);
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
	return &engine->levels[leaf * LEVELS + (uint64_t)ticks % LEVELS];
}

static inline struct level *
level_of_order(const struct engine *engine, const struct order *order)
{
	return &engine->levels[order->level];
}

/*
 * The leaf that holds TICKS, made if need be; a level of it is to be marked
 * used at once.  The pools have room for a path for each order.
 */
uint32_t ladder_open(struct engine *engine, struct ladder *ladder,
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
	/* Without a branch, since the side is as good as random. */
	int64_t sign = -(int64_t)side;

	return ((ticks - other) ^ sign) - sign >= 0;
}

/* ---- book.c ---- */

/* The back of its price's level in LADDER, and out of it. */
void order_join(struct engine *engine, struct ladder *ladder, uint32_t slot);
void order_leave(struct engine *engine, struct ladder *ladder, uint32_t slot);
/* Put it at the back of its level. */
void book_rest(struct engine *engine, uint32_t slot);
/* Take it out of its level; the level's lots are lowered by what is left. */
void book_unlink(struct engine *engine, uint32_t slot);
/* His list of open orders. */
void order_list(struct engine *engine, uint32_t slot);
void order_unlist(struct engine *engine, uint32_t slot);

void emit_level(struct engine *engine, uint16_t instrument, enum side side,
	int64_t ticks, int64_t lots);
/* Free what it still holds, tell its end, give its slot back. */
void order_close(struct engine *engine, uint32_t slot, enum close_reason reason);
/* The same for one that rests or waits: out of where it is first, and tell
 * the level of the book.  The other of its pair ends with it. */
void order_cancel(struct engine *engine, uint32_t slot,
	enum close_reason reason);
void cancel_all(struct engine *engine, struct user *user, uint16_t instrument,
	unsigned side, enum close_reason reason);
/* Of every user, at a delisting: up to CANCELS_MAX; the next TICK goes on. */
void cancel_book(struct engine *engine, uint16_t instrument);

/* The live order that ID names, or why there is none. */
enum refusal order_find(const struct engine *engine, uint32_t user,
	struct ident id, uint32_t *slot);

enum refusal apply_order_cancel(struct engine *engine,
	const struct cmd_order_cancel *cmd);
enum refusal apply_order_cancel_all(struct engine *engine,
	const struct cmd_order_cancel_all *cmd);

/* ---- match.c ---- */

/* What its trades so far cost it in fees. */
static inline int64_t
fees_due(const struct order *order)
{
	return ceil_rate((unsigned __int128)(uint64_t)order->taker_sum *
			order->taker_rate +
		(unsigned __int128)(uint64_t)order->maker_sum *
			order->maker_rate);
}

/* Write a balance, and tell it: from registers, since reading it back at once
 * as one value would wait for two separate stores. */
static inline void
balance_put(struct balance *balance, struct balance *told, int64_t available,
	int64_t held)
{
	balance->available = told->available = available;
	balance->held = told->held = held;
}

/* What a buy must hold for LEFT lots at TICKS, given what it has paid. */
static inline int64_t
buy_hold(const struct order *order, int64_t notional)
{
	uint32_t rate = higher_rate(order->taker_rate, order->maker_rate);

	return notional - order->fees +
		ceil_rate((unsigned __int128)(uint64_t)order->taker_sum *
				order->taker_rate +
			(unsigned __int128)(uint64_t)order->maker_sum *
				order->maker_rate +
			(unsigned __int128)(uint64_t)notional * rate);
}

/* Trade the order against the other side, then let it rest or end. */
void match(struct engine *engine, uint32_t slot);
/* The same for one that is about to meet a maker in the best level, which had
 * LOTS and began with HEAD when it came to it. */
void match_on(struct engine *engine, uint32_t slot, uint32_t head,
	int64_t lots);

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

/* The worst price that a market order of SIDE may reach, from BEST. */
int64_t collar_ticks(const struct instrument *instrument, enum side side,
	int64_t best);

enum refusal apply_order_oco(struct engine *engine,
	const struct cmd_order_oco *cmd, uint64_t *done_seq);

/* The key that a client order id is remembered under. */
void client_key(uint32_t user, const char *id, size_t length, uint64_t key[2]);

/* ---- amend.c ---- */

enum refusal apply_order_amend(struct engine *engine,
	const struct cmd_order_amend *cmd);

/* ---- stop.c ---- */

#define TRAILING_MAX 4096u
#define TRAIL_RATE_MAX (RATE_SCALE / 2)

/* The stop price of a trailing stop whose best price is PEAK, all in ticks;
 * 0: none. */
int64_t trail_ticks(enum side side, int64_t peak, int64_t trail,
	uint32_t rate);

static inline enum waiting
waits_for(uint8_t type, uint8_t side)
{
	bool falling = (type == TYPE_TAKE_PROFIT) == (side == SIDE_BUY);

	return falling ? FALLING : RISING;
}

/* It begins to wait at its stop price, in TICKS; and it no longer does. */
void stop_wait(struct engine *engine, uint32_t slot);
void stop_leave(struct engine *engine, uint32_t slot);
/* INSTRUMENT has traded: trailing stops follow, and some may be due. */
void stops_follow(struct engine *engine, struct instrument *instrument);
/* Its orders or its status have changed: what is due there now? */
void instrument_watch(struct engine *engine,
	const struct instrument *instrument);
/* The due stop of the lowest instrument; false when there is none. */
bool stop_fire(struct engine *engine);

/* ---- pair.c ---- */

/* The other of SLOT's pair, which is none any more; NONE when it had none. */
uint32_t pair_untie(struct engine *engine, uint32_t slot);
/* SLOT has traded: the other one ends. */
void pair_end_other(struct engine *engine, uint32_t slot);
