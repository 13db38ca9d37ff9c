/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_state.h - what the naive engine is made of; for its own files only.
 *
 *   naive.c           apply: intents, the record, questions
 *   naive_admin.c     assets, instruments, users, sessions, limits
 *   naive_money.c     deposits, withdrawals, corrections
 *   naive_terms.c     what orders are checked for, and client order ids
 *   naive_orders.c    placing an order
 *   naive_pairs.c     placing two of which one cancels the other
 *   naive_recall.c    cancel and amend
 *   naive_match.c     holds, fills, the book, and how orders end
 *   naive_stops.c     orders that wait, and what makes them act
 *   naive_tick.c      what is done when it is due
 *   naive_position.c  what users have by trading
 *   naive_risk.c      equity, and the limits on losses and positions
 *   naive_sound.c     what must be so, whatever was done
 */
#pragma once

#include <assert.h>

#include "base/decimal.h"
#include "naive.h"
#include "wire/ids.h"

typedef __int128 wide;

/* Plain names, which the linker must not take for those of the engine. */
#define narrow naive_narrow
#define ceil_div naive_ceil_div
#define begin naive_begin
#define emit naive_emit
#define touch naive_touch
#define find_user naive_find_user
#define find_instrument naive_find_instrument
#define find_intent naive_find_intent
#define find_limit naive_find_limit
#define do_tick naive_do_tick
#define do_asset_set naive_do_asset_set
#define do_instrument_set naive_do_instrument_set
#define do_reference_price naive_do_reference_price
#define do_user_create naive_do_user_create
#define do_user_set naive_do_user_set
#define do_session_revoke naive_do_session_revoke
#define do_limit_set naive_do_limit_set
#define do_deposit naive_do_deposit
#define do_withdraw_hold naive_do_withdraw_hold
#define do_withdraw_pay naive_do_withdraw_pay
#define do_withdraw_release naive_do_withdraw_release
#define do_correction naive_do_correction
#define do_order_place naive_do_order_place
#define do_order_cancel naive_do_order_cancel
#define do_order_cancel_all naive_do_order_cancel_all
#define do_order_amend naive_do_order_amend
#define cancel_all naive_cancel_all
#define order_instrument naive_order_instrument
#define held_asset naive_held_asset
#define notional naive_notional
#define with_fee naive_with_fee
#define best naive_best
#define crosses naive_crosses
#define hold_due naive_hold_due
#define set_hold naive_set_hold
#define balance_of naive_balance_of
#define book_insert naive_book_insert
#define book_remove naive_book_remove
#define emit_level naive_emit_level
#define trade_and_rest naive_trade_and_rest
#define close_order naive_close_order
#define cancel_order naive_cancel_order
#define dissolve_pair naive_dissolve_pair
#define client_id_is_sound naive_client_id_is_sound
#define find_client_id naive_find_client_id
#define remember_client_id naive_remember_client_id
#define check_band naive_check_band
#define collar_price naive_collar_price
#define value_fits naive_value_fits
#define check_value naive_check_value
#define check_open_orders naive_check_open_orders
#define accept_order naive_accept_order
#define emit_opened naive_emit_opened
#define do_order_oco naive_do_order_oco
#define do_cancel_after naive_do_cancel_after
#define do_risk_check naive_do_risk_check
#define do_asset_rate naive_do_asset_rate
#define check_stop naive_check_stop
#define make_stop naive_make_stop
#define check_stop_worth naive_check_stop_worth
#define check_trailing_room naive_check_trailing_room
#define is_rising naive_is_rising
#define first_waiting naive_first_waiting
#define due_stop naive_due_stop
#define fire naive_fire
#define trail_stops naive_trail_stops
#define cancel_delisted naive_cancel_delisted
#define has_live_orders naive_has_live_orders
#define book_buy naive_book_buy
#define book_sell naive_book_sell
#define saturate naive_saturate
#define equity_of naive_equity_of
#define reduces_only naive_reduces_only
#define check_risk naive_check_risk
#define mark naive_mark
#define move_equity naive_move_equity
#define limits_changed naive_limits_changed
#define reduce_lifted naive_reduce_lifted
#define emit_user naive_emit_user

/* Parts of 10^6 of its peak at most. */
#define NAIVE_TRAIL_RATE_MAX 500000
#define NAIVE_TRAILING_MAX 4096
#define DAY_US (INT64_C(24) * 3600 * 1000000)

/* How a user stands: see "Watch" in naive_risk.c. */
struct naive_standing {
	uint8_t reduce_only; /* enum reduce_only */
	bool watched;
	int64_t peak;
	int64_t day_equity;
	int32_t day;
};

