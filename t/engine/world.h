/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * world.h - a small exchange for the rules tests, and a language for them.
 *
 * Four users (Ann, Bob, Cid, Dan) with 10,000 USD and 100 BTC each meet on
 * BTC/USD: tick 0.01, lot 0.001, maker 0.1 %, taker 0.2 %, collar 5 %, no
 * band, no minimum.  Numbers are given as text ("100.5") and a record is
 * compared as a story, one line an event:
 *
 *     opened bob buy 2 at 100 holds 200.4
 *     trade 1 at 100: ann made 0.1, bob took 0.2
 *     closed ann sell filled 1 of 1
 *     level sell 100: 0
 *     waiting cid sell 1 stop 95 at market holds 1
 *
 * Every rule runs twice: against the engine and against the naive one.
 */
#pragma once

#include "t/harness/suite.h"

#include "subject.h"

enum { ANN = 1, BOB, CID, DAN, EVE, NOBODY = 77 };
enum { USD, BTC, EUR };
#define BTC_USD 0

struct world {
	const struct subject *subject;
	void *it;
	int64_t now; /* of the next command */
	struct record *record; /* of the last that was applied */
	uint64_t done_seq;
	struct instrument_terms terms; /* of BTC/USD */
};

/* SUBJECT 0 or 1; OPTIONS may be NULL.  world_empty(): before any command. */
#define N_SUBJECTS 2
struct world *world_empty(int subject, const struct engine_options *options);
struct world *world_new(int subject);
struct world *world_with(int subject, const struct engine_options *options);
void world_free(struct world *w);

/* "12.5" as units; ends the test when it is no number. */
int64_t units(const char *text);

/*
 * Apply a command of this type and size.  The short names below do that for
 * one kind each.  All return the refusal, and keep the record when applied.
 */
enum refusal apply(struct world *w, uint16_t type, uint32_t user,
	void *command, size_t size);
#define APPLY(w, type, user, ...)                                              \
	apply((w), (type), (user), &(__VA_ARGS__), sizeof(__VA_ARGS__))

/* What an order asks for; NULL and 0 are the plain choice. */
struct ask {
	uint32_t user;
	enum side side;
	const char *quantity;
	const char *price; /* NULL: a market order */
	const char *budget;
	enum time_in_force tif;
	enum stp stp;
	uint8_t flags;
	const char *client_id;
	uint16_t instrument;
	/* 0: a limit or market order, as the price says. */
	enum order_type type;
	const char *stop;
	const char *trail;
	uint32_t trail_rate;
};
enum refusal place(struct world *w, struct ask ask);
/* PLACE(w, ANN, SIDE_BUY, "2", "100", .tif = TIF_IOC) */
#define PLACE(w, who, ...)                                                     \
	place((w), (struct ask){.user = (who), __VA_ARGS__})
/* The same; it must be accepted, and the id is that of its ORDER_OPENED. */
struct ident placed(struct world *w, struct ask ask);
#define PLACED(w, who, ...)                                                    \
	placed((w), (struct ask){.user = (who), __VA_ARGS__})

/* Two orders of which one cancels the other; STOP_LIMIT NULL: at market. */
struct pair_ask {
	uint32_t user;
	enum side side;
	const char *quantity;
	const char *price;
	const char *stop;
	const char *stop_limit;
	enum stp stp;
	const char *client_id;
};
enum refusal pair(struct world *w, struct pair_ask ask);
/* PAIR(w, ANN, SIDE_SELL, "1", "110", "90") */
#define PAIR(w, who, ...)                                                      \
	pair((w), (struct pair_ask){.user = (who), __VA_ARGS__})
/* Cid and Dan make this the last price. */
void trade_at(struct world *w, const char *price);
/* Whether a TICK is due at once; and one. */
bool is_due(struct world *w);
enum refusal tick(struct world *w);
enum refusal cancel_after(struct world *w, uint32_t user, int64_t after_us);
enum refusal risk_check(struct world *w, uint32_t user);
enum refusal asset_rate(struct world *w, uint16_t asset, const char *rate);

enum refusal cancel(struct world *w, uint32_t user, struct ident order);
enum refusal cancel_client(struct world *w, uint32_t user, const char *id);
enum refusal cancel_every(struct world *w, uint32_t user, uint16_t instrument,
	uint8_t side, bool by_operator);
/* PRICE or QUANTITY NULL: keep it. */
enum refusal amend(struct world *w, uint32_t user, struct ident order,
	const char *quantity, const char *price);
enum refusal deposit(struct world *w, uint32_t user, uint16_t asset,
	int64_t amount, struct ident intent);
enum refusal correct(struct world *w, uint32_t user, uint16_t asset,
	int64_t amount);
enum refusal withdraw(struct world *w, uint32_t user, uint16_t asset,
	int64_t amount, struct ident id);
/* TYPE is CMD_WITHDRAW_PAY or CMD_WITHDRAW_RELEASE. */
enum refusal withdraw_end(struct world *w, uint16_t type, uint32_t user,
	struct ident id, struct ident intent);
enum refusal user_set(struct world *w, uint32_t user, struct cmd_user_set c);
enum refusal limit_set(struct world *w, uint32_t user, uint16_t instrument,
	uint8_t type, int64_t value);
/* New terms of BTC/USD: change w->terms, then say so. */
enum refusal set_terms(struct world *w);
enum refusal reference_price(struct world *w, const char *price);

/* The last record as its story, and whether it is this one. */
void check_story(struct world *w, const char *want, const char *file, int line);
#define STORY(w, want) check_story((w), (want), __FILE__, __LINE__)
/* What a user has of an asset. */
void check_has(struct world *w, uint32_t user, uint16_t asset,
	const char *available, const char *held, const char *file, int line);
#define HAS(w, user, asset, available, held)                                   \
	check_has((w), (user), (asset), (available), (held), __FILE__, __LINE__)
/* What a trade says of a position: "2 for 200, bought 2 for 200, made 0". */
void check_position(const struct position *p, const char *want,
	const char *file, int line);
#define POSITION(p, want) check_position((p), (want), __FILE__, __LINE__)
/* The refusal is REFUSED_name. */
#define REFUSED(want, expression)                                              \
	ck_assert_str_eq(refusal_row(expression)->name, #want)
#define DONE(expression) REFUSED(NONE, expression)

/* The INDEX-th event of TYPE of the last record; it must be there. */
const void *event(struct world *w, uint16_t type, unsigned index);

/* A version 7 UUID, MS from now, told from others by NUMBER. */
struct ident intent_at(const struct world *w, int64_t ms, uint16_t number);
