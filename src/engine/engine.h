/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * engine.h - the exchange as a function: apply(state, command) -> events.
 *
 * No clock, no float, no I/O, no allocation after engine_new(), and nothing
 * that depends on an address or on the order of a hash table: the same
 * commands at the same times give the same events and the same state, to the
 * bit.  All of the state lies in pools that refer to each other by index, so
 * that a snapshot is a copy of their used parts.
 *
 * The rules
 *
 * Priority.  Better price first, then earlier arrival.  A trade's price is
 * the maker's.  Prices are counted in ticks and quantities in lots inside;
 * tick × lot is exact in the quote asset, so a trade never rounds.
 *
 * Fees are charged in the quote asset.  An order keeps the two rates of its
 * acceptance.  What it owes after any fill is
 *         ceil((taker_sum × taker_rate + maker_sum × maker_rate) / 10^6)
 * over the quote amounts that it took and made so far; a fill pays the
 * difference to what it has paid.
 *
 * Holds.  A sell holds its open quantity of the base asset.  A buy holds
 *         N + ceil((taker_sum × taker_rate + maker_sum × maker_rate
 *                   + N × max(maker_rate, taker_rate)) / 10^6) - paid
 * of the quote asset, where N is its open quantity at its limit; what a fill
 * makes superfluous becomes available at once.  A buy with a quote budget
 * holds the unspent budget.
 *
 * A market order is an IOC limit order at the collar: the best opposite price
 * moved by the instrument's collar against the taker, cut to the tick (down
 * for a buy, up for a sell, never below one tick nor above the largest).  With an empty opposite
 * side it is accepted and ends at once, unfilled.  A market buy with a budget
 * takes, of each maker, the most lots whose quote amount and fee at its rate
 * the rest of the budget pays (what earlier fees were rounded up by is not
 * spent again); a market sell with a budget takes the most lots whose
 * quote amount does not exceed what is still wanted, and holds what the
 * budget needs at the collar, rounded up to a lot.
 *
 * FOK trades wholly or ends unfilled: makers are counted in priority, those
 * of the same user as self-trade prevention would treat them (TAKER and BOTH
 * end the count, MAKER skips them, NONE counts them), at most FILLS_MAX.
 *
 * Self-trade prevention: when the best maker is of the taker's user, TAKER
 * ends the taker, MAKER ends the maker and goes on, BOTH ends both, NONE
 * trades.
 *
 * At most FILLS_MAX fills a command; the rest of the taker is then cancelled.
 * A delisting cancels up to CANCELS_MAX orders; each TICK, which is then due
 * at once, goes on with as many.
 *
 * Events.  An order placed: ORDER_OPENED; then for each maker met, TRADE and,
 * when the maker is filled, its ORDER_CLOSED (or, under self-trade
 * prevention, its ORDER_CLOSED alone); a LEVEL for each price level once the
 * taker is done with it; then either the taker's ORDER_CLOSED, or, when it
 * rests, the LEVEL it rests in.  A cancel: ORDER_CLOSED, LEVEL.  Cancel all,
 * and a lock: the same for each of the user's orders, the newest first, a
 * lock's EV_USER before them.  LEVEL is told of levels that changed.  An
 * amendment that keeps its place: ORDER_AMENDED, LEVEL (of an order with
 * nothing left: ORDER_CLOSED, LEVEL); another: the LEVEL it left,
 * ORDER_AMENDED, then as an order placed.
 * A balance in an event is that after the event, except that the two holds of
 * ORDER_OPENED and ORDER_AMENDED are those before any trade of theirs.
 *
 * Stops.  A stop-loss or take-profit waits, holding what it will need: a sell
 * its quantity; a buy what a limit order at its price would hold, or without a
 * price at its stop price moved up by the collar.  It is due when the market
 * is open and the last price has reached its stop price.  No command fires
 * one: the engine's deadline is then at once, and each TICK fires one, of the
 * lowest instrument the lowest that rose to be due, else the highest that
 * fell, else the one that came to its stop price first.  It becomes a limit
 * order with its own time in force, or a market order, under its id and at its
 * rates; what it holds is reckoned anew (ORDER_TRIGGERED), and it ends with
 * NO_FUNDS if that cannot be had, or with RISK if a buy would break a limit.
 *
 * A trailing stop's stop price is at a distance from the best last price since
 * it came: that price less (for a buy: and) TRAIL, or a part of it, cut away
 * from it to a tick.  After a command that traded they follow, the oldest
 * first, each to the back of those at its new stop price.  TRAILING_MAX
 * (stop.c) of an instrument and side can wait.
 *
 * A pair is a limit order and a stop-loss on both sides of the last price.
 * The stop holds only what it would need beyond the limit order's hold.  When
 * one trades or fires, or ends, the other ends with OCO: after the TRADE, or
 * after the ORDER_CLOSED and LEVEL of the first.  Neither can be amended.
 *
 * A TICK does one thing: fire a stop; else cancel the orders of a user whose
 * dead-man switch is due (CANCEL_AFTER, then as a cancel all); else go on with
 * a delisting.
 *
 * Limits of buys.  ORDER_SIZE is of the order's value: a limit order's
 * notional, a market order's quantity at the best opposite price or budget, a
 * stop's at its limit, else its stop price.  POSITION_SIZE bounds that value,
 * and the user's position at the last price, and his other open buys of the
 * instrument; POSITION_VALUE the same in money of account.
 *
 * Equity is all of a user's balances in money of account: the asset "USD",
 * by the last (else reference) price of the lowest-numbered book of an asset
 * against it, else by ASSET_RATE.  Who has a limit of daily loss or drawdown
 * is watched: his peak, and his equity at the first look on a UTC day.  He is
 * in breach when his equity is below the day's by the one, or below the peak
 * by the other's part of it; buys are then refused.  After each of his own
 * commands that can move equity, and at a RISK_CHECK, his equity is looked at
 * (RISK, if anything changed); a breach makes him reduce-only (USER) until the
 * first look on another day, which begins with a new peak, or an operator's
 * word.  Deposits, withdrawals and corrections are neither gain nor loss: the
 * day's equity moves with them, and the peak in proportion.  What a command is
 * refused for does not change the watch.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "wire/command.h"