struct naive_user {
	uint32_t number;
	uint32_t epoch;
	struct ident public_id;
	uint8_t role;
	uint8_t locked;
	uint64_t last_seq;
	int64_t due_us; /* of the dead-man switch; 0: off */
	struct naive_standing standing;
	struct balance balances[ASSETS_MAX];
	struct position positions[INSTRUMENTS_MAX];
};

struct naive_order {
	struct ident id;
	uint32_t slot;
	uint32_t user;
	uint16_t instrument;
	uint8_t side;
	uint8_t type;
	uint8_t acts; /* as TYPE_LIMIT or TYPE_MARKET, once it does not wait */
	uint8_t tif;
	uint8_t stp;
	uint8_t flags;
	bool resting;
	bool waiting;
	wide limit; /* its price, or the collar of a market order; 0: none yet */
	wide stop;
	wide peak; /* of a trailing stop */
	int64_t trail;
	uint32_t trail_rate;
	uint64_t stop_since; /* counts arrivals at stop prices */
	struct naive_order *pair; /* of which one cancels the other */
	int64_t quantity; /* total; 0 when the budget decides */
	int64_t budget;
	uint32_t maker_rate; /* of its acceptance */
	uint32_t taker_rate;
	int64_t filled;
	wide taker_sum; /* quote amounts that it took and made so far */
	wide maker_sum;
	wide fees;
	wide hold;
	uint64_t accepted; /* counts acceptances: which is newer */
};

struct naive_instrument {
	struct instrument_terms terms;
	int64_t last_price;
	int64_t reference_price;
	/* Best first, then earliest first. */
	struct naive_order **book[2];
	size_t n_book[2];
};

struct naive_limit {
	uint32_t user;
	uint16_t instrument;
	uint8_t type;
	int64_t value;
};

struct naive_withdrawal {
	struct ident id;
	uint32_t user;
	uint16_t asset;
	int64_t amount;
};

/* A command that was applied under an intent, oldest first in their list. */
struct naive_intent {
	struct ident id;
	int64_t time_us; /* of the command */
	uint64_t seq;
	struct message *command;
};

/* A client order id and the terms it stands for, oldest first. */
struct naive_client_id {
	int64_t time_us;
	uint64_t seq;
	struct ident order;
	uint32_t user;
	size_t length;
	char id[CLIENT_ID_MAX];
	bool is_pair;
	struct cmd_order_place terms;
	struct cmd_order_oco pair_terms;
};

struct naive_session {
	struct ident id;
	int64_t expires_us;
};

struct naive {
	struct engine_options options;
	uint64_t seq;
	int64_t time_us;
	uint64_t trades;
	uint64_t acceptances;
	uint64_t stop_arrivals;

	unsigned n_assets;
	unsigned n_instruments;
	struct naive_instrument *instruments; /* INSTRUMENTS_MAX of them */
	wide house[4][ASSETS_MAX];
	char codes[ASSETS_MAX][ASSET_CODE_MAX];
	int64_t rates[ASSETS_MAX]; /* in money of account; 0: none */

	struct naive_user *users;
	size_t n_users;
	struct naive_order **orders; /* every live one, in no order */
	size_t n_orders;
	uint32_t *free_slots; /* the last is used next */
	size_t n_free_slots;
	uint32_t slots_used; /* 1 to this have been used */
	struct naive_limit *limits;
	size_t n_limits;
	struct naive_withdrawal *withdrawals; /* held now */
	size_t n_withdrawals;
	struct naive_intent *intents;
	size_t n_intents;
	int64_t forgotten_ms; /* the latest intent that was crowded out */
	struct naive_client_id *client_ids;
	size_t n_client_ids;
	struct naive_session *sessions;
	size_t n_sessions;

	/* The command that is being applied, and where its record goes. */
	int64_t now;
	struct record *out;
	uint32_t fill; /* index of the next trade of this command */
	struct naive_instrument *traded; /* by this command, or NULL */
	uint64_t done_seq; /* not 0: it was done before */
};

/* One element more, zeroed, at the end of *LIST. */
void *naive_append(void **list, size_t *n, size_t size);
#define APPEND(list, n) naive_append((void **)&(list), &(n), sizeof(*(list)))
/* Take element I out of LIST; those behind it move up. */
void naive_remove(void *list, size_t *n, size_t size, size_t i);
#define REMOVE(list, n, i) naive_remove((list), &(n), sizeof(*(list)), (i))

