/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * position.c - what users have of an instrument by trading; the rules are in
 * wire/event.h.
 */
#include "engine/owners.h"

bool
position_make(struct engine *engine, uint32_t user, uint16_t instrument)
{
	unsigned i = instrument / BLOCK_POSITIONS;
	uint32_t *block = i == 0 ? &engine->users[user].positions
				 : &engine->holdings[user].blocks[i];

	if (*block == NONE)
		/* Blocks are never given back, so there is no chain. */
		*block = pool_take(&engine->state->positions, NONE);
	if (*block == NONE)
		return false;
	if (i < 8)
		engine->users[user].trades_in |= (uint8_t)(1u << i);
	return true;
}

static int64_t
add_saturating(int64_t a, int64_t b)
{
	int64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* Each is written twice from a register, since copying the whole at once would
 * wait for the stores. */
static void
buy(struct position *p, const struct ev_trade *trade, struct position *after)
{
	if (p->quantity == 0)
		*p = (struct position){.id = trade->trade};
	after->id = p->id;
	after->quantity = p->quantity =
		add_saturating(p->quantity, trade->quantity);
	after->cost = p->cost = add_saturating(p->cost, trade->quote);
	after->bought = p->bought = add_saturating(p->bought, trade->quantity);
	after->bought_quote = p->bought_quote =
		add_saturating(p->bought_quote, trade->quote);
	after->realised = p->realised;
}

/* ceil(amount × part / whole), where PART is below WHOLE. */
static int64_t
share(int64_t amount, int64_t part, int64_t whole)
{
	int64_t product;

	if (!__builtin_mul_overflow(amount, part, &product) &&
		!__builtin_add_overflow(product, whole - 1, &product))
		return product / whole;
	return (int64_t)(((__int128)amount * part + whole - 1) / whole);
}

static void
sell(struct position *p, const struct ev_trade *trade, struct position *after)
{
	int64_t counted = p->quantity, removed = p->cost, proceeds;

	if (trade->quantity < counted) {
		counted = trade->quantity;
		removed = share(p->cost, counted, p->quantity);
	}
	proceeds = counted == trade->quantity
		? trade->quote
		: (int64_t)((__int128)trade->price * counted / DECIMAL_ONE);
	after->id = p->id;
	after->quantity = p->quantity -= counted;
	after->cost = p->cost -= removed;
	after->bought = p->bought;
	after->bought_quote = p->bought_quote;
	after->realised = p->realised =
		add_saturating(p->realised, proceeds - removed);
}

void
position_book(struct position *p, enum side side, const struct ev_trade *trade,
	struct position *after)
{
	if (side == SIDE_BUY)
		buy(p, trade, after);
	else if (p->quantity > 0)
		sell(p, trade, after);
	else
		*after = (struct position){.quantity = 0};
}