#include "wire/event.h"
#include "wire/record.h"
#include "wire/refusal.h"

#define FILLS_MAX 1000
#define CANCELS_MAX 4000u
#define RATE_SCALE 1000000
/* How long intents and client order ids are remembered, of command time. */
#define MEMORY_US (INT64_C(24) * 3600 * 1000000)

/* Room that engine_apply() may need for a command and all of its events. */
#define RECORD_MAX_BYTES ((size_t)1024 * 1024)

struct engine_options {
	uint32_t users;      /* capacities; memory is only used when touched */
	uint32_t orders;
	uint32_t client_ids; /* remembered in all */
	uint32_t client_ids_user; /* and of one user; the oldest are forgotten */
	uint32_t intents;
	uint32_t sessions;   /* revoked ones */
	uint32_t withdrawals;
	uint32_t limits;     /* of all users together */
	/* Unless his own limit is smaller.  At most CANCELS_MAX, so that one
	 * command can cancel them all. */
	uint32_t open_orders_user;
	/* Fetch the first pages of all pools now, not when the first orders
	 * need them. */
	bool touch;
	/* Benchmarks only: STP_NONE for all, and any number of open orders. */
	bool ignore_self_trades;
};

extern const struct engine_options engine_defaults;

struct engine;

/* NULL when the memory cannot be had or an option is out of range. */
struct engine *engine_new(const struct engine_options *options);
void engine_free(struct engine *engine);

/*
 * Apply COMMAND (well formed, see command_well_formed()) at TIME_US, which is
 * never below that of the command before.  When it is applied, the record is
 * written to OUT (RECORD_MAX_BYTES of room) with the next sequence, and 0 is
 * returned.  Otherwise nothing has changed and the reason is returned.
 *
 * When the command was done before (its intent or client order id is
 * remembered, with the same terms), nothing changes, REFUSED_NONE is
 * returned, and *DONE_SEQ is the sequence it was done under; else *DONE_SEQ
 * is 0.
 */