/* N as an int64 that it is known to fit. */
int64_t narrow(wide n);
/* Ceiling of A / B, for A >= 0 and B > 0. */
wide ceil_div(wide a, wide b);

/*
 * naive.c.  A handler checks everything, then calls begin(), then changes the
 * state and emits events; what it returns before begin() changed nothing.
 */
void begin(struct naive *n, const struct message *command);
/* A zeroed event with its head; it is complete once its caller returns. */
void *emit(struct naive *n, uint16_t type, size_t size, uint32_t user);
/* This record concerns USER. */
void touch(struct naive *n, uint32_t user);

struct naive_user *find_user(const struct naive *n, uint32_t user);
struct naive_instrument *find_instrument(const struct naive *n,
	uint16_t instrument);
/* NULL when it is not remembered. */
struct naive_intent *find_intent(const struct naive *n, struct ident id);
int64_t find_limit(const struct naive *n, uint32_t user, uint16_t instrument,
	uint8_t type);

/* naive_admin.c */
enum refusal do_asset_set(struct naive *n, const struct message *m);
enum refusal do_instrument_set(struct naive *n, const struct message *m);
enum refusal do_reference_price(struct naive *n, const struct message *m);
enum refusal do_user_create(struct naive *n, const struct message *m);
enum refusal do_user_set(struct naive *n, const struct message *m);
enum refusal do_session_revoke(struct naive *n, const struct message *m);
enum refusal do_limit_set(struct naive *n, const struct message *m);
void emit_user(struct naive *n, const struct naive_user *u, bool created);

/* naive_money.c */
enum refusal do_deposit(struct naive *n, const struct message *m);
enum refusal do_withdraw_hold(struct naive *n, const struct message *m);
enum refusal do_withdraw_pay(struct naive *n, const struct message *m);
enum refusal do_withdraw_release(struct naive *n, const struct message *m);
enum refusal do_correction(struct naive *n, const struct message *m);

/*
 * naive_terms.c.  A client id of LENGTH in a message of MESSAGE_SIZE, of which
 * SHORT_SIZE bytes stand before the length.
 */
bool client_id_is_sound(const char *id, size_t length, size_t short_size,
	size_t message_size);
struct naive_client_id *find_client_id(const struct naive *n, uint32_t user,
	const char *id, size_t length);
/* ENTRY has the user, the id and the terms. */
void remember_client_id(struct naive *n, const struct naive_client_id *entry,
	struct ident order);
/* PRICE 0: it only needs to have a reference. */
enum refusal check_band(const struct naive_instrument *ins, wide price);
/* The worst price of a market order, BEST being the best opposite one. */
wide collar_price(const struct instrument_terms *t, uint8_t side,
	wide best_price);
/* Whether the value of QUANTITY at PRICE, and a buy's hold, fit an int64. */
bool value_fits(uint8_t side, wide price, wide quantity, uint32_t maker_rate,
	uint32_t taker_rate);
/* The limits on the value of one order. */
enum refusal check_value(const struct naive *n, uint32_t user,
	const struct instrument_terms *t, wide value);
/* Whether the user may have MORE open orders. */
enum refusal check_open_orders(const struct naive *n, uint32_t user,
	int64_t more);

/* naive_orders.c */
enum refusal do_order_place(struct naive *n, const struct message *m);
/* Make DRAFT an order with a slot and an id. */
struct naive_order *accept_order(struct naive *n,
	const struct naive_order *draft);
void emit_opened(struct naive *n, const struct naive_order *o, const char *id,
	uint8_t length);

/* naive_pairs.c */
enum refusal do_order_oco(struct naive *n, const struct message *m);

/* naive_recall.c */
enum refusal do_order_cancel(struct naive *n, const struct message *m);
enum refusal do_order_cancel_all(struct naive *n, const struct message *m);
enum refusal do_order_amend(struct naive *n, const struct message *m);
/* Cancel the user's orders, newest first; INSTRUMENT_ANY and SIDE_BOTH: all. */
void cancel_all(struct naive *n, uint32_t user, uint16_t instrument,
	uint8_t side, enum close_reason reason);

/* naive_match.c */
struct naive_instrument *order_instrument(const struct naive *n,
	const struct naive_order *o);
