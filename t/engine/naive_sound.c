/* SPDX-License-Identifier: AGPL-3.0-or-later */
/*
 * naive_sound.c - what must be so, whatever was done.
 *
 * The naive engine is plain, not infallible: two that make the same mistake
 * agree.
 */
#include "naive_state.h"

#include <stdarg.h>
#include <stdio.h>

struct sayer {
	char *why;
	size_t size;
};

/* Always false, for "return wrong(…)". */
static bool PRINTF_LIKE(2, 3)
wrong(const struct sayer *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->why, s->size, format, args);
	va_end(args);
	return false;
}

/* ---- Money --------------------------------------------------------------- */

static bool
asset_is_sound(const struct naive *n, unsigned asset, const struct sayer *s)
{
	wide sum = 0;
	size_t i;

	for (i = ACCOUNT_FEES; i <= ACCOUNT_CORRECTIONS; i++)
		sum += n->house[i][asset];
	for (i = 0; i < n->n_users; i++) {
		const struct balance *b = &n->users[i].balances[asset];

		if (b->available < 0 || b->held < 0)
			return wrong(s, "user %u has less than nothing of "
					"asset %u", n->users[i].number, asset);
		sum += (wide)b->available + b->held;
	}
	return sum == 0 || wrong(s, "asset %u does not sum to zero", asset);
}

static bool
holds_are_sound(const struct naive *n, const struct naive_user *u,
	const struct sayer *s)
{
	wide held[ASSETS_MAX] = {0};
	size_t i;

	for (i = 0; i < n->n_orders; i++) {
		const struct naive_order *o = n->orders[i];

		if (o->user == u->number)
			held[held_asset(&order_instrument(n, o)->terms,
				o->side)] += o->hold;
	}
	for (i = 0; i < n->n_withdrawals; i++)
		if (n->withdrawals[i].user == u->number)
			held[n->withdrawals[i].asset] += n->withdrawals[i].amount;
	for (i = 0; i < n->n_assets; i++)
		if (held[i] != u->balances[i].held)
			return wrong(s, "user %u holds of asset %zu something "
					"for nothing", u->number, i);
	return true;
}

/* ---- Orders -------------------------------------------------------------- */

static bool
pair_is_sound(const struct naive_order *o)
{
	const struct naive_order *other = o->pair;

	return other->pair == o && other != o && other->user == o->user &&
		other->instrument == o->instrument && other->side == o->side &&
		other->waiting != o->waiting && o->filled == 0 &&
		o->quantity == other->quantity &&
		o->type == (o->waiting ? TYPE_STOP_LOSS : TYPE_LIMIT);
}

static bool
trailing_is_sound(const struct naive *n, const struct naive_order *o)
{
	const struct naive_instrument *ins = order_instrument(n, o);

	if (o->stop % ins->terms.tick != 0 || o->stop <= 0)
		return false;
	return o->side == SIDE_SELL
		? ins->last_price <= o->peak && o->stop <= o->peak
		: ins->last_price >= o->peak && o->stop >= o->peak;
}

static bool
order_is_sound(const struct naive *n, const struct naive_order *o,
	const struct sayer *s)
{
	if (o->resting == o->waiting)
		return wrong(s, "an order of user %u neither rests nor waits",
			o->user);
	if (o->quantity <= o->filled || o->budget != 0)
		return wrong(s, "an order of user %u has nothing open",
			o->user);
	if (o->pair && !pair_is_sound(o))
		return wrong(s, "an order of user %u is half a pair", o->user);
	if (o->waiting && o->type == TYPE_TRAILING_STOP &&
		!trailing_is_sound(n, o))
		return wrong(s, "a stop of user %u does not trail", o->user);
	if (o->resting && (o->acts != TYPE_LIMIT || o->tif != TIF_GTC))
		return wrong(s, "an order of user %u should not rest", o->user);
	if (find_user(n, o->user)->locked)
		return wrong(s, "user %u is locked and has orders", o->user);
	return true;
}

static bool
book_is_sound(const struct naive *n, unsigned i, const struct sayer *s)
{
	const struct naive_instrument *ins = &n->instruments[i];
	const struct naive_order *bid = best(ins, SIDE_BUY);
	const struct naive_order *ask = best(ins, SIDE_SELL);

	if (bid && ask && bid->limit >= ask->limit)
		return wrong(s, "the book of instrument %u is crossed", i);
	if (due_stop(n, (uint16_t)i) && naive_deadline_us(n) > n->time_us)
		return wrong(s, "instrument %u has a due stop and no deadline",
			i);
	return true;
}

/* ---- Users --------------------------------------------------------------- */

static bool
user_is_sound(const struct naive *n, const struct naive_user *u,
	const struct sayer *s)
{
	const struct naive_standing *st = &u->standing;
	size_t i;

	for (i = 0; i < INSTRUMENTS_MAX; i++) {
		const struct position *p = &u->positions[i];

		if (p->quantity < 0 || p->cost < 0 ||
			(p->quantity == 0) != ident_is_none(p->id))
			return wrong(s, "user %u has an odd position of "
					"instrument %zu", u->number, i);
		if (p->quantity > p->bought || p->cost > p->bought_quote)
			return wrong(s, "user %u has more of instrument %zu "
					"than he bought", u->number, i);
	}
	if (st->reduce_only == REDUCE_RISK && !st->watched)
		return wrong(s, "user %u is reduced by nobody", u->number);
	if (st->peak < 0)
		return wrong(s, "the peak of user %u is below zero", u->number);
	if (u->due_us != 0 && naive_deadline_us(n) > u->due_us &&
		naive_deadline_us(n) > n->time_us)
		return wrong(s, "the switch of user %u has no deadline",
			u->number);
	return holds_are_sound(n, u, s);
}

bool
naive_sound(const struct naive *n, char *why, size_t size)
{
	const struct sayer s = {why, size};
	size_t i;

	for (i = 0; i < n->n_assets; i++)
		if (!asset_is_sound(n, (unsigned)i, &s))
			return false;
	for (i = 0; i < n->n_orders; i++)
		if (!order_is_sound(n, n->orders[i], &s))
			return false;
	for (i = 0; i < n->n_instruments; i++)
		if (!book_is_sound(n, (unsigned)i, &s))
			return false;
	for (i = 0; i < n->n_users; i++)
		if (!user_is_sound(n, &n->users[i], &s))
			return false;
	return true;
}
