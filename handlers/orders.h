/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * orders.h - what the order sections of all editions have in common.
 *
 * The words are in small letters, as three of the documents have them; a body
 * may have them in any case (FIELD_WORD).
 */
#pragma once

#include "domain/order.h"
#include "http/request.h"
#include "json/reply.h"

#define ORDER_SYMBOL_MAX 32
#define ORDER_EXCHANGE_MAX 32

extern const struct word order_sides[];
extern const struct word order_types[];
extern const struct word order_tifs[];
/* Whose rest goes when an order meets another of its own user. */
extern const struct word order_stps[];

/* The word for VALUE; NULL when there is none. */
const char *order_word(const struct word *words, int value);

/* Why an order ended, in a word; NULL while it has not. */
const char *order_reason_word(enum close_reason reason);

/* ST_INVALID unless EXCHANGE (or NULL) is the house's own book. */
enum status order_exchange_is_ours(struct ctx *ctx,
	const char *exchange) MUST_USE;

/* ---- Placing ------------------------------------------------------------- */

/* A body that is an order. */
struct order_in {
	const char *symbol;
	const char *exchange;
	enum side side;
	int type; /* enum order_type, or WORD_NONE: a price makes it a limit */
	struct decimal quantity;
	struct decimal price;
	struct decimal stop_price;
	struct decimal trail;
	struct decimal trail_percent;
	enum time_in_force time_in_force;
	struct ident strategy_id;
	struct ident bot_id;
	const char *client_order_id;
	bool post_only;
	enum stp self_trade_prevention;
};

/* TYPE_NAME is the document's word for the type. */
#define ORDER_FIELDS(type_need, type_name)                                     \
	FIELD_TEXT(order_in, symbol, REQUIRED, 1, ORDER_SYMBOL_MAX),           \
		FIELD_TEXT(order_in, exchange, OPTIONAL, 1,                    \
			ORDER_EXCHANGE_MAX),                                   \
		FIELD_WORD(order_in, side, REQUIRED, 0, order_sides),          \
		FIELD_WORD(order_in, type, type_need, WORD_NONE, order_types), \
		FIELD_SPELLED(type_name),                                      \
		FIELD_DEC(order_in, quantity, REQUIRED),                       \
		FIELD_DEC(order_in, price, OPTIONAL),                          \
		FIELD_DEC(order_in, stop_price, OPTIONAL),                     \
		FIELD_DEC(order_in, trail, OPTIONAL),                          \
		FIELD_DEC(order_in, trail_percent, OPTIONAL),                  \
		FIELD_WORD(order_in, time_in_force, OPTIONAL, TIF_GTC,         \
			order_tifs),                                           \
		FIELD_ID(order_in, strategy_id, OPTIONAL),                     \
		FIELD_ID(order_in, bot_id, OPTIONAL),                          \
		FIELD_TEXT(order_in, client_order_id, OPTIONAL, 1,             \
			CLIENT_ID_MAX),                                        \
		FIELD_BOOL(order_in, post_only, OPTIONAL),                     \
		FIELD_WORD(order_in, self_trade_prevention, OPTIONAL,          \
			STP_TAKER, order_stps),                                \
		FIELD_END

/* Place the request's body, a struct order_in. */
enum status order_in_place(struct req *req,
	struct order_receipt *out) MUST_USE;

/* A body that changes one; what is absent stays. */
struct order_change_in {
	struct decimal quantity;
	struct decimal price;
};
extern const struct shape order_change_shape;

/* ---- Listing ------------------------------------------------------------- */

/* What the documents' status words choose among. */
enum order_shown {
	SHOWN_ANY,
	SHOWN_LIVE,      /* in the book, or waiting */
	SHOWN_UNTOUCHED, /* of these, what nothing was filled of */
	SHOWN_PARTLY,    /* and what something was */
	SHOWN_WAITING,
	SHOWN_FILLED,
	SHOWN_CANCELLED,
	SHOWN_NEVER      /* a document's word that nothing here is */
};

struct order_list_in {
	const char *symbol;
	enum order_shown status;
	struct ident strategy_id;
	struct ident bot_id;
	const char *client_order_id; /* that one alone, whatever else is asked */
	int64_t limit;
	int64_t offset;
};

#define ORDER_LIST_FIELDS(words)                                               \
	FIELD_TEXT(order_list_in, symbol, OPTIONAL, 1, ORDER_SYMBOL_MAX),      \
		FIELD_WORD(order_list_in, status, OPTIONAL, SHOWN_ANY, words), \
		FIELD_ID(order_list_in, strategy_id, OPTIONAL),                \
		FIELD_ID(order_list_in, bot_id, OPTIONAL),                     \
		FIELD_TEXT(order_list_in, client_order_id, OPTIONAL, 1,        \
			CLIENT_ID_MAX),                                        \
		FIELD_INT_OR(order_list_in, limit, OPTIONAL, 50, 1, 100),      \
		FIELD_INT(order_list_in, offset, OPTIONAL, 0, INT32_MAX),      \
		FIELD_END

/* How a document shows an order: into the object that is open in the reply. */
typedef void order_writer(struct req *req, const struct order *order);

/*
 * Answer what the request's query, a struct order_list_in, asks for: the rows
 * under KEY, and behind them the page (total, limit, offset).
 */
enum status order_reply_list(struct req *req, const char *key,
	order_writer *write) MUST_USE;

/* Answer with the one whose id stands in the path as PARAM. */
enum status order_reply_one(struct req *req, const char *param,
	order_writer *write) MUST_USE;
