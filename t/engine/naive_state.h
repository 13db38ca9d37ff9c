/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_state.h - what the naive engine is made of; for its own files only.
 *
 *   naive.c         apply: intents, the record, questions
 *   naive_admin.c   assets, instruments, users, sessions, limits
 *   naive_money.c   deposits, withdrawals, corrections
 *   naive_orders.c  what an order must be to be accepted; cancel and amend
 *   naive_match.c   holds, fills, the book, and how orders end
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
#define cancel_resting naive_cancel_resting

struct naive_user {
	uint32_t number;
	uint32_t epoch;
	struct ident public_id;
	uint8_t role;
	uint8_t locked;
	uint8_t reduce_only;
	uint64_t last_seq;
	struct balance balances[ASSETS_MAX];
};

struct naive_order {
	struct ident id;
	uint32_t slot;
	uint32_t user;
	uint16_t instrument;
	uint8_t side;
	uint8_t type;
	uint8_t tif;
	uint8_t stp;
	uint8_t flags;
	bool resting;
	wide limit; /* its price, or the collar of a market order */
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
	struct cmd_order_place terms;
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

	unsigned n_assets;
	unsigned n_instruments;
	struct naive_instrument *instruments; /* INSTRUMENTS_MAX of them */
	wide house[4][ASSETS_MAX];

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
enum refusal do_tick(struct naive *n, const struct message *m);
enum refusal do_asset_set(struct naive *n, const struct message *m);
enum refusal do_instrument_set(struct naive *n, const struct message *m);
enum refusal do_reference_price(struct naive *n, const struct message *m);
enum refusal do_user_create(struct naive *n, const struct message *m);
enum refusal do_user_set(struct naive *n, const struct message *m);
enum refusal do_session_revoke(struct naive *n, const struct message *m);
enum refusal do_limit_set(struct naive *n, const struct message *m);

/* naive_money.c */
enum refusal do_deposit(struct naive *n, const struct message *m);
enum refusal do_withdraw_hold(struct naive *n, const struct message *m);
enum refusal do_withdraw_pay(struct naive *n, const struct message *m);
enum refusal do_withdraw_release(struct naive *n, const struct message *m);
enum refusal do_correction(struct naive *n, const struct message *m);

/* naive_orders.c */
enum refusal do_order_place(struct naive *n, const struct message *m);
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
/* End O, which is freed; what it still holds becomes available. */
void close_order(struct naive *n, struct naive_order *o,
	enum order_status status, enum close_reason reason);
/* The same for one that rests, and the level that it leaves. */
void cancel_resting(struct naive *n, struct naive_order *o,
	enum close_reason reason);
