/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * place.h - a new order on its way through the checks.  Private to
 * src/engine: place.c, pricing.c and pair.c.
 *
 * All checks come before the first change, in an order that is fixed: who,
 * what kind, whether it was done before, the numbers, the market, the limits,
 * and the money last.
 */
#pragma once

#include "engine/orders.h"

#define TRY_RULE(call)                                                         \
	do {                                                                   \
		enum refusal try_rule_ = (call);                               \
		if (__builtin_expect(try_rule_ != REFUSED_NONE, 0))            \
			return try_rule_;                                      \
	} while (0)

struct placing {
	struct engine *engine;
	const struct cmd_order_place *cmd;
	const struct cmd_order_oco *oco; /* what CMD is the limit order of */
	struct user *user;
	struct terms terms; /* its ticks are what it is reckoned at */
	const struct ladder *opposite;
	__int128 value; /* in quote units, for limits */
	int64_t hold;
	int64_t stop_ticks; /* where it begins to wait; 0: it does not */
	uint32_t slot;
	uint32_t pair; /* the other order's slot, or NONE */
	struct stop stop; /* only of a stop */
};

/* Not all zeros: it is on the way of every order. */
static inline void
placing_begin(struct placing *p, struct engine *engine,
	const struct cmd_order_place *cmd, const struct cmd_order_oco *oco)
{
	p->engine = engine;
	p->cmd = cmd;
	p->oco = oco;
	p->terms.lots = 0;
	p->terms.ticks = 0;
	p->terms.notional = 0;
	p->hold = 0;
	p->stop_ticks = 0;
	p->pair = NONE;
}

static inline bool
has_client_id(const struct cmd_order_place *cmd)
{
	return cmd->head.size > ORDER_PLACE_SHORT && cmd->client_id_length > 0;
}

static inline struct exposure
placing_exposure(const struct placing *p)
{
	return (struct exposure){
		.user = p->cmd->head.user,
		.instrument = p->cmd->instrument,
		.except = NONE,
		.value = p->value,
	};
}

/* ---- place.c ---- */

/*
 * Who, what kind, whether it was done before (then *DONE_SEQ says under which
 * sequence), and whether the market is open to him.
 */
enum refusal check_who(struct placing *p, uint64_t *done_seq);
/* Room for N more of his open orders. */
enum refusal check_open_orders(const struct placing *p, uint32_t n);
enum refusal check_available(const struct placing *p, int64_t hold);
/* A slot, and room for what its trades will touch. */
enum refusal take_slot(struct placing *p);
/* The order is there, and told; if it does not wait, match() is next. */
void open_order(struct placing *p);

/* ---- pricing.c ---- */

enum refusal check_form_limit(struct placing *p);
enum refusal check_form_market(struct placing *p);
enum refusal check_form_stop(struct placing *p);
/* What it is worth and must hold. */
enum refusal value_limit(struct placing *p);
/* Only while the other side is not empty. */
enum refusal value_market(struct placing *p);
enum refusal value_stop(struct placing *p);