enum refusal engine_apply(struct engine *engine, int64_t time_us,
	const struct message *command, struct record *out,
	uint64_t *done_seq);

/*
 * Hints that COMMAND (well formed) will be applied soon: the first some six
 * commands ahead, the second about half as many, once what the first asked for
 * has arrived.  They change nothing; a batch of commands over many orders would
 * otherwise wait for memory at each of them.  The fewer orders there are, the
 * nearer the processor keeps them: engine_hints() says which are worth it now.
 */
enum hints { HINTS_NONE, HINTS_FIRST, HINTS_BOTH };

enum hints engine_hints(const struct engine *engine);
void engine_expect(const struct engine *engine, const struct message *command);
void engine_expect_soon(const struct engine *engine,
	const struct message *command);

/* The sequence and time of the last applied command; 0 before the first. */
uint64_t engine_seq(const struct engine *engine);
int64_t engine_time_us(const struct engine *engine);

/* Whether a session may act; see wire/frame.h. */
struct user_facts {
	uint64_t last_seq; /* of the last record that changed him */
	uint32_t epoch;
	uint8_t role;
	uint8_t locked;
	uint8_t reduce_only;
	bool exists;
};
struct user_facts engine_user(const struct engine *engine, uint32_t user);
bool engine_session_revoked(const struct engine *engine, struct ident session);

/* What a balance is now; zeros for a user or asset that is not known. */
struct balance engine_balance(const struct engine *engine, uint32_t user,
	uint16_t asset);
/* Of an account of the house. */
int64_t engine_house(const struct engine *engine, enum account_kind account,
	uint16_t asset);

/* When the next TICK is due; INT64_MAX when none is. */
int64_t engine_deadline_us(const struct engine *engine);

struct depth_level {
	int64_t price;
	int64_t quantity;
};

/* The best MAX levels, best first; returns how many there are. */
size_t engine_depth(const struct engine *engine, uint16_t instrument,
	enum side side, struct depth_level *out, size_t max);

/* NULL when there is no such instrument. */
const struct instrument_terms *engine_terms(const struct engine *engine,
	uint16_t instrument);
unsigned engine_instruments(const struct engine *engine);
/* 0 before the first trade. */
int64_t engine_last_price(const struct engine *engine, uint16_t instrument);
/* 0 when none is set. */
int64_t engine_reference(const struct engine *engine, uint16_t instrument);
uint64_t engine_open_orders(const struct engine *engine);
uint64_t engine_users(const struct engine *engine);
uint64_t engine_trades(const struct engine *engine);

/* Of the rules: the same commands give the same events, or it is another. */
#define ENGINE_VERSION 2

/*
 * Snapshots.  engine_extents() lists the used parts of the pools; the first
 * is the header, which tells engine_load() how long the others are.  The
 * format is that of STATE_VERSION; no other version reads it, and a journal is
 * then replayed instead.
 */
#define STATE_VERSION 4
#define ENGINE_EXTENTS_MAX 24
struct extent {
	void *at;
	size_t length;
};
size_t engine_extents(const struct engine *engine,
	struct extent out[ENGINE_EXTENTS_MAX]);
/*
 * Ask READ for each extent's bytes in turn, into a new engine.  False when
 * READ fails or the header does not fit this version and these OPTIONS; the
 * engine can then only be freed.  Whether what was read is what was written
 * is for the caller to see, by engine_hash().
 */
bool engine_load(struct engine *engine,
	bool (*read)(void *source, struct extent extent), void *source);

/* XXH3-128 over the state in a canonical order, independent of the layout. */
void engine_hash(const struct engine *engine, uint8_t out[16]);

/*
 * Whether the state is sound: every asset sums to zero, holds equal what
 * orders and withdrawals hold, levels equal their orders, no book is crossed.
 * Slow; for tests and for a loaded snapshot.  Says what is wrong in WHY.
 */
bool engine_sound(const struct engine *engine, char *why, size_t size);