/* The asset that an order of SIDE holds. */
uint16_t held_asset(const struct instrument_terms *terms, uint8_t side);
/* PRICE × QUANTITY in units of the quote asset; exact on tick and lot. */
wide notional(wide price, wide quantity);
/* N plus the dearer of both fees on it. */
wide with_fee(wide n, uint32_t maker_rate, uint32_t taker_rate);
struct naive_order *best(const struct naive_instrument *ins, uint8_t side);
bool crosses(const struct naive_order *taker, const struct naive_order *maker);
/* What the order must hold for its open part, by the rule of engine.h. */
wide hold_due(const struct naive_order *o);
/* Make the order's hold HOLD, out of or into what is available. */
void set_hold(struct naive *n, struct naive_order *o, wide hold);
struct balance *balance_of(const struct naive *n, uint32_t user,
	uint16_t asset);
void book_insert(struct naive *n, struct naive_order *o);
void book_remove(struct naive *n, struct naive_order *o);
void emit_level(struct naive *n, uint16_t instrument, uint8_t side,
	int64_t price);
/* Match O, which is not in the book; it then rests, or ends and is freed. */
void trade_and_rest(struct naive *n, struct naive_order *o);
/*
 * End O, which is freed; what it still holds becomes available.  The other
 * order of its pair then ends, too.
 */
void close_order(struct naive *n, struct naive_order *o,
	enum order_status status, enum close_reason reason);
/* The same for one that rests or waits, and the level that it leaves. */
void cancel_order(struct naive *n, struct naive_order *o,
	enum close_reason reason);
/* O has a fill, or has triggered: the other order of its pair ends. */
void dissolve_pair(struct naive *n, struct naive_order *o);

/* naive_stops.c.  Whether the numbers of C, a stop, are as they must be. */
enum refusal check_stop(const struct naive_instrument *ins,
	const struct cmd_order_place *c);
/* Of a stop that was checked: the parts of O that only a stop has. */
void make_stop(const struct naive_instrument *ins,
	const struct cmd_order_place *c, struct naive_order *o);
/*
 * What O, a stop that is to wait, holds and what it is worth; TOO_BIG, and
 * the limits on the value of one order.
 */
enum refusal check_stop_worth(const struct naive *n,
	const struct naive_order *o, wide *hold, wide *value);
enum refusal check_trailing_room(const struct naive *n,
	const struct naive_order *o);
/* Whether it triggers at last prices from its stop up, or down. */
bool is_rising(const struct naive_order *o);
/* The first to trigger of those that wait for a rise, or a fall; or NULL. */
struct naive_order *first_waiting(const struct naive *n, uint16_t instrument,
	bool rising);
/* The one to trigger next in the instrument, if its time has come. */
struct naive_order *due_stop(const struct naive *n, uint16_t instrument);
/* Trigger O, which then acts, and may be freed. */
void fire(struct naive *n, struct naive_order *o);
/* Let trailing stops follow the last price, if this command traded. */
void trail_stops(struct naive *n);

/* naive_tick.c */
enum refusal do_tick(struct naive *n, const struct message *m);
enum refusal do_cancel_after(struct naive *n, const struct message *m);
/* Whether any order rests or waits in it. */
bool has_live_orders(const struct naive *n, uint16_t instrument);
/* Cancel orders of an instrument that is delisted; how many. */
size_t cancel_delisted(struct naive *n, struct naive_instrument *ins);

/* naive_position.c.  Book one side of TRADE; OUT is the position after it. */
void book_buy(struct naive *n, uint32_t user, const struct ev_trade *trade,
	struct position *out);
void book_sell(struct naive *n, uint32_t user, const struct ev_trade *trade,
	struct position *out);
/* N, or the nearest int64. */
int64_t saturate(wide n);

/* naive_risk.c */
enum refusal do_risk_check(struct naive *n, const struct message *m);
enum refusal do_asset_rate(struct naive *n, const struct message *m);
int64_t equity_of(const struct naive *n, const struct naive_user *u);
/* Whether the user may not buy now. */
bool reduces_only(const struct naive *n, const struct naive_user *u);
/*
 * The limits on losses, then on positions, for a buy worth VALUE.  EXCEPT, if
 * any, is not counted among the user's open orders.
 */
enum refusal check_risk(const struct naive *n, uint32_t user,
	uint16_t instrument, wide value, const struct naive_order *except);
/* Look at a user's equity; what changed since BEFORE is told. */
void mark(struct naive *n, uint32_t user, struct naive_standing before);
/* Money came or went: the equity was BEFORE. */
void move_equity(struct naive *n, struct naive_user *u, int64_t before);
/* One of the limits on losses was set: a watch begins or ends. */
void limits_changed(struct naive *n, struct naive_user *u);
/* An operator lifted reduce-only. */
void reduce_lifted(struct naive *n, struct naive_user *u);
